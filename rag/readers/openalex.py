"""Works of OpenAlex, from its API or its snapshot; abstracts are restored from their inverted index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.papers import clean_arxiv_id
from rag.readers.file import TextFile
from rag.readers.json_values import begins_as_json, kind, list_field, object_field, texts, values
from rag.readers.markup import without_tags
from rag.readers.records import MAX_ABSTRACT_CHARACTERS, built, skipped, year_in
from rag.types import Paper, Skipped

_RESULTS = re.compile(r'(?<!\\)"results"\s*:\s*\[')
_SIGNS = re.compile(r'(?<!\\)"abstract_inverted_index"\s*:|https://openalex\.org/W\d')


def recognise(head: str) -> bool:
    return begins_as_json(head) and _SIGNS.search(head) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for part in values(file, _RESULTS):
        yield part if isinstance(part, Skipped) else _paper(part[1], file.origin, part[0])


def _paper(work: Any, origin: str, line: int) -> Paper | Skipped:
    if not isinstance(work, dict):
        return skipped(origin, line, "no work of OpenAlex", kind(work))
    title = _text(work.get("title")) or _text(work.get("display_name"))
    index = work.get("abstract_inverted_index")
    abstract = restored(index)
    if abstract is None:
        return skipped(origin, line, "the abstract's inverted index is broken", title)
    location = object_field(work, "primary_location")
    places = [place for place in (location, *list_field(work, "locations")) if isinstance(place, dict)]
    pages = [_text(place.get("landing_page_url")) for place in places]
    ids = object_field(work, "ids")
    authors = [object_field(author, "author") for author in list_field(work, "authorships") if isinstance(author, dict)]
    keywords = [keyword for keyword in list_field(work, "keywords") if isinstance(keyword, dict)]
    return built(
        origin,
        line,
        title=without_tags(title),
        abstract=without_tags(abstract),
        authors=[_text(author.get("display_name")) for author in authors],
        year=year_in(work.get("publication_year")),
        venue=_text(object_field(location, "source").get("display_name")),
        url=next((page for page in (pages[0] if pages else "", _text(work.get("id"))) if page), None),
        doi=_text(work.get("doi")) or _text(ids.get("doi")),
        arxiv_id=next((identifier for page in pages if (identifier := clean_arxiv_id(page))), None),
        pmid=_text(ids.get("pmid")),
        keywords=[*texts(work.get("keywords")), *(_text(keyword.get("display_name")) for keyword in keywords)],
        notice="retracted (OpenAlex)" if work.get("is_retracted") is True else None,
    )


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def restored(index: Any) -> str | None:
    """The text of an inverted index ``{word: [positions]}``; "" for none, None if it is no such index.

    A position is only what words are sorted by: one of a billion makes no text of a
    billion words.
    """
    if index is None:
        return ""
    if not isinstance(index, dict):
        return None
    placed: list[tuple[int, str]] = []
    for word, positions in index.items():
        if not isinstance(positions, list) or not all(type(position) is int for position in positions):
            return None
        placed += [(position, word) for position in positions]
        if len(placed) > MAX_ABSTRACT_CHARACTERS:
            return None
    return " ".join(word for _, word in sorted(placed, key=lambda pair: pair[0]))
