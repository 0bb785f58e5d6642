"""Several runs over the same questions in one table: profiles, peers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eval.measures import FAITHFULNESS, HEADLINE
from eval.measures.measure import Figure
from eval.scores import Scores, figures_as_json
from eval.table import cut, in_unit, interval_in_unit

_NAMES = (
    *(one.name for one in HEADLINE),
    FAITHFULNESS.name,
    "citation_recall",
    "citation_precision",
    "fact_said",
    "reference_f1",
    "right_paper_found",
    "ndcg_at_10",
    "abstention_precision",
    "words",
    "seconds",
    "cost",
)


def side_by_side_as_text(found: Sequence[tuple[str, Scores]]) -> str:
    """One row a measure, one column a run; each cell the mean and its 95 % interval."""
    rows = _rows(found)
    width = 27
    lines = [f"{'':34}" + "".join(f" {cut(name, width):>{width}}" for name, _ in found)]
    lines += [f"{words:34}" + "".join(f" {cell:>{width}}" for cell in cells) for words, cells in rows]
    return "\n".join(lines)


def side_by_side_as_markdown(found: Sequence[tuple[str, Scores]]) -> str:
    head = "| |" + "".join(f" {_escaped(name)} |" for name, _ in found)
    lines = [head, "|---|" + "---:|" * len(found)]
    lines += [f"| {words} |" + "".join(f" {cell} |" for cell in cells) for words, cells in _rows(found)]
    return "\n".join(lines)


def side_by_side_as_json(found: Sequence[tuple[str, Scores]]) -> dict[str, Any]:
    return {name: figures_as_json((*scores.figures, *scores.times)) for name, scores in found}


def _rows(found: Sequence[tuple[str, Scores]]) -> list[tuple[str, list[str]]]:
    rows = []
    for name in _NAMES:
        figures = [scores.figure(name) for _, scores in found]
        known = next((one for one in figures if one is not None), None)
        if known is not None:
            rows.append((known.measure.words, [_cell(one) for one in figures]))
    return rows


def _cell(one: Figure | None) -> str:
    if one is None or one.mean is None:
        return "–"
    return f"{in_unit(one.mean, one.measure.unit)} ({interval_in_unit(one.interval, one.measure.unit)})"


def _escaped(text: str) -> str:
    return cut(text, 60).replace("|", "\\|")
