"""The sentence of a paper that decides why it is listed or summed up under a topic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from rag import vocabulary
from rag.retrieval.evidence import Evidence
from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Reranker
from rag.types import Hit, Span

CONTRIBUTES = re.compile(
    r"\b(we|this (paper|work|study|article|review)|our (paper|work|method|approach|framework)|here,? we)\b.{0,30}?"
    r"\b(propos|introduc|present|develop|describ|review|investigat|provid|offer|address|design|devis"
    r"|(?<!ablation )(?<!case )(?<!user )(?<!pilot )(?<!simulation )(?<!comparative )(?<!empirical )stud(?:y|ies)\b)",
    re.IGNORECASE,
)
"""A sentence that says what its paper does."""

FEATURES = ("first that says what the paper does", "says what the paper does", "topic's words", "ln(words)")

WEIGHTS = np.array([0.77, 1.31, 6.14, 0.79], np.float32)
READ = np.array([0.92, 0.90, 1.61, 0.83, 0.84], np.float32)
"""What the features count, and with the reranker's log-odds where it read the sentence beside the topic. Fitted by
``python -m eval.training.telling``, which prints how often people took the sentence that they choose to decide."""

N_READ = 3
"""Sentences of a paper that are read. Reading all of them chooses one that decides for one paper in a hundred more."""


def features(sentences: Sequence[str], topic: str) -> FloatArray:
    """float32 (n_sentences, n_features), in the order of FEATURES; of the topic's words the share of their weight."""
    wanted = vocabulary.weights(topic)
    contributes = [CONTRIBUTES.search(sentence) is not None for sentence in sentences]
    first = contributes.index(True) if any(contributes) else -1
    rows = [
        [
            float(at == first),
            float(contributes[at]),
            vocabulary.covered(wanted, set(vocabulary.stems(sentence))) if wanted else 0.0,
            math.log(len(sentence.split()) + 1),
        ]
        for at, sentence in enumerate(sentences)
    ]
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))


def most_telling(hit: Hit, topic: str) -> Span:
    """The sentence of the hit's chunk that tells most of what its paper says on ``topic``; of equal ones the first."""
    return hit.chunk.sentences[int((_features_of(hit, topic) @ WEIGHTS).argmax())]


def contribution(hit: Hit) -> Span | None:
    """The first sentence of the hit's chunk that says what its paper does; None if none does."""
    spans = hit.chunk.sentences
    return next((span for span in spans if CONTRIBUTES.search(span.of(hit.paper.abstract))), None)


def telling_sentences(
    topic: str, hits: Mapping[int, Hit], evidence: Evidence, reranker: Reranker | None
) -> dict[int, Span]:
    """Of each hit that is to be listed its most telling sentence, by the hit's place in ``evidence``.

    ``reranker`` reads the likeliest beside the ``topic``, but for those that it read for the evidence.
    """
    tables = {at: _features_of(hit, topic) for at, hit in hits.items()}
    likeliest = {at: np.argsort(-(table @ WEIGHTS), kind="stable") for at, table in tables.items()}
    if reranker is None:
        return {at: hit.chunk.sentences[likeliest[at][0]] for at, hit in hits.items()}
    read = {(one.hit, one.span): one.read for one in evidence.sentences if one.read is not None}
    new = [
        (at, hit.chunk.sentences[row])
        for at, hit in hits.items()
        for row in likeliest[at][:N_READ]
        if (at, hit.chunk.sentences[row]) not in read
    ]
    scores = reranker.scores(
        topic, [Candidate(hits[at].paper.title, span.of(hits[at].paper.abstract)) for at, span in new]
    )
    read.update(zip(new, scores.tolist(), strict=True))
    return {at: _best_read(hit, at, tables[at], read) for at, hit in hits.items()}


def _best_read(hit: Hit, at: int, table: FloatArray, read: Mapping[tuple[int, Span], float]) -> Span:
    rows = [row for row, span in enumerate(hit.chunk.sentences) if (at, span) in read]
    said = np.array([[read[at, hit.chunk.sentences[row]]] for row in rows], np.float32)
    return hit.chunk.sentences[rows[int((np.hstack([table[rows], said]) @ READ).argmax())]]


def _features_of(hit: Hit, topic: str) -> FloatArray:
    return features([span.of(hit.paper.abstract) for span in hit.chunk.sentences], topic)
