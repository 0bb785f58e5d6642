"""How far an add is: one line that changes in a terminal, and a line every few seconds elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.adding import AddReport

SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_PICTURES = 0.1
_WINDOW_SECONDS = 20.0
_BAR = 20


class Progress:
    """To be called with the report so far; clears its line at the end.

    ``share`` says how much of the input has been read, 0 to 1, or None.
    """

    def __init__(self, share: Callable[[], float | None] | None = None, *, clock: Callable[[], float] = time.monotonic):
        self._share = share
        self._clock = clock
        self._started = self._shown = clock()
        self._is_terminal = sys.stderr.isatty()
        self._records = _Rate(clock)
        self._chunks = _Rate(clock)

    def __call__(self, report: AddReport) -> None:
        self._records.note(report.n_records)
        self._chunks.note(report.n_embedded)
        pause = SECONDS_BETWEEN_PICTURES if self._is_terminal else SECONDS_BETWEEN_LINES
        now = self._clock()
        if now - self._shown < pause:
            return
        self._shown = now
        line = self.line(report)
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{line[:width]}")
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def line(self, report: AddReport) -> str:
        if not report.is_read:
            share = self._share() if self._share is not None else None
            left = None if not share else (self._clock() - self._started) * (1 - share) / share
            parts = ["reading", _bar(share), f"{report.n_records:,} records", self._records.in_words(), _left(left)]
        else:
            n_left = report.n_chunks - report.n_embedded
            done = report.n_embedded / report.n_chunks if report.n_chunks else 1.0
            left = n_left / self._chunks.rate if self._chunks.rate else None
            parts = ["embedding", _bar(done), f"{report.n_embedded:,} of {report.n_chunks:,} chunks"]
            parts += [self._chunks.in_words(), _left(left)]
        counts = {
            "added": report.added,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "duplicate": report.duplicates,
            "without abstract": report.without_abstract,
            "rejected": report.n_skipped,
        }
        return "  ".join([*filter(None, parts), ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)])

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class _Rate:
    """Per second, over the last seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, n: int) -> None:
        self._seen.append((self._clock(), n))
        while len(self._seen) > 2 and self._seen[-1][0] - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        if len(self._seen) < 2:
            return 0.0
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0

    def in_words(self) -> str:
        rate = self.rate
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate else ""


def _bar(share: float | None) -> str:
    if share is None:
        return ""
    n_full = int(share * _BAR)
    return f"[{'#' * n_full}{'.' * (_BAR - n_full)}] {share:4.0%}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
