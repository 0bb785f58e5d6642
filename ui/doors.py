"""The doors beside gradio's: small acts, files in, files out. An ASGI middleware over ``footnoted/...``."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.errors import FootnotedError
from ui.conversations import MAX_TITLE_CHARACTERS
from ui.desk.desk import Desk, language_of
from ui.errors import Refused
from ui.gate import person_of
from ui.rendering.markup import shortened
from ui.sharing import imported
from ui.sharing.export import KINDS, Exported, file_name

_log = logging.getLogger(__name__)

MAX_ACT_BYTES = 200_000


class Doors:
    """Answers what is below ``/footnoted/`` and hands on the rest."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self.app = app
        self._desk = desk
        self._router = Router(
            [
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

    async def _act(self, request: Request) -> Response:
        """One small act: JSON in, a message out; a refusal is 409 with its reason in words."""
        body = await _read(request, MAX_ACT_BYTES)
        if body is None:
            return _refusal("that is too long", 413)
        try:
            asked = await run_sync(_parsed, body)
        except ValueError:
            return _refusal("that is not JSON", 400)
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
