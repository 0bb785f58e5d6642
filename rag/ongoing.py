"""One ask on its way: what was wanted and found so far, so that any step can finish the answer."""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Sequence
from typing import TypedDict

from rag.answer import parties, quoting, smalltalk, working
from rag.answer.citations import Numbering
from rag.answer.table import table_as_text
from rag.config import N_SOURCES
from rag.conversation import Rewriter, Wanted, last_topic, points_back, understand
from rag.filters import Filter
from rag.index.snapshot import State
from rag.judge.judgement import Judge, MeteredJudge
from rag.judge.opening import DEFAULT_JUDGE
from rag.language import language_of
from rag.library import Library
from rag.llm import LanguageModel, priced, rewrites
from rag.retrieval import Found, embed, look, search
from rag.retrieval.asked import NOT_ENGLISH, cleaned
from rag.retrieval.evidence import MANY
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import (
    AbstentionReason,
    Answer,
    Claim,
    Finished,
    Kind,
    Outcome,
    Source,
    Table,
    Timings,
    Turn,
    Usage,
    cited_paper_ids,
)


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


class Ongoing:
    """One ask, from the question to its search; ``rag.pipeline`` has it answered. For one thread."""

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
        self.repairs = how.get("repair", True) and self.judge is not None
        self.answers_above = how.get("answers_above", quoting.ANSWERS_ABOVE)
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
        self.embed = functools.partial(embed, library)

    def understood(self) -> Wanted:
        """The question standing alone, and what it asks for; a model may have been asked."""
        history, kind = self._history_with_papers(), self.how.get("kind")
        rewriter = None
        if self.model is not None and rewrites(self.model):
            rewriter = Rewriter(self.model, self._title_of, self.stopped)
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

    def searched(self, state: State) -> Found:
        """What the library has for what is wanted, which is narrowed where the search says to."""
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

    def say_if_alone(self, table: Table | None) -> None:
        """A note for a table of one paper."""
        if table is not None and len(table.paper_ids) == 1:
            self.notes.append("Only one paper here fits that: there is none to set beside it.")

    def say_what_is_left_out(self, claims: Sequence[Claim]) -> None:
        """A note for a summary of chosen papers that speaks of some of them only."""
        if self.wanted.kind != "summary" or not self.wanted.about or not claims:
            return
        chosen = {source.hit.paper.paper_id for source in self.sources}
        n_left_out = len(chosen - set(cited_paper_ids(claims)))
        if n_left_out:
            self.notes.append(f"{n_left_out} of the {len(chosen)} papers are not cited in it.")

    def table_text(self, table: Table, claims: Sequence[Claim]) -> str:
        """A table as text, its papers by their titles."""
        titles = {source.hit.paper.paper_id: source.hit.paper.title for source in self.sources}
        return table_as_text(table, [titles.get(paper_id, paper_id) for paper_id in table.paper_ids], claims)

    def _readable(self, question: str) -> str:
        """The question without control characters, trimmed to a length that can be searched for."""
        text, notes = cleaned(question)
        self.notes.extend(notes)
        return text

    def _usage(self) -> Usage:
        """Of all requests: those that wrote and corrected, and those of a model that judges."""
        own = priced(self.usage, self.model) if self.model is not None else self.usage
        return own if self.judge is None else own + self.judge.usage

    def stopped(self) -> bool:
        """Whether whoever asked wants no more of it."""
        return self.stop is not None and self.stop.is_set()

    def finished(
        self,
        outcome: Outcome,
        text: str,
        claims: Sequence[Claim] = (),
        *,
        reason: AbstentionReason | None = None,
        error: str | None = None,
        table: Table | None = None,
    ) -> Finished:
        """The end of it, with all that is known by now."""
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
