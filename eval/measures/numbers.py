"""Do the numbers of an answer stand in what it cites? No judge is needed to see that one does not."""

from __future__ import annotations

import re
from decimal import Decimal

from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.judged import cited_by, passages_of
from eval.runs.records import Record

# Digits that belong to a word are part of a name: GPT-4, CIFAR-10, 7B.
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")


def numbers_in(text: str) -> frozenset[Decimal]:
    """The plain numbers of a text: 1,000 is 1000, and 0.50 is 0.5; number words and names are left out."""
    return frozenset(Decimal(found.replace(",", "")).normalize() for found in _NUMBER.findall(text))


def held(record: Record) -> Value:
    """Claims all of whose numbers stand in the papers they cite / claims with a number.

    An answer without a number is not asked; one without a citation has nothing to hold its numbers.
    """
    assert record.answer is not None
    if record.answer["outcome"] != "answered":
        return None
    passages = passages_of(record.answer)
    found = []
    for claim in record.answer["claims"]:
        own = numbers_in(claim["text"])
        if own:
            cited = [sentence for paper in cited_by(claim) if paper is not None for sentence in passages.get(paper, ())]
            # As a source writes it, the number may belong to a word: 'a 7B model' has a 7.
            loose = numbers_in(re.sub(r"[^\d.,\s]+", " ", " ".join(cited)))
            found.append(own <= loose | numbers_in(" ".join(cited)))
    return sum(found) / len(found) if found else None


def _every(question: Question) -> bool:
    return True


NUMBERS_HELD = Measure("numbers_held", "numbers that what is cited has", _every, held)
