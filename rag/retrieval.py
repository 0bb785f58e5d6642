"""From a question to hits: dense and lexical, fused, one hit a chunk, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.filters import Filter
from rag.index.vectors import FloatArray
from rag.library import Library
from rag.papers import fold
from rag.types import Hit, Origin, Paper

DEPTH = 30
"""How many chunks each side is asked for before fusion."""

LEXICAL_SHARE = 0.5
"""How much the words count against the meaning. Tuned on 1,000 questions about 440 arXiv
abstracts: right paper first for 98.9 %, against 97.9 % at 0.3 and 97.4 % at 0.7."""


def search(library: Library, question: str, *, k: int = 10, only: Filter | None = None) -> tuple[Hit, ...]:
    """The ``k`` best papers' best chunks for a question, best first; () if nothing is found.

    The whole of the question counts: its meaning against each chunk with its title, its
    words against title and text. Raises LibraryMismatch if the library was made with
    another embedding, EmbeddingError if the question cannot be embedded.
    """
    if not question.strip() or len(library) == 0:
        return ()
    return find(library, question, embed(library, question), k=k, only=only)


def embed(library: Library, question: str) -> FloatArray:
    """The question's unit vector, float32 (n_dims,)."""
    vector: FloatArray = library.embedder.embed([question])[0]
    return vector


def find(
    library: Library,
    question: str,
    vector: FloatArray,
    *,
    k: int,
    depth: int = DEPTH,
    only: Filter | None = None,
) -> tuple[Hit, ...]:
    """As ``search``, with the question already embedded."""
    found = library.candidates(vector=vector, text=question, k=depth, only=only)
    words = dict(found.lexical)
    # Both sides' finds are compared with the question by both measures, so that being
    # missed by one side's cut costs a chunk nothing but what it lacks.
    meaning = {
        chunk_id: (float(stored.vector @ vector), float((stored.sentence_vectors @ vector).max()))
        for chunk_id, stored in found.chunks.items()
    }
    scores = fuse(meaning, words)
    dense = {chunk_id: rank for rank, (chunk_id, _) in enumerate(found.dense, 1)}
    lexical = {chunk_id: rank for rank, (chunk_id, _) in enumerate(found.lexical, 1)}
    hits: list[Hit] = []
    papers: set[str] = set()
    for chunk_id in sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id)):
        stored = found.chunks[chunk_id]
        if stored.paper.paper_id in papers:
            continue
        papers.add(stored.paper.paper_id)
        origins = []
        if chunk_id in dense:
            origins.append(Origin("dense", dense[chunk_id], meaning[chunk_id][0]))
        if chunk_id in lexical:
            origins.append(Origin("lexical", lexical[chunk_id], words[chunk_id]))
        hits.append(Hit(stored.paper, stored.chunk, scores[chunk_id], tuple(origins), stored.sentence_vectors))
    return fold(hits)[:k]


def fuse(
    meaning: Mapping[str, tuple[float, float]], words: Mapping[str, float], lexical_share: float = LEXICAL_SHARE
) -> dict[str, float]:
    """A score in [0, 1] for every chunk: a weighted mean of how near it is in meaning and in words.

    ``meaning`` gives each chunk's cosine and that of its best sentence, ``words`` the BM25
    score of those that share a word. Each measure is scaled by its best value, since BM25
    has no ceiling. (Convex combination with the theoretical minimum 0: Bruch et al. 2023,
    'An Analysis of Fusion Functions for Hybrid Retrieval', section 3.)
    """
    chunks = _scaled({chunk_id: chunk for chunk_id, (chunk, _) in meaning.items()})
    sentences = _scaled({chunk_id: sentence for chunk_id, (_, sentence) in meaning.items()})
    lexical = _scaled(words)
    return {
        chunk_id: (1 - lexical_share) * (chunks[chunk_id] + sentences[chunk_id]) / 2
        + lexical_share * lexical.get(chunk_id, 0.0)
        for chunk_id in meaning
    }


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    best = max(scores.values(), default=0.0)
    return {chunk_id: max(score, 0.0) / best if best > 0 else 0.0 for chunk_id, score in scores.items()}


def papers_of(hits: Sequence[Hit]) -> dict[str, Paper]:
    """The papers of ``hits`` by id."""
    return {hit.paper.paper_id: hit.paper for hit in hits}
