"""From a question to hits."""

from __future__ import annotations

import pytest
from hashing import HashingEmbedder

from rag.library import Library
from rag.retrieval import CONFIGURATIONS, look, search
from rag.retrieval.evidence import ONE
from rag.retrieval.fusion import fuse


def test_a_chunk_best_on_every_side_scores_one_and_one_found_nowhere_near_scores_little() -> None:
    scores = fuse({"a": 0.8, "b": 0.4, "c": -0.2}, {"a": 0.9, "b": 0.3, "c": 0.0}, {"a": 12.0, "b": 3.0})
    assert scores["a"] == pytest.approx(1.0)
    # 0.2 * 0.4/0.8 + 0.5 * 0.3/0.9 + 0.3 * 3/12
    assert scores["b"] == pytest.approx(0.1 + 0.5 / 3 + 0.075)
    assert scores["c"] == 0.0


def test_with_no_shared_word_the_meaning_alone_decides() -> None:
    scores = fuse({"a": 0.2, "b": 0.4}, {"a": 0.2, "b": 0.4}, {})
    assert scores == {"a": pytest.approx(0.5), "b": pytest.approx(1.0)}


def test_with_no_vectors_the_words_alone_decide() -> None:
    assert fuse({}, {}, {"a": 12.0, "b": 3.0}) == {"a": 1.0, "b": 0.25}


def test_nothing_found_is_nothing_fused() -> None:
    assert fuse({}, {}, {}) == {}


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("predicting where drivers look", "FBLNet"),
        ("P[Love] reward model", "Reinforcement Learning from User Feedback"),
        ("Life, uh, Finds a Way", "Life, uh, Finds a Way"),
        ("hypernetworks review", "A Brief Review of Hypernetworks"),
    ],
)
def test_the_right_paper_comes_first(seed_library: Library, question: str, title: str) -> None:
    assert search(seed_library, question)[0].paper.title.startswith(title)


def test_hits_are_papers_each_once_best_first_with_where_they_came_from(seed_library: Library) -> None:
    hits = search(seed_library, "learning rules inspired by the brain", k=20)
    ids = [hit.paper.paper_id for hit in hits]
    assert len(ids) == 20 == len(set(ids))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert hit.origins and len({origin.side for origin in hit.origins}) == len(hit.origins)
        assert all(origin.rank >= 1 for origin in hit.origins)


def test_the_title_counts(seed_library: Library) -> None:
    hit = search(seed_library, "Need is All You Need", k=1)[0]
    assert hit.paper.title.startswith("Need is All You Need")
    assert ("lexical", 1) in {(origin.side, origin.rank) for origin in hit.origins}


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_a_blank_question_finds_nothing(seed_library: Library, question: str) -> None:
    assert search(seed_library, question) == ()


@pytest.mark.parametrize(
    "question", ['title:"', "AND OR (", "*", '"', "\x00\x1b[2J", "?!.,;", "a", "the of and", "x" * 20_000]
)
def test_query_syntax_and_rubbish_are_only_words(seed_library: Library, question: str) -> None:
    assert len(search(seed_library, question)) <= 10


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_configuration_finds_the_paper_and_says_by_what(seed_library: Library, name: str) -> None:
    settings = CONFIGURATIONS[name]
    hits = search(seed_library, "counter-current learning", k=5, settings=settings)
    assert hits[0].paper.title.startswith("Counter-Current Learning")
    sides = {origin.side for hit in hits for origin in hit.origins}
    assert ("dense" in sides, "lexical" in sides) == (settings.dense, settings.lexical)


def test_words_alone_need_no_embedding(seed_library: Library) -> None:
    with Library.open(seed_library.path, embedder=HashingEmbedder()) as library:
        hits = search(library, "counter-current learning", settings=CONFIGURATIONS["lexical"])
    assert hits[0].paper.title.startswith("Counter-Current Learning")


def test_reading_changes_the_order_of_the_first_hits_only_and_none_gets_lost(seed_library: Library) -> None:
    question = "learning rules inspired by the brain"
    read = search(seed_library, question, k=20)
    plain = search(seed_library, question, k=20, reranker=None)
    assert {hit.paper.paper_id for hit in read[: ONE.n_read]} == {hit.paper.paper_id for hit in plain[: ONE.n_read]}
    assert [hit.paper.paper_id for hit in read[ONE.n_read :]] == [hit.paper.paper_id for hit in plain[ONE.n_read :]]
    assert all(0.0 <= hit.score <= 1.0 for hit in read)


def test_the_hits_of_a_search_are_those_that_an_answer_rests_on(seed_library: Library) -> None:
    question = "how is driver attention predicted?"
    found = look(seed_library, question, k=6)
    assert found.hits == search(seed_library, question, k=6)
    assert all(sentence.hit < 6 for sentence in found.evidence.sentences)
