"""What is looked at in an answer: citations, quotes, sentences that answer, words that must be there.

An answer is the JSON of ``footnoted ask --json``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eval.questions import Question

Answer = Mapping[str, Any]

WITHIN = 3
"""Sentences that a quoting answer has at most, and hits whose sentences are ranked."""


def citations(answer: Answer) -> list[Mapping[str, Any]]:
    """All citations in the order of the claims; those without a source too."""
    return [citation for claim in answer["claims"] for citation in claim["citations"]]


def quotes(answer: Answer) -> list[str]:
    """The cited sentences in order, each once, spacing made plain."""
    return list(dict.fromkeys(plain(citation["quote"]) for citation in citations(answer) if citation["quote"]))


def is_answering(question: Question, paper_id: str | None, text: str) -> bool:
    """Whether ``text`` is one of the marked sentences of one of the right papers.

    Sentence ends can be drawn differently, so a text that contains a marked sentence
    counts, and one that is at least half of one.
    """
    if question.relevant and paper_id not in question.relevant:
        return False
    own = plain(text)
    return any(
        wanted in own or (own in wanted and 2 * len(own) >= len(wanted))
        for wanted in map(plain, question.evidence)
        if own
    )


def matches(question: Question, text: str) -> bool:
    """Every ``must`` is found in ``text`` and no ``must_not`` is; case and spacing ignored."""
    one_line = plain(text)
    return all(re.search(one, one_line, re.IGNORECASE) for one in question.must) and not any(
        re.search(one, one_line, re.IGNORECASE) for one in question.must_not
    )


def has_answered(answer: Answer) -> bool:
    return bool(answer["outcome"] == "answered")


def said(answer: Answer) -> str:
    """The answer's own words: its claims, without markers."""
    return " ".join(claim["text"] for claim in answer["claims"])


def is_quoted(question: Question, wanted: str, quoted: Sequence[tuple[str | None, str]]) -> bool:
    """Whether one of the quotes (paper, text) of a right paper holds the sentence, or lies in it."""
    return any(
        paper_id in question.relevant and (plain(wanted) in plain(quote) or plain(quote) in plain(wanted))
        for paper_id, quote in quoted
        if quote
    )


def plain(text: str) -> str:
    return " ".join(text.split())
