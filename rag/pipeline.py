"""The whole story: a question goes in, a checked answer comes out.

    question + history -> what is wanted -> hits -> sources -> claims -> checked answer

The page, the command line and the eval harness all call ``stream`` or ``ask``, so what is
measured is what is shown.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

from rag.answer import opposing, parties, quoting, repairing, smalltalk, weighing, working
from rag.answer.citations import Numbering, marker_text
from rag.answer.drafts import Abstention
from rag.answer.table import table_as_text
from rag.answer.writing import Written
from rag.check import check
from rag.config import N_SOURCES
from rag.conversation import Rewriter, Wanted, is_only_for_papers, last_topic, points_back, points_nowhere, understand
from rag.errors import ModelError
from rag.filters import Filter
from rag.index.snapshot import State
from rag.judge.judgement import Judge, MeteredJudge
from rag.judge.opening import DEFAULT_JUDGE
from rag.language import language_of
from rag.library import Library
from rag.llm import LanguageModel, priced, rewrites
from rag.retrieval import Found as FoundHits
from rag.retrieval import embed, look, papers_of, search
from rag.retrieval.asked import MAX_QUESTION_CHARACTERS as MAX_QUESTION_CHARACTERS
from rag.retrieval.asked import NOT_ENGLISH, cleaned
from rag.retrieval.evidence import MANY
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import (
    AbstentionReason,
    Answer,
    Checked,
    Claim,
    Event,
    Finished,
    Found,
    Hit,
    Kind,
    Outcome,
    Paper,
    Searching,
    Source,
    Table,
    Timings,
    Turn,
    Usage,
    Verdict,
    Wrote,
)

_VERIFIED: frozenset[Verdict] = frozenset({"supported"})


class How(TypedDict, total=False):
    """The options of ``ask`` and ``stream``, by name."""

    model: LanguageModel | None
    """Who writes; without one the answer is made of exact quotes."""
    history: Sequence[Turn]
    """The turns before, oldest first."""
    kind: Kind | None
    """What is asked for; by default the question's words decide."""
    about: Sequence[str]
    """Ids of the only papers that count."""
    without: Sequence[str]
    """Ids of papers that don't."""
    only: Filter | None
    """What must hold of every paper that counts."""
    reads_years: bool
    """Hold the papers to the years that the question asks for, if any of them is of those (the default)."""
    n_sources: int
    """How many papers at most are put before the answerer of a question."""
    verified_only: bool
    """Leave out every sentence that the check does not support, and say how many."""
    repair: bool
    """Find missing footnotes, and let the model rewrite what failed the check, once (the default)."""
    reranker: Reranker | None
    """Who reads the best sentences again; None trusts the search."""
    judge: Judge | None
    """Who compares sentences with what they cite; None leaves all but quotes unchecked."""
    answers_above: float
    """Log-odds of an answer below which quoting abstains (rag.answer.quoting.ANSWERS_ABOVE); -inf to measure it."""


def ask(library: Library, question: str, **how: Unpack[How]) -> Answer:
    """The checked answer to ``question`` from the abstracts in ``library``.

    Without a ``model`` the answer is made of exact quotes. Whatever happens to the model is
    an outcome of the answer, with the evidence kept; errors of the library or of the
    embedding are raised (rag.errors).
    """
    *_, last = stream(library, question, **how)
    assert isinstance(last, Finished)
    return last.answer


def stream(
    library: Library, question: str, *, stop: threading.Event | None = None, **how: Unpack[How]
) -> Iterator[Event]:
    """``ask``, told as it happens; the last event is always ``Finished``.

    Setting ``stop`` ends the answer with outcome ``stopped`` and what was there by then;
    closing the generator ends it without one. A sentence that is repaired is told as
    ``Checked`` once more, with ``Wrote`` behind it.
    """
    yield from _Telling(library, question, stop, how).run()


class _Telling:
    """One ask under way: what is known so far, so that any step can finish the answer."""

    def __init__(self, library: Library, question: str, stop: threading.Event | None, how: How) -> None:
        self.started = time.perf_counter()
        self.library = library
        self.stop = stop
        self.how = how
        self.model = how.get("model")
        self.history = how.get("history", ())
        self.reranker = how.get("reranker", BUNDLED)
        judge = how.get("judge", DEFAULT_JUDGE)
        self.judge = None if judge is None else MeteredJudge(judge)
        self.verified_only = how.get("verified_only", False)
        self._repairs = how.get("repair", True) and self.judge is not None
        self._answers_above = how.get("answers_above", quoting.ANSWERS_ABOVE)
        self.notes: list[str] = []
        self.question = self._readable(question)
        self.wanted = Wanted(self.question, how.get("kind") or "answer", self.question)
        self.numbering = Numbering.after(self.history)
        self.sources: tuple[Source, ...] = ()
        self.log_odds: float | None = None
        self.years: tuple[int | None, int | None] | None = None
        self.search_seconds = 0.0
        self.first_token_seconds: float | None = None
        self.usage = Usage()
        self._embed = functools.partial(embed, library)

    def run(self) -> Iterator[Event]:
        nowhere = points_nowhere(self.question, self.history)
        if is_only_for_papers(self.question) and (nowhere or self.history):
            reply = nowhere
        else:
            reply = smalltalk.reply(self.question)
            self.notes += [nowhere] if nowhere is not None and reply is None and self.history else []
        if reply is not None:
            yield self._finished("abstained", reply, reason="not_a_question")
            return
        state = self.library.state
        if state.n_papers == 0:
            text = "The library is empty: there are no abstracts to answer from. Add some first."
            yield self._finished("abstained", text, reason="empty_library")
            return

        self.wanted = self._wanted()
        yield Searching(self.wanted.question, state.n_papers)
        found = self._searched(state)
        self.log_odds = found.evidence.log_odds if found.evidence.sentences else None
        self.search_seconds = time.perf_counter() - self.started
        if self._stopped():
            yield self._finished("stopped", "")
            return
        if self.model is None:
            yield from self._quote(found)
        else:
            yield from self._write(self.model, found)

    # -- what is wanted, and where it may stand

    def _wanted(self) -> Wanted:
        history, kind = self._history_with_papers(), self.how.get("kind")
        rewriter = None
        if self.model is not None and rewrites(self.model):
            rewriter = Rewriter(self.model, self._title_of, self._stopped)
        is_foreign = language_of(self.question) not in ("English", "unclear")
        english = rewriter(self.question, history) if rewriter is not None and is_foreign else None
        if english is not None:
            wanted = understand(english, (), self._title_of, kind=kind)
            wanted = dataclasses.replace(wanted, manner=wanted.manner.like(self.question))
            self.notes.append(
                f"The question is not in English: the model put it as “{english}”, and that was searched for."
            )
        else:
            wanted = understand(self.question, history, self._title_of, kind=kind, rewrite=rewriter)
        if is_foreign and english is None:
            self.notes.append(NOT_ENGLISH)
        if rewriter is not None:
            self.usage = sum(rewriter.usage, self.usage)
            if rewriter.problem is not None:
                self.notes.append(
                    f"The model could not say what the question stands for ({rewriter.problem}): rules did."
                )
        about, without = self.how.get("about"), self.how.get("without")
        if not about and not without and not wanted.without:
            return wanted
        return dataclasses.replace(
            wanted,
            about=tuple(about or wanted.about),
            without=tuple(dict.fromkeys((*wanted.without, *(without or ())))),
        )

    def _history_with_papers(self) -> tuple[Turn, ...]:
        """The turns that speak of a topic; where the last one names no paper, with the one that its words find."""
        history = tuple(turn for turn in self.history if turn.paper_ids or smalltalk.reply(turn.question) is None)
        if not history or history[-1].paper_ids:
            return history
        *before, last = history
        if any(turn.paper_ids for turn in before) and points_back(last.question, last_topic(before)):
            return history
        nearest = search(self.library, last_topic(history), k=1, reranker=self.reranker, only=self.how.get("only"))
        return (*before, dataclasses.replace(last, paper_ids=tuple(hit.paper.paper_id for hit in nearest)))

    def _title_of(self, paper_id: str) -> str | None:
        return self.library.paper(paper_id).title if paper_id in self.library else None

    def _searched(self, state: State) -> FoundHits:
        wanted = self.wanted
        n_papers = working.N_PAPERS.get(wanted.kind, self.how.get("n_sources", N_SOURCES))
        reads_years = self.how.get("reads_years", True)
        look_for = functools.partial(
            look,
            self.library,
            reranker=self.reranker,
            without=wanted.without,
            only=self.how.get("only"),
            years=wanted.only if reads_years else None,
            reads_years=reads_years,
        )
        if wanted.kind == "comparison" and not wanted.about:
            each = functools.partial(look_for, k=working.N_PAPERS["comparison"], breadth=MANY)
            chosen, missing = parties.standing_for(wanted.topic, each)
            self.notes += [f"No abstract here speaks of “{party}”." for party in missing]
            wanted = self.wanted = dataclasses.replace(wanted, about=chosen)
        found = look_for(
            wanted.topic,
            k=max(n_papers, len(wanted.about)),
            breadth=working.breadth_for(wanted),
            about=wanted.about,
            state=state if self.model is None else None,  # a model may have taken its time over the question
        )
        if found.asked.years is not None:
            self.years = (found.asked.years.from_year, found.asked.years.to_year)
        self.notes.extend(note for note in found.asked.notes if note not in self.notes)
        if found.asked.no_topic:
            # There is no topic that a paper could fit or not: each of them is shown by what it says of itself.
            papers = tuple(hit.paper.paper_id for hit in found.hits)
            self.wanted = dataclasses.replace(wanted, kind="summary", about=papers)
        return found

    # -- quoting

    def _quote(self, found: FoundHits) -> Iterator[Event]:
        hits = found.hits
        self.sources = tuple(Source(n, hit, hit.chunk.sentences) for n, hit in enumerate(hits, 1))
        yield Found(self.sources, tuple(self.notes))
        drafts = working.quoted(
            self.wanted,
            hits,
            found.evidence,
            self.numbering,
            self.reranker,
            self._embed,
            self._answers_above,
        )
        papers = papers_of(hits)
        claims = [check(draft, papers, self.judge) for draft in drafts.claims]
        if isinstance(drafts, Abstention):
            text = "\n".join(filter(None, [drafts.text, quoting.as_text(claims)]))
            yield self._finished("abstained", text, claims, reason=drafts.reason)
            return
        self.first_token_seconds = time.perf_counter() - self.started
        text = self._table_text(drafts.table, claims) if drafts.table else quoting.as_text(claims)
        is_same = bool(self.history) and text == self.history[-1].answer
        self._say_if_alone(drafts.table)
        self.notes += self.wanted.manner.unmet(is_same=is_same or drafts.table is not None)
        yield Wrote(text)
        for index, claim in enumerate(claims):
            yield Checked(index, claim)
        yield self._finished("answered", text, claims, table=drafts.table)

    def _table_text(self, table: Table, claims: Sequence[Claim]) -> str:
        titles = {source.hit.paper.paper_id: source.hit.paper.title for source in self.sources}
        return table_as_text(table, [titles.get(paper_id, paper_id) for paper_id in table.paper_ids], claims)

    # -- writing

    def _write(self, model: LanguageModel, found: FoundHits) -> Iterator[Event]:
        wanted, hits = self.wanted, found.hits
        shown = working.shown(wanted, hits, found.evidence, model)
        self.sources = shown.sources
        yield Found(self.sources, tuple(self.notes))
        if not weighing.is_worth_asking(wanted, hits, found.evidence, model, self._answers_above):
            nothing = quoting.abstention(wanted.question, hits)
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
        claims: list[Claim] = []
        text = ""
        written: Written | None = None
        asked_at = time.perf_counter()
        try:
            for told in working.written(wanted, shown, model, self.numbering, self._stopped):
                if isinstance(told, Wrote):
                    if self.first_token_seconds is None:
                        self.first_token_seconds = time.perf_counter() - self.started
                    text = told.text
                    yield told
                elif isinstance(told, Claim):
                    claims.append(check(told, papers, self.judge))
                    yield Checked(len(claims) - 1, claims[-1])
                else:
                    written = told
        except ModelError as error:
            # What had been written stays, with its verdicts: it is true of what was read.
            self.usage += written.usage if written is not None else Usage()
            table = written.table if written is not None else None
            text, claims, table = self._only_verified(text, claims, table)
            yield self._finished("failed", text, claims, error=str(error), table=table)
            return
        assert written is not None  # the writing always ends with it
        if written.first_token_seconds is not None:
            self.first_token_seconds = asked_at - self.started + written.first_token_seconds
        self.usage += written.usage
        self.notes.extend(written.notes)
        text = written.text
        if not written.stopped and not written.declined:
            repaired = False
            for index, claim in self._repaired(model, claims, papers):
                claims[index] = claim
                repaired = True
                yield Checked(index, claim)
            if repaired:
                text = self._rebuilt(claims, written.table)
                yield Wrote(text)
        why = None
        if not written.stopped:
            # Where nothing is to be repaired, what failed the check stays as the model wrote it.
            failing = claims if self._repairs else ()
            why = weighing.why_quote_instead(wanted, found.evidence, model, declined=written.declined, claims=failing)
        if why is not None and (quotes := self._quoted_instead(found)):
            self.notes.append(why)
            # Sentences were told by their places: what the quotes do not replace stays, marked.
            claims = [*quotes, *claims[len(quotes) :]]
            yield Wrote(self._rebuilt(claims, None))
            for index, claim in enumerate(quotes):
                yield Checked(index, claim)
            text, claims, _ = self._only_verified(self._rebuilt(claims, None), claims, None)
            yield self._finished("answered", text, claims)
            return
        if self.reranker is not None and not written.stopped and not written.declined:
            both = working.disagreement(wanted, hits, found.evidence, self._embed)
            self.notes += [opposing.in_words(both)] if both is not None else []
        yield self._concluded(written, text, claims, hits)

    def _quoted_instead(self, found: FoundHits) -> list[Claim]:
        """What quoting mode would say, of the papers that the model was shown; nothing where it would say nothing."""
        drafts = quoting.quote(self.wanted.question, found.hits, found.evidence, self.numbering, self._answers_above)
        shown = {source.hit.paper.paper_id for source in self.sources}
        papers = papers_of(found.hits)
        return [check(draft, papers, self.judge) for draft in drafts.claims if draft.citations[0].paper_id in shown]

    def _repaired(
        self, model: LanguageModel, claims: Sequence[Claim], papers: dict[str, Paper]
    ) -> Iterator[tuple[int, Claim]]:
        """Each sentence that failed the check and now passes it, with its place."""
        if not self._repairs or self.judge is None:
            return
        n_asked = 0
        done: list[repairing.Repair] = []
        claims = list(claims)
        for index, claim in enumerate(claims):
            if self._stopped():
                return
            how: repairing.Repair = "found"
            better = repairing.cite(claim, self.sources, self.judge, self.numbering)
            quotes = self.wanted.kind == "answer" and weighing.is_small(model)
            if better is None and quotes and repairing.failed(claim):
                how, better = "quoted", repairing.quote(claim, self.sources, claims, self.numbering)
            elif better is None and repairing.worth_rewriting(claim) and n_asked < repairing.MAX_REWRITTEN:
                n_asked += 1
                try:
                    rewritten = repairing.rewrite(claim, self.sources, papers, model, self.judge, self._stopped)
                except ModelError as error:
                    self.notes.append(f"The model could not be asked to correct a sentence: {error}")
                    return
                self.usage += rewritten.usage
                how, better = "rewritten", rewritten.claim
            if better is not None:
                done.append(how)
                claims[index] = better
                yield index, better
        self.notes.extend(repairing.in_words(done))

    def _concluded(self, written: Written, text: str, claims: list[Claim], hits: Sequence[Hit]) -> Finished:
        """The outcome of a reply that ended without an error."""
        text, claims, table = self._only_verified(text, claims, written.table)
        if written.stopped:
            return self._finished("stopped", text, claims, table=table)
        if written.declined:
            text = "The model found no answer in the abstracts." + (
                f" The nearest paper is “{hits[0].paper.title}”." if hits else ""
            )
            return self._finished("abstained", text, reason="model_declined")
        if written.empty:
            return self._finished("empty", "The model returned no text. What was found is still here.")
        self._say_if_alone(table)
        if not claims and self.verified_only:
            text = "No sentence that the model wrote passed the check."
            return self._finished("abstained", text, reason="not_stated")
        return self._finished("answered", text, claims, table=table)

    def _only_verified(
        self, text: str, claims: list[Claim], table: Table | None
    ) -> tuple[str, list[Claim], Table | None]:
        """All three without the sentences that failed the check, where that was asked for, and a note of how many.

        The numbers close up: a number belongs to the conversation only if its reader saw it.
        """
        kept = [index for index, claim in enumerate(claims) if claim.verdict in _VERIFIED]
        n_dropped = len(claims) - len(kept)
        if not self.verified_only or not n_dropped:
            return text, claims, table
        self.notes.append(
            f"{n_dropped} {'sentence' if n_dropped == 1 else 'sentences'} that failed the check "
            f"{'was' if n_dropped == 1 else 'were'} left out."
        )
        numbering = Numbering.after(self.history)
        places = {index: place for place, index in enumerate(kept)}
        if table is not None:
            cells = tuple(tuple(None if at is None else places.get(at) for at in row) for row in table.cells)
            table = dataclasses.replace(table, cells=cells)
        claims = [_renumbered(claims[index], numbering) for index in kept]
        return self._rebuilt(claims, table), claims, table

    def _rebuilt(self, claims: Sequence[Claim], table: Table | None) -> str:
        """The text of an answer whose sentences changed."""
        if table is not None:
            return self._table_text(table, claims)
        between = "\n" if self.wanted.kind == "list" else " "
        return between.join(
            quoting.as_text([claim])
            if claim.is_quote
            else f"{claim.text} {''.join(dict.fromkeys(map(marker_text, claim.citations)))}".rstrip()
            for claim in claims
        )

    def _say_if_alone(self, table: Table | None) -> None:
        if table is not None and len(table.paper_ids) == 1:
            self.notes.append("Only one paper here fits that: there is none to set beside it.")

    # -- everywhere

    def _readable(self, question: str) -> str:
        """The question without control characters, trimmed to a length that can be searched for."""
        text, notes = cleaned(question)
        self.notes.extend(notes)
        return text

    def _usage(self) -> Usage:
        """Of all requests: those that wrote and corrected, and those of a model that judges."""
        own = priced(self.usage, self.model) if self.model is not None else self.usage
        return own if self.judge is None else own + self.judge.usage

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
        table: Table | None = None,
    ) -> Finished:
        return Finished(
            Answer(
                question=self.question,
                standalone_question=self.wanted.question,
                outcome=outcome,
                text=text,
                claims=tuple(claims),
                sources=self.sources,
                model=self.model.name if self.model is not None else None,
                reason=reason,
                error=error,
                notes=tuple(self.notes),
                usage=self._usage(),
                timings=Timings(self.search_seconds, self.first_token_seconds, time.perf_counter() - self.started),
                kind=self.wanted.kind,
                table=table,
                log_odds=self.log_odds,
                years=self.years,
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
