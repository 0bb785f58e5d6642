"""Fits the weights and thresholds of ``rag.judge.trained``.

    python -m eval.training.calibration --sets SET:FOLD:WEIGHT... [--out rag/models/judge.json]

Each SET is a file of labelled claims, of which FOLD was kept from the bundled model
(``-`` where the whole set was); the held-out eighth of mixed-e is always used. Logistic
regression over the model's log-odds and the words that claim and evidence share, all of
a set's claims together counting WEIGHT, those of mixed-e MIXED_WEIGHT; figures are by
five-fold cross-validation over groups of claims. numpy only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.judge_data import LabelledClaim, read_claims, sample
from eval.judge_measures import auroc, balanced_accuracy, calibration_error
from eval.training import logistic
from eval.training.claims import CALIBRATION_PREFIX, TEST_PREFIXES, Written, fold_of
from rag.judge.by_rules import by_rules
from rag.judge.comparison import compare
from rag.judge.judgement import JudgeVerdict
from rag.judge.model import BUNDLED, Belief
from rag.judge.trained import DENIED_AT_MOST, FEATURES, LEFT_TO_THE_MODEL, features, within_belief, within_rules

L2 = 1e-3
N_FOLDS = 5
MIXED_WEIGHT = 2.0
"""Its claims are worded anew, as a model words them, and speak of papers as the answers do."""

MAX_CLAIMS = 1_500
"""Of each set; whole groups at random."""


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    weight: float
    table: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    ruled: tuple[JudgeVerdict, ...]
    beliefs: tuple[Belief, ...]
    kinds: tuple[str, ...]
    folds: npt.NDArray[np.int64]


def measured(name: str, claims: Sequence[LabelledClaim], weight: float = 1.0) -> Measured:
    rows, labels, ruled, beliefs, kinds, folds = [], [], [], [], [], []
    for claim in claims:
        comparison = compare(claim.claim, claim.evidence)
        word = by_rules(comparison, LEFT_TO_THE_MODEL)
        if not word.scorable:
            continue
        (belief,) = BUNDLED.beliefs([(comparison.claim.text, [one.text for one in comparison.evidence])])
        rows.append(features(comparison, belief))
        labels.append(claim.supported)
        ruled.append(word.verdict)
        beliefs.append(belief)
        kinds.append(claim.kind)
        folds.append(fold_of("calibration " + claim.group))
    return Measured(
        name,
        weight,
        np.array(rows, np.float64),
        np.array(labels, bool),
        tuple(ruled),
        tuple(beliefs),
        tuple(kinds),
        np.array(folds),
    )


def mixed_claims(prefix: str) -> list[LabelledClaim]:
    written = Written()
    return [
        LabelledClaim(
            row["id"],
            "mixed",
            row["claim"],
            written.whole(row["paper_id"]),
            row["label"] == "supported",
            row["label"],
            row["paper_id"],
        )
        for row in written.rows
        if row["id"].startswith(prefix)
    ]


def fit(sets: Sequence[Measured], inside: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.float64]:
    """Every set counts by its weight. Only claims that the rules leave open do."""
    tables, labels, shares = [], [], []
    for one, chosen in zip(sets, inside, strict=True):
        is_open = np.array([verdict in ("unchecked", "partial") for verdict in one.ruled]) & chosen
        tables.append(one.table[is_open])
        labels.append(one.labels[is_open])
        shares.append(np.full(int(is_open.sum()), one.weight / max(int(is_open.sum()), 1)))
    rows, wanted, share = np.concatenate(tables), np.concatenate(labels), np.concatenate(shares)
    return logistic.fit(rows, wanted, L2, share / share.sum())


def probabilities(one: Measured, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    raw = 1 / (1 + np.exp(-np.clip(one.table @ weights, -30, 30)))
    believed = [within_belief(float(p), belief) for p, belief in zip(raw, one.beliefs, strict=True)]
    return np.array([within_rules(p, verdict) for p, verdict in zip(believed, one.ruled, strict=True)])


def threshold(sets: Sequence[Measured], found: Sequence[npt.NDArray[np.float64]]) -> float:
    """The probability from which 'supported' gives the best balanced accuracy, as the weighted mean of the sets.

    That may be somewhat below one half: of the claims here two thirds are not supported, of the sentences of an
    answer far fewer. It lies above DENIED_AT_MOST.
    """
    choices = np.round(np.arange(DENIED_AT_MOST + 0.01, 0.9, 0.01), 2)

    def worth(at: float) -> float:
        return sum(one.weight * balanced_accuracy(one.labels, p >= at) for one, p in zip(sets, found, strict=True))

    return float(max(choices, key=worth))


def _print(one: Measured, found: npt.NDArray[np.float64], at: float) -> None:
    alone = one.table[:, 1]
    print(f"{one.name}, {len(one.labels)} claims; beside the model alone:")
    print(f"    AUROC             {auroc(one.labels, found):.3f}  {auroc(one.labels, alone):.3f}")
    accuracy = (balanced_accuracy(one.labels, found >= at), balanced_accuracy(one.labels, alone >= 0))
    print(f"    balanced accuracy {accuracy[0]:.3f}  {accuracy[1]:.3f}")
    print(f"    calibration error {calibration_error(one.labels, found):.3f}")
    for kind in sorted(set(one.kinds)):
        own = np.array([k == kind for k in one.kinds])
        print(f"    passed {np.mean(found[own] >= at):.3f} of {int(own.sum())} {kind}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the calibration of the bundled judge.")
    parser.add_argument("--sets", nargs="*", default=[], metavar="FILE:FOLD:WEIGHT")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sets = [measured("mixed", mixed_claims(CALIBRATION_PREFIX), MIXED_WEIGHT)]
    for named in options.sets:
        path, fold, weight = named.rsplit(":", 2)
        claims = [c for c in read_claims([Path(path)]) if fold == "-" or fold_of(c.group) == int(fold)]
        sets.append(measured(Path(path).name.split(".")[0], sample(claims, MAX_CLAIMS), float(weight)))

    held_out = [np.zeros(len(one.labels)) for one in sets]
    for fold in range(N_FOLDS):
        weights = fit(sets, [one.folds != fold for one in sets])
        for one, found in zip(sets, held_out, strict=True):
            inside = one.folds == fold
            found[inside] = probabilities(one, weights)[inside]
    at = threshold(sets, held_out)
    for one, found in zip(sets, held_out, strict=True):
        _print(one, found, at)
    weights = fit(sets, [np.full(len(one.labels), True) for one in sets])
    print("supported from", at)
    for prefix in TEST_PREFIXES:
        test = measured(f"{prefix}, never fitted to", mixed_claims(prefix))
        _print(test, probabilities(test, weights), at)
    if options.out:
        written = {
            "weights": {name: round(float(w), 5) for name, w in zip(FEATURES, weights, strict=True)},
            "supported_from": at,
            "partial_from": round(at * 0.6, 3),
            "contradicted_from": 0.5,
            "doubt_from": round(at - 0.2, 3),
            "doubt_to": round(min(at + 0.2, 0.95), 3),
            "fitted_on": [f"{one.name} ({len(one.labels)})" for one in sets],
        }
        options.out.write_text(json.dumps(written, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
