"""The sentence of a paper that decides why it is listed or summed up under a topic. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from rag import vocabulary
from rag.retrieval.features import FloatArray
from rag.types import Hit, Span

CONTRIBUTES = re.compile(
    r"\b(we|this (paper|work|study|article|review)|our (paper|work|method|approach|framework)|here,? we)\b.{0,30}?"
    r"\b(propos|introduc|present|develop|describ|review|investigat|study|studies|provid|offer|address|design|devis)",
    re.IGNORECASE,
)
"""A sentence that says what its paper does."""

FEATURES = ("first that says what the paper does", "says what the paper does", "topic's words", "ln(words)")
WEIGHTS = np.array([1.46, 0.93, 4.76, 0.63], np.float32)
"""Fitted by ``python -m eval.training.telling``, which prints how often people took that sentence to decide."""


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
    sentences = [span.of(hit.paper.abstract) for span in hit.chunk.sentences]
    return hit.chunk.sentences[int((features(sentences, topic) @ WEIGHTS).argmax())]
