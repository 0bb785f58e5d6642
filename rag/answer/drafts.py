"""What every answerer that quotes makes: unchecked claims of exact sentences, in the order to be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

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


MAX_CONTEXT_CHARACTERS = 160

_POINTS_BACK = re.compile(
    r"(?:it|its|they|their|them|these|those|this|such|both|here|the (?:former|latter|two|same)"
    r"|to (?:[a-z]+ ){1,2}(?:this|these|those|such))\b(?!['’]s\b)"
    r"(?! (?:paper|work|article|study|review|letter|survey|thesis|note|report|has been|is (?:well )?known)\b)",
    re.IGNORECASE,
)


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
    return Claim(text=text, citations=(citation,), is_quote=True, context=context_of(hit, span))


def quotations(places: Sequence[tuple[Hit, Span]], numbering: Numbering) -> tuple[Claim, ...]:
    """In the order of ``places``; a quote that follows right on what it points back to needs no context."""
    claims: list[Claim] = []
    for n, (hit, span) in enumerate(places):
        claim = quotation(hit, span, numbering)
        if n and places[n - 1] == (hit, _before(hit, span)):
            claim = replace(claim, context="")
        claims.append(claim)
    return tuple(claims)


def context_of(hit: Hit, span: Span) -> str:
    """The sentence before one that begins with 'it', 'they' or 'this', cut at a word; '' for any other.

    What the pronoun stands for is not guessed: it is said in the paper's own words.
    """
    before = _before(hit, span)
    if before is None or not _POINTS_BACK.match(span.of(hit.paper.abstract)):
        return ""
    text = " ".join(before.of(hit.paper.abstract).split())
    if len(text) <= MAX_CONTEXT_CHARACTERS:
        return text
    # The end of a long sentence is mostly what the next one goes on from, and its beginning its subject.
    half = MAX_CONTEXT_CHARACTERS // 2
    return f"{text[:half].rsplit(' ', 1)[0]} … {text[-half:].split(' ', 1)[-1]}"


def _before(hit: Hit, span: Span) -> Span | None:
    place = hit.chunk.sentences.index(span) if span in hit.chunk.sentences else 0
    return hit.chunk.sentences[place - 1] if place else None
