"""The page in a real browser: one tab, what it may never do, and what a reader sees in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from page_core import ScriptedCore, desk_over

from ui.accounts import Accounts
from ui.desk.desk import Desk
from ui.serve import Served, Serving

PICTURES = Path(os.environ["FOOTNOTED_PICTURES"]) if os.environ.get("FOOTNOTED_PICTURES") else None
"""Where the states of the page are pictured; without it they go to pytest's temporary folder."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium to drive: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


def free_port() -> int:
    """One that nothing listens on, far from those that the page would choose: tests run side by side."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """A page that is up over a scripted core, in a folder of its own; it can be torn down and built up again."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self._settings = settings
        self.up()

    def up(self, port: int | None = None) -> None:
        settings = dict(self._settings)
        accounts_file: Path | None = settings.pop("auth_file", None)
        serving: dict[str, Any] = settings.pop("serving", {})
        self.desk: Desk
        self.core: ScriptedCore
        self.desk, self.core = desk_over(self.folder, **settings)
        accounts = Accounts(accounts_file, self.desk.conversations) if accounts_file is not None else None
        self.served = Served(self.desk, Serving(port=port or free_port(), **serving), accounts)
        self.address = self.served.address

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def down(self) -> None:
        for gate in self.core.gates.values():
            gate.set()
        self.served.close()
        self.desk.conversations.close()


@contextlib.contextmanager
def house(folder: Path, **settings: Any) -> Iterator[House]:
    built = House(folder, **settings)
    try:
        yield built
    finally:
        built.down()


_IS_SEEN = """element => {
  const whole = element.getBoundingClientRect();
  const lines = [...element.getClientRects()];
  const isOnTop = (x, y) => {
    const top = document.elementFromPoint(x, y);
    return top && (element.contains(top) || top.contains(element));
  };
  return whole.height > 0 && whole.top >= 0 && whole.left >= 0
    && whole.bottom <= innerHeight && whole.right <= innerWidth
    && isOnTop(lines[0].left + 3, lines[0].top + 3) && isOnTop(lines.at(-1).right - 3, lines.at(-1).bottom - 3);
}"""


class Visit:
    """One browser tab on the page; nothing may leave this computer, open a dialog or fail in it."""

    def __init__(
        self,
        browser: Any,
        address: str,
        *,
        size: tuple[int, int] = (1280, 860),
        scheme: str = "light",
        context: Any = None,
        motion: str = "reduce",
        **more: Any,
    ) -> None:
        self.own_context = context is None
        self.context = context or browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion=motion, **more
        )
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(20_000)
        self.outside: list[str] = []
        self.trouble: list[str] = []
        self.forgiven: list[str] = []
        self.context.on("request", self._note)
        self.tab.on("websocket", lambda socket: self._note(socket))
        self.tab.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.tab.on("pageerror", lambda error: self.trouble.append(f"error {error}"))
        self.tab.on("console", lambda line: line.type == "error" and self.trouble.append(f"console {line.text}"))
        self.tab.goto(address)
        if "log-in" not in self.tab.url:
            self.arrive()

    def arrive(self) -> None:
        self.tab.wait_for_selector("body.arrived")

    def reload(self) -> None:
        self.tab.reload()
        self.arrive()

    def _note(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.outside.append(request.url)

    def ask(self, question: str) -> Visit:
        """Type it and press Enter; the turn is there when this returns."""
        n_turns = self.tab.locator("#turns > .turn").count()
        self.tab.locator("#question textarea").fill(question)
        self.tab.locator("#question textarea").press("Enter")
        self.tab.wait_for_function("n => document.querySelectorAll('#turns > .turn').length > n", arg=n_turns)
        return self

    def settle(self) -> Any:
        """The last turn, once it is answered."""
        self.tab.wait_for_selector("#turns > .turn:last-child[aria-busy=false]")
        self.tab.wait_for_selector("#ask:visible")
        return self.tab.locator("#turns > .turn").last

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).last.inner_text())

    def press(self, *keys: str) -> None:
        """Keys pressed while nothing is being written."""
        self.tab.evaluate("document.activeElement.matches('textarea, input') && document.activeElement.blur()")
        for key in keys:
            self.tab.keyboard.press(key)

    def sees(self, selector: str) -> bool:
        """Whether the element comes to lie wholly inside the view, with nothing over it."""
        return self.eventually(lambda: bool(self.tab.locator(selector).first.evaluate(_IS_SEEN)))

    def eventually(self, true: Callable[[], bool], seconds: float = 8.0) -> bool:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                return False
            self.tab.wait_for_timeout(50)
        return True

    def focused(self, expression: str = "id") -> Any:
        return self.tab.evaluate(f"document.activeElement.{expression}")

    def picture(self, name: str, folder: Path) -> None:
        """Kept for a person to look at."""
        self.tab.wait_for_timeout(80)
        self.tab.screenshot(path=(PICTURES or folder) / f"{name}.png")

    def serious(self) -> list[str]:
        """What axe finds of 'serious' or above on the page as it is now, each with the elements it means."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.tab).response["violations"]
        return [
            f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    def close(self) -> None:
        if self.own_context:
            self.context.close()
        else:
            self.tab.close()
        assert self.outside == []
        trouble = [line for line in self.trouble if not any(part in line for part in self.forgiven)]
        assert trouble == [], trouble


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home")) as built:
        yield built


@pytest.fixture
def visit(browser: Any, home: House) -> Iterator[Visit]:
    visit = Visit(browser, home.address)
    yield visit
    visit.close()
