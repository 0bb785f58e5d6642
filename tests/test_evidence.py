"""Which sentences answer, and whether any does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from rag.embedding import FloatArray
from rag.evidence import RERANKED, asks_for_several, best_spans, rank_sentences, to_read_again
from rag.library import Library
from rag.reranker import BUNDLED, Candidate
from rag.retrieval import embed, find
from rag.types import Hit

QUESTION = "By how much did Love Reactions rise in live A/B tests?"


class Scripted:
    """A reranker that likes one word, and remembers what it was asked."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.calls: list[list[Candidate]] = []

    def scores(self, question: str, candidates: Sequence[Candidate]) -> FloatArray:
        self.calls.append(list(candidates))
        return np.array([20.0 if self.word in c.sentence else -5.0 for c in candidates], np.float32)


def found(library: Library, question: str, k: int = 6) -> tuple[FloatArray, tuple[Hit, ...]]:
    vector = embed(library, question)
    return vector, find(library, question, vector, k=k)


def test_the_answering_sentence_of_a_shipped_paper_comes_first(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    evidence = rank_sentences(QUESTION, vector, hits, BUNDLED)
    best = evidence.sentences[0]
    assert "28% increase in Love Reactions" in best.span.of(hits[best.hit].paper.abstract)
    assert evidence.log_odds > 0


def test_without_a_reranker_the_plain_features_find_it_too(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    evidence = rank_sentences(QUESTION, vector, hits)
    quotes = [s.span.of(hits[s.hit].paper.abstract) for s in evidence.sentences[:3]]
    assert any("28% increase" in quote for quote in quotes)


def test_every_sentence_is_ranked_once_and_scores_fall(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    for reranker in (None, BUNDLED):
        evidence = rank_sentences(QUESTION, vector, hits, reranker)
        places = [(s.hit, s.span) for s in evidence.sentences]
        assert sorted(places, key=str) == sorted(
            ((index, span) for index, hit in enumerate(hits[:3]) for span in hit.chunk.sentences), key=str
        )
        scores = [s.score for s in evidence.sentences]
        assert scores == sorted(scores, reverse=True)


def test_the_reranker_reads_a_bounded_number_with_their_titles_and_has_the_last_word(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    scripted = Scripted("reward hacking")
    evidence = rank_sentences(QUESTION, vector, hits, scripted)
    assert len(scripted.calls) == 1 and len(scripted.calls[0]) == RERANKED
    assert {c.title for c in scripted.calls[0]} <= {hit.paper.title for hit in hits}
    best = evidence.sentences[0]
    assert "reward hacking" in best.span.of(hits[best.hit].paper.abstract)


def test_no_hits_is_no_evidence() -> None:
    evidence = rank_sentences("anything", np.zeros(384, np.float32), ())
    assert evidence.sentences == () and evidence.log_odds == -math.inf


@pytest.mark.parametrize(
    "question",
    ["Who are the authors of FBLNet?", "What batch size was used to train PyMAF-X?", "boiling point of ethanol"],
)
def test_what_abstracts_do_not_say_is_unlikely_to_be_answered(seed_library: Library, question: str) -> None:
    vector, hits = found(seed_library, question)
    assert rank_sentences(question, vector, hits, BUNDLED).log_odds < 0


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


def test_where_several_papers_are_wanted_each_of_them_is_read() -> None:
    scores = np.array([9, 8, 7, 6, 5, 1], np.float32)
    owners = [0, 0, 0, 0, 0, 1]
    assert list(to_read_again(scores, owners, several=True)) == [0, 1, 5]
    assert list(to_read_again(scores, owners, several=False)) == [0, 1, 2, 3, 4, 5]


def test_best_spans_are_sentences_of_their_chunk_and_few(seed_library: Library) -> None:
    vector, hits = found(seed_library, QUESTION)
    best = best_spans(hits, rank_sentences(QUESTION, vector, hits, BUNDLED))
    for hit in hits[:3]:
        spans = best[hit.chunk.chunk_id]
        assert 1 <= len(spans) <= 3 and set(spans) <= set(hit.chunk.sentences)
