"""What another system says, in the form of ``footnoted ask --json``, so that every measure reads it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.questions import Question
from rag.types import Paper


def answer_json(
    question: Question,
    claims: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
    *,
    model: str | None,
    seconds: float,
    outcome: str | None = None,
    text: str | None = None,
    error: str | None = None,
    usage: Mapping[str, int | None] | None = None,
) -> dict[str, Any]:
    """``outcome`` defaults to 'answered' with claims and 'abstained' without."""
    kind = outcome or ("answered" if claims else "abstained")
    return {
        "question": question.question,
        "standalone_question": question.question,
        "outcome": kind,
        "text": text if text is not None else "\n".join(claim["text"] for claim in claims),
        "claims": [{"verdict": "unchecked", "reasons": [], "is_quote": False, **claim} for claim in claims],
        "sources": list(sources),
        "reason": "not_stated" if kind == "abstained" else None,
        "error": error,
        "notes": [],
        "model": model,
        "usage": dict(usage or {"prompt_tokens": None, "completion_tokens": None}),
        "seconds": round(seconds, 4),
        "timings": {"search_seconds": None, "first_token_seconds": None, "total_seconds": round(seconds, 4)},
    }


def source_json(number: int, paper: Paper, score: float) -> dict[str, Any]:
    """The whole abstract as one source."""
    return {
        "number": number,
        "paper_id": paper.paper_id,
        "title": paper.title,
        "url": paper.url,
        "score": round(score, 6),
        "start": 0,
        "end": len(paper.abstract),
        "text": paper.abstract,
        "found_by": [],
    }


def citation_json(
    number: int, paper_id: str | None, title: str, quote: str = "", start: int | None = None
) -> dict[str, Any]:
    return {
        "number": number,
        "paper_id": paper_id,
        "title": title,
        "quote": quote,
        "start": start,
        "end": None if start is None else start + len(quote),
    }
