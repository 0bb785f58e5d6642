"""References as BibTeX, for what a conversation cites."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from rag.readable import readable
from rag.types import Paper
from ui.rendering.markup import address

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_SMALL_WORDS = frozenset("a an the on of in for to and with from by towards".split())


def bibtex(papers: Iterable[Paper]) -> str:
    """One entry a paper, each with a key of its own; "" for none.

    Values are escaped, so that a brace or a command in a title can neither end its entry
    nor be run by TeX. What a source gave as TeX was made characters first.
    """
    keys: set[str] = set()
    entries = []
    for paper in papers:
        key = _key(paper)
        n = 1
        while key in keys:
            n += 1
            key = f"{_key(paper)}-{n}"
        keys.add(key)
        entries.append(_entry(key, paper))
    return "\n".join(entries)


def _entry(key: str, paper: Paper) -> str:
    fields = {
        "title": f"{{{_value(readable(paper.title))}}}",  # doubled braces keep its capitals
        "author": " and ".join(_author(readable(author)) for author in paper.authors),
        "year": str(paper.year) if paper.year is not None else "",
        "journal": _value(readable(paper.venue or "")),
        "doi": _value(paper.doi or ""),
        "eprint": _value(paper.arxiv_id or ""),
        "archiveprefix": "arXiv" if paper.arxiv_id else "",
        "pmid": _value(paper.pmid or ""),
        "url": _value(address(paper) or ""),
        "note": _value(paper.notice or ""),
    }
    kind = "article" if paper.venue else "misc"
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])


def _value(text: str) -> str:
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "".join(_SPECIAL.get(character, character) for character in one_line)


def _author(name: str) -> str:
    """Braced if an 'and' in it would make two of it."""
    value = _value(name)
    return f"{{{value}}}" if re.search(r"\band\b", value) else value


def _key(paper: Paper) -> str:
    """Family name, year and the first telling word of the title, in plain letters: 'chen2022fblnet'."""
    names = _plain(readable(paper.authors[0])).split() if paper.authors else []
    words = [word for word in _plain(readable(paper.title)).split() if word not in _SMALL_WORDS]
    parts = [names[-1] if names else "", str(paper.year or ""), words[0] if words else ""]
    return "".join(parts) or "paper"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"[a-z0-9]+", folded.encode("ascii", "ignore").decode()))
