"""Trivial judges: what a real one has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag.judge.comparison import compare
from rag.judge.judgement import Judgement
from rag.judge.reading import read, share_in

OVERLAP_ABOVE = 0.7
"""Share of the claim's weight in the evidence from which overlap says yes: the best balanced
accuracy (0.666) as the mean of SciFact's training claims, WiCE's and FEVER's development sets."""

LENGTH_BELOW_WORDS = 21
"""Shorter claims are supported more often, for no better reason than that they say
less: balanced accuracy 0.535 over the same three sets."""


class OverlapJudge:
    """The share of the claim's word weight that stands in the evidence, taken for a probability."""

    name = "overlap"

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        comparison = compare(claim, evidence)
        share = comparison.alignment.whole_share
        return Judgement("supported" if share >= OVERLAP_ABOVE else "unsupported", share, comparison.alignment.nearest)


class LengthJudge:
    """Short claims are supported, long ones are not; nothing is read."""

    name = "length"

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        n_words = len(claim.split())
        probability = 1 / (1 + math.exp((n_words - LENGTH_BELOW_WORDS) / 8))
        return Judgement("supported" if n_words < LENGTH_BELOW_WORDS else "unsupported", probability)


class AlwaysYes:
    """Every claim is supported: what is shown when nothing is checked."""

    name = "always-yes"

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        return Judgement("supported", 1.0)


def overlap(claim: str, sentence: str) -> float:
    """The share of the claim's word weight that one sentence has."""
    return share_in(read(claim).weights, read(sentence).types)
