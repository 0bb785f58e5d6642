"""How answers err when only the surest are given: the risk-coverage curve and the area under it, with its interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.measures.abstention import RiskPoint, area_under_risk, risk_coverage
from eval.statistics import SEED, Interval

N_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Risk:
    """How the answers that were given err, the surest first."""

    area: float
    interval: Interval
    """95 %: whole clusters are drawn with replacement, and the order is made anew in each draw."""
    points: tuple[RiskPoint, ...]
    share_wrong: float
    """The area of an order that means nothing."""
    n: int


def risk_of(sureness: Sequence[float], is_right: Sequence[bool], clusters: Sequence[Hashable]) -> Risk | None:
    """The curve of answers with a sureness each; None for no answers."""
    area = area_under_risk(sureness, is_right)
    if area is None:
        return None
    members: dict[Hashable, list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        members[cluster].append(place)
    groups = [np.array(own) for own in members.values()]
    sure = np.array(sureness, np.float64)
    wrong = np.array([not right for right in is_right], np.float64)
    random = np.random.default_rng(SEED)
    draws = []
    for _ in range(N_RESAMPLES):
        picked = np.concatenate([groups[at] for at in random.integers(0, len(groups), len(groups))])
        draws.append(_area(sure[picked], wrong[picked]))
    low, high = np.percentile(draws, [2.5, 97.5])
    points = risk_coverage(sureness, is_right)
    return Risk(area, Interval(float(low), float(high)), points, float(wrong.mean()), len(sure))


def _area(sure: npt.NDArray[np.float64], wrong: npt.NDArray[np.float64]) -> float:
    """``area_under_risk``, in numpy: the errors of equal confidences are spread evenly."""
    _, group = np.unique(-sure, return_inverse=True)
    spread = (np.bincount(group, wrong) / np.bincount(group))[np.sort(group)]
    return float((np.cumsum(spread) / np.arange(1, len(sure) + 1)).mean())
