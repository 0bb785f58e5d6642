"""What can still be done for a sentence that the check did not pass: cite it, cite it rightly, or rewrite it once.

Nothing is ever added that the check does not support.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import prompts
from rag.answer.citations import Numbering, locate
from rag.answer.refusals import is_sentinel
from rag.check import check, in_which
from rag.context import neutralise, render_sources
from rag.judge.judgement import Judge
from rag.llm import LanguageModel
from rag.types import Claim, Paper, Source

MAX_REWRITTEN = 3
"""Sentences of an answer that a model is asked to correct; each costs a request."""

FOUND, CORRECTED = "the footnote was found by the check", "the footnote was corrected by the check"
"""Reasons of a claim whose footnote the one who wrote it did not set, or set wrongly."""

_MAX_SENTENCE_CHARACTERS = 600


def cite(claim: Claim, sources: Sequence[Source], judge: Judge, numbering: Numbering) -> Claim | None:
    """The claim with the citation that it lacks, or with the right one in place of a wrong one.

    None if no source bears it, as the judge sees it.
    """
    place = claim.elsewhere
    if place is None and claim.verdict == "uncited":
        place = in_which(claim.text, [source.hit.paper for source in sources], judge)
    if place is None or place.paper_id is None:
        return None
    source = next((one for one in sources if one.hit.paper.paper_id == place.paper_id), None)
    if source is None:
        return None
    citation = dataclasses.replace(
        place, number=numbering.number_of(place.paper_id), chunk_id=source.hit.chunk.chunk_id
    )
    papers = {source.hit.paper.paper_id: source.hit.paper}
    cited = check(dataclasses.replace(_bare(claim), citations=(citation,)), papers, judge)
    if cited.verdict != "supported":
        return None
    return dataclasses.replace(cited, reasons=(*cited.reasons, FOUND if claim.verdict == "uncited" else CORRECTED))


def rewrite(
    claim: Claim,
    sources: Sequence[Source],
    papers: Mapping[str, Paper],
    model: LanguageModel,
    judge: Judge,
    stopped: Callable[[], bool],
) -> Claim | None:
    """The claim in other words, from the sources that it cites; None if that does not pass the check either.

    Raises ModelError.
    """
    own = {citation.paper_id for citation in claim.citations if citation.exists}
    shown = [source for source in sources if source.hit.paper.paper_id in own]
    if not shown:
        return None
    messages = prompts.load("repair").render(
        sources=render_sources(shown),
        sentence=neutralise(claim.text),
        fault=neutralise("; ".join(claim.reasons)) or "the sources do not say it",
    )
    said = ""
    with model.stream(messages) as stream:
        for piece in stream:
            said += piece
            if stopped() or len(said) > _MAX_SENTENCE_CHARACTERS:
                return None
    text = " ".join(said.strip().strip('"“”').split())
    if not text or "\n" in said.strip() or is_sentinel(text) or text == claim.text:
        return None
    citations = []
    for citation in claim.citations:
        source = next((one for one in shown if one.hit.paper.paper_id == citation.paper_id), None)
        if source is not None:
            span = locate(text, source)
            citations.append(dataclasses.replace(citation, span=span, quote=span.of(source.hit.paper.abstract)))
    again = check(
        dataclasses.replace(_bare(claim), text=text, citations=tuple(dict.fromkeys(citations))), papers, judge
    )
    if again.verdict != "supported":
        return None
    reason = f"rewritten once; before, it said: “{claim.text}”"
    return dataclasses.replace(again, reasons=(*again.reasons, reason))


def _bare(claim: Claim) -> Claim:
    """The claim as it was before it was judged."""
    return Claim(claim.text, claim.citations)


def worth_rewriting(claim: Claim) -> bool:
    return claim.verdict in ("unsupported", "contradicted", "partial") and any(c.exists for c in claim.citations)
