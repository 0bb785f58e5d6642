"""A real OpenAI-compatible server with a real, very small model: the protocol, not the answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import model_server

import prompts
from rag.answer.citations import Numbering
from rag.answer.writing import Written, write
from rag.chunks import split
from rag.config import ModelConfig
from rag.context import budget_for, fit, render_sources
from rag.errors import ModelError
from rag.llm import Message
from rag.llm_http import OpenAICompatibleModel
from rag.types import Claim, Hit, Paper, Wrote

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    gguf = os.environ.get("FOOTNOTED_TEST_MODEL")
    if not gguf:
        reason = "FOOTNOTED_TEST_MODEL does not name a GGUF file"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with model_server(Path(gguf), context_tokens=2048) as url:
        yield url


def model_at(base_url: str, name: str = "local", max_output_tokens: int = 40) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(
        ModelConfig(base_url, name, context_tokens=2048, max_output_tokens=max_output_tokens, key_env="UNSET_KEY")
    )


def test_text_comes_in_pieces_with_usage(base_url: str) -> None:
    with model_at(base_url).stream([Message("user", "What is the capital of France?")]) as stream:
        pieces = [piece for piece in stream if piece]
    assert len(pieces) > 2
    assert stream.usage.prompt_tokens
    assert stream.usage.completion_tokens
    assert 0 < stream.usage.completion_tokens <= 40


def test_the_output_limit_is_told(base_url: str) -> None:
    with model_at(base_url, max_output_tokens=5).stream([Message("user", "Tell me a long story.")]) as stream:
        assert "".join(stream)
    assert stream.finish_reason == "length"
    assert stream.usage.completion_tokens == 5


def test_closing_frees_the_model_for_the_next_question(base_url: str) -> None:
    long = model_at(base_url, max_output_tokens=1500)
    with long.stream([Message("user", "Count from 1 to 1000, one number per line.")]) as stream:
        assert any(stream)
    # The server has one slot: had the first answer gone on, this one would wait for it.
    started = time.monotonic()
    with model_at(base_url, max_output_tokens=5).stream([Message("user", "Say yes.")]) as stream:
        assert "".join(stream)
    assert time.monotonic() - started < 15


def test_an_unknown_path_is_a_model_error_that_says_what_to_check(base_url: str) -> None:
    model = model_at(base_url.removesuffix("/v1") + "/nowhere")
    with pytest.raises(ModelError, match="base_url"), model.stream([Message("user", "hi")]) as stream:
        list(stream)


def test_a_prompt_beyond_the_context_is_a_model_error_that_says_so(base_url: str) -> None:
    model = model_at(base_url)
    with pytest.raises(ModelError, match="context"), model.stream([Message("user", "kelp " * 4000)]) as stream:
        list(stream)


def test_an_answer_is_written_from_sources(base_url: str) -> None:
    paper = Paper("kelp", "Kelp in warm years", "Kelp forests grow on cold coasts. Growth fell by 42% in warm years.")
    model = model_at(base_url)
    assert budget_for(model) > 500
    sources = fit([Hit(paper, split(paper)[0], 1.0, ())], budget_tokens=500, max_sources=3, evidence=model.evidence)
    messages = prompts.load("answer").render(
        sources=render_sources(sources), question="By how much did growth fall?", manner="one short sentence"
    )
    events = list(write(messages, sources, model, Numbering()))
    end = events[-1]
    assert isinstance(end, Written)
    assert end.declined or any(isinstance(event, Claim) for event in events)
    assert end.declined or any(isinstance(event, Wrote) for event in events)
    assert end.usage.completion_tokens
