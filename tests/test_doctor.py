"""The doctor: what works, what does not and why, and what would leave this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hashing import HashingEmbedder, kelp_paper

from rag.config import Config, EmbeddingConfig, ModelConfig
from rag.doctor import examine, in_words
from rag.library import Library

pytestmark = pytest.mark.slow

KEY = "sk-doctor-secret"


@contextmanager
def endpoint(
    status: int = 200, body: bytes = b'{"data": [{"id": "m"}]}', headers: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """The address of a server that always answers this, and what it was asked, with which key."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def test_with_nothing_configured_nothing_leaves_and_all_is_well(tmp_path: Path) -> None:
    found = examine(Config(tmp_path / "none"))
    assert found["healthy"]
    assert found["leaves_this_machine"] == []
    said = in_words(found)
    assert "nothing leaves this machine" in said
    assert "quoting mode" in said
    assert "footnoted add FILE" in said
    assert not (tmp_path / "none").exists()


def test_a_model_that_is_served_is_reachable_and_what_leaves_is_said(tmp_path: Path) -> None:
    with endpoint() as (url, asked):
        found = examine(Config(tmp_path / "none", ModelConfig(url, "m")))
    assert found["healthy"]
    assert asked == [("/v1/models", f"Bearer {KEY}")]
    assert found["leaves_this_machine"] == [
        f"questions, the turns before them and the sentences that were found for them, to {url[7:-3]}",
    ]
    assert KEY not in json.dumps(found) + in_words(found)
    assert "key from OPENAI_API_KEY (set)" in in_words(found)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "refuses the key (401): check OPENAI_API_KEY"),
        (403, b"", "refuses the key (403)"),
        (500, b"", "answers 500"),
        (200, b"<html>", "not like an OpenAI-compatible endpoint"),
        (200, b"[1]", "not like an OpenAI-compatible endpoint"),
        (200, b"\xff", "not like an OpenAI-compatible endpoint"),
        (200, b'{"data": [{"id": "other"}]}', "does not list this model (it lists other)"),
    ],
)
def test_what_does_not_work_is_named(tmp_path: Path, status: int, body: bytes, words: str) -> None:
    with endpoint(status, body) as (url, _):
        found = examine(Config(tmp_path / "none", ModelConfig(url, "m")))
    assert not found["healthy"]
    assert words in found["model"]["problem"]
    assert "does not work" in in_words(found)
    assert KEY not in json.dumps(found)


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_list_of_models_is_reachable(tmp_path: Path, status: int) -> None:
    with endpoint(status, b"") as (url, _):
        assert examine(Config(tmp_path / "none", ModelConfig(url, "m")))["healthy"]


def test_no_redirect_takes_the_key_elsewhere(tmp_path: Path) -> None:
    with endpoint() as (elsewhere, asked), endpoint(302, b"", {"Location": f"{elsewhere}/models"}) as (url, _):
        found = examine(Config(tmp_path / "none", ModelConfig(url, "m")))
    assert asked == []
    assert "redirects" in found["model"]["problem"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1", "http://127.0.0.1:port/v1", "http://", "http://[", "http://a b/v1"]
)
def test_an_address_where_nothing_is_does_not_break_the_doctor(tmp_path: Path, url: str) -> None:
    found = examine(Config(tmp_path / "none", ModelConfig(url, "m")))
    assert found["model"]["problem"]
    assert not found["healthy"]


def test_user_name_and_password_of_an_address_are_not_shown(tmp_path: Path) -> None:
    found = examine(Config(tmp_path / "none", ModelConfig("http://me:secret@127.0.0.1:9/v1", "m")))
    assert "secret" not in json.dumps(found) + in_words(found)


def test_an_embedding_endpoint_sends_abstracts_and_that_is_said(tmp_path: Path) -> None:
    with endpoint() as (url, _):
        found = examine(Config(tmp_path / "none", embedding=EmbeddingConfig(url, "m")))
    assert found["leaves_this_machine"] == [f"questions, titles and abstracts, to {url[7:-3]}"]


def test_quoting_mode_asks_no_endpoint(tmp_path: Path) -> None:
    with endpoint() as (url, asked):
        found = examine(Config(tmp_path / "none", ModelConfig(url, "m")), quote_only=True)
    assert (found["model"], asked) == (None, [])


def test_a_library_of_another_embedding_and_a_folder_of_other_things_are_problems(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add([kelp_paper(1)])
    found = examine(Config(tmp_path / "library"))
    assert "embedding" in found["library"]["problem"]
    assert found["library"]["papers"] == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    assert "not a library" in examine(Config(tmp_path / "other"))["library"]["problem"]


def test_examining_twice_finds_the_same(tmp_path: Path) -> None:
    from rag.embedding import open_embedder

    with Library.open(tmp_path / "library", embedder=open_embedder(None)) as library:
        library.add([kelp_paper(n) for n in range(3)])
    config = Config(tmp_path / "library")
    assert examine(config) == examine(config)
    assert examine(config)["healthy"]
