"""Two ways of finding made one order. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LEXICAL_SHARE, CHUNK_SHARE, SENTENCE_SHARE = 0.3, 0.2, 0.5
"""How much the words count, the meaning of the whole chunk, and that of its best sentence. Tuned on SciFact's 809
training claims: nDCG@10 0.739, against 0.728 without sentences, 0.675 by words alone and 0.671 by chunks alone."""


def fuse(meaning: Mapping[str, tuple[float, float]], words: Mapping[str, float]) -> dict[str, float]:
    """A score in [0, 1] for every chunk: a weighted mean of how near it is in meaning and in words.

    ``meaning`` gives each chunk's cosine and that of its best sentence, ``words`` the BM25
    score of those that share a word. Each measure is scaled by its best value, since BM25
    has no ceiling. A side that is empty gives its share to the other. (Convex combination
    with the theoretical minimum 0: Bruch et al. 2023, 'An Analysis of Fusion Functions for
    Hybrid Retrieval', section 3.)
    """
    if not meaning:
        return _scaled(words)
    chunks = _scaled({chunk_id: chunk for chunk_id, (chunk, _) in meaning.items()})
    sentences = _scaled({chunk_id: sentence for chunk_id, (_, sentence) in meaning.items()})
    lexical = _scaled(words)
    every = CHUNK_SHARE + SENTENCE_SHARE + (LEXICAL_SHARE if words else 0.0)
    return {
        chunk_id: (
            CHUNK_SHARE * chunks[chunk_id]
            + SENTENCE_SHARE * sentences[chunk_id]
            + LEXICAL_SHARE * lexical.get(chunk_id, 0.0)
        )
        / every
        for chunk_id in meaning
    }


def _scaled(scores: Mapping[str, float]) -> dict[str, float]:
    best = max(scores.values(), default=0.0)
    return {chunk_id: max(score, 0.0) / best if best > 0 else 0.0 for chunk_id, score in scores.items()}
