"""The years that a question asks for: 'papers since 2023 on ...', 'only after 2020'."""

from __future__ import annotations

import re

from rag.filters import Filter

_YEAR = r"((?:19|20)\d\d)"
_SPAN = (
    rf"(?:between {_YEAR} and {_YEAR}|from {_YEAR} (?:to|until|till|through) {_YEAR}|{_YEAR} ?[-–—] ?{_YEAR}"
    rf"|(since|after|later than|newer than|before|older than|earlier than|until|till|up to|through) {_YEAR}"
    rf"|from {_YEAR} (?:on(?:wards?)?|or later|and later)|{_YEAR} (?:and|or) (later|newer|earlier|older)"
    rf"|(?:in|of|from|during) (?:the year )?{_YEAR})"
)
_PAPERS = (
    r"(?:papers?|works?|studies|study|articles?|publications?|abstracts?"
    r"|research|preprints?|anything|published|written)"
)
_OF_PAPERS = re.compile(
    rf"(?P<noun>\b{_PAPERS}\b(?: (?:that|which) (?:were|was|are|is|have been|has been))?"
    rf"(?: (?:published|written|from))?),? {_SPAN}(?!\d)",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"^\W*(?:and |but |now |please |what about )*(?:only |just )?(?:the )?(?:ones? |those |papers? )?"
    rf"{_SPAN}(?: only)?(?:\W+please)?\W*$",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"^\W*{_SPAN},? (?=(?:which|what|are|is|who|how)\b)", re.IGNORECASE)
_AFTER = ("after", "later than", "newer than")
_BEFORE = ("before", "older than", "earlier than")


def years_in(question: str) -> tuple[Filter | None, str]:
    """The papers' years that are asked for, if any, and the question without them.

    Only years that are plainly those of papers count: 'papers since 2020', not 'the election of 2020'.
    """
    for pattern in (_ONLY, _FIRST, _OF_PAPERS):
        found = pattern.search(question)
        if found is None:
            continue
        asked = _filter(found)
        if asked is None:
            return None, question
        kept = found.groupdict().get("noun") or ""
        rest = f"{question[: found.start()]} {kept} {question[found.end() :]}"
        return asked, " ".join(re.sub(r"\s+([?.!,])", r"\1", rest).split())
    return None, question


def _filter(found: re.Match[str]) -> Filter | None:
    named = found.groupdict()
    groups = list(found.groups())
    if "noun" in named:
        groups = groups[1:]
    between, to_between, start, end, one, other, word, bound, onwards, edge, edge_word, exact = groups
    first, last = between or start or one, to_between or end or other
    if first and last:
        low, high = sorted((int(first), int(last)))
        return Filter(from_year=low, to_year=high)
    if word:
        year = int(bound)
        if word.casefold() in _AFTER:
            return Filter(from_year=year + 1)
        if word.casefold() in _BEFORE:
            return Filter(to_year=year - 1)
        return Filter(from_year=year) if word.casefold() == "since" else Filter(to_year=year)
    if onwards:
        return Filter(from_year=int(onwards))
    if edge:
        return Filter(from_year=int(edge)) if edge_word.casefold() in ("later", "newer") else Filter(to_year=int(edge))
    return Filter(from_year=int(exact), to_year=int(exact)) if exact else None
