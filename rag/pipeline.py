"""The whole story: a question goes in, a checked answer comes out.

    question + history -> what is wanted -> hits -> sources -> claims -> checked answer

The page, the command line and the eval harness all call ``stream`` or ``ask``, so what is
measured is what is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Unpack

from rag.answer import quoting, smalltalk, working
from rag.answer.drafts import Abstention
from rag.check import check
from rag.conversation import is_only_for_papers, points_nowhere
from rag.library import Library
from rag.model_answer import answer_by_model
from rag.ongoing import How as How
from rag.ongoing import Ongoing
from rag.retrieval import Found as FoundHits
from rag.retrieval import papers_of
from rag.retrieval.asked import MAX_QUESTION_CHARACTERS as MAX_QUESTION_CHARACTERS
from rag.types import Answer, Checked, Event, Finished, Found, Searching, Source, Wrote


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
    yield from _events(Ongoing(library, question, stop, how))


def _events(ongoing: Ongoing) -> Iterator[Event]:
    nowhere = points_nowhere(ongoing.question, ongoing.history)
    if is_only_for_papers(ongoing.question) and (nowhere or ongoing.history):
        reply = nowhere
    else:
        reply = smalltalk.reply(ongoing.question)
        ongoing.notes += [nowhere] if nowhere is not None and reply is None and ongoing.history else []
    if reply is not None:
        yield ongoing.finished("abstained", reply, reason="not_a_question")
        return
    state = ongoing.library.state
    if state.n_papers == 0:
        text = "The library is empty: there are no abstracts to answer from. Add some first."
        yield ongoing.finished("abstained", text, reason="empty_library")
        return

    ongoing.wanted = ongoing.understood()
    yield Searching(ongoing.wanted.question, state.n_papers)
    found = ongoing.searched(state)
    ongoing.log_odds = found.evidence.log_odds if found.evidence.sentences else None
    ongoing.search_seconds = time.perf_counter() - ongoing.started
    if ongoing.stopped():
        yield ongoing.finished("stopped", "")
        return
    if ongoing.model is None:
        yield from _quote(ongoing, found)
    else:
        yield from answer_by_model(ongoing, ongoing.model, found)


def _quote(ongoing: Ongoing, found: FoundHits) -> Iterator[Event]:
    hits = found.hits
    ongoing.sources = tuple(Source(n, hit, hit.chunk.sentences) for n, hit in enumerate(hits, 1))
    yield Found(ongoing.sources, tuple(ongoing.notes))
    drafts = working.quoted(
        ongoing.wanted,
        hits,
        found.evidence,
        ongoing.numbering,
        ongoing.reranker,
        ongoing.embed,
        ongoing.answers_above,
    )
    papers = papers_of(hits)
    claims = [check(draft, papers, ongoing.judge) for draft in drafts.claims]
    if isinstance(drafts, Abstention):
        text = "\n".join(filter(None, [drafts.text, quoting.as_text(claims)]))
        yield ongoing.finished("abstained", text, claims, reason=drafts.reason)
        return
    ongoing.first_token_seconds = time.perf_counter() - ongoing.started
    text = ongoing.table_text(drafts.table, claims) if drafts.table else quoting.as_text(claims)
    is_same = bool(ongoing.history) and text == ongoing.history[-1].answer
    ongoing.say_if_alone(drafts.table)
    ongoing.notes += ongoing.wanted.manner.unmet(is_same=is_same or drafts.table is not None)
    yield Wrote(text)
    for index, claim in enumerate(claims):
        yield Checked(index, claim)
    yield ongoing.finished("answered", text, claims, table=drafts.table)
