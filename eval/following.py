"""Follow-ups: does what a question points back to come first among the sources?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.measures import cluster_of
from eval.questions import Question
from eval.statistics import Share, share_of
from rag.config import N_SOURCES
from rag.library import Library
from rag.pipeline import stream
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import Found, Paper, Searching

TOGETHER = "comparison"
"""The tag of questions about all of their papers at once: these then have to be the first sources, in any order."""


@dataclass(frozen=True, slots=True)
class Followed:
    question: Question
    searched: str
    """What was searched for; '' if nothing was."""
    titles: tuple[str, ...]
    """Of the sources, the first one first."""
    is_found: bool


def follow(
    library: Library,
    questions: Sequence[Question],
    *,
    n_sources: int = N_SOURCES,
    reranker: Reranker | None = BUNDLED,
    on_question: Callable[[int], None] = lambda _: None,
) -> tuple[Followed, ...]:
    """Those of ``questions`` (resolved) that have a history and a right paper, by the rules alone."""
    found = []
    for one in questions:
        if one.history and one.relevant:
            found.append(_followed(library, one, n_sources, reranker))
            on_question(len(found))
    return tuple(found)


def shares(followed: Sequence[Followed]) -> tuple[Share, ...]:
    """Of all of them, then of each tag."""
    tags = dict.fromkeys(tag for one in followed for tag in one.question.tags)
    groups = {tag: [one for one in followed if tag in one.question.tags] for tag in tags}
    return (_share("paper meant comes first", followed), *(_share(f"  {tag}", own) for tag, own in groups.items()))


def _share(words: str, followed: Sequence[Followed]) -> Share:
    return share_of(words, [one.is_found for one in followed], [cluster_of(one.question) for one in followed])


def _followed(library: Library, question: Question, n_sources: int, reranker: Reranker | None) -> Followed:
    searched = ""
    papers: tuple[Paper, ...] = ()
    events = stream(
        library, question.question, history=question.history, n_sources=n_sources, reranker=reranker, judge=None
    )
    for event in events:
        if isinstance(event, Searching):
            searched = event.standalone_question
        elif isinstance(event, Found):
            papers = tuple(source.hit.paper for source in event.sources)
            break  # nothing needs to be answered
    wanted = set(question.relevant)
    n_first = len(wanted) if TOGETHER in question.tags else 1
    first = {paper.paper_id for paper in papers[:n_first]}
    is_found = first == wanted if TOGETHER in question.tags else bool(first & wanted)
    return Followed(question, searched, tuple(paper.title for paper in papers), is_found)
