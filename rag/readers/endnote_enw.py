"""EndNote's tagged format (.enw, 'Refer'): lines such as '%T Title', a record from each '%0' on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.readers.file import TextFile
from rag.readers.notices import retracted_by_type
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, year_in
from rag.types import Paper, Skipped

_TAGGED = re.compile(r"%([0-9A-Z@!?&(*+^>#<$\[=~])(?: (.*)|$)")


def recognise(head: str) -> bool:
    first = next((line for line in head.lstrip("\ufeff").split("\n") if line.strip()), "")
    # A TeX comment may begin in the same way; it has no title or type below it.
    return _TAGGED.match(first) is not None and re.search(r"^%(?:0|T|X)(?: |$)", head, re.MULTILINE) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    fields: dict[str, list[str]] = {}
    start = n_characters = 0
    tag, is_after_gap = "", False
    for number, line in file.lines(lenient=True):
        found = _TAGGED.match(line.lstrip("\ufeff") if number == 1 else line)
        if found and fields and (found[1] == "0" or (is_after_gap and found[1] in fields)):
            yield _paper(fields, file.origin, start, n_characters)
            fields, n_characters = {}, 0
        n_characters += len(line)
        if found:
            tag = found[1]
            start = start if fields else number
            fields.setdefault(tag, [])
            if n_characters <= MAX_RECORD_CHARACTERS:
                fields[tag].append((found[2] or "").strip())
        elif tag and line.strip():
            if n_characters <= MAX_RECORD_CHARACTERS:
                fields[tag].append(line.strip())
        elif line.strip():
            yield skipped(file.origin, number, "a line without a tag", line)
        is_after_gap = not line.strip()
    if fields:
        yield _paper(fields, file.origin, start, n_characters)


def _paper(fields: dict[str, list[str]], origin: str, line: int, n_characters: int) -> Paper | Skipped:
    title = " ".join(fields.get("T", []))
    if n_characters > MAX_RECORD_CHARACTERS:
        return skipped(origin, line, f"a record of more than {MAX_RECORD_CHARACTERS:,} characters", title)
    database = " ".join((*fields.get("W", []), *fields.get("~", []))).lower()
    return built(
        origin,
        line,
        title=title,
        abstract="\n".join(filter(None, fields.get("X", []))),
        authors=[natural_name(name) for name in fields.get("A", [])],
        year=year_in(_first(fields, "D")) or year_in(_first(fields, "8")),
        venue=_first(fields, "J") or _first(fields, "B"),
        url=next((url for url in fields.get("U", []) if url.startswith("http")), None),
        doi=next((text for text in fields.get("R", []) if "10." in text), None),
        pmid=_first(fields, "M") if "pubmed" in database or "medline" in database else None,
        keywords=[part for keyword in fields.get("K", []) for part in keyword.split(";")],
        notice=retracted_by_type(fields.get("9", [])),
    )


def _first(fields: dict[str, list[str]], tag: str) -> str:
    return next((value for value in fields.get(tag, []) if value), "")
