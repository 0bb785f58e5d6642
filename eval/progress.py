"""A line on stderr that says how far a run is; nothing where stderr is no terminal."""

from __future__ import annotations

import sys
import time

from eval.measures.effort import cost
from eval.runs.records import Record

_WIDTH = 24


class Progress:
    def __init__(self, total: int, prices: tuple[float, float] | None = None) -> None:
        self._total = total
        self._prices = prices
        self._started = time.monotonic()
        self._n_new = 0
        self._n_failed = 0
        self._dollars = 0.0
        self._is_shown = sys.stderr.isatty()

    def tell(self, record: Record, n_done: int) -> None:
        self._n_new += 1
        self._n_failed += not record.is_scorable
        if self._prices is not None and record.answer is not None and not record.is_cached:
            self._dollars += cost(record.answer.get("usage") or {}, self._prices) or 0.0
        if self._is_shown:
            self._show(self.line(n_done, time.monotonic() - self._started))

    def count(self, n_done: int) -> None:
        self._n_new += 1
        if self._is_shown:
            self._show(self.line(n_done, time.monotonic() - self._started))

    def line(self, n_done: int, seconds: float) -> str:
        filled = _WIDTH * n_done // max(self._total, 1)
        left = seconds / self._n_new * (self._total - n_done) if self._n_new else 0.0
        parts = [f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {n_done} of {self._total}"]
        if self._n_failed:
            parts.append(f"{self._n_failed} failed")
        if self._prices is not None:
            parts.append(f"$ {self._dollars:.4f} so far")
        parts.append(f"{int(left) // 60}:{int(left) % 60:02d} left")
        return " · ".join(parts)

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")

    def _show(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
