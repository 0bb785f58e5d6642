"""CSL-JSON, the items of citation processors as Zotero, Pandoc and doi.org give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.readers.file import TextFile
from rag.readers.json_values import begins_as_json, kind, list_field, object_field, texts, values
from rag.readers.markup import without_tags
from rag.readers.notices import noted_notice
from rag.readers.records import built, skipped, split_list, year_in
from rag.types import Paper, Skipped

_ITEMS = re.compile(r'(?<!\\)"items"\s*:\s*\[')
_TYPE = re.compile(r'(?<!\\)"type"\s*:\s*"')
_SIGNS = re.compile(
    r'(?<!\\)"(?:container-title|date-parts|citation-key|title-short|event-title|family|publisher-place)"\s*:'
)


def recognise(head: str) -> bool:
    return begins_as_json(head) and _TYPE.search(head) is not None and _SIGNS.search(head) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    is_around = re.match(r'[\s\ufeff]*\{\s*"items"', file.head) is not None
    for part in values(file, _ITEMS if is_around else None):
        yield part if isinstance(part, Skipped) else paper_of(part[1], file.origin, part[0])


def paper_of(item: Any, origin: str, line: int, notice: str | None = None) -> Paper | Skipped:
    """One item; Crossref's works are much the same, with lists in the place of texts."""
    if not isinstance(item, dict):
        return skipped(origin, line, "no bibliographic item", kind(item))
    title, subtitle = _first(item, "title"), _first(item, "subtitle")
    if subtitle and subtitle.casefold() not in title.casefold():
        title = f"{title}: {subtitle}"
    note, keywords = _first(item, "note"), item.get("keyword") or item.get("subject") or ()
    dates = (
        object_field(item, name) for name in ("issued", "published", "published-print", "published-online", "posted")
    )
    status = _first(item, "status").lower()
    return built(
        origin,
        line,
        title=without_tags(title),
        abstract=without_tags(_first(item, "abstract")),
        authors=[_name(author) for author in list_field(item, "author") if isinstance(author, dict)],
        year=next((year for date in dates if (year := _year(date))), None),
        venue=without_tags(_first(item, "container-title") or _first(item, "event-title")),
        url=_first(item, "URL"),
        doi=_first(item, "DOI"),
        arxiv_id=_note(note, "arxiv") or next(iter(re.findall(r"arXiv:\S{5,30}", _first(item, "number")[:100])), None),
        pmid=_first(item, "PMID") or _note(note, "PMID"),
        keywords=split_list(keywords) if isinstance(keywords, str) else texts(keywords),
        notice=notice
        or (f"{status} (says its entry)" if status in ("retracted", "withdrawn") else None)
        or noted_notice(note),
    )


def _first(item: dict[str, Any], name: str) -> str:
    """The text, or the first of a list of texts; a number as text."""
    found = item.get(name)
    if isinstance(found, list):
        found = next(iter(found), None)
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _name(author: dict[str, Any]) -> str:
    parts = (
        _first(author, part) for part in ("given", "non-dropping-particle", "dropping-particle", "family", "suffix")
    )
    return " ".join(filter(None, parts)) or _first(author, "literal") or _first(author, "name")


def _year(date: dict[str, Any]) -> int | None:
    parts = date.get("date-parts")
    while isinstance(parts, list) and parts:
        parts = parts[0]
    return year_in(parts) or year_in(date.get("raw")) or year_in(date.get("literal"))


def _note(note: str, name: str) -> str | None:
    """From 'PMID: 123' on a line of the note, which is where Zotero puts what CSL has no field for."""
    found = re.search(rf"^{name}:\s*(\S{{1,60}})", note[:5_000], re.MULTILINE | re.IGNORECASE)
    return found[1] if found else None
