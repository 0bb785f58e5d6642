"""Are the citations right, needed and enough? After ALCE: Gao et al. 2023, 'Enabling Large Language
Models to Generate Text with Citations', section 4.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.measures.answers import Answer, citations
from eval.measures.faithfulness import claims_of
from eval.measures.measure import UNSCORED, Measure, Value
from eval.questions import Question
from eval.runs.judged import JudgedClaim
from eval.runs.records import Record


def recall(record: Record) -> Value:
    """Claims whose citations, put together, bear them out / claims (ALCE's citation recall).

    A claim that cites nothing has recall 0.
    """
    claims = _claims(record)
    if not isinstance(claims, tuple):
        return claims
    return sum(bool(claim.together.supports) for claim in claims) / len(claims)


def precision(record: Record) -> Value:
    """Citations that are right / citations (ALCE's citation precision).

    A citation is right if its claim has recall 1, and it either bears the claim out alone or
    cannot be left out. A marker without a source is wrong. An answer without any citation
    is unscored: its recall says what is wrong with it.
    """
    claims = _claims(record)
    if not isinstance(claims, tuple):
        return claims
    right = [one for claim in claims for one in _right_citations(claim)]
    return sum(right) / len(right) if right else UNSCORED


def redundancy(record: Record) -> Value:
    """Citations of supported claims without which the claim is supported all the same / such citations."""
    claims = _claims(record)
    if not isinstance(claims, tuple):
        return claims
    borne = [claim for claim in claims if claim.together.supports]
    spare = [bool(one.supports) for claim in borne for one in claim.without]
    return sum(spare) / len(spare) if spare else UNSCORED


def misattribution(record: Record) -> Value:
    """Cited claims that another source bears out, and what they cite does not / cited claims."""
    claims = _claims(record)
    if not isinstance(claims, tuple):
        return claims
    cited = [claim for claim in claims if claim.cited]
    return sum(claim.elsewhere is not None for claim in cited) / len(cited) if cited else UNSCORED


def quotes_exactly(record: Record) -> Value:
    """Quotes that stand, letter for letter, at their place in the source / citations with a quote."""
    assert record.answer is not None
    if record.answer["outcome"] != "answered":
        return None
    exact = [is_exact(record.answer, citation) for citation in citations(record.answer) if citation["quote"]]
    return sum(exact) / len(exact) if exact else None


def is_exact(answer: Answer, citation: Mapping[str, Any]) -> bool:
    """Whether the quote stands in one of the sources at its place, letter for letter."""
    start, end = citation.get("start"), citation.get("end")
    if start is None or end is None:
        return False
    return any(
        source["paper_id"] == citation["paper_id"]
        and source["start"] <= start <= end <= source["end"]
        and source["text"][start - source["start"] : end - source["start"]] == citation["quote"]
        for source in answer["sources"]
    )


def _right_citations(claim: JudgedClaim) -> list[bool]:
    return [
        paper is not None and bool(claim.together.supports) and (bool(alone.supports) or not without.supports)
        for paper, alone, without in zip(claim.cited, claim.alone, claim.without, strict=True)
    ]


def _claims(record: Record) -> tuple[JudgedClaim, ...] | Value:
    assert record.answer is not None
    if record.answer["outcome"] != "answered":
        return None
    return claims_of(record) or UNSCORED


def _every(question: Question) -> bool:
    return True


CITATION_RECALL = Measure("citation_recall", "citation recall", _every, recall)
CITATION_PRECISION = Measure("citation_precision", "citation precision", _every, precision)
REDUNDANCY = Measure("redundancy", "citations to spare", _every, redundancy, is_good=False)
MISATTRIBUTION = Measure("misattribution", "claims cited to the wrong paper", _every, misattribution, is_good=False)
QUOTES_EXACT = Measure("quotes_exact", "quotes exact", _every, quotes_exactly)
