"""What counts as right: pure functions from a question and its answer to yes, no, or nothing to say.

An answer is the JSON of ``footnoted ask --json``. A record that holds none, or whose model
failed, is *unscored*: in no share, but counted, and every figure says between which bounds
the share would lie if all unscored ones were wrong, or right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eval.questions import Question
from eval.records import Record
from eval.statistics import Interval, clustered_interval

Answer = Mapping[str, Any]

WITHIN = 3
"""Sentences that a quoting answer has at most, and hits whose sentences are ranked."""


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    words: str
    """As the table calls it."""
    asks: Callable[[Question], bool]
    """The denominator: the questions that this measure is about."""
    holds: Callable[[Question, Answer], bool | None]
    """The numerator; None takes a scorable answer out of the denominator."""
    target: float | None = None
    is_good: bool = True
    """False for a measure that should be low; ``target`` is then the most that is allowed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over many records."""

    measure: Measure
    n_true: int
    n_scored: int
    n_unscored: int
    n_clusters: int
    """Papers that the scored questions are about; a question about none counts by itself."""
    interval: Interval | None
    """Of ``share``, 95 %, clustered by paper; None if nothing was scored."""

    @property
    def share(self) -> float | None:
        """``n_true / n_scored``; None if nothing was scored."""
        return self.n_true / self.n_scored if self.n_scored else None

    @property
    def bounds(self) -> Interval | None:
        """The share if the measure held for none of the unscored, and if it held for all; None if there is none."""
        n = self.n_scored + self.n_unscored
        return Interval(self.n_true / n, (self.n_true + self.n_unscored) / n) if n else None

    @property
    def meets_target(self) -> bool | None:
        """Whether the target is met even if every unscored record went the wrong way; None without one."""
        if self.measure.target is None or self.bounds is None:
            return None
        if self.measure.is_good:
            return self.bounds.low >= self.measure.target
        return self.bounds.high <= self.measure.target


def figure(measure: Measure, records: Iterable[Record]) -> Figure:
    """``measure`` over those of ``records`` that it is about."""
    values: list[bool] = []
    clusters: list[str] = []
    n_unscored = 0
    for record in records:
        if not measure.asks(record.question):
            continue
        value = score(measure, record)
        if value is not None:
            values.append(value)
            clusters.append(cluster_of(record.question))
        elif not record.is_scorable:
            n_unscored += 1
    return Figure(
        measure, sum(values), len(values), n_unscored, len(set(clusters)), clustered_interval(values, clusters)
    )


def score(measure: Measure, record: Record) -> bool | None:
    """None if the record is unscored, or not what the measure is about."""
    if not record.is_scorable or not measure.asks(record.question):
        return None
    assert record.answer is not None
    return measure.holds(record.question, record.answer)


def cluster_of(question: Question) -> str:
    """The paper whose questions succeed and fail together; a question about none stands alone."""
    return question.relevant[0] if question.relevant else f"question {question.question_id}"


# -- what is looked at in an answer


def citations(answer: Answer) -> list[Mapping[str, Any]]:
    """All citations in the order of the claims; those without a source too."""
    return [citation for claim in answer["claims"] for citation in claim["citations"]]


def quotes(answer: Answer) -> list[str]:
    """The cited sentences in order, each once, spacing made plain."""
    return list(dict.fromkeys(_plain(citation["quote"]) for citation in citations(answer) if citation["quote"]))


def is_answering(question: Question, paper_id: str | None, text: str) -> bool:
    """Whether ``text`` is one of the marked sentences of one of the right papers.

    Sentence ends can be drawn differently, so a text that contains a marked sentence
    counts, and one that is at least half of one.
    """
    if question.relevant and paper_id not in question.relevant:
        return False
    said = _plain(text)
    return any(
        wanted in said or (said in wanted and 2 * len(said) >= len(wanted))
        for wanted in map(_plain, question.evidence)
        if said
    )


def matches(question: Question, text: str) -> bool:
    """Every ``must`` is found in ``text`` and no ``must_not`` is; case and spacing ignored."""
    plain = _plain(text)
    return all(re.search(one, plain, re.IGNORECASE) for one in question.must) and not any(
        re.search(one, plain, re.IGNORECASE) for one in question.must_not
    )


# -- the measures


def cites_right_paper_first(question: Question, answer: Answer) -> bool:
    """The first citation of the answer is of a relevant paper.

    Share = answers that do / answerable questions with ``relevant`` (success@1 of the
    citations). An abstention cites nothing, so here it counts as a miss; and so does a first
    citation that points to no source.
    """
    cited = citations(answer)
    return _answered(answer) and bool(cited) and cited[0]["paper_id"] in question.relevant


def cites_right_paper_first_if_answered(question: Question, answer: Answer) -> bool | None:
    """As before, out of the answerable questions that were answered: abstentions are left out."""
    return cites_right_paper_first(question, answer) if _answered(answer) else None


def quotes_fact(question: Question, answer: Answer) -> bool:
    """Every ``must`` and no ``must_not`` matches somewhere in the cited sentences taken together.

    Share = answers that do / answerable questions with ``must``. What an answer says without
    quoting it does not count, and an abstention is a miss.
    """
    return _answered(answer) and matches(question, " ".join(quotes(answer)))


def says_fact(question: Question, answer: Answer) -> bool:
    """Every ``must`` and no ``must_not`` matches the answer's own words; differs where a model writes."""
    return _answered(answer) and matches(question, " ".join(claim["text"] for claim in answer["claims"]))


def cites_answer_first(question: Question, answer: Answer) -> bool:
    """The first citation's quote is a marked sentence; denominator: answerable questions with ``evidence``."""
    cited = citations(answer)[:1]
    return _answered(answer) and any(is_answering(question, one["paper_id"], one["quote"]) for one in cited)


def cites_answer(question: Question, answer: Answer) -> bool:
    """One of the first three citations' quotes is a marked sentence; denominator as before."""
    cited = citations(answer)[:WITHIN]
    return _answered(answer) and any(is_answering(question, one["paper_id"], one["quote"]) for one in cited)


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


def _answered(answer: Answer) -> bool:
    return bool(answer["outcome"] == "answered")


def _has_paper(question: Question) -> bool:
    return question.answerable and bool(question.relevant)


def _has_fact(question: Question) -> bool:
    return question.answerable and bool(question.must)


def _has_evidence(question: Question) -> bool:
    return question.answerable and bool(question.evidence)


RIGHT_PAPER = Measure("right_paper_first", "right paper cited first", _has_paper, cites_right_paper_first, 0.97)
FACT = Measure("fact_quoted", "fact inside the quotes", _has_fact, quotes_fact, 0.85)
ABSTENTION = Measure(
    "abstained", "abstained where nothing answers", lambda question: not question.answerable, abstains, 0.80
)
FALSE_REFUSAL = Measure(
    "false_refusal", "refused though answerable", lambda question: question.answerable, abstains, 0.05, is_good=False
)

HEADLINE = (RIGHT_PAPER, FACT, ABSTENTION, FALSE_REFUSAL)
"""The figures that the project promises."""

DETAIL = (
    Measure(
        "right_paper_first_if_answered",
        "right paper first, if answered",
        _has_paper,
        cites_right_paper_first_if_answered,
    ),
    Measure("right_paper_found_first", "right paper found first", _has_paper, finds_right_paper_first),
    Measure("right_paper_found", "right paper found within 3", _has_paper, finds_right_paper),
    Measure("answer_cited_first", "answering sentence cited first", _has_evidence, cites_answer_first),
    Measure("answer_cited", "answering sentence within 3", _has_evidence, cites_answer),
    Measure("fact_said", "fact in the answer's own words", _has_fact, says_fact),
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
    if question.evidence and all(_is_quoted(question, wanted, quoted) for wanted in question.evidence):
        return "question"
    return "sentences"


def _is_quoted(question: Question, wanted: str, quoted: Sequence[tuple[str | None, str]]) -> bool:
    return any(
        paper_id in question.relevant and (_plain(wanted) in _plain(quote) or _plain(quote) in _plain(wanted))
        for paper_id, quote in quoted
        if quote
    )


def _plain(text: str) -> str:
    return " ".join(text.split())
