"""Quotes over several papers: lists, summaries, comparisons and the other side, with no model at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.answer import relevance
from rag.answer.aspects import ASPECTS, sentences_by_aspect
from rag.answer.citations import Numbering
from rag.answer.drafts import Abstention, Quoted, quotation, quotations
from rag.answer.telling import most_telling
from rag.judge.model import ClaimModel
from rag.retrieval.evidence import Evidence
from rag.retrieval.reranker import Reranker
from rag.types import Claim, Hit, Span, Table

MAX_LISTED, MAX_SUMMARISED, MAX_COMPARED = 10, 8, 4

ALIKE = 0.9
"""Cosine from which a second sentence says what the first said."""

CONTRADICTED_ABOVE = 0.6
"""Probability of a contradiction from which a sentence speaks against a statement."""


def quoted_list(topic: str, hits: Sequence[Hit], evidence: Evidence, numbering: Numbering) -> Quoted | None:
    """The papers that fit, the best first, each with the sentence that decides; None if none does."""
    fits = relevance.log_odds(topic, hits, evidence)
    fitting = sorted((at for at in range(len(hits)) if fits[at] > 0), key=lambda at: (-fits[at], at))
    places = [(hits[at], most_telling(hits[at], topic)) for at in fitting[:MAX_LISTED]]
    return Quoted(quotations(places, numbering)) if places else None


def quoted_summary(
    topic: str, hits: Sequence[Hit], evidence: Evidence, numbering: Numbering, *, chosen_by_hand: bool = False
) -> Quoted | None:
    """The most telling sentence of each paper that fits, papers in their order; of a few papers more of each.

    Of each paper first what tells most on the topic, then what answers best; none that says what was said before.
    Papers that somebody chose all fit. None if none does.
    """
    fits = relevance.log_odds(topic, hits, evidence)
    fitting = [at for at in range(len(hits)) if chosen_by_hand or fits[at] > 0][:MAX_SUMMARISED]
    if not fitting:
        return None
    n_each = max(1, min(3, MAX_SUMMARISED // len(fitting)))
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


def quoted_other_side(
    statement: str, hits: Sequence[Hit], model: ClaimModel, numbering: Numbering, n_quotes: int = 5
) -> Quoted | None:
    """The sentences that contradict the statement, the surest first; None if none does."""
    places = [(hit, span) for hit in hits for span in hit.chunk.sentences]
    beliefs = model.beliefs([(statement, (span.of(hit.paper.abstract),)) for hit, span in places])
    against = [
        (belief.contradicted, -n, place)
        for n, (belief, place) in enumerate(zip(beliefs, places, strict=True))
        if belief.contradicted >= CONTRADICTED_ABOVE
    ]
    against.sort(key=lambda one: one[:2], reverse=True)
    chosen = [place for _, _, place in against[:n_quotes]]
    return Quoted(quotations(chosen, numbering)) if chosen else None


def disagreement(claims: Sequence[Claim], model: ClaimModel, above: float = 0.9) -> Abstention | None:
    """If two of the quotes, of different papers, say opposite things: both sides."""
    pairs = [
        (one, other)
        for n, one in enumerate(claims)
        for other in claims[n + 1 :]
        if one.citations[0].paper_id != other.citations[0].paper_id
    ]
    if not pairs:
        return None
    there = model.beliefs([(one.text, (other.text,)) for one, other in pairs])
    back = model.beliefs([(other.text, (one.text,)) for one, other in pairs])
    for (one, other), a, b in zip(pairs, there, back, strict=True):
        if min(a.contradicted, b.contradicted) >= above:
            return Abstention("disagreement", "The abstracts disagree on that. Both sides:", (one, other))
    return None


def _by_worth(topic: str, at: int, hit: Hit, evidence: Evidence) -> list[Span]:
    """The hit's sentences: the most telling first, then as they were ranked, then as they stand."""
    ranked = [sentence.span for sentence in evidence.sentences if sentence.hit == at]
    return list(dict.fromkeys([most_telling(hit, topic), *ranked, *hit.chunk.sentences]))
