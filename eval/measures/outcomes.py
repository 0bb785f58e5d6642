"""The figures that the project promises, and those that tell whose fault a miss is: yes or no of each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from eval.measures.answers import (
    WITHIN,
    Answer,
    citations,
    has_answered,
    is_answering,
    is_quoted,
    matches,
    quotes,
    said,
)
from eval.measures.measure import Measure, score
from eval.questions import Question
from eval.runs.records import Record


def cites_right_paper_first(question: Question, answer: Answer) -> bool:
    """The first citation of the answer is of a relevant paper.

    Share = answers that do / answerable questions with ``relevant`` (success@1 of the
    citations). An abstention cites nothing, so here it counts as a miss; and so does a first
    citation that points to no source.
    """
    cited = citations(answer)
    return has_answered(answer) and bool(cited) and cited[0]["paper_id"] in question.relevant


def cites_right_paper_first_if_answered(question: Question, answer: Answer) -> bool | None:
    """As before, out of the answerable questions that were answered: abstentions are left out."""
    return cites_right_paper_first(question, answer) if has_answered(answer) else None


def quotes_fact(question: Question, answer: Answer) -> bool:
    """Every ``must`` and no ``must_not`` matches somewhere in the cited sentences taken together.

    Share = answers that do / answerable questions with ``must``. What an answer says without
    quoting it does not count, and an abstention is a miss.
    """
    return has_answered(answer) and matches(question, " ".join(quotes(answer)))


def says_fact(question: Question, answer: Answer) -> bool:
    """Every ``must`` and no ``must_not`` matches the answer's own words; differs where a model writes."""
    return has_answered(answer) and matches(question, said(answer))


def cites_answer_first(question: Question, answer: Answer) -> bool:
    """The first citation's quote is a marked sentence; denominator: answerable questions with ``evidence``."""
    cited = citations(answer)[:1]
    return has_answered(answer) and any(is_answering(question, one["paper_id"], one["quote"]) for one in cited)


def cites_answer(question: Question, answer: Answer) -> bool:
    """One of the first three citations' quotes is a marked sentence; denominator as before."""
    cited = citations(answer)[:WITHIN]
    return has_answered(answer) and any(is_answering(question, one["paper_id"], one["quote"]) for one in cited)


def finds_right_paper_first(question: Question, answer: Answer) -> bool:
    """The first source put before the answerer is a relevant paper: the search by itself (success@1)."""
    return any(source["paper_id"] in question.relevant for source in answer["sources"][:1])


def finds_right_paper(question: Question, answer: Answer) -> bool:
    """One of the first three sources is a relevant paper (success@3)."""
    return any(source["paper_id"] in question.relevant for source in answer["sources"][:WITHIN])


def abstains(question: Question, answer: Answer) -> bool:
    """The outcome is an abstention, whatever its reason.

    Over unanswerable questions its share is the recall of abstention, over answerable ones
    the rate of false refusals. A model that failed abstained from nothing: it is unscored.
    """
    return bool(answer["outcome"] == "abstained")


def _has_paper(question: Question) -> bool:
    return question.answerable and bool(question.relevant)


def _has_fact(question: Question) -> bool:
    return question.answerable and bool(question.must)


def _has_evidence(question: Question) -> bool:
    return question.answerable and bool(question.evidence)


def _of(
    name: str,
    words: str,
    asks: Callable[[Question], bool],
    holds: Callable[[Question, Answer], bool | None],
    target: float | None = None,
    is_good: bool = True,
) -> Measure:
    def value(record: Record) -> bool | None:
        assert record.answer is not None
        return holds(record.question, record.answer)

    return Measure(name, words, asks, value, target, is_good)


RIGHT_PAPER = _of("right_paper_first", "right paper cited first", _has_paper, cites_right_paper_first, 0.97)
FACT = _of("fact_quoted", "fact inside the quotes", _has_fact, quotes_fact, 0.85)
ABSTENTION = _of(
    "abstained", "abstained where nothing answers", lambda question: not question.answerable, abstains, 0.80
)
FALSE_REFUSAL = _of(
    "false_refusal", "refused though answerable", lambda question: question.answerable, abstains, 0.05, is_good=False
)

HEADLINE = (RIGHT_PAPER, FACT, ABSTENTION, FALSE_REFUSAL)
"""The figures that the project promises."""

DETAIL = (
    _of(
        "right_paper_first_if_answered",
        "right paper first, if answered",
        _has_paper,
        cites_right_paper_first_if_answered,
    ),
    _of("right_paper_found_first", "right paper found first", _has_paper, finds_right_paper_first),
    _of("right_paper_found", "right paper found within 3", _has_paper, finds_right_paper),
    _of("answer_cited_first", "answering sentence cited first", _has_evidence, cites_answer_first),
    _of("answer_cited", "answering sentence within 3", _has_evidence, cites_answer),
    _of("fact_said", "fact in the answer's own words", _has_fact, says_fact),
)
"""Figures that tell whose fault a miss is."""

Fault = Literal["error", "search", "sentences", "refused", "not refused", "question"]
"""error: unscored; search: the right paper was not found (first); sentences: it was, but other
sentences were quoted; refused and not refused: the abstention was wrong; question: the marked
sentences were quoted, and yet ``must`` does not match them."""


def fault(record: Record, headline: Sequence[Measure] = HEADLINE) -> Fault | None:
    """Where to look first for the cause of a miss; None if no measure of ``headline`` was missed."""
    question, answer = record.question, record.answer
    if not record.is_scorable or answer is None:
        return "error"
    if all(score(measure, record) in (None, measure.is_good) for measure in headline):
        return None
    if not question.answerable:
        return "not refused"
    if question.relevant and not finds_right_paper(question, answer):
        return "search"
    if abstains(question, answer):
        return "refused"
    if question.relevant and not cites_right_paper_first(question, answer):
        return "sentences" if finds_right_paper_first(question, answer) else "search"
    quoted = [(one["paper_id"], one["quote"]) for one in citations(answer)]
    # Marked sentences all quoted: whatever misses in them cannot be put right by choosing others.
    if question.evidence and all(is_quoted(question, wanted, quoted) for wanted in question.evidence):
        return "question"
    return "sentences"
