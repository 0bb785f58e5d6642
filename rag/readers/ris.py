"""RIS, as reference managers and databases export it; rispy knows the tags' lines, we cut the file into records.

(rispy reads whole files, and passes over a record that has no end.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import rispy  # type: ignore[import-untyped]  # it has no types

from rag.papers import clean_doi
from rag.readers.file import TextFile
from rag.readers.notices import noted_notice, retracted_by_type
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, year_in
from rag.readers.tagged import Record, records
from rag.types import Paper, Skipped

_START = re.compile(r"TY {1,2}-(?: |$)")
_END = re.compile(r"ER {1,2}-(?: |$)")
_NUMBERING = re.compile(r"\s*\d+\s*[.)>]?\s*")
_FIRST_ONLY = (
    "TY",
    "TI",
    "T1",
    "CT",
    "BT",
    "ST",
    "T2",
    "JF",
    "JO",
    "JA",
    "J2",
    "PY",
    "Y1",
    "DA",
    "ID",
    "M3",
    "DB",
    "DP",
)
_ALL = ("AB", "N2", "AU", "A1", "KW", "DO", "UR", "L1", "L2", "LK", "AN", "U1", "N1", "M1", "C2", "C7", "PM", "SE")
_PMID = re.compile(r"(?:\bPMID:?\s*(\d{1,9})\b|\b(\d{1,9})\s?\[pmid\])", re.IGNORECASE)
_ARXIV = re.compile(r"arXiv:\s*(\S{5,40})", re.IGNORECASE)
_MEDLINE = ("medline", "pubmed", "nlm")


def recognise(head: str) -> bool:
    return re.search(r"^\ufeff?\s{0,3}(?:TY|ER) {1,2}-(?: |$)", head, re.MULTILINE) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for record in records(file, _is_start, _is_end, _is_numbering):
        # Ovid writes the journal's name and a link behind each record's end.
        if record.has_start or not record.lines[0].startswith("NL  -"):
            yield _paper(record, file.origin)


def _is_start(line: str) -> bool:
    return _START.match(line) is not None


def _is_end(line: str) -> bool:
    return _END.match(line) is not None


def _is_numbering(line: str) -> bool:
    return _NUMBERING.fullmatch(line) is not None


def _paper(record: Record, origin: str) -> Paper | Skipped:
    shown = " ".join(record.lines[:3])
    if not record.has_start:
        return skipped(origin, record.line, "lines that belong to no record (it would begin with 'TY  - ')", shown)
    if record.is_too_long:
        return skipped(origin, record.line, f"a record of more than {MAX_RECORD_CHARACTERS:,} characters", shown)
    fields = _fields(record.lines)
    if not record.has_end and record.is_last:
        reason = "the file ends inside this record, which may be cut off: complete it and end it with a line 'ER  - '"
        return skipped(origin, record.line, reason, _first(fields, "TI", "T1"))
    urls = [url for name in ("UR", "LK", "L2", "L1") for part in fields.get(name, []) for url in part.split(";")]
    dois = [text for tag in ("DO", "M3", "N1", "SE") for text in fields.get(tag, []) if "10." in text]
    return built(
        origin,
        record.line,
        title=_first(fields, "TI", "T1", "CT", "BT", "ST"),
        abstract=max(("\n".join(fields.get(name, [])).strip() for name in ("AB", "N2")), key=len),
        authors=[natural_name(name) for tag in ("AU", "A1") for name in fields.get(tag, [])],
        year=next((year for tag in ("PY", "Y1", "DA") if (year := year_in(_first(fields, tag)))), None),
        venue=_first(fields, "JF", "T2", "JO", "J2", "JA"),
        url=next((url.strip() for url in urls if url.strip().startswith("http")), None),
        doi=next((doi for text in (*dois, *urls) if (doi := clean_doi(text))), None),
        pmid=_pmid(fields),
        keywords=[part for keyword in fields.get("KW", []) for part in keyword.split(";")],
        arxiv_id=next((found[1] for note in fields.get("N1", []) if (found := _ARXIV.match(note))), None),
        notice=retracted_by_type([_first(fields, "M3"), *fields.get("KW", [])])
        or noted_notice("\n".join(fields.get("N1", []))),
    )


def _fields(lines: list[str]) -> dict[str, list[str]]:
    """By tag, each with its values or, where it continues, its lines in order."""
    names = {tag: tag for tag in (*_FIRST_ONLY, *_ALL)}
    parser = rispy.RisParser(
        mapping=names, list_tags=list(_ALL), delimiter_tags_mapping={}, skip_unknown_tags=True, enforce_list_tags=True
    )
    # A tag with one blank before its dash (some exporters) is the same tag.
    spaced = (re.sub(r"^([A-Z][A-Z0-9]) - ", r"\1  - ", line) for line in lines)
    (record,) = parser.parse_lines(iter([*spaced, "ER  - "]))
    return {tag: value if isinstance(value, list) else [value] for tag, value in record.items()}


def _first(fields: dict[str, list[str]], *tags: str) -> str:
    return next((value for tag in tags for value in fields.get(tag, []) if value.strip()), "")


def _pmid(fields: dict[str, list[str]]) -> str | None:
    for tag in ("PM", "U1", "C7", "C2", "N1", "M1", "AN"):
        for value in fields.get(tag, []):
            if found := _PMID.search(value):
                return found[1] or found[2]
            if tag == "PM":
                return value
    database = _first(fields, "DB", "DP").lower()
    return _first(fields, "AN") if any(name in database for name in _MEDLINE) else None
