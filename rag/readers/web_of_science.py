"""The tagged format of the Web of Science (and of the ISI and INSPEC before it); rispy reads its records."""

from __future__ import annotations

import re
from collections.abc import Iterator

import rispy  # type: ignore[import-untyped]  # it has no types

from rag.readers.file import TextFile
from rag.readers.notices import retracted_by_type
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, split_list, year_in
from rag.readers.tagged import Record, records
from rag.types import Paper, Skipped

_START = re.compile(r"PT\b")
_END = re.compile(r"ER\s*$")
_FRAME = re.compile(r"(?:FN|VR|EF)\b.*")
_SINGLE = ("PT", "TI", "SO", "PY", "DI", "D2", "PM", "DE", "ID", "DT", "UT", "JI", "PD")
_LISTS = ("AU", "AF", "AB")


def recognise(head: str) -> bool:
    begins = re.match(r"[\s\ufeff]*(?:FN |VR |PT )", head) is not None
    return begins and re.search(r"^PT [A-Z]\s*$", head, re.MULTILINE) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for record in records(file, _is_start, _is_end, _is_frame):
        yield _paper(record, file.origin)


def _is_start(line: str) -> bool:
    return _START.match(line) is not None


def _is_end(line: str) -> bool:
    return _END.match(line) is not None


def _is_frame(line: str) -> bool:
    return _FRAME.fullmatch(line) is not None


def _paper(record: Record, origin: str) -> Paper | Skipped:
    shown = " ".join(record.lines[:3])
    if not record.has_start:
        return skipped(origin, record.line, "lines that belong to no record (it would begin with 'PT ')", shown)
    if record.is_too_long:
        return skipped(origin, record.line, f"a record of more than {MAX_RECORD_CHARACTERS:,} characters", shown)
    if record.is_last and not record.has_end:
        return skipped(origin, record.line, "the file ends inside this record, which may be cut off", shown)
    fields = _fields(record.lines)
    authors = [part for name in fields.get("AF") or fields.get("AU", []) for part in name.split(";")]
    return built(
        origin,
        record.line,
        title=_first(fields, "TI"),
        abstract=" ".join(fields.get("AB", [])),
        authors=[natural_name(name) for name in authors],
        year=year_in(_first(fields, "PY")) or year_in(_first(fields, "PD")),
        venue=_first(fields, "SO") or _first(fields, "JI"),
        doi=_first(fields, "DI") or _first(fields, "D2"),
        pmid=_first(fields, "PM") or _medline_number(_first(fields, "UT")),
        keywords=[*split_list(_first(fields, "DE")), *split_list(_first(fields, "ID"))],
        notice=retracted_by_type([_first(fields, "DT")]),
    )


def _medline_number(accession: str) -> str | None:
    return accession.removeprefix("MEDLINE:") if accession.startswith("MEDLINE:") else None


def _fields(lines: list[str]) -> dict[str, list[str]]:
    parser = rispy.WokParser(
        mapping={tag: tag for tag in (*_SINGLE, *_LISTS, "ER")}, list_tags=list(_LISTS), skip_unknown_tags=True
    )
    (record,) = parser.parse_lines(iter([*lines, "ER"]))
    return {tag: value if isinstance(value, list) else [value] for tag, value in record.items()}


def _first(fields: dict[str, list[str]], tag: str) -> str:
    return next(iter(fields.get(tag, [])), "")
