"""Figures as text for a terminal and as JSON for machines."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from eval.measures import (
    ABSTENTION,
    DETAIL,
    FACT,
    FALSE_REFUSAL,
    HEADLINE,
    RIGHT_PAPER,
    Figure,
    citations,
    cites_answer,
    fault,
    figure,
    score,
)
from eval.records import Record
from eval.runner import Run
from eval.sentences import Ranking, RankingFigure
from eval.statistics import Interval
from rag.terminal import one_line

WIDTH = 118

_SHORT = {RIGHT_PAPER.name: "paper", FACT.name: "fact", ABSTENTION.name: "abstained", FALSE_REFUSAL.name: "refused"}


def cut(text: str, width: int = WIDTH) -> str:
    """Text from outside on one line of at most ``width`` characters, nothing in it that a terminal obeys."""
    plain = one_line(text)
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def run_as_text(run: Run, *, by_tag: bool = False, failures: bool = False) -> str:
    """The table of a run; ``by_tag`` adds one row a tag, ``failures`` two lines for each missed question."""
    lines = [_heading(run), "", f"{'':34} {'share':>7}   {'95 % interval':<16} {'count':>9}   target"]
    lines += [_row(figure(measure, run.records)) for measure in HEADLINE]
    lines += ["", "where misses come from"]
    lines += [_row(figure(measure, run.records)) for measure in DETAIL]
    n_unscored = sum(not record.is_scorable for record in run.records)
    if n_unscored:
        what = "1 question got" if n_unscored == 1 else f"{n_unscored} questions got"
        lines += ["", f"{what} no answer that can be scored. Without them above; with all of them wrong, or all right:"]
        lines += [
            f"  {one.measure.words:34} between {_percent(one.bounds.low)} and {_percent(one.bounds.high)}"
            for one in (figure(measure, run.records) for measure in HEADLINE)
            if one.n_unscored and one.bounds is not None
        ]
    if by_tag:
        lines += ["", *_tag_rows(run.records)]
    if failures:
        lines += ["", *_failure_lines(run.records)]
    return "\n".join(lines)


def run_as_json(run: Run) -> dict[str, Any]:
    """The same figures with the run they are of, every tag, and every missed question."""
    return {
        "run": dict(run.about),
        "n_questions": len(run.records),
        "n_unscored": sum(not record.is_scorable for record in run.records),
        "figures": _figures_as_json(run.records),
        "by_tag": {tag: _figures_as_json(own) for tag, own in _tags(run.records)},
        "failures": [
            {
                "id": record.question.question_id,
                "question": record.question.question,
                "fault": kind,
                "missed": _missed(record),
                "outcome": record.answer["outcome"] if record.answer is not None else None,
                "error": record.failure,
            }
            for record in run.records
            if (kind := fault(record)) is not None
        ],
        "seconds": round(sum(record.seconds for record in run.records), 3),
    }


def rankings_as_text(figures: Sequence[RankingFigure]) -> str:
    lines = [f"{'':34} {'share':>7}   {'95 % interval':<16} {'count':>9}"]
    lines += [f"{one.words:34} {_columns(one.share, one.interval, one.n_true, one.n)}" for one in figures]
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


def rankings_as_json(figures: Sequence[RankingFigure], rankings: Sequence[Ranking]) -> dict[str, Any]:
    return {
        "figures": [
            {"words": one.words, "share": one.share, "n_true": one.n_true, "n": one.n, "interval": _pair(one.interval)}
            for one in figures
        ],
        "ranks": {one.question.question_id: one.rank for one in rankings},
    }


def _heading(run: Run) -> str:
    model = run.about["settings"]["model"]
    papers = {paper_id for record in run.records for paper_id in record.question.relevant}
    parts = [
        f"{len(run.records)} questions about {len(papers)} of {run.about['corpus']['papers']} papers",
        "quoting mode" if model is None else cut(str(model["name"])),
    ]
    if run.records:
        median = statistics.median(record.seconds for record in run.records)
        parts.append(f"{sum(record.seconds for record in run.records):.1f} s, median {1000 * median:.0f} ms a question")
    return " · ".join(parts)


def _row(one: Figure) -> str:
    row = f"{one.measure.words:34} {_columns(one.share, one.interval, one.n_true, one.n_scored)}"
    if one.measure.target is None:
        return row
    sign = "≥" if one.measure.is_good else "≤"
    verdict = {True: "met", False: "missed", None: "nothing to measure"}[one.meets_target]
    return f"{row}   {sign} {100 * one.measure.target:.0f} %  {verdict}"


def _columns(share: float | None, interval: Interval | None, n_true: int, n: int) -> str:
    if share is None or interval is None:
        return f"{'–':>7}   {'':<16} {'0':>9}"
    ends = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
    return f"{_percent(share):>7}   {ends:<16} {f'{n_true}/{n}':>9}"


def _tag_rows(records: Sequence[Record]) -> Iterator[str]:
    yield f"{'by tag':20} {'asked':>6}" + "".join(f" {_SHORT[measure.name]:>17}" for measure in HEADLINE)
    for tag, own in _tags(records):
        cells = []
        for measure in HEADLINE:
            one = figure(measure, own)
            cells.append(f"{_percent(one.share)} {f'{one.n_true}/{one.n_scored}':>8}" if one.share is not None else "–")
        yield f"{cut(tag, 20):20} {len(own):>6}" + "".join(f" {cell:>17}" for cell in cells)


def _tags(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Every tag with its records, in the order in which the tags first come."""
    tags = dict.fromkeys(tag for record in records for tag in record.question.tags)
    return [(tag, [record for record in records if tag in record.question.tags]) for tag in tags]


def _failure_lines(records: Sequence[Record]) -> Iterator[str]:
    faults = [(record, kind) for record in records if (kind := fault(record)) is not None]
    counts = {kind: sum(other == kind for _, other in faults) for _, kind in faults}
    summary = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items(), key=lambda item: -item[1]))
    yield f"{len(faults)} questions missed something" + (f": {summary}" if summary else "")
    for record, kind in faults:
        question = record.question
        missed = ", ".join(_SHORT[name] for name in _missed(record))
        label = f"{question.question_id} ({kind}{f'; {missed}' if missed else ''})"
        yield cut(f"{label}: {question.question}")
        yield "    " + cut(_what_came(record), WIDTH - 4)


def _what_came(record: Record) -> str:
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


def _missed(record: Record) -> list[str]:
    return [measure.name for measure in HEADLINE if score(measure, record) not in (None, measure.is_good)]


def _figures_as_json(records: Sequence[Record]) -> dict[str, Any]:
    return {one.measure.name: _figure_as_json(one) for one in (figure(m, records) for m in (*HEADLINE, *DETAIL))}


def _figure_as_json(one: Figure) -> dict[str, Any]:
    return {
        "words": one.measure.words,
        "share": one.share,
        "interval": _pair(one.interval),
        "n_true": one.n_true,
        "n_scored": one.n_scored,
        "n_unscored": one.n_unscored,
        "n_clusters": one.n_clusters,
        "bounds": _pair(one.bounds),
        "target": one.measure.target,
        "higher_is_better": one.measure.is_good,
        "meets_target": one.meets_target,
    }


def _pair(interval: Interval | None) -> list[float] | None:
    return [round(interval.low, 6), round(interval.high, 6)] if interval is not None else None


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
