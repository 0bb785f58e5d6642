"""Which of the found papers fit what was asked for, where several are wanted: one log-odds a paper.

The weights come from ``eval.training.lists``.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import resources

import numpy as np

from rag import vocabulary
from rag.retrieval.evidence import Evidence
from rag.retrieval.features import FloatArray
from rag.retrieval.question import has_names, names_missing
from rag.types import Hit

FEATURES = (
    "constant",
    "read",
    "read, beside the best of all",
    "second read",
    "score",
    "score, beside the best of all",
    "cosine of the chunk",
    "words in the title",
    "words in title and text",
    "whether all words are there",
    "whether the rarest word is there",
)

NAMED_WORTH = 0.5
"""Log-odds that a paper gains by having the names of the topic, and loses by lacking one: 'which papers evaluate on
ImageNet?' Too few of the queries that the weights are fitted to name anything, and what they say of it is neither more
nor less."""

NOT_READ = -10.0
"""Log-odds of a paper of which the reranker read nothing."""


def features(topic: str, hits: Sequence[Hit], evidence: Evidence) -> FloatArray:
    """float32 (n_hits, n_features), in the order of FEATURES."""
    read: dict[int, list[float]] = {}
    for sentence in evidence.sentences:
        if sentence.read is not None:
            read.setdefault(sentence.hit, []).append(sentence.read)
    for own in read.values():
        own.sort(reverse=True)
    top_read = max((own[0] for own in read.values()), default=NOT_READ)
    top_score = max((hit.score for hit in hits), default=0.0) or 1.0
    wanted = vocabulary.weights(topic)
    total = sum(wanted.values()) or 1.0
    rarest = max(wanted, key=wanted.__getitem__, default=None)
    rows = []
    for at, hit in enumerate(hits):
        own = read.get(at, [NOT_READ])
        dense = next((origin.score for origin in hit.origins if origin.side == "dense"), 0.0)
        title = frozenset(vocabulary.stems(hit.paper.title))
        stems = title | frozenset(vocabulary.stems(hit.text))
        in_title = sum(value for stem, value in wanted.items() if stem in title) / total
        anywhere = sum(value for stem, value in wanted.items() if stem in stems) / total
        rows.append(
            [
                1.0,
                own[0],
                own[0] - top_read,
                own[1] if len(own) > 1 else own[0] - 3.0,
                hit.score,
                hit.score / top_score,
                dense,
                in_title,
                anywhere,
                float(anywhere > 0.99),
                float(rarest in stems),
            ]
        )
    return np.array(rows, np.float32).reshape(len(rows), len(FEATURES))


def log_odds(topic: str, hits: Sequence[Hit], evidence: Evidence) -> FloatArray:
    """float32 (n_hits,): above 0 a paper belongs into a list rather than not."""
    found: FloatArray = features(topic, hits, evidence) @ _weights()
    if has_names(topic):
        lacking = np.array([names_missing(topic, f"{hit.paper.title} {hit.paper.abstract}") > 0 for hit in hits], bool)
        found += np.where(lacking, -NAMED_WORTH, NAMED_WORTH).astype(np.float32)
    return found


@functools.cache
def _weights() -> FloatArray:
    written = json.loads(resources.files("rag").joinpath("models/relevance.json").read_text("utf-8"))
    if tuple(written) != FEATURES:
        raise ValueError("rag/models/relevance.json was fitted to other features: run eval.training.lists")
    return np.array(list(written.values()), np.float32)
