"""Fits ``rag.judge.linear``: ``python -m eval.training.judge_linear FILE... --out rag/models/judge_linear.json``.

Each FILE holds labelled claims (``eval.judge_data``) and is one set; every set weighs the
same. Prints, for each set, AUROC and balanced accuracy of models that saw no claim of the
same source or wording (five folds), and of models that saw nothing of the whole set. The
threshold maximises the mean balanced accuracy of the first kind of model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.judge_data import LabelledClaim, read_claims, sample
from eval.judge_measures import auroc, balanced_accuracy
from rag.judge.by_rules import by_rules
from rag.judge.comparison import compare
from rag.judge.judgement import JudgeVerdict
from rag.judge.linear import FEATURES, PARTIAL_AT_MOST, LinearJudge, features, within_rules
from rag.judge.rules import findings_of

Array = npt.NDArray[np.float64]

N_FOLDS = 5
L2 = 3e-3


@dataclass(frozen=True, slots=True)
class Examples:
    name: str
    table: Array
    labels: npt.NDArray[np.bool_]
    folds: npt.NDArray[np.int64]
    ruled: tuple[JudgeVerdict, ...]
    """The rules' verdicts, which hold the probability as they do in the judge."""


def examples(claims: Sequence[LabelledClaim]) -> Examples:
    """The features of every claim that can be judged."""
    judge = LinearJudge()
    rows, labels, folds, verdicts = [], [], [], []
    for claim in claims:
        comparison = compare(claim.claim, claim.evidence)
        ruled = by_rules(comparison)
        if not ruled.scorable:
            continue
        findings = findings_of(comparison)
        rows.append(features(comparison, findings, judge.vector(comparison.claim.text), judge.vectors(claim.evidence)))
        labels.append(claim.supported)
        folds.append(int(hashlib.sha256(claim.group.encode()).hexdigest(), 16) % N_FOLDS)
        verdicts.append(ruled.verdict)
    return Examples(claims[0].data_set, np.array(rows, np.float64), np.array(labels), np.array(folds), tuple(verdicts))


def fit(table: Array, labels: npt.NDArray[np.bool_], importance: Array, l2: float = L2) -> Array:
    """Weights of the log-odds by Newton's method; the constant (column 0) is not shrunk."""
    scale = table.std(0)
    scale[scale < 1e-6] = 1.0
    rows = table / scale
    shrink = np.full(rows.shape[1], l2)
    shrink[0] = 1e-9
    weights = np.zeros(rows.shape[1])
    importance = importance / importance.sum()
    for _ in range(40):
        likely = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        gradient = rows.T @ (importance * (likely - labels)) + shrink * weights
        curvature = (rows * (importance * likely * (1 - likely))[:, None]).T @ rows + np.diag(shrink)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    found: Array = weights / scale
    return found


def probabilities(table: Array, weights: Array) -> Array:
    found: Array = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
    return found


def fit_sets(sets: Sequence[Examples], keep: Sequence[npt.NDArray[np.bool_]]) -> Array:
    """One model for the kept rows of all sets; each set weighs the same, and so does each label within it."""
    tables, labels, importance = [], [], []
    for one, kept in zip(sets, keep, strict=True):
        if not kept.any():
            continue
        own = one.labels[kept]
        tables.append(one.table[kept])
        labels.append(own)
        importance.append(np.where(own, 0.5 / max(own.sum(), 1), 0.5 / max((~own).sum(), 1)))
    return fit(np.concatenate(tables), np.concatenate(labels), np.concatenate(importance))


def _within(found: Array, verdicts: Sequence[JudgeVerdict]) -> Array:
    return np.array([within_rules(float(one), verdict) for one, verdict in zip(found, verdicts, strict=True)])


def _figures(one: Examples, found: Array, threshold: float) -> str:
    accuracy = balanced_accuracy(one.labels, found >= threshold)
    return f"AUROC {auroc(one.labels, found):.3f} balanced accuracy {accuracy:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", type=int, default=3000, help="claims of each set, whole groups at random")
    options = parser.parse_args(arguments)
    sets = [examples(sample(read_claims([path]), options.limit)) for path in options.files]

    held_out = [np.zeros(len(one.labels)) for one in sets]
    for fold in range(N_FOLDS):
        weights = fit_sets(sets, [one.folds != fold for one in sets])
        for one, found in zip(sets, held_out, strict=True):
            mine = one.folds == fold
            found[mine] = probabilities(one.table[mine], weights)
    held_out = [_within(found, one.ruled) for found, one in zip(held_out, sets, strict=True)]
    choices = np.round(np.arange(PARTIAL_AT_MOST + 0.01, 0.8, 0.01), 2)
    threshold = float(
        max(
            choices,
            key=lambda t: sum(
                balanced_accuracy(one.labels, found >= t) for one, found in zip(sets, held_out, strict=True)
            ),
        )
    )
    for at, (one, found) in enumerate(zip(sets, held_out, strict=True)):
        away = np.zeros(0)
        if len(sets) > 1:
            others = fit_sets(sets, [np.full(len(o.labels), n != at) for n, o in enumerate(sets)])
            away = _within(probabilities(one.table, others), one.ruled)
        print(f"{one.name:28} {len(one.labels):5} claims  held-out sources: {_figures(one, found, threshold)}")
        if len(away):
            print(f"{'':42} held-out set: {_figures(one, away, threshold)}")
    weights = fit_sets(sets, [np.full(len(one.labels), True) for one in sets])
    print("threshold", threshold)
    if options.out:
        written = {
            "weights": {name: round(float(w), 5) for name, w in zip(FEATURES, weights, strict=True)},
            "threshold": threshold,
            "partial_above": round(threshold * 0.6, 3),
            "trained_on": [f"{one.name} ({len(one.labels)})" for one in sets],
        }
        options.out.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
