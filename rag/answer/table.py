"""Papers side by side, as text."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.citations import marker_text
from rag.types import Claim, Table

NOT_STATED = "not stated in the abstract"


def table_as_text(table: Table, titles: Sequence[str], claims: Sequence[Claim]) -> str:
    """A Markdown table: one row an aspect, one column a paper; ``titles`` are those of its columns.

    Bars and line breaks inside a cell would end it, so they are taken out; the claims keep theirs.
    """
    lines = ["| | " + " | ".join(map(_cell, titles)) + " |", "|---|" + "---|" * len(titles)]
    for aspect, row in zip(table.aspects, table.cells, strict=True):
        lines.append(f"| **{aspect}** | " + " | ".join(_of(place, claims) for place in row) + " |")
    return "\n".join(lines)


def _of(place: int | None, claims: Sequence[Claim]) -> str:
    if place is None or place >= len(claims):
        return f"*{NOT_STATED}*"
    claim = claims[place]
    text = f"“{claim.text}”" if claim.is_quote else claim.text
    if claim.context:
        text = f"(after: {claim.context}) {text}"
    return f"{_cell(text)} {''.join(marker_text(citation) for citation in claim.citations)}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
