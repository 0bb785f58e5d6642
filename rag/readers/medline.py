"""NBIB, which is PubMed's MEDLINE display format saved to a file.

Read here, not with the `nbib` package: that refuses a whole file for one stray line, keeps
one of several abstracts, and states no licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.readers.file import TextFile
from rag.readers.notices import retracted_by_type
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, year_in
from rag.types import Paper, Skipped

_TAGGED = re.compile(r"([A-Z][A-Z0-9]{1,3}) {0,2}-(?: |(?=\S)|$)(.*)")
_OWN_TAGS = re.compile(r"^(?:PMID|PMC|PMCR|OWN|STAT|FAU|DCOM|JID|EDAT|PST|PT|AID|LID) {0,2}-", re.MULTILINE)
_NOTICES = {"RIN": "retracted", "PRIN": "partly retracted", "ECI": "expression of concern"}


def recognise(head: str) -> bool:
    first = next((line for line in head.lstrip("\ufeff").split("\n") if line.strip()), "")
    return _TAGGED.match(first) is not None and _OWN_TAGS.search(head) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    fields: dict[str, list[list[str]]] = {}  # of each tag its values, of each value its lines
    start = n_characters = 0
    tag = ""
    for number, line in file.lines(lenient=True):
        found = _TAGGED.match(line.lstrip("\ufeff") if number == 1 else line)
        if not line.strip() or (found and found[1] == "PMID" and "PMID" in fields):
            if fields:
                yield _paper(_joined(fields), file.origin, start, n_characters)
            fields, tag, n_characters = {}, "", 0
        n_characters += len(line)
        if found:
            tag = found[1]
            start = start if fields else number
            fields.setdefault(tag, [])
            if n_characters <= MAX_RECORD_CHARACTERS:
                fields[tag].append([found[2].strip()])
        elif tag and line.startswith("  "):
            if n_characters <= MAX_RECORD_CHARACTERS:
                fields[tag][-1].append(line.strip())
        elif line.strip():
            yield skipped(file.origin, number, "a line without a MEDLINE tag", line)
    if fields:
        yield _paper(_joined(fields), file.origin, start, n_characters)


def _joined(fields: dict[str, list[list[str]]]) -> dict[str, list[str]]:
    return {tag: [" ".join(lines) for lines in values] for tag, values in fields.items()}


def _paper(fields: dict[str, list[str]], origin: str, line: int, n_characters: int) -> Paper | Skipped:
    title = " ".join(fields.get("TI", [])) or " ".join(fields.get("TT", [])) or _first(fields, "BTI")
    if n_characters > MAX_RECORD_CHARACTERS:
        return skipped(origin, line, f"a record of more than {MAX_RECORD_CHARACTERS:,} characters", title)
    pmid = _first(fields, "PMID")
    names = [name for tag in (("FAU",) if _first(fields, "FAU") else ("AU",)) for name in fields.get(tag, [])]
    notices = (f"{word}: {_first(fields, tag)}" for tag, word in _NOTICES.items() if _first(fields, tag))
    return built(
        origin,
        line,
        title=title,
        abstract="\n".join(filter(None, fields.get("AB") or fields.get("OAB", []))),
        authors=[natural_name(name) for name in (*names, *fields.get("CN", []))],
        year=year_in(_first(fields, "DP")),
        venue=_first(fields, "JT") or _first(fields, "TA"),
        url=f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid.isdecimal() else None,
        doi=next((doi for tag in ("LID", "AID", "SO") for value in fields.get(tag, []) if (doi := _doi(value))), None),
        pmid=pmid,
        keywords=(*fields.get("OT", []), *(heading.partition("/")[0].strip("*") for heading in fields.get("MH", []))),
        notice=next(notices, None) or retracted_by_type(fields.get("PT", [])),
    )


def _first(fields: dict[str, list[str]], tag: str) -> str:
    return next((value for value in fields.get(tag, []) if value), "")


def _doi(value: str) -> str | None:
    found = re.search(r"(?:doi:\s*)?(10\.\d{4,9}/\S+?)(?:\s*\[doi\]|\.?\s|\.?$)", value)
    return found[1] if found and ("[doi]" in value or "doi:" in value) else None
