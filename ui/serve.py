"""Serves the page: to this computer alone, unless told otherwise."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import UsageError
from ui.accounts import Accounts
from ui.desk.desk import Desk
from ui.doors import Doors
from ui.gate import Gate
from ui.page import build
from ui.rendering.markup import site_icon

LOOPBACK = "127.0.0.1"
FIRST_PORT = 7860
MAX_TABS = 1_000
"""Tabs that gradio remembers, at 35 kB and their last message each; nothing is lost with one that it forgets."""
SCRIPTS = ("base", "morph", "settings", "messages", "footnotes", "layers", "talk", "library", "main")
STYLES = ("words", "frame", "talk", "evidence", "library", "layers", "small")
"""In the order in which they are put together."""

# What a browser may load and call for this page: itself. gradio compiles its templates
# ('unsafe-eval') and writes styles and scripts into the page ('unsafe-inline').
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Serving:
    """To whom the page is served, and where."""

    host: str = LOOPBACK
    port: int | None = None
    """None: the first free one from 7860."""
    root_path: str = ""
    """The prefix under which a proxy offers the page: "/footnoted", or ""."""
    names: tuple[str, ...] = ()
    """Host names under which the page is asked for, beside this computer's own addresses."""
    is_public: bool = False
    """Told to be for others, whatever the host says: read-only, say, behind a proxy."""

    @property
    def is_shared(self) -> bool:
        """Whether people at other computers may reach it."""
        return self.is_public or not _is_loopback(self.host) or bool(self.root_path or self.names)


class OnlyItself:
    """ASGI middleware that forbids the browser every outside request and to be framed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = message["headers"]
                has_policy = any(name == b"content-security-policy" for name, _ in kept)
                message["headers"] = [
                    *kept,
                    *([] if has_policy else [(b"content-security-policy", POLICY.encode())]),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self.app(scope, receive, with_policy if scope["type"] == "http" else send)


class KnownNames:
    """ASGI middleware that refuses host names of elsewhere: one may be made to resolve to this computer.

    This computer's addresses are always good, since a name is what such an attack needs.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self.app = app
        self.names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known(Headers(scope=scope).get("host", "")):
            why = "footnoted does not know that host name: start it with --name HOST\n"
            await PlainTextResponse(why, 400)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_known(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").lower()
        return name in self.names or _is_address(name)


def look() -> dict[str, Any]:
    """Theme, style, script and icon as keyword arguments of ``launch`` and ``mount_gradio_app``."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    files = resources.files("ui")
    script = "\n".join((files / "scripts" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    styles = [(files / "styles" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES]
    # Nested, so that a class here weighs more than gradio's rules for bare elements.
    style = styles[0] + ".gradio-container {\n" + "\n".join(styles[1:]) + "\n}"
    return {
        # names of fonts that the system has; gradio's own defaults would be fetched
        "theme": gr.themes.Base(font=fonts, font_mono=("ui-monospace", "Menlo", "Consolas", "monospace")),
        # In the head and not as gradio's css, which is taken apart and put together again.
        "head": f'{site_icon()}<style>{style}</style><script>(() => {{\n"use strict";\n{script}\n}})();</script>',
        "favicon_path": str(files / "favicon.svg"),
        "footer_links": [],
        "run_history": False,
    }


class Served:
    """A page that is up; ``close`` ends it."""

    def __init__(self, desk: Desk, serving: Serving, accounts: Accounts | None = None) -> None:
        """Serves in the background. Raises UsageError if no port is free."""
        self._page = build(desk)
        self._desk = desk
        ports = range(FIRST_PORT, FIRST_PORT + 100) if serving.port is None else [serving.port]
        chosen = _free_port(serving.host, ports)
        _never_proxy_loopback()
        own_names = [LOOPBACK, "localhost", *serving.names]
        if not _is_loopback(serving.host):
            own_names += [socket.gethostname(), socket.getfqdn()]
        try:
            self._page.launch(
                **look(),
                server_name=serving.host,
                server_port=chosen,
                root_path=serving.root_path or None,
                prevent_thread_lock=True,
                quiet=True,
                inline=False,
                share=False,
                ssr_mode=False,
                mcp_server=False,
                pwa=False,
                enable_monitoring=False,
                state_session_capacity=MAX_TABS,
                app_kwargs={
                    "middleware": [
                        Middleware(KnownNames, names=own_names),
                        Middleware(OnlyItself),
                        Middleware(Gate, accounts=accounts, is_shared=serving.is_shared),
                        Middleware(Doors, desk=desk),
                    ]
                },
            )
        except OSError as error:
            raise _taken(serving.host, [chosen]) from error
        shown = f"[{serving.host}]" if ":" in serving.host else serving.host
        self.address = f"http://{shown}:{chosen}/"

    def close(self) -> None:
        self._page.close(verbose=False)
        self._desk.close()


def serve(
    desk: Desk,
    serving: Serving,
    accounts: Accounts | None,
    *,
    open_browser: bool,
    when_up: Callable[[], None] = lambda: None,
) -> None:
    """Serve until interrupted, with the address on standard output once ``when_up`` has returned."""
    served = Served(desk, serving, accounts)
    try:
        when_up()
        sys.stdout.write(f"footnoted is at {served.address}  (Ctrl-C ends it)\n")
        sys.stdout.flush()
        if open_browser:
            webbrowser.open(served.address)
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    finally:
        served.close()


def what_sharing_means(serving: Serving, *, has_accounts: bool, read_only: bool) -> list[str]:
    """To be said when the page is for others too: who can do what, and what is not protected; [] at home."""
    if not serving.is_shared:
        return []
    who = "whoever has an account" if has_accounts else "everybody who can reach this computer over the network"
    may = "ask this library" if read_only else "ask this library, add papers to it and remove papers from it"
    lines = [f"shared: {who} can {may}"]
    if not has_accounts:
        lines.append("shared: nobody is asked to log in; --auth-file FILE changes that")
    if not read_only:
        lines.append("shared: --read-only keeps the papers as they are")
    lines.append("shared: the connection is not encrypted by footnoted; put a proxy with TLS before it")
    return lines


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _free_port(host: str, ports: Sequence[int]) -> int:
    """The first of ``ports`` that nothing listens on. Raises UsageError if there is none.

    gradio looks too, and leaves an open socket behind for each port that is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError):
                continue
            return port
    raise _taken(host, ports)


def _taken(host: str, ports: Sequence[int]) -> UsageError:
    which = f"port {ports[0]} cannot be used" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]} are all taken"
    return UsageError(f"{which} on {host}: name a free one with --port")


def _never_proxy_loopback() -> None:
    """gradio asks its own server whether it is up, and would ask a configured proxy for it."""
    for name in ("NO_PROXY", "no_proxy"):
        known = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*known, LOOPBACK, "localhost"]))
