"""What is promised of a model that writes, beside what is promised of any answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eval.measures.answers import citations, has_answered, matches, said
from eval.measures.citing import is_exact
from eval.measures.faithfulness import supported
from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.records import Record


def right_of_one_paper(record: Record) -> Value:
    """Every ``must`` and no ``must_not`` matches the answer's own words, of questions that one paper answers.

    A refusal is a miss.
    """
    assert record.answer is not None
    return has_answered(record.answer) and matches(record.question, said(record.answer))


def valid(record: Record) -> Value:
    """Displayed citations that name a source, and quote it letter for letter at their place / displayed citations."""
    assert record.answer is not None
    shown = citations(record.answer)
    if not shown:
        return None
    held = [citation["paper_id"] is not None and is_exact(record.answer, citation) for citation in shown]
    return sum(held) / len(held)


def shown_verdicts(records: Sequence[Record]) -> Counter[str]:
    """How many displayed sentences of the answers carry each verdict, as a reader sees them."""
    answers = [record.answer for record in records if record.answer is not None]
    claims = (claim for answer in answers if has_answered(answer) for claim in answer["claims"])
    return Counter(claim.get("verdict", "unchecked") for claim in claims)


def _is_about_one_paper(question: Question) -> bool:
    return question.answerable and bool(question.must) and len(question.relevant) == 1


def _every(question: Question) -> bool:
    return True


RIGHT_OF_ONE = Measure(
    "right_of_one_paper", "right, of one paper's questions", _is_about_one_paper, right_of_one_paper, 0.85
)
VALID = Measure("citations_valid", "shown citations that are valid", _every, valid, 1.0)
SUPPORTED = Measure("sentences_supported", "shown sentences supported", _every, supported, 0.95)

WRITTEN = (RIGHT_OF_ONE, VALID, SUPPORTED)
