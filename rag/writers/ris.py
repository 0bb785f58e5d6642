"""RIS, which every reference manager reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rag.types import Paper
from rag.writers.names import inverted

_LINE_END = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_LOOKS_LIKE_A_TAG = re.compile(r"[A-Z][A-Z0-9] {1,2}-(?: |$)")


def write(papers: Iterable[Paper]) -> Iterator[str]:
    for paper in papers:
        lines = [f"{tag}  - {_value(value)}" for tag, value in _fields(paper) if value]
        yield "\n".join([*lines, "ER  - ", "", ""])


def _fields(paper: Paper) -> Iterator[tuple[str, str | None]]:
    yield "TY", "JOUR" if paper.venue else "GEN"
    yield "TI", paper.title
    yield from (("AU", inverted(name)) for name in paper.authors)
    yield "PY", str(paper.year) if paper.year is not None else None
    yield "JF", paper.venue
    yield "AB", paper.abstract
    yield "DO", paper.doi
    yield "UR", paper.url
    yield "C2", f"PMID: {paper.pmid}" if paper.pmid else None
    yield "N1", f"arXiv: {paper.arxiv_id}" if paper.arxiv_id else None
    yield "N1", f"Notice: {paper.notice}" if paper.notice else None
    yield from (("KW", keyword.replace(";", ",")) for keyword in paper.keywords)


def _value(text: str) -> str:
    """On lines that cannot be taken for tags; blank ones, which readers pass over, left out."""
    first, *others = [line for line in _LINE_END.split(text.strip()) if line.strip()] or [""]
    return "\n".join([first, *(f" {line}" if _LOOKS_LIKE_A_TAG.match(line) else line for line in others)])
