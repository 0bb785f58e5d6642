"""What a measure is, and how it becomes a figure with its interval and its bounds.

A record is in one of three states for a measure: it has a value; the measure is not about
it; or it is *unscored*, because asking or judging failed or there was nothing to judge. The
unscored are in no mean, but counted, and every share says between which bounds it would
lie if all of them were wrong, or right.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from eval.questions import Question
from eval.runs.records import Record
from eval.statistics import N_RESAMPLES, Interval, clustered_interval, mean_interval

UNSCORED: Final = "unscored"

Value = bool | float | Literal["unscored"] | None
"""None: the measure is not about this record."""

Unit = Literal["share", "words", "seconds", "dollars", "claims"]


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    words: str
    """As the tables call it."""
    asks: Callable[[Question], bool]
    """The denominator: the questions that this measure is about."""
    value: Callable[[Record], Value]
    """Of a scorable record that ``asks`` lets through."""
    target: float | None = None
    is_good: bool = True
    """False for a measure that should be low; ``target`` is then the most that is allowed."""
    unit: Unit = "share"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over many records."""

    measure: Measure
    total: float
    """Sum of the values; of a yes-or-no measure the number of yeses."""
    n_scored: int
    n_unscored: int
    n_clusters: int
    """Papers that the scored questions are about; a question about none counts by itself."""
    interval: Interval | None
    """Of ``mean``, 95 %, clustered by paper; None if nothing was scored."""

    @property
    def mean(self) -> float | None:
        """None if nothing was scored."""
        return self.total / self.n_scored if self.n_scored else None

    @property
    def bounds(self) -> Interval | None:
        """The share if every unscored record had 0, and if every one had 1; None without any, or in other units."""
        n = self.n_scored + self.n_unscored
        if not n or self.measure.unit != "share":
            return None
        return Interval(self.total / n, (self.total + self.n_unscored) / n)

    @property
    def meets_target(self) -> bool | None:
        """Whether the target is met even if every unscored record went the wrong way; None without one."""
        if self.measure.target is None or self.bounds is None:
            return None
        if self.measure.is_good:
            return self.bounds.low >= self.measure.target
        return self.bounds.high <= self.measure.target


def figure(measure: Measure, records: Iterable[Record], *, n_resamples: int = N_RESAMPLES) -> Figure:
    """``measure`` over those of ``records`` that it is about."""
    values: list[float] = []
    clusters: list[Hashable] = []
    n_unscored = 0
    for record in records:
        value = score(measure, record)
        if value == UNSCORED:
            n_unscored += 1
        elif value is not None:
            values.append(float(value))
            clusters.append(cluster_of(record.question))
    interval = clustered_interval if measure.unit == "share" else mean_interval
    return Figure(
        measure,
        sum(values),
        len(values),
        n_unscored,
        len(set(clusters)),
        interval(values, clusters, n_resamples=n_resamples),
    )


def score(measure: Measure, record: Record) -> Value:
    """The record's value; UNSCORED where asking failed; None if the measure is not about it."""
    if not measure.asks(record.question):
        return None
    return measure.value(record) if record.is_scorable else UNSCORED


def cluster_of(question: Question) -> str:
    """The paper whose questions succeed and fail together; a question about none stands alone."""
    return question.relevant[0] if question.relevant else f"question {question.question_id}"
