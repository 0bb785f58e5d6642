"""Language models at an address: everything that knows HTTP, keys, retries or deadlines."""

from __future__ import annotations

import os
import queue
import random
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import unquote, urlsplit

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
from rag.llm import Message, ModelStream, ResolvedEvidence, host_of, is_loopback, resolved_evidence
from rag.llm_reply import End, Rejected, ReplyReader, Vanished, broke_off, said_in
from rag.types import Usage

HEARTBEAT_SECONDS = 0.2
"""How often a waiting stream yields an empty piece, so that its reader can look for a stop."""

MAX_BACKOFF_SECONDS = 8.0
CONNECT_SECONDS = 10.0
PLACEHOLDER_KEY = "none"


class OpenAICompatibleModel:
    """A chat endpoint that speaks OpenAI's protocol, at ``config.base_url`` and nowhere else.

    The key is read from the environment at each call and kept nowhere.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.name = config.name
        self.context_tokens = config.context_tokens
        self.max_output_tokens = config.max_output_tokens
        self.evidence: ResolvedEvidence = resolved_evidence(config.evidence, config.context_tokens)
        self._dialect = _Dialect()

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        """Ask for a reply; the request goes out at once, and errors come while iterating."""
        # In the caller's thread: an import in the reading thread would hide its own failure.
        import openai  # noqa: F401

        return _HttpStream(self, [{"role": message.role, "content": message.content} for message in messages])


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Which optional fields an endpoint takes; narrowed when it answers 400 to one."""

    stream_options: bool = True
    temperature: bool = True
    seed: bool = True
    length_field: str = "max_tokens"

    def after_refusal(self, said: str) -> _Dialect | None:
        """The next dialect to try after a 400 that says ``said``, or None when none is left."""
        if "max_completion_tokens" in said and self.length_field == "max_tokens":
            return replace(self, length_field="max_completion_tokens")
        if "temperature" in said and self.temperature:
            return replace(self, temperature=False)
        if "seed" in said and self.seed:
            return replace(self, seed=False)
        # Servers name the field they do not know, or only say "bad request"; a context that
        # is too long is their commonest other 400, and stays one whatever is left out.
        if self.stream_options and "context" not in said:
            return replace(self, stream_options=False)
        return None


@dataclass(frozen=True, slots=True)
class _Retry:
    """An attempt failed before its first token, in a way that another attempt may not."""

    error: ModelError
    after_seconds: float | None


class _HttpStream:
    """One reply, read by a thread of its own.

    The thread is what makes the deadlines hold: a read from a server that accepts and
    then says nothing, or sends only keep-alives, cannot be left from within, but its
    reader can stop waiting and shut the socket.
    """

    def __init__(self, model: OpenAICompatibleModel, messages: list[dict[str, str]]) -> None:
        self.usage = Usage()
        self.finish_reason: str | None = None
        self._model = model
        self._config = model.config
        self._messages = messages
        self._host = host_of(model.config.base_url)
        self._key = os.environ.get(model.config.key_env, "").strip()
        self._started = time.monotonic()
        self._begun = False
        self._over = False
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        # BaseException carries what the thread could not handle to the one who can.
        self._queue: queue.SimpleQueue[str | End | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="model-stream", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._over or self._closed.is_set():
            raise StopIteration
        try:
            event = self._queue.get_nowait()
        except queue.Empty:
            # Asked only when nothing waits to be read: a reader that is busy checking
            # sentences must not turn a punctual model into a late one.
            waiting = min(HEARTBEAT_SECONDS, self._seconds_left())
            if waiting <= 0:
                self.close()
                raise self._too_late() from None
            try:
                event = self._queue.get(timeout=waiting)
            except queue.Empty:
                return ""
        if isinstance(event, str):
            self._begun = True
            return event
        if self._closed.is_set():
            # Shutting the socket made an error of its own, which is nobody's news.
            raise StopIteration
        self._over = True
        self.close()
        if isinstance(event, End):
            self.usage, self.finish_reason = event.usage, event.finish_reason
            raise StopIteration
        raise event

    def close(self) -> None:
        self._closed.set()
        self._shut_socket()
        if self._thread is not threading.current_thread():
            # A moment for the thread to give the connection back; a name look-up cannot be interrupted.
            self._thread.join(timeout=1.0)

    def _shut_socket(self) -> None:
        if self._socket is not None:
            try:
                # Closing alone does not wake a thread that waits in a read; shutting down does. The
                # unbound method, because the TLS one would drop its state under the reading thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return  # it was closed already

    def _seconds_left(self) -> float:
        allowed = self._config.total_seconds
        if not self._begun:
            allowed = min(allowed, self._config.first_token_seconds)
        return self._started + allowed - time.monotonic()

    def _too_late(self) -> ModelTimeout:
        if self._begun:
            return ModelTimeout(
                f"the model at {self._host} did not finish within {self._config.total_seconds:g} s: "
                "raise total_seconds, or lower max_output_tokens"
            )
        allowed = min(self._config.first_token_seconds, self._config.total_seconds)
        return ModelTimeout(
            f"the model at {self._host} sent no first token within {allowed:g} s: "
            "check that it is not overloaded, or raise first_token_seconds"
        )

    # From here on: the reading thread.

    def _work(self) -> None:
        try:
            end = self._read_with_retries()
        except ModelError as error:
            # `from None` only hides the openai package's error, and that one prints the server's body.
            error.__context__ = None
            self._queue.put(error)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the stream is read
            self._queue.put(error)
        else:
            self._queue.put(end)

    def _read_with_retries(self) -> End:
        import httpx

        if not all(" " < character <= "~" for character in self._key):
            raise ModelAuthError(
                f"the key in {self._config.key_env} holds characters that no key has: set it again, without quotes"
            )
        n_retries = 0
        # Redirects are not followed: they would carry the question to a host that nobody configured. A proxy
        # from the environment is not asked for this machine's own servers, for the same reason.
        with httpx.Client(
            timeout=httpx.Timeout(self._config.total_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=not is_loopback(self._config.base_url),
            event_hooks={"request": [self._watch]},
        ) as http:
            dialect = self._model._dialect
            while True:
                result = self._attempt(http, dialect)
                if isinstance(result, End):
                    # Kept only once it worked, so that the next question need not find it out again.
                    self._model._dialect = dialect
                    return result
                if isinstance(result, _Dialect):
                    dialect = result
                    continue
                wait = result.after_seconds
                if wait is None:
                    # Jitter, so that several readers that were turned away do not come back together.
                    wait = min(MAX_BACKOFF_SECONDS, 0.5 * 2**n_retries) * random.uniform(0.5, 1.0)
                if n_retries >= self._config.max_retries or wait >= self._seconds_left():
                    raise result.error
                n_retries += 1
                if self._closed.wait(wait):
                    raise result.error

    def _watch(self, request: Any) -> None:
        """Remember the socket of ``request`` as soon as it exists, before any answer."""

        def trace(event: str, details: Mapping[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                self._socket = details["return_value"].get_extra_info("socket")
                if self._closed.is_set():
                    self._shut_socket()

        request.extensions["trace"] = trace

    def _attempt(self, http: Any, dialect: _Dialect) -> End | _Retry | _Dialect:
        import httpx
        import openai

        reader = ReplyReader(self._host)
        try:
            client = openai.OpenAI(
                # All explicit, else the package takes its own from the environment.
                api_key=self._key or PLACEHOLDER_KEY,
                admin_api_key="",
                base_url=self._config.base_url,
                max_retries=0,
                http_client=http,
            )
            request: dict[str, Any] = {dialect.length_field: self._config.max_output_tokens}
            if dialect.temperature:
                request["temperature"] = self._config.temperature
            if dialect.seed and self._config.seed is not None:
                request["seed"] = self._config.seed
            if dialect.stream_options:
                request["stream_options"] = {"include_usage": True}
            with client.chat.completions.with_streaming_response.create(
                model=self._config.name, messages=cast(Any, self._messages), stream=True, **request
            ) as response:
                for piece in reader.pieces(response.iter_bytes()):
                    self._queue.put(piece)
                    if self._closed.is_set():
                        break
                    if time.monotonic() - self._started > self._config.total_seconds:
                        self._begun = True
                        raise self._too_late()
            return reader.end()
        except openai.APIStatusError as error:
            return self._after_status(error, dialect)
        except openai.APITimeoutError:
            return _Retry(self._unreachable("it did not take the connection in time"), None)
        except (openai.APIConnectionError, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            why = self._scrubbed(str(error.__cause__ or error)) or type(error.__cause__ or error).__name__
            if reader.text:
                raise ModelInterrupted(broke_off(self._host), reader.text) from None
            return _Retry(self._unreachable(why), None)
        except openai.OpenAIError as error:
            raise ModelError(f"the request to {self._host} could not be made: {self._scrubbed(str(error))}") from None
        except Rejected as rejected:
            what = f"the model at {self._host} reported an error: {self._scrubbed(rejected.said)}"
            if reader.text:
                raise ModelInterrupted(f"{what}; ask again", reader.text) from None
            raise ModelServerError(f"{what}; see its log") from None
        except Vanished:
            return _Retry(self._unreachable("the connection broke off before the first word"), None)

    def _unreachable(self, why: str) -> ModelUnreachable:
        return ModelUnreachable(
            f"cannot reach the model at {self._host}: {why}; check that the server runs and that base_url is right"
        )

    def _after_status(self, error: Any, dialect: _Dialect) -> _Retry | _Dialect:
        """What to do about an answer that is not 200. The package's error is not kept as the
        cause: it prints the answer's body, which may echo the key."""
        status: int = error.status_code
        said = self._scrubbed(said_in(error.body))
        detail = f" ({said})" if said else ""
        after_seconds = _retry_after(error.response.headers)
        if status in (400, 422):
            other = dialect.after_refusal(said)
            if other is not None:
                return other
        if status in (401, 403):
            todo = "put a valid key in it" if self._key else "it is not set: put your key in it"
            raise ModelAuthError(
                f"{self._host} answered {status}{detail} to the key in {self._config.key_env}: {todo}"
            ) from None
        if status == 429:
            limited = ModelRateLimited(
                f"{self._host} answered 429{detail}: too many requests, or no quota left; "
                + (f"it asks to wait {after_seconds:g} s" if after_seconds is not None else "wait, then ask again")
            )
            if "insufficient_quota" in said or getattr(error, "code", None) == "insufficient_quota":
                raise limited from None
            return _Retry(limited, after_seconds)
        if status >= 500 or status == 408:
            return _Retry(ModelServerError(f"{self._host} answered {status}{detail}: see its log"), after_seconds)
        if 300 <= status < 400:
            raise ModelServerError(
                f"{self._host} answered {status}, a redirect, which is not followed: set base_url to the final address"
            ) from None
        todo = (
            f"check that it serves '{self._config.name}' and that base_url ends where /chat/completions begins"
            if status in (404, 405)
            else "check the model's settings, its context_tokens above all"
        )
        raise ModelError(f"{self._host} answered {status}{detail}: {todo}") from None

    def _scrubbed(self, text: str) -> str:
        """``text`` on one line of at most 200 characters, without anything that looks like a secret."""
        secrets = [self._key, *_credentials(self._config.base_url)]
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, "***")
        text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s\"',;)}]+", r"\1 ***", text)
        text = re.sub(r"\bsk-[\w*-]{4,}", "***", text)
        text = re.sub(r"://[^/@\s]*@", "://", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= 200 else text[:199] + "…"


def _credentials(base_url: str) -> list[str]:
    try:
        parts = urlsplit(base_url)
    except ValueError:
        return []
    return [form for part in (parts.username, parts.password) if part for form in (part, unquote(part))]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; None where it does not say."""
    value = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
