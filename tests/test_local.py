"""A model file run in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.config import ModelConfig, load
from rag.errors import ConfigError, ModelUnreachable
from rag.llm import Message, open_model
from rag.local import LocalModel


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "footnoted.toml"
    path.write_text(f'profile = "mine"\n[model.mine]\n{text}\n')
    return path


def test_a_file_in_a_profile_is_the_model_and_gives_its_name(tmp_path: Path) -> None:
    found = load(file=config(tmp_path, 'gguf = "models/small.Q4.gguf"\ncontext_tokens = 2048'), environ={})
    assert found.model == ModelConfig(name="small.Q4", gguf="models/small.Q4.gguf", context_tokens=2048)
    model = open_model(found.model)
    assert isinstance(model, LocalModel)
    assert (model.name, model.evidence, model.address) == ("small.Q4", "sentences", None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('gguf = "x.gguf"\nbase_url = "http://localhost/v1"', "has both 'base_url' and 'gguf'"),
        ('name = "m"', "'base_url' is missing"),
        ('base_url = "http://localhost/v1"', "'name' is missing"),
        ("gguf = 3", "'gguf' in [model.mine] must be a text"),
        ('base_url = "http://x/v1"\nname = "m"\nprice_in = -1', "must be above zero"),
    ],
)
def test_a_model_is_an_endpoint_or_a_file(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(file=config(tmp_path, text), environ={})
    assert problem in str(raised.value)


@pytest.mark.parametrize(("content", "problem"), [(None, "does not exist"), (b"PK\x03\x04", "is no GGUF file")])
def test_what_cannot_be_a_model_is_named_before_anything_is_loaded(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "m.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelUnreachable, match=problem):
        LocalModel(ModelConfig(name="m", gguf=str(path))).stream([Message("user", "hi")])


@pytest.mark.slow
def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + b"\x00" * 1_000)
    with pytest.raises(ModelUnreachable, match="could not load"):
        LocalModel(ModelConfig(name="m", gguf=str(path))).stream([Message("user", "hi")])


@pytest.mark.slow
def test_a_real_file_answers_and_listens_on_loopback_only() -> None:
    gguf = os.environ.get("FOOTNOTED_TEST_MODEL")
    if not gguf:
        pytest.skip("FOOTNOTED_TEST_MODEL does not name a GGUF file")
    model = LocalModel(ModelConfig(name="small", gguf=gguf, context_tokens=1024, max_output_tokens=12))
    with model.stream([Message("user", "What is the capital of France?")]) as stream:
        assert "".join(stream)
    assert stream.usage.completion_tokens
    assert model.address is not None and model.address.startswith("http://127.0.0.1:")
    assert (model.served().base_url, model.served().name) == (model.address, "small")
