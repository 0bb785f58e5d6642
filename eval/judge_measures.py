"""How good a judge is: pure functions of labels and what it said. Higher is better, except calibration error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.bool_] | Sequence[bool]
Scores = npt.NDArray[np.floating] | Sequence[float]


def auroc(labels: Labels, scores: Scores) -> float:
    """The chance that a supported claim scores above one that is not, ties counting half; nan without both kinds."""
    y, s = np.asarray(labels, bool), np.asarray(scores, np.float64)
    n_yes, n_no = int(y.sum()), int((~y).sum())
    if not n_yes or not n_no:
        return float("nan")
    ranks = _average_ranks(s)
    return float((ranks[y].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def balanced_accuracy(labels: Labels, passed: Labels) -> float:
    """The mean of the share of supported claims passed and of the others flagged; nan without both kinds."""
    y, p = np.asarray(labels, bool), np.asarray(passed, bool)
    if not y.any() or y.all():
        return float("nan")
    return float((p[y].mean() + (~p[~y]).mean()) / 2)


def f1_of_flags(labels: Labels, passed: Labels) -> float:
    """F1 of finding the claims that are not supported; 0.0 if none is found."""
    y, p = np.asarray(labels, bool), np.asarray(passed, bool)
    hits = int((~y & ~p).sum())
    total = int((~y).sum()) + int((~p).sum())
    return 2 * hits / total if total else float("nan")


def f1(labels: Labels, passed: Labels) -> float:
    """F1 of passing the claims that are supported."""
    y, p = np.asarray(labels, bool), np.asarray(passed, bool)
    total = int(y.sum()) + int(p.sum())
    return 2 * int((y & p).sum()) / total if total else float("nan")


def kappa(labels: Labels, passed: Labels) -> float:
    """Cohen's kappa (1960): agreement beyond chance; 0.0 where one side always says the same."""
    y, p = np.asarray(labels, bool), np.asarray(passed, bool)
    if not len(y):
        return float("nan")
    observed = float((y == p).mean())
    chance = float(y.mean() * p.mean() + (1 - y.mean()) * (1 - p.mean()))
    return (observed - chance) / (1 - chance) if chance < 1 else 0.0


def calibration_error(labels: Labels, probabilities: Scores, n_bins: int = 10) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017, equation 3); lower is better."""
    y, p = np.asarray(labels, bool), np.asarray(probabilities, np.float64)
    if not len(y):
        return float("nan")
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    gaps = [abs(float(y[bins == b].mean() - p[bins == b].mean())) * int((bins == b).sum()) for b in np.unique(bins)]
    return sum(gaps) / len(y)


def _average_ranks(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1-based ranks, ties sharing their mean rank."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: npt.NDArray[np.float64] = (ends - (counts - 1) / 2)[inverse]
    return means
