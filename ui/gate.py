"""Who may come in: every request is given its person here, or is turned away.

Three kinds of house. At home: only this computer reaches the page, and whoever sits at it
is the one person. Open: others reach it too, and every browser is a person of its own, known
by a cookie. Locked: there are accounts, and whoever is not logged in sees the log-in page.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.accounts import Accounts
from ui.people import LOCAL, Person
from ui.rendering import log_in
from ui.texts import texts_for

SESSION_COOKIE = "footnoted-session"
VISITOR_COOKIE = "footnoted-visitor"
COOKIE_SECONDS = 30 * 86_400
_KEY = "footnoted.person"
_MAX_FORM_BYTES = 4_096
_STARTUP = "/gradio_api/startup-events"
"""gradio asks its own server for it before it is up, and knows no password; it tells and changes nothing."""


def person_of(request: Any) -> Person:
    """Whoever made this request, starlette's or gradio's."""
    inner = request if isinstance(request, Request) else request.request  # gradio's holds starlette's
    person = inner.scope.get(_KEY)
    assert isinstance(person, Person), "the gate was left out"
    return person


class Gate:
    """ASGI middleware: gives each request its person, and answers ``footnoted/log-in`` and ``log-out``."""

    def __init__(self, app: ASGIApp, accounts: Accounts | None, is_shared: bool) -> None:
        self.app = app
        self.accounts = accounts
        self.is_shared = is_shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self.app(scope, receive, send)
            return
        if _is_from_elsewhere(scope):
            await JSONResponse({"error": "another page asked for that"}, 403)(scope, receive, send)
            return
        if self.accounts is not None:
            await self._locked(self.accounts, scope, receive, send)
        elif self.is_shared or "x-forwarded-for" in Headers(scope=scope):
            await self._open(scope, receive, send)
        else:
            await self.app({**scope, _KEY: LOCAL}, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _cookies(scope).get(VISITOR_COOKIE, "")
        is_new = len(token) < 20
        if is_new:
            token = secrets.token_urlsafe(24)
        person = Person("visitor:" + hashlib.sha256(token.encode()).hexdigest()[:32])
        set_cookie = _cookie(scope, VISITOR_COOKIE, token, COOKIE_SECONDS) if is_new else None
        await self.app({**scope, _KEY: person}, receive, _with_cookie(send, set_cookie))

    async def _locked(self, accounts: Accounts, scope: Scope, receive: Receive, send: Send) -> None:
        path = _path(scope)
        request = Request(scope, receive)
        token = _cookies(scope).get(SESSION_COOKIE, "")
        if path == "/footnoted/log-in":
            response = await self._log_in(accounts, request)
            await response(scope, receive, send)
            return
        if path in ("/favicon.ico", _STARTUP):
            await self.app(scope, receive, send)
            return
        name = await run_sync(accounts.whose, token) if token else None
        if path == "/footnoted/log-out" and request.method == "POST":
            await run_sync(accounts.log_out, token)
            gone = Response(status_code=204, headers={"set-cookie": _cookie(scope, SESSION_COOKIE, "", 0)})
            await gone(scope, receive, send)
            return
        if name is None:
            wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
            if wants_page:
                query = f"?{scope['query_string'].decode('latin1')}" if scope["query_string"] else ""
                away = f"{_root(scope)}/footnoted/log-in?{urlencode({'next': query})}"
                await RedirectResponse(away, 303)(scope, receive, send)
            else:
                await JSONResponse({"error": "log in", "detail": "log in"}, 401)(scope, receive, send)
            return
        await self.app({**scope, _KEY: Person(f"account:{name}", name)}, receive, send)

    async def _log_in(self, accounts: Accounts, request: Request) -> Response:
        t = texts_for(request.headers.get("accept-language", ""))
        onward = request.query_params.get("next", "")
        if request.method != "POST":
            return HTMLResponse(log_in.page(t, onward=onward), headers={"cache-control": "no-store"})
        form = parse_qs((await _body(request, _MAX_FORM_BYTES)).decode("utf-8", "replace"))
        name, password = (form.get(field, [""])[0] for field in ("name", "password"))
        onward = form.get("next", [""])[0]
        where = request.client.host if request.client else ""
        outcome = await run_sync(accounts.log_in, name, password, where)
        if outcome.token is None:
            minutes = int(outcome.locked_seconds // 60) + 1
            why = t("log_in.locked", n=minutes) if outcome.locked_seconds else t("log_in.wrong")
            return HTMLResponse(
                log_in.page(t, onward=onward, name=name, why=why), 429 if outcome.locked_seconds else 401
            )
        # Only onward within the page: an address of elsewhere would be a trap.
        target = f"{_root(request.scope)}/{onward if onward.startswith('?') else ''}"
        cookie = _cookie(request.scope, SESSION_COOKIE, outcome.token, COOKIE_SECONDS)
        return RedirectResponse(target, 303, headers={"set-cookie": cookie})


async def _body(request: Request, limit: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > limit:
            return b""
    return body


def _is_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that a page of another origin makes this change. Other programs say nothing."""
    if scope["method"] in ("GET", "HEAD"):
        return False
    return Headers(scope=scope).get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _path(scope: Scope) -> str:
    """The path below the prefix under which a proxy offers the page."""
    path: str = scope["path"]
    return path.removeprefix(_root(scope)) if _root(scope) else path


def _root(scope: Scope) -> str:
    root: str = scope.get("root_path", "")
    return root.rstrip("/")


def _cookies(scope: Scope) -> dict[str, str]:
    try:
        return {name: part.value for name, part in SimpleCookie(Headers(scope=scope).get("cookie", "")).items()}
    except CookieError:
        return {}


def _cookie(scope: Scope, name: str, value: str, seconds: int) -> str:
    """Out of the reach of scripts, sent by this page alone, and over a secure connection where it came over one."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{name}={value}; Path={_root(scope)}/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _with_cookie(send: Send, cookie: str | None) -> Callable[[Message], Any]:
    async def sending(message: Message) -> None:
        if cookie is not None and message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("set-cookie", cookie)
        await send(message)

    return sending
