"""Intervals and paired differences: how far a figure could be off because other questions were not asked.

Questions about one paper succeed or fail together, so papers are drawn, not questions.
Equal inputs and seed give equal results, to the last bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""

N_RESAMPLES = 10_000
"""The ends of an interval then move by less than 0.5 points from seed to seed (62 papers, 161 questions)."""

SEED = 20260101

_BLOCK = 2_000_000
"""Draws held in memory at once, 16 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``low <= high``; of a share both lie in [0, 1]."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    words: str
    n_true: int
    n: int
    interval: Interval | None
    """95 %, clustered; None for n = 0."""

    @property
    def share(self) -> float | None:
        return self.n_true / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Difference:
    """Another run less one run, paired by question; above zero the other has the higher values."""

    mean: float
    interval: Interval
    """95 %."""
    p_value: float
    """Two-sided: how often mere chance in which run is which gives a difference as large."""
    n_better: int
    """Pairs in which the other run has the higher value."""
    n_worse: int
    n_equal: int


def wilson(share: float, n: int) -> Interval:
    """The 95 % score interval of a share seen in ``n`` independent trials; [0, 1] for n = 0.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), Wilson 1927, 'Probable inference, the
    law of succession, and statistical inference', J. Am. Stat. Assoc. 22. Unlike the
    textbook interval it is not a point where all trials agree.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    z2 = Z_95**2
    centre = share + z2 / (2 * n)
    reach = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(max(0.0, (centre - reach) / (1 + z2 / n)), min(1.0, (centre + reach) / (1 + z2 / n)))


def clustered_interval(
    values: Sequence[bool | float],
    clusters: Sequence[Hashable],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = SEED,
) -> Interval | None:
    """The 95 % interval of the mean of ``values`` in [0, 1], which come in ``clusters``; None for no values.

    Percentile bootstrap over whole clusters: as many clusters as there are, drawn with
    replacement; the mean of a draw is the sum of its values over their number (Davison and
    Hinkley 1997, 'Bootstrap Methods and their Application', section 3.8). Equal inputs and
    seed give equal bounds. Where a bootstrap can see no spread, because all values agree or
    all lie in one cluster, it is Wilson's interval for as many trials as there are clusters.
    """
    if not values:
        return None
    numbers, sums, sizes = _by_cluster(values, clusters)
    n_clusters = len(sizes)
    if n_clusters == 1 or numbers.min() == numbers.max():
        return wilson(float(numbers.mean()), n_clusters)
    return _percentiles(sums, sizes, n_resamples, seed)


def share_of(words: str, values: Sequence[bool], clusters: Sequence[Hashable]) -> Share:
    """How many of ``values`` are true, with ``clustered_interval``."""
    return Share(words, sum(values), len(values), clustered_interval(values, clusters))


def mean_interval(
    values: Sequence[bool | float],
    clusters: Sequence[Hashable] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = SEED,
) -> Interval | None:
    """As ``clustered_interval`` for values of any size, seconds or differences; None for no values.

    Without ``clusters`` every value stands alone. Values that all agree give a point.
    """
    if not values:
        return None
    _, sums, sizes = _by_cluster(values, range(len(values)) if clusters is None else clusters)
    return _percentiles(sums, sizes, n_resamples, seed)


def paired_difference(
    one: Sequence[bool | float],
    other: Sequence[bool | float],
    clusters: Sequence[Hashable] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = SEED,
) -> Difference | None:
    """``other - one``, value by value, of the same questions; None for no pairs.

    The interval is ``mean_interval`` of the differences. The p-value is that of a
    randomisation test which swaps the runs within whole clusters at random: (1 + as extreme) /
    (1 + draws) (Noreen 1989, 'Computer-Intensive Methods for Testing Hypotheses'; Davison and
    Hinkley 1997, section 4.3).
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values are paired with {len(other)}")
    if not one:
        return None
    values = [float(b) - float(a) for a, b in zip(one, other, strict=True)]
    clusters = range(len(values)) if clusters is None else clusters
    _, sums, sizes = _by_cluster(values, clusters)
    observed = abs(float(sums.sum()))
    n_extreme, n_left = 0, n_resamples
    random = np.random.default_rng(seed)
    while n_left > 0:
        n_now = min(n_left, max(1, _BLOCK // len(sums)))
        signs = 2.0 * random.integers(0, 2, (n_now, len(sums))) - 1.0
        # Rounding must not turn a tie with what was observed into something less extreme.
        n_extreme += int((np.abs(signs @ sums) >= observed - 1e-9).sum())
        n_left -= n_now
    return Difference(
        mean=float(sum(values) / len(values)),
        interval=_percentiles(sums, sizes, n_resamples, seed),
        p_value=(1 + n_extreme) / (1 + n_resamples),
        n_better=sum(value > 0 for value in values),
        n_worse=sum(value < 0 for value in values),
        n_equal=sum(value == 0 for value in values),
    )


def _by_cluster(
    values: Sequence[bool | float], clusters: Sequence[Hashable]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The values, and each cluster's sum and size, clusters in the order of their first value."""
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    owner = np.array([rows[cluster] for cluster in clusters])
    numbers = np.array(values, np.float64)
    sums: npt.NDArray[np.float64] = np.bincount(owner, numbers, len(rows)).astype(np.float64)
    sizes: npt.NDArray[np.int64] = np.bincount(owner, minlength=len(rows)).astype(np.int64)
    return numbers, sums, sizes


def _percentiles(sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], n_resamples: int, seed: int) -> Interval:
    n_clusters = len(sums)
    if n_clusters * n_resamples <= _BLOCK:
        drawn = _drawn(n_clusters, n_resamples, seed)
        low, high = np.percentile((drawn @ sums) / (drawn @ sizes), [2.5, 97.5])
        return Interval(float(low), float(high))
    random = np.random.default_rng(seed)
    means: list[npt.NDArray[np.float64]] = []
    n_left = n_resamples
    while n_left > 0:
        n_now = min(n_left, max(1, _BLOCK // n_clusters))
        picked = random.integers(0, n_clusters, (n_now, n_clusters))
        means.append(sums[picked].sum(1) / sizes[picked].sum(1))
        n_left -= n_now
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(low), float(high))


@functools.lru_cache(maxsize=4)
def _drawn(n_clusters: int, n_resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """How often each cluster is drawn, one row a resample: the same for every figure over so many clusters."""
    picked = np.random.default_rng(seed).integers(0, n_clusters, (n_resamples, n_clusters))
    rows = np.arange(n_resamples)[:, None] * n_clusters
    counts = np.bincount((picked + rows).ravel(), minlength=n_resamples * n_clusters)
    found: npt.NDArray[np.float64] = counts.reshape(n_resamples, n_clusters).astype(np.float64)
    return found
