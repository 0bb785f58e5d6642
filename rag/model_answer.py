"""An ask that a model answers: what it writes is checked, repaired, or gives way to quotes, as it comes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence

from rag.answer import opposing, quoting, repairing, weighing, working
from rag.answer.citations import Numbering, marker_text
from rag.answer.writing import Written
from rag.check import check
from rag.errors import ModelError
from rag.llm import LanguageModel
from rag.ongoing import Ongoing
from rag.retrieval import Found as FoundHits
from rag.retrieval import papers_of
from rag.types import Checked, Claim, Event, Finished, Found, Hit, Paper, Table, Usage, Verdict, Wrote

_VERIFIED: frozenset[Verdict] = frozenset({"supported"})


def answer_by_model(ongoing: Ongoing, model: LanguageModel, found: FoundHits) -> Iterator[Event]:
    """What is shown to the model, what it writes, the check of each sentence, and the end of the answer."""
    wanted, hits = ongoing.wanted, found.hits
    shown = working.shown(wanted, hits, found.evidence, model)
    ongoing.sources = shown.sources
    yield Found(ongoing.sources, tuple(ongoing.notes))
    if not weighing.is_worth_asking(wanted, hits, found.evidence, model, ongoing.answers_above):
        nothing = quoting.abstention(wanted.question, hits)
        yield ongoing.finished("abstained", nothing.text, reason=nothing.reason)
        return
    if not ongoing.sources:
        error = (
            f"no source fits into the {model.context_tokens:,} tokens of {model.name}: "
            "raise context_tokens or lower max_output_tokens in its configuration"
        )
        yield ongoing.finished("failed", "", error=error)
        return

    papers = papers_of(hits)
    claims: list[Claim] = []
    text = ""
    written: Written | None = None
    asked_at = time.perf_counter()
    try:
        for told in working.written(wanted, shown, model, ongoing.numbering, ongoing.stopped):
            if isinstance(told, Wrote):
                if ongoing.first_token_seconds is None:
                    ongoing.first_token_seconds = time.perf_counter() - ongoing.started
                text = told.text
                yield told
            elif isinstance(told, Claim):
                claims.append(check(told, papers, ongoing.judge))
                yield Checked(len(claims) - 1, claims[-1])
            else:
                written = told
    except ModelError as error:
        # What had been written stays, with its verdicts: it is true of what was read.
        ongoing.usage += written.usage if written is not None else Usage()
        table = written.table if written is not None else None
        text, claims, table = _only_verified(ongoing, text, claims, table)
        yield ongoing.finished("failed", text, claims, error=str(error), table=table)
        return
    assert written is not None  # the writing always ends with it
    if written.first_token_seconds is not None:
        ongoing.first_token_seconds = asked_at - ongoing.started + written.first_token_seconds
    ongoing.usage += written.usage
    ongoing.notes.extend(written.notes)
    text = written.text
    if not written.stopped and not written.declined:
        repaired = False
        for index, claim in _repaired(ongoing, model, claims, papers):
            claims[index] = claim
            repaired = True
            yield Checked(index, claim)
        if repaired:
            text = _rebuilt(ongoing, claims, written.table)
            yield Wrote(text)
    why = None
    if not written.stopped:
        # Where nothing is to be repaired, what failed the check stays as the model wrote it.
        failing = claims if ongoing.repairs else ()
        why = weighing.why_quote_instead(wanted, found.evidence, model, declined=written.declined, claims=failing)
    if why is not None and (quotes := _quoted_instead(ongoing, found)):
        ongoing.notes.append(why)
        # Sentences were told by their places: what the quotes do not replace stays, marked.
        claims = [*quotes, *claims[len(quotes) :]]
        yield Wrote(_rebuilt(ongoing, claims, None))
        for index, claim in enumerate(quotes):
            yield Checked(index, claim)
        text, claims, _ = _only_verified(ongoing, _rebuilt(ongoing, claims, None), claims, None)
        yield ongoing.finished("answered", text, claims)
        return
    if ongoing.reranker is not None and not written.stopped and not written.declined:
        both = working.disagreement(wanted, hits, found.evidence, ongoing.embed)
        ongoing.notes += [opposing.in_words(both)] if both is not None else []
    yield _concluded(ongoing, written, text, claims, hits)


def _quoted_instead(ongoing: Ongoing, found: FoundHits) -> list[Claim]:
    """What quoting mode would say, of the papers that the model was shown; nothing where it would say nothing."""
    drafts = quoting.quote(
        ongoing.wanted.question,
        found.hits,
        found.evidence,
        ongoing.numbering,
        ongoing.reranker,
        ongoing.answers_above,
    )
    shown = {source.hit.paper.paper_id for source in ongoing.sources}
    papers = papers_of(found.hits)
    return [check(draft, papers, ongoing.judge) for draft in drafts.claims if draft.citations[0].paper_id in shown]


def _repaired(
    ongoing: Ongoing, model: LanguageModel, claims: Sequence[Claim], papers: dict[str, Paper]
) -> Iterator[tuple[int, Claim]]:
    """Each sentence that failed the check and now passes it, with its place."""
    if not ongoing.repairs or ongoing.judge is None:
        return
    n_asked = 0
    done: list[repairing.Repair] = []
    claims = list(claims)
    for index, claim in enumerate(claims):
        if ongoing.stopped():
            return
        how: repairing.Repair = "found"
        better = repairing.cite(claim, ongoing.sources, ongoing.judge, ongoing.numbering)
        quotes = ongoing.wanted.kind == "answer" and weighing.is_small(model)
        if better is None and quotes and repairing.failed(claim):
            how, better = "quoted", repairing.quote(claim, ongoing.sources, claims, ongoing.numbering)
        elif better is None and repairing.worth_rewriting(claim) and n_asked < repairing.MAX_REWRITTEN:
            n_asked += 1
            try:
                rewritten = repairing.rewrite(claim, ongoing.sources, papers, model, ongoing.judge, ongoing.stopped)
            except ModelError as error:
                ongoing.notes.append(f"The model could not be asked to correct a sentence: {error}")
                return
            ongoing.usage += rewritten.usage
            how, better = "rewritten", rewritten.claim
        if better is not None:
            done.append(how)
            claims[index] = better
            yield index, better
    ongoing.notes.extend(repairing.in_words(done))


def _concluded(ongoing: Ongoing, written: Written, text: str, claims: list[Claim], hits: Sequence[Hit]) -> Finished:
    """The outcome of a reply that ended without an error."""
    text, claims, table = _only_verified(ongoing, text, claims, written.table)
    if written.stopped:
        return ongoing.finished("stopped", text, claims, table=table)
    if written.declined:
        text = "The model found no answer in the abstracts." + (
            f" The nearest paper is “{hits[0].paper.title}”." if hits else ""
        )
        return ongoing.finished("abstained", text, reason="model_declined")
    if written.empty:
        what = "nothing that could be shown" if written.notes else "no text"
        return ongoing.finished("empty", f"The model returned {what}. What was found is still here.")
    ongoing.say_if_alone(table)
    ongoing.say_what_is_left_out(claims)
    if not claims and ongoing.verified_only:
        text = "No sentence that the model wrote passed the check."
        return ongoing.finished("abstained", text, reason="not_stated")
    return ongoing.finished("answered", text, claims, table=table)


def _only_verified(
    ongoing: Ongoing, text: str, claims: list[Claim], table: Table | None
) -> tuple[str, list[Claim], Table | None]:
    """All three without the sentences that failed the check, where that was asked for, and a note of how many.

    The numbers close up: a number belongs to the conversation only if its reader saw it.
    """
    kept = [index for index, claim in enumerate(claims) if claim.verdict in _VERIFIED]
    n_dropped = len(claims) - len(kept)
    if not ongoing.verified_only or not n_dropped:
        return text, claims, table
    ongoing.notes.append(
        f"{n_dropped} {'sentence' if n_dropped == 1 else 'sentences'} that failed the check "
        f"{'was' if n_dropped == 1 else 'were'} left out."
    )
    numbering = Numbering.after(ongoing.history)
    places = {index: place for place, index in enumerate(kept)}
    if table is not None:
        cells = tuple(tuple(None if at is None else places.get(at) for at in row) for row in table.cells)
        table = dataclasses.replace(table, cells=cells)
    claims = [_renumbered(claims[index], numbering) for index in kept]
    return _rebuilt(ongoing, claims, table), claims, table


def _rebuilt(ongoing: Ongoing, claims: Sequence[Claim], table: Table | None) -> str:
    """The text of an answer whose sentences changed."""
    if table is not None:
        return ongoing.table_text(table, claims)
    between = "\n" if ongoing.wanted.kind == "list" else " "
    return between.join(
        quoting.as_text([claim])
        if claim.is_quote
        else f"{claim.text} {''.join(dict.fromkeys(map(marker_text, claim.citations)))}".rstrip()
        for claim in claims
    )


def _renumbered(claim: Claim, numbering: Numbering) -> Claim:
    return dataclasses.replace(
        claim,
        citations=tuple(
            citation
            if citation.paper_id is None
            else dataclasses.replace(citation, number=numbering.number_of(citation.paper_id))
            for citation in claim.citations
        ),
    )
