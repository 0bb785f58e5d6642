"""A judge that weighs the rules' findings, shared words and similar meaning: logistic regression.

It is the trained judge where no better one is installed. Weights, calibration and
threshold come from ``eval.training.judge_linear``; numpy only.
"""

from __future__ import annotations

import functools
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources

import numpy as np
import numpy.typing as npt

from rag.embedding import BundledEmbedder, Embedder
from rag.judge.by_rules import by_rules
from rag.judge.comparison import Comparison, compare
from rag.judge.judgement import Finding, Judgement, JudgeVerdict
from rag.judge.reading import share_in
from rag.judge.rules import POWERS
from rag.judge.rules.presence import longest_run
from rag.judge.rules.quotes import exact_quote
from rag.types import Span

FloatArray = npt.NDArray[np.float32]

RULE_NAMES = tuple(POWERS)

FEATURES = (
    "constant",
    "share in all evidence",
    "share in the nearest sentence",
    "share in the two nearest sentences",
    "followed word for word",
    "longest run",
    "is close",
    "quoted",
    "best similarity",
    "second similarity",
    "mean similarity",
    "similarity to the whole",
    "similarity times share",
    "log words of the claim",
    "log sentences of the evidence",
    "heaviest missing word",
    "missing words",
    *(f"rule {name}" for name in RULE_NAMES),
)

VETOED_AT_MOST = 0.1
PARTIAL_AT_MOST = 0.4
QUOTED_AT_LEAST = 0.99
"""What the rules' verdict leaves of the probability: a rule that may veto is not outvoted, nor is
a quote. On the training sets about two of five claims that the rules call partial are supported."""

MAX_KEPT = 64
"""Evidence texts whose sentence vectors are kept: those of a few answers."""


class LinearJudge:
    """Rules first; then a probability for what they leave open."""

    name = "linear"

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder or BundledEmbedder()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], FloatArray] = OrderedDict()

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        comparison = compare(claim, evidence)
        ruled = by_rules(comparison)
        if not ruled.scorable:
            return ruled
        model = weights()
        row = features(comparison, ruled.findings, self.vector(comparison.claim.text), self.vectors(evidence))
        probability = within_rules(1 / (1 + math.exp(-float(np.clip(row @ model.weights, -30, 30)))), ruled.verdict)
        if ruled.verdict != "unchecked":
            return replace(ruled, probability=probability)
        if probability >= model.threshold:
            return replace(
                ruled,
                verdict="supported",
                probability=probability,
                reasons=("the source is close in words and meaning",),
            )
        verdict, reason = _below(probability, model, ruled)
        return replace(ruled, verdict=verdict, probability=probability, reasons=(*_lowering(ruled), reason))

    def vector(self, claim: str) -> FloatArray:
        found: FloatArray = self._embedder.embed([claim])[0]
        return found

    def vectors(self, evidence: Sequence[str]) -> FloatArray:
        """float32 (1 + n_sentences, n_dims): all of the evidence together, then each sentence within it."""
        key = tuple(evidence)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        spans, at = [], 0
        for sentence in key:
            spans.append(Span(at, at + len(sentence)))
            at += len(sentence) + 1
        (found,) = self._embedder.embed_spans([" ".join(key)], [spans])
        stacked: FloatArray = np.concatenate([found.whole[None], found.spans])
        with self._lock:
            self._kept[key] = stacked
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return stacked


def features(
    comparison: Comparison, findings: Sequence[Finding], claim: FloatArray, evidence: FloatArray
) -> FloatArray:
    """float32 (n_features,), in the order of FEATURES."""
    alignment, mine = comparison.alignment, comparison.claim
    similar = np.sort(evidence[1:] @ claim)[::-1] if len(evidence) > 1 else np.zeros(1, np.float32)
    shares = sorted(
        ((share_in(mine.weights, reading.types), n) for n, reading in enumerate(comparison.evidence)), reverse=True
    )
    two = frozenset().union(*(comparison.evidence[n].types for _, n in shares[:2]))
    available = comparison.types
    absent = [token.weight for token in mine.tokens if token.weight > 0 and token.key not in available]
    quoted = exact_quote(comparison)
    present = {finding.rule for finding in findings}
    best = float(similar[0])
    return np.array(
        [
            1.0,
            alignment.whole_share,
            alignment.nearest_share,
            share_in(mine.weights, two),
            alignment.followed,
            min(longest_run(alignment), 12) / 12,
            float(alignment.is_close),
            float(quoted is not None and not quoted[1]),
            best,
            float(similar[min(1, len(similar) - 1)]),
            float(similar[:8].mean()),
            float(evidence[0] @ claim),
            best * alignment.nearest_share,
            math.log1p(len(mine.tokens)),
            math.log1p(len(comparison.evidence)),
            max(absent, default=0.0) / 10,
            min(len(absent), 10) / 10,
            *(float(name in present) for name in RULE_NAMES),
        ],
        np.float32,
    )


def within_rules(probability: float, verdict: JudgeVerdict) -> float:
    """The probability, held to what the rules' verdict allows."""
    if verdict == "supported":
        return max(probability, QUOTED_AT_LEAST)
    if verdict in ("contradicted", "unsupported"):
        return min(probability, VETOED_AT_MOST)
    return min(probability, PARTIAL_AT_MOST) if verdict == "partial" else probability


@dataclass(frozen=True, slots=True)
class Weights:
    weights: FloatArray
    """float32 (n_features,): log-odds, scale included."""
    threshold: float
    """The probability from which a claim counts as supported; fixed on the training sets."""
    partial_above: float
    """From here up to the threshold something of it stands there."""


@functools.cache
def weights() -> Weights:
    written = json.loads(resources.files("rag").joinpath("models/judge_linear.json").read_text("utf-8"))
    if tuple(written["weights"]) != FEATURES:
        raise ValueError("rag/models/judge_linear.json was fitted to other features: run eval.training.judge_linear")
    return Weights(
        np.array(list(written["weights"].values()), np.float32), written["threshold"], written["partial_above"]
    )


def _below(probability: float, model: Weights, ruled: Judgement) -> tuple[JudgeVerdict, str]:
    missing = f"; missing there: {', '.join(ruled.missing[:6])}" if ruled.missing else ""
    if probability >= model.partial_above:
        return "partial", "the nearest sentence says something like it, but not clearly all of it" + missing
    return "unsupported", "the source does not seem to say so" + missing


def _lowering(ruled: Judgement) -> tuple[str, ...]:
    return tuple(f.reason for f in ruled.findings if POWERS.get(f.rule) == "lower")
