"""A small chat endpoint that does what it is told, over real HTTP: the one fake of the language model.

    with ScriptedServer(Says("Graphs grow [1].")) as server:
        OpenAICompatibleModel(ModelConfig(server.base_url, "scripted"))

Scripts are used up in order, one per request; a request beyond the last gets a 500 that
says so. ``requests`` records what came.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when the client closed the connection before the script was through."""


@dataclass(frozen=True)
class Says:
    """A proper streamed reply: ``text`` word by word, or these ``pieces``."""

    text: str = ""
    pieces: Sequence[str] | None = None
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = (11, 7)
    reasoning: Sequence[str] = ()
    """Sent first, as ``reasoning_content``."""
    pause_seconds: float = 0.0
    """Before each piece."""
    done: bool = True
    """False: the connection closes without ``[DONE]``."""

    def parts(self) -> list[str]:
        if self.pieces is not None:
            return list(self.pieces)
        return self.text.replace(" ", " \0").split("\0") if self.text else []


@dataclass(frozen=True)
class Status:
    """An error: JSON in OpenAI's form, unless ``body`` is given."""

    code: int
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True)
class EchoKey:
    """An error whose body repeats the request's Authorization header."""

    code: int


@dataclass(frozen=True)
class HangUp:
    """The connection closes without an answer."""


@dataclass(frozen=True)
class Hang:
    """Nothing is answered until the client gives up (or 30 s)."""


@dataclass(frozen=True)
class Dribble:
    """Headers, these pieces, then keep-alive comments until the client gives up (or 30 s)."""

    pieces: Sequence[str] = ()


@dataclass(frozen=True)
class Break:
    """These pieces, then the connection is reset in the middle."""

    pieces: Sequence[str]


@dataclass(frozen=True)
class Raw:
    """This body, as it is."""

    body: bytes
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class RefusesField:
    """A 400 as long as the request has this field; then the next script is played."""

    name: str


Script = Says | Status | EchoKey | HangUp | Hang | Dribble | Break | Raw | RefusesField


def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    return event({"object": "chat.completion.chunk", "choices": [choice]})


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


class ScriptedServer:
    def __init__(self, *scripts: Script) -> None:
        self.scripts: deque[Script] = deque(scripts)
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def base_url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def queue(self, *scripts: Script) -> None:
        self.scripts.extend(scripts)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _ClientGone(Exception):
    pass


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.close_connection = True
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            server.requests.append(request)
            script = server.scripts[0] if server.scripts else Status(500, "no script left")
            if isinstance(script, RefusesField) and script.name not in body:
                server.scripts.popleft()
                script = server.scripts[0]
            if not isinstance(script, RefusesField) and server.scripts:
                server.scripts.popleft()
            try:
                self.play(script)
            except (_ClientGone, BrokenPipeError, ConnectionResetError):
                request.hung_up.set()

        def play(self, script: Script) -> None:
            if isinstance(script, Says):
                self.say(script)
            elif isinstance(script, Status):
                body = script.body or json.dumps({"error": {"message": script.message, "type": "scripted"}})
                self.answer(script.code, body.encode(), script.headers)
            elif isinstance(script, RefusesField):
                error = {"error": {"message": f"Unsupported parameter: '{script.name}'"}}
                self.answer(400, json.dumps(error).encode())
            elif isinstance(script, EchoKey):
                header = self.headers["Authorization"]
                body = json.dumps({"error": {"message": f"bad header Authorization: {header}", "seen": header}})
                self.answer(script.code, body.encode())
            elif isinstance(script, Hang):
                self.wait()
            elif isinstance(script, Dribble):
                self.begin()
                for piece in script.pieces:
                    self.send(chunk({"content": piece}))
                self.wait(b": still here\n\n")
            elif isinstance(script, Break):
                self.begin("Transfer-Encoding", "chunked")
                for piece in script.pieces:
                    data = chunk({"content": piece})
                    self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.send(b"ffff\r\nhalf a chu")
            elif isinstance(script, Raw):
                self.begin(content_type=script.content_type)
                self.send(script.body)

        def say(self, script: Says) -> None:
            self.begin()
            self.send(chunk({"role": "assistant", "content": ""}))
            for thought in script.reasoning:
                self.send(chunk({"reasoning_content": thought}))
            for piece in script.parts():
                if script.pause_seconds:
                    self.rest(script.pause_seconds)
                self.send(chunk({"content": piece}))
            if script.finish_reason is not None:
                self.send(chunk({}, script.finish_reason))
            if script.usage is not None:
                usage = {"prompt_tokens": script.usage[0], "completion_tokens": script.usage[1]}
                self.send(event({"choices": [], "usage": usage}))
            if script.done:
                self.send(b"data: [DONE]\n\n")

        def begin(self, *header: str, content_type: str = "text/event-stream") -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Connection", "close")
            if header:
                self.send_header(header[0], header[1])
            self.end_headers()

        def answer(self, code: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.send(body)

        def send(self, data: bytes) -> None:
            self.wfile.write(data)
            self.wfile.flush()

        def wait(self, keep_alive: bytes = b"") -> None:
            until = time.monotonic() + 30
            while time.monotonic() < until and not server._ending.is_set():
                if keep_alive:
                    self.send(keep_alive)
                self.rest(0.05)

        def rest(self, seconds: float) -> None:
            """Wait, but notice when the client hangs up."""
            until = time.monotonic() + seconds
            self.connection.settimeout(0.02)
            try:
                while time.monotonic() < until and not server._ending.is_set():
                    try:
                        if self.connection.recv(1, socket.MSG_PEEK) == b"":
                            raise _ClientGone
                    except TimeoutError:
                        continue
            finally:
                self.connection.settimeout(None)

    return Handler
