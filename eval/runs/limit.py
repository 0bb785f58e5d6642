"""How many questions are asked at once: more while the endpoint keeps up, fewer when it says that it is too much."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


@dataclass
class AdaptiveLimit:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989): one more after as many
    successes in a row as run at once, half after a refusal, with a pause that doubles.

    An endpoint that only queues never refuses. So there is no increase while an answer takes
    half as long again as the quickest did, and a decrease by one where it takes three times as long.
    """

    highest: int
    clock: Callable[[], float] = time.monotonic
    current: int = field(init=False)
    _n_good: int = field(default=0, init=False)
    _pause: float = field(default=FIRST_PAUSE_SECONDS, init=False)
    _not_before: float = field(default=0.0, init=False)
    _quickest: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.current = 1

    @property
    def seconds_to_wait(self) -> float:
        """Until the next question may be asked; 0.0 if now."""
        return max(0.0, self._not_before - self.clock())

    def succeeded(self, seconds: float) -> None:
        self._pause = FIRST_PAUSE_SECONDS
        self._quickest = seconds if self._quickest is None else min(self._quickest, seconds)
        if seconds > 1.5 * self._quickest + 0.1:
            self._n_good = 0
            if seconds > 3 * self._quickest + 0.1:
                self.current = max(1, self.current - 1)
            return
        self._n_good += 1
        if self._n_good >= self.current and self.current < self.highest:
            self.current += 1
            self._n_good = 0

    def refused(self) -> None:
        """Several refusals of one moment count once: they were all asked before the first came back."""
        self._n_good = 0
        if self.seconds_to_wait > 0:
            return
        self.current = max(1, self.current // 2)
        self._not_before = self.clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def failed(self) -> None:
        """An answer that came too late, or an endpoint that was not there: half, without a pause."""
        self._n_good = 0
        self.current = max(1, self.current // 2)
