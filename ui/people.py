"""Who is asking, what they may do, and how much of it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

HOUR_SECONDS = 3_600.0
_MAX_REMEMBERED = 10_000
"""People whose hour is remembered; whoever was away longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever sits before the page; ``person_id`` owns conversations."""

    person_id: str
    name: str | None = None
    """Of the account; None where nobody logs in."""


LOCAL = Person("local")
"""The one person at this computer, where the page is not shared."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one person may do on a page that is shared; None: as much as they like."""

    questions_per_hour: int | None = None
    questions_at_once: int = 4
    upload_bytes: int = 200_000_000
    """Of one file."""
    files_waiting: int = 200
    waiting_questions: int = 200
    """Of all people together, beyond those that are being answered."""

    @property
    def upload_size(self) -> str:
        """``upload_bytes`` for people."""
        is_large = self.upload_bytes >= 1_000_000
        return f"{self.upload_bytes // 1_000_000} MB" if is_large else f"{self.upload_bytes // 1_000} kB"


class Hourly:
    """How many times each person did something in the last hour. From any thread."""

    def __init__(self, at_most: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_most = at_most
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, person_id: str) -> float | None:
        """None if it may be done once more, and then it counts; else the seconds until it may."""
        if self._at_most is None:
            return None
        now = self._clock()
        with self._lock:
            times = self._times.setdefault(person_id, deque())
            self._times.move_to_end(person_id)
            while len(self._times) > _MAX_REMEMBERED:
                self._times.popitem(last=False)
            while times and now - times[0] >= HOUR_SECONDS:
                times.popleft()
            if len(times) >= self._at_most:
                return HOUR_SECONDS - (now - times[0])
            times.append(now)
            return None
