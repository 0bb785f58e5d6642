"""What a reader waits for in the page, in a real browser over the papers that ship, in quoting mode.

    python -m eval.benchmarks.page [--rounds 15] [--chromium PATH]

The page is served by this process; Chromium, without a window, opens it anew for every round
and clicks on one of its examples. Prints medians in milliseconds: from the click to the first
evidence that can be seen, to the checked answer, and what the latter takes beyond an ``ask``
for the same question in the same process, just before or after it; and in processor time, which
says something on a busy machine too, what the server's threads take beyond that ``ask`` and what
the browser takes in all. Then how many requests of the browser and connections of this process
would have left the machine.
"""

from __future__ import annotations

import argparse
import ipaddress
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eval.benchmarks.startup import GIVE_UP_SECONDS, PAPERS
from rag.config import Config
from rag.embedding import BundledEmbedder
from rag.readers import read_papers
from ui.asking import Request
from ui.chat import EXAMPLES
from ui.conversations import Conversations
from ui.desk.desk import Desk, DeskSettings
from ui.library_port import LibraryPort
from ui.serve import Served, Serving

ANSWERABLE = EXAMPLES[:-1]
EVIDENCE_TARGET, ANSWER_TARGET, OVERHEAD_TARGET = 1000.0, 2000.0, 150.0

# Notes, in the page itself, when what a reader waits for is painted.
STOPWATCH = """
window.seen = {};
const painted = (name) => {
  if (name in window.seen) return;
  window.seen[name] = null;
  requestAnimationFrame(() => setTimeout(() => (window.seen[name] = performance.now() - window.clicked)));
};
addEventListener("click", (event) => {
  if (event.target.closest(".examples button")) window.clicked = performance.now();
}, true);
new MutationObserver(() => {
  if (window.clicked === undefined) return;
  if (document.querySelector("#evidence .card")?.offsetParent) painted("evidence");
  if (document.querySelector(".turn[aria-busy=false] .marker.supported")?.offsetParent) painted("answer");
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-busy", "class"] });
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds by the clock, and of the processor."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Outward:
    """What would have left the machine."""

    requests: list[str]
    connections: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    options = parser.parse_args(arguments)
    outward = Outward([], [])
    sys.addaudithook(lambda event, given: outward.connections.extend(outside_of(event, given)))
    with tempfile.TemporaryDirectory(prefix="footnoted-") as folder, served(Path(folder)) as (port, address):
        measured = measure(port, address, options, outward)
    report(measured, outward)
    return 0


@contextmanager
def served(folder: Path) -> Iterator[tuple[LibraryPort, str]]:
    """A page over the papers that ship, as ``footnoted chat --quote`` builds it, and its address."""
    port = LibraryPort(Config(folder / "library"), embedder=BundledEmbedder(), model=None)
    port.library().add(read_papers(PAPERS))
    conversations = Conversations(folder / "conversations.sqlite3")
    page = Served(Desk(port, conversations, DeskSettings(examples=EXAMPLES)), Serving())
    try:
        yield port, page.address
    finally:
        page.close()
        conversations.close()


def measure(port: LibraryPort, address: str, options: argparse.Namespace, outward: Outward) -> dict[str, list[float]]:
    """Milliseconds of each round by what was waited for; the first click of the fresh server by itself."""
    from playwright.sync_api import sync_playwright

    names = ("first", "evidence", "answer", "ask", "beyond", "cpu", "browser")
    measured: dict[str, list[float]] = {name: [] for name in names}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        processes = browser.new_browser_cdp_session()
        for number in range(-1, options.rounds):
            question = ANSWERABLE[number % len(ANSWERABLE)]
            context = browser.new_context()
            context.on("request", lambda request: outward.requests.extend(outside_request(request.url)))
            context.add_init_script(STOPWATCH)
            tab = context.new_page()
            tab.set_default_timeout(1000 * GIVE_UP_SECONDS)
            tab.goto(address)
            tab.wait_for_selector("body.arrived")
            alone = ask_alone(port, question) if number % 2 == 0 else None
            cpu, browser_before = server_cpu(), browser_cpu(processes)
            tab.locator(".examples button").nth(ANSWERABLE.index(question)).click()
            tab.wait_for_function("window.seen.answer > 0")
            cpu, in_browser = server_cpu() - cpu, browser_cpu(processes) - browser_before
            seen = tab.evaluate("window.seen")
            context.close()
            if number < 0:
                measured["first"].append(seen["answer"])
                continue
            alone = ask_alone(port, question) if alone is None else alone
            measured["evidence"].append(seen["evidence"])
            measured["answer"].append(seen["answer"])
            measured["ask"].append(alone.wall)
            measured["beyond"].append(seen["answer"] - alone.wall)
            measured["cpu"].append(cpu - alone.cpu)
            measured["browser"].append(in_browser)
        browser.close()
    return measured


def server_cpu() -> float:
    """Milliseconds of the processor that all threads but this one, which drives the browser, have used."""
    return 1000 * (time.process_time() - time.thread_time())


def browser_cpu(processes: Any) -> float:
    """Milliseconds of the processor that all processes of the browser have used, to 10 ms."""
    return 1000 * float(sum(one["cpuTime"] for one in processes.send("SystemInfo.getProcessInfo")["processInfo"]))


def ask_alone(port: LibraryPort, question: str) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in port.ask(question, (), Request(), threading.Event()):
        pass
    return Cost(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu))


def outside_request(url: str) -> list[str]:
    parts = urlsplit(url)
    return [] if parts.scheme in ("data", "blob") or is_here(parts.hostname or "") else [url]


def outside_of(event: str, given: Sequence[Any]) -> list[str]:
    """The address that a connection of this process goes to, unless it is this machine."""
    if event == "socket.connect" and isinstance(given[1], tuple) and not is_here(str(given[1][0])):
        return [str(given[1][0])]
    if event == "socket.getaddrinfo" and given[0] and not is_here(str(given[0])):
        return [str(given[0])]
    return []


def is_here(host: str) -> bool:
    try:
        return (
            host == "localhost" or ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
        )
    except ValueError:
        return False


def report(measured: dict[str, list[float]], outward: Outward) -> None:
    def row(name: str, values: Sequence[float], target: float | None = None) -> None:
        below = f"   (target below {target:.0f})" if target is not None else ""
        print(f"{name:42} {statistics.median(values):7.0f} ms{below}")

    row("first click of a fresh server, answered", measured["first"])
    row("click to first evidence", measured["evidence"], EVIDENCE_TARGET)
    row("click to checked answer", measured["answer"], ANSWER_TARGET)
    row("`ask` for the same question", measured["ask"])
    row("what the page takes beyond it", measured["beyond"], OVERHEAD_TARGET)
    row("  in processor time of the server", measured["cpu"])
    row("processor time of the browser", measured["browser"])
    print(f"{'requests that left the machine':42} {len(outward.requests) + len(outward.connections):7}   (target 0)")
    for one in [*outward.requests, *outward.connections]:
        print(f"  {one}")


if __name__ == "__main__":
    raise SystemExit(main())
