"""One turn of the conversation, from the question to the last event.

``advance`` folds the events of ``ask`` into a Progress; a turn that does not reach its
Finished event ends as an Answer too (``stopped``, ``broken``), so that the page has one
kind of thing to show and to remember.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.types import (
    Answer,
    Checked,
    Claim,
    Event,
    Finished,
    Found,
    Outcome,
    Searching,
    Source,
    Timings,
    Turn,
    Wrote,
    cited_paper_ids,
)

# A marker as readers see it; "[9?]" stands for a citation of nothing.
_MARKER = re.compile(r"\[\d+\??\]")
_LETTER = re.compile(r"[^\W_]")
# What belongs to a sentence behind its last letter: its stop, closing quotes, its markers.
_TRAILING = re.compile(r"[^\w\s\[]*(?:[ \t]*\[\d+\??\])*[^\w\s\[(“\"]*")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a turn so far; ``answer`` is set by the last event."""

    question: str
    standalone_question: str = ""
    n_papers: int | None = None
    """None until the search began."""
    sources: tuple[Source, ...] | None = None
    """None until the search is over; empty if it found nothing."""
    text: str = ""
    claims: tuple[Claim, ...] = ()
    answer: Answer | None = None
    notes: tuple[str, ...] = ()
    """What was read into the question."""


def advance(progress: Progress, event: Event) -> Progress:
    match event:
        case Searching():
            return replace(progress, standalone_question=event.standalone_question, n_papers=event.n_papers)
        case Found():
            return replace(progress, sources=event.sources, notes=event.notes)
        case Wrote():
            return replace(progress, text=event.text)
        case Checked():
            before, after = progress.claims[: event.index], progress.claims[event.index + 1 :]
            return replace(progress, claims=(*before, event.claim, *after))
        case Finished():
            return replace(progress, answer=_without_vectors(event.answer))


def stopped(progress: Progress, model: str | None, seconds: float) -> Answer:
    """The answer of a turn that a person ended: what had come, its last part unchecked."""
    return _ended(progress, "stopped", model, None, seconds)


def broken(progress: Progress, model: str | None, error: str, seconds: float) -> Answer:
    """The answer of a turn that an error ended; the evidence found is kept."""
    return _ended(progress, "failed", model, error, seconds)


def _ended(progress: Progress, outcome: Outcome, model: str | None, error: str | None, seconds: float) -> Answer:
    rest = unchecked_rest(progress.text, progress.claims).strip()
    claims = progress.claims
    if rest:
        why = "the answer was stopped before this was checked" if outcome == "stopped" else "the answer broke off here"
        claims = (*claims, Claim(text=rest, verdict="unchecked", reasons=(why,)))
    return _without_vectors(
        Answer(
            question=progress.question,
            standalone_question=progress.standalone_question or progress.question,
            outcome=outcome,
            text=progress.text or error or "Stopped before the first word.",
            claims=claims,
            sources=progress.sources or (),
            model=model,
            error=error,
            timings=Timings(total_seconds=seconds),
        )
    )


def _without_vectors(answer: Answer) -> Answer:
    """The page remembers whole conversations and never searches in them."""
    return replace(answer, sources=tuple(replace(s, hit=replace(s.hit, sentence_vectors=None)) for s in answer.sources))


def claim_ends(text: str, claims: Sequence[Claim]) -> list[int]:
    """Where each claim ends in ``text``, its stop and markers included; ends are in order.

    Only letters and digits are compared: a claim carries no markers, and around it the text
    has quotation marks and white space of its own. The list is shorter than ``claims``
    from the first one that is not found.
    """
    ends: list[int] = []
    at = 0
    for claim in claims:
        end = _after(text, at, claim.text)
        if end is None:  # brackets in the claim that the text shows as a marker
            end = _after(text, at, _MARKER.sub("", claim.text))
        if end is None:
            return ends
        trailing = _TRAILING.match(text, end)
        at = trailing.end() if trailing else end
        ends.append(at)
    return ends


def _after(text: str, at: int, wanted: str) -> int | None:
    """The position behind the last letter of ``wanted`` if its letters come next in ``text``."""
    for letter in _LETTER.findall(wanted):
        while at < len(text) and not _LETTER.match(text, at):
            marker = _MARKER.match(text, at)
            at = marker.end() if marker else at + 1
        if at >= len(text) or text[at] != letter:
            return None
        at += 1
    return at


def unchecked_rest(text: str, claims: Sequence[Claim]) -> str:
    """The part of ``text`` behind the checked claims; empty where they do not line up."""
    ends = claim_ends(text, claims)
    if len(ends) < len(claims):
        return ""
    return text[ends[-1] :] if ends else text


def history(answers: Iterable[Answer]) -> tuple[Turn, ...]:
    """The conversation as an argument to ``ask``: the turns in which something was said.

    A failed or stopped turn counts if it left footnotes, whose numbers must stay what they
    are. A greeting does not: no follow-up points back to it.
    """
    return tuple(
        Turn(question=a.question, answer=a.text, paper_ids=cited_paper_ids(a.claims))
        for a in answers
        if (a.outcome in ("answered", "abstained") and a.reason != "not_a_question") or a.claims
    )
