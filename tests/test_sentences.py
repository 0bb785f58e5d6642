"""Sentences: every mistake here becomes a quote that begins or ends in the wrong place."""

import random
import time
from pathlib import Path

import pytest

import rag
from rag.sentences import split_sentences

SEED = Path(rag.__file__).parent / "data" / "daily_papers.txt"


def sentences(text: str) -> list[str]:
    return [span.of(text) for span in split_sentences(text)]


@pytest.mark.parametrize(
    "whole",
    [
        "It was shown (Gandhi et al., 2025) for GPT-4.5 and v1.2 at 0.5 of 3.14.",
        "See Fig. 3, Figs. 4 and 5, Eq. (2), Sec. 2.4 and Ref. [3] of vol. 5, pp. 3-5, No. 7.",
        "Models, e.g. BERT, i.e. Transformers, cf. Smith, vs. RNNs, approx. 5, resp. 7, w.r.t. size.",
        "The proof by J. Smith, A. B. Jones and P. Hall for Dr. Who of the U.S. Army in St. Louis.",
        "Use e.g.(x), Python.org, torch.Tensor and https://github.com/x/y.Z here.",
        "The law $x_i. Y$ and \\cite{a. B} and $$a. B$$ hold for $n!$ Ways.",
        'The robot asks "Why? How? When?" and then (really! Yes!) leaves.',
        "Life, uh... finds a way, and so does Yahoo! Answers.",
        "It holds (as in the book. Chapter 3 has more.) for all of them.",
        "1. First we measure.",
        "We follow Smith et al. [3] and Jones et al. (2020) here.",
        "Published in Phys. Rev. Lett. 119 and J. Math. Phys. 230 later.",
    ],
)
def test_these_are_one_sentence(whole):
    assert sentences(whole) == [whole]


@pytest.mark.parametrize(
    "parts",
    [
        ["It holds in many areas.", "However, the rest fails."],
        ["Code is at https://github.com/x/y.", "We thank all."],
        ["It has “skin in the game.”", "Next comes more."],
        ['He asks "Why?"', "She answers."],
        ["(This is a remark.)", "This is not."],
        ["It works (1) here and (2) there.", "(3) It ends."],
        ["It happened in 2019.", "35 patients took part."],
        ["We use vitamin C.", "The effect is small."],
        ["This follows Smith et al.", "The rest is new."],
        ["It costs $5.", "It sells for $10."],
        ["So $x=1$.", "Then $y=2$."],
        ["This is known.", "p53 and others bind."],
        ["This is known.", "mRNA decays."],
        ["Is it so?", "It is!", "Good."],
        ["Wait...", "The end."],
        ["Detached .", "Next one ."],
        ["The answer is no.", "We say so."],
        ["A point at p < .05.", "The end."],
        ["今天下雨。", "明天呢？", "好！"],
        ["यह एक है।", "वह दो है।"],
        ["نص أول.", "هل هذا ثان؟", "ثالث."],
    ],
)
def test_these_are_several_sentences(parts):
    assert sentences(" ".join(parts)) == parts


def test_a_missing_space_does_not_join_sentences():
    assert sentences("We cover many areas.However, the rest (fails).We stop.") == [
        "We cover many areas.",
        "However, the rest (fails).",
        "We stop.",
    ]


def test_a_blank_line_ends_a_sentence_and_a_line_break_does_not():
    assert sentences("A heading\n\nText that is\nwrapped. End") == ["A heading", "Text that is\nwrapped.", "End"]


def test_blank_text_has_no_sentences():
    assert split_sentences("") == split_sentences(" \n\t ") == ()


def assert_covers(text: str) -> None:
    position = 0
    for span in split_sentences(text):
        assert position <= span.start < span.end <= len(text)
        assert not text[position : span.start].strip(), "something visible lies between two sentences"
        assert span.of(text) == span.of(text).strip()
        position = span.end
    assert not text[position:].strip()


def test_every_visible_character_is_in_exactly_one_sentence_of_any_text():
    generator = random.Random(7)
    alphabet = [
        *"ab AB.!?…,()[]{}\"'“”$\\\n\t0 1。।`~",
        "e.g.",
        "et al.",
        "\u200f",
        "\u200b",
        "The ",
        "\n\n",
        ". ",
    ]
    for _ in range(2_000):
        assert_covers("".join(generator.choices(alphabet, k=generator.randrange(1, 60))))


def test_the_abstracts_that_the_project_opens_with_split_as_a_person_would():
    abstracts = [line for line in SEED.read_text(encoding="utf-8").split("\n") if len(line) > 300]
    assert len(abstracts) == 62
    for abstract in abstracts:
        assert_covers(abstract)
        for sentence in sentences(abstract):
            assert sentence[0].isupper() or sentence[0] in "\"'“(`" or sentence.startswith("pyhgf"), sentence
            assert 12 < len(sentence) < 700, sentence


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", [".", "(", '"', "$", "`", "(a", "$a", "{[(", "a", "\n ", " ", "(xx)", "``a", "。", "\\"]
)
def test_a_hostile_million_characters_takes_linear_time(unit):
    def seconds(n: int) -> float:
        text = unit * (n // len(unit))
        started = time.process_time()
        split_sentences(text)
        return time.process_time() - started

    # A quadratic scan of a million characters would take minutes; the bound leaves room for a busy machine.
    assert seconds(1_000_000) < 10
