"""Two evaluators on the same answers: how often each passes one, and how far they agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.judge_measures import kappa
from eval.measures import cluster_of
from eval.measures.faithfulness import claims_of
from eval.runs.records import Record
from eval.statistics import Interval, clustered_interval
from rag.errors import FootnotedError

Evaluator = Callable[[Record], bool | None]
"""Whether an answer is faithful; None where there is nothing to say. Raises FootnotedError."""


@dataclass(frozen=True, slots=True)
class Agreement:
    evaluator: str
    n: int
    """Answers that both have an opinion of."""
    n_failed: int
    """Answers on which the evaluator failed."""
    ours_passed: float | None
    """Share that the project's judge passes: every claim supported by what it cites."""
    theirs_passed: float | None
    agreed: float | None
    interval: Interval | None
    """Of ``agreed``, 95 %, clustered by paper."""
    kappa: float | None
    """Cohen's; None where one of them always says the same."""
    error: str | None = None
    """The first failure."""


def agreement(name: str, evaluator: Evaluator, records: Sequence[Record]) -> Agreement:
    """The evaluator beside the judge's verdicts in ``records``."""
    ours: list[bool] = []
    theirs: list[bool] = []
    clusters: list[str] = []
    n_failed, error = 0, None
    for record in records:
        own = all_supported(record)
        if own is None:
            continue
        try:
            other = evaluator(record)
        except FootnotedError as failure:
            n_failed, error = n_failed + 1, error or str(failure)
            continue
        if other is not None:
            ours.append(own)
            theirs.append(other)
            clusters.append(cluster_of(record.question))
    same = [one == other for one, other in zip(ours, theirs, strict=True)]
    found = kappa(ours, theirs)
    is_constant = len(set(ours)) < 2 or len(set(theirs)) < 2
    return Agreement(
        name,
        len(ours),
        n_failed,
        _share(ours),
        _share(theirs),
        _share(same),
        clustered_interval(same, clusters),
        None if is_constant or math.isnan(found) else found,
        error,
    )


def all_supported(record: Record) -> bool | None:
    """Whether the judge finds every claim supported; None where there is no claim that it could judge."""
    if not record.is_scorable or record.answer is None or record.answer["outcome"] != "answered":
        return None
    claims = claims_of(record)
    return all(claim.together.supports for claim in claims) if claims else None


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
