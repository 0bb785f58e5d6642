"""Where the line between answering and abstaining lies, and what another line would do.

Every question is asked with no line at all; what would be answered, and how likely the search
takes it to be an answer (``Answer.log_odds``), then says what any line does. The rule itself is
the answerer's own (``rag.answer.quoting.is_enough``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.measures import cluster_of
from eval.measures.abstention import confidence, is_right
from eval.measures.outcomes import cites_right_paper_first
from eval.questions import Question
from eval.risk import Risk, risk_of
from eval.runs.records import Record, Run
from eval.statistics import Share, share_of
from rag.answer.quoting import ANSWERS_ABOVE, is_enough
from rag.config import N_SOURCES
from rag.library import Library
from rag.pipeline import ask
from rag.wire import answer_to_json

NO_LINE = -math.inf
"""The threshold that refuses nothing by itself."""

SHOWN_WITHIN = 8
"""Thresholds from minus to plus this are in the table, one apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and what would be answered if there were no threshold."""

    question: Question
    is_answered: bool
    is_right: bool | None
    """Whether the paper cited first is a right one; False where nothing answers; None if unanswered, or not known."""
    log_odds: float | None
    """What the threshold is held against; None where something else decides (a list, small talk)."""
    reason: str | None = None
    """Why it is refused at any threshold."""
    sureness: float | None = None
    """Of a run: how sure the check is of the answer's weakest claim."""

    def answers(self, threshold: float) -> bool:
        return self.is_answered and (self.log_odds is None or is_enough(self.log_odds, threshold))


@dataclass(frozen=True, slots=True)
class Line:
    """What a threshold does."""

    threshold: float
    refused_rightly: Share
    """Of the questions that nothing answers."""
    refused_wrongly: Share
    """Of those that an abstract answers."""
    right_paper: Share
    """Of the answerable ones that are answered."""


@dataclass(frozen=True, slots=True)
class Abstaining:
    asked: tuple[Asked, ...]
    shipped: Line
    lines: tuple[Line, ...]
    """By threshold, the lowest first."""
    by_tag: Mapping[str, Line]
    """At the shipped threshold."""
    risk: Risk | None
    """Of the answers that the threshold decides on, by its score."""
    checked: Risk | None
    """Of a run's answers, by the check."""
    reasons: Mapping[str, tuple[int, int]]
    """Why questions are refused at any threshold: of those that nothing answers, and of the others."""
    at_most: float
    chosen: Line | None
    """The highest threshold that refuses no more than ``at_most`` of the answerable; None if every one does."""
    n_unscored: int = 0
    """Of a run: what failed, and is in no figure."""
    is_run: bool = False

    @property
    def n_otherwise(self) -> int:
        """Questions on which the threshold has no say."""
        return sum(one.log_odds is None or not one.is_answered for one in self.asked)


def ask_all(
    library: Library,
    questions: Sequence[Question],
    *,
    n_sources: int = N_SOURCES,
    on_question: Callable[[int], None] = lambda _: None,
) -> tuple[Asked, ...]:
    """``questions`` (resolved) asked in quoting mode with no threshold; nothing is checked, no model is asked."""
    found = []
    for number, one in enumerate(questions, 1):
        answer = ask(library, one.question, history=one.history, n_sources=n_sources, judge=None, answers_above=NO_LINE)
        found.append(asked_of(one, answer_to_json(answer)))
        on_question(number)
    return tuple(found)


def asked_of(question: Question, answer: Mapping[str, Any], sureness: float | None = None) -> Asked:
    """``answer`` is the JSON of ``ask --json``, of an answered or an abstained question."""
    is_answered = answer["outcome"] == "answered"
    decides = answer["kind"] == "answer" and answer["reason"] != "not_a_question"
    right: bool | None = None
    if is_answered:
        right = question.answerable
        if question.answerable:
            right = cites_right_paper_first(question, answer) if question.relevant else None
    return Asked(question, is_answered, right, answer.get("log_odds") if decides else None, answer["reason"], sureness)


def of_run(run: Run) -> tuple[tuple[Asked, ...], int]:
    """The answers of a run as they are, and how many of its records cannot be scored.

    What it refused stays refused: what it would have said is not known.
    """
    scorable = [record for record in run.records if record.is_scorable]
    return tuple(_of_record(record) for record in scorable), len(run.records) - len(scorable)


def _of_record(record: Record) -> Asked:
    assert record.answer is not None
    found = asked_of(record.question, record.answer, confidence(record))
    if found.is_right is None and found.is_answered:
        return Asked(found.question, True, is_right(record), found.log_odds, None, found.sureness)
    return found


def abstaining(
    asked: Sequence[Asked], *, at_most: float = 0.05, n_unscored: int = 0, is_run: bool = False
) -> Abstaining:
    """All figures. A run is as it ran: its own threshold has done its work, so the line is ``NO_LINE``."""
    shipped = NO_LINE if is_run else ANSWERS_ABOVE
    thresholds = sorted({*map(float, range(-SHOWN_WITHIN, SHOWN_WITHIN + 1)), shipped})
    tags = dict.fromkeys(tag for one in asked for tag in one.question.tags)
    found = threshold_for(asked, at_most)
    return Abstaining(
        asked=tuple(asked),
        shipped=line(asked, shipped),
        lines=tuple(line(asked, threshold) for threshold in thresholds),
        by_tag={tag: line([one for one in asked if tag in one.question.tags], shipped) for tag in tags},
        risk=_risk([(one, one.log_odds) for one in asked]),
        checked=_risk([(one, one.sureness) for one in asked]),
        reasons=_reasons(asked),
        at_most=at_most,
        chosen=None if found is None else line(asked, found),
        n_unscored=n_unscored,
        is_run=is_run,
    )


def line(asked: Sequence[Asked], threshold: float) -> Line:
    unanswerable = [one for one in asked if not one.question.answerable]
    answerable = [one for one in asked if one.question.answerable]
    given = [one for one in answerable if one.answers(threshold) and one.is_right is not None]
    return Line(
        threshold,
        _share("refused where nothing answers", unanswerable, [not one.answers(threshold) for one in unanswerable]),
        _share("refused though answerable", answerable, [not one.answers(threshold) for one in answerable]),
        _share("right paper first, if answered", given, [bool(one.is_right) for one in given]),
    )


def threshold_for(asked: Sequence[Asked], at_most: float) -> float | None:
    """The highest threshold, in hundredths, that refuses at most this share of the answerable; None if all refuse more.

    It is then as low as the least likely of the answerable questions that must be answered.
    """
    answerable = [one for one in asked if one.question.answerable]
    if not answerable:
        return None
    scores = sorted((one.log_odds for one in answerable if one.is_answered and one.log_odds is not None), reverse=True)
    for score in [*scores, NO_LINE]:
        threshold = score if math.isinf(score) else math.floor(score * 100) / 100
        if sum(not one.answers(threshold) for one in answerable) <= at_most * len(answerable):
            return threshold
    return None


def _share(words: str, asked: Sequence[Asked], values: Sequence[bool]) -> Share:
    return share_of(words, values, [cluster_of(one.question) for one in asked])


def _risk(scored: Sequence[tuple[Asked, float | None]]) -> Risk | None:
    rows = [
        (sure, one.is_right, cluster_of(one.question))
        for one, sure in scored
        if one.is_answered and sure is not None and one.is_right is not None
    ]
    return risk_of([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def _reasons(asked: Sequence[Asked]) -> dict[str, tuple[int, int]]:
    counted = Counter((one.reason or "unknown", one.question.answerable) for one in asked if not one.is_answered)
    names = sorted({name for name, _ in counted})
    return {name: (counted[name, False], counted[name, True]) for name in names}
