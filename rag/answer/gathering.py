"""Quotes over several papers: lists, summaries and comparisons, with no model at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.answer import relevance
from rag.answer.aspects import ASPECTS, sentences_by_aspect
from rag.answer.citations import Numbering
from rag.answer.drafts import Quoted, quotation, quotations
from rag.answer.manner import Length
from rag.answer.telling import contribution, most_telling, telling_sentences
from rag.retrieval.evidence import Evidence
from rag.retrieval.reranker import Reranker
from rag.types import Claim, Hit, Span, Table

MAX_LISTED: dict[Length, int] = {"shorter": 3, "usual": 10, "longer": 10}
MAX_SUMMARISED: dict[Length, int] = {"shorter": 3, "usual": 8, "longer": 12}
MAX_COMPARED = 4

MAX_EACH: dict[Length, int] = {"shorter": 1, "usual": 3, "longer": 5}
"""Sentences of one paper in a summary of few."""

ALIKE = 0.9
"""Cosine from which a second sentence says what the first said."""


def quoted_list(
    topic: str,
    hits: Sequence[Hit],
    evidence: Evidence,
    reranker: Reranker | None,
    numbering: Numbering,
    length: Length = "usual",
) -> Quoted | None:
    """The papers that fit, the best first, each with the sentence that decides; None if none does."""
    fits = relevance.log_odds(topic, hits, evidence)
    fitting = sorted((at for at in range(len(hits)) if fits[at] > 0), key=lambda at: (-fits[at], at))
    listed = {at: hits[at] for at in fitting[: MAX_LISTED[length]]}
    telling = telling_sentences(topic, listed, evidence, reranker)
    places = [(hit, telling[at]) for at, hit in listed.items()]
    return Quoted(quotations(places, numbering)) if places else None


def quoted_summary(
    topic: str,
    hits: Sequence[Hit],
    evidence: Evidence,
    numbering: Numbering,
    *,
    chosen_by_hand: bool = False,
    length: Length = "usual",
) -> Quoted | None:
    """What each paper that fits does, papers in their order; of a few papers more of each.

    Of each paper first what it does, then what tells most on the topic, then what answers best; none that says what was
    said before.
    Papers that somebody chose all fit. None if none does.
    """
    fits = relevance.log_odds(topic, hits, evidence)
    fitting = [at for at in range(len(hits)) if chosen_by_hand or fits[at] > 0][: MAX_SUMMARISED[length]]
    if not fitting:
        return None
    n_each = max(1, min(MAX_EACH[length], MAX_SUMMARISED[length] // len(fitting)))
    said: list[np.ndarray] = []
    places: list[tuple[Hit, Span]] = []
    for at in fitting:
        hit = hits[at]
        chosen: list[Span] = []
        for span in _by_worth(topic, at, hit, evidence):
            vector = None if hit.sentence_vectors is None else hit.sentence_vectors[hit.chunk.sentences.index(span)]
            if vector is not None and any(float(vector @ other) >= ALIKE for other in said):
                continue
            chosen.append(span)
            if vector is not None:
                said.append(vector)
            if len(chosen) == n_each:
                break
        places += [(hit, span) for span in sorted(chosen, key=lambda span: span.start)]
    return Quoted(quotations(places, numbering)) if places else None


def quoted_comparison(hits: Sequence[Hit], reranker: Reranker, numbering: Numbering) -> Quoted | None:
    """A table of quotes: for each paper the sentence that tells each aspect, or nothing."""
    compared = [hit for hit in hits if hit.chunk.sentences][:MAX_COMPARED]
    if not compared:
        return None
    claims: list[Claim] = []
    columns: list[dict[str, int]] = []
    for hit in compared:
        column: dict[str, int] = {}
        quoted: dict[Span, int] = {}
        for name, span in sentences_by_aspect(hit, reranker).items():
            if span not in quoted:
                quoted[span] = len(claims)
                claims.append(quotation(hit, span, numbering))
            column[name] = quoted[span]
        columns.append(column)
    if not claims:
        return None
    names = tuple(aspect.name for aspect in ASPECTS)
    cells = tuple(tuple(column.get(name) for column in columns) for name in names)
    return Quoted(tuple(claims), Table(names, tuple(hit.paper.paper_id for hit in compared), cells))


def _by_worth(topic: str, at: int, hit: Hit, evidence: Evidence) -> list[Span]:
    """The hit's sentences: what the paper does, the most telling, then as they were ranked, then as they stand.

    People took the first to decide on a topic about as often as the most telling one
    (``eval.training.telling``), and it tells what the paper brings.
    """
    does = contribution(hit)
    ranked = [sentence.span for sentence in evidence.sentences if sentence.hit == at]
    first = [*([does] if does is not None else []), most_telling(hit, topic)]
    return list(dict.fromkeys([*first, *ranked, *hit.chunk.sentences]))
