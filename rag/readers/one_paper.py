"""A note about one paper: Markdown with a heading, front matter, or text with 'Title:' and 'Abstract:'.

Several papers with labels, one after the other, are read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.readers.file import TextFile
from rag.readers.records import MAX_RECORD_CHARACTERS, built, natural_name, skipped, split_list, year_in
from rag.types import Paper, Skipped

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_LABEL = re.compile(
    r"\s*(?:[*_]{0,3})(title|authors?|abstract|summary|year|date|published|journal|venue|doi|arxiv(?:[ _-]?id)?|pmid|"
    r"url|link|keywords?|tags)(?:[*_]{0,3})\s*(?::[*_]{0,3}|(?<=\*)[.—–-]|[.—–-](?=\*\*))\s*[*_]{0,3}(.*)$",
    re.IGNORECASE,
)
_ABSTRACT_ALONE = re.compile(r"\s*[*_]{0,3}(?:abstract|summary)[*_]{0,3}\s*[:.]?[*_]{0,3}\s*$", re.IGNORECASE)
_NAMES = {"author": "authors", "summary": "abstract", "date": "year", "published": "year", "journal": "venue",
          "link": "url", "keyword": "keywords", "tags": "keywords"}  # fmt: skip
_LISTS = ("authors", "keywords")
_MAX_NOTE_CHARACTERS = 20_000
"""A Markdown file without an abstract's heading is taken for a note about a paper up to here."""
_NO_NOTE = re.compile(r"^(?:```|~~~|\s*[-*+] |\s*\d+\. |\||<|#{1,6} )", re.MULTILINE)


def recognise(head: str) -> bool:
    text = head.lstrip("\ufeff \t\r\n")
    first, _, rest = text.partition("\n")
    if re.match(r"title\s*:\s*\S", first, re.IGNORECASE):
        return True
    if first.strip() == "---":
        return re.match(r"(?:[^\n]{0,2000}\n){0,40}?\s*title\s*:\s*\S", rest, re.IGNORECASE) is not None
    if (heading := _HEADING.match(first)) is None or len(heading[1]) > 1:
        return False
    lines = rest.split("\n")
    if any(
        _is_abstract_heading(line) or ((label := _LABEL.match(line)) and _field(label) == "abstract") for line in lines
    ):
        return True
    # A heading and nothing but prose below it; what has lists, code or more headings is another kind of document.
    return len(text) < _MAX_NOTE_CHARACTERS and _NO_NOTE.search(rest) is None and len(rest.split()) >= 20


def _is_abstract_heading(line: str) -> bool:
    heading = _HEADING.match(line)
    return _ABSTRACT_ALONE.match(heading[2] if heading else line) is not None


def _field(label: re.Match[str]) -> str:
    name = label[1].lower()
    return "arxiv_id" if name.startswith("arxiv") else _NAMES.get(name, name)


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    fields: dict[str, list[str]] = {}
    field: str | None = None
    start, n_characters, is_front, rest = 1, 0, False, 0
    for number, line in file.lines(lenient=True):
        if number == 1:
            line = line.lstrip("\ufeff")
        heading = _HEADING.match(line) if not is_front else None
        label = _LABEL.match(line) if field != "abstract" or re.match(r"title\s*:\s*\S", line, re.IGNORECASE) else None
        if line.strip() == "---" and not fields:
            is_front = True
        elif line.strip() in ("---", "...") and is_front:
            is_front, field = False, "body"
        elif heading and not fields.get("title"):
            start, fields["title"], field = number, [heading[2]], "body"
        elif _is_abstract_heading(line):
            fields.setdefault("abstract", [])
            field = "abstract"
        elif heading:
            rest, field = rest or number, None
        elif label and (is_front or field != "body" or "body" not in fields or _field(label) == "abstract"):
            name = _field(label)
            if name == "title" and fields.get("title") and ("abstract" in fields or "body" in fields):
                yield _paper(fields, file.origin, start, n_characters)
                fields, n_characters = {}, 0
            start = number if name == "title" else start
            fields.setdefault(name, []).append(label[2].strip().strip("\"'") if name != "abstract" else label[2])
            field = name if name in ("abstract", *_LISTS) or is_front else "body"
        elif field == "body" and not line.strip() and "body" not in fields:
            pass
        elif field is not None and n_characters <= MAX_RECORD_CHARACTERS:
            n_characters += len(line)
            if field in _LISTS and not line.strip() and not is_front:
                field = "body"
            else:
                fields.setdefault(field, []).append(line)
        elif field is None and line.strip():
            rest = rest or number
    if fields:
        yield _paper(fields, file.origin, start, n_characters)
    if rest:
        yield skipped(file.origin, rest, "what stands behind the abstract is not read")


def _paper(fields: dict[str, list[str]], origin: str, line: int, n_characters: int) -> Paper | Skipped:
    def text(name: str) -> str:
        return "\n".join(fields.get(name, [])).strip()

    if n_characters > MAX_RECORD_CHARACTERS:
        return skipped(origin, line, f"a paper of more than {MAX_RECORD_CHARACTERS:,} characters", text("title"))
    return built(
        origin,
        line,
        title=text("title"),
        abstract=_block(text("abstract") or text("body")),
        authors=[natural_name(name) for name in _listed(text("authors"))],
        year=year_in(text("year")),
        venue=text("venue"),
        url=text("url").strip("[]()<> "),
        doi=text("doi").strip("[]()<> "),
        arxiv_id=text("arxiv_id"),
        pmid=text("pmid"),
        keywords=_listed(text("keywords")),
    )


def _block(text: str) -> str:
    """Without YAML's sign that a block of text follows."""
    return re.sub(r"^[|>][+-]?\n", "", text)


def _listed(text: str) -> list[str]:
    """'A, B and C', 'A; B', '[A, B]', or one on each line behind a dash."""
    if "\n" in text:
        return [re.sub(r"^\s*[-*]\s+", "", part).strip(" \"'") for part in text.split("\n")]
    bare = text.strip("[] ")
    parts = split_list(bare) if ";" in bare else re.split(r",\s+and\s+|,\s*|\s+and\s+", bare)
    return [part.strip(" \"'") for part in parts]
