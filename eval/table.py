"""Figures as text for a terminal and as JSON for machines."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from eval.measures import (
    ABSTENTION,
    DETAIL,
    FACT,
    FAITHFULNESS,
    FALSE_REFUSAL,
    HEADLINE,
    JUDGED,
    RIGHT_PAPER,
    WRITTEN,
    Figure,
    citations,
    cites_answer,
    fault,
    shown_verdicts,
)
from eval.measures.measure import Unit
from eval.runs.records import Record, Run
from eval.scores import Scores, figures_as_json, missed, pair, scores_as_json
from eval.sentences import Ranking
from eval.statistics import Interval, Share
from rag.terminal import one_line

WIDTH = 118

SHORT = {
    RIGHT_PAPER.name: "paper",
    FACT.name: "fact",
    ABSTENTION.name: "abstained",
    FALSE_REFUSAL.name: "refused",
    FAITHFULNESS.name: "faithful",
}
"""Names for narrow columns."""


def cut(text: str, width: int = WIDTH) -> str:
    """Text from outside on one line of at most ``width`` characters, nothing in it that a terminal obeys."""
    plain = one_line(text)
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def scores_as_text(scores: Scores, *, by_tag: bool = False, failures: bool = False) -> str:
    """The table of a run; ``by_tag`` adds one row a tag, ``failures`` two lines for each missed question."""
    records = scores.run.records
    lines = [_heading(scores.run), "", f"{'':34} {'mean':>7}   {'95 % interval':<18} {'scored':>9}   target"]
    for title, names in groups(scores):
        lines += [title] if title else []
        lines += [_row(one) for one in (*scores.figures, *scores.times) if one.measure.name in names]
        lines.append("")
    lines += _notes(scores)
    lines += ["beside it, with the same sources", *_baseline_rows(scores)]
    if by_tag:
        lines += ["", *_tag_rows(scores)]
    if failures:
        lines += ["", *_failure_lines(records)]
    return "\n".join(lines)


def groups(scores: Scores) -> list[tuple[str, tuple[str, ...]]]:
    """The names of the measures in groups with their headings, in the order of the tables."""
    headline = tuple(one.name for one in (*HEADLINE, *WRITTEN))
    judged = tuple(one.name for one in JUDGED)
    detail = tuple(one.name for one in DETAIL)
    times = tuple(one.measure.name for one in scores.times)
    rest = tuple(one.measure.name for one in scores.figures if one.measure.name not in (*headline, *judged, *detail))
    judge = scores.run.about["settings"].get("judge")
    found = [("", headline), (f"claims, judged by '{judge}'", judged), ("where misses come from", detail)]
    return [one for one in [*found, ("more", (*rest, *times))] if one[0] == "" or judge or one[1] is not judged]


def run_as_json(scores: Scores) -> dict[str, Any]:
    """The same figures with the run they are of, every tag, and every missed question."""
    return {
        "run": dict(scores.run.about),
        "n_questions": len(scores.run.records),
        **scores_as_json(scores),
        "times": figures_as_json(scores.times),
        "stopped": scores.run.stopped,
        "seconds": round(sum(record.seconds for record in scores.run.records), 3),
    }


def rankings_as_text(figures: Sequence[Share]) -> str:
    lines = [f"{'':34} {'share':>7}   {'95 % interval':<16} {'count':>9}"]
    lines += [f"{one.words:34} {share_columns(one)}" for one in figures]
    return "\n".join(lines)


def ranking_failures_as_text(rankings: Sequence[Ranking]) -> str:
    """Two lines for each question whose answering sentence is not first."""
    lines = []
    for one in rankings:
        if one.rank == 1:
            continue
        place = f"rank {one.rank}" if one.rank else ("not ranked" if one.is_found else "paper not found")
        lines += [
            cut(f"{one.question.question_id} ({place}): {one.question.question}"),
            "    " + cut(f"first: {one.first}", WIDTH - 4),
        ]
    return "\n".join(lines)


def rankings_as_json(figures: Sequence[Share], rankings: Sequence[Ranking]) -> dict[str, Any]:
    return {
        "figures": [
            {"words": one.words, "share": one.share, "n_true": one.n_true, "n": one.n, "interval": pair(one.interval)}
            for one in figures
        ],
        "ranks": {one.question.question_id: one.rank for one in rankings},
    }


def share_columns(one: Share) -> str:
    if one.share is None:
        return f"{'–':>7}   {'':<16} {'0':>9}"
    ends = interval_in_unit(one.interval, "share")
    return f"{in_unit(one.share, 'share'):>7}   {ends:<16} {f'{one.n_true}/{one.n}':>9}"


def in_unit(value: float | None, unit: Unit) -> str:
    """The value as tables write it: 97.5 %, 1.24 s, 38 words, $ 0.00012."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "seconds":
        return f"{value:.2f} s"
    return f"$ {value:.5f}" if unit == "dollars" else f"{value:.1f}"


def interval_in_unit(interval: Interval | None, unit: Unit) -> str:
    if interval is None:
        return ""
    if unit == "share":
        return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
    digits = {"seconds": 2, "dollars": 5}.get(unit, 1)
    return f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"


def target_in_words(one: Figure) -> str:
    if one.measure.target is None:
        return ""
    sign = "≥" if one.measure.is_good else "≤"
    verdict = {True: "met", False: "missed", None: "nothing to measure"}[one.meets_target]
    return f"{sign} {100 * one.measure.target:.0f} %  {verdict}"


def _heading(run: Run) -> str:
    model = run.about["settings"]["model"]
    papers = {paper_id for record in run.records for paper_id in record.question.relevant}
    repeats = run.about["settings"]["repeats"]
    parts = [
        f"{run.about['questions']['count']} questions about {len(papers)} of {run.about['corpus']['papers']} papers"
        + (f", {repeats} times each" if repeats > 1 else ""),
        cut(str(run.about["system"])) if run.about["system"] != "footnoted" else "",
        "quoting mode" if model is None else cut(str(model["name"])),
    ]
    times = [record.seconds for record in run.records if not record.is_cached and record.seconds]
    if times:
        parts.append(f"{sum(times):.1f} s, median {1000 * statistics.median(times):.0f} ms a question")
    return " · ".join(part for part in parts if part)


def _notes(scores: Scores) -> Iterator[str]:
    """What has to be known before a figure is believed."""
    records = scores.run.records
    if scores.n_unscored:
        what = "1 answer" if scores.n_unscored == 1 else f"{scores.n_unscored} answers"
        yield f"{what} of {len(records)} cannot be scored. Without them above; with all of them wrong, or all right:"
        for one in scores.figures:
            if one.n_unscored and one.bounds is not None and one.measure.name in SHORT:
                low, high = (in_unit(end, "share") for end in (one.bounds.low, one.bounds.high))
                yield f"  {one.measure.words:34} between {low} and {high}"
        yield ""
    if scores.n_unjudged:
        first = next(one.judged.error for one in records if one.judged is not None and one.judged.error)
        yield cut(f"{scores.n_unjudged} answers could not be judged; the first: {first}")
        yield ""
    if scores.run.about["settings"]["model"] is not None and (verdicts := shown_verdicts(records)):
        counts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
        yield cut(f"{'sentences shown':34} {verdicts.total():>7}   {counts}")
    if scores.risk is not None:
        ends = interval_in_unit(scores.risk.interval, "share")
        yield (
            f"{'risk-coverage area':34} {in_unit(scores.risk.area, 'share'):>7}   {ends:<18} {scores.risk.n:>9}   "
            f"an order that means nothing: {in_unit(scores.risk.share_wrong, 'share')}"
        )
    if scores.corrected is not None and scores.rates is not None:
        known = scores.corrected
        yield (
            f"{'own words supported, corrected':34} {in_unit(known.share, 'share'):>7}   "
            f"{interval_in_unit(known.interval, 'share'):<18} {'':>9}   the judge passes "
            f"{in_unit(scores.rates.sensitivity, 'share')} of true claims, flags "
            f"{in_unit(scores.rates.specificity, 'share')} of false ones"
        )
    if scores.by_people is not None:
        known = scores.by_people
        ends = interval_in_unit(known.interval, "share")
        yield f"{'claims supported, with labels':34} {in_unit(known.share, 'share'):>7}   {ends:<18}"
    if scores.repeatability:
        yield "how often two repeats of a question differ"
        for again in scores.repeatability:
            if again.measure.name in SHORT:
                flips = in_unit(again.flips, "share")
                yield f"  {again.measure.words:32} {flips:>7}   {again.n_flipped} of {again.n} questions"
    elif scores.run.about["settings"]["model"] is not None:
        yield "Every question was asked once: how far scores move by themselves is not known; --repeats 3 measures it."
    yield ""


def _baseline_rows(scores: Scores) -> Iterator[str]:
    names = [one.measure for one in scores.figures if one.measure.name in SHORT]
    yield f"{'':34}" + "".join(f" {SHORT[measure.name]:>11}" for measure in names)
    rows = {"this": scores.figures, **scores.baselines}
    for name, figures in rows.items():
        cells = {one.measure.name: in_unit(one.mean, "share") for one in figures}
        yield f"{cut(name, 34):34}" + "".join(f" {cells[measure.name]:>11}" for measure in names)


def _row(one: Figure) -> str:
    target = target_in_words(one)
    return f"{one.measure.words:34} {_columns(one)}" + (f"   {target}" if target else "")


def _columns(one: Figure) -> str:
    if one.mean is None:
        return f"{'–':>7}   {'':<18} {'0':>9}"
    unit = one.measure.unit
    is_count = unit == "share" and float(one.total).is_integer() and not one.measure.name.startswith("reference")
    count = f"{one.total:.0f}/{one.n_scored}" if is_count else str(one.n_scored)
    return f"{in_unit(one.mean, unit):>7}   {interval_in_unit(one.interval, unit):<18} {count:>9}"


def _tag_rows(scores: Scores) -> Iterator[str]:
    first = next(iter(scores.by_tag.values()), ())
    yield f"{'by tag':20} {'asked':>6}" + "".join(f" {SHORT[one.measure.name]:>17}" for one in first)
    for tag, figures in scores.by_tag.items():
        n = sum(tag in record.question.tags for record in scores.run.records)
        cells = [
            f"{in_unit(one.mean, 'share')} {f'{one.total:.0f}/{one.n_scored}':>8}" if one.mean is not None else "–"
            for one in figures
        ]
        yield f"{cut(tag, 20):20} {n:>6}" + "".join(f" {cell:>17}" for cell in cells)


def _failure_lines(records: Sequence[Record]) -> Iterator[str]:
    faults = [(record, kind) for record in records if (kind := fault(record)) is not None]
    counts = {kind: sum(other == kind for _, other in faults) for _, kind in faults}
    summary = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items(), key=lambda item: -item[1]))
    yield f"{len(faults)} questions missed something" + (f": {summary}" if summary else "")
    for record, kind in faults:
        question = record.question
        names = ", ".join(SHORT[name] for name in missed(record))
        label = f"{question.question_id} ({kind}{f'; {names}' if names else ''})"
        yield cut(f"{label}: {question.question}")
        yield "    " + cut(what_came(record), WIDTH - 4)


def what_came(record: Record) -> str:
    """In one line, why a missed question was missed."""
    question, answer = record.question, record.answer
    if not record.is_scorable or answer is None:
        return f"error: {record.failure}"
    if answer["outcome"] == "abstained":
        nearest = answer["sources"][0]["title"] if answer["sources"] else "nothing"
        return f"abstained ({answer['reason']}); found first: {nearest}"
    cited = citations(answer)
    if not cited:
        return "answered without a citation"
    if question.relevant and cited[0]["paper_id"] not in question.relevant:
        return f"cited first: {cited[0]['title'] or 'no source'}: {cited[0]['quote']}"
    if question.evidence and not cites_answer(question, answer):
        return f"not quoted: {question.evidence[0]}"
    if question.answerable:
        return f"not matched: {' & '.join(question.must)} in: {cited[0]['quote']}"
    return f"quoted: {cited[0]['quote']}"
