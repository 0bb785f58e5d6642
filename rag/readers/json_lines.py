"""JSON objects, one per line or in one array: BEIR corpora, arXiv metadata, our own ``papers --json``.

Fields we do not know are passed over, since these files come from others; a field we do
know that has the wrong type makes its record a skipped one, named by its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from rag.papers import clean_arxiv_id
from rag.readers.file import TextFile
from rag.readers.json_values import (
    WrongField,
    begins_as_json,
    has_one_a_line,
    kind,
    lines,
    object_field,
    text_field,
    texts,
    value_of,
    values,
)
from rag.readers.notices import notice_in
from rag.readers.records import RawDigest, built, one_line, skipped, split_list
from rag.types import Item, Paper, Skipped, Unread

_ARRAY = re.compile(r'(?<!\\)"(?:data|papers|records|items|results|recommendedPapers)"\s*:\s*\[(?=\s*\{)')
_ARXIV_CATEGORIES = re.compile(r"[a-z-]{2,12}(?:\.[A-Za-z-]{2,12})?(?: [a-z-]{2,12}(?:\.[A-Za-z-]{2,12})?){0,20}")
_YEAR_AT_START = re.compile(r"\s*((?:1[5-9]|20|21)\d\d)(?!\d)")
_OWN_TITLE = re.compile(r'(?<!\\)"title"\s*:')


def recognise(head: str) -> bool:
    return begins_as_json(head)


def read(file: TextFile) -> Iterator[Item]:
    array, title = _ARRAY.search(file.head), _OWN_TITLE.search(file.head)
    # A record may well have a list called "data" of its own, behind or before its title.
    is_around = array is not None and (title is None or array.end() < title.start())
    if not is_around and has_one_a_line(file):
        digest = RawDigest(file.origin)
        for number, line in lines(file):
            yield Unread(digest.of(line), len(line), partial(_read_line, line, file.origin, number))
        return
    for part in values(file, _ARRAY if is_around else None):
        yield part if isinstance(part, Skipped) else paper_of(part[1], file.origin, part[0])


def _read_line(line: str, origin: str, number: int) -> Paper | Skipped:
    value = value_of(line, number, origin)
    return value if isinstance(value, Skipped) else paper_of(value, origin, number)


def paper_of(value: Any, origin: str, line: int) -> Paper | Skipped:
    """The paper that one parsed JSON value describes, or why it is none."""
    if not isinstance(value, dict):
        return skipped(origin, line, f"{kind(value)} where an object with title and abstract was expected")
    try:
        return _paper(value, origin, line)
    except WrongField as error:
        return skipped(origin, line, str(error), str(value.get("title") or "")[:200])


def _paper(value: dict[str, Any], origin: str, line: int) -> Paper | Skipped:
    title = text_field(value, "title")
    abstract = next((text for name in ("abstract", "text", "summary") if (text := text_field(value, name))), None)
    external = object_field(value, "externalIds")
    given_id = _own_id(value)
    arxiv_id = (
        clean_arxiv_id(text_field(value, "arxiv_id"))
        or clean_arxiv_id(value.get("id"))
        or clean_arxiv_id(given_id)
        or clean_arxiv_id(external.get("ArXiv"))
    )
    urls = (text_field(value, name) for name in ("url", "URL", "link"))
    venues = (text_field(value, name) for name in ("venue", "journal-ref"))
    return built(
        origin,
        line,
        title=title,
        abstract=abstract,
        authors=_authors(value),
        year=_year(value, arxiv_id),
        venue=next(filter(None, venues), None) or _journal(value),
        url=next(filter(None, urls), None),
        doi=text_field(value, "doi") or text_field(value, "DOI") or _text(external.get("DOI")),
        arxiv_id=arxiv_id,
        pmid=_number(value.get("pmid") or value.get("PMID") or external.get("PubMed")),
        keywords=_keywords(value),
        notice=_text(value.get("notice")) or _notice_in_comment(value, title, abstract),
        given_id=given_id,
    )


def _notice_in_comment(value: dict[str, Any], title: str | None, abstract: str | None) -> str | None:
    """arXiv's comments tell what neither title nor abstract may, which ``built`` looks at anyhow."""
    comment = _text(value.get("comments"))
    return notice_in(one_line(title), abstract or "", comment) if comment else None


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) else None


def _number(found: Any) -> str | int | None:
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _journal(value: dict[str, Any]) -> str | None:
    found = value.get("journal")
    return _text(found.get("name")) if isinstance(found, dict) else text_field(value, "journal")


def _own_id(value: dict[str, Any]) -> str | None:
    for name in ("paper_id", "_id"):
        found = value.get(name)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if found is not None and not isinstance(found, str):
            raise WrongField(f"the field '{name}' is {kind(found)}, not text")
        if found and found.strip():
            return found
    return None


def _authors(value: dict[str, Any]) -> list[str]:
    """Names in order, from a list of names, of ``{name}`` objects, or one string of names."""
    parsed = value.get("authors_parsed")
    if isinstance(parsed, list) and parsed and all(_is_parsed_name(name) for name in parsed):
        return [" ".join(part for part in (name[1], name[0], *name[2:3]) if part) for name in parsed]
    authors = value.get("authors")
    if authors is None:
        return []
    if isinstance(authors, str):
        return authors.split(";") if ";" in authors else re.split(r",\s+and\s+|,\s+|\s+and\s+", authors)
    if not isinstance(authors, list):
        raise WrongField(f"the field 'authors' is {kind(authors)}, not a list of names")
    found = [author.get("name") if isinstance(author, dict) else author for author in authors]
    names = [name for name in found if isinstance(name, str)]
    if len(names) < len(found):
        raise WrongField("the field 'authors' holds something that is not a name")
    return names


def _is_parsed_name(name: Any) -> bool:
    return isinstance(name, list) and len(name) >= 2 and all(isinstance(part, str) for part in name)


def _keywords(value: dict[str, Any]) -> Iterable[str]:
    keywords = value.get("keywords")
    if isinstance(keywords, list):
        # Each is one, commas and all; but lists with the whole text as their only item are about, too.
        for text in texts(keywords):
            yield from text.split(";") if len(keywords) == 1 else [text]
    elif isinstance(keywords, str):
        yield from split_list(keywords)
    for text in texts(value.get("categories")):
        # arXiv's stand with blanks between them: "hep-ph math.AG".
        yield from text.split() if _ARXIV_CATEGORIES.fullmatch(text) else split_list(text)


def _year(value: dict[str, Any], arxiv_id: str | None) -> int | None:
    """The year it came out. The date of a later revision counts only where nothing else is known."""
    written = value.get("year")
    if isinstance(written, bool) or not isinstance(written, int | float | str | None):
        raise WrongField(f"the field 'year' is {kind(written)}, not a year")
    for text in (written, value.get("published"), value.get("publication_date"), value.get("publicationDate")):
        if found := _year_at_start(text):
            return found
    if arxiv_id is not None:
        first_two = int(arxiv_id.rpartition("/")[2][:2])
        return first_two + (1900 if first_two >= 91 else 2000)
    return _year_at_start(value.get("update_date"))


def _year_at_start(date: Any) -> int | None:
    if not isinstance(date, str | int | float):
        return None
    found = _YEAR_AT_START.match(str(date))
    return int(found[1]) if found else None
