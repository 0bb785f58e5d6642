"""Why a paper was found."""

from __future__ import annotations

from rag.library import Library
from rag.retrieval import search
from rag.retrieval.explaining import explain


def test_a_hit_says_which_words_matched_where_and_which_sentence_came_nearest(seed_library: Library) -> None:
    question = "What does FBLNet do for predicting the attention of drivers?"
    hit = search(seed_library, question, k=1)[0]
    found = explain(question, hit)
    assert found.in_title[0] == "FBLNet"
    assert {"attention", "drivers"} <= set(found.in_title)
    assert "predicting" in found.in_title
    assert found.nearest in hit.paper.abstract and found.nearest
    assert found.dense_rank == found.lexical_rank == 1
    assert found.in_words().startswith("its title has “FBLNet”")
    assert "number 1 by words; number 1 by meaning" in found.in_words()


def test_words_that_only_ask_do_not_count_as_matches(seed_library: Library) -> None:
    hit = search(seed_library, "what is the hypernetworks paper about?", k=1)[0]
    found = explain("what is the hypernetworks paper about?", hit)
    assert found.in_title == ("hypernetworks",)


def test_a_hit_of_one_side_says_so(seed_library: Library) -> None:
    from rag.retrieval import CONFIGURATIONS

    hit = search(seed_library, "hypernetworks", k=1, settings=CONFIGURATIONS["lexical"])[0]
    found = explain("hypernetworks", hit)
    assert (found.dense_rank, found.lexical_rank, found.nearest) == (None, 1, "")
