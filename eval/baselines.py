"""Systems that need no thought, scored beside the real one: what a figure is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from eval.runs.judged import Judged, JudgedClaim, Opinion
from eval.runs.records import Record
from rag.sentences import split_sentences

ALWAYS_REFUSES = "always refuses"
FIRST_SENTENCE = "first sentence of the first source"

NAMES = (ALWAYS_REFUSES, FIRST_SENTENCE)


def records_of(name: str, records: Sequence[Record]) -> tuple[Record, ...]:
    """What that system would have answered to the same questions, with the same sources."""
    make = {ALWAYS_REFUSES: _refused, FIRST_SENTENCE: _first_sentence}[name]
    return tuple(make(record) if record.answer is not None else record for record in records)


def _refused(record: Record) -> Record:
    assert record.answer is not None
    answer = {**record.answer, "outcome": "abstained", "reason": "not_stated", "claims": [], "text": "", "error": None}
    return dataclasses.replace(record, answer=answer, judged=None)


def _first_sentence(record: Record) -> Record:
    """Quotes the first sentence of the first source; a quote is supported by what it was cut from."""
    assert record.answer is not None
    if not record.answer["sources"]:
        return _refused(record)
    source: Mapping[str, Any] = record.answer["sources"][0]
    spans = split_sentences(source["text"])
    if not spans:
        return _refused(record)
    quote = spans[0].of(source["text"])
    citation = {
        "number": 1,
        "paper_id": source["paper_id"],
        "title": source["title"],
        "quote": quote,
        "start": source["start"] + spans[0].start,
        "end": source["start"] + spans[0].end,
    }
    claim = {"text": quote, "verdict": "supported", "reasons": [], "is_quote": True, "citations": [citation]}
    answer = {**record.answer, "outcome": "answered", "reason": None, "claims": [claim], "text": quote, "error": None}
    opinion = Opinion("supported", 1.0)
    judged_claim = JudgedClaim(opinion, (opinion,), (Opinion("uncited", 0.0),), (source["paper_id"],))
    is_wanted = any(source["paper_id"] == paper for paper in record.question.relevant)
    if record.question.evidence and not is_wanted:
        # It is a quote of another paper, so what was wanted does not bear it out.
        judged_claim = dataclasses.replace(judged_claim, reference=Opinion("unsupported", 0.0))
    judge = record.judged.judge if record.judged is not None else "quotes"
    return dataclasses.replace(record, answer=answer, judged=Judged(judge, (judged_claim,)))
