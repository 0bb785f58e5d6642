"""What is measured: pure functions from a record to a value, each with its formula and its source.

Nothing here asks anything or opens a file: what a judge said stands in the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eval.measures.abstention import ABSTENTION_PRECISION
from eval.measures.answers import WITHIN, citations, is_answering, matches, quotes
from eval.measures.citing import CITATION_PRECISION, CITATION_RECALL, MISATTRIBUTION, QUOTES_EXACT, REDUNDANCY
from eval.measures.context import CONTEXT_PRECISION, CONTEXT_RECALL, NDCG
from eval.measures.correctness import GRADED, REFERENCE_F1, REFERENCE_ROUGE_L
from eval.measures.effort import FIRST_TOKEN, LENGTH, SECONDS, TIMES, cost_at
from eval.measures.faithfulness import CONTRADICTED, FAITHFULNESS, NOISE, UNSUPPORTED
from eval.measures.measure import UNSCORED, Figure, Measure, Value, cluster_of, figure, score
from eval.measures.numbers import NUMBERS_HELD
from eval.measures.outcomes import (
    ABSTENTION,
    DETAIL,
    FACT,
    FALSE_REFUSAL,
    HEADLINE,
    RIGHT_PAPER,
    Fault,
    cites_answer,
    fault,
)
from eval.measures.parts import FOOTNOTES_WRITTEN, FOUND_BOTH_WAYS
from eval.measures.written import WRITTEN, shown_verdicts

JUDGED = (
    FAITHFULNESS,
    CONTRADICTED,
    UNSUPPORTED,
    CITATION_RECALL,
    CITATION_PRECISION,
    MISATTRIBUTION,
    REDUNDANCY,
    NOISE,
)
"""Those that a judge's verdicts decide."""

MORE = (
    REFERENCE_F1,
    REFERENCE_ROUGE_L,
    CONTEXT_PRECISION,
    CONTEXT_RECALL,
    NDCG,
    ABSTENTION_PRECISION,
    QUOTES_EXACT,
    NUMBERS_HELD,
    FOUND_BOTH_WAYS,
    FOOTNOTES_WRITTEN,
    LENGTH,
)


def measures_of(about: Mapping[str, Any]) -> tuple[Measure, ...]:
    """All that can be said of a run, in the order of the tables; times apart (``TIMES``)."""
    settings = about["settings"]
    written = () if settings.get("model") is None else WRITTEN if settings.get("judge") else WRITTEN[:2]
    found = (*HEADLINE, *written, *(JUDGED if settings.get("judge") else ()), *DETAIL, *MORE)
    if settings.get("graded"):
        found = (*found, GRADED)
    return (*found, cost_at(about["prices"])) if about.get("prices") else found


def named(name: str, about: Mapping[str, Any]) -> Measure | None:
    return next((one for one in (*measures_of(about), *TIMES) if one.name == name), None)


__all__ = [
    "ABSTENTION",
    "DETAIL",
    "FACT",
    "FAITHFULNESS",
    "FALSE_REFUSAL",
    "FIRST_TOKEN",
    "FOOTNOTES_WRITTEN",
    "FOUND_BOTH_WAYS",
    "HEADLINE",
    "JUDGED",
    "NUMBERS_HELD",
    "RIGHT_PAPER",
    "SECONDS",
    "TIMES",
    "UNSCORED",
    "WITHIN",
    "WRITTEN",
    "Fault",
    "Figure",
    "Measure",
    "Value",
    "citations",
    "cites_answer",
    "cluster_of",
    "fault",
    "figure",
    "is_answering",
    "matches",
    "measures_of",
    "named",
    "quotes",
    "score",
    "shown_verdicts",
]
