"""From the fields that a reader found to a checked paper, and how everything else is named.

Every reader ends in ``built``: identifiers are cleaned, texts bounded and notices told
there, in one way for all formats.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable

from rag.papers import clean_arxiv_id, clean_doi, clean_pmid, paper_id_for
from rag.readers.notices import notice_in
from rag.types import Paper, Skipped

EDITION = 1
"""Raised by every change after which a file may give other papers than before: what a library
remembers of having read it is then no reason any more to pass over it."""

MAX_TITLE_CHARACTERS = 2_000
MAX_ABSTRACT_CHARACTERS = 100_000
"""Structured clinical abstracts reach 10,000; ten times that is a whole paper, not its abstract."""
MAX_ID_CHARACTERS = 500
MAX_RECORD_CHARACTERS = 5_000_000
"""Of one record as it stands in a file: 10,000 authors with addresses have some 2,000,000."""
MAX_AUTHORS = 20_000
MAX_KEYWORDS = 500

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d|21\d\d)(?!\d)")
_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv)\.?", re.IGNORECASE)


class RawDigest:
    """Of records as they stand in one file: equal ones are of the same text, from the same place, of this edition."""

    def __init__(self, origin: str) -> None:
        self._begun = hashlib.blake2b(f"{EDITION} {origin}\0".encode(), digest_size=16)

    def of(self, raw: str) -> bytes:
        digest = self._begun.copy()
        digest.update(raw.encode("utf-8", "surrogatepass"))
        return digest.digest()


def skipped(origin: str, line: int, reason: str, text: str = "") -> Skipped:
    """``text`` goes along as an excerpt of 80 characters at most, on one line, nothing invisible in it."""
    excerpt = "".join(c if c.isprintable() else " " for c in text[:200])
    excerpt = " ".join(excerpt.split())
    return Skipped(origin, line, reason, excerpt if len(excerpt) <= 80 else excerpt[:79] + "…")


def built(
    origin: str,
    line: int,
    *,
    title: str | None,
    abstract: str | None = None,
    authors: Iterable[str] = (),
    year: int | None = None,
    venue: str | None = None,
    url: str | None = None,
    doi: str | None = None,
    arxiv_id: str | None = None,
    pmid: str | int | None = None,
    keywords: Iterable[str] = (),
    notice: str | None = None,
    given_id: str | None = None,
) -> Paper | Skipped:
    """The paper that these fields describe, or why there is none; ``line`` is where its record begins.

    Fields come as they stand in the file. An identifier that is none counts as absent, and
    is looked for in ``url``. An address that is not http(s) is dropped: it must never become
    a link. An abstract of white space is none; any other stays byte for byte.
    """
    one_line_title = one_line(title)
    if not one_line_title:
        return skipped(origin, line, "no title", abstract or url or doi or "")
    abstract = abstract if abstract and abstract.strip() else ""
    doi, address = clean_doi(doi), (url or "").strip()
    arxiv_id = clean_arxiv_id(arxiv_id) or clean_arxiv_id(doi) or clean_arxiv_id(address)
    cleaned_pmid = clean_pmid(pmid) or (clean_pmid(address) if address else None)
    doi = doi or (clean_doi(address) if "10." in address else None)
    paper = Paper(
        paper_id=given_id or paper_id_for(one_line_title, doi=doi, arxiv_id=arxiv_id, pmid=cleaned_pmid),
        title=one_line_title,
        abstract=abstract,
        authors=tuple(name for author in authors if (name := one_line(author)))[:MAX_AUTHORS],
        year=year,
        venue=one_line(venue) or None,
        url=address if address.startswith(("https://", "http://")) and not re.search(r"\s", address) else None,
        doi=doi,
        arxiv_id=arxiv_id,
        origin=origin,
        pmid=cleaned_pmid,
        keywords=distinct(keywords)[:MAX_KEYWORDS],
        notice=one_line(notice)[:300] or notice_in(one_line_title, abstract),
    )
    return checked(paper, line)


def checked(paper: Paper, line: int) -> Paper | Skipped:
    """The paper itself, or why it is not taken.

    Refused are a NUL, which indexes and terminals cut texts at, and half of a surrogate
    pair, which no file can hold. All else in an abstract stays byte for byte, direction
    marks and zero-width characters too: quotes must be exact, and pages escape.
    """
    origin = paper.origin or ""
    if not paper.title.strip():
        return skipped(origin, line, "the title is empty", paper.abstract)
    for name, text, bound in (
        ("title", paper.title, MAX_TITLE_CHARACTERS),
        ("abstract", paper.abstract, MAX_ABSTRACT_CHARACTERS),
    ):
        if len(text) > bound:
            return skipped(origin, line, f"the {name} has {len(text):,} characters, more than {bound:,}", paper.title)
    if reason := _unholdable(paper):
        return skipped(origin, line, reason, paper.title)
    if len(paper.paper_id) > MAX_ID_CHARACTERS or not paper.paper_id.isprintable():
        reason = f"the id is not printable or longer than {MAX_ID_CHARACTERS} characters"
        return skipped(origin, line, reason, paper.title)
    return paper


def _unholdable(paper: Paper) -> str | None:
    """What no file or index can hold, in which field; None nearly always."""
    strings = (paper.paper_id, paper.title, paper.abstract, *paper.authors, paper.venue, paper.url, paper.doi,
               paper.arxiv_id, paper.pmid, *paper.keywords, paper.notice)  # fmt: skip
    everything = "".join(filter(None, strings))
    if "\0" not in everything and (everything.isascii() or _LONE_SURROGATE.search(everything) is None):
        return None
    for field in dataclasses.fields(paper):
        value = getattr(paper, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            if not isinstance(text, str) or field.name == "origin":
                continue
            if "\0" in text:
                return f"the {field.name} holds a NUL character"
            if bad := _LONE_SURROGATE.search(text):
                if not "\udc80" <= bad[0] <= "\udcff":
                    return f"the {field.name} holds half of a surrogate pair"
                return (
                    f"the {field.name} is not UTF-8: byte 0x{ord(bad[0]) - 0xDC00:02X} stands in it; "
                    "convert the file first, e.g. iconv -f latin1 -t utf-8"
                )
    return None


def one_line(text: str | None) -> str:
    return " ".join(text.split()) if text else ""


def year_in(text: object) -> int | None:
    """The first number in it that is a year of print: '2014//', 'Mar 3, 2015', 2016."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    found = _YEAR.search(str(text)[:1_000])
    return int(found[1]) if found else None


def natural_name(name: str) -> str:
    """'Family, Given' as 'Given Family', which is how the rest of the world writes it; others as they are."""
    parts = [part for part in (one_line(part) for part in name.strip(" ,;").split(",")) if part]
    if len(parts) == 2 and not _SUFFIX.fullmatch(parts[1]):
        return f"{parts[1]} {parts[0]}"
    if len(parts) == 3 and _SUFFIX.fullmatch(parts[1]):  # BibTeX: family, suffix, given
        return f"{parts[2]} {parts[0]} {parts[1]}"
    if len(parts) == 3 and _SUFFIX.fullmatch(parts[2]):
        return f"{parts[1]} {parts[0]} {parts[2]}"
    return one_line(name)


def split_list(text: str) -> list[str]:
    """Keywords or names that stand in one text: by semicolons if it has any, else by commas."""
    return text.split(";") if ";" in text else text.split(",")


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each once, whatever its case, as it was first written; no empty ones."""
    first: dict[str, str] = {}
    for text in texts:
        cleaned = one_line(text).strip(" ;,")
        if cleaned:
            first.setdefault(cleaned.casefold(), cleaned)
    return tuple(first.values())
