"""Does it say no where it should, and is it surer where it is right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.measures.answers import has_answered, matches, said
from eval.measures.context import average_precision
from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.records import Record


@dataclass(frozen=True, slots=True)
class RiskPoint:
    coverage: float
    """Share of the answers that are given, the surest first."""
    risk: float
    """Share of those that are wrong."""


def risk_coverage(confidences: Sequence[float], is_right: Sequence[bool]) -> tuple[RiskPoint, ...]:
    """Risk at every coverage 1/n .. 1 (El-Yaniv and Wiener 2010); answers equally sure come together.

    Within such a group the errors are spread evenly, so that the order of the input, which
    means nothing, changes nothing.
    """
    n = len(confidences)
    order = sorted(range(n), key=lambda place: -confidences[place])
    points: list[RiskPoint] = []
    n_wrong, at = 0.0, 0
    while at < n:
        group = [place for place in order[at:] if confidences[place] == confidences[order[at]]]
        wrong = sum(not is_right[place] for place in group)
        points += [
            RiskPoint((at + step) / n, (n_wrong + wrong * step / len(group)) / (at + step))
            for step in range(1, len(group) + 1)
        ]
        n_wrong += wrong
        at += len(group)
    return tuple(points)


def area_under_risk(confidences: Sequence[float], is_right: Sequence[bool]) -> float | None:
    """The mean risk over all coverages (AURC: Geifman et al. 2019, 'Bias-Reduced Uncertainty Estimation', equation 1).

    Lower is better; an order that means nothing gives the share of wrong answers. None for
    no answers.
    """
    points = risk_coverage(confidences, is_right)
    return sum(point.risk for point in points) / len(points) if points else None


def confidence(record: Record) -> float | None:
    """How sure the system seems of an answer that it gave: what its weakest claim is worth to the judge.

    Ties, which quotes always are, are broken by the search's score of the first source.
    None if it gave none, or nothing was judged.
    """
    if not record.is_scorable or record.answer is None or not has_answered(record.answer):
        return None
    if record.judged is None or record.judged.error or not record.judged.claims:
        return None
    # A quote is what it quotes: the judge's probability for one is noise.
    weakest = min(
        1.0 if claim.get("is_quote") and one.together.supports else _sureness(one.together.verdict, one.together.score)
        for claim, one in zip(record.answer["claims"], record.judged.claims, strict=True)
    )
    first = record.answer["sources"][0].get("score") if record.answer["sources"] else 0.0
    # Scores of a search have no bounds; squashed, they keep their order and stay below what a judge tells apart.
    return round(weakest, 6) + 1e-3 * float(first or 0.0) / (1 + abs(float(first or 0.0)))


def _sureness(verdict: str, score: float | None) -> float:
    if score is not None:
        return score
    return {"supported": 1.0, "unchecked": 0.6, "partial": 0.4, "unsupported": 0.1}.get(verdict, 0.0)


def is_right(record: Record) -> bool | None:
    """Whether an answer is right: its words match the question's expressions; without any, its first paper is right.

    An answer to a question that none answers is wrong. None if it gave none.
    """
    if not record.is_scorable or record.answer is None or not has_answered(record.answer):
        return None
    question = record.question
    if not question.answerable:
        return False
    if question.must or question.must_not:
        return matches(question, said(record.answer))
    cited = [citation["paper_id"] for claim in record.answer["claims"] for citation in claim["citations"]]
    return average_precision(cited[:1], question.relevant) == 1.0 if question.relevant else None


def precision(record: Record) -> Value:
    """Of abstentions: whether nothing answers the question. The mean is the precision of abstaining."""
    assert record.answer is not None
    return not record.question.answerable if record.answer["outcome"] == "abstained" else None


def _every(question: Question) -> bool:
    return True


ABSTENTION_PRECISION = Measure("abstention_precision", "abstentions that were right", _every, precision)
