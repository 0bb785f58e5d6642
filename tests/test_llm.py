"""The seam to language models, against a scripted endpoint over real HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest
from scripted_server import (
    Break,
    Dribble,
    EchoKey,
    Hang,
    HangUp,
    Raw,
    RefusesField,
    Says,
    ScriptedServer,
    Status,
    chunk,
    event,
)

from rag.config import ModelConfig
from rag.errors import (
    ModelAuthError,
    ModelError,
    ModelInterrupted,
    ModelRateLimited,
    ModelServerError,
    ModelTimeout,
    ModelUnreachable,
)
from rag.llm import LanguageModel, Message, host_of, open_model
from rag.llm_http import OpenAICompatibleModel
from rag.llm_reply import ThoughtFilter
from rag.types import Usage

pytestmark = pytest.mark.slow

QUESTION = [Message("system", "be brief"), Message("user", "why?")]
KEY = "sk-verysecret0123456789"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ADMIN_KEY", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def model_at(server: ScriptedServer, **settings: Any) -> OpenAICompatibleModel:
    settings = {"first_token_seconds": 5.0, "total_seconds": 10.0, **settings}
    return OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", **settings))


def reply(model: LanguageModel) -> str:
    with model.stream(QUESTION) as stream:
        return "".join(stream)


def failure(model: LanguageModel) -> ModelError:
    with pytest.raises(ModelError) as caught:
        reply(model)
    assert "\n" not in str(caught.value)
    return caught.value


# What is sent, and what comes back


def test_text_usage_and_finish_reason_arrive() -> None:
    with ScriptedServer(Says("Graphs grow [1].")) as server:
        with model_at(server).stream(QUESTION) as stream:
            pieces = [piece for piece in stream if piece]
        assert pieces == ["Graphs ", "grow ", "[1]."]
        assert stream.usage == Usage(11, 7)
        assert stream.finish_reason == "stop"


def test_the_request_names_the_model_the_limits_and_the_messages_in_order() -> None:
    with ScriptedServer(Says("yes")) as server:
        reply(model_at(server, max_output_tokens=33))
        (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "scripted",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}],
        "stream": True,
        "max_tokens": 33,
        "temperature": 0.0,
        "stream_options": {"include_usage": True},
    }


def test_the_key_is_read_when_asking_and_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(Says("a"), Says("b")) as server:
        model = model_at(server, key_env="MY_KEY")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
        monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
        reply(model)
        monkeypatch.setenv("MY_KEY", f"{KEY}\n")
        reply(model)
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer none", f"Bearer {KEY}"]


def test_the_environment_cannot_move_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/elsewhere")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with ScriptedServer(Says("here")) as server:
        assert reply(model_at(server)) == "here"


def test_no_redirect_carries_the_question_elsewhere() -> None:
    with ScriptedServer(Says("stolen")) as other:
        with ScriptedServer(Status(307, headers={"Location": f"{other.base_url}/chat/completions"})) as server:
            error = failure(model_at(server))
        assert isinstance(error, ModelServerError)
        assert "redirect" in str(error)
        assert other.requests == []


def test_no_configuration_means_no_model() -> None:
    assert open_model(None) is None
    opened = open_model(ModelConfig("http://127.0.0.1:1/v1", "nobody"))
    assert opened is not None
    assert opened.name == "nobody"


@pytest.mark.parametrize(
    ("context_tokens", "evidence", "resolved"),
    [(8192, "auto", "abstracts"), (4096, "auto", "sentences"), (4096, "abstracts", "abstracts")],
)
def test_small_contexts_get_sentences_unless_told_otherwise(context_tokens: int, evidence: Any, resolved: str) -> None:
    config = ModelConfig("http://x/v1", "m", context_tokens=context_tokens, evidence=evidence)
    assert OpenAICompatibleModel(config).evidence == resolved


# Dialects of the protocol


@pytest.mark.parametrize("name", ["stream_options", "temperature"])
def test_a_field_that_the_server_refuses_is_left_out_from_then_on(name: str) -> None:
    with ScriptedServer(RefusesField(name), Says("once"), Says("twice")) as server:
        model = model_at(server)
        assert reply(model) == "once"
        assert reply(model) == "twice"
        assert [name in request.body for request in server.requests] == [True, False, False]


def test_a_server_that_wants_max_completion_tokens_gets_it() -> None:
    message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with ScriptedServer(Status(400, message), Says("yes")) as server:
        assert reply(model_at(server)) == "yes"
        assert "max_completion_tokens" in server.requests[1].body
        assert "max_tokens" not in server.requests[1].body


def test_a_bad_request_is_not_repeated_for_ever() -> None:
    with ScriptedServer(*[Status(400, "bad request")] * 5) as server:
        assert "400 (bad request)" in str(failure(model_at(server)))
        assert len(server.requests) == 2


def test_a_context_that_is_too_long_says_so() -> None:
    with ScriptedServer(Status(400, "maximum context length is 2048 tokens")) as server:
        error = str(failure(model_at(server)))
    assert "maximum context length is 2048" in error
    assert "context_tokens" in error


def test_thoughts_in_a_field_of_their_own_are_not_answer() -> None:
    with ScriptedServer(Says("No.", reasoning=["let", "me", "see"])) as server:
        assert reply(model_at(server)) == "No."


def test_thoughts_in_tags_are_not_answer_however_they_are_cut() -> None:
    text = "\n<think>first, <b>maybe</think>\n\nNo. <think>"
    for size in (1, 2, 3, 7, 100):
        thoughts = ThoughtFilter()
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert "".join(map(thoughts.feed, pieces)) + thoughts.finish() == "No. <think>"


@pytest.mark.parametrize("text", ["<thin ice", "<", "plain", "  x"])
def test_what_only_looks_like_a_thought_is_kept(text: str) -> None:
    thoughts = ThoughtFilter()
    assert "".join(map(thoughts.feed, text)) + thoughts.finish() == text


def test_an_unfinished_thought_is_no_answer() -> None:
    thoughts = ThoughtFilter()
    assert "".join(map(thoughts.feed, "<think>on and on")) + thoughts.finish() == ""


def test_unicode_line_separators_inside_a_chunk_do_not_break_it() -> None:
    body = event({"choices": [{"delta": {"content": "a\u2028b\x85c"}, "finish_reason": "stop"}]})
    with ScriptedServer(Raw(body)) as server:
        assert reply(model_at(server)) == "a\u2028b\x85c"


def test_a_reply_that_is_not_streamed_is_read_whole() -> None:
    body = {"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}
    with ScriptedServer(Raw(json.dumps(body, indent=1).encode(), "application/json")) as server:
        with model_at(server).stream(QUESTION) as stream:
            assert "".join(stream) == "whole"
        assert stream.usage == Usage(3, None)


def test_content_in_parts_is_joined_and_odd_chunks_are_passed_over() -> None:
    body = (
        event({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}, {"text": "b"}, 5]}}]})
        + event({"timings": {}})
        + event({"choices": [None]})
        + event({"choices": [{"delta": None}]})
        + event({"choices": [], "usage": {"prompt_tokens": True, "completion_tokens": -1}})
        + b": comment\n\nretry: 5\n\ndata:[DONE]\n\n"
    )
    with ScriptedServer(Raw(body)) as server, model_at(server).stream(QUESTION) as stream:
        assert "".join(stream) == "ab"
        assert stream.usage == Usage()


def test_a_model_that_says_nothing_is_empty_and_no_error() -> None:
    with ScriptedServer(Says("")) as server:
        assert reply(model_at(server)) == ""


def test_length_is_told_as_the_finish_reason() -> None:
    with ScriptedServer(Says("cut o", finish_reason="length")) as server, model_at(server).stream(QUESTION) as stream:
        assert "".join(stream) == "cut o"
        assert stream.finish_reason == "length"


# Failures


def test_a_refused_connection_names_the_host_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        model = OpenAICompatibleModel(ModelConfig(f"http://me:pass-word@{address}/v1", "m", max_retries=1))
        error = failure(model)
    assert isinstance(error, ModelUnreachable)
    assert address in str(error)
    assert "pass-word" not in str(error)
    assert "base_url" in str(error)


@pytest.mark.parametrize("code", [401, 403])
def test_a_wrong_key_is_named_by_its_variable_and_not_tried_again(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ScriptedServer(Status(code, "no")) as server:
        error = failure(model_at(server))
        assert len(server.requests) == 1
    assert isinstance(error, ModelAuthError)
    assert "OPENAI_API_KEY" in str(error)


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
def test_no_error_shows_the_key_even_if_the_server_echoes_it(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not of the form sk-..., so that only knowing the key can hide it.
    key = "geheim/0123+456=="
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with ScriptedServer(EchoKey(code), EchoKey(code)) as server:
        error: BaseException | None = failure(model_at(server, max_retries=0))
    while error is not None:
        assert key not in repr(error)
        assert key not in str(error)
        error = error.__cause__ or error.__context__


def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "geheim\nInjected: yes")
    with ScriptedServer(Says("never")) as server:
        error = failure(model_at(server))
        assert server.requests == []
    assert isinstance(error, ModelAuthError)
    assert "geheim" not in str(error)


def test_a_missing_model_names_model_and_base_url() -> None:
    with ScriptedServer(Status(404, "model not found")) as server:
        error = str(failure(model_at(server)))
    assert "'scripted'" in error
    assert "base_url" in error
    assert "model not found" in error


def test_too_many_requests_wait_as_long_as_asked_and_try_again() -> None:
    with ScriptedServer(Status(429, headers={"Retry-After": "0.3"}), Says("now")) as server:
        started = time.monotonic()
        assert reply(model_at(server)) == "now"
        assert 0.3 <= time.monotonic() - started < 3


def test_a_wait_beyond_the_deadline_is_not_waited() -> None:
    with ScriptedServer(Status(429, headers={"Retry-After": "3600"})) as server:
        started = time.monotonic()
        error = failure(model_at(server))
        assert time.monotonic() - started < 3
    assert isinstance(error, ModelRateLimited)
    assert "3600 s" in str(error)


def test_an_exhausted_quota_is_not_tried_again() -> None:
    body = json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})
    with ScriptedServer(Status(429, body=body)) as server:
        assert isinstance(failure(model_at(server)), ModelRateLimited)
        assert len(server.requests) == 1


@pytest.mark.parametrize("script", [Status(500), Status(503), HangUp()])
def test_a_passing_failure_is_tried_again(script: Any) -> None:
    with ScriptedServer(script, script, Says("third time")) as server:
        assert reply(model_at(server)) == "third time"


def test_the_last_retry_ends_in_the_servers_error() -> None:
    with ScriptedServer(*[Status(500, "out of memory")] * 3) as server:
        error = failure(model_at(server, max_retries=1))
        assert len(server.requests) == 2
    assert isinstance(error, ModelServerError)
    assert "out of memory" in str(error)


def test_a_page_of_html_is_not_quoted() -> None:
    with ScriptedServer(Status(502, body="<html><body>Bad gateway</body></html>")) as server:
        error = failure(model_at(server, max_retries=0))
    assert "<" not in str(error)


def test_a_break_in_the_middle_keeps_what_had_come_and_is_not_tried_again() -> None:
    with ScriptedServer(Break(["Graphs ", "gro"]), Says("again")) as server:
        error = failure(model_at(server))
        assert len(server.requests) == 1
    assert isinstance(error, ModelInterrupted)
    assert error.partial == "Graphs gro"


def test_a_stream_without_its_end_is_a_break() -> None:
    with ScriptedServer(Says("Graphs gro", finish_reason=None, done=False)) as server:
        error = failure(model_at(server))
    assert isinstance(error, ModelInterrupted)
    assert error.partial == "Graphs gro"


def test_an_end_is_known_by_either_of_its_signs() -> None:
    with ScriptedServer(Says("a", done=False), Says("b", finish_reason=None)) as server:
        model = model_at(server)
        assert reply(model) == "a"
        assert reply(model) == "b"


@pytest.mark.parametrize("begun", [False, True])
def test_an_error_inside_the_stream_is_an_error(begun: bool) -> None:
    body = chunk({"content": "Gra"}) * begun + event({"error": {"message": "slot \x07 failed", "code": 500}})
    with ScriptedServer(Raw(body)) as server:
        error = failure(model_at(server))
    assert isinstance(error, ModelInterrupted if begun else ModelServerError)
    assert "slot failed" in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"data: hello\n\n", b"data: 5\n\n", b'{"a": 1}'])
def test_a_reply_in_another_protocol_says_what_to_check(body: bytes) -> None:
    with ScriptedServer(*[Raw(body)] * 3) as server:
        error = failure(model_at(server))
    assert isinstance(error, ModelServerError)
    assert "base_url" in str(error)


# Deadlines and stopping


def test_a_server_that_never_answers_ends_in_time() -> None:
    with ScriptedServer(Hang()) as server:
        started = time.monotonic()
        error = failure(model_at(server, first_token_seconds=1.5))
        assert 1.5 <= time.monotonic() - started < 15
        assert server.requests[0].hung_up.wait(20)
    assert isinstance(error, ModelTimeout)
    assert "1.5 s" in str(error)


def test_keep_alives_are_no_tokens() -> None:
    with ScriptedServer(Dribble()) as server:
        error = failure(model_at(server, first_token_seconds=0.5))
    assert isinstance(error, ModelTimeout)
    assert "first token" in str(error)


def test_an_answer_that_does_not_end_ends_in_time() -> None:
    with ScriptedServer(Dribble(["Graphs "])) as server:
        error = failure(model_at(server, first_token_seconds=1.8, total_seconds=2))
        assert server.requests[0].hung_up.wait(20)
    assert isinstance(error, ModelTimeout)
    assert "did not finish within 2 s" in str(error)


def test_an_answer_that_pours_without_end_ends_in_time() -> None:
    with ScriptedServer(Says(pieces=["x "] * 3000, pause_seconds=0.001)) as server:
        started = time.monotonic()
        assert isinstance(failure(model_at(server, total_seconds=0.6)), ModelTimeout)
        assert time.monotonic() - started < 15


def test_a_slow_reader_does_not_make_the_model_late() -> None:
    with ScriptedServer(Says("one two three")) as server:
        pieces = []
        with model_at(server, first_token_seconds=3, total_seconds=3).stream(QUESTION) as stream:
            for piece in stream:
                pieces.append(piece)
                time.sleep(1.1 if piece else 0)
        assert "".join(pieces) == "one two three"


def test_while_nothing_comes_the_reader_gets_empty_pieces() -> None:
    with ScriptedServer(Hang()) as server, model_at(server).stream(QUESTION) as stream:
        assert next(stream) == ""
        assert next(stream) == ""


@pytest.mark.parametrize("script", [Hang(), Dribble(["Graphs "])])
def test_closing_hangs_up_at_once(script: Any) -> None:
    with ScriptedServer(script) as server:
        stream = model_at(server).stream(QUESTION)
        while not server.requests:
            next(stream)
        started = time.monotonic()
        stream.close()
        assert server.requests[0].hung_up.wait(2)
        assert time.monotonic() - started < 1
        assert list(stream) == []


def test_another_thread_can_close_a_waiting_stream() -> None:
    with ScriptedServer(Hang()) as server, model_at(server, first_token_seconds=30).stream(QUESTION) as stream:
        threading.Timer(0.3, stream.close).start()
        started = time.monotonic()
        assert "".join(stream) == ""
        assert time.monotonic() - started < 3


def test_closing_between_retries_does_not_wait() -> None:
    with ScriptedServer(Status(503, headers={"Retry-After": "4"})) as server:
        stream = model_at(server).stream(QUESTION)
        while not server.requests:
            next(stream)
        started = time.monotonic()
        stream.close()
        assert time.monotonic() - started < 1
        assert threading.active_count() < 10


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@llm.example/v1", "llm.example"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        ("http://h:99999999/v1", "the configured address"),
        ("", "the configured address"),
    ],
)
def test_hosts_are_shown_without_credentials(url: str, host: str) -> None:
    assert host_of(url) == host


# llama-index's models


def test_a_llama_index_model_streams_like_any_other() -> None:
    from llama_index.core.llms.mock import MockLLM

    from rag.llama.models import LlamaIndexModel

    model: LanguageModel = LlamaIndexModel(MockLLM(max_tokens=3))
    assert reply(model)
    assert model.max_output_tokens > 0
    assert model.evidence == "sentences"


def test_a_failing_llama_index_model_is_a_model_error_without_its_key() -> None:
    from llama_index.core.llms.mock import MockLLM

    from rag.llama.models import LlamaIndexModel

    class Failing(MockLLM):
        def stream_chat(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(f"401 for Bearer {KEY}")

    error = failure(LlamaIndexModel(Failing()))
    assert KEY not in str(error)
    assert error.__cause__ is None
