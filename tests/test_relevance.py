"""Which of the found papers belong into a list, on the papers that ship."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command import first_papers

from rag.answer.relevance import FEATURES, features, log_odds
from rag.library import Library
from rag.pipeline import ask
from rag.retrieval import look
from rag.retrieval.evidence import MANY, Evidence

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(first_papers(62))
        yield library


def test_there_is_a_row_for_each_hit_and_none_for_no_hits(pile: Library) -> None:
    found = look(pile, "recommender systems", k=12, breadth=MANY)
    assert features("recommender systems", found.hits, found.evidence).shape == (12, len(FEATURES))
    assert log_odds("recommender systems", (), Evidence((), 0.0)).shape == (0,)


def test_the_papers_on_a_topic_fit_and_most_others_do_not(pile: Library) -> None:
    found = look(pile, "recommender systems", k=12, breadth=MANY)
    fits = [
        hit.paper.title
        for hit, own in zip(found.hits, log_odds("recommender systems", found.hits, found.evidence), strict=True)
        if own > 0
    ]
    assert any("Recommend" in title for title in fits)
    assert len(fits) <= 6


def test_a_topic_that_no_paper_is_about_is_neither_listed_nor_summarised(pile: Library) -> None:
    for question in ("Which papers are about volcanic eruptions?", "Summarise the papers on medieval poetry"):
        answer = ask(pile, question)
        assert answer.outcome == "abstained", (question, answer.text)


def test_a_name_that_one_abstract_has_is_found_there(pile: Library) -> None:
    answer = ask(pile, "Which papers evaluate on ImageNet?")
    assert [claim.citations[0].title.partition(" via")[0] for claim in answer.claims] == ["Meta Pruning"]
    assert "ImageNet" in answer.claims[0].text
