"""Chunks hold whole sentences, keep to their bound, and have ids that follow the content."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import tokens
from rag.chunks import split
from rag.sentences import split_sentences
from rag.tokens import count_each, count_tokens
from rag.types import Paper

SENTENCE = "The network learns {} useful features from noisy data in every layer. "
LONG = Paper("arxiv:2305.12345", "A title", "".join(SENTENCE.format(n) for n in range(60)))


def test_a_short_abstract_is_one_chunk_without_the_space_around_it():
    paper = Paper("doi:10.1/x", "T", "  We learn. It works.\n")
    (chunk,) = split(paper)
    assert chunk.span.of(paper.abstract) == "We learn. It works."
    assert [s.of(paper.abstract) for s in chunk.sentences] == ["We learn.", "It works."]
    assert chunk.chunk_id == f"doi:10.1/x#{paper.content_hash[:12]}.0"
    assert chunk.n_tokens == count_tokens("We learn. It works.")


def test_a_blank_abstract_has_no_chunks():
    assert split(Paper("x", "T", "")) == split(Paper("x", "T", " \n ")) == ()


@pytest.mark.parametrize("max_tokens", [1, 15, 40, 100, 399, 400])
def test_chunks_keep_to_the_bound_and_lose_no_sentence(max_tokens):
    chunks = split(LONG, max_tokens=max_tokens)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.n_tokens == count_tokens(chunk.span.of(LONG.abstract))
        assert chunk.n_tokens <= max_tokens or len(chunk.sentences) == 1
        assert (chunk.span.start, chunk.span.end) == (chunk.sentences[0].start, chunk.sentences[-1].end)
    if max_tokens >= 15:
        assert tuple(s for c in chunks for s in c.sentences) == split_sentences(LONG.abstract)


def test_the_last_chunk_is_no_stub():
    sizes = [c.n_tokens for c in split(LONG, max_tokens=400)]
    assert len(sizes) == -(-count_tokens(LONG.abstract) // 400)
    assert min(sizes) > 0.8 * max(sizes)


def test_one_long_sentence_stays_whole_up_to_twice_the_bound_and_is_cut_at_spaces_beyond():
    words = Paper("x", "T", "Word " + "token " * 30 + "end.")
    (whole,) = split(words, max_tokens=20)
    assert whole.n_tokens > 20
    longer = replace(words, abstract="Word " + "token " * 100 + "end.")
    pieces = [s.of(longer.abstract) for c in split(longer, max_tokens=20) for s in c.sentences]
    assert " ".join(pieces) == longer.abstract
    assert all(c.n_tokens <= 20 for c in split(longer, max_tokens=20))


def test_an_abstract_without_any_space_is_cut_anywhere_and_nothing_is_lost():
    paper = Paper("x", "T", "a" * 20_000)
    chunks = split(paper, max_tokens=100)
    assert "".join(c.span.of(paper.abstract) for c in chunks) == paper.abstract
    assert all(c.n_tokens <= 100 for c in chunks)


def test_ids_change_with_the_content_and_with_nothing_else():
    edited = replace(LONG, abstract=LONG.abstract.replace("noisy", "clean"))
    assert not {c.chunk_id for c in split(LONG)} & {c.chunk_id for c in split(edited)}
    assert split(replace(LONG, year=2020, origin="elsewhere")) == split(LONG)
    assert len({c.chunk_id for c in split(LONG, max_tokens=20)}) == len(split(LONG, max_tokens=20))


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        split(LONG, max_tokens=0)


def test_special_tokens_in_a_text_are_counted_as_text():
    assert count_tokens("<|endoftext|>") > 1
    assert count_tokens("") == 0
    assert count_tokens("The quick brown fox") == 4


# White space of every kind, what ends and begins words and numbers, and what a contraction or an accent is made of.
_SIGNS = list(" \n\t\r.,/\\'sStT129aAéÉſ中ー\u0301\u00a0\u2028-()$\x1c\x85ʰǅ")


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.text(st.sampled_from(_SIGNS), max_size=40), st.text(max_size=30)), max_size=4))
def test_many_texts_have_as_many_tokens_as_each_by_itself(texts):
    assert count_each(texts) == [count_tokens(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", " a", "a ", "a  b", "a \nb", "\nb a", "b\n a", "<|endoftext|> a", "\ud800 a", "a " + "b" * 2_000],
)
def test_a_text_is_counted_the_same_whatever_was_counted_before(text):
    before = count_tokens(text)
    assert count_each([text, "a b", text]) == [before, 2, before]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("a \n\u00a0é"), st.integers(1, 1_100)), min_size=1, max_size=6))
def test_a_text_that_has_blanks_throughout_has_short_runs(runs):
    text = "".join(sign * n for sign, n in runs)
    for one in (text, text.replace("a" * 450, "a" * 449 + " ")):
        if len(one) >= 1_000 and tokens._has_blanks_throughout(one):
            assert tokens._has_short_runs(one)


def test_blanks_are_seen_wherever_they_stand():
    for n in (498, 499, 500, 998, 999, 1_000, 1_500):
        text = ("b" * n + " ") * 5
        assert tokens._has_blanks_throughout(text) <= tokens._has_short_runs(text) == (n < 1_000)
    assert tokens._has_blanks_throughout("word " * 300)
    assert not tokens._has_blanks_throughout("word  " * 300)


@pytest.mark.parametrize("unit", ["a", " ", ".", "é", "1"])
def test_counting_a_million_characters_without_a_break_ends(unit):
    started = time.process_time()
    assert count_tokens(unit * 1_000_000) > 1_000
    assert time.process_time() - started < 20  # one uncut run takes minutes


def test_tokens_are_counted_offline_without_importing_llama_index_or_touching_the_environment():
    code = (
        "import os, sys, socket\n"
        "def refuse(*a, **k): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "from rag.chunks import split\n"
        "from rag.types import Paper\n"
        "assert split(Paper('x', 'T', 'We learn.'))[0].n_tokens == 3\n"
        "assert 'llama_index.core' not in sys.modules, 'that import takes 3 s'\n"
        "assert 'TIKTOKEN_CACHE_DIR' not in os.environ\n"
    )
    environment = {
        key: value for key, value in os.environ.items() if key not in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
    }
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)
