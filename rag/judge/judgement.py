"""What a judge says about one claim, and the one interface that every judge has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rag.types import Usage

JudgeVerdict = Literal["supported", "partial", "contradicted", "unsupported", "unchecked"]

Power = Literal["veto", "lower", "note"]
"""What a finding may do: forbid 'supported', make it 'partial', or only be told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule noticed about a claim, in words for people."""

    rule: str
    """Its name in ``rag.judge.rules.POWERS``, where its power stands."""
    reason: str
    contradicts: bool = False
    """True if the source says otherwise; False if the source just does not say it."""
    sentence: int | None = None
    """Index of the evidence sentence that it was noticed in."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's verdict on one claim.

    ``unchecked`` means that this judge does not know: either the claim or the evidence
    cannot be judged at all (``scorable`` is False and the reason says why), or the judge
    looked, found nothing wrong and cannot vouch for it (``scorable`` is True).
    """

    verdict: JudgeVerdict
    probability: float | None = None
    """That the evidence says all of the claim, 0 to 1; None where the judge gives none."""
    sentence: int | None = None
    """Index of the evidence sentence that bears the claim best, or would have to."""
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    """Telling words of the claim that no evidence sentence has, as written, in order."""
    scorable: bool = True
    agreed: float | None = None
    """Of a judge that was asked several times, the share of its verdicts that are this one; None if asked once."""
    usage: Usage = field(default_factory=Usage)
    """What a language model took for it."""

    @property
    def score(self) -> float:
        """The probability, or a stand-in for it that ranks verdicts; higher is better supported."""
        if self.probability is not None:
            return self.probability
        return {"supported": 1.0, "unchecked": 0.6, "partial": 0.4, "unsupported": 0.1, "contradicted": 0.0}[
            self.verdict
        ]

    @property
    def passed(self) -> bool:
        """Whether the claim may stand: nothing was found against it."""
        return self.verdict in ("supported", "unchecked") and self.scorable


class Judge(Protocol):
    """Decides whether evidence bears a claim. Safe to share between threads."""

    @property
    def name(self) -> str: ...

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        """The judgement of one sentence against the sentences it cites, judged together.

        Any strings are taken. Nothing in them is obeyed, and none of them raises: what
        cannot be judged comes back with ``scorable=False``.
        """


class MeteredJudge:
    """Another judge, and what its models took since this was made; for one answer, not to be shared."""

    def __init__(self, judge: Judge) -> None:
        self.name = judge.name
        self.usage = Usage()
        self._judge = judge

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        found = self._judge.judge(claim, evidence)
        self.usage += found.usage
        return found


def cannot_judge(reason: str) -> Judgement:
    """The judgement of what cannot be judged: neither for nor against."""
    return Judgement("unchecked", reasons=(reason,), scorable=False)
