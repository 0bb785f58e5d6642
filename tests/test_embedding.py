"""The bundled model against a plain numpy forward pass of the same weights, and the endpoint
embedder against a real HTTP server with scripted replies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import embedding
from rag.config import EmbeddingConfig
from rag.embedding import BundledEmbedder, open_embedder
from rag.embedding_endpoint import ENDPOINT_MAX_CHARACTERS, EndpointEmbedder
from rag.errors import EmbeddingError
from rag.models.session import TOKENIZER_BYTES, TOKENIZER_SHA256
from rag.types import Span

ROOT = Path(__file__).parent.parent
REFERENCE = json.loads((Path(__file__).parent / "data" / "reference_vectors.json").read_text(encoding="utf-8"))
ABSTRACT = REFERENCE["texts"][-1]
KEY = "sk-not-to-be-seen-0123456789"


@pytest.fixture(scope="module")
def bundled() -> BundledEmbedder:
    return BundledEmbedder()


def sentences(text: str) -> list[Span]:
    return [Span(match.start(), match.end()) for match in re.finditer(r"\S.*?[.?!](?=\s|$)", text)]


# The bundled model


def test_every_vector_is_close_to_the_one_the_published_weights_give(bundled: BundledEmbedder) -> None:
    expected = np.array(REFERENCE["vectors"], np.float32)
    cosines = (bundled.embed(REFERENCE["texts"]) * expected).sum(axis=1)
    worst = dict(zip(REFERENCE["texts"], cosines, strict=True))
    # [CLS] and [SEP] alone are two tokens that training never saw by themselves.
    assert worst.pop("") > 0.975
    assert min(worst.values()) > 0.985, worst


def test_texts_keep_the_order_of_similarity_that_the_published_weights_give(bundled: BundledEmbedder) -> None:
    """Of two pairs whose similarities differ by more than the drift of int8, the nearer one stays nearer."""
    expected = np.array(REFERENCE["vectors"], np.float32)
    vectors = bundled.embed(REFERENCE["texts"])
    pairs = np.triu_indices(len(vectors), k=1)
    before, after = (expected @ expected.T)[pairs], (vectors @ vectors.T)[pairs]
    clearly_nearer = before[:, None] > before[None, :] + 0.08
    assert clearly_nearer.sum() > 1000
    assert (after[:, None] > after[None, :])[clearly_nearer].all()


def test_the_shipped_files_are_those_that_the_code_and_the_source_note_name() -> None:
    note = (embedding.MODEL_FOLDER / "SOURCE.md").read_text(encoding="utf-8")
    for name, n_bytes, checksum in (
        ("model.onnx", embedding.MODEL_BYTES, embedding.MODEL_SHA256),
        ("tokenizer.json", TOKENIZER_BYTES, TOKENIZER_SHA256),
    ):
        data = (embedding.MODEL_FOLDER / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (n_bytes, checksum)
        assert f"| `{name}` | {n_bytes} | `{checksum}` |" in note
    assert "Apache License" in (embedding.MODEL_FOLDER / "LICENSE").read_text(encoding="utf-8")


def test_rows_are_float32_of_length_one_in_the_order_asked_for(bundled: BundledEmbedder) -> None:
    texts = ["a", ABSTRACT, "", "b c d", ABSTRACT[:300]] * 5
    vectors = bundled.embed(texts)
    assert vectors.shape == (25, bundled.n_dims)
    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    for text, vector in zip(texts[:5], vectors[:5], strict=True):
        assert np.array_equal(bundled.embed([text])[0], vector)


def test_a_text_has_the_same_vector_to_the_last_bit_whatever_stands_beside_it() -> None:
    texts = REFERENCE["texts"]
    alone = np.concatenate([BundledEmbedder(1).embed([text]) for text in texts[:3]])
    assert np.array_equal(BundledEmbedder(1).embed(texts)[:3], alone)
    assert np.array_equal(BundledEmbedder(3).embed(texts[::-1])[::-1][:3], alone)


def test_no_texts_give_no_rows(bundled: BundledEmbedder) -> None:
    assert bundled.embed([]).shape == (0, 384)
    assert bundled.embed_tokens([]) == []
    assert bundled.embed_spans([], []) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t ", "\0", "a\0b", "\ud800", "x\udfffy", "\U0001f9ec", "\ufffd\u200b\u202e"),
        *("\u0301" * 5000, "\\" * 3000, "\r\n" * 3000, "[CLS] [SEP] [PAD] [MASK]"),
        *("ab" * 500_000, "w " * 500_000, "漢" * 1_000_000),
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_hostile_text_becomes_a_unit_vector_in_bounded_time(bundled: BundledEmbedder, text: str) -> None:
    started = time.process_time()
    (vector,) = bundled.embed([text])
    assert time.process_time() - started < 3
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_what_the_model_cannot_reach_changes_nothing(bundled: BundledEmbedder) -> None:
    long = ABSTRACT * 20
    assert np.array_equal(*bundled.embed([long, long + " and more"]))


def test_words_of_a_hundred_characters_fill_the_model_before_the_text_is_cut(bundled: BundledEmbedder) -> None:
    """The bound on characters must never take a piece away that the model would have read."""
    word = "x" * 101  # one unknown piece
    text = " ".join([word] * 253 + ["last", "beyond"])
    pieces = bundled.embed_tokens([text])[0].offsets
    assert len(pieces) == 254
    assert text[slice(*pieces[-1])] == "last"


def test_a_string_in_place_of_a_list_is_refused(bundled: BundledEmbedder) -> None:
    with pytest.raises(TypeError, match="list of texts"):
        bundled.embed("one letter each")


def test_token_offsets_are_those_of_the_text_as_given(bundled: BundledEmbedder) -> None:
    text = "Über\ud800 naïve\0 CAFÉ 漢字, x\u0301y 🧬 end"
    (tokens,) = bundled.embed_tokens([text])
    assert len(tokens.vectors) == len(tokens.offsets)
    pieces = [text[start:end] for start, end in tokens.offsets]
    assert pieces[-1] == "end"
    assert {"漢", "字", ","} <= set(pieces)
    assert (np.diff(tokens.offsets[:, 0]) >= 0).all()


def test_the_whole_text_beside_its_spans_has_the_vector_that_embed_gives(bundled: BundledEmbedder) -> None:
    texts = ["", "short", ABSTRACT, ABSTRACT * 4]
    results = bundled.embed_spans(texts, [[], [Span(0, 5)], sentences(ABSTRACT), [Span(5000, 5100)]])
    assert np.array_equal(np.stack([result.whole for result in results]), bundled.embed(texts))
    assert [result.spans.shape for result in results] == [(0, 384), (1, 384), (len(sentences(ABSTRACT)), 384), (1, 384)]


def test_a_span_is_the_mean_of_its_tokens(bundled: BundledEmbedder) -> None:
    text = "Drivers look at the road. Graphs grow."
    (tokens,) = bundled.embed_tokens([text])
    (result,) = bundled.embed_spans([text], [[Span(26, 38), Span(0, 7)]])
    graphs_grow = tokens.vectors[tokens.offsets[:, 0] >= 26].mean(axis=0)
    assert np.allclose(result.spans[0], graphs_grow / np.linalg.norm(graphs_grow), atol=1e-6)
    assert np.allclose(result.spans[1], tokens.vectors[0] / np.linalg.norm(tokens.vectors[0]), atol=1e-6)


def test_a_span_is_nearest_to_the_question_it_answers(bundled: BundledEmbedder) -> None:
    text = "The camera runs at 30 frames per second. Bread needs flour and yeast. The treaty ended the war."
    (result,) = bundled.embed_spans([text], [sentences(text)])
    questions = bundled.embed(["How fast does the camera record?", "What goes into bread?", "What stopped the war?"])
    assert (questions @ result.spans.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_span_beyond_the_models_reach_is_read_in_a_later_window(bundled: BundledEmbedder) -> None:
    text = ABSTRACT * 3 + " Bread needs flour, water, salt and yeast."
    tail = Span(len(ABSTRACT) * 3 + 1, len(text))
    (result,) = bundled.embed_spans([text], [[tail]])
    bread, drivers = bundled.embed(["What goes into bread?", "Where do drivers look?"])
    assert result.spans[0] @ bread > result.spans[0] @ drivers + 0.3


@pytest.mark.parametrize("n_pieces", [0, 1, 253, 254, 255, 444, 445, 446, 5000])
def test_windows_keep_each_piece_once_with_context_on_both_sides(n_pieces: int) -> None:
    windows = embedding._windows(n_pieces)
    kept = [piece for window in windows for piece in range(n_pieces)[window.keep]]
    assert kept == list(range(n_pieces))
    for window in windows:
        start, end = window.start, min(window.start + 254, n_pieces)
        assert start == 0 or window.keep.start - start == 32
        assert end == n_pieces or end - window.keep.stop == 32


def test_a_span_without_a_piece_has_the_vector_of_the_empty_text(bundled: BundledEmbedder) -> None:
    (result,) = bundled.embed_spans(["a  b"], [[Span(1, 3), Span(90, 99)]])
    assert np.allclose(result.spans, bundled.embed(["", ""]), atol=1e-6)


def test_spans_without_their_texts_are_refused(bundled: BundledEmbedder) -> None:
    with pytest.raises(ValueError, match="2 texts with 1"):
        bundled.embed_spans(["a", "b"], [[]])


def test_threads_that_share_a_fresh_embedder_load_it_once_and_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[float] = []
    load = embedding.load_session

    def counted(path: Path, n_bytes: int) -> Any:
        loads.append(time.monotonic())
        return load(path, n_bytes)

    monkeypatch.setattr(embedding, "load_session", counted)
    shared = BundledEmbedder()
    results: list[Any] = [None] * 8
    texts = REFERENCE["texts"][:4]

    def work(index: int) -> None:
        results[index] = shared.embed(texts)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert all(np.array_equal(result, results[0]) for result in results)


def test_a_model_file_cut_short_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1")
    monkeypatch.setattr(embedding, "MODEL_FOLDER", tmp_path)
    with pytest.raises(EmbeddingError, match=r"model\.onnx is missing or incomplete: reinstall"):
        BundledEmbedder().embed(["a"])


def test_making_an_embedder_loads_nothing_and_using_it_prints_nothing() -> None:
    script = """
import sys
from rag.embedding import open_embedder
embedder = open_embedder(None)
assert "all-MiniLM-L6-v2" in embedder.fingerprint and embedder.n_dims == 384
assert not {"onnxruntime", "tokenizers", "openai"} & set(sys.modules)
embedder.embed(["one", "two"])
assert "openai" not in sys.modules
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# An endpoint


@dataclass
class Endpoint:
    """A server on loopback that answers each request with the next scripted reply."""

    base_url: str = ""
    replies: list[Callable[[dict[str, Any]], tuple[int, Any]]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    def config(self, **changes: Any) -> EmbeddingConfig:
        return EmbeddingConfig(**{"base_url": self.base_url, "name": "tiny", "key_env": "TINY_KEY", **changes})

    def embedder(self, max_retries: int = 0, **changes: Any) -> EndpointEmbedder:
        return EndpointEmbedder(self.config(**changes), max_retries=max_retries)


def entries(request: dict[str, Any]) -> list[dict[str, Any]]:
    """One recognisable vector per text, not of unit length: its characters and a constant."""
    return [
        {"object": "embedding", "index": index, "embedding": [float(len(text)), 3.0, 0.0]}
        for index, text in enumerate(request["input"])
    ]


def reply(change: Callable[[list[dict[str, Any]]], Any] = lambda data: data) -> Callable[..., tuple[int, Any]]:
    return lambda request: (200, {"object": "list", "model": "tiny", "data": change(entries(request))})


def status(code: int) -> Callable[..., tuple[int, Any]]:
    return lambda request: (code, {"error": {"message": f"no: {KEY}"}})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("TINY_KEY", KEY)
    script = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.requests.append(request)
            script.keys.append(self.headers["Authorization"])
            code, body = (script.replies.pop(0) if script.replies else reply())(request)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After-Ms", "1")
            with contextlib.suppress(ConnectionError):  # the client may have given up
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    yield script
    server.shutdown()
    server.server_close()
    thread.join()


def failure(embedder: EndpointEmbedder) -> str:
    """The message of the error that ``embed`` raises: one line, and no key in it or in its traceback."""
    with pytest.raises(EmbeddingError) as caught:
        embedder.embed(["one", "three"])
    message = str(caught.value)
    assert "\n" not in message
    assert KEY not in message + "".join(traceback.format_exception(caught.value))
    return message


@pytest.mark.slow
def test_an_endpoint_gives_unit_rows_in_batches_and_in_order(endpoint: Endpoint) -> None:
    vectors = endpoint.embedder(batch_size=2).embed(["a", "bb", "ccc", "dddd", "eeeee"])
    lengths = np.array([[length, 3.0, 0.0] for length in range(1, 6)])
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, lengths / np.linalg.norm(lengths, axis=1, keepdims=True), atol=1e-6)
    assert [request["input"] for request in endpoint.requests] == [["a", "bb"], ["ccc", "dddd"], ["eeeee"]]
    assert {request["model"] for request in endpoint.requests} == {"tiny"}
    assert set(endpoint.keys) == {f"Bearer {KEY}"}


@pytest.mark.slow
def test_an_endpoint_that_answers_out_of_order_is_put_in_order(endpoint: Endpoint) -> None:
    endpoint.replies = [reply(lambda data: data[::-1])]
    vectors = endpoint.embedder().embed(["a", "bb", "ccc"])
    assert (np.diff(vectors[:, 0]) > 0).all()


def test_an_endpoint_that_gives_no_indexes_is_taken_in_its_order(endpoint: Endpoint) -> None:
    endpoint.replies = [reply(lambda data: [{"embedding": entry["embedding"]} for entry in data])]
    vectors = endpoint.embedder().embed(["a", "bb", "ccc"])
    assert (np.diff(vectors[:, 0]) > 0).all()


def test_texts_that_endpoints_refuse_are_sent_in_a_form_they_take(endpoint: Endpoint) -> None:
    endpoint.embedder().embed(["", " \n", "a\ud800b", "x" * 1_000_000])
    blank, white, surrogate, endless = endpoint.requests[0]["input"]
    assert (blank, white, surrogate) == (".", ".", "a\ufffdb")
    assert len(endless) == ENDPOINT_MAX_CHARACTERS


def test_without_a_key_a_placeholder_is_sent(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINY_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # of another service
    endpoint.embedder().embed(["a"])
    assert endpoint.keys == ["Bearer none"]


def test_the_dimension_is_asked_for_once_and_no_texts_ask_for_nothing(endpoint: Endpoint) -> None:
    embedder = endpoint.embedder()
    assert embedder.embed([]).shape == (0, 0)
    assert endpoint.requests == []
    assert (embedder.n_dims, embedder.n_dims, len(endpoint.requests)) == (3, 3, 1)
    assert embedder.embed([]).shape == (0, 3)


def test_spans_are_sent_as_texts_of_their_own(endpoint: Endpoint) -> None:
    first, second = endpoint.embedder().embed_spans(["abcdef", "gh"], [[Span(0, 2), Span(2, 6)], []])
    assert endpoint.requests[0]["input"] == ["abcdef", "ab", "cdef", "gh"]
    assert (first.spans.shape, second.spans.shape) == ((2, 3), (0, 3))
    assert first.whole[0] > first.spans[1][0] > first.spans[0][0]


def test_the_fingerprint_names_host_and_model_and_nothing_secret() -> None:
    config = EmbeddingConfig("https://user:secret@example.org:8443/v1", "some-model")
    assert EndpointEmbedder(config).fingerprint == "endpoint:example.org:8443/some-model"
    assert isinstance(open_embedder(config), EndpointEmbedder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:1], "returned 1 vectors for 2 texts"),
        (lambda data: [*data, *data], "returned 4 vectors for 2 texts"),
        (lambda data: [], "returned 0 vectors for 2 texts"),
        (lambda data: None, "returned 0 vectors for 2 texts"),
        (lambda data: [{**entry, "index": 0} for entry in data], "which vector belongs to which text"),
        (lambda data: [{**entry, "index": str(entry["index"])} for entry in data], "which vector belongs"),
        (lambda data: [data[0], {"embedding": [1.0, 2.0, 3.0]}], "which vector belongs"),
        (lambda data: [{**entry, "embedding": [float("nan"), 1.0]} for entry in data], "not finite"),
        (lambda data: [{**entry, "embedding": [1e999, 1.0]} for entry in data], "not finite"),
        (lambda data: [{**entry, "embedding": [0.0, 0.0]} for entry in data], "a vector of zeros"),
        (lambda data: [{**entry, "embedding": []} for entry in data], "rows of numbers of one length"),
        (lambda data: [{**entry, "embedding": [1.0] * (1 + entry["index"])} for entry in data], "of one length"),
        (lambda data: [{**entry, "embedding": ["x", "y"]} for entry in data], "rows of numbers"),
        (lambda data: [{**entry, "embedding": None} for entry in data], "rows of numbers"),
        (lambda data: [{"index": entry["index"]} for entry in data], "rows of numbers"),
        (lambda data: ["x", "y"], "which vector belongs"),
        (lambda data: [{**entry, "index": [0]} for entry in data], "which vector belongs"),
    ],
)
def test_a_malformed_reply_is_refused(endpoint: Endpoint, change: Callable[..., Any], said: str) -> None:
    endpoint.replies = [reply(change)]
    assert said in failure(endpoint.embedder())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{", b"[]", b"null", b'"text"', b"", b"\xff\xfe"])
def test_a_reply_that_is_not_of_the_protocol_is_refused(endpoint: Endpoint, body: bytes) -> None:
    endpoint.replies = [lambda request: (200, body)]
    assert "not of the protocol" in failure(endpoint.embedder())


@pytest.mark.parametrize(
    ("code", "said"),
    [(401, "TINY_KEY"), (403, "TINY_KEY"), (404, "base_url"), (400, "batch_size"), (429, "capacity"), (500, "log")],
)
def test_each_refusal_says_what_to_do(endpoint: Endpoint, code: int, said: str) -> None:
    endpoint.replies = [status(code)]
    message = failure(endpoint.embedder())
    assert f"({code})" in message
    assert said in message
    assert len(endpoint.requests) == 1


def test_a_passing_failure_is_retried(endpoint: Endpoint) -> None:
    endpoint.replies = [status(429), status(503)]
    assert endpoint.embedder(max_retries=2).embed(["a"]).shape == (1, 3)
    assert len(endpoint.requests) == 3


def test_a_model_that_changes_its_dimension_is_noticed(endpoint: Endpoint) -> None:
    embedder = endpoint.embedder()
    embedder.embed(["a"])
    endpoint.replies = [reply(lambda data: [{**entry, "embedding": [1.0, 2.0]} for entry in data])]
    assert "2 dimensions after 3" in failure(embedder)


def test_nobody_listening_is_said_plainly(endpoint: Endpoint) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        message = failure(endpoint.embedder(base_url=f"http://127.0.0.1:{port}/v1"))
    assert "cannot be reached" in message
    assert f"127.0.0.1:{port}" in message


def test_a_reply_that_does_not_come_in_time_is_given_up(endpoint: Endpoint) -> None:
    released = threading.Event()

    def late(request: dict[str, Any]) -> tuple[int, Any]:
        released.wait(10)
        return 200, b"{}"

    endpoint.replies = [late]
    message = failure(endpoint.embedder(timeout_seconds=0.2))
    released.set()
    assert "no reply in 0.2 s" in message


def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_KEY", KEY + "\nX-Other: é")
    assert "TINY_KEY" in failure(endpoint.embedder())
    assert endpoint.requests == []
