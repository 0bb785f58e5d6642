"""What can be said of sentences and questions in numbers, before any model reads them.

Nothing is embedded and nothing is read from disk here: the sentences' vectors came with
the hits, the question's vector from the search.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag import vocabulary
from rag.retrieval.question import CUES, asks_beside, cues_asked, names_missing
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
    asked = np.array(cues_asked(question), np.float32)
    every = [_known(hit) for hit in hits]
    similar = [hit.sentence_vectors.dot(vector) for hit in hits]
    nearest = [own.max() for own in similar]
    shared: list[tuple[float, float, float]] = []
    whole = []
    best = hits[0].score
    for rank, (hit, known) in enumerate(zip(hits, every, strict=True)):
        title = _sum(wanted, known.title_stems)
        shared.extend(_shared(wanted, title, known))
        dense = next((origin.score for origin in hit.origins if origin.side == "dense"), 0.0)
        relative = hit.score / best if best > 0 else 0.0
        whole.append((dense, relative, _sum(wanted, known.all_stems) / total, float(rank == 0)))
    n_each = [len(known.sentence_stems) for known in every]
    fixed = np.concatenate([known.fixed for known in every])
    together = np.concatenate(similar)
    table: FloatArray = np.empty((len(together), 9 + fixed.shape[1] + len(asked)), np.float32)
    table[:, 0] = together
    table[:, 1] = together - np.repeat(nearest, n_each)
    table[:, 2:5] = shared
    table[:, 2:5] /= np.float32(total)
    table[:, 5:9] = np.repeat(np.array(whole, np.float32), n_each, axis=0)
    table[:, 9 : 9 + fixed.shape[1]] = fixed
    np.multiply(fixed[:, 4:], asked, out=table[:, 9 + fixed.shape[1] :])
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


def _shared(wanted: Mapping[str, float], title: float, known: _Known) -> list[tuple[float, float, float]]:
    """For each sentence the weight of the words that it shares, of those that the title lacks, and of these with
    the ``title``'s. Word by word over all sentences: a sum for each would take three times as long."""
    n_sentences = len(known.sentence_stems)
    all_shared, beside_title = [0.0] * n_sentences, [0.0] * n_sentences
    for stem, value in wanted.items():
        if stem in known.all_stems:
            is_beside = stem not in known.title_stems
            for at, stems in enumerate(known.sentence_stems):
                if stem in stems:
                    all_shared[at] += value
                    if is_beside:
                        beside_title[at] += value
    return [(of_all, beside, title + beside) for of_all, beside in zip(all_shared, beside_title, strict=True)]


def _sum(wanted: Mapping[str, float], stems: frozenset[str]) -> float:
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
