"""What can still be done for a sentence that the check did not pass: cite it, cite it rightly, rewrite it once, or
quote what it was made from.

Nothing is ever added that the check does not support.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import prompts
from rag import vocabulary
from rag.answer.citations import Numbering, locate, split_marked
from rag.answer.drafts import quotation
from rag.answer.refusals import is_sentinel
from rag.check import check, in_which
from rag.context import budget_for, neutralise, render_sources
from rag.judge.judgement import Judge
from rag.llm import LanguageModel
from rag.types import Claim, Paper, Source, Span, Usage

MAX_REWRITTEN = 3
"""Sentences of an answer that a model is asked to correct; each costs a request."""

FOUND, CORRECTED = "the footnote was found by the check", "the footnote was corrected by the check"
"""Reasons of a claim whose footnote the one who wrote it did not set, or set wrongly."""

MADE_FROM = 0.4
"""Share of a claim's words, rare ones counting more, from which a sentence is taken to be where it comes from."""

Repair = Literal["found", "rewritten", "quoted"]

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


@dataclass(frozen=True, slots=True)
class Rewritten:
    claim: Claim | None
    """None if the new words do not pass the check either."""
    usage: Usage = field(default_factory=Usage)


def rewrite(
    claim: Claim,
    sources: Sequence[Source],
    papers: Mapping[str, Paper],
    model: LanguageModel,
    judge: Judge,
    stopped: Callable[[], bool],
) -> Rewritten:
    """The claim in other words, from the sources that it cites. Raises ModelError."""
    own = {citation.paper_id for citation in claim.citations if citation.exists}
    shown = [source for source in sources if source.hit.paper.paper_id in own]
    if not shown:
        return Rewritten(None)
    sentence, fault = neutralise(claim.text), neutralise("; ".join(claim.reasons)) or "the sources do not say it"
    if _tokens_of(shown) > budget_for(model, "repair", f"{sentence} {fault}"):
        return Rewritten(None)  # of many papers: what cannot be read together cannot be corrected together
    messages = prompts.load("repair").render(sources=render_sources(shown), sentence=sentence, fault=fault)
    said = ""
    with model.stream(messages) as stream:
        for piece in stream:
            said += piece
            if stopped() or len(said) > _MAX_SENTENCE_CHARACTERS:
                return Rewritten(None)
    return Rewritten(_passing(claim, said, shown, papers, judge), stream.usage)


def _tokens_of(sources: Sequence[Source]) -> int:
    from rag.tokens import count_tokens

    return count_tokens(render_sources(sources))


def _passing(
    claim: Claim, said: str, shown: Sequence[Source], papers: Mapping[str, Paper], judge: Judge
) -> Claim | None:
    """The claim as it was ``said`` anew, if that passes the check."""
    drafts = split_marked(" ".join(said.strip().strip('"“”').split()))
    # Numbers that the model writes all the same are its own, and no words of the sentence.
    text = " ".join(draft.text for draft in drafts)
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


def quote(claim: Claim, sources: Sequence[Source], said: Collection[Claim], numbering: Numbering) -> Claim | None:
    """The sentence of a source that the claim was made from, letter for letter, in the claim's place.

    It is looked for among the sentences that were shown of the sources that the claim cites,
    or of all where it cites none. None if no sentence has much of the claim, or if it is what
    another of the ``said`` claims rests on already.
    """
    own = {citation.paper_id for citation in claim.citations if citation.exists}
    looked_at = [source for source in sources if not own or source.hit.paper.paper_id in own]
    wanted = vocabulary.weights(claim.text)
    best: tuple[float, Source, Span] | None = None
    for source in looked_at:
        for span in source.sentences:
            share = vocabulary.covered(wanted, vocabulary.stems(span.of(source.hit.paper.abstract)))
            if wanted and (best is None or share > best[0]):
                best = (share, source, span)
    if best is None or best[0] < MADE_FROM:
        return None
    _, source, span = best
    used = {(c.paper_id, c.span) for one in said if one.verdict == "supported" for c in one.citations}
    if (source.hit.paper.paper_id, span) in used:
        return None
    quoted = quotation(source.hit, span, numbering)
    reasons = ("quoted letter for letter", f"in place of what the model wrote: “{claim.text}”")
    return dataclasses.replace(quoted, verdict="supported", reasons=reasons)


def in_words(done: Sequence[Repair]) -> list[str]:
    """What was done to an answer's sentences, one note for each kind of repair."""
    counts = {how: done.count(how) for how in ("found", "rewritten", "quoted")}
    return [
        f"{n} {(one if n == 1 else several)} {end}"
        for n, one, several, end in (
            (counts["found"], "footnote was", "footnotes were", "put right by the check."),
            (counts["rewritten"], "sentence was", "sentences were", "rewritten by the check."),
            (
                counts["quoted"],
                "sentence that failed the check was",
                "sentences that failed the check were",
                "replaced by the abstract's own words.",
            ),
        )
        if n
    ]


def _bare(claim: Claim) -> Claim:
    """The claim as it was before it was judged."""
    return Claim(claim.text, claim.citations)


def failed(claim: Claim) -> bool:
    return claim.verdict in ("unsupported", "contradicted", "partial", "uncited")


def worth_rewriting(claim: Claim) -> bool:
    return claim.verdict in ("unsupported", "contradicted", "partial") and any(c.exists for c in claim.citations)
