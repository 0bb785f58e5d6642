"""The doors beside gradio's: questions and their answers as they come, small acts, files in, files out.

An ASGI middleware over ``footnoted/...``. An answer comes as a message a line, in JSON.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import FootnotedError
from ui.conversations import MAX_TITLE_CHARACTERS
from ui.desk.desk import Desk, language_of
from ui.desk.messages import Message
from ui.errors import Refused
from ui.gate import person_of
from ui.people import Person
from ui.rendering.markup import shortened
from ui.runs import Run
from ui.sharing import imported
from ui.sharing.export import KINDS, Exported, file_name
from ui.texts import Texts

_log = logging.getLogger(__name__)

MAX_ACT_BYTES = 200_000
MAX_FOLLOWED = 400
"""Answers that tabs may watch at the same time; watching takes a connection and no thread."""


class Doors:
    """Answers what is below ``/footnoted/`` and hands on the rest."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self.app = app
        self._desk = desk
        self._n_followed = 0
        self._router = Router(
            [
                Route("/footnoted/ask", self._ask, methods=["POST"]),
                Route("/footnoted/follow", self._follow, methods=["POST"]),
                Route("/footnoted/do", self._act, methods=["POST"]),
                Route("/footnoted/add", self._add, methods=["POST"]),
                Route("/footnoted/import", self._import, methods=["POST"]),
                Route("/footnoted/export/{conversation}.{kind}", self._export, methods=["GET"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = str(scope.get("root_path", "")).rstrip("/")
        if scope["type"] == "http" and str(scope["path"]).removeprefix(root).startswith("/footnoted/"):
            await self._router(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _ask(self, request: Request) -> Response:
        """A question: what the page shows at once, and then how the answer goes on, to its end."""

        def begin(person: Person, asked: Mapping[str, Any], t: Texts) -> tuple[Run | None, Message | None]:
            run, message = self._desk.talking.ask(person, asked, str(asked.get("question") or ""), t)
            return run, {**message, "begins": True}

        return await self._watched(request, begin)

    async def _follow(self, request: Request) -> Response:
        """How the answer of a conversation goes on; nothing where none is under way."""
        return await self._watched(
            request, lambda person, asked, _: (self._desk.talking.under_way(person, asked), None)
        )

    async def _watched(
        self,
        request: Request,
        begin: Callable[[Person, Mapping[str, Any], Texts], tuple[Run | None, Message | None]],
    ) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        person, t = person_of(request), language_of(asked)
        try:
            self._check_followed(t)
            run, first = await run_sync(begin, person, asked, t)
        except FootnotedError as error:
            return _refusal(str(error))
        return self._streamed(person, run, t, first) if run is not None else Response(status_code=204)

    def _check_followed(self, t: Texts) -> None:
        if self._n_followed >= MAX_FOLLOWED:
            raise Refused(t("failed.full"))

    def _streamed(self, person: Person, run: Run, t: Texts, first: Message | None = None) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            self._n_followed += 1
            try:
                if first is not None:
                    yield _line(first)
                async for message in self._desk.talking.follow(person, run, t):
                    yield _line(message)
            except FootnotedError as error:
                yield _line({"conversation": run.conversation_id, "busy": False, "error": str(error)})
            finally:
                self._n_followed -= 1

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)

    async def _act(self, request: Request) -> Response:
        """One small act: JSON in, a message out; a refusal is 409 with its reason in words."""
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        return await _told(self._desk.act, person_of(request), asked)

    async def _add(self, request: Request) -> Response:
        """A file on its way into the library, as the whole body; its name is in a header."""
        person, t = person_of(request), _texts(request)
        name = unquote(request.headers.get("x-file-name", ""))[:1_000]
        limit, size = self._desk.settings.limits.upload_bytes, self._desk.settings.limits.upload_size
        try:
            self._desk.shelving.check_may_change(t)
            if self._desk.adding.n_under_way >= self._desk.settings.limits.files_waiting:
                raise Refused(t("add.too_many_waiting"))
            if int(request.headers.get("content-length") or 0) > limit:
                raise Refused(t("add.too_big", name=shortened(name), size=size))
        except Refused as error:
            return _refusal(str(error))
        path = await run_sync(_new_file, self._desk.adding.room())
        n_bytes = 0
        try:
            with path.open("wb") as stream:
                async for part in request.stream():
                    n_bytes += len(part)
                    if n_bytes > limit:
                        raise Refused(t("add.too_big", name=shortened(name), size=size))
                    await run_sync(stream.write, part)
        except Refused as error:
            path.unlink(missing_ok=True)
            return _refusal(str(error))
        except (ClientDisconnect, OSError):
            path.unlink(missing_ok=True)
            return _refusal(t("add.broken_off", name=shortened(name)))
        self._desk.adding.take(path, name, person.person_id)
        return await _told(self._desk.act, person, {"do": "files", "language": t.language})

    async def _import(self, request: Request) -> Response:
        person, t = person_of(request), _texts(request)
        body = await _read(request, imported.MAX_BYTES)
        if body is None:
            return _refusal(t("import.too_big", size=f"{imported.MAX_BYTES // 1_000_000} MB"))
        try:
            conversation = await run_sync(imported.read, body, t)
            own = await run_sync(self._keep, person.person_id, conversation)
        except FootnotedError as error:
            return _refusal(str(error))
        return JSONResponse({"conversation": own})

    def _keep(self, owner: str, conversation: Exported) -> str:
        kept = self._desk.conversations
        own = kept.new(owner, conversation.title[:MAX_TITLE_CHARACTERS], imported=True)
        for turn in conversation.turns:
            assert turn.answer is not None
            kept.begin(own, turn.number, turn.question, turn.request, turn.answer)
            kept.save(own, turn.number, turn.answer, is_over=True)
        return own

    async def _export(self, request: Request) -> Response:
        person, t = person_of(request), _texts(request)
        own, kind = request.path_params["conversation"], request.path_params["kind"]
        if kind not in KINDS:
            return _refusal(f"there is no export as '{kind}'", 404)
        try:
            about = await run_sync(self._desk.conversations.about, person.person_id, own)
            turns = await run_sync(self._desk.conversations.turns, person.person_id, own)
        except FootnotedError as error:
            return _refusal(str(error), 500)
        if about is None:
            return _refusal(t("failed.gone"), 404)
        media, write = KINDS[kind]
        data = await run_sync(write, Exported(about.title or t("list.untitled"), turns), t)
        name = file_name(about.title, kind)
        headers = {
            "content-disposition": f"attachment; filename={quote(name)}",
            "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
            "cache-control": "no-store",
        }
        return Response(data.encode("utf-8", "replace"), media_type=f"{media}; charset=utf-8", headers=headers)


async def _told(act: Any, *arguments: Any) -> Response:
    try:
        return JSONResponse(await run_sync(act, *arguments))
    except FootnotedError as error:
        return _refusal(str(error))
    except Exception as error:  # noqa: BLE001 - a bug must not show its insides to a browser
        _log.exception("an act failed")
        return _refusal(f"footnoted itself failed ({type(error).__name__}); the details are in its log", 500)


async def _asked(request: Request) -> Mapping[str, Any] | Response:
    """What the page sends, or why that cannot be."""
    body = await _read(request, MAX_ACT_BYTES)
    if body is None:
        return _refusal("that is too long", 413)
    try:
        return await run_sync(_parsed, body)
    except ValueError:
        return _refusal("that is not JSON", 400)


def _line(message: Message) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


def _refusal(why: str, status: int = 409) -> Response:
    return JSONResponse({"error": why}, status)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


async def _read(request: Request, limit: int) -> bytes | None:
    """The body; None if it is longer than ``limit``."""
    parts, n_bytes = [], 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _texts(request: Request) -> Any:
    return language_of({"language": request.query_params.get("language") or request.headers.get("accept-language")})


def _new_file(folder: Path) -> Path:
    """An empty file with a name of ours: nothing of what a browser sends becomes a path."""
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    return Path(name)
