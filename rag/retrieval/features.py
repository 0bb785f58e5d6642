"""What can be said of sentences and questions in numbers, before any model reads them.

Nothing is embedded and nothing is read from disk here: the sentences' vectors came with
the hits, the question's vector from the search.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag import vocabulary
from rag.retrieval.question import CUES, asks_beside, names_missing
from rag.types import Hit

FloatArray = npt.NDArray[np.float32]

MAX_KNOWN_CHUNKS = 4096
"""About 20 MB."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What can be said of a chunk's sentences before any question."""

    title_stems: frozenset[str]
    all_stems: frozenset[str]
    sentence_stems: tuple[frozenset[str], ...]
    fixed: FloatArray
    """float32 (n_sentences, 4 + n_cues): first, last, place, log length, cues given."""


def sentence_features(question: str, vector: FloatArray, hits: Sequence[Hit]) -> FloatArray:
    """float32 (n_sentences of all hits, n_features), in the order of hits and sentences."""
    wanted = vocabulary.weights(question)
    total = sum(wanted.values()) or 1.0
    asked = np.array([bool(asks.search(question)) for asks, _ in CUES], np.float32)
    blocks = []
    for rank, hit in enumerate(hits):
        known = _known(hit)
        n_sentences = len(hit.chunk.sentences)
        rest = {stem: value for stem, value in wanted.items() if stem not in known.title_stems}
        similar = hit.sentence_vectors @ vector
        shared = np.array([_sum(wanted, stems) for stems in known.sentence_stems], np.float32) / total
        shared_rest = np.array([_sum(rest, stems) for stems in known.sentence_stems], np.float32) / total
        in_title = _sum(wanted, known.title_stems) / total
        dense = next((origin.score for origin in hit.origins if origin.side == "dense"), 0.0)
        whole = [
            dense,
            hit.score / hits[0].score if hits[0].score > 0 else 0.0,
            _sum(wanted, known.all_stems) / total,
            float(rank == 0),
        ]
        blocks.append(
            np.column_stack(
                [
                    similar,
                    similar - similar.max(),
                    shared,
                    shared_rest,
                    in_title + shared_rest,
                    np.tile(np.array(whole, np.float32), (n_sentences, 1)),
                    known.fixed,
                    known.fixed[:, 4:] * asked,
                ]
            )
        )
    table: FloatArray = np.concatenate(blocks).astype(np.float32)
    return table


def answer_features(question: str, hits: Sequence[Hit], table: FloatArray, scores: FloatArray) -> FloatArray:
    """float32 (n_features,): what the best sentences and the question say about there being an answer."""
    best = int(scores.argmax())
    owner = next(hit for hit, last in zip(hits, ends(hits), strict=True) if best < last)
    paper = f"{owner.paper.title} {owner.paper.abstract}"
    ordered = np.sort(scores)[::-1]
    second = ordered[1] if len(ordered) > 1 else ordered[0] - 5.0
    wanted = vocabulary.weights(question)
    row = table[best]
    features: FloatArray = np.array(
        [
            1.0,
            ordered[0],
            ordered[0] - second,
            float(np.log(np.exp(ordered - ordered[0]).sum())),
            table[:, 0].max(),
            table[:, 5].max(),
            row[2],
            row[4],
            row[7],
            table[:, 7].max(),
            max(wanted.values(), default=0.0) / 10.0,
            math.log1p(len(wanted)),
            float(asks_beside(question, paper)),
            float(names_missing(question, paper) > 0),
        ],
        np.float32,
    )
    return features


def reranked_features(features: FloatArray, read: FloatArray, lacks_number: bool, whole: float) -> FloatArray:
    """float32 (n_features + 6,): ``answer_features``, what the reranker's scores of the sentences say, whether a
    number is asked for that the best one does not have, and the best log-odds of a whole abstract."""
    ordered = np.sort(read)[::-1]
    second = ordered[1] if len(ordered) > 1 else ordered[0] - 5.0
    every = ordered[0] + math.log(float(np.exp(ordered - ordered[0]).sum()))
    said = np.array([ordered[0], second, every, ordered.mean(), float(lacks_number), whole], np.float32)
    return np.concatenate([features, said])


def ends(hits: Sequence[Hit]) -> list[int]:
    """One past the last row of each hit's sentences."""
    return list(itertools.accumulate(len(hit.chunk.sentences) for hit in hits))


def _sum(wanted: dict[str, float], stems: frozenset[str]) -> float:
    return sum(value for stem, value in wanted.items() if stem in stems)


_known_chunks: dict[str, _Known] = {}


def _known(hit: Hit) -> _Known:
    """Kept by chunk id, which follows the content: a chunk is looked at once per process."""
    known = _known_chunks.get(hit.chunk.chunk_id)
    if known is None:
        if len(_known_chunks) >= MAX_KNOWN_CHUNKS:
            _known_chunks.clear()
        known = _known_chunks[hit.chunk.chunk_id] = _learn(hit)
    return known


def _learn(hit: Hit) -> _Known:
    paper = hit.paper
    texts = [sentence.of(paper.abstract) for sentence in hit.chunk.sentences]
    stems = tuple(frozenset(vocabulary.stems(text)) for text in texts)
    title = frozenset(vocabulary.stems(paper.title))
    last = max(len(texts) - 1, 1)
    fixed = np.array(
        [
            [
                float(index == 0),
                float(index == len(texts) - 1),
                index / last,
                math.log(len(text.split()) + 1),
                *(float(bool(given.search(text))) for _, given in CUES),
            ]
            for index, text in enumerate(texts)
        ],
        np.float32,
    )
    return _Known(title, title.union(*stems), stems, fixed)
