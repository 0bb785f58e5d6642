"""BibTeX; TeX stays as it is stored, and so does all else: what means something to TeX is not escaped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from rag.papers import plain_words
from rag.types import Paper
from rag.writers.names import inverted, is_group

_BRACE = re.compile(r"(?<!\\)[{}]")
_BEGINS_AN_ENTRY = re.compile(r"\n(?=\s*@\w+\s*[{(])")


def write(papers: Iterable[Paper]) -> Iterator[str]:
    for paper in papers:
        fields = ",\n".join(f"  {name} = {{{_value(value)}}}" for name, value in _fields(paper) if value)
        yield f"@{'article' if paper.venue else 'misc'}{{{_key(paper)},\n{fields}\n}}\n\n"


def _fields(paper: Paper) -> Iterator[tuple[str, str | None]]:
    yield "title", paper.title
    yield "author", " and ".join(_name(name) for name in paper.authors)
    yield "year", str(paper.year) if paper.year is not None else None
    yield "journal", paper.venue
    yield "abstract", paper.abstract.strip()
    yield "doi", paper.doi
    yield "url", paper.url
    yield "pmid", paper.pmid
    yield "eprint", paper.arxiv_id
    yield "archiveprefix", "arXiv" if paper.arxiv_id else None
    yield "keywords", "; ".join(keyword.replace(";", ",") for keyword in paper.keywords) + ";" * bool(paper.keywords)
    yield "note", f"Notice: {paper.notice}" if paper.notice else None


def _key(paper: Paper) -> str:
    """'lovelace1843-5f2a1c': the digits keep two papers of one author and year apart, whatever else is exported."""
    family = (plain_words(paper.authors[0])[-1:] or ["anon"])[0] if paper.authors else "anon"
    name = family if family.isascii() else "paper"
    digits = hashlib.sha256(paper.paper_id.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{name}{paper.year or ''}-{digits}"


def _name(name: str) -> str:
    return f"{{{name}}}" if is_group(name) else inverted(name)


def _value(text: str) -> str:
    text = _BEGINS_AN_ENTRY.sub(" ", text.replace("\r\n", "\n"))
    # An odd backslash at the end would escape the brace that closes the field.
    if (len(text) - len(text.rstrip("\\"))) % 2:
        text += " "
    return _balanced(text)


def _balanced(text: str) -> str:
    """With a backslash before every brace that has no partner."""
    opened: list[int] = []
    lonely: set[int] = set()
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif opened:
            opened.pop()
        else:
            lonely.add(found.start())
    lonely.update(opened)
    if not lonely:
        return text
    return "".join(f"\\{letter}" if place in lonely else letter for place, letter in enumerate(text))
