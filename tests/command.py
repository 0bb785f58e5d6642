"""The command, run as a person runs it: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from rag.cli import main
from rag.readers import read_papers
from rag.types import Paper
from rag.wire import paper_to_json

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "rag" / "data" / "daily_papers.txt"
KEY = "sk-not-to-be-seen-1234567890"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """One JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(**more: str) -> dict[str, str]:
    """This one's without anything that configures, and a configuration folder that does not exist."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "FOOTNOTED_", "XDG_"))}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", "XDG_DATA_HOME": "/nonexistent", **more}


def run(*arguments: object, stdin: bytes | str = b"", env: dict[str, str] | None = None) -> Ran:
    """Runs the command in this process; what argparse refuses ends with its exit code too."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(**(env or {})), clear=True),
        mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    written = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
    return Ran(code, *written)


@contextlib.contextmanager
def process(*arguments: object, env: dict[str, str] | None = None, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, killed at the end of the block if it still runs."""
    command = [sys.executable, "-m", "rag.cli", *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**(env or {})), preexec_fn=_hears_interrupts, **pipes
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def _hears_interrupts() -> None:
    """What a script starts in the background inherits an ignored interrupt, and these tests may be that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def first_papers(n: int = 6) -> list[Paper]:
    """The first papers of the page that ships."""
    return [item for item in islice(read_papers(PAGE), n) if isinstance(item, Paper)]


def write_records(file: Path, *papers: Paper) -> Path:
    file.write_text("".join(json.dumps(paper_to_json(paper)) + "\n" for paper in papers), encoding="utf-8")
    return file
