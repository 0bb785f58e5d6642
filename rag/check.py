"""The check: does the cited text bear the claim?

A claim is compared with what it cites, never with the fact that it cites. This module is
the one place through which every claim of every answer passes: it sees to what can be
seen without reading (the source exists, the quote is exact), puts the rest before a
judge, and points each citation at the sentence that decided.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag import vocabulary
from rag.sentences import split_sentences
from rag.types import Citation, Claim, Paper, Span, Verdict

if TYPE_CHECKING:
    from rag.judge.judgement import Judge, Judgement


MAX_LOOKED_IN = 12
"""Papers that are read for a claim that what it cites does not bear."""

FOUND_FROM = 0.8
"""Probability from which a paper that was not cited is said to bear a claim: of many papers one easily seems to."""


def check(claim: Claim, papers: Mapping[str, Paper], judge: Judge | None) -> Claim:
    """The claim with its verdict and the reasons in words; its text is kept.

    ``papers`` holds every paper that the claim's citations name, by id; the others in it
    are where a claim is looked for that what it cites does not bear. Without a ``judge`` a
    claim that is no quote stays ``unchecked``.
    """
    bad = [c for c in claim.citations if not c.exists]
    cited = [c for c in claim.citations if c.paper_id is not None and c.span is not None]
    if not claim.citations:
        return replace(claim, verdict="uncited", reasons=("the sentence cites nothing",))
    reasons = tuple(f"there is no source {c.number}" for c in bad)
    if not cited:
        return replace(claim, verdict="unsupported", reasons=reasons)
    for citation in cited:
        assert citation.span is not None and citation.paper_id is not None
        if citation.span.of(papers[citation.paper_id].abstract) != citation.quote:
            reason = f"the quote is not what the abstract of [{citation.number}] says there"
            return replace(claim, verdict="unsupported", reasons=(*reasons, reason))
    if any(is_quoted(claim.text, c.quote) for c in cited):
        verdict: Verdict = "partial" if bad else "supported"
        return replace(claim, verdict=verdict, reasons=(*reasons, "quoted letter for letter"))
    if judge is None:
        return replace(claim, reasons=(*reasons, "the source exists; whether it says so was not judged"))
    return _judged(claim, cited, papers, judge, reasons)


@dataclass(frozen=True, slots=True)
class _Text:
    """What a judge reads of the cited papers: titles and sentences, and where each sentence stands."""

    sentences: tuple[str, ...]
    places: tuple[tuple[str, Span] | None, ...]
    """(paper_id, span) of each; None for a title, which cannot be quoted from the abstract."""


def _judged(
    claim: Claim, cited: Sequence[Citation], papers: Mapping[str, Paper], judge: Judge, reasons: tuple[str, ...]
) -> Claim:
    own = list(dict.fromkeys(c.paper_id for c in cited if c.paper_id is not None))
    text = _text_of([papers[paper_id] for paper_id in own])
    together = judge.judge(claim.text, text.sentences)
    verdict: Verdict = together.verdict
    if verdict == "supported" and reasons:
        verdict = "partial"
    judged = replace(
        claim,
        citations=_pointed(claim.citations, text, together),
        verdict=verdict,
        reasons=(*reasons, *together.reasons),
        probability=together.probability,
        missing=() if verdict == "supported" else together.missing,
    )
    if verdict == "supported" and len(own) > 1:
        return replace(judged, citations=_needed(judged, papers, judge))
    if verdict in ("unsupported", "partial"):
        return _found_elsewhere(judged, own, papers, judge)
    return judged


def _needed(claim: Claim, papers: Mapping[str, Paper], judge: Judge) -> tuple[Citation, ...]:
    """The citations of a supported claim, those marked that bear nothing: alone they do not say it,
    and without them the others still do."""
    kept = [c for c in claim.citations if c.paper_id is not None]
    ids = list(dict.fromkeys(c.paper_id for c in kept if c.paper_id is not None))
    needless: set[str] = set()
    for paper_id in reversed(ids):
        rest = [papers[other] for other in ids if other != paper_id and other not in needless]
        if not rest or judge.judge(claim.text, _text_of([papers[paper_id]]).sentences).verdict == "supported":
            continue
        if judge.judge(claim.text, _text_of(rest).sentences).verdict == "supported":
            needless.add(paper_id)
    return tuple(replace(c, needed=c.paper_id not in needless) for c in claim.citations)


def _found_elsewhere(claim: Claim, own: Sequence[str], papers: Mapping[str, Paper], judge: Judge) -> Claim:
    """The claim, with the place where it does stand if that is in a paper that it does not cite."""
    others = [paper for paper_id, paper in papers.items() if paper_id not in own]
    found = in_which(claim.text, others, judge)
    if found is None:
        return claim
    reason = f"it is what “{found.title}” says, which is not cited"
    return replace(claim, elsewhere=found, reasons=(*claim.reasons, reason))


def in_which(claim: str, papers: Sequence[Paper], judge: Judge) -> Citation | None:
    """The first of these papers that bears the claim by itself, and where; the citation has no number yet."""
    for paper in _likeliest(claim, [paper for paper in papers if paper.abstract.strip()]):
        text = _text_of([paper])
        judgement = judge.judge(claim, text.sentences)
        place = text.places[judgement.sentence] if judgement.sentence is not None else None
        sure = judgement.probability is None or judgement.probability >= FOUND_FROM
        if judgement.verdict == "supported" and sure and place is not None:
            return Citation(0, paper.paper_id, paper.title, None, place[1], place[1].of(paper.abstract))
    return None


def _likeliest(claim: str, papers: Sequence[Paper]) -> Sequence[Paper]:
    """Those that have most of the claim's words, if there are many: reading each of 200 takes 12 s. In their order."""
    if len(papers) <= MAX_LOOKED_IN:
        return papers
    wanted = vocabulary.weights(claim)
    shares = [vocabulary.covered(wanted, vocabulary.stems(f"{paper.title} {paper.abstract}")) for paper in papers]
    best = sorted(range(len(papers)), key=lambda at: (-shares[at], at))[:MAX_LOOKED_IN]
    return [papers[at] for at in sorted(best)]


def _pointed(citations: Sequence[Citation], text: _Text, judgement: Judgement) -> tuple[Citation, ...]:
    """The citations, those of the paper that decided pointed at the sentence that did."""
    place = text.places[judgement.sentence] if judgement.sentence is not None else None
    if place is None:
        return tuple(citations)
    paper_id, span = place
    moved = []
    for citation in citations:
        holds = citation.span is not None and citation.span.start <= span.start and span.end <= citation.span.end
        if citation.paper_id == paper_id and not holds:
            quote = text.sentences[judgement.sentence or 0]
            citation = replace(citation, span=span, quote=quote)
        moved.append(citation)
    return tuple(dict.fromkeys(moved))


def _text_of(papers: Sequence[Paper]) -> _Text:
    sentences: list[str] = []
    places: list[tuple[str, Span] | None] = []
    for paper in papers:
        if paper.title.strip():
            sentences.append(paper.title)
            places.append(None)
        for span in _sentences(paper.abstract):
            sentences.append(span.of(paper.abstract))
            places.append((paper.paper_id, span))
    return _Text(tuple(sentences), tuple(places))


@functools.lru_cache(maxsize=256)
def _sentences(abstract: str) -> tuple[Span, ...]:
    """Kept, since the claims of an answer cite the same few abstracts."""
    return split_sentences(abstract)


def is_quoted(claim: str, quote: str) -> bool:
    """True if the claim is the quote, spacing, its stop and quotation marks around it aside.

    A part of a quote is not enough: 'it helps' stands in 'we do not find that it helps'.
    """
    bare = _bare(claim)
    return bare != "" and (claim == quote or bare == _bare(quote))


def _bare(text: str) -> str:
    return _spaced(text).strip("\"'“”‘’ ").rstrip(".")


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
