"""A newcomer's first minutes with the command as it is installed: real papers, real search, and a server that dies."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import PAGE, environment
from page_browser import Visit, browser, free_port

__all__ = ["browser"]
pytestmark = pytest.mark.slow

SLOWLY = 180_000
"""Milliseconds that a loaded machine may take for one step."""

FERRY = """TY  - JOUR
TI  - Night ferries and the hearing of harbour porpoises
AU  - Lindqvist, Maja
PY  - 2021
AB  - Harbour porpoises avoid ferries at night. We recorded 31 porpoises near a ferry lane for two winters. \
They kept a distance of 740 metres from ferries after dark.
ER  -

TY  - JOUR
AU  - Nobody, Nemo
AB  - A record without a title.
ER  -
"""


class Command:
    """``footnoted chat`` in a process of its own, over a library in ``folder``."""

    def __init__(self, folder: Path, port: int) -> None:
        arguments = ["--library", str(folder / "library"), "chat", "--quote", "--no-browser", "--port", str(port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rag.cli", *arguments, "--first-papers", str(PAGE)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.match(r"footnoted is at (\S+)", line):
                self.address = found[1]
                return
        raise AssertionError("the page did not come up")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "ferry.ris").write_text(FERRY, "utf-8")
    yield tmp_path


def test_a_newcomer_asks_checks_is_refused_adds_a_file_and_finds_it_all_again(browser: Any, folder: Path) -> None:
    port = free_port()
    command = Command(folder, port)
    try:
        visit = Visit(browser, command.address)
        tab = visit.tab
        tab.set_default_timeout(SLOWLY)

        tab.locator(".examples button").first.click()
        assert visit.settle().locator(".marker.supported").count() >= 1
        tab.locator("a.marker").first.click()
        assert visit.sees("mark[data-ui-lit]")
        quoted = tab.locator("#turn-1-claim-1 bdi").first.inner_text()
        assert tab.locator("mark[data-ui-lit]").first.inner_text() == quoted
        link = tab.url

        visit.ask("What batch size was used to train PyMAF-X?")
        refusal = visit.settle()
        assert "The abstracts found do not say" in refusal.inner_text()
        assert "PyMAF-X" in refusal.locator(".notice.abstained").inner_text()
        assert refusal.locator("a.marker").count() == 0

        tab.locator("#top .library").click()
        tab.locator('#library [data-tab="add"]').click()
        tab.locator("#files").set_input_files(str(folder / "ferry.ris"))
        tab.locator(".file.done").wait_for()
        assert "1 added" in visit.text(".file.done")
        assert "1 record rejected" in visit.text(".file.done")
        tab.get_by_role("button", name="Back to the conversation").click()

        visit.ask("What distance do harbour porpoises keep from ferries after dark?")
        assert "740 metres" in visit.settle().inner_text()
        assert "63 abstracts" in visit.text("#top .library")

        visit.forgiven += ["Failed to load resource", "ERR_CONNECTION", "WebSocket", "EventSource"]
        command.kill()
        command = Command(folder, port)
        tab.goto(link)
        visit.arrive()
        tab.locator("#turns > .turn").nth(2).wait_for()
        assert tab.locator("#turn-1-claim-1 bdi").first.inner_text() == quoted
        assert "740 metres" in tab.locator("#turn-3").inner_text()
        tab.locator("#turn-3 a.marker").first.click()
        assert visit.sees("mark[data-ui-lit]")
        visit.close()
    finally:
        command.kill()
