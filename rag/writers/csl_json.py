"""CSL-JSON, as citation processors, Zotero and Pandoc read it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from typing import Any

from rag.readers.markup import without_tags
from rag.types import Paper
from rag.writers.names import parts


def write(papers: Iterable[Paper]) -> Iterator[str]:
    before = "[\n"
    for paper in papers:
        yield before + json.dumps(_item(paper), ensure_ascii=True, indent=1)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _item(paper: Paper) -> dict[str, Any]:
    notes = [f"arXiv: {paper.arxiv_id}"] if paper.arxiv_id else []
    notes += [f"Notice: {paper.notice}"] if paper.notice else []
    item: dict[str, Any] = {
        "id": paper.paper_id,
        "type": "article-journal" if paper.venue else "article",
        "title": _text(paper.title),
        "abstract": _text(paper.abstract),
        "author": [_name(name) for name in paper.authors],
        "issued": {"date-parts": [[paper.year]]} if paper.year is not None else None,
        "container-title": _text(paper.venue or ""),
        "URL": paper.url,
        "DOI": paper.doi,
        "PMID": paper.pmid,
        # The last semicolon says that commas are part of a keyword.
        "keyword": "".join(f"{keyword}; " for keyword in paper.keywords).rstrip(" "),
        "note": "\n".join(notes),
    }
    return {key: value for key, value in item.items() if value}


def _text(text: str) -> str:
    """As it must stand where mark-up is allowed."""
    return text if without_tags(text) == text else html.escape(text, quote=False)


def _name(name: str) -> dict[str, str]:
    given, family = parts(name)
    return {"given": given, "family": family} if given else {"literal": family}
