"""The answerer that quotes: with no model, the sentences that answer, letter for letter."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer.choosing import chosen, in_reading_order
from rag.answer.citations import Numbering, parse_markers
from rag.answer.drafts import Abstention, Quoted, quotations
from rag.answer.manner import Length
from rag.retrieval.evidence import Evidence
from rag.retrieval.question import names_held
from rag.retrieval.reranker import Reranker
from rag.types import Claim, Hit

ANSWERS_ABOVE = -1.2
"""Log-odds that the found sentences answer, above which they are shown. 0 refuses 4 % of the answerable questions
that eval/training fits to; here it is half of that, and of the shipped ones (docs/evaluation.md)."""

NEAR_COSINE = 0.22
"""From this cosine on an abstention speaks of papers near the question: questions off the topic of
the 62 papers that ship reach 0.21, and nine of ten about them lie above it."""


NEARLY_AS_NEAR, MAX_NAMED = 0.85, 3
"""An abstention names the nearest paper, and a few more if their cosine is at least this share of the best one's."""


def quote(
    question: str,
    hits: Sequence[Hit],
    evidence: Evidence,
    numbering: Numbering,
    reranker: Reranker | None = None,
    answers_above: float = ANSWERS_ABOVE,
    length: Length = "usual",
) -> Quoted | Abstention:
    """At most three quotes, or why there are none; one where it is to be short, up to five where it may be long.

    Where several papers are wanted, of at most three (five) of them two each, or one where it is to be short.
    The paper that answers best comes first, its quotes in reading order; then those of other
    papers. The ``reranker`` may read a few more sentences of several papers.
    """
    if not evidence.sentences or not is_enough(evidence.log_odds, answers_above):
        return abstention(question, hits)
    read = in_reading_order(chosen(question, hits, evidence, length, reranker))
    return Quoted(quotations([(hits[sentence.hit], sentence.span) for sentence in read], numbering))


def is_enough(log_odds: float, answers_above: float = ANSWERS_ABOVE) -> bool:
    """True if what was found is quoted as an answer, and not withheld."""
    return log_odds >= answers_above


def abstention(question: str, hits: Sequence[Hit]) -> Abstention:
    """Why nothing is answered, in words: nothing near, or near papers whose abstracts don't say."""
    if not is_near(question, hits):
        return Abstention("nothing_near", "No abstract in this library comes near that question.")
    titles = [f"“{hit.paper.title}”" for hit in _nearest(question, hits)]
    if len(titles) == 1:
        said = f"The nearest is {titles[0]}; the full paper may tell more."
    else:
        said = f"The nearest are {', '.join(titles[:-1])} and {titles[-1]}; the full papers may tell more."
    return Abstention("not_stated", f"The abstracts do not say. {said}")


def _nearest(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The papers whose full text may answer: the first one, and what is about as close in meaning.

    Where the question names something that the first one has, only others that have it too.
    """
    first = hits[0]
    least = max(NEAR_COSINE, NEARLY_AS_NEAR * max(map(_cosine, hits)))
    is_named = names_held(question, f"{first.paper.title} {first.paper.abstract}")
    others = [
        hit
        for hit in hits[1:]
        if _cosine(hit) >= least and (not is_named or names_held(question, f"{hit.paper.title} {hit.paper.abstract}"))
    ]
    return [first, *others[: MAX_NAMED - 1]]


def _cosine(hit: Hit) -> float:
    """Of question and chunk; 0 for one that only its words found."""
    return next((origin.score for origin in hit.origins if origin.side == "dense"), 0.0)


def is_near(question: str, hits: Sequence[Hit]) -> bool:
    """True if a hit is close in meaning, or the first one has the names that the question names."""
    if max(map(_cosine, hits), default=0.0) >= NEAR_COSINE:
        return True
    return bool(hits) and names_held(question, f"{hits[0].paper.title} {hits[0].paper.abstract}")


def as_text(claims: Sequence[Claim]) -> str:
    """The quotes for people, one a line, each with its marker, and before it in brackets what it goes on from.

    A bracketed number inside a quote is shown as ⟦7⟧, so that ``[n]`` always is a footnote;
    the claim and its quote keep the abstract's own letters.
    """
    return "\n".join(
        _context(claim)
        + f"“{_own_brackets(claim.text)}” "
        + "".join(f"[{citation.number}]" for citation in claim.citations)
        for claim in claims
    )


def _context(claim: Claim) -> str:
    return f"(after: {_own_brackets(claim.context)}) " if claim.context else ""


def _own_brackets(text: str) -> str:
    text = " ".join(text.split())
    markers = parse_markers(text)
    if not markers:
        return text
    letters = list(text)
    for marker in markers:
        letters[marker.start], letters[marker.end - 1] = "⟦", "⟧"
    return "".join(letters)
