"""The one place where outside text meets HTML, and the few pieces that every part of the page uses.

Every title, abstract, question, sentence, file name and error goes through ``text`` (or
``outside``, which also keeps its writing direction to itself); every tag and attribute
in the result was written in these modules.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from urllib.parse import quote, urlsplit

from rag.readable import readable
from rag.types import Paper, Source, Span, Verdict

SIGNS: dict[Verdict, str] = {
    "supported": "✓",
    "partial": "◐",
    "contradicted": "✗",
    "unsupported": "✗",
    "uncited": "○",
    "unchecked": "?",
}
# C0 controls but tab and line ends, DEL, and lone surrogates, which no UTF-8 answer can carry
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SHORT_CHARS = 60
_NAME_CHARS = 24


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of an abstract that bears a claim; ``claim_id`` is the element id of the claim."""

    span: Span
    claim_id: str


def text(value: str) -> str:
    """``value`` as it reads, whatever it holds, for element content and quoted attributes."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value), quote=True)


def outside(value: str) -> str:
    """``text`` whose direction marks cannot reorder what stands beside it."""
    return f"<bdi>{text(value)}</bdi>"


@functools.cache
def site_icon() -> str:
    """The link to the page's icon, which it holds itself: a browser would look for one outside a proxy's prefix."""
    drawing = (resources.files("ui") / "favicon.svg").read_text(encoding="utf-8").strip()
    return f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{quote(drawing)}">'


def title_of(paper: Paper) -> str:
    """Its title as a person reads it: TeX as characters. A paper may have none."""
    return readable(paper.title) or paper.paper_id


def shortened(value: str, characters: int = _SHORT_CHARS) -> str:
    return value if len(value) <= characters else value[: characters - 1].rstrip() + "…"


def short_name(title: str) -> str:
    """What people call a paper: 'FBLNet' of 'FBLNet: A feedback loop network'; else the title, shortened."""
    name, colon, _ = readable(title).partition(":")
    return name if colon and 0 < len(name) <= _NAME_CHARS else shortened(readable(title))


def papers_of(sources: Iterable[Source]) -> list[Paper]:
    """The papers of ``sources``, each once, in their order."""
    return list({source.hit.paper.paper_id: source.hit.paper for source in sources}.values())


def card_ids(number: int, sources: Iterable[Source]) -> dict[str, str]:
    """Element ids of the cards of a turn by paper id: they stay what they are while the turn goes on."""
    return {p.paper_id: f"turn-{number}-paper-{position}" for position, p in enumerate(papers_of(sources), 1)}


def claim_id(number: int, position: int) -> str:
    """The element id of a claim, which its link names; both count from 1."""
    return f"turn-{number}-claim-{position}"


def address(paper: Paper) -> str | None:
    """Where the paper can be read; None without an address that a browser should follow."""
    if paper.url:
        try:
            parts = urlsplit(paper.url.strip())
        except ValueError:
            parts = urlsplit("")
        if parts.scheme in ("http", "https") and parts.netloc:
            return parts.geturl()
    if paper.doi:
        return "https://doi.org/" + quote(paper.doi, safe="/.:;()-_")
    if paper.arxiv_id:
        return "https://arxiv.org/abs/" + quote(paper.arxiv_id, safe="/.")
    return None


def highlighted(abstract: str, marks: Iterable[Mark]) -> str:
    """The whole abstract, escaped, with exactly the marked characters inside ``<mark>``.

    Where marks overlap the text is cut so that each piece names every claim it bears;
    a mark that reaches beyond the abstract ends with it.
    """
    kept = [m for m in marks if 0 <= m.span.start < min(m.span.end, len(abstract))]
    cuts = sorted({0, len(abstract), *(at for m in kept for at in (m.span.start, min(m.span.end, len(abstract))))})
    pieces: list[str] = []
    for start, end in pairwise(cuts):
        claims = dict.fromkeys(m.claim_id for m in kept if m.span.start <= start and end <= m.span.end)
        piece = text(abstract[start:end])
        pieces.append(f'<mark data-claims="{text(" ".join(claims))}" tabindex="-1">{piece}</mark>' if claims else piece)
    return "".join(pieces)


def icon(name: str) -> str:
    """A small drawing that says nothing to a screen reader: what it stands on has a label."""
    return f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">{_ICONS[name]}</svg>'


_ICONS = {
    "menu": '<path d="M3 5.5h14M3 10h14M3 14.5h14"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "more": '<circle cx="4.5" cy="10" r="1.1"/><circle cx="10" cy="10" r="1.1"/><circle cx="15.5" cy="10" r="1.1"/>',
    "close": '<path d="M5 5l10 10M15 5L5 15"/>',
    "gear": '<path d="M3 6h7M14 6h3M3 14h3M10 14h7"/><circle cx="12" cy="6" r="2"/><circle cx="8" cy="14" r="2"/>',
    "help": '<path d="M7.5 7.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.7v.4"/><circle cx="10" cy="14.6" r=".6"/>',
    "copy": '<rect x="7" y="7" width="9" height="9" rx="1.5"/><path d="M13 4.5H5.5A1.5 1.5 0 0 0 4 6v7"/>',
    "up": '<path d="M6 9v7H3.5V9zM6 9l3.5-6c1.2 0 1.9.9 1.7 2l-.5 2.5h4.8c.9 0 1.5.8 1.3 1.7'
    'l-1.3 5.6c-.2.7-.8 1.2-1.5 1.2H6"/>',
    "down": '<path d="M14 11V4h2.5v7zM14 11l-3.5 6c-1.2 0-1.9-.9-1.7-2l.5-2.5H4.5c-.9 0-1.5-.8-1.3-1.7'
    'l1.3-5.6C4.7 4.5 5.3 4 6 4h8"/>',
    "link": '<path d="M8.5 11.5a3 3 0 0 0 4.2 0l2.8-2.8a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0'
    'l-2.8 2.8a3 3 0 0 0 4.2 4.2l1-1"/>',
    "book": '<path d="M3.5 4.5h4.8c1 0 1.7.7 1.7 1.7v10c0-.9-.7-1.5-1.7-1.5H3.5zM16.5 4.5h-4.8'
    'c-1 0-1.7.7-1.7 1.7v10c0-.9.7-1.5 1.7-1.5h4.8z"/>',
    "filter": '<path d="M3 5h14M6 10h8M8.5 15h3"/>',
    "again": '<path d="M15.5 6.5A6.3 6.3 0 1 0 16.3 11M16 3v4h-4"/>',
    "search": '<circle cx="9" cy="9" r="5"/><path d="M13 13l4 4"/>',
    "file": '<path d="M5 3h6.5L15 6.5V17H5zM11.5 3v3.5H15"/>',
}
