"""The whole story: a question goes in, a checked answer comes out.

    question + history -> standalone question -> hits -> sources -> claims -> checked answer

The page, the command line and the eval harness all call ``stream`` or ``ask``, so what is
measured is what is shown.
"""

from __future__ import annotations

import dataclasses
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence

from rag.answer import quoting, smalltalk
from rag.answer.citations import Numbering, marker_text
from rag.answer.writing import Written, write
from rag.check import check
from rag.config import N_SOURCES
from rag.context import budget_for, fit
from rag.conversation import last_topic, papers_meant, points_back, standalone
from rag.errors import ModelError
from rag.evidence import Evidence, best_spans, rank_sentences
from rag.filters import Filter
from rag.library import Library
from rag.llm import LanguageModel
from rag.reranker import BUNDLED, Reranker
from rag.retrieval import embed, find, papers_of, search
from rag.types import (
    AbstentionReason,
    Answer,
    Checked,
    Claim,
    Event,
    Finished,
    Found,
    Hit,
    Outcome,
    Searching,
    Source,
    Timings,
    Turn,
    Usage,
    Verdict,
    Wrote,
)

NO_USE_IN_ASKING = -4.0
"""Below these log-odds of an answer, with no paper near the question, no model is asked."""

MAX_QUESTION_CHARACTERS = 4_000
"""Longer questions are trimmed, and the answer says so; the embedding reads about 1,200 anyway."""

_DROPPED_WHEN_VERIFIED_ONLY: frozenset[Verdict] = frozenset({"unsupported", "contradicted", "uncited"})


def ask(
    library: Library,
    question: str,
    *,
    model: LanguageModel | None = None,
    history: Sequence[Turn] = (),
    n_sources: int = N_SOURCES,
    verified_only: bool = False,
    reranker: Reranker | None = BUNDLED,
    only: Filter | None = None,
) -> Answer:
    """The checked answer to ``question`` from the abstracts in ``library``.

    Without a ``model`` the answer is made of exact quotes; with ``only``, out of those papers
    alone. Whatever happens to the model is an outcome of the answer, with the evidence kept;
    errors of the library or of the embedding are raised (rag.errors).
    """
    *_, last = stream(
        library,
        question,
        model=model,
        history=history,
        n_sources=n_sources,
        verified_only=verified_only,
        reranker=reranker,
        only=only,
    )
    assert isinstance(last, Finished)
    return last.answer


def stream(
    library: Library,
    question: str,
    *,
    model: LanguageModel | None = None,
    history: Sequence[Turn] = (),
    n_sources: int = N_SOURCES,
    verified_only: bool = False,
    reranker: Reranker | None = BUNDLED,
    stop: threading.Event | None = None,
    only: Filter | None = None,
) -> Iterator[Event]:
    """``ask``, told as it happens; the last event is always ``Finished``.

    Setting ``stop`` ends the answer with outcome ``stopped`` and what was there by then;
    closing the generator ends it without one.
    """
    telling = _Telling(library, question, history, model, verified_only, reranker, stop, only)
    yield from telling.run(n_sources)


class _Telling:
    """One ask under way: what is known so far, so that any step can finish the answer."""

    def __init__(
        self,
        library: Library,
        question: str,
        history: Sequence[Turn],
        model: LanguageModel | None,
        verified_only: bool,
        reranker: Reranker | None,
        stop: threading.Event | None,
        only: Filter | None,
    ) -> None:
        self.started = time.perf_counter()
        self.library = library
        self.model = model
        self.history = history
        self.verified_only = verified_only
        self.reranker = reranker
        self.stop = stop
        self.only = only
        self.notes: list[str] = []
        self.question = self._readable(question)
        self.standalone_question = self.question
        self.sources: tuple[Source, ...] = ()
        self.search_seconds = 0.0
        self.first_token_seconds: float | None = None

    def run(self, n_sources: int) -> Iterator[Event]:
        reply = smalltalk.reply(self.question)
        if reply is not None:
            yield self._finished("abstained", reply, reason="not_a_question")
            return
        n_papers = len(self.library)
        if n_papers == 0:
            text = "The library is empty: there are no abstracts to answer from. Add some first."
            yield self._finished("abstained", text, reason="empty_library")
            return

        self.standalone_question = self._standalone()
        yield Searching(self.standalone_question, n_papers)
        vector = embed(self.library, self.standalone_question)
        hits = find(self.library, self.standalone_question, vector, k=n_sources, only=self.only)
        evidence = rank_sentences(self.standalone_question, vector, hits, self.reranker)
        self.search_seconds = time.perf_counter() - self.started
        if self._stopped():
            yield self._finished("stopped", "")
            return
        if self.model is None:
            yield from self._quote(hits, evidence)
        else:
            yield from self._write(self.model, hits, evidence)

    def _quote(self, hits: Sequence[Hit], evidence: Evidence) -> Iterator[Event]:
        self.sources = tuple(Source(n, hit, hit.chunk.sentences) for n, hit in enumerate(hits, 1))
        yield Found(self.sources)
        drafts = quoting.quote(self.standalone_question, hits, evidence, self.history)
        if isinstance(drafts, quoting.Abstention):
            yield self._finished("abstained", drafts.text, reason=drafts.reason)
            return
        papers = papers_of(hits)
        claims = [check(draft, papers) for draft in drafts]
        self.first_token_seconds = time.perf_counter() - self.started
        text = quoting.as_text(claims)
        yield Wrote(text)
        for index, claim in enumerate(claims):
            yield Checked(index, claim)
        yield self._finished("answered", text, claims)

    def _write(self, model: LanguageModel, hits: Sequence[Hit], evidence: Evidence) -> Iterator[Event]:
        best = best_spans(hits, evidence)
        self.sources = fit(
            hits,
            budget_tokens=budget_for(model),
            max_sources=len(hits),
            evidence=model.evidence,
            best_sentences=best,
        )
        yield Found(self.sources)
        if not hits or (evidence.log_odds < NO_USE_IN_ASKING and not quoting.is_near(self.standalone_question, hits)):
            nothing = quoting.abstention(self.standalone_question, hits)
            yield self._finished("abstained", nothing.text, reason=nothing.reason)
            return
        if not self.sources:
            error = (
                f"no source fits into the {model.context_tokens:,} tokens of {model.name}: "
                "raise context_tokens or lower max_output_tokens in its configuration"
            )
            yield self._finished("failed", "", error=error)
            return

        papers = papers_of(hits)
        numbering = Numbering.after(self.history)
        claims: list[Claim] = []
        text = ""
        written: Written | None = None
        asked_at = time.perf_counter()
        try:
            for told in write(self.standalone_question, self.sources, model, numbering, stopped=self._stopped):
                if isinstance(told, Wrote):
                    if self.first_token_seconds is None:
                        self.first_token_seconds = time.perf_counter() - self.started
                    text = told.text
                    yield told
                elif isinstance(told, Claim):
                    claims.append(check(told, papers))
                    yield Checked(len(claims) - 1, claims[-1])
                else:
                    written = told
        except ModelError as error:
            # What had been written stays, with its verdicts: it is true of what was read.
            text, claims = self._only_verified(text, claims)
            yield self._finished("failed", text, claims, error=str(error))
            return
        assert written is not None  # write() always ends with it
        if written.first_token_seconds is not None:
            self.first_token_seconds = asked_at - self.started + written.first_token_seconds
        self.notes.extend(written.notes)
        yield self._concluded(written, claims, hits)

    def _concluded(self, written: Written, claims: list[Claim], hits: Sequence[Hit]) -> Finished:
        """The outcome of a reply that ended without an error."""
        text, claims = self._only_verified(written.text, claims)
        if written.stopped:
            return self._finished("stopped", text, claims, usage=written.usage)
        if written.declined:
            text = "The model found no answer in the abstracts." + (
                f" The nearest paper is “{hits[0].paper.title}”." if hits else ""
            )
            return self._finished("abstained", text, reason="model_declined", usage=written.usage)
        if written.empty:
            text = "The model returned no text. What was found is still here."
            return self._finished("empty", text, usage=written.usage)
        if not claims and self.verified_only:
            text = "No sentence that the model wrote passed the check."
            return self._finished("abstained", text, reason="not_stated", usage=written.usage)
        return self._finished("answered", text, claims, usage=written.usage)

    def _only_verified(self, text: str, claims: list[Claim]) -> tuple[str, list[Claim]]:
        """Both without the sentences that failed the check, where that was asked for, and a note of how many.

        The numbers close up: a number belongs to the conversation only if its reader saw it.
        """
        kept = [claim for claim in claims if claim.verdict not in _DROPPED_WHEN_VERIFIED_ONLY]
        n_dropped = len(claims) - len(kept)
        if not self.verified_only or not n_dropped:
            return text, claims
        self.notes.append(
            f"{n_dropped} {'sentence' if n_dropped == 1 else 'sentences'} that failed the check "
            f"{'was' if n_dropped == 1 else 'were'} left out."
        )
        numbering = Numbering.after(self.history)
        kept = [_renumbered(claim, numbering) for claim in kept]
        text = " ".join(
            claim.text + " " + "".join(dict.fromkeys(marker_text(citation) for citation in claim.citations))
            for claim in kept
        )
        return text, kept

    def _standalone(self) -> str:
        if not self.history:
            return self.question
        history = self._history_with_papers()
        meant = papers_meant(self.question, history)
        titles = [self.library.paper(paper_id).title for paper_id in meant if paper_id in self.library]
        return standalone(self.question, history, titles)

    def _history_with_papers(self) -> tuple[Turn, ...]:
        """The turns that speak of a topic; where the last one names no paper, with the one that its words find."""
        history = tuple(turn for turn in self.history if turn.paper_ids or smalltalk.reply(turn.question) is None)
        if not history or history[-1].paper_ids:
            return history
        *before, last = history
        if any(turn.paper_ids for turn in before) and points_back(last.question, last_topic(before)):
            return history
        nearest = search(self.library, last_topic(history), k=1)
        return (*before, dataclasses.replace(last, paper_ids=tuple(hit.paper.paper_id for hit in nearest)))

    def _readable(self, question: str) -> str:
        """The question without control characters, trimmed to a length that can be searched for."""
        text = "".join(" " if unicodedata.category(ch) in ("Cc", "Cs") else ch for ch in question).strip()
        if len(text) > MAX_QUESTION_CHARACTERS:
            self.notes.append(
                f"The question has {len(text):,} characters; only the first {MAX_QUESTION_CHARACTERS:,} were used."
            )
            text = text[:MAX_QUESTION_CHARACTERS]
        return text

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _finished(
        self,
        outcome: Outcome,
        text: str,
        claims: Sequence[Claim] = (),
        *,
        reason: AbstentionReason | None = None,
        error: str | None = None,
        usage: Usage | None = None,
    ) -> Finished:
        return Finished(
            Answer(
                question=self.question,
                standalone_question=self.standalone_question,
                outcome=outcome,
                text=text,
                claims=tuple(claims),
                sources=self.sources,
                model=self.model.name if self.model is not None else None,
                reason=reason,
                error=error,
                notes=tuple(self.notes),
                usage=usage or Usage(),
                timings=Timings(self.search_seconds, self.first_token_seconds, time.perf_counter() - self.started),
            )
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
