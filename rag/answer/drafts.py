"""What every answerer that quotes makes: unchecked claims of exact sentences, in the order to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer.citations import Numbering
from rag.types import AbstentionReason, Citation, Claim, Hit, Span, Table


@dataclass(frozen=True, slots=True)
class Abstention:
    reason: AbstentionReason
    text: str
    claims: tuple[Claim, ...] = ()
    """Of abstracts that say opposite things: both sides."""


@dataclass(frozen=True, slots=True)
class Quoted:
    claims: tuple[Claim, ...]
    table: Table | None = None


def quotation(hit: Hit, span: Span, numbering: Numbering) -> Claim:
    """The sentence ``span`` of the hit's abstract as a claim that is its own quote."""
    text = span.of(hit.paper.abstract)
    citation = Citation(
        number=numbering.number_of(hit.paper.paper_id),
        paper_id=hit.paper.paper_id,
        title=hit.paper.title,
        chunk_id=hit.chunk.chunk_id,
        span=span,
        quote=text,
    )
    return Claim(text=text, citations=(citation,), is_quote=True)


def quotations(places: Sequence[tuple[Hit, Span]], numbering: Numbering) -> tuple[Claim, ...]:
    return tuple(quotation(hit, span, numbering) for hit, span in places)
