"""Which sentences of the found papers answer the question, and whether any does.

Each sentence gets a plain score, a weighted sum of about twenty features. The best of them
are read again by the cross-encoder, whose scores then order the sentences, and their
papers with them. The weights come from ``eval.training.evidence``.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
import numpy.typing as npt

from rag.retrieval.features import FloatArray, answer_features, ends, reranked_features, sentence_features
from rag.retrieval.question import asks_for_several, lacks_number
from rag.retrieval.reranker import Candidate, Reranker
from rag.types import Hit, Span

MAX_HITS, MAX_HITS_OF_SEVERAL = 3, 6
"""Sentences of so many hits are ranked; the second number where several papers are wanted."""

READ_HITS, READ_SENTENCES = 8, 16
"""The reranker reads so many sentences, at least one of each of so many hits."""

PAPER_SHARE = 0.5
"""How much what was read counts in a paper's score, beside how it was found."""

READ_SCALE = 4.0
"""Log-odds by which a paper's best sentence must be better for its odds to count e times as much."""

LINEAR_SHARE = 0.6
"""How much a sentence's plain score counts beside the reranker's."""

MAX_BEST = 3
"""Sentences of one chunk that a small model is shown."""


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """``hit`` indexes the hits that were ranked; a higher ``score`` answers better."""

    hit: int
    span: Span
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    sentences: tuple[RankedSentence, ...]
    """Of the best MAX_HITS hits, best first."""
    log_odds: float
    """That the best sentences answer the question: above 0 more likely than not; -inf without hits."""


NOTHING = Evidence((), -math.inf)


def rank_sentences(question: str, vector: FloatArray, hits: Sequence[Hit]) -> Evidence:
    """The sentences of the best hits by the plain score alone."""
    hits = hits[: n_hits_ranked(question)]
    if not hits:
        return NOTHING
    table = sentence_features(question, vector, hits)
    scores = table @ _weights().sentence
    log_odds = float(answer_features(question, hits, table, scores) @ _weights().answer)
    return Evidence(_ranked(places_of(hits), scores), log_odds)


def read_again(
    question: str, vector: FloatArray, hits: Sequence[Hit], reranker: Reranker
) -> tuple[tuple[Hit, ...], Evidence]:
    """The hits in the order that reading their best sentences gives, and the sentences of the best of them.

    Only the first READ_HITS may change places; a hit's new score is in [0, 1] as its old one.
    """
    if not hits:
        return (), NOTHING
    first = hits[:READ_HITS]
    places = places_of(first)
    owners = np.array([hit for hit, _ in places])
    table = sentence_features(question, vector, first)
    scores = table @ _weights().sentence
    rows = to_read(scores, owners, asks_for_several(question))
    read = reranker.scores(question, [candidate(first, places[row]) for row in rows])
    combined = read + LINEAR_SHARE * scores[rows]
    log_odds = _log_odds(question, first, table, scores, rows, read, combined)

    best_read = np.array([read[owners[rows] == hit].max() for hit in range(len(first))])
    order, new_scores = reordered([hit.score for hit in first], best_read)
    rest = [replace(hit, score=min(hit.score, float(new_scores.min()))) for hit in hits[READ_HITS:]]
    final = scores - scores.max() + combined.min() - 1.0  # what was not read stays behind what was, in its own order
    final[rows] = combined
    kept = {int(hit): place for place, hit in enumerate(order[: n_hits_ranked(question)])}
    chosen = [row for row, owner in enumerate(owners) if int(owner) in kept]
    ranked = _ranked([(kept[int(owners[row])], places[row][1]) for row in chosen], final[chosen])
    moved = tuple(replace(first[hit], score=float(new_scores[hit])) for hit in order)
    return (*moved, *rest), Evidence(ranked, log_odds)


def n_hits_ranked(question: str) -> int:
    return MAX_HITS_OF_SEVERAL if asks_for_several(question) else MAX_HITS


def places_of(hits: Sequence[Hit]) -> list[tuple[int, Span]]:
    """Every sentence of the hits, in the order of the rows of ``sentence_features``."""
    return [(index, span) for index, hit in enumerate(hits) for span in hit.chunk.sentences]


def candidate(hits: Sequence[Hit], place: tuple[int, Span]) -> Candidate:
    paper = hits[place[0]].paper
    return Candidate(paper.title, place[1].of(paper.abstract))


def to_read(scores: FloatArray, owners: npt.NDArray[np.int64], several: bool) -> npt.NDArray[np.int64]:
    """The rows that the reranker reads: the best of every hit, then the best of all until READ_SENTENCES.

    For ``several`` no hit has more than two, so that each is read about equally.
    """
    order = np.argsort(-scores, kind="stable")
    first_of_each = [int(row) for row in {int(owners[row]): row for row in reversed(order)}.values()]
    chosen = dict.fromkeys(first_of_each)
    n_of = {int(owners[row]): 1 for row in first_of_each}
    for row in order:
        if len(chosen) >= READ_SENTENCES:
            break
        owner = int(owners[row])
        if int(row) not in chosen and not (several and n_of[owner] >= 2):
            chosen[int(row)] = None
            n_of[owner] += 1
    return np.array(sorted(chosen, key=lambda row: -scores[row]), np.int64)


def reordered(found: Sequence[float], best_read: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The hits' order, best first, and their scores by hit, each in [0, 1].

    A weighted mean of the search's score and of exp((best_read - its maximum) / READ_SCALE).
    """
    read = np.exp((best_read - best_read.max()) / READ_SCALE)
    scores = ((1 - PAPER_SHARE) * np.asarray(found) + PAPER_SHARE * read).astype(np.float32)
    return np.argsort(-scores, kind="stable").astype(np.int64), scores


def best_spans(hits: Sequence[Hit], evidence: Evidence) -> dict[str, list[Span]]:
    """The ranked sentences of each chunk by its id, best first: at most MAX_BEST of a chunk."""
    spans: dict[str, list[Span]] = {}
    for sentence in evidence.sentences:
        own = spans.setdefault(hits[sentence.hit].chunk.chunk_id, [])
        if len(own) < MAX_BEST:
            own.append(sentence.span)
    return spans


def _log_odds(
    question: str,
    hits: Sequence[Hit],
    table: FloatArray,
    scores: FloatArray,
    rows: npt.NDArray[np.int64],
    read: FloatArray,
    combined: FloatArray,
) -> float:
    features = reading_features(question, hits, table, scores, rows, read, combined)
    return float(features @ _weights().reranked)


def reading_features(
    question: str,
    hits: Sequence[Hit],
    table: FloatArray,
    scores: FloatArray,
    rows: npt.NDArray[np.int64],
    read: FloatArray,
    combined: FloatArray,
) -> FloatArray:
    """What is weighed to decide whether the question is answered; see ``features.reranked_features``."""
    n_rows = ends(hits[:MAX_HITS])[-1]
    plain = answer_features(question, hits[:MAX_HITS], table[:n_rows], scores[:n_rows])
    best = candidate(hits, places_of(hits)[rows[int(combined.argmax())]])
    return reranked_features(plain, read, lacks_number(question, best.sentence))


def _ranked(places: Sequence[tuple[int, Span]], scores: FloatArray) -> tuple[RankedSentence, ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple(RankedSentence(places[row][0], places[row][1], float(scores[row])) for row in order)


@dataclass(frozen=True, slots=True)
class _Weights:
    sentence: FloatArray
    answer: FloatArray
    reranked: FloatArray


def sentence_weights() -> FloatArray:
    """float32 (n_features,): what each of ``sentence_features`` counts."""
    return _weights().sentence


@functools.cache
def _weights() -> _Weights:
    written = json.loads(resources.files("rag").joinpath("models/evidence.json").read_text("utf-8"))
    return _Weights(*(np.array(written[name], np.float32) for name in ("sentence", "answer", "reranked")))
