"""BibTeX and BibLaTeX, entry by entry with bibtexparser.

An entry begins where a line begins with '@type{', which is also where bibtexparser gives an
unfinished one up; so entries are parsed one at a time, and one that is broken costs no other.
TeX stays as it is: ``rag.readable`` makes it readable.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from bibtexparser.entrypoint import parse_string
from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry, ParsingFailedBlock, String

from rag.readers.file import MAX_LINE_CHARACTERS, TextFile
from rag.readers.notices import noted_notice
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, split_list, year_in
from rag.types import Paper, Skipped

_BEGINS = re.compile(r"\s{0,20}@(\w{1,40})[ \t]{0,20}[{(]")
_IS_BIBTEX = re.compile(r"^\s{0,20}@(?!import|media|charset)[a-zA-Z]{1,40}[ \t]{0,20}[{(]", re.MULTILINE)
_ENTRY = re.compile(r"@[a-zA-Z]{1,40}[ \t]{0,20}[{(]")
_JOINED = re.compile(r"\s#\s")
_BRACES = re.compile(r"(?<!\\)[{}]")
_MAX_STRINGS = 10_000
_MAX_ENTRIES_IN_A_PIECE = 500
"""bibtexparser takes quadratic time for entries that break each other off."""
_MAX_STRING_CHARACTERS = 10_000
_MAX_JOINED = 50
_MAX_AUTHOR_CHARACTERS = 1_000_000
_NAMES = re.compile(r"\s+and\s+", re.IGNORECASE)

# It warns of every broken entry; they come out as Skipped here, and need not be told twice.
logging.getLogger("bibtexparser").setLevel(logging.ERROR)


def recognise(head: str) -> bool:
    first = next((line.strip() for line in head.lstrip("\ufeff").split("\n") if line.strip()), "")
    return first[:1] in ("@", "%") and (_IS_BIBTEX.search(head) is not None or _ENTRY.search(first) is not None)


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    strings: dict[str, str] = {}
    for line, text, longest in _entries(file):
        if len(text) > MAX_RECORD_CHARACTERS:
            yield skipped(file.origin, line, f"an entry of more than {MAX_RECORD_CHARACTERS:,} characters", text[:200])
        elif longest > MAX_LINE_CHARACTERS:
            reason = f"an entry with a line of more than {MAX_LINE_CHARACTERS:,} characters"
            yield skipped(file.origin, line, reason, text[:200])
        elif sum(1 for _ in _ENTRY.finditer(text)) > _MAX_ENTRIES_IN_A_PIECE:
            reason = f"more than {_MAX_ENTRIES_IN_A_PIECE} entries without a line break before the '@': put one there"
            yield skipped(file.origin, line, reason, text[:200])
        else:
            yield from _read_entries(file.origin, line, text, strings)


def _entries(file: TextFile) -> Iterator[tuple[int, str, int]]:
    """Everything from one line that begins an entry to the next: its line, its text, and its longest line's length.

    What is before the first is comment.
    """
    start, n_characters, longest = 0, 0, 0
    lines: list[str] = []
    for number, line in file.lines(lenient=True):
        if _BEGINS.match(line) or (not start and _ENTRY.search(line)):
            if start:
                yield start, "\n".join(lines), longest
            start, lines, n_characters, longest = number, [], 0, 0
        if start and n_characters <= MAX_RECORD_CHARACTERS:
            n_characters += len(line) + 1
            longest = max(longest, len(line))
            lines.append(line)
    if start:
        yield start, "\n".join(lines), longest


def _read_entries(origin: str, line: int, text: str, strings: dict[str, str]) -> Iterator[Paper | Skipped]:
    """Nearly always one; a file without line breaks has all of them here."""
    for block in parse_string(text, parse_stack=[]).blocks:
        if isinstance(block, DuplicateFieldKeyBlock | DuplicateBlockKeyBlock) and block.ignore_error_block is not None:
            block = block.ignore_error_block
        if isinstance(block, String):
            if len(strings) < _MAX_STRINGS:
                strings[block.key.lower()] = _value(str(block.value), strings)[:_MAX_STRING_CHARACTERS]
        elif isinstance(block, Entry):
            yield _paper(origin, line + (block.start_line or 0), block, strings)
        elif isinstance(block, ParsingFailedBlock):
            reason = getattr(block.error, "abort_reason", "") or str(block.error)
            yield skipped(origin, line + (block.start_line or 0), f"a broken entry: {reason}", text[:200])


def _value(raw: str, strings: dict[str, str]) -> str:
    """Without its braces or quotation marks; names of strings and what is joined with '#' are put together."""
    if raw.startswith("{") and raw.endswith("}") and _closes_last(raw):
        return raw[1:-1]
    if raw.startswith('"') and raw.endswith('"') and len(raw) > 1 and '" #' not in raw:
        return raw[1:-1]
    parts = _JOINED.split(raw)
    if len(parts) == 1 or len(parts) > _MAX_JOINED:
        return strings.get(raw.lower(), raw)
    return "".join(_value(part.strip(), strings) for part in parts)


def _closes_last(raw: str) -> bool:
    """Whether the first brace is closed by the last one."""
    depth = 0
    for found in _BRACES.finditer(raw, 0, len(raw) - 1):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return False
    return True


def _paper(origin: str, line: int, entry: Entry, strings: dict[str, str]) -> Paper | Skipped:
    fields: dict[str, str] = {}
    for field in entry.fields:
        fields.setdefault(field.key.lower(), _value(str(field.value), strings))
    is_arxiv = "arxiv" in (fields.get("archiveprefix") or fields.get("eprinttype") or "").lower()
    eprint = fields.get("eprint", "")
    title = ": ".join(filter(None, (fields.get("title", "").strip(), fields.get("subtitle", "").strip())))
    is_marked = any("retracted" in fields.get(name, "").lower() for name in ("keywords", "note", "pubstate"))
    return built(
        origin,
        line,
        title=title,
        # How far the lines of a field are indented is the file's layout, not the abstract's.
        abstract=re.sub(r"[ \t]*\n[ \t]*", "\n", fields.get("abstract", "").strip()),
        authors=_authors(fields.get("author", "")),
        year=year_in(fields.get("year")) or year_in(fields.get("date")),
        venue=fields.get("journal")
        or fields.get("journaltitle")
        or fields.get("booktitle")
        or fields.get("howpublished"),
        url=fields.get("url", "").removeprefix("\\url").strip("{} ").replace("\\_", "_").replace("\\%", "%"),
        doi=fields.get("doi", "").replace("\\_", "_").strip("{} "),
        arxiv_id=eprint if is_arxiv or not eprint.isdecimal() else None,
        pmid=fields.get("pmid") or (eprint if fields.get("eprinttype", "").lower() in ("pubmed", "pmid") else None),
        keywords=split_list(fields.get("keywords") or fields.get("keyword") or ""),
        notice=noted_notice(fields.get("note", "")) or ("retracted (says its entry)" if is_marked else None),
    )


def _authors(text: str) -> Iterator[str]:
    """'Family, Given and Family, Given'; a name in braces is an institution and stays whole."""
    for name in _names(text[:_MAX_AUTHOR_CHARACTERS]) if text.strip() else ():
        name = name.strip()
        yield name[1:-1] if name.startswith("{") and name.endswith("}") and _closes_last(name) else natural_name(name)


def _names(text: str) -> Iterator[str]:
    """The names between the 'and's that no brace encloses."""
    if "{" not in text:
        yield from _NAMES.split(text)
        return
    start = at = depth = 0
    for found in _NAMES.finditer(text):
        for brace in _BRACES.finditer(text, at, found.start()):
            depth += 1 if brace[0] == "{" else -1
        at = found.start()
        if depth <= 0:
            yield text[start : found.start()]
            start, depth = found.end(), 0
    yield text[start:]
