"""How long the command and the page take to start, each figure with its target.

    python -m eval.benchmarks.startup [--rounds 3] [--papers FILE]

CPU seconds (user and system, children included; the least of the rounds) of ``--help``,
``papers`` and a first ``search``, each in a fresh process over a library of the papers that
ship. Then wall-clock seconds of ``chat`` over an empty library: until the page is served,
and until the answer to a first question has come through it. The wall-clock figures mean
something only on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAPERS = Path(__file__).parents[2] / "rag" / "data" / "daily_papers.txt"
QUESTION = "By how much did Love Reactions rise in live A/B tests?"
FACT = "28%"
FOOTNOTED = [sys.executable, "-c", "from rag.cli import entry; entry()"]
GIVE_UP_SECONDS = 180


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--papers", type=Path, default=PAPERS, help="what the first chat begins with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footnoted-") as temporary:
        # Nothing of the user's own: no settings, no endpoint, no library.
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FOOTNOTED_"))}
        environ |= {f"XDG_{kind}_HOME": temporary for kind in ("DATA", "CONFIG", "CACHE")}
        library = ["--library", str(Path(temporary) / "library")]
        print(f"{'':34}{'measured':>9}  target")

        before = children_cpu_seconds()
        with page(["--first-papers", str(options.papers), *library], environ) as running:
            get(running.address)
            row("first chat, page served", time.monotonic() - running.started, "s", None)
            first_answer(running.address)
            row("first chat, question answered", time.monotonic() - running.started, "s", 15)
        row("first chat, all its processes", children_cpu_seconds() - before, "s CPU", None)
        with page(library, environ) as running:
            first_answer(running.address)
            row("second chat, question answered", time.monotonic() - running.started, "s", None)

        def cpu(*arguments: str) -> float:
            return min(cpu_seconds([*FOOTNOTED, *arguments], environ) for _ in range(options.rounds))

        row("--help", cpu("--help"), "s CPU", 0.3)
        row("papers", cpu("papers", *library), "s CPU", 0.3)
        row("search, first in its process", cpu("search", QUESTION, *library), "s CPU", 2.5)


def row(name: str, seconds: float, unit: str, target: float | None) -> None:
    print(f"{name:34}{seconds:6.2f} {unit}" + (f"  < {target:g} {unit}" if target is not None else ""), flush=True)


def cpu_seconds(command: Sequence[str], environ: dict[str, str]) -> float:
    before = children_cpu_seconds()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return children_cpu_seconds() - before


def children_cpu_seconds() -> float:
    """Of all processes that this one has started and that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Running:
    """A page that is up, in a process of its own."""

    address: str
    started: float
    """When its command was started, by ``time.monotonic``."""
    pid: int


@contextmanager
def page(arguments: Sequence[str], environ: dict[str, str]) -> Iterator[Running]:
    """``footnoted chat``, once its address is printed."""
    started = time.monotonic()
    with subprocess.Popen(
        [*FOOTNOTED, "chat", "--no-browser", *arguments], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            address = next((word for line in process.stdout for word in line.split() if word.startswith("http")), None)
            if address is None:
                raise SystemExit(f"footnoted chat ended with {process.wait()} before it printed an address")
            yield Running(address, started, process.pid)
        finally:
            process.send_signal(signal.SIGINT)  # as Ctrl-C: it waits for its own processes


def first_answer(address: str) -> str:
    """What the page shows as the answer to QUESTION, asked as a browser asks it."""
    asked = urllib.request.Request(
        f"{address}footnoted/ask", json.dumps({"question": QUESTION}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=GIVE_UP_SECONDS) as lines:
        shown = "".join(json.dumps(json.loads(line)) for line in lines)
    if FACT not in shown:
        raise SystemExit("the page did not answer: " + shown[:2000])
    return shown


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=GIVE_UP_SECONDS) as reply:
        return bytes(reply.read())


def post(url: str, value: Any) -> None:
    request = urllib.request.Request(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=GIVE_UP_SECONDS).close()


if __name__ == "__main__":
    main()
