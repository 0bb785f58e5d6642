"""Serves the page on this computer and to nobody else."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import UsageError

HOST = "127.0.0.1"
FIRST_PORT = 7860
_HERE = Path(__file__).parent

# What a browser may load and call for this page: itself. gradio compiles its templates
# ('unsafe-eval') and writes styles and scripts into the page ('unsafe-inline').
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)


class OnlyItself:
    """ASGI middleware that forbids the browser every outside request and to be framed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


def look() -> dict[str, Any]:
    """Theme, style, script and icon as keyword arguments of ``launch`` and ``mount_gradio_app``."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    return {
        # names of fonts that the system has; gradio's own defaults would be fetched
        "theme": gr.themes.Base(font=fonts, font_mono=("ui-monospace", "Menlo", "Consolas", "monospace")),
        "css": (_HERE / "style.css").read_text(encoding="utf-8"),
        "head": f"<script>{(_HERE / 'page.js').read_text(encoding='utf-8')}</script>",
        "favicon_path": str(_HERE / "favicon.svg"),
        "footer_links": [],
        "run_history": False,
    }


def start(page: gr.Blocks, port: int | None = None) -> str:
    """Serve in the background and return the address; ``page.close()`` ends it.

    Without ``port`` the first free one from 7860 is taken. Raises UsageError if none is free.
    """
    chosen = _free_port(range(FIRST_PORT, FIRST_PORT + 100) if port is None else [port])
    _never_proxy_loopback()
    try:
        page.launch(
            **look(),
            server_name=HOST,
            server_port=chosen,
            prevent_thread_lock=True,
            quiet=True,
            inline=False,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            app_kwargs={
                "middleware": [
                    # a page elsewhere whose name is made to resolve to this computer is refused
                    Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
                    Middleware(OnlyItself),
                ]
            },
        )
    except OSError as error:
        raise _taken([chosen]) from error
    return str(page.local_url)


def serve(page: gr.Blocks, port: int | None, open_browser: bool, *, when_up: Callable[[], None] = lambda: None) -> None:
    """Serve until interrupted, with the address on standard output once ``when_up`` has returned."""
    address = start(page, port)
    try:
        when_up()
        sys.stdout.write(f"footnoted is at {address}  (Ctrl-C ends it)\n")
        sys.stdout.flush()
        if open_browser:
            webbrowser.open(address)
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    finally:
        page.close(verbose=False)


def _free_port(ports: Sequence[int]) -> int:
    """The first of ``ports`` that nothing listens on. Raises UsageError if there is none.

    gradio looks too, and leaves an open socket behind for each port that is taken.
    """
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError):
                continue
            return port
    raise _taken(ports)


def _taken(ports: Sequence[int]) -> UsageError:
    which = f"port {ports[0]} cannot be used" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]} are all taken"
    return UsageError(f"{which} on {HOST}: name a free one with --port")


def _never_proxy_loopback() -> None:
    """gradio asks its own server whether it is up, and would ask a configured proxy for it."""
    for name in ("NO_PROXY", "no_proxy"):
        known = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*known, HOST, "localhost"]))
