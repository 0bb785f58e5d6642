"""What is found by words alone: chunks without any vector, and papers that are but a title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.papers import fold, plain_words
from rag.retrieval.asked import asked
from rag.retrieval.evidence import NOTHING
from rag.retrieval.searching import Found, with_named
from rag.types import Hit, Origin, Paper

if TYPE_CHECKING:
    from rag.filters import Filter
    from rag.library import Library

N_TITLES = 3
"""Papers without an abstract that are shown behind the hits."""
_CHUNKS_PER_HIT = 3


def search_by_words(library: Library, question: str, *, k: int = 10, only: Filter | None = None) -> tuple[Hit, ...]:
    """The ``k`` best papers' best chunks by their words, best first; no embedding is loaded, and no Chroma."""
    return look_by_words(library, question, k=k, only=only).hits


def look_by_words(library: Library, question: str, *, k: int, only: Filter | None = None) -> Found:
    """The same, with what was read into the question."""
    if not question.strip() or len(library) == 0:
        return Found((), NOTHING)
    ask = asked(library, question, only=only)
    found = library.candidates(vector=None, text=ask.text or None, k=_CHUNKS_PER_HIT * k, only=ask.only)
    ranks = {chunk_id: (rank, score) for rank, (chunk_id, score) in enumerate(found.lexical, 1)}
    hits = []
    for chunk_id, versions in fold((chunk_id, found.chunks[chunk_id].paper) for chunk_id in ranks):
        stored, (rank, score) = found.chunks[chunk_id], ranks[chunk_id]
        hits.append(Hit(stored.paper, stored.chunk, score, (Origin("lexical", rank, score),), versions=tuple(versions)))
    return Found(with_named(library, None, tuple(hits), ask)[:k], NOTHING, ask)


def fitting_titles(library: Library, question: str, only: Filter | None = None) -> list[tuple[Paper, float]]:
    """Papers without an abstract whose titles share half of their words, or of the question's, with it.

    At most three, best first, each with its score by words; for a reader's eyes only, since there is
    nothing to quote.
    """
    asked = set(plain_words(question))
    found = library.titled(question, N_TITLES, only)
    return [(paper, score) for paper, score in found if _fits(asked, set(plain_words(paper.title)))]


def _fits(asked: set[str], title: set[str]) -> bool:
    n_shared = len(asked & title)
    return n_shared > 0 and 2 * n_shared >= min(len(asked), len(title))
