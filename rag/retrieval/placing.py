"""Papers that a question names stand before those that it was only compared with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.retrieval.evidence import Evidence
from rag.types import Hit


def in_front(hits: Sequence[Hit], evidence: Evidence, first: Sequence[str]) -> tuple[tuple[Hit, ...], Evidence]:
    """The hits of the papers ``first`` in that order, then the others in theirs, and the evidence about the same hits.

    A paper that is shown as a version of another counts as that one. What comes forward is
    given the best score, so that scores still fall along the order.
    """
    if not first:
        return tuple(hits), evidence
    wanted = {paper_id: place for place, paper_id in enumerate(first)}
    places = [
        min((wanted[i] for i in (hit.paper.paper_id, *hit.versions) if i in wanted), default=None) for hit in hits
    ]
    if not any(place is not None for place in places):
        return tuple(hits), evidence
    order = sorted(range(len(hits)), key=lambda at: (places[at] is None, places[at] or 0, at))
    best = max(hit.score for hit in hits)
    moved = tuple(hits[at] if places[at] is None else replace(hits[at], score=best) for at in order)
    now_at = {before: now for now, before in enumerate(order)}
    sentences = tuple(sentence._replace(hit=now_at[sentence.hit]) for sentence in evidence.sentences)
    return moved, replace(evidence, sentences=sentences)
