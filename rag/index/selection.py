"""A filter as a condition of SQL on the table ``detail``."""

from __future__ import annotations

from rag.filters import Filter, spaced
from rag.papers import plain_words


def condition(only: Filter) -> tuple[str, list[str | int]]:
    """What stands behind WHERE, and its parameters; it means what ``only.matches`` says."""
    parts: list[str] = []
    values: list[str | int] = []

    def require(sql: str, *more: str | int) -> None:
        parts.append(sql)
        values.extend(more)

    if only.from_year is not None:
        require("detail.year >= ?", only.from_year)
    if only.to_year is not None:
        require("detail.year <= ?", only.to_year)
    if only.venue is not None:
        require("instr(detail.venue, ?) > 0", spaced(only.venue))
    if only.author is not None:
        # The long words first, in SQLite itself: few authors are left to look at in Python.
        for word in plain_words(only.author):
            if len(word) > 1:
                require("instr(detail.authors, ?) > 0", word)
        require("is_among(?, detail.authors)", only.author)
    if only.paper_ids is not None:
        marks = ",".join("?" * len(only.paper_ids))
        require(f"detail.position IN (SELECT position FROM name WHERE name IN ({marks}))", *only.paper_ids)
    for tag in only.tags:
        require("detail.position IN (SELECT position FROM tag WHERE folded = ?)", tag.casefold())
    if only.source is not None:
        require(
            "detail.position IN "
            "(SELECT position FROM seen JOIN source USING (source) WHERE instr(source.folded, ?) > 0)",
            only.source.casefold(),
        )
    return " AND ".join(parts) or "1", values
