"""The sentence that shows why a paper is listed under a topic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.answer.telling import (
    FEATURES,
    N_READ,
    contribution,
    features,
    most_telling,
    telling_sentences,
)
from rag.retrieval.evidence import Evidence, RankedSentence
from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Text
from rag.sentences import split_sentences
from rag.types import Chunk, Hit, Paper, Span

PRUNING = (
    "Networks are large and costly to run on a phone. We propose to prune networks with another network. "
    "It was tried on CIFAR10 and on ImageNet with two designs. The code is there for all."
)


def hit(abstract: str, paper_id: str = "p") -> Hit:
    chunk = Chunk(f"{paper_id}#0", paper_id, 0, Span(0, len(abstract)), tuple(split_sentences(abstract)), 40)
    return Hit(Paper(paper_id, "Meta Pruning", abstract), chunk, 1.0, ())


def told(abstract: str, topic: str) -> str:
    return most_telling(hit(abstract), topic).of(abstract)


class Likes:
    """A reranker that likes one word, and remembers what it read."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.read: list[str] = []

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        sentences = [one.sentence for one in texts if isinstance(one, Candidate)]
        self.read += sentences
        return np.array([6.0 if self.word in one else -6.0 for one in sentences], np.float32)


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


def test_what_a_paper_does_is_the_first_sentence_that_says_so() -> None:
    does = contribution(hit("Tides are high. We present a tide gauge of wood. We present a tide gauge of clay."))
    assert does is not None and does.start == len("Tides are high. ")
    assert contribution(hit("Waves are high.")) is None
    assert contribution(hit("Tides are high. We used an ablation study to show why.")) is None
    assert contribution(hit("Tides are high. We also study storms.")) is not None


def test_what_the_reranker_reads_decides_among_the_likeliest() -> None:
    hits = {0: hit(PRUNING), 4: hit("Tides are high. We present a tide gauge. It is made of wood and clay.", "tides")}
    nothing = Evidence((), 0.0)
    without = telling_sentences("pruning networks", hits, nothing, None)
    assert [span.of(hits[at].paper.abstract)[:10] for at, span in without.items()] == ["We propose", "We present"]
    reranker = Likes("designs")
    read = telling_sentences("pruning networks", hits, nothing, reranker)
    assert [span.of(hits[at].paper.abstract)[:12] for at, span in read.items()] == ["It was tried", "We present a"]
    assert len(reranker.read) == 2 * N_READ and "The code is there for all." not in reranker.read


def test_a_sentence_that_was_read_for_the_evidence_is_not_read_again() -> None:
    one, reranker = hit(PRUNING), Likes("nothing")
    last = one.chunk.sentences[-1]
    known = Evidence((RankedSentence(0, last, 1.0, 9.0), RankedSentence(0, one.chunk.sentences[1], 0.0, -9.0)), 0.0)
    assert telling_sentences("pruning networks", {0: one}, known, reranker) == {0: last}
    assert len(reranker.read) == N_READ - 1 and last.of(PRUNING) not in reranker.read


def test_there_is_a_row_for_each_sentence_and_none_for_none() -> None:
    assert features(("One.", "Two."), "two").shape == (2, len(FEATURES))
    assert features((), "two").shape == (0, len(FEATURES))
