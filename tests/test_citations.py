"""From a model's text to sentences that point to exact spans."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from rag.answer.citations import (
    DraftSentence,
    Numbering,
    SentenceStream,
    cited,
    locate,
    parse_markers,
    shown,
    split_marked,
)
from rag.chunks import split
from rag.types import Hit, Paper, Source, Turn

KELP = (
    "Kelp forests are found on cold coasts. We measured growth at 14 sites over 6 years. "
    "Growth fell by 42% in warm years. Divers counted urchins every May. The data are open."
)


def source(number: int, paper_id: str, abstract: str = KELP) -> Source:
    paper = Paper(paper_id, f"Title of {paper_id}", abstract)
    chunk = split(paper)[0]
    return Source(number, Hit(paper, chunk, 1.0, ()), chunk.sentences)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("[2b]", ((2, 1),)),
        ("[2b, 3A]", ((2, 1), (3, 0))),
        ("[2b-d; 5]", ((2, 1), (2, 2), (2, 3))),
        ("[2b, 2c]", ((2, 1), (2, 2))),
        ("[1a-2c]", ((1, 0), (2, 2))),
        ("[1-3]", ()),
    ],
)
def test_a_letter_names_a_sentence_of_a_source(text: str, sentences: tuple[tuple[int, int], ...]) -> None:
    (marker,) = parse_markers(f"It grows {text}.")
    assert marker.sentences == sentences


@pytest.mark.parametrize("text", ["[2ab]", "[2nd]", "[3D]x", "[10th]", "[a]", "[b-d]"])
def test_letters_that_name_no_sentence_are_text(text: str) -> None:
    assert [m.sentences for m in parse_markers(text.replace("x", ""))] in ([], [((3, 3),)])


def draft(text: str, *numbers: int) -> DraftSentence:
    return DraftSentence(text, numbers, 0, len(text))


def streamed(text: str, sizes: list[int]) -> list[DraftSentence]:
    stream, out, position = SentenceStream(), [], 0
    for size in sizes:
        out += stream.feed(text[position : position + size])
        position += size
    return out + stream.feed(text[position:]) + stream.finish()


# Markers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[1]", (1,)),
        ("[1, 3]", (1, 3)),
        ("[1; 3 & 4 and 6]", (1, 3, 4, 6)),
        ("[1-3]", (1, 2, 3)),
        ("[1–3, 7]", (1, 2, 3, 7)),
        ("[3-1]", (1, 2, 3)),
        ("[ 2 ]", (2,)),
        ("[Source 2]", (2,)),
        ("[source 1; 3]", (1, 3)),
        ("[Sources 1 and 2]", (1, 2)),
        ("[Source 1, Source 3]", (1, 3)),
        ("[^4]", (4,)),
        ("【1】", (1,)),
        ("【3†source】", (3,)),
        ("[2, 2]", (2,)),
        ("[[5]]", (5,)),
        ("[2b]", (2,)),
        ("[2b, 3a]", (2, 3)),
        ("[2b-d]", (2,)),
        ("[1a-3]", (1, 2, 3)),
        ("[Source 2C]", (2,)),
    ],
)
def test_markers_as_models_write_them(text: str, numbers: tuple[int, ...]) -> None:
    (marker,) = parse_markers(f"It grows {text}.")
    assert marker.numbers == numbers


@pytest.mark.parametrize(
    "text",
    ["(1)", "P[Love]", "[CLS]", "[0, 1]", "[0]", "[2023]", "[1-999999]", "[100]", "[]", "[1", "1]", "[1.5]", "[-1, 1]",
     "[a1]", "[1]".replace("1", "١"), "x[i]", "[1\n\n" + "2," * 100 + "3]"],
)  # fmt: skip
def test_what_is_not_a_marker(text: str) -> None:
    assert parse_markers(f"It grows {text}.") == ()


def test_neighbouring_markers_are_each_found_in_their_place() -> None:
    text = "A [1][3] b [2]"
    assert [(text[m.start : m.end], m.numbers) for m in parse_markers(text)] == [
        ("[1]", (1,)),
        ("[3]", (3,)),
        ("[2]", (2,)),
    ]


def test_markers_are_found_fast_in_hostile_text() -> None:
    started = time.perf_counter()
    for hostile in ("[1," * 20_000, "[" * 50_000, "[source " * 10_000, "[1" + " " * 50_000):
        parse_markers(hostile)
    assert time.perf_counter() - started < 2


# Sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kelp grows [1]. Moss waits [2].", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("Kelp grows. [1] Moss waits. [2]", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("Kelp grows.[1] Moss waits.[2]", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("Kelp grows.[1]The moss waits.[2]", [("Kelp grows.", (1,)), ("The moss waits.", (2,))]),
        ("Kelp grows [1], [2] and moss [1][3].", [("Kelp grows and moss.", (1, 2, 3))]),
        ("[2] Kelp grows. Moss waits.", [("Kelp grows.", (2,)), ("Moss waits.", ())]),
        ("[1] Kelp grows.\n[2] Moss waits.", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("[1][2] Kelp grows.\n[3] [4] Moss waits.", [("Kelp grows.", (1, 2)), ("Moss waits.", (3, 4))]),
        ("Kelp grows.\n[1]\nMoss waits.\n[2]\n", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("- Kelp grows [1]\n- Moss waits [2]\n", [("Kelp grows", (1,)), ("Moss waits", (2,))]),
        ("1. Kelp grows [3].\n2) Moss waits.", [("Kelp grows.", (3,)), ("Moss waits.", ())]),
        ("Kelp grows (see [1]). Moss waits (Source [2]).", [("Kelp grows.", (1,)), ("Moss waits.", (2,))]),
        ("It fell 3.5 % (e.g. kelp) [1]. It rose.", [("It fell 3.5 % (e.g. kelp).", (1,)), ("It rose.", ())]),
        ("It uses P[Love] with [CLS] in [0, 1] [4].", [("It uses P[Love] with [CLS] in [0, 1].", (4,))]),
        ("Kelp grows [1].\n---\n", [("Kelp grows.", (1,))]),
        ("", []),
        (" \n [1] \n", []),
    ],
)  # fmt: skip
def test_every_sentence_gets_its_own_markers(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(s.text, s.numbers) for s in split_marked(text)] == expected
    for sizes in ([1] * len(text), [2] * len(text), [5] * len(text), [len(text)]):
        assert [(s.text, s.numbers) for s in streamed(text, sizes)] == expected


def test_pieces_of_any_size_give_the_same_sentences_at_the_same_places() -> None:
    text = (
        "The method, e.g. kelp counting (see Fig. 2. for more) by Smith et al. on the U.S. coast, grows "
        "3.5 times [1, 2]. "
        "Does it? Yes! [3]\n\n- First, “quoted. Text here” holds [1–2].\n- Second is vs. third【4†source】.\n"
        "Costs are $5. They fell to $x = 1. y$ later. [12] The end. [1]"
    )
    whole = split_marked(text)
    assert len(whole) >= 7
    for seed in range(200):
        chance = random.Random(seed)
        sizes = [chance.randint(1, 9) for _ in range(len(text))]
        assert streamed(text, sizes) == whole


def test_a_sentence_comes_as_soon_as_the_next_has_begun() -> None:
    stream = SentenceStream()
    assert stream.feed("Kelp grows. [") == []
    assert stream.feed("1] Mo") == []
    (first,) = stream.feed("ss waits")
    assert (first.text, first.numbers) == ("Kelp grows.", (1,))


def test_half_a_marker_is_never_shown() -> None:
    text = "Kelp [1] grows [source 2, 3] in P[Love] and 【4†src】 [see below] [0, 1]."
    stream = SentenceStream()
    for character in text:
        stream.feed(character)
        visible = stream.text_so_far
        assert text.startswith(visible)
        for marker in parse_markers(text):
            assert not marker.start < len(visible) < marker.end
    stream.finish()
    assert stream.text_so_far == text


def test_a_bracket_that_cannot_become_a_marker_is_shown_at_once() -> None:
    stream = SentenceStream()
    stream.feed("P[Lo")
    assert stream.text_so_far == "P[Lo"
    stream.feed("ve] [1")
    assert stream.text_so_far == "P[Love] "


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["word ", "word. Next ", "e.g. ", "[1", "[1] ", "a", "(", "\n", "“x. "])
def test_a_model_that_never_stops_costs_time_in_proportion(unit: str) -> None:
    def seconds(n_pieces: int) -> float:
        stream = SentenceStream()
        started = time.perf_counter()
        for _ in range(n_pieces):
            stream.feed(unit)
        stream.finish()
        return time.perf_counter() - started

    seconds(100)
    assert seconds(4_000) < max(1.0, 8 * seconds(1_000))


def test_offsets_cover_the_sentence_with_its_markers() -> None:
    text = "Kelp grows. [1] Moss waits [2]."
    assert [text[s.start : s.end] for s in streamed(text, [3] * 20)] == ["Kelp grows. [1]", "Moss waits [2]."]


# Numbers that readers see


def test_numbers_are_given_by_first_use_and_stay() -> None:
    sources = [source(1, "a"), source(2, "b"), source(3, "c")]
    numbering = Numbering()
    assert shown("X [3]. Y [1, 3].", sources, numbering) == "X [1]. Y [2][1]."
    assert numbering.paper_ids == ("c", "a")
    later = Numbering.after([Turn("q", "a", ("c", "a"))])
    assert shown("Z [2] and [3].", sources, later) == "Z [3] and [1]."


def test_a_number_without_a_source_never_looks_like_one_with() -> None:
    assert shown("X [9]. Y [1, 9] [2023].", [source(1, "a")], Numbering()) == "X [9?]. Y [1][9?] (2023)."


def test_two_chunks_of_one_paper_share_its_number() -> None:
    assert shown("X [1][2]. Y [1] [2].", [source(1, "a"), source(2, "a")], Numbering()) == "X [1]. Y [1]."


def test_a_sentence_that_is_named_by_letter_is_the_one_that_is_cited() -> None:
    one = source(1, "kelp")
    (named,) = split_marked("Kelp is found on cold coasts [1d].")
    claim = cited(named, [one], Numbering())
    assert claim.citations[0].quote == "Divers counted urchins every May."
    (two,) = split_marked("Kelp is found on cold coasts [1c-d].")
    assert cited(two, [one], Numbering()).citations[0].quote.endswith("every May.")
    for beyond in ("[1z]", "[1a, 1c]"):
        (lost,) = split_marked(f"Kelp is found on cold coasts {beyond}.")
        assert cited(lost, [one], Numbering()).citations[0].quote == "Kelp forests are found on cold coasts."


def test_a_claim_cites_exact_spans_and_keeps_bad_numbers() -> None:
    numbering = Numbering(["z"])
    claim = cited(draft("Growth fell by 42% in warm years.", 2, 9), [source(2, "a")], numbering)
    good, bad = claim.citations
    assert (good.number, good.paper_id, good.quote) == (2, "a", "Growth fell by 42% in warm years.")
    assert good.span is not None
    assert good.span.of(KELP) == good.quote
    assert (bad.number, bad.paper_id, bad.exists) == (9, None, False)
    assert claim.verdict == "unchecked"
    assert not claim.is_quote


def test_a_claim_that_is_its_one_quote_says_so() -> None:
    assert cited(draft("Growth fell by 42% in warm years.", 1), [source(1, "a")], Numbering()).is_quote
    assert not cited(draft("Growth fell by 42%.", 1), [source(1, "a")], Numbering()).is_quote


# The sentence that bears a claim


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        ("Divers counted the urchins each May", "Divers counted urchins every May."),
        ("Kelp growth dropped 42 percent", "Growth fell by 42% in warm years."),
        ("The study covers 14 sites", "We measured growth at 14 sites over 6 years."),
        ("Something else entirely", "Kelp forests are found on cold coasts."),
        (
            "At 14 sites over 6 years growth fell by 42% in warm years",
            "We measured growth at 14 sites over 6 years. Growth fell by 42% in warm years.",
        ),
    ],
)
def test_a_claim_is_located_in_the_sentence_that_bears_it(claim: str, quote: str) -> None:
    assert locate(claim, source(1, "a")).of(KELP) == quote


def test_only_sentences_that_were_shown_are_cited() -> None:
    whole = source(1, "a")
    partly = Source(1, whole.hit, whole.sentences[:2])
    assert locate("Divers counted urchins every May", partly) in whole.sentences[:2]


def test_vectors_decide_where_words_do_not() -> None:
    whole = source(1, "a")
    vectors = np.eye(5, dtype=np.float32)
    hit = Hit(whole.hit.paper, whole.hit.chunk, 1.0, (), sentence_vectors=vectors)
    found = locate("Publicly shared", Source(1, hit, whole.sentences), vectors[4])
    assert found.of(KELP) == "The data are open."
