"""Intervals for shares: how far a figure could be off because other questions were not asked.

Questions about one paper succeed or fail together, so papers are drawn, not questions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""

N_RESAMPLES = 10_000
"""The ends of an interval then move by less than 0.5 points from seed to seed (62 papers, 161 questions)."""

SEED = 20260101

_BLOCK = 2_000_000
"""Draws held in memory at once, 16 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``0 <= low <= high <= 1``"""

    low: float
    high: float


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
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    if not values:
        return None
    rows = {cluster: row for row, cluster in enumerate(dict.fromkeys(clusters))}
    owner = np.array([rows[cluster] for cluster in clusters])
    numbers = np.array(values, np.float64)
    n_clusters = len(rows)
    if n_clusters == 1 or numbers.min() == numbers.max():
        return wilson(float(numbers.mean()), n_clusters)
    sums = np.bincount(owner, numbers, n_clusters)
    sizes = np.bincount(owner, minlength=n_clusters)
    random = np.random.default_rng(seed)
    means: list[np.ndarray] = []
    n_left = n_resamples
    while n_left > 0:
        n_now = min(n_left, max(1, _BLOCK // n_clusters))
        drawn = random.integers(0, n_clusters, (n_now, n_clusters))
        means.append(sums[drawn].sum(1) / sizes[drawn].sum(1))
        n_left -= n_now
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two lists of values for the same items, the first less the second."""

    mean: float
    interval: Interval
    """95 %; its ends may be negative."""
    p_value: float
    """Of a two-sided randomisation test: how often chance alone gives so large a mean."""
    n_better: int
    n_worse: int
    n_equal: int


def mean_interval(values: Sequence[float], *, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Interval:
    """The 95 % percentile bootstrap interval of a mean; any values, at least one of them."""
    low, high = np.percentile(_resampled_means(np.asarray(values, np.float64), n_resamples, seed), [2.5, 97.5])
    return Interval(float(low), float(high))


def paired_difference(
    one: Sequence[float], other: Sequence[float], *, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> Difference:
    """``one - other``, item by item: a bootstrap over the items, and a randomisation test.

    The test flips the sign of each difference at random (Smucker, Allan and Carterette 2007,
    'A comparison of statistical significance tests for information retrieval evaluation');
    p = (1 + flips with as large a mean) / (1 + flips).
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values against {len(other)}")
    gaps = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    mean = float(gaps.mean())
    random = np.random.default_rng(seed)
    n_as_large = 0
    step = max(1, _BLOCK // len(gaps))
    for start in range(0, n_resamples, step):
        signs = random.choice((-1.0, 1.0), (min(step, n_resamples - start), len(gaps)))
        n_as_large += int((np.abs((signs * gaps).mean(1)) >= abs(mean) - 1e-12).sum())
    return Difference(
        mean,
        mean_interval(gaps.tolist(), n_resamples=n_resamples, seed=seed),
        (1 + n_as_large) / (1 + n_resamples),
        int((gaps > 0).sum()),
        int((gaps < 0).sum()),
        int((gaps == 0).sum()),
    )


def _resampled_means(values: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    step = max(1, _BLOCK // len(values))
    return np.concatenate(
        [
            values[random.integers(0, len(values), (min(step, n_resamples - start), len(values)))].mean(1)
            for start in range(0, n_resamples, step)
        ]
    )
