"""Settings: where they come from, which one wins, and how every mistake is named at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.config import Config, ModelConfig, load
from rag.errors import ConfigError

PROFILE = """
library = "papers"
n_sources = 4
verified_only = true
profile = "local"

[model.local]
base_url = "http://localhost:8080/v1"
name = "small"
context_tokens = 2048
temperature = 0
evidence = "sentences"

[model.big]
base_url = "https://models.example/v1"
name = "big"
key_env = "BIG_KEY"

[embedding]
base_url = "http://localhost:8081/v1"
name = "vectors"
"""


@pytest.fixture(autouse=True)
def no_file_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "footnoted.toml"
    file.write_text(text, "utf-8")
    return file


def test_nothing_configured_means_quoting_from_the_users_own_library() -> None:
    settings = load(environ={})
    assert (settings.model, settings.embedding, settings.file, settings.warnings) == (None, None, None, ())
    assert settings.library.parts[-2:] == ("footnoted", "library")


def test_a_file_gives_everything(tmp_path: Path) -> None:
    file = written(tmp_path, PROFILE)
    settings = load(file=file, environ={})
    assert isinstance(settings, Config)
    assert (settings.library, settings.n_sources, settings.verified_only) == (Path("papers"), 4, True)
    assert settings.model == ModelConfig(
        "http://localhost:8080/v1", "small", context_tokens=2048, temperature=0, evidence="sentences"
    )
    assert settings.embedding is not None
    assert settings.embedding.name == "vectors"
    assert settings.file == file


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, PROFILE)
    environ = {"FOOTNOTED_CONFIG": str(file), "FOOTNOTED_LIBRARY": "/from/environment", "FOOTNOTED_PROFILE": "big"}
    settings = load(environ=environ)
    assert settings.library == Path("/from/environment")
    assert settings.model is not None
    assert settings.model.name == "big"
    flagged = load(environ=environ, library="/from/flag", model="local", verified_only=False)
    assert flagged.library == Path("/from/flag")
    assert flagged.model is not None
    assert flagged.model.name == "small"
    assert flagged.verified_only is False
    other = load(environ=environ, base_url="http://other/v1", model="any").model
    assert other == ModelConfig("http://other/v1", "any")


@pytest.mark.parametrize("variable", ["FOOTNOTED_MODEL", "OPENAI_MODEL"])
def test_the_environment_alone_names_an_endpoint(variable: str) -> None:
    settings = load(environ={"OPENAI_BASE_URL": "http://localhost:1/v1", variable: "m"})
    assert settings.model == ModelConfig("http://localhost:1/v1", "m")


def test_an_endpoint_without_a_model_is_a_warning_and_is_not_used() -> None:
    settings = load(environ={"OPENAI_BASE_URL": "http://localhost:1/v1", "OPENAI_API_KEY": "sk-secret"})
    assert settings.model is None
    assert "nothing is sent there" in settings.warnings[0]
    assert "sk-secret" not in repr(settings)


def test_a_key_alone_configures_nothing() -> None:
    assert load(environ={"OPENAI_API_KEY": "sk-secret"}).model is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_sources = 0", "'n_sources' must be a whole number above zero"),
        ("n_sources = true", "'n_sources'"),
        ("library = 5", "'library' must be a text"),
        ('verified_only = "yes"', "'verified_only' must be true or false"),
        ("colour = 1", "unknown setting 'colour'"),
        ('model = "gpt"', "write [model.NAME]"),
        ("profile = 5", "'profile' must be a text"),
        ('profile = "none"', "no profile [model.none]"),
        ("embedding = 3", "[embedding] is not a table"),
        ('[embedding]\nname = "x"', "'base_url' is missing in [embedding]"),
        ('[embedding]\nbase_url = "localhost"\nname = "x"', "the embedding's base_url"),
        ("library = ", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file=written(tmp_path, text), environ={})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = (
        'n_sources = "six"\ncolour = 1\nprofile = "a"\n[model.a]\nbase_url = 1\nspeed = 2\ncontext_tokens = -1\n'
        'temperature = "hot"\nevidence = "all"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(file=written(tmp_path, text), environ={})
    for words in ("n_sources", "colour", "base_url", "speed", "context_tokens", "temperature", "evidence", "'name'"):
        assert words in str(caught.value)


def test_an_address_that_is_none_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={}, base_url="ftp://me:secret@host/v1", model="m")
    assert "secret" not in str(caught.value)


def test_a_model_without_an_endpoint_is_refused() -> None:
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL"):
        load(environ={}, model="m")


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    for arguments in ({"file": tmp_path / "none.toml", "environ": {}}, {"environ": {"FOOTNOTED_CONFIG": "/none.toml"}}):
        with pytest.raises(ConfigError, match="does not exist"):
            load(**arguments)  # type: ignore[arg-type]
