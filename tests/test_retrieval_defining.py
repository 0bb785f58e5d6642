"""'What is ...?' is answered by a sentence that begins by saying so."""

from __future__ import annotations

import pytest

from rag.retrieval.defining import definition_asked

SENTENCES = (
    "Kelp is fast.",
    "We grow it.",
    "Hypernetworks are trained.",
    "Kelp is a brown seaweed.",
    "Hypernetworks, networks that make weights, are small.",
    "Weight is lost.",
    "Reward drift (RD), or creep, refers to falling rewards.",
    "Tide-pools are rocky hollows where water stays.",
)


@pytest.mark.parametrize(
    ("question", "defines"),
    [
        ("What is kelp?", 3),
        ("what are hypernetworks", 4),
        ("What is a hypernetwork, in simple words?", 4),
        ("What is meant by reward drift?", 6),
        ("What's a tide pool?", 7),
    ],
)
def test_the_sentence_that_says_what_a_thing_is_is_known_by_how_it_begins(question: str, defines: int) -> None:
    begins = definition_asked(question)
    assert begins is not None
    assert [at for at, sentence in enumerate(SENTENCES) if begins.match(sentence)] == [defines]


@pytest.mark.parametrize("question", ["What is the yield of kelp?", "What is weight?", "What is a pool?", "What is (?"])
def test_what_no_sentence_defines_is_defined_by_none(question: str) -> None:
    begins = definition_asked(question)
    assert begins is None or not any(begins.match(sentence) for sentence in SENTENCES)


@pytest.mark.parametrize("question", ["How fast is kelp?", "What do hypernetworks do?", "Is kelp a seaweed?", ""])
def test_other_questions_ask_for_no_definition(question: str) -> None:
    assert definition_asked(question) is None
