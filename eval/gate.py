"""May this change go in? Each measure may drop by so much, and the data must show that it did not drop by more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.compare import Comparison, Paired
from eval.comparison_table import change, ends, paired_as_json
from eval.measures import (
    ABSTENTION,
    FACT,
    FAITHFULNESS,
    FALSE_REFUSAL,
    FOOTNOTES_WRITTEN,
    FOUND_BOTH_WAYS,
    NUMBERS_HELD,
    RIGHT_PAPER,
)
from eval.table import in_unit
from rag.errors import UsageError

DEFAULT_DROPS: Mapping[str, float] = {
    FAITHFULNESS.name: 0.02,
    NUMBERS_HELD.name: 0.02,
    FOUND_BOTH_WAYS.name: 0.05,
    FOOTNOTES_WRITTEN.name: 0.05,
    "right_paper_found_first": 0.02,
    "ndcg_at_10": 0.02,
    RIGHT_PAPER.name: 0.05,
    FACT.name: 0.05,
    ABSTENTION.name: 0.10,
    FALSE_REFUSAL.name: 0.05,
}
"""What is allowed where nothing is said: little where an unchanged system gives the same each time (the
search), more where a model's chance shows. Tuned with eval.benchmarks.planted."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One measure at the gate."""

    paired: Paired
    max_drop: float
    """The most that it may get worse by, in its own unit; rises count where low is good."""

    @property
    def worst(self) -> float | None:
        """How much worse it may have got, by the far end of the interval (0 or less: it did not); None: no pairs."""
        own = self.paired.at_worst
        if own is None:
            return None
        return -own.interval.low if self.paired.measure.is_good else own.interval.high

    @property
    def passes(self) -> bool:
        """The lower bound of the paired difference is not below what is allowed. Without pairs nothing is shown."""
        return self.worst is not None and self.worst <= self.max_drop + 1e-12

    @property
    def is_sure(self) -> bool:
        """Whether even the near end of the interval is beyond what is allowed."""
        own = self.paired.at_worst
        if own is None:
            return False
        near = -own.interval.high if self.paired.measure.is_good else own.interval.low
        return near > self.max_drop

    @property
    def verdict(self) -> str:
        if self.passes:
            return "passes"
        if self.paired.at_worst is None:
            return "FAILS: no question has it in both runs"
        return "FAILS" if self.is_sure else "FAILS: a larger drop cannot be ruled out"


def bars(comparison: Comparison, max_drops: Mapping[str, float] | None = None) -> tuple[Bar, ...]:
    """The bars for ``max_drops``; by default DEFAULT_DROPS, for what the baseline measured. Raises UsageError."""
    known = {one.measure.name: one for one in comparison.measures}
    if max_drops is None:
        return tuple(
            Bar(known[name], drop) for name, drop in DEFAULT_DROPS.items() if name in known and known[name].n_before
        )
    unknown = [name for name in max_drops if name not in known]
    if unknown:
        raise UsageError(
            f"no measure of both runs is called {', '.join(repr(name) for name in unknown)}: "
            f"known are {', '.join(known)}"
        )
    return tuple(Bar(known[name], drop) for name, drop in max_drops.items())


def bars_as_text(found: Sequence[Bar]) -> str:
    lines = [f"{'':34} {'before':>9} {'after':>9}   {'95 % of the change':<20} {'allowed':>8}"]
    for bar in found:
        one, unit = bar.paired, bar.paired.measure.unit
        interval = ends(one.at_worst.interval, unit) if one.at_worst is not None else "–"
        allowed = change(-bar.max_drop if one.measure.is_good else bar.max_drop, unit)
        lost = f" ({one.n_lost} failed after, and count as the worst)" if one.n_lost else ""
        lines.append(
            f"{one.measure.words:34} {in_unit(one.before, unit):>9} {in_unit(one.after, unit):>9}   {interval:<20} "
            f"{allowed:>8}   {bar.verdict}{lost}"
        )
    n_failed = sum(not bar.passes for bar in found)
    lines.append("")
    lines.append("the gate is open" if not n_failed else f"the gate is closed: {n_failed} of {len(found)} fail")
    if any(not bar.passes and not bar.is_sure and bar.paired.at_worst is not None for bar in found):
        lines.append("where a drop cannot be ruled out, more questions or --repeats make the intervals narrower")
    return "\n".join(lines)


def bars_as_json(found: Sequence[Bar]) -> dict[str, Any]:
    return {
        "open": all(bar.passes for bar in found),
        "measures": {
            bar.paired.measure.name: {
                **paired_as_json(bar.paired),
                "max_drop": bar.max_drop,
                "passes": bar.passes,
                "is_sure": bar.is_sure,
            }
            for bar in found
        },
    }
