"""Which of the ranked sentences are quoted as an answer, and in which order. Pure, but for a reranker that may read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from rag.answer import relevance
from rag.answer.manner import Length
from rag.answer.telling import contribution, telling_sentences
from rag.retrieval.evidence import Evidence, RankedSentence
from rag.retrieval.question import asks_for_several
from rag.retrieval.reranker import Reranker
from rag.types import Hit

MAX_QUOTES: dict[Length, int] = {"shorter": 1, "usual": 3, "longer": 5}

MAX_PAPERS: dict[Length, int] = {"shorter": 3, "usual": 3, "longer": 5}
MAX_EACH: dict[Length, int] = {"shorter": 1, "usual": 2, "longer": 2}
"""Where several papers are wanted: how many are quoted, and how many sentences of each. Of 48 questions of another hand
that 2 to 5 of the papers that ship answer, all that is wanted is then said for 18, with one sentence of each for 10; a
fourth paper is a wrong one in two of three cases."""

QUOTED_WITHIN = 5.0
"""How far a quoted sentence's score may lie below the best one's: on 270 questions about the papers that ship two
sentences are then quoted on average, not three, and what answers is among them as often but for one question."""

SEVERAL_WITHIN = 8.0
"""How far, in the ranker's own units, a quoted sentence may lie below the best of all papers."""

NEAR_PAPER = 0.6
"""The share of the best paper's search score that a paper needs to be quoted beside it."""

FITS_FROM = -1.5
"""Log-odds that a paper fits, from which it is quoted beside others: each paper is only a part of the answer. Of what
98 questions for several papers want (three sets, none of which the reranker has seen) the F1 of the three best is then
0.51, 0.64 and 0.86, with -0.5 it is 0.47, 0.64 and 0.85, and below -1.5 it hardly rises."""

_ASKS_FOR_MEANING = re.compile(
    r"\b(?:stands? for|means?|meant|meaning|short for|spell(?:ed|s)? out|acronym|abbrev\w*)\b"
)
MAX_ACRONYMS = 3
_ACRONYM = re.compile(r"\b[A-Z][\w-]*[A-Z0-9](?=s?\b)")

_NAMES_THE_LAST = re.compile(
    r"\b(?:refer(?:red)? to|call|term|name|dub|denote) (?:this|these|such|it)\b", re.IGNORECASE
)


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

    Where several papers are wanted, of each that fits first the one that tells why it is there, and
    not one that merely touches the question; then the one that answers best, or else says what the
    paper does.
    """
    ranked = list(evidence.sentences)
    if asks_for_several(question):
        return _of_several(question, hits, evidence, length, reranker)
    at_most = MAX_QUOTES[length]
    within = SEVERAL_WITHIN if length == "longer" else QUOTED_WITHIN
    best_ones = [sentence for sentence in ranked[:at_most] if sentence.score > ranked[0].score - within]
    best_ones = list(dict.fromkeys([*_spelling_out(question, hits, ranked), *best_ones]))[:at_most]
    leading = [sentence for sentence in ranked if sentence.hit == 0] if evidence.first_leads else []
    own = [sentence for sentence in best_ones if sentence in leading] or leading[:1]
    in_order = [*own, *(sentence for sentence in best_ones if sentence not in own)]
    return _with_what_is_named(in_order, hits, ranked)[:at_most]


def _of_several(
    question: str, hits: Sequence[Hit], evidence: Evidence, length: Length, reranker: Reranker | None
) -> list[RankedSentence]:
    ranked = evidence.sentences
    papers = (_fitting(question, hits, evidence) or _near(hits, ranked))[: MAX_PAPERS[length]]
    telling = telling_sentences(question, {at: hits[at] for at in papers}, evidence, reranker)
    places = {(sentence.hit, sentence.span): sentence for sentence in ranked}
    best = {sentence.hit: sentence for sentence in reversed(ranked)}
    quoted = []
    for at in papers:
        does = contribution(hits[at])
        own = [places.get((at, telling[at]), best[at])]
        own += [best[at]] if best[at].score > ranked[0].score - SEVERAL_WITHIN else []
        own += [places[at, does]] if does is not None and (at, does) in places else []
        quoted.append(list(dict.fromkeys(own))[: MAX_EACH[length]])
    chosen_ones = [sentence for nth in zip_longest(*quoted) for sentence in nth if sentence is not None]
    more = [one for one in ranked if one.hit in papers and one.score > ranked[0].score - SEVERAL_WITHIN]
    n_more = max(0, MAX_QUOTES[length] - len(chosen_ones))  # of few papers more
    return [*chosen_ones, *[one for one in more if one not in chosen_ones][:n_more]]


def _spelling_out(question: str, hits: Sequence[Hit], ranked: Sequence[RankedSentence]) -> Sequence[RankedSentence]:
    """The best sentence that spells out the acronym whose meaning is asked for: '... neural networks (GNNs)'."""
    if not _ASKS_FOR_MEANING.search(question):
        return ()
    for acronym in _ACRONYM.findall(question)[:MAX_ACRONYMS]:
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
    quoted: list[RankedSentence] = []
    for sentence in best:
        quoted.append(sentence)
        spans = hits[sentence.hit].chunk.sentences
        at = spans.index(sentence.span)
        if at and _NAMES_THE_LAST.search(sentence.span.of(hits[sentence.hit].paper.abstract)):
            quoted += [one for one in ranked if (one.hit, one.span) == (sentence.hit, spans[at - 1])]
    return list(dict.fromkeys(quoted))


def _fitting(question: str, hits: Sequence[Hit], evidence: Evidence) -> list[int]:
    """The places of the ranked papers that may well fit, the likeliest first; none where no reranker read them."""
    ranked = {sentence.hit for sentence in evidence.sentences}
    fits = relevance.log_odds(question, hits, evidence)
    return sorted((at for at in ranked if fits[at] > FITS_FROM), key=lambda at: (-fits[at], at))


def _near(hits: Sequence[Hit], ranked: Sequence[RankedSentence]) -> list[int]:
    """The places of the papers that are near the best one, by their search scores and their best sentences."""
    least = NEAR_PAPER * max(hits[sentence.hit].score for sentence in ranked)
    near = [one for one in ranked if hits[one.hit].score >= least and one.score > ranked[0].score - SEVERAL_WITHIN]
    return list(dict.fromkeys(one.hit for one in near))


def in_reading_order(sentences: Sequence[RankedSentence]) -> list[RankedSentence]:
    """Grouped by paper, the paper of the best sentence first, each paper's sentences as they stand."""
    papers = list(dict.fromkeys(sentence.hit for sentence in sentences))
    return sorted(sentences, key=lambda sentence: (papers.index(sentence.hit), sentence.span.start))
