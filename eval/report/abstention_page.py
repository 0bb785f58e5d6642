"""The page of where the line between answering and abstaining lies."""

from __future__ import annotations

import math

from eval.abstaining import Abstaining, Line
from eval.abstaining_table import failures_in_words, heading, notes, risks, shares, threshold_in_words
from eval.report import plots
from eval.report.markup import document, esc, table
from eval.statistics import Share
from eval.table import in_unit, interval_in_unit

_HEAD = ["refused of the unanswerable", "refused of the answerable", "right paper, if answered"]


def abstention_page(found: Abstaining) -> str:
    title = f"Answer or abstain: {heading(found)}"
    said = "".join(f"<p>{esc(one)}</p>" for one in notes(found))
    curves = "".join(plots.risk(one, words[:1].upper() + words[1:]) for words, one in risks(found))
    wrong = "".join(f"<li>{esc(one)}</li>" for one in failures_in_words(found)) or "<li>none</li>"
    by_tag = table(
        ["kind", *_HEAD],
        [[esc(tag), *map(_cell, shares(one))] for tag, one in found.by_tag.items()],
        caption="By kind of question, as it is",
    )
    body = f"""
<header><h1>{esc(title)}</h1>{said}</header>
<main>
<section aria-labelledby="figures-h"><h2 id="figures-h">As it is</h2>{_figures(found.shipped)}</section>
<section aria-labelledby="plots-h"><h2 id="plots-h">Plots</h2>
<div class="plots">{curves}{plots.refusals(_steps(found), found.shipped.threshold)}</div></section>
<section aria-labelledby="lines-h"><h2 id="lines-h">Other thresholds</h2>{_lines(found)}</section>
<section aria-labelledby="kinds-h"><h2 id="kinds-h">Kinds</h2>{by_tag}</section>
<section aria-labelledby="wrong-h"><h2 id="wrong-h">Answered or refused wrongly, as it is</h2><ul>{wrong}</ul></section>
</main>"""
    return document(title, body)


def _figures(shipped: Line) -> str:
    rows = [
        [esc(one.words), in_unit(one.share, "share"), interval_in_unit(one.interval, "share"), _bar(one), f"{one.n}"]
        for one in shares(shipped)
    ]
    return table(
        ["", "share", "95 % interval", "", "questions"],
        rows,
        caption="What is refused, and what is right",
        css="figures",
    )


def _lines(found: Abstaining) -> str:
    def name(one: Line) -> str:
        words = threshold_in_words(one.threshold)
        return f"<strong>{words}, as it is</strong>" if one.threshold == found.shipped.threshold else words

    rows = [[name(one), *map(_cell, shares(one))] for one in found.lines]
    return table(["threshold (log-odds)", *_HEAD], rows, caption="What each threshold does")


def _steps(found: Abstaining) -> list[tuple[float, float | None, float | None]]:
    return [
        (one.threshold, one.refused_rightly.share, one.refused_wrongly.share)
        for one in found.lines
        if not math.isinf(one.threshold)
    ]


def _cell(one: Share) -> str:
    if one.share is None:
        return "–"
    ends = interval_in_unit(one.interval, "share")
    return f'{in_unit(one.share, "share")} <span class="dim">({ends}; {one.n_true}/{one.n})</span>'


def _bar(one: Share) -> str:
    return plots.range_bar(one.share, one.interval) if one.share is not None else ""
