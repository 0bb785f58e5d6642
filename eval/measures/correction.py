"""A judge that errs gives shares that are off. Here they are put right, with what that costs in certainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.statistics import SEED, Z_95, Interval

FloatArray = npt.NDArray[np.float64]

N_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """How a judge did on claims whose truth is known."""

    n_true: int
    """Claims that are supported, and of them those that it passed."""
    n_true_passed: int
    n_false: int
    n_false_flagged: int

    @property
    def sensitivity(self) -> float:
        return self.n_true_passed / self.n_true

    @property
    def specificity(self) -> float:
        return self.n_false_flagged / self.n_false


@dataclass(frozen=True, slots=True)
class Corrected:
    share: float
    interval: Interval
    """95 %."""
    observed: float
    """The share as the judge gave it."""


def rogan_gladen(
    n_passed: Sequence[int], n_claims: Sequence[int], rates: ErrorRates, *, n_draws: int = N_DRAWS, seed: int = SEED
) -> Corrected | None:
    """The share of claims that are truly supported: (p + Sp - 1) / (Se + Sp - 1), held to [0, 1].

    Rogan and Gladen 1978, 'Estimating prevalence from the results of a screening test', Am. J.
    Epidemiol. 107. ``n_passed`` of ``n_claims`` were passed, one entry for each cluster of
    claims that stand or fall together. The interval draws clusters, sensitivity and
    specificity anew together (parametric bootstrap for the latter two), so that it also holds
    how little is known of the judge. None if there are no claims, if the rates were not
    measured, or if the judge is no better than chance.
    """
    passed, claims = np.array(n_passed, np.float64), np.array(n_claims, np.float64)
    if not claims.sum() or not rates.n_true or not rates.n_false or rates.sensitivity + rates.specificity <= 1:
        return None
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(claims), (n_draws, len(claims)))
    shares = passed[drawn].sum(1) / np.maximum(claims[drawn].sum(1), 1.0)
    # Half an error more on each side: a judge that made no mistake on 75 claims may still make one.
    se = random.binomial(rates.n_true, (rates.n_true_passed + 0.5) / (rates.n_true + 1), n_draws) / rates.n_true
    sp = random.binomial(rates.n_false, (rates.n_false_flagged + 0.5) / (rates.n_false + 1), n_draws) / rates.n_false
    low, high = np.percentile(_corrected(shares, se, sp), [2.5, 97.5])
    observed = float(passed.sum() / claims.sum())
    share = float(_corrected(np.array(observed), np.array(rates.sensitivity), np.array(rates.specificity)))
    return Corrected(share, Interval(min(float(low), share), max(float(high), share)), observed)


def _corrected(share: FloatArray, se: FloatArray, sp: FloatArray) -> FloatArray:
    found: FloatArray = np.clip((share + sp - 1) / np.maximum(se + sp - 1, 1e-9), 0.0, 1.0)
    return found


def prediction_powered_mean(
    judged: Sequence[float], labelled_judged: Sequence[float], labels: Sequence[float]
) -> Corrected | None:
    """The mean of what people would say, from a judge of all claims and people's labels of some.

    mean(judged) + mean(labels - labelled_judged), with variance var(judged)/N +
    var(labels - labelled_judged)/n (Angelopoulos et al. 2023, 'Prediction-Powered Inference',
    section 2.1). The labelled claims must be a random part of those that were judged; values
    lie in [0, 1]. Held to [0, 1]; None without claims or with fewer than two labels.
    """
    if len(labelled_judged) != len(labels):
        raise ValueError(f"{len(labels)} labels for {len(labelled_judged)} claims")
    if not judged or len(labels) < 2:
        return None
    all_of, gaps = np.array(judged, np.float64), np.array(labels, np.float64) - np.array(labelled_judged, np.float64)
    mean = float(all_of.mean() + gaps.mean())
    spread = math.sqrt(all_of.var(ddof=1 if len(all_of) > 1 else 0) / len(all_of) + gaps.var(ddof=1) / len(gaps))
    low, high = mean - Z_95 * spread, mean + Z_95 * spread
    share = min(max(mean, 0.0), 1.0)
    return Corrected(share, Interval(min(max(low, 0.0), share), max(min(high, 1.0), share)), float(all_of.mean()))
