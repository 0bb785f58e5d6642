"""PubMed's XML, from efetch, the web page's export, or the yearly baseline files (PubmedArticleSet)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from rag.readers.file import TextFile
from rag.readers.markup import text_of
from rag.readers.notices import retracted_by_type
from rag.readers.records import built, one_line, skipped, year_in
from rag.readers.xml_records import records, text_at
from rag.types import Paper, Skipped

_RECORDS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation", "BookDocument", "DeleteCitation")
_NO_LABEL = ("UNLABELLED", "UNASSIGNED")
_NOTICES = {
    "RetractionIn": "retracted",
    "PartialRetractionIn": "partly retracted",
    "ExpressionOfConcernIn": "expression of concern",
}


def recognise(head: str) -> bool:
    return head.lstrip("\ufeff \t\r\n").startswith("<") and any(f"<{name}" in head for name in _RECORDS)


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for record in records(file, _RECORDS):
        if isinstance(record, Skipped):
            yield record
        elif record[1].tag == "DeleteCitation":
            yield skipped(file.origin, record[0], "records that PubMed deleted", " ".join(record[1].itertext()))
        else:
            yield _paper(record[1], file.origin, record[0])


def _paper(record: Element, origin: str, line: int) -> Paper | Skipped:
    book = record if record.tag == "BookDocument" else record.find("BookDocument")
    if book is not None:
        return _book(book, origin, line)
    citation = record if record.tag == "MedlineCitation" else record.find("MedlineCitation")
    article = citation.find("Article") if citation is not None else None
    if citation is None or article is None:
        return skipped(origin, line, "no article in the record", " ".join(record.itertext()))
    pmid = text_at(citation, "PMID")
    date = article.find("Journal/JournalIssue/PubDate")
    return built(
        origin,
        line,
        title=_text(article.find("ArticleTitle")) or _text(article.find("VernacularTitle")),
        abstract=_abstract(article.find("Abstract")) or _abstract(citation.find("OtherAbstract")),
        authors=_authors(article.findall("AuthorList/Author")),
        year=year_in(text_at(date, "Year"))
        or year_in(text_at(date, "MedlineDate"))
        or year_in(text_at(article, "ArticleDate/Year")),
        venue=text_at(article, "Journal/Title") or text_at(citation, "MedlineJournalInfo/MedlineTA"),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid.isdecimal() else None,
        doi=_doi(article, record),
        pmid=pmid,
        keywords=_keywords(citation),
        notice=_notice(citation, [text_at(kind, ".") for kind in article.iter("PublicationType")]),
    )


def _book(book: Element, origin: str, line: int) -> Paper | Skipped:
    """A chapter with its own title, or a whole book of NCBI's shelf."""
    pmid = text_at(book, "PMID")
    chapter, title = _text(book.find("ArticleTitle")), _text(book.find("Book/BookTitle"))
    authors = book.findall("AuthorList/Author") or book.findall("Book/AuthorList/Author")
    return built(
        origin,
        line,
        title=chapter or title,
        abstract=_abstract(book.find("Abstract")),
        authors=_authors(authors),
        year=year_in(text_at(book, "ContributionDate/Year")) or year_in(text_at(book, "Book/PubDate/Year")),
        venue=title if chapter else text_at(book, "Book/Publisher/PublisherName"),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid.isdecimal() else None,
        doi=next((e.text for e in book.iter("ArticleId") if e.get("IdType") == "doi"), None),
        pmid=pmid,
        keywords=_keywords(book),
        notice=_notice(book, [text_at(kind, ".") for kind in book.iter("PublicationType")]),
    )


def _text(element: Element | None) -> str:
    return one_line(text_of(element)) if element is not None else ""


def _abstract(element: Element | None) -> str:
    """One paragraph for each part, with its label in front, as PubMed's page shows it."""
    parts = []
    for part in element.findall("AbstractText") if element is not None else ():
        label, text = one_line(part.get("Label")), text_of(part)
        if text:
            parts.append(f"{label}: {text}" if label and label.upper() not in _NO_LABEL else text)
    return "\n".join(parts)


def _authors(authors: list[Element]) -> Iterator[str]:
    for author in authors:
        given = text_at(author, "ForeName") or text_at(author, "Initials")
        family = " ".join(filter(None, (text_at(author, "LastName"), text_at(author, "Suffix"))))
        yield f"{given} {family}".strip() or text_at(author, "CollectiveName")


def _doi(article: Element, record: Element) -> str:
    # Not every ArticleId below the record: the cited references have theirs there too.
    for found in article.findall("ELocationID"):
        if found.get("EIdType") == "doi" and found.get("ValidYN") != "N":
            return found.text or ""
    ids = record.findall("PubmedData/ArticleIdList/ArticleId")
    return next((found.text or "" for found in ids if found.get("IdType") == "doi"), "")


def _keywords(element: Element) -> Iterator[str]:
    for keyword in element.findall("KeywordList/Keyword"):
        yield _text(keyword)
    for descriptor in element.findall("MeshHeadingList/MeshHeading/DescriptorName"):
        yield text_at(descriptor, ".")


def _notice(citation: Element, types: list[str]) -> str | None:
    for linked in citation.iter("CommentsCorrections"):
        if word := _NOTICES.get(linked.get("RefType") or ""):
            return f"{word}: {text_at(linked, 'RefSource')}".rstrip(": ")
    return retracted_by_type(types)
