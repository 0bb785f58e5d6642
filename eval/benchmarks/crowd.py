"""Many people at one page, in quoting mode over the papers that ship.

    python -m eval.benchmarks.crowd [--people 20] [--rounds 3] [--questions 200] [--no-rerank]

Starts ``footnoted chat`` in a process of its own and asks it over HTTP as browsers do, each
person with a cookie, and a new conversation after every ten questions. First
one asks alone, a question after the other; then all ask at the same moment, for some rounds;
then they go on asking until the server has answered ``--questions``. Prints how many failed,
how long the slowest tenth waited, in multiples of the lone asker's median, and the memory that
the server held after so many questions (Linux only). ``--no-rerank`` leaves out the slow
reading: a thousand questions for the memory's sake are then a matter of minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from eval import shipped
from eval.benchmarks.startup import GIVE_UP_SECONDS, PAPERS, page
from eval.questions import load

N_ALONE = 10
QUESTIONS_A_CONVERSATION = 10
REPORTED = (100, 300, 1000)
"""After so many questions the memory is printed."""
WAIT_TARGET = 20.0
"""Times a lone asker's wait: what one worker that takes twenty questions in turn would need for the last."""


class NoAnswer(Exception):
    """The page said something else than an answer."""


class Asker:
    """One person: a cookie, and one conversation after the other."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=GIVE_UP_SECONDS)
        self._http.get("/").raise_for_status()
        self._n_asked = 0
        self._conversation: str | None = None

    def ask(self, question: str) -> float:
        """Seconds until the checked answer was there. Raises NoAnswer, or what httpx raises."""
        if self._n_asked % QUESTIONS_A_CONVERSATION == 0:
            self._conversation = None
        self._n_asked += 1
        asked = {"question": question, "conversation": self._conversation, "language": "en"}
        started = time.perf_counter()
        told: dict[str, Any] = {}
        with self._http.stream("POST", "/footnoted/ask", json=asked) as stream:
            for line in stream.iter_lines():
                told = json.loads(line)
        seconds = time.perf_counter() - started
        if told.get("busy") is not False or "error" in told or "notice failed" in str(told.get("outer")):
            raise NoAnswer(json.dumps(told)[:500])
        self._conversation = told["conversation"]
        return seconds


class Crowd:
    """All who ask one page, and what came of it."""

    def __init__(self, address: str, n_people: int) -> None:
        self.people = [Asker(address) for _ in range(n_people)]
        self.n_answered = 0
        self.failed: list[str] = []
        self._questions = [one.question for one in load(shipped.questions_path())]
        self._n_given = 0
        self._lock = threading.Lock()

    def ask(self, person: Asker) -> float | None:
        """Seconds that this person waited for the answer to the next question; None if it failed."""
        with self._lock:
            question = self._questions[self._n_given % len(self._questions)]
            self._n_given += 1
        try:
            seconds = person.ask(question)
        except (httpx.HTTPError, NoAnswer) as error:
            self.failed.append(f"{question}: {error!r}")
            return None
        with self._lock:
            self.n_answered += 1
        return seconds

    def all_at_once(self) -> list[float]:
        """What each of those waited who were answered."""
        with ThreadPoolExecutor(len(self.people)) as pool:
            return [seconds for seconds in pool.map(self.ask, self.people) if seconds is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--no-rerank", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="footnoted-") as temporary:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FOOTNOTED_"))}
        environ |= {f"XDG_{kind}_HOME": temporary for kind in ("DATA", "CONFIG", "CACHE")}
        config = Path(temporary) / "footnoted.toml"
        config.write_text(f"rerank = {'false' if options.no_rerank else 'true'}\n", "utf-8")
        environ["FOOTNOTED_CONFIG"] = str(config)
        # Read-only: what makes each browser a person of its own. Nobody waits for their own questions.
        command = ["--quote", "--read-only", "--library", str(Path(temporary) / "library")]
        with page([*command, "--first-papers", str(PAPERS)], environ) as running:
            crowd = Crowd(running.address, options.people)
            measure(crowd, running.pid, options)
    print(f"failed: {len(crowd.failed)}   (target 0)")
    for line in crowd.failed[:10]:
        print(f"  {line[:300]}")
    return 0


def measure(crowd: Crowd, pid: int, options: argparse.Namespace) -> None:
    first, *_ = crowd.people
    crowd.ask(first)  # loads what the first question needs
    alone = [seconds for _ in range(N_ALONE) if (seconds := crowd.ask(first)) is not None]
    lone = statistics.median(alone)
    print(f"one alone: {lone:.2f} s median", flush=True)
    slowest = []
    for _ in range(options.rounds):
        waited = sorted(crowd.all_at_once())
        tenth = waited[-max(1, len(waited) // 10) :]
        slowest.append(statistics.mean(tenth) / lone)
        print(f"{options.people} at once: {statistics.median(waited):.2f} s median, {waited[-1]:.2f} s the last")
    print(f"the slowest tenth: {statistics.median(slowest):.1f} times one alone   (target below {WAIT_TARGET:.0f})")
    reported = sorted({*(n for n in REPORTED if n <= options.questions), options.questions})
    for until in reported:
        while crowd.n_answered + len(crowd.failed) < until:
            crowd.all_at_once()
        print(f"after {crowd.n_answered:5} questions: {resident_mb(pid):5.0f} MB", flush=True)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
