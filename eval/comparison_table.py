"""A comparison as text, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eval.compare import Changed, Comparison, Paired
from eval.measures.measure import Unit
from eval.runs.records import Record
from eval.scores import pair, rounded
from eval.statistics import Interval
from eval.table import SHORT, WIDTH, cut, in_unit, what_came


def comparison_as_text(found: Comparison, *, n_changed: int | None = None) -> str:
    """The table, then both answers of every question that changed (``n_changed`` of them at most)."""
    lines = list(_heading(found))
    lines.append(
        f"{'':34} {'before':>9} {'after':>9} {'change':>9}   {'95 % interval':<18} {'p':>6}  better/worse/same"
    )
    lines += [_row(one) for one in found.measures if one.difference is not None]
    lines += ["", *_changes(found, n_changed)]
    return "\n".join(lines)


def comparison_as_markdown(found: Comparison) -> str:
    lines = [
        "| | before | after | change | 95 % interval | p | better / worse / same |",
        "|---|---:|---:|---:|---|---:|---|",
    ]
    for one in found.measures:
        if one.difference is not None:
            unit, own = one.measure.unit, one.difference
            name = f"**{one.measure.words}**" if one.direction in ("better", "worse") else one.measure.words
            counts = f"{one.n_wins} / {one.n_losses} / {own.n_equal}"
            lines.append(
                f"| {name} | {in_unit(one.before, unit)} | {in_unit(one.after, unit)} | {change(own.mean, unit)} "
                f"| {ends(own.interval, unit)} | {p_in_words(own.p_value)} | {counts} |"
            )
    return "\n".join(lines)


def comparison_as_json(found: Comparison) -> dict[str, Any]:
    return {
        "before": dict(found.before.about),
        "after": dict(found.after.about),
        "settings": list(found.settings),
        "measures": {one.measure.name: paired_as_json(one) for one in found.measures},
        "changed": [
            {
                "id": one.question.question_id,
                "repeat": one.after.repeat,
                "question": one.question.question,
                "gained": list(one.gained),
                "lost": list(one.lost),
                "before": one.before.answer,
                "after": one.after.answer,
            }
            for one in found.changed
        ],
        "n_other_words": found.n_other_words,
    }


def paired_as_json(one: Paired) -> dict[str, Any]:
    own = one.difference
    return {
        "words": one.measure.words,
        "higher_is_better": one.measure.is_good,
        "before": rounded(one.before),
        "after": rounded(one.after),
        "difference": rounded(own.mean) if own else None,
        "interval": pair(own.interval) if own else None,
        "p_value": rounded(own.p_value) if own else None,
        "n_pairs": one.n_pairs,
        "n_wins": one.n_wins,
        "n_losses": one.n_losses,
        "n_equal": own.n_equal if own else 0,
        "n_lost": one.n_lost,
        "n_gained": one.n_gained,
        "direction": one.direction,
    }


def change(value: float, unit: Unit) -> str:
    """With its sign; shares in points of per cent."""
    if unit == "share":
        return f"{100 * value:+.1f}"
    return f"{value:+.{ {'seconds': 2, 'dollars': 5}.get(unit, 1) }f}"


def p_in_words(p_value: float) -> str:
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def ends(interval: Interval, unit: Unit) -> str:
    return f"{change(interval.low, unit)} to {change(interval.high, unit)}"


def _heading(found: Comparison) -> Iterator[str]:
    n = found.after.about["questions"]["count"]
    yield f"{n} questions, before and after"
    if found.settings:
        yield "what differs in how they were made: " + cut("; ".join(found.settings), 400)
    yield ""


def _row(one: Paired) -> str:
    own, unit = one.difference, one.measure.unit
    assert own is not None
    mark = {"better": "  better", "worse": "  WORSE"}.get(one.direction, "")
    lost = f"  {one.n_lost} failed after" if one.n_lost else ""
    counts = f"{one.n_wins}/{one.n_losses}/{own.n_equal}"
    p = p_in_words(own.p_value)
    return (
        f"{one.measure.words:34} {in_unit(one.before, unit):>9} {in_unit(one.after, unit):>9} "
        f"{change(own.mean, unit):>9}   {ends(own.interval, unit):<18} {p:>6}  {counts}{mark}{lost}"
    )


def _changes(found: Comparison, n_changed: int | None) -> Iterator[str]:
    yield (f"{len(found.changed)} answers changed in what is measured; {found.n_other_words} more only in their words")
    for one in found.changed[:n_changed]:
        yield ""
        yield cut(f"{one.question.question_id} ({_what(one)}): {one.question.question}")
        yield "    before: " + cut(_in_line(one.before), WIDTH - 12)
        yield "    after:  " + cut(_in_line(one.after), WIDTH - 12)
    if n_changed is not None and len(found.changed) > n_changed:
        yield f"and {len(found.changed) - n_changed} more: --all shows them"


def _what(one: Changed) -> str:
    parts = []
    if one.gained:
        parts.append("better: " + ", ".join(SHORT.get(name, name) for name in one.gained))
    if one.lost:
        parts.append("worse: " + ", ".join(SHORT.get(name, name) for name in one.lost))
    return "; ".join(parts)


def _in_line(record: Record) -> str:
    if not record.is_scorable or record.answer is None:
        return f"error: {record.failure}"
    if record.answer["outcome"] == "abstained":
        return what_came(record)
    return str(record.answer["text"])
