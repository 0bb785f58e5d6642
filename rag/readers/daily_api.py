"""The JSON behind the 'Daily Papers' page: an array of ``{"paper": {...}, ...}`` as its API gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.readers.file import TextFile
from rag.readers.json_values import begins_as_json, kind, object_field, values
from rag.readers.records import built, skipped, year_in
from rag.types import Paper, Skipped

_PAPER = re.compile(r'(?<!\\)"paper"\s*:\s*\{')
_OWN_FIELDS = re.compile(r'(?<!\\)"(?:submittedOnDailyAt|publishedAt|upvotes|numComments|discussionId)"\s*:')


def recognise(head: str) -> bool:
    return begins_as_json(head) and _PAPER.search(head) is not None and _OWN_FIELDS.search(head) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for part in values(file):
        yield part if isinstance(part, Skipped) else _paper(part[1], file.origin, part[0])


def _paper(value: Any, origin: str, line: int) -> Paper | Skipped:
    if not isinstance(value, dict) or not isinstance(value.get("paper"), dict):
        return skipped(origin, line, "no 'paper' in the record", kind(value))
    paper = object_field(value, "paper")
    authors = [author for author in paper.get("authors") or () if isinstance(author, dict)]
    identifier = _text(paper.get("id"))
    return built(
        origin,
        line,
        title=_text(paper.get("title")) or _text(value.get("title")),
        abstract=_text(paper.get("summary")) or _text(value.get("summary")),
        authors=[_text(author.get("name")) for author in authors],
        year=year_in(paper.get("publishedAt")) or year_in(value.get("publishedAt")),
        url=f"https://arxiv.org/abs/{identifier}" if re.fullmatch(r"\d{4}\.\d{4,5}", identifier) else None,
        arxiv_id=identifier,
        keywords=[text for text in paper.get("ai_keywords") or () if isinstance(text, str)],
    )


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""
