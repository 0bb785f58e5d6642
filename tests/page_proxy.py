"""A reverse proxy that offers a page under a path prefix, as nginx or Caddy would before it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})
_METHODS = ["GET", "POST", "PUT", "DELETE"]


class Proxy:
    """What lies before the page; ``strays`` are the paths beside the prefix that a browser asked for."""

    def __init__(self, target: str, prefix: str, *, strips: bool, keeps_host: bool) -> None:
        self._target = target.rstrip("/")
        self._prefix = prefix
        self._strips = strips
        self._keeps_host = keeps_host
        # A connection that is kept may be closed by the page at the moment at which it is used again.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=None, limits=limits)
        self.strays: list[str] = []
        routes = [
            Route(f"{prefix}/{{path:path}}", self._pass_on, methods=_METHODS),
            # Browsers ask for it before they have read which icon a page has; it is that of another site here.
            Route("/favicon.ico", lambda request: Response(status_code=204)),
            Route("/{path:path}", self._stray, methods=_METHODS),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        await self._client.aclose()

    async def _stray(self, request: Request) -> Response:
        self.strays.append(request.url.path)
        return PlainTextResponse("there is nothing here", 404)

    async def _pass_on(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("ascii")
        path = path.removeprefix(self._prefix) if self._strips else path
        query = f"?{request.url.query}" if request.url.query else ""
        headers = [(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP]
        if not self._keeps_host:
            headers = [(name, value) for name, value in headers if name != "host"]
            headers += [("x-forwarded-host", request.headers["host"]), ("x-forwarded-proto", "http")]
        headers.append(("x-forwarded-for", "192.0.2.7"))
        body = request.stream() if request.method in ("POST", "PUT") else None
        asked = self._client.build_request(request.method, self._target + path + query, headers=headers, content=body)
        reply = await self._client.send(asked, stream=True)
        passed = StreamingResponse(_whole(reply), reply.status_code)
        passed.raw_headers = [
            (name, value) for name, value in reply.headers.raw if name.lower().decode("ascii") not in _HOP_BY_HOP
        ]
        return passed


async def _whole(reply: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes; a browser that leaves ends it at the page too."""
    try:
        async for part in reply.aiter_raw():
            yield part
    finally:
        await reply.aclose()


@contextlib.contextmanager
def proxy(target: str, prefix: str, *, strips: bool = True, keeps_host: bool = True) -> Iterator[tuple[Proxy, str]]:
    """The proxy, and the address under which it offers ``target``."""
    before = Proxy(target, prefix, strips=strips, keeps_host=keeps_host)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(before.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield before, f"http://127.0.0.1:{listening.getsockname()[1]}{prefix}/"
        server.should_exit = True
        thread.join(10)
