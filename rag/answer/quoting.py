"""The answerer that quotes: with no model, the sentences that answer, letter for letter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.answer import relevance
from rag.answer.citations import Numbering, parse_markers
from rag.answer.drafts import Abstention, Quoted, quotations
from rag.answer.manner import Length
from rag.answer.telling import telling_sentences
from rag.retrieval.evidence import Evidence, RankedSentence
from rag.retrieval.question import asks_for_several, names_held
from rag.retrieval.reranker import Reranker
from rag.types import Claim, Hit

MAX_QUOTES: dict[Length, int] = {"shorter": 1, "usual": 3, "longer": 5}

QUOTED_WITHIN = 5.0
"""How far a quoted sentence's score may lie below the best one's: on 270 questions about the papers that ship two
sentences are then quoted on average, not three, and what answers is among them as often but for one question."""

ANSWERS_ABOVE = -1.0
"""Log-odds that the found sentences answer, above which they are shown. 0 refuses 4 % of the answerable questions
that eval/training fits to; here it is half of that, and of the shipped ones (docs/evaluation.md)."""

SEVERAL_WITHIN = 8.0
"""How far, in the ranker's own units, a quoted sentence may lie below the best of all papers."""

NEAR_PAPER = 0.6
"""The share of the best paper's search score that a paper needs to be quoted beside it."""

NEAR_COSINE = 0.22
"""From this cosine on an abstention speaks of papers near the question: questions off the topic of
the 62 papers that ship reach 0.21, and nine of ten about them lie above it."""


_ASKS_FOR_MEANING = re.compile(
    r"\b(?:stands? for|means?|meant|meaning|short for|spell(?:ed|s)? out|acronym|abbrev\w*)\b"
)
_ACRONYM = re.compile(r"\b[A-Z][\w-]*[A-Z0-9](?=s?\b)")

_NAMES_THE_LAST = re.compile(
    r"\b(?:refer(?:red)? to|call|term|name|dub|denote) (?:this|these|such|it)\b", re.IGNORECASE
)

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

    The paper that answers best comes first, its quotes in reading order; then those of other
    papers. Where several papers are wanted, the ``reranker`` may read a few more of their sentences.
    """
    if not evidence.sentences or not is_enough(evidence.log_odds, answers_above):
        return abstention(question, hits)
    read = in_reading_order(chosen(question, hits, evidence, length, reranker))
    return Quoted(quotations([(hits[sentence.hit], sentence.span) for sentence in read], numbering))


def is_enough(log_odds: float, answers_above: float = ANSWERS_ABOVE) -> bool:
    """True if what was found is quoted as an answer, and not withheld."""
    return log_odds >= answers_above


def quoted_within(question: str) -> float:
    """How far below the best sentence's score one may lie that is still to be seen."""
    return SEVERAL_WITHIN if asks_for_several(question) else QUOTED_WITHIN


def chosen(
    question: str,
    hits: Sequence[Hit],
    evidence: Evidence,
    length: Length = "usual",
    reranker: Reranker | None = None,
) -> list[RankedSentence]:
    """The sentences to quote: the best ones, those of the leading paper first, of which there is always one.

    Where several papers are wanted, first one of each paper that fits: the one that tells why it
    is there, and not one that merely touches the question.
    """
    ranked = list(evidence.sentences)
    at_most = MAX_QUOTES[length]
    if not asks_for_several(question):
        within = SEVERAL_WITHIN if length == "longer" else QUOTED_WITHIN
        best_ones = [sentence for sentence in ranked[:at_most] if sentence.score > ranked[0].score - within]
        best_ones = list(dict.fromkeys([*_spelling_out(question, hits, ranked), *best_ones]))[:at_most]
        leading = [sentence for sentence in ranked if sentence.hit == 0] if evidence.first_leads else []
        own = [sentence for sentence in best_ones if sentence in leading] or leading[:1]
        in_order = [*own, *(sentence for sentence in best_ones if sentence not in own)]
        return _with_what_is_named(in_order, hits, ranked)[:at_most]
    papers = (_fitting(question, hits, evidence) or _near(hits, ranked))[:at_most]
    telling = telling_sentences(question, {at: hits[at] for at in papers}, evidence, reranker)
    places = {(sentence.hit, sentence.span): sentence for sentence in ranked}
    best = {sentence.hit: sentence for sentence in reversed(ranked)}
    deciding = [places.get((at, span), best[at]) for at, span in telling.items()]
    more = (one for one in ranked if one.hit in papers and one.score > ranked[0].score - SEVERAL_WITHIN)
    return [*deciding, *(one for one in more if one not in deciding)][:at_most]


def _spelling_out(question: str, hits: Sequence[Hit], ranked: Sequence[RankedSentence]) -> Sequence[RankedSentence]:
    """The best sentence that spells out the acronym whose meaning is asked for: '... neural networks (GNNs)'."""
    if not _ASKS_FOR_MEANING.search(question):
        return ()
    for acronym in _ACRONYM.findall(question):
        spelled = re.compile(
            rf"\(\s*{re.escape(acronym)}s?\s*[,;)]|\b{re.escape(acronym)}s?\s*\([A-Za-z][\w-]*\s[A-Za-z]"
        )
        for sentence in ranked:
            if spelled.search(sentence.span.of(hits[sentence.hit].paper.abstract)):
                return (sentence,)
    return ()


def _with_what_is_named(
    best: Sequence[RankedSentence], hits: Sequence[Hit], ranked: Sequence[RankedSentence]
) -> list[RankedSentence]:
    """With the sentence before one that only gives a name to what was said there: 'We call this the gap.'"""
    chosen: list[RankedSentence] = []
    for sentence in best:
        chosen.append(sentence)
        spans = hits[sentence.hit].chunk.sentences
        at = spans.index(sentence.span)
        if at and _NAMES_THE_LAST.search(sentence.span.of(hits[sentence.hit].paper.abstract)):
            chosen += [one for one in ranked if (one.hit, one.span) == (sentence.hit, spans[at - 1])]
    return list(dict.fromkeys(chosen))


def _fitting(question: str, hits: Sequence[Hit], evidence: Evidence) -> list[int]:
    """The places of the ranked papers that rather fit than not; none where no reranker read them."""
    ranked = {sentence.hit for sentence in evidence.sentences}
    fits = relevance.log_odds(question, hits, evidence)
    return [at for at in range(len(hits)) if at in ranked and fits[at] > 0]


def _near(hits: Sequence[Hit], ranked: Sequence[RankedSentence]) -> list[int]:
    """The places of the papers that are near the best one, by their search scores and their best sentences."""
    least = NEAR_PAPER * max(hits[sentence.hit].score for sentence in ranked)
    near = [one for one in ranked if hits[one.hit].score >= least and one.score > ranked[0].score - SEVERAL_WITHIN]
    return list(dict.fromkeys(one.hit for one in near))


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


def in_reading_order(sentences: Sequence[RankedSentence]) -> list[RankedSentence]:
    """Grouped by paper, the paper of the best sentence first, each paper's sentences as they stand."""
    papers = list(dict.fromkeys(sentence.hit for sentence in sentences))
    return sorted(sentences, key=lambda sentence: (papers.index(sentence.hit), sentence.span.start))


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
