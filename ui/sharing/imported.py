"""A conversation that somebody exported, read back: nothing in it is trusted but its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rag.types import Answer, Citation, Claim
from ui.conversations import KeptTurn, from_json
from ui.errors import Refused
from ui.rendering.markup import papers_of
from ui.sharing.export import FORMAT, VERSION, Exported
from ui.texts import Texts

MAX_BYTES = 20_000_000
MAX_TURNS = 500


def read(data: bytes, t: Texts) -> Exported:
    """The conversation of a JSON export. Raises Refused saying what is wrong with it.

    Every quote is compared with the abstract that the file gives beside it: where they
    differ the citation loses its place, and the claim its verdict.
    """
    if len(data) > MAX_BYTES:
        raise Refused(t("import.too_big", size=f"{MAX_BYTES // 1_000_000} MB"))
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(t("import.not_json")) from None
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise Refused(t("import.not_json"))
    version, turns = value.get("version"), value.get("turns")
    if not isinstance(version, int) or version > VERSION:
        raise Refused(t("import.wrong_version"))
    if not isinstance(turns, list) or len(turns) > MAX_TURNS:
        raise Refused(t("import.wrong", problem="'turns'"))
    title = value.get("title")
    return Exported(
        title=title if isinstance(title, str) else "",
        turns=tuple(_turn(number, item, t) for number, item in enumerate(turns, 1)),
    )


def _turn(number: int, item: Any, t: Texts) -> KeptTurn:
    answer = item.get("answer") if isinstance(item, Mapping) else None
    request = item.get("request") if isinstance(item, Mapping) else None
    if not isinstance(answer, Mapping):
        raise Refused(t("import.wrong", problem=f"'turns' {number}"))
    try:
        read = from_json(json.dumps(_without_vectors(answer)))
    except (ValueError, RecursionError) as error:
        first = str(error).splitlines()
        where = " ".join(first[1:2]) or first[0]
        raise Refused(t("import.wrong", problem=f"'turns' {number}: {where[:200]}")) from None
    request = request if isinstance(request, Mapping) else {}
    return KeptTurn(number, read.question, request, checked(read, t))


def _without_vectors(answer: Mapping[str, Any]) -> dict[str, Any]:
    """No export holds vectors; a file that does has them from elsewhere."""
    sources = answer.get("sources")
    if not isinstance(sources, list):
        return dict(answer)
    kept = []
    for source in sources:
        if isinstance(source, Mapping) and isinstance(source.get("hit"), Mapping):
            source = {**source, "hit": {**source["hit"], "sentence_vectors": None}}
        kept.append(source)
    return {**answer, "sources": kept}


def checked(answer: Answer, t: Texts) -> Answer:
    """``answer`` with every quote compared with the abstract beside it."""
    abstracts = {paper.paper_id: paper.abstract for paper in papers_of(answer.sources)}
    return replace(answer, claims=tuple(_checked(claim, abstracts, t) for claim in answer.claims))


def _checked(claim: Claim, abstracts: Mapping[str, str], t: Texts) -> Claim:
    citations = tuple(c if _is_exact(c, abstracts) else replace(c, span=None, quote="") for c in claim.citations)
    elsewhere = claim.elsewhere if claim.elsewhere and _is_exact(claim.elsewhere, abstracts) else None
    is_quote = claim.is_quote and any(c.quote == claim.text for c in citations)
    if citations == claim.citations and is_quote == claim.is_quote:
        return replace(claim, elsewhere=elsewhere)
    reasons = (t("import.bad_quote"),)
    return replace(
        claim, citations=citations, is_quote=is_quote, elsewhere=elsewhere, verdict="unchecked", reasons=reasons
    )


def _is_exact(citation: Citation, abstracts: Mapping[str, str]) -> bool:
    """Whether its quote is what the abstract says there; a citation without a place claims nothing."""
    if citation.span is None:
        return not citation.quote
    abstract = abstracts.get(citation.paper_id or "")
    return abstract is not None and citation.span.of(abstract) == citation.quote and bool(citation.quote)
