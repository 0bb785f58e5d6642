"""Which sentences of the found papers answer the question, and whether any does.

Each sentence gets a plain score, a weighted sum of about twenty features. The best of them
are read again by the cross-encoder, whose scores then order the sentences, and their
papers with them; of the first, or two that are close, it reads the whole abstract. The weights come
from ``eval.training.evidence``.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rag.retrieval.defining import definition_asked
from rag.retrieval.features import FloatArray, answer_features, ends, reranked_features, sentence_features
from rag.retrieval.question import asks_beside, asks_for_several, lacks_number
from rag.retrieval.reranker import Abstract, Candidate, Reranker, Text
from rag.types import Hit, Span

MAX_HITS = 3
"""Sentences of so many hits are ranked where one paper is wanted."""

READ_HITS = 12
"""The reranker then reads sentences of at most so many hits."""

PAPER_SHARE = 0.3
"""How much what was read counts in a paper's score, beside how it was found."""

READ_SCALE = 6.0
"""Log-odds by which a paper's best sentence must be better for its odds to count e times as much."""

MAX_WHOLE = 6.0
"""Log-odds of a whole abstract beyond this bound count as the bound."""

WHOLE_SHARE = 0.05
"""How much the log-odds of a whole abstract count in a paper's score. Of 650 questions that the reranker never saw the
first paper is then the right one for 96.8 %, with 0.1 and going by the best sentence for 96.0 %."""

WHOLE_BEHIND = 0.1
"""A paper whose score is further behind that of the first would hardly become it by its abstract, which is not read."""

UNREAD_WHOLE = -2.0
"""Log-odds, at most, of the abstracts that would have been read if they were not so far behind."""

LINEAR_SHARE = 0.6
"""How much a sentence's plain score counts beside the reranker's."""

BESIDE_COSTS = 3.0
"""Log-odds that an answer loses where what is asked for is hardly ever in an abstract, and the leading paper does not
name it. Of the training sets' questions that applies to 17 of 10,013 that are answered, and to 546 of 12,628 others."""

MAX_BEST = 3
"""Sentences of one chunk that a small model is shown."""


@dataclass(frozen=True, slots=True)
class Breadth:
    """How many papers are looked at, and how closely."""

    n_ranked: int
    """Hits whose sentences are ranked."""
    n_read: int
    """Hits of which the reranker reads something."""
    n_sentences: int
    """Sentences that it reads in all."""
    n_each: int
    """And at most of one hit."""
    n_whole: int
    """Hits whose whole abstract it reads, at most; one where several papers are wanted, so that none is preferred."""
    behind: float = math.inf
    """Hits whose score is further behind that of the first are not read."""


ONE = Breadth(MAX_HITS, 6, 10, 10, 2, 0.3)
"""Reading 20 sentences of 12 hits takes 1.4 times the word pieces, and of 650 questions that the reranker never saw
puts the right paper first for 629 instead of 628. Reading what is far behind too takes half as many again, and puts it
first for as many; so do 12 sentences instead of 10."""
SEVERAL = Breadth(6, READ_HITS, 20, 2, 1)
MANY = Breadth(12, 12, 24, 2, 1)
"""For lists and summaries."""


def breadth_of(question: str) -> Breadth:
    return SEVERAL if asks_for_several(question) else ONE


class RankedSentence(NamedTuple):
    """``hit`` indexes the hits that were ranked; a higher ``score`` answers better."""

    hit: int
    span: Span
    score: float
    read: float | None = None
    """The reranker's log-odds that it answers; None if it was not read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    sentences: tuple[RankedSentence, ...]
    """Of the best MAX_HITS hits, best first."""
    log_odds: float
    """That the best sentences answer the question: above 0 more likely than not; -inf without hits."""
    first_leads: bool = False
    """Whether the first hit is the paper that answers best, even where another has the best sentence."""


NOTHING = Evidence((), -math.inf)


def rank_sentences(question: str, vector: FloatArray, hits: Sequence[Hit], breadth: Breadth | None = None) -> Evidence:
    """The sentences of the best hits by the plain score alone."""
    hits = hits[: (breadth or breadth_of(question)).n_ranked]
    if not hits:
        return NOTHING
    table = sentence_features(question, vector, hits)
    scores = table @ _weights().sentence
    log_odds = float(answer_features(question, hits, table, scores) @ _weights().answer)
    ranked = _ranked(places_of(hits), scores)
    log_odds -= _beside(question, hits[ranked[0].hit])
    return Evidence(_defining_first(question, hits, ranked), log_odds)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reranker made of the first hits; all by their places in these."""

    rows: npt.NDArray[np.int64]
    """The sentences that were read, as rows of ``sentence_features``."""
    read: FloatArray
    """Of each, the log-odds that it answers."""
    order: npt.NDArray[np.int64]
    """The hits, best first: those of which something was read, then the others."""
    scores: FloatArray
    """By hit, in [0, 1]; of those of which something was read."""
    likely: FloatArray
    """By hit, what its sentences gain or lose by its whole abstract; of the same."""
    whole: FloatArray
    """Of the first in ``order``, the log-odds of their whole abstracts."""


def read_again(
    question: str, vector: FloatArray, hits: Sequence[Hit], reranker: Reranker, breadth: Breadth | None = None
) -> tuple[tuple[Hit, ...], Evidence]:
    """The hits in the order that reading their best sentences gives, and the sentences of the best of them.

    Only the hits that are read may change places; a hit's new score is in [0, 1] as its old one.
    """
    if not hits:
        return (), NOTHING
    breadth = breadth or breadth_of(question)
    first = hits[: breadth.n_read]
    places = places_of(first)
    owners = np.array([hit for hit, _ in places])
    table = sentence_features(question, vector, first)
    scores = table @ _weights().sentence
    done = read_best(question, first, scores, reranker, breadth)
    rows, read = done.rows, done.read
    combined = read + LINEAR_SHARE * scores[rows] + done.likely[owners[rows]]
    features = reading_features(question, first, table, scores, rows, read, combined, done.whole)
    log_odds = float(features @ _weights().reranked) - _beside(question, first[done.order[0]])

    final = scores - scores.max() + combined.min() - 1.0  # what was not read stays behind what was, in its own order
    final[rows] = combined
    kept = {int(hit): place for place, hit in enumerate(done.order[: breadth.n_ranked])}
    chosen = [row for row, owner in enumerate(owners) if int(owner) in kept]
    said = dict(zip(rows.tolist(), read.tolist(), strict=True))
    ranked = _ranked(
        [(kept[int(owners[row])], places[row][1]) for row in chosen], final[chosen], [said.get(row) for row in chosen]
    )
    n_read, least = len(done.scores), float(done.scores.min())
    moved = tuple(replace(first[hit], score=float(done.scores[hit])) for hit in done.order[:n_read])
    rest = tuple(replace(hit, score=min(hit.score, least)) for hit in hits[n_read:])
    in_order = (*moved, *rest)
    return in_order, Evidence(_defining_first(question, in_order, ranked), log_odds, first_leads=True)


def read_best(question: str, first: Sequence[Hit], scores: FloatArray, reranker: Reranker, breadth: Breadth) -> Reading:
    """Read the best sentences of ``first`` by their plain ``scores``, and the abstracts of the papers that then lead.

    An abstract takes as long as four or five sentences. So that of a paper likely to lead is
    read beside the sentences, before it is known.
    """
    far = (n for n, hit in enumerate(first) if hit.score < first[0].score - breadth.behind)
    n_near = next(far, len(first))
    places = [place for place in places_of(first) if place[0] < n_near]
    owners = np.array([hit for hit, _ in places])
    rows = to_read(scores[: len(places)], owners, breadth)
    found = [hit.score for hit in first[:n_near]]
    ahead = [hit for hit in range(min(breadth.n_whole, n_near)) if found[hit] >= found[0] - WHOLE_BEHIND]
    texts: list[Text] = [candidate(first, places[row]) for row in rows]
    texts += [abstract(first[hit]) for hit in ahead]
    read, early = np.split(reranker.scores(question, texts), [len(rows)])
    known = dict(zip(ahead, early.tolist(), strict=True))
    best_read = np.array([read[owners[rows] == hit].max() for hit in range(n_near)])
    order, new_scores = reordered(found, best_read)
    leading = [int(hit) for hit in order[: breadth.n_whole] if new_scores[hit] >= new_scores[order[0]] - WHOLE_BEHIND]
    if late := [hit for hit in leading if hit not in known]:
        then = reranker.scores(question, [abstract(first[hit]) for hit in late])
        known.update(zip(late, then.tolist(), strict=True))
    whole = np.array([known[hit] for hit in leading], np.float32)
    unread = UNREAD_WHOLE if len(leading) < breadth.n_whole else math.inf
    order, new_scores, likely = weighed(order, new_scores, whole, unread)
    behind = np.arange(n_near, len(first))
    return Reading(rows, read, np.concatenate([order, behind]), new_scores, likely, whole)


def _beside(question: str, hit: Hit) -> float:
    return BESIDE_COSTS if asks_beside(question, f"{hit.paper.title} {hit.paper.abstract}") else 0.0


def places_of(hits: Sequence[Hit]) -> list[tuple[int, Span]]:
    """Every sentence of the hits, in the order of the rows of ``sentence_features``."""
    return [(index, span) for index, hit in enumerate(hits) for span in hit.chunk.sentences]


def candidate(hits: Sequence[Hit], place: tuple[int, Span]) -> Candidate:
    paper = hits[place[0]].paper
    return Candidate(paper.title, place[1].of(paper.abstract))


def abstract(hit: Hit) -> Abstract:
    return Abstract(hit.paper.title, tuple(span.of(hit.paper.abstract) for span in hit.chunk.sentences))


def to_read(scores: FloatArray, owners: npt.NDArray[np.int64], breadth: Breadth) -> npt.NDArray[np.int64]:
    """The rows that the reranker reads, best first: one of every hit, and beside these the best of all."""
    order = [int(row) for row in np.argsort(-scores, kind="stable")]
    chosen = list({int(owners[row]): row for row in reversed(order)}.values())
    n_of = {int(owners[row]): 1 for row in chosen}
    for row in order:
        if len(chosen) >= breadth.n_sentences:
            break
        owner = int(owners[row])
        if row not in chosen and n_of[owner] < breadth.n_each:
            chosen.append(row)
            n_of[owner] += 1
    return np.array(sorted(chosen, key=lambda row: (-scores[row], row)), np.int64)


def reordered(found: Sequence[float], best_read: FloatArray) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The hits' order, best first, and their scores by hit, each in [0, 1].

    A weighted mean of the search's score and of exp((best_read - its maximum) / READ_SCALE).
    """
    read = np.exp((best_read - best_read.max()) / READ_SCALE)
    scores = ((1 - PAPER_SHARE) * np.asarray(found) + PAPER_SHARE * read).astype(np.float32)
    return np.argsort(-scores, kind="stable").astype(np.int64), scores


def weighed(
    order: npt.NDArray[np.int64], scores: FloatArray, whole: FloatArray, unread: float = math.inf
) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Order and scores with what was read of the first papers' abstracts, and what each hit's sentences gain by it.

    ``whole`` has the log-odds of the first hits of ``order``; the others are taken to be as
    unlikely as the less likely of these, and no likelier than ``unread``.
    """
    n_whole = len(whole)
    bounded = np.clip(whole, -MAX_WHOLE, MAX_WHOLE)
    likely = np.full(len(scores), min(bounded.min(), unread), np.float32)
    likely[order[:n_whole]] = bounded
    better = np.argsort(-(scores[order[:n_whole]] + WHOLE_SHARE * bounded), kind="stable")
    order, kept = order.copy(), scores[order[:n_whole]]
    order[:n_whole] = order[:n_whole][better]
    scores = scores.copy()
    scores[order[:n_whole]] = kept  # so that they still fall along the order
    return order, scores, likely


def best_spans(
    hits: Sequence[Hit], evidence: Evidence, *, at_most: int | None = None, within: float = math.inf
) -> dict[str, list[Span]]:
    """The ranked sentences of each chunk by its id, best first: at most MAX_BEST of a chunk.

    Of all of them together ``at_most``, none of which scores ``within`` or more below the best.
    """
    spans: dict[str, list[Span]] = {}
    n_chosen = 0
    for sentence in evidence.sentences:
        if n_chosen == at_most or sentence.score <= evidence.sentences[0].score - within:
            break
        own = spans.setdefault(hits[sentence.hit].chunk.chunk_id, [])
        if len(own) < MAX_BEST:
            own.append(sentence.span)
            n_chosen += 1
    return spans


def reading_features(
    question: str,
    hits: Sequence[Hit],
    table: FloatArray,
    scores: FloatArray,
    rows: npt.NDArray[np.int64],
    read: FloatArray,
    combined: FloatArray,
    whole: FloatArray,
) -> FloatArray:
    """What is weighed to decide whether the question is answered; see ``features.reranked_features``."""
    n_rows = ends(hits[:MAX_HITS])[-1]
    plain = answer_features(question, hits[:MAX_HITS], table[:n_rows], scores[:n_rows])
    best = candidate(hits, places_of(hits)[rows[int(combined.argmax())]])
    return reranked_features(plain, read, lacks_number(question, best.sentence), float(whole.max()))


def _ranked(
    places: Sequence[tuple[int, Span]], scores: FloatArray, read: Sequence[float | None] | None = None
) -> tuple[RankedSentence, ...]:
    values = scores.tolist()
    best_first = sorted(range(len(values)), key=values.__getitem__, reverse=True)  # equal ones stay in their order
    return tuple(RankedSentence(*places[row], values[row], None if read is None else read[row]) for row in best_first)


def _defining_first(
    question: str, hits: Sequence[Hit], ranked: tuple[RankedSentence, ...]
) -> tuple[RankedSentence, ...]:
    """The same; where it is asked what a thing is, a sentence that says so leads: the first hit's if it has one."""
    definition = definition_asked(question)
    if definition is None:
        return ranked
    defining = [one for one in ranked if definition.match(one.span.of(hits[one.hit].paper.abstract))]
    if not defining:
        return ranked
    best = min(defining, key=lambda one: one.hit > 0)
    return (best._replace(score=ranked[0].score), *(other for other in ranked if other is not best))


@dataclass(frozen=True, slots=True)
class _Weights:
    sentence: FloatArray
    answer: FloatArray
    reranked: FloatArray


def sentence_weights() -> FloatArray:
    """float32 (n_features,): what each of ``sentence_features`` counts."""
    return _weights().sentence


@functools.cache
def _weights() -> _Weights:
    written = json.loads(resources.files("rag").joinpath("models/evidence.json").read_text("utf-8"))
    return _Weights(*(np.array(written[name], np.float32) for name in ("sentence", "answer", "reranked")))
