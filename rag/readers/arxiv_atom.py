"""The Atom feed of arXiv's API (https://info.arxiv.org/help/api/)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag.readers.file import TextFile
from rag.readers.notices import notice_in
from rag.readers.records import built, skipped, year_in
from rag.readers.xml_records import records, text_at
from rag.types import Paper, Skipped


def recognise(head: str) -> bool:
    return "<feed" in head and "http://www.w3.org/2005/Atom" in head and "arxiv.org/" in head


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for record in records(file, ("entry",)):
        yield record if isinstance(record, Skipped) else _paper(record[1], file.origin, record[0])


def _paper(entry: Element, origin: str, line: int) -> Paper | Skipped:
    address = text_at(entry, "id")
    if "/api/errors" in address:
        return skipped(origin, line, f"arXiv answered with an error: {text_at(entry, 'summary')}")
    title, comment = text_at(entry, "title"), text_at(entry, "comment")
    abstract = entry.findtext("summary") or ""
    links = {link.get("rel"): link.get("href") or "" for link in entry.iter("link")}
    return built(
        origin,
        line,
        title=title,
        abstract=abstract,
        authors=[text_at(author, "name") for author in entry.iter("author")],
        year=year_in(text_at(entry, "published")),
        venue=text_at(entry, "journal_ref"),
        url=links.get("alternate") or address,
        doi=text_at(entry, "doi"),
        arxiv_id=address,
        keywords=[category.get("term") or "" for category in entry.iter("category")],
        notice=notice_in(title, abstract, comment),
    )
