"""The sentence that shows why a paper is listed under a topic."""

from __future__ import annotations

import pytest

from rag.answer.telling import FEATURES, features, most_telling
from rag.sentences import split_sentences
from rag.types import Chunk, Hit, Paper, Span

PRUNING = (
    "Networks are large and costly to run on a phone. We propose to prune networks with another network. "
    "It was tried on CIFAR10 and on ImageNet with two designs. The code is there for all."
)


def told(abstract: str, topic: str) -> str:
    spans = tuple(split_sentences(abstract))
    chunk = Chunk("p#0", "p", 0, Span(0, len(abstract)), spans, 40)
    return most_telling(Hit(Paper("p", "Meta Pruning", abstract), chunk, 1.0, ()), topic).of(abstract)


@pytest.mark.parametrize(
    ("topic", "begins"),
    [
        ("ImageNet", "It was tried"),
        ("pruning networks", "We propose"),
        ("phones", "Networks are large"),
        ("medieval poetry", "We propose"),
        ("", "We propose"),
    ],
)
def test_the_topics_words_count_and_then_what_the_paper_does(topic: str, begins: str) -> None:
    assert told(PRUNING, topic).startswith(begins)


def test_of_two_contributions_the_first_tells_more() -> None:
    abstract = "Tides are high. We present a tide gauge of wood. We present a tide gauge of clay."
    assert told(abstract, "music") == "We present a tide gauge of wood."


def test_there_is_a_row_for_each_sentence_and_none_for_none() -> None:
    assert features(("One.", "Two."), "two").shape == (2, len(FEATURES))
    assert features((), "two").shape == (0, len(FEATURES))
