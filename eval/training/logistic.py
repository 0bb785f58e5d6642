"""Logistic regression by Newton's method, on numpy alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

N_STEPS = 50


def fit(
    rows: npt.NDArray[np.floating],
    labels: npt.NDArray[np.bool_],
    l2: float,
    shares: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """float64 (n_features,): weights of the log-odds of a true label.

    ``rows`` (n_rows, n_features) begin with a 1; they are scaled to a standard deviation of 1
    for the fit, and ``l2`` pulls the scaled weights to 0. ``shares`` (n_rows,) add up to 1;
    without them every row counts the same.
    """
    features, wanted = rows.astype(np.float64), labels.astype(np.float64)
    share = np.full(len(features), 1 / len(features)) if shares is None else shares
    scale = features.std(0)
    scale[scale < 1e-6] = 1.0
    features = features / scale
    weights = np.zeros(features.shape[1])
    for _ in range(N_STEPS):
        likely = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (share * (likely - wanted)) + l2 * weights
        curvature = (features * (share * likely * (1 - likely))[:, None]).T @ features + l2 * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, gradient)
    fitted: npt.NDArray[np.float64] = weights / scale
    return fitted
