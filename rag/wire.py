"""Answers, hits and papers as JSON objects: what ``--json`` prints and the schemas describe."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from rag.types import Answer, Citation, Claim, Hit, Paper, Source, Turn

if TYPE_CHECKING:
    from rag.retrieval.explaining import Explanation
    from rag.retrieval.spelling import ReadAs

_PAPER_FIELDS = tuple(field.name for field in dataclasses.fields(Paper))


def paper_to_json(paper: Paper) -> dict[str, Any]:
    """What is known of a paper; what is not known is left out."""
    known = {name: getattr(paper, name) for name in _PAPER_FIELDS}
    known |= {name: list(value) for name, value in known.items() if isinstance(value, tuple)}
    return {name: value for name, value in known.items() if value is not None and value != []}


def hit_to_json(hit: Hit, why: Explanation | None = None, read_as: tuple[ReadAs, ...] = ()) -> dict[str, Any]:
    """With ``why`` the reasons too; ``read_as`` are words of the question that were taken for slips of others."""
    return {
        "paper_id": hit.paper.paper_id,
        "title": hit.paper.title,
        "score": round(hit.score, 6),
        "chunk_id": hit.chunk.chunk_id,
        "start": hit.chunk.span.start,
        "end": hit.chunk.span.end,
        "text": hit.text,
        "found_by": [{"side": o.side, "rank": o.rank, "score": round(o.score, 6)} for o in hit.origins],
        **({"versions": list(hit.versions)} if hit.versions else {}),
        **({"read_as": list(map(dataclasses.asdict, read_as))} if read_as else {}),
        **({"why": _why_to_json(why)} if why is not None else {}),
        **_notice_of(hit.paper),
    }


def _why_to_json(why: Explanation) -> dict[str, Any]:
    """``read_as`` stands beside it, whether reasons are wanted or not."""
    return {name: value for name, value in dataclasses.asdict(why).items() if name != "read_as"}


def titled_to_json(paper: Paper, score: float) -> dict[str, Any]:
    """A paper without an abstract that was found by its title: there is no chunk of it."""
    return {
        "paper_id": paper.paper_id,
        "title": paper.title,
        "score": round(score, 6),
        "without_abstract": True,
        **_notice_of(paper),
    }


def _notice_of(paper: Paper) -> dict[str, Any]:
    """Left out where there is none."""
    return {"notice": paper.notice} if paper.notice else {}


def source_to_json(source: Source) -> dict[str, Any]:
    return {
        "number": source.number,
        "paper_id": source.hit.paper.paper_id,
        "title": source.hit.paper.title,
        "url": source.hit.paper.url,
        "score": round(source.hit.score, 6),
        "start": source.hit.chunk.span.start,
        "end": source.hit.chunk.span.end,
        "text": source.hit.text,
        "found_by": [{"side": o.side, "rank": o.rank, "score": round(o.score, 6)} for o in source.hit.origins],
        **_notice_of(source.hit.paper),
    }


def citation_to_json(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "paper_id": citation.paper_id,
        "title": citation.title,
        "quote": citation.quote,
        "start": citation.span.start if citation.span else None,
        "end": citation.span.end if citation.span else None,
        "needed": citation.needed,
    }


def claim_to_json(claim: Claim) -> dict[str, Any]:
    return {
        "text": claim.text,
        "verdict": claim.verdict,
        "reasons": list(claim.reasons),
        "is_quote": claim.is_quote,
        "context": claim.context,
        "probability": None if claim.probability is None else round(claim.probability, 4),
        "missing": list(claim.missing),
        "elsewhere": _elsewhere_to_json(claim.elsewhere) if claim.elsewhere else None,
        "citations": [citation_to_json(citation) for citation in claim.citations],
    }


def _elsewhere_to_json(found: Citation) -> dict[str, Any]:
    known = citation_to_json(found)
    return {name: known[name] for name in ("paper_id", "title", "quote", "start", "end")}


def answer_to_json(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "outcome": answer.outcome,
        "text": answer.text,
        "claims": [claim_to_json(claim) for claim in answer.claims],
        "sources": [source_to_json(source) for source in answer.sources],
        "reason": answer.reason,
        "error": answer.error,
        "notes": list(answer.notes),
        "model": answer.model,
        "kind": answer.kind,
        "years": None if answer.years is None else {"from": answer.years[0], "to": answer.years[1]},
        "table": None if answer.table is None else dataclasses.asdict(answer.table),
        "log_odds": None if answer.log_odds is None else round(answer.log_odds, 4),
        "usage": dataclasses.asdict(answer.usage),
        "seconds": round(answer.timings.total_seconds, 4),
        "timings": {key: value and round(value, 4) for key, value in dataclasses.asdict(answer.timings).items()},
    }


def question_from_json(text: str) -> tuple[str, tuple[Turn, ...], dict[str, Any]]:
    """Question, history and what is to be given back (``id``) of ``{"question", "history"?, "id"?}``.

    Raises ValueError saying what is wrong.
    """
    try:
        item = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it begins like JSON but is none ({error.msg} at character {error.pos + 1})") from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(item, dict) or not isinstance(item.get("question"), str):
        raise ValueError("'question' must be a text")
    unknown = sorted(set(item) - {"question", "history", "id"})
    if unknown:
        raise ValueError(f"unknown field '{unknown[0]}'; a line takes 'question', 'history' and 'id'")
    if not isinstance(item.get("id", ""), str | int):
        raise ValueError("'id' must be a text or a whole number")
    named = {"id": item["id"]} if "id" in item else {}
    return item["question"], history_from_json(item.get("history")), named


def history_from_json(value: object) -> tuple[Turn, ...]:
    """Turns from ``[{"question", "answer", "paper_ids"?}, ...]``, chat messages with roles, or pairs of texts.

    An earlier answer as ``ask --json`` printed it serves as well.

    Raises ValueError saying what is wrong.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("'history' must be a list")
    turns: list[Turn] = []
    for position, item in enumerate(value, 1):
        if isinstance(item, list) and len(item) == 2:
            item = {"question": item[0], "answer": item[1] or ""}
        if not isinstance(item, dict):
            raise ValueError(f"'history' item {position} must be an object")
        if "role" in item:
            content = item.get("content")
            if not isinstance(content, str):
                raise ValueError(f"'history' item {position} must have a 'content' text")
            if item["role"] == "user":
                turns.append(Turn(question=content, answer=""))
            elif item["role"] == "assistant" and turns:
                turns[-1] = dataclasses.replace(turns[-1], answer=content)
            continue
        question, answer = item.get("question"), item.get("answer", item.get("text", ""))
        ids = item["paper_ids"] if "paper_ids" in item else _cited_in(item.get("claims"))
        if not isinstance(question, str) or not isinstance(answer, str):
            raise ValueError(f"'history' item {position} must have a 'question' and an 'answer' text")
        if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            raise ValueError(f"'paper_ids' of 'history' item {position} must be a list of texts")
        turns.append(Turn(question=question, answer=answer, paper_ids=tuple(ids)))
    return tuple(turns)


def _cited_in(claims: object) -> list[str]:
    """The cited papers of an answer as ``answer_to_json`` gives it, in the order of first use; [] if it is none."""
    try:
        return list(dict.fromkeys(c["paper_id"] for claim in claims for c in claim["citations"] if c["paper_id"]))  # type: ignore[attr-defined]
    except (TypeError, KeyError):
        return []
