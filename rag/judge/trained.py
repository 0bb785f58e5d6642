"""Rungs 0 and 1 together: the rules first, then the model for what they leave open, calibrated.

The weights that make one probability of both, and the thresholds of the verdicts, come
from ``eval.training.calibration``; they were fitted on claims that the model had not seen.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.judge.by_rules import NEAR_QUOTES, NOT_JUDGED, by_rules
from rag.judge.comparison import Comparison, compare
from rag.judge.judgement import Judge, Judgement, JudgeVerdict, cannot_judge
from rag.judge.model import BUNDLED, Belief
from rag.judge.reading import share_in
from rag.judge.scorable import why_unscorable

FloatArray = npt.NDArray[np.float32]

FEATURES = (
    "constant",
    "supported, log-odds",
    "contradicted, log-odds",
    "share in all evidence",
    "share in the nearest sentence",
    "followed word for word",
)
"""The rules' findings are none of them: fitted beside these they gained nothing on claims outside the fit
(AUROC 0.78 with and 0.79 without on 'mixed', 0.78 and 0.82 on SciFact). They act through ``within_rules``."""

LEFT_TO_THE_MODEL = frozenset({"negation_changed", "little_of_it", NEAR_QUOTES})
"""Rules that are too often wrong about sentences worded anew beside a model that reads them: of the claims of mixed-e,
mixed-f and the judged answers that the first two find fault with, 15 of 46 and 99 of 302 are supported; of the near
quotes there, in which a word may have been exchanged, 31 of 46 are not."""

QUOTED_AT_LEAST = 0.99
VETOED_AT_MOST = 0.1
PARTIAL_AT_MOST = 0.4
"""What the rules' verdict leaves of the probability: a quote is not doubted, a veto is not outvoted."""

DENIED_AT_MOST = 0.35
"""What is left of it where the model takes a contradiction for likelier than support, however many words are shared:
of 350 contradictions worded anew (E7-, F14-, G5-) 28 % then pass, not 45 %, and of 510 true claims 76 %, not 84 %."""

TOPIC_ALONE_FROM = 0.6
"""Calibrated probability from which a claim that shares no more than its topic with the source is supported. Of 77 such
claims of E7-, F14- and G5- four true ones pass, with 0.70 or more, and two false ones that had 0.53 and 0.50 do not."""

POINTED_AT = 3
"""Sentences that are read alone, to find the one that decides."""

MAX_LOG_ODDS = 6.0


class Beliefs(Protocol):
    """``rag.judge.model.ClaimModel``, or another in its place."""

    def beliefs(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Belief]: ...


class TrainedJudge:
    """Rules and model; a ``second`` judge is asked where their probability says little.

    ``always`` asks the second judge about every claim that the rules leave open. Where it
    could not judge, the first word stands.
    """

    def __init__(
        self, model: Beliefs = BUNDLED, *, second: Judge | None = None, always: bool = False, name: str = "default"
    ) -> None:
        self.name = name
        self._model = model
        self._second = second
        self._always = always

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        comparison = compare(claim, evidence)
        ruled = by_rules(comparison, LEFT_TO_THE_MODEL)
        if not ruled.scorable:
            return ruled
        if ruled.verdict == "supported":
            return replace(ruled, probability=QUOTED_AT_LEAST)
        scale = calibration()
        (belief,) = self._model.beliefs([(comparison.claim.text, [one.text for one in comparison.evidence])])
        probability = within_belief(scale.probability(features(comparison, belief)), belief)
        probability = within_rules(probability, ruled.verdict)
        if ruled.verdict in ("contradicted", "unsupported"):
            return replace(ruled, probability=probability)
        found = self._decided(comparison, ruled, belief, probability)
        in_doubt = scale.doubt_from <= probability < scale.doubt_to
        if self._second is not None and (self._always or in_doubt):
            return _with_second(found, self._second.judge(claim, evidence))
        return found

    def _decided(self, comparison: Comparison, ruled: Judgement, belief: Belief, probability: float) -> Judgement:
        scale = calibration()
        topic_alone = any(finding.rule == "topic_alone" for finding in ruled.findings)
        supported_from = max(scale.supported_from, TOPIC_ALONE_FROM if topic_alone else 0.0)
        verdict: JudgeVerdict
        if ruled.verdict == "partial":
            verdict, reason = "partial", ""
        elif probability >= supported_from:
            verdict, reason = "supported", "the source says so in other words"
        elif not topic_alone and belief.contradicted >= max(scale.contradicted_from, belief.not_stated):
            verdict, reason = "contradicted", "the source says otherwise"
        elif probability >= scale.partial_from and not topic_alone:
            verdict, reason = "partial", "the source says something like it, but not clearly all of it"
        else:
            verdict, reason = "unsupported", "the source does not say so"
        if verdict in ("partial", "unsupported") and ruled.missing:
            reason = "; ".join(filter(None, (reason, f"not there: {', '.join(ruled.missing[:6])}")))
        return replace(
            ruled,
            verdict=verdict,
            probability=probability,
            sentence=self._deciding(comparison, verdict, ruled.sentence),
            reasons=(*(one for one in ruled.reasons if one != NOT_JUDGED), *filter(None, [reason])),
        )

    def _deciding(self, comparison: Comparison, verdict: JudgeVerdict, nearest: int | None) -> int | None:
        """The sentence that by itself says most of the claim, or contradicts it most, among the nearest in words."""
        shares = [share_in(comparison.claim.weights, one.types) for one in comparison.evidence]
        order = sorted(range(len(shares)), key=lambda at: (-shares[at], at))[:POINTED_AT]
        if len(order) < 2:
            return nearest
        beliefs = self._model.beliefs([(comparison.claim.text, [comparison.evidence[at].text]) for at in order])
        worth = [one.contradicted if verdict == "contradicted" else one.supported for one in beliefs]
        return order[int(np.argmax(worth))]


class ModelAlone:
    """The model's word without the rules, for measuring what each of them is worth."""

    name = "model"

    def __init__(self, model: Beliefs = BUNDLED) -> None:
        self._model = model

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        comparison = compare(claim, evidence)
        reason = why_unscorable(comparison.claim, comparison.evidence)
        if reason:
            return cannot_judge(reason)
        (belief,) = self._model.beliefs([(comparison.claim.text, [one.text for one in comparison.evidence])])
        if belief.supported >= 0.5:
            return Judgement("supported", belief.supported)
        verdict: JudgeVerdict = "contradicted" if belief.contradicted > belief.not_stated else "unsupported"
        return Judgement(verdict, belief.supported)


def features(comparison: Comparison, belief: Belief) -> FloatArray:
    """float32 (n_features,), in the order of FEATURES."""
    alignment = comparison.alignment
    return np.array(
        [
            1.0,
            log_odds(belief.supported),
            log_odds(belief.contradicted),
            alignment.whole_share,
            alignment.nearest_share,
            alignment.followed,
        ],
        np.float32,
    )


def log_odds(probability: float) -> float:
    return float(np.clip(math.log((probability + 1e-9) / (1 - probability + 1e-9)), -MAX_LOG_ODDS, MAX_LOG_ODDS))


def within_belief(probability: float, belief: Belief) -> float:
    """The probability, held down where the model itself sees a contradiction sooner than support."""
    return min(probability, DENIED_AT_MOST) if belief.contradicted >= belief.supported else probability


def within_rules(probability: float, verdict: JudgeVerdict) -> float:
    """The probability, held to what the rules' verdict allows."""
    if verdict == "supported":
        return max(probability, QUOTED_AT_LEAST)
    if verdict in ("contradicted", "unsupported"):
        return min(probability, VETOED_AT_MOST)
    return min(probability, PARTIAL_AT_MOST) if verdict == "partial" else probability


@dataclass(frozen=True, slots=True)
class Calibration:
    weights: FloatArray
    """float32 (n_features,): log-odds that the evidence says all of the claim."""
    supported_from: float
    partial_from: float
    contradicted_from: float
    """Of the model's own probability of a contradiction."""
    doubt_from: float
    doubt_to: float
    """Between these the trained judge is about as often wrong as right, and a second one is worth asking."""

    def probability(self, row: FloatArray) -> float:
        return 1 / (1 + math.exp(-float(np.clip(row @ self.weights, -30, 30))))


@functools.cache
def calibration() -> Calibration:
    written = json.loads(resources.files("rag").joinpath("models/judge.json").read_text("utf-8"))
    if tuple(written["weights"]) != FEATURES:
        raise ValueError("rag/models/judge.json was fitted to other features: run eval.training.calibration")
    numbers = {name: float(written[name]) for name in Calibration.__slots__ if name != "weights"}
    return Calibration(np.array(list(written["weights"].values()), np.float32), **numbers)


def _with_second(first: Judgement, second: Judgement) -> Judgement:
    if not second.scorable:
        return replace(first, reasons=(*first.reasons, *second.reasons), usage=second.usage)
    agrees = second.verdict == first.verdict
    told = "a second judge agrees" if agrees else f"a second judge was asked, the first said '{first.verdict}'"
    return replace(
        first,
        verdict=second.verdict,
        probability=second.probability,
        sentence=second.sentence if second.sentence is not None else first.sentence,
        reasons=(*second.reasons, told),
        agreed=second.agreed,
        usage=second.usage,
    )
