"""Which sentences answer, and whether any does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rag.chunks import split
from rag.embedding import FloatArray
from rag.library import Library
from rag.pipeline import ask
from rag.retrieval.evidence import (
    BESIDE_COSTS,
    ONE,
    READ_HITS,
    SEVERAL,
    WHOLE_BEHIND,
    Evidence,
    RankedSentence,
    best_spans,
    rank_sentences,
    read_again,
    reordered,
    to_read,
    weighed,
)
from rag.retrieval.question import asks_beside, asks_for_several
from rag.retrieval.reranker import BUNDLED, Abstract, Candidate, Reranker, Text
from rag.retrieval.searching import embed, find, look
from rag.types import Hit, Paper

QUESTION = "By how much did Love Reactions rise in live A/B tests?"


class Scripted:
    """A reranker that likes one word, and remembers what it was asked."""

    def __init__(self, word: str, whole: float = 0.0) -> None:
        self.word = word
        self.whole = whole
        self.calls: list[list[Candidate]] = []
        self.abstracts: list[Abstract] = []

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        candidates = [one for one in texts if isinstance(one, Candidate)]
        if candidates:
            self.calls.append(candidates)
        self.abstracts += [one for one in texts if isinstance(one, Abstract)]
        return np.array([self.score(one) if isinstance(one, Candidate) else self.whole for one in texts], np.float32)

    def score(self, candidate: Candidate) -> float:
        return 20.0 if self.word in candidate.sentence else -5.0


class LikesPaper(Scripted):
    """Likes every sentence of the paper with a title."""

    def score(self, candidate: Candidate) -> float:
        return 50.0 if self.word == candidate.title else -50.0


def found(library: Library, question: str, k: int = 6) -> tuple[FloatArray, tuple[Hit, ...]]:
    vector = embed(library, question)
    return vector, find(library, question, vector, k=k)


def read(library: Library, question: str, reranker: Reranker = BUNDLED) -> tuple[tuple[Hit, ...], Evidence]:
    vector, hits = found(library, question, READ_HITS)
    return read_again(question, vector, hits, reranker)


def test_the_answering_sentence_of_a_shipped_paper_comes_first(seed_library: Library) -> None:
    hits, evidence = read(seed_library, QUESTION)
    best = evidence.sentences[0]
    assert "28% increase in Love Reactions" in best.span.of(hits[best.hit].paper.abstract)
    assert evidence.log_odds > 0


def test_without_a_reranker_the_plain_features_find_it_too(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    evidence = rank_sentences(QUESTION, vector, hits)
    quotes = [s.span.of(hits[s.hit].paper.abstract) for s in evidence.sentences[:3]]
    assert any("28% increase" in quote for quote in quotes)


def test_where_it_is_asked_what_a_thing_is_the_sentence_that_says_so_comes_first(seed_library: Library) -> None:
    question = "What is a hypernetwork, in simple words?"
    vector, hits = found(seed_library, question)
    for papers, evidence in ((hits, rank_sentences(question, vector, hits)), read(seed_library, question)):
        best = evidence.sentences[0]
        assert best.span.of(papers[best.hit].paper.abstract).startswith("Hypernetworks, ")
        scores = [sentence.score for sentence in evidence.sentences]
        assert scores == sorted(scores, reverse=True)
        assert len({(one.hit, one.span) for one in evidence.sentences}) == len(scores)


def test_every_sentence_of_the_first_hits_is_ranked_once_and_scores_fall(seed_library: Library) -> None:
    vector, plain = found(seed_library, QUESTION)
    for hits, evidence in ((plain, rank_sentences(QUESTION, vector, plain)), read(seed_library, QUESTION)):
        places = [(s.hit, s.span) for s in evidence.sentences]
        assert sorted(places, key=str) == sorted(
            ((index, span) for index, hit in enumerate(hits[:3]) for span in hit.chunk.sentences), key=str
        )
        scores = [s.score for s in evidence.sentences]
        assert scores == sorted(scores, reverse=True)


def test_the_reranker_reads_a_bounded_number_of_every_hit_and_has_the_last_word(seed_library: Library) -> None:
    scripted = Scripted("reward hacking")
    vector, plain = found(seed_library, QUESTION, READ_HITS)
    hits, evidence = read_again(QUESTION, vector, plain, scripted, replace(ONE, behind=math.inf))
    (candidates,) = scripted.calls
    assert len(candidates) == ONE.n_sentences
    assert {c.title for c in candidates} == {hit.paper.title for hit in plain[: ONE.n_read]}
    best = evidence.sentences[0]
    assert "reward hacking" in best.span.of(hits[best.hit].paper.abstract)


def test_what_was_found_far_behind_is_not_read_and_keeps_its_place(seed_library: Library) -> None:
    scripted = Scripted("reward hacking")
    vector, plain = found(seed_library, QUESTION, READ_HITS)
    hits, evidence = read_again(QUESTION, vector, plain, scripted)
    near = [hit for hit in plain[: ONE.n_read] if hit.score >= plain[0].score - ONE.behind]
    assert 0 < len(near) < ONE.n_read, "the question has papers on both sides of the bound"
    assert {c.title for (candidates) in scripted.calls for c in candidates} == {hit.paper.title for hit in near}
    assert [hit.paper for hit in hits[len(near) :]] == [hit.paper for hit in plain[len(near) :]]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    told = {sentence.hit for sentence in evidence.sentences if sentence.read is not None}
    assert told == set(range(len(near)))


def test_a_near_paper_whose_sentence_answers_comes_first(seed_library: Library) -> None:
    question = "How is human feedback used to align language models?"
    _, plain = found(seed_library, question, READ_HITS)
    second = plain[1]
    hits, evidence = read(seed_library, question, LikesPaper(second.paper.title))
    assert hits[0].paper == second.paper
    assert evidence.sentences[0].hit == 0
    assert {hit.paper.paper_id for hit in hits} == {hit.paper.paper_id for hit in plain}


def test_of_the_first_papers_the_whole_abstract_is_read_and_it_counts(seed_library: Library) -> None:
    says, does_not = Scripted("28%", whole=6.0), Scripted("28%", whole=-6.0)
    hits, evidence = read(seed_library, QUESTION, says)
    assert [one.title for one in says.abstracts] == [hits[0].paper.title], "the second is far behind"
    assert " ".join(says.abstracts[0].sentences) == hits[0].paper.abstract
    assert evidence.log_odds > read(seed_library, QUESTION, does_not)[1].log_odds + 1


def test_the_abstract_of_a_paper_that_leads_only_by_its_sentences_is_read_then(seed_library: Library) -> None:
    question = "How is human feedback used to align language models?"
    _, plain = found(seed_library, question, READ_HITS)
    second = plain[1]
    likes = LikesPaper(second.paper.title)
    assert second.score < plain[0].score - WHOLE_BEHIND
    hits, _ = read(seed_library, question, likes)
    assert hits[0].paper == second.paper
    assert [one.title for one in likes.abstracts] == [plain[0].paper.title, second.paper.title]


def test_where_several_papers_are_wanted_none_is_preferred_for_its_whole_abstract(seed_library: Library) -> None:
    reranker = Scripted("feedback", whole=6.0)
    read(seed_library, "Which papers use human feedback?", reranker)
    assert len(reranker.abstracts) == 1


def test_a_second_paper_that_says_more_of_it_comes_first_with_its_sentences() -> None:
    order, scores = np.array([2, 0, 1]), np.array([0.6, 0.2, 0.7], np.float32)
    new_order, new_scores, likely = weighed(order, scores, np.array([-3.0, 9.0], np.float32))
    assert new_order.tolist() == [0, 2, 1]
    assert new_scores.tolist() == pytest.approx([0.7, 0.2, 0.6]), "scores fall along the order"
    assert likely.tolist() == [6.0, -3.0, -3.0], "bounded, and what was not read is as unlikely as the least"
    assert weighed(order, scores, np.array([3.0], np.float32), -2.0)[2].tolist() == [-2.0, -2.0, 3.0]
    assert order.tolist() == [2, 0, 1] and scores.tolist() == pytest.approx([0.6, 0.2, 0.7]), "left as they were"
    assert weighed(order, scores, np.array([1.0, 1.5], np.float32))[0].tolist() == [2, 0, 1], (
        "a little more is not enough"
    )


def test_no_hits_is_no_evidence() -> None:
    evidence = rank_sentences("anything", np.zeros(384, np.float32), ())
    assert evidence.sentences == () and evidence.log_odds == -math.inf
    assert read_again("anything", np.zeros(384, np.float32), (), BUNDLED) == ((), evidence)


@pytest.mark.slow
@pytest.mark.parametrize(
    "question",
    ["Who are the authors of FBLNet?", "What batch size was used to train PyMAF-X?", "boiling point of ethanol"],
)
def test_what_abstracts_do_not_say_is_unlikely_to_be_answered(seed_library: Library, question: str) -> None:
    assert read(seed_library, question)[1].log_odds < 0


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Which papers are about hypernetworks?", True),
        ("Compare the bandit papers.", True),
        ("What alternatives to backpropagation are there?", True),
        ("What is the stability gap?", False),
        ("How is driver attention predicted?", False),
    ],
)
def test_a_wish_for_several_papers_is_read_from_the_question(question: str, several: bool) -> None:
    assert asks_for_several(question) is several


def test_of_each_hit_one_sentence_is_read_and_where_several_are_wanted_two_at_most() -> None:
    scores = np.array([9, 8, 7, 6, 5, 1], np.float32)
    owners = np.array([0, 0, 0, 0, 0, 1])
    assert list(to_read(scores, owners, SEVERAL)) == [0, 1, 5]
    assert list(to_read(scores, owners, ONE)) == [0, 1, 2, 3, 4, 5]
    many = np.arange(100, 0, -1).astype(np.float32)
    rows = to_read(many, np.repeat([0, 1], 50), ONE)
    assert list(rows) == [*range(ONE.n_sentences - 1), 50]


def test_a_paper_keeps_its_place_unless_another_is_read_as_better() -> None:
    order, scores = reordered([1.0, 0.9, 0.5], np.array([2.0, 2.0, 2.0], np.float32))
    assert list(order) == [0, 1, 2] and list(scores) == [pytest.approx(x) for x in (1.0, 0.93, 0.65)]
    order, scores = reordered([1.0, 0.9], np.array([-30.0, 2.0], np.float32))
    assert list(order) == [1, 0] and scores[1] == pytest.approx(0.93) and scores[0] == pytest.approx(0.7, abs=0.01)


def test_best_spans_are_sentences_of_their_chunk_and_few(seed_library: Library) -> None:
    hits, evidence = read(seed_library, QUESTION)
    best = best_spans(hits, evidence)
    for hit in hits[:3]:
        spans = best[hit.chunk.chunk_id]
        assert 1 <= len(spans) <= 3 and set(spans) <= set(hit.chunk.sentences)


def test_best_spans_can_be_bounded_together_and_by_how_far_they_lie_below_the_best() -> None:
    hits = [made_hit("a"), made_hit("b")]
    scores = (9.0, 8.0, 5.0, 4.0)
    places = ((0, 1), (1, 0), (0, 0), (1, 1))
    evidence = Evidence(
        tuple(
            RankedSentence(hit, hits[hit].chunk.sentences[at], score)
            for (hit, at), score in zip(places, scores, strict=True)
        ),
        1.0,
    )

    def n_of(**bounds: Any) -> list[int]:
        best = best_spans(hits, evidence, **bounds)
        return [len(best.get(hit.chunk.chunk_id, ())) for hit in hits]

    assert n_of() == [2, 2]
    assert n_of(at_most=3) == [2, 1]
    assert n_of(within=4.0) == [1, 1]
    assert n_of(at_most=1, within=4.0) == [1, 0]


def made_hit(paper_id: str) -> Hit:
    paper = Paper(paper_id, paper_id, "Kelp grows. Kelp sinks.")
    return Hit(paper, split(paper)[0], 1.0, ())


@pytest.mark.parametrize(
    ("question", "paper", "beside"),
    [
        ("What batch size was used?", "We train a network.", True),
        ("What batch size was used?", "We train with a batch of 64.", False),
        ("What licence is the package released under?", "A package for Python.", True),
        ("When was it published?", "A package for Python.", True),
        ("And which graphics cards did they train it on?", "We train a network.", True),
        ("How many layers does it have?", "A network of twelve layers.", False),
        ("When was the effect seen in mice?", "Mice were seen at night.", False),
    ],
)
def test_what_abstracts_hardly_ever_give_is_known(question: str, paper: str, beside: bool) -> None:
    assert asks_beside(question, paper) is beside


@pytest.mark.slow
@pytest.mark.parametrize("reranker", [None, BUNDLED])
def test_such_a_question_loses_what_would_make_an_answer_of_it(seed_library: Library, reranker: Any) -> None:
    def log_odds(question: str) -> float:
        return look(seed_library, question, k=3, reranker=reranker).evidence.log_odds

    named, beside = "What is the pyhgf package written in?", "What licence is the pyhgf package released under?"
    assert log_odds(beside) < log_odds(named) - BESIDE_COSTS
    assert ask(seed_library, beside, reranker=reranker).outcome == "abstained"
