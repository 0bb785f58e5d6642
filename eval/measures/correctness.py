"""Is the answer right? By expressions, by a reference answer, by a grading model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from eval.measures.answers import said
from eval.measures.measure import UNSCORED, Measure, Value
from eval.questions import Question
from eval.runs.records import Record

_ARTICLES = frozenset(("a", "an", "the"))


def token_f1(text: str, reference: str) -> float:
    """The harmonic mean of the shares of shared words (Rajpurkar et al. 2016, 'SQuAD', section 6.1).

    Case, punctuation and articles do not count; 1.0 for two empty texts, 0.0 for one.
    """
    one, other = words(text), words(reference)
    if not one or not other:
        return float(one == other)
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other))


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, 'ROUGE', section 3.1, with beta = 1)."""
    one, other = words(text), words(reference)
    if not one or not other:
        return float(one == other)
    return 2 * _common(one, other) / (len(one) + len(other))


def words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.casefold()) if word not in _ARTICLES]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, mate in enumerate(other, 1):
            above = row[place]
            row[place] = before + 1 if word == mate else max(above, row[place - 1])
            before = above
    return row[-1]


def overlap(record: Record) -> Value:
    """``token_f1`` of the answer's own words with the reference; an abstention has none."""
    assert record.answer is not None
    return token_f1(said(record.answer), record.question.reference) if record.answer["claims"] else 0.0


def subsequence(record: Record) -> Value:
    """``rouge_l`` likewise."""
    assert record.answer is not None
    return rouge_l(said(record.answer), record.question.reference) if record.answer["claims"] else 0.0


def graded(record: Record) -> Value:
    """Whether a grading model finds that the answer says what the reference says; an abstention does not."""
    assert record.answer is not None
    if record.answer["outcome"] == "abstained":
        return False
    if record.judged is None or record.judged.error or record.judged.is_correct is None:
        return UNSCORED
    return record.judged.is_correct


def _has_reference(question: Question) -> bool:
    return question.answerable and bool(question.reference)


REFERENCE_F1 = Measure("reference_f1", "words shared with the reference", _has_reference, overlap)
REFERENCE_ROUGE_L = Measure("reference_rouge_l", "longest run shared with it", _has_reference, subsequence)
GRADED = Measure("graded_correct", "right by the grading model", _has_reference, graded)
