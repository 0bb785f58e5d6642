"""The years that a question asks for: 'papers since 2023 on ...', 'kelp forests, last two years', 'only after 2020'."""

from __future__ import annotations

import datetime
import re

from rag.filters import Filter

_YEAR = r"((?:19|20)\d\d)"
_NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
} | {"fifteen": 15, "twenty": 20, "few": 3, "couple of": 2}
_N = rf"({'|'.join(_NUMBERS)}|\d{{1,2}})"
_SPAN = (
    rf"(?:between {_YEAR} and {_YEAR}|from {_YEAR} (?:to|until|till|through) {_YEAR}|{_YEAR} ?[-–—] ?{_YEAR}"
    rf"|(since|after|later than|newer than|before|older than|earlier than|until|till|up to|through) {_YEAR}"
    rf"|from {_YEAR} (?:on(?:wards?)?|or later|and later)|{_YEAR} (?:and|or) (later|newer|earlier|older)"
    rf"|(?:(?:in|of|from|during|within|over) )?(?:the )?(?:last|past|recent) (?:{_N} )?(years?|decade)"
    rf"|(?:in |of |from |during )?(this year)"
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
_ON_A_TOPIC = re.compile(
    rf"(?P<noun>\b{_PAPERS} (?:on|about|regarding|concerning)\b[^.?!;\d]{{1,150}}?),? {_SPAN}\W*$", re.IGNORECASE
)
_APART = re.compile(rf"(?P<noun>\w[\"')]?)(?:,| [-–—]| ?[(\[]) ?{_SPAN}[)\]]?\W*$", re.IGNORECASE)
_ONLY = re.compile(
    r"^\W*(?:and |but |now |please |what about )*(?:only |just )?(?:the )?(?:ones? |those |papers? )?"
    rf"{_SPAN}(?: only)?(?:\W+please)?\W*$",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"^\W*{_SPAN},? (?=(?:which|what|are|is|who|how)\b)|^\W*{_SPAN}[:,] (?=\w)", re.IGNORECASE)
_LAST = re.compile(rf"(?P<noun>\w[\"')]?) {_SPAN}\W*$", re.IGNORECASE)

_MAX_TOPIC_WORDS = 6
_ASKS_OR_SAYS = re.compile(
    r"\?|\b(?:what|which|who|whose|when|where|why|how|is|are|was|were|be|been|has|have|had|do|does|did|can|could|will"
    r"|would|\w{3,}ed|rose|fell|grew|won|began|became|population|prices?|deaths?|mortality|election|war)\b",
    re.IGNORECASE,
)
"""What makes a few words more than the name of a topic, or the years behind them those of the world."""

_MENTIONS = re.compile(r"(?:19|20)\d\d|year|decade", re.IGNORECASE)
_AFTER = ("after", "later than", "newer than")
_BEFORE = ("before", "older than", "earlier than")


def years_in(question: str, this_year: int | None = None) -> tuple[Filter | None, str]:
    """The papers' years that are asked for, if any, and the question without them.

    Only years that are plainly those of papers count: 'papers since 2020', not 'the election of 2020'; behind a bare
    topic of a few words ('kelp forests since 2020') they are taken for those of papers. 'The last two years' are
    this one and the two before, so that none of their months is left out.
    """
    if not _MENTIONS.search(question):
        return None, question
    this_year = this_year or datetime.date.today().year
    for pattern in (_ONLY, _FIRST, _OF_PAPERS, _ON_A_TOPIC, _APART, _LAST):
        found = pattern.search(question)
        if found is None or (pattern in (_APART, _LAST) and not _is_topic(question[: found.start() + 1])):
            continue
        asked = _filter(found, this_year)
        if asked is None:
            return None, question
        kept = (found.groupdict().get("noun") or "").removesuffix(" from")
        rest = f"{question[: found.start()]}{' ' if pattern is _OF_PAPERS else ''}{kept} {question[found.end() :]}"
        return asked, " ".join(re.sub(r"\s+([?.!,])", r"\1", rest).split())
    return None, question


def _is_topic(text: str) -> bool:
    return len(text.split()) <= _MAX_TOPIC_WORDS and _ASKS_OR_SAYS.search(text) is None


def _filter(found: re.Match[str], this_year: int) -> Filter | None:
    groups = list(found.groups())
    if "noun" in found.groupdict():
        groups = groups[1:]
    half = len(groups) // 2
    if len(groups) > _N_GROUPS and not any(groups[:half]):  # the second of two ways to say it
        groups = groups[half:]
    return _asked(*groups[:_N_GROUPS], this_year=this_year)


_N_GROUPS = re.compile(_SPAN).groups


def _asked(
    between: str | None,
    to_between: str | None,
    start: str | None,
    end: str | None,
    one: str | None,
    other: str | None,
    word: str | None,
    bound: str | None,
    onwards: str | None,
    edge: str | None,
    edge_word: str | None,
    n_years: str | None,
    unit: str | None,
    now: str | None,
    exact: str | None,
    *,
    this_year: int,
) -> Filter | None:
    """From the groups of ``_SPAN``, in their order."""
    first, last = between or start or one, to_between or end or other
    if first and last:
        low, high = sorted((int(first), int(last)))
        return Filter(from_year=low, to_year=high)
    if word and bound:
        year = int(bound)
        if word.casefold() in _AFTER:
            return Filter(from_year=year + 1)
        if word.casefold() in _BEFORE:
            return Filter(to_year=year - 1)
        return Filter(from_year=year) if word.casefold() == "since" else Filter(to_year=year)
    if onwards:
        return Filter(from_year=int(onwards))
    if edge and edge_word:
        return Filter(from_year=int(edge)) if edge_word.casefold() in ("later", "newer") else Filter(to_year=int(edge))
    if unit:
        return _recent(n_years, unit.casefold(), this_year)
    if now:
        return Filter(this_year, this_year)
    return Filter(from_year=int(exact), to_year=int(exact)) if exact else None


def _recent(n_years: str | None, unit: str, this_year: int) -> Filter:
    if unit == "decade":
        return Filter(from_year=this_year - 10)
    if n_years is None:
        return Filter(this_year - 1, this_year - 1) if unit == "year" else Filter(from_year=this_year - 3)
    n = int(n_years) if n_years.isdecimal() else _NUMBERS[n_years.casefold()]
    return Filter(from_year=this_year - n)
