"""EndNote's XML export, also written by Bookends, Zotero and others; every text in it may hold style elements."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag.readers.file import TextFile
from rag.readers.notices import retracted_by_type
from rag.readers.records import built, natural_name, year_in
from rag.readers.xml_records import records, text_at
from rag.types import Paper, Skipped


def recognise(head: str) -> bool:
    return head.lstrip("\ufeff \t\r\n").startswith("<") and "<records" in head and "<record" in head and (
        "<ref-type" in head or "<contributors" in head or "<titles" in head
    )  # fmt: skip


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for record in records(file, ("record",)):
        yield record if isinstance(record, Skipped) else _paper(record[1], file.origin, record[0])


def _paper(record: Element, origin: str, line: int) -> Paper | Skipped:
    urls = [text for url in record.findall("urls/*/url") if (text := text_at(url, "."))]
    database = " ".join((text_at(record, "remote-database-name"), text_at(record, "remote-database-provider")))
    is_pubmed = any(name in database.lower() for name in ("medline", "pubmed", "nlm"))
    return built(
        origin,
        line,
        title=text_at(record, "titles/title"),
        abstract=_paragraphs(record.find("abstract")),
        authors=[natural_name(text_at(author, ".")) for author in record.findall("contributors/authors/author")],
        year=year_in(text_at(record, "dates/year")) or year_in(text_at(record, "dates/pub-dates/date")),
        venue=text_at(record, "periodical/full-title") or text_at(record, "titles/secondary-title"),
        url=next((url for url in urls if url.startswith("http")), None),
        doi=text_at(record, "electronic-resource-num"),
        pmid=text_at(record, "accession-num") if is_pubmed else None,
        keywords=[part for keyword in record.findall("keywords/keyword") for part in text_at(keyword, ".").split(";")],
        notice=retracted_by_type([text_at(record, "work-type"), text_at(record, "custom3")]),
    )


def _paragraphs(element: Element | None) -> str:
    """Carriage returns are EndNote's paragraph marks; line feeds only wrap."""
    text = "".join(element.itertext()) if element is not None else ""
    return "\n".join(filter(None, (" ".join(paragraph.split()) for paragraph in text.split("\r"))))
