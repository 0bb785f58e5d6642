"""How often Python looks for objects that hold on to each other in circles, while many are made that don't."""

from __future__ import annotations

import gc
import threading

OBJECTS_BETWEEN = 50_000
"""A batch of papers makes some 100,000 objects, which all live until it is stored: to look through
them after every 700, as Python does, takes up to a tenth of an add."""


class _SeldomCollecting:
    """While any thread is in it, the collector runs seldom; then again as it did before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_within = 0
        self._before = (0, 0, 0)

    def __enter__(self) -> None:
        with self._lock:
            self._n_within += 1
            if self._n_within == 1:
                self._before = gc.get_threshold()
                # A threshold of 0 means never, and stays.
                gc.set_threshold(OBJECTS_BETWEEN if self._before[0] else 0, *self._before[1:])

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_within -= 1
            if self._n_within == 0:
                gc.set_threshold(*self._before)


seldom_collecting = _SeldomCollecting()
