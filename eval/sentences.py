"""The sentence ranker by itself: of the sentences that were found, does the answering one come first?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.measures import WITHIN, cluster_of, is_answering
from eval.questions import Question
from eval.statistics import Share, share_of
from rag.config import N_SOURCES
from rag.library import Library
from rag.pipeline import stream
from rag.retrieval import look
from rag.retrieval.evidence import MAX_HITS
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import Searching


@dataclass(frozen=True, slots=True)
class Ranking:
    """One question's sentences, ranked."""

    question: Question
    rank: int | None
    """1-based rank of the first answering sentence; None if it is not among those ranked."""
    is_found: bool
    """Whether one of the right papers was among the hits whose sentences are ranked."""
    log_odds: float
    first: str
    """The sentence ranked first; '' if there is none."""


def rank(
    library: Library,
    questions: Sequence[Question],
    *,
    n_sources: int = N_SOURCES,
    reranker: Reranker | None = BUNDLED,
) -> tuple[Ranking, ...]:
    """The rankings of the answerable questions with marked sentences; no answer is made, no model is asked."""
    return tuple(_ranking(library, one, n_sources, reranker) for one in questions if one.answerable and one.evidence)


def figures(rankings: Sequence[Ranking]) -> tuple[Share, ...]:
    """First and within three, of all questions; then of those whose paper the search had found."""
    found = [one for one in rankings if one.is_found]
    return (
        _figure("right paper among those ranked", rankings, lambda one: one.is_found),
        _figure("answering sentence first", rankings, lambda one: one.rank == 1),
        _figure(f"answering sentence within {WITHIN}", rankings, _is_within),
        _figure("first, if the paper was found", found, lambda one: one.rank == 1),
        _figure(f"within {WITHIN}, if the paper was found", found, _is_within),
    )


def _is_within(ranking: Ranking) -> bool:
    return ranking.rank is not None and ranking.rank <= WITHIN


def _figure(words: str, rankings: Sequence[Ranking], holds: Callable[[Ranking], bool]) -> Share:
    return share_of(words, [holds(one) for one in rankings], [cluster_of(one.question) for one in rankings])


def _ranking(library: Library, question: Question, n_sources: int, reranker: Reranker | None) -> Ranking:
    asked = _standalone(library, question)
    found = look(library, asked, k=n_sources, reranker=reranker)
    hits, evidence = found.hits, found.evidence
    papers = [hits[sentence.hit].paper for sentence in evidence.sentences]
    texts = [sentence.span.of(paper.abstract) for sentence, paper in zip(evidence.sentences, papers, strict=True)]
    ranks = (
        place
        for place, (paper, text) in enumerate(zip(papers, texts, strict=True), 1)
        if is_answering(question, paper.paper_id, text)
    )
    return Ranking(
        question=question,
        rank=next(ranks, None),
        is_found=any(hit.paper.paper_id in question.relevant for hit in hits[:MAX_HITS]),
        log_odds=evidence.log_odds,
        first=texts[0] if texts else "",
    )


def _standalone(library: Library, question: Question) -> str:
    """What ``ask`` would search for; the question itself where it would not search."""
    events = stream(library, question.question, history=question.history)
    told = next((event for event in events if isinstance(event, Searching)), None)
    return told.standalone_question if told is not None else question.question
