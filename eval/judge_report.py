"""A judge of judges: how often a judge agrees with people, with intervals, beside the trivial judges.

    footnoted eval judge --data FILE... [--judge default|rules|model|llm|overlap|...] [--limit N] [--json]

Positive means 'the claim may stand'. Claims that a judge cannot judge stay out of its
means, are counted, and are shown once more as if they had been flagged.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.commands.shared import positive
from eval.judge_data import LabelledClaim, read_claims, sample
from eval.judge_measures import auroc, balanced_accuracy, calibration_error, f1, f1_of_flags, kappa
from eval.statistics import SEED, Interval
from rag.errors import FootnotedError
from rag.judge.judgement import Judge, Judgement
from rag.judge.opening import JUDGE_NAMES, open_judge

N_RESAMPLES = 1_000
"""The ends of an interval then move by less than a point from seed to seed (1,043 claims in 349 groups)."""

BASELINES = ("always-yes", "always-no", "length", "overlap")

Scorer = Callable[[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.float64]], float]

MEASURES: dict[str, Scorer] = {
    "balanced accuracy": lambda labels, passed, scores: balanced_accuracy(labels, passed),
    "F1 of passing": lambda labels, passed, scores: f1(labels, passed),
    "F1 of flagging": lambda labels, passed, scores: f1_of_flags(labels, passed),
    "AUROC": lambda labels, passed, scores: auroc(labels, scores),
    "calibration error": lambda labels, passed, scores: calibration_error(labels, scores),
    "kappa": lambda labels, passed, scores: kappa(labels, passed),
}


@dataclass(frozen=True, slots=True)
class Judged:
    claim: LabelledClaim
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one judge on one set; ``value`` is None where the set cannot show it."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class JudgeFigures:
    judge: str
    data_set: str
    n: int
    n_unscorable: int
    n_supported: int
    figures: dict[str, Figure]
    flagged_if_unscorable: float | None
    """Balanced accuracy with the claims that cannot be judged counted as flagged."""
    confusion: tuple[int, int, int, int]
    """Supported and passed, supported but flagged, not supported but passed, not supported and flagged."""


def judge_claims(claims: Sequence[LabelledClaim], judge: Judge) -> list[Judged]:
    return [Judged(claim, judge.judge(claim.claim, claim.evidence)) for claim in claims]


def figures(judge: str, data_set: str, judged: Sequence[Judged], n_resamples: int = N_RESAMPLES) -> JudgeFigures:
    """All measures with 95 % percentile bootstrap intervals over groups of claims that share a source."""
    scored = [one for one in judged if one.judgement.scorable]
    labels = np.array([one.claim.supported for one in scored], bool)
    passed = np.array([one.judgement.passed for one in scored], bool)
    scores = np.array([one.judgement.score for one in scored], np.float64)
    every_label = [one.claim.supported for one in judged]
    every_pass = [one.judgement.passed for one in judged]
    return JudgeFigures(
        judge,
        data_set,
        len(judged),
        len(judged) - len(scored),
        int(labels.sum()),
        _with_intervals(labels, passed, scores, [one.claim.group for one in scored], n_resamples),
        _finite(balanced_accuracy(every_label, every_pass)) if judged else None,
        (
            int((labels & passed).sum()),
            int((labels & ~passed).sum()),
            int((~labels & passed).sum()),
            int((~labels & ~passed).sum()),
        ),
    )


def _with_intervals(
    labels: npt.NDArray[np.bool_],
    passed: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    groups: Sequence[str],
    n_resamples: int,
) -> dict[str, Figure]:
    if not len(labels):
        return {name: Figure(None, None) for name in MEASURES}
    rows: dict[str, list[int]] = {}
    for at, group in enumerate(groups):
        rows.setdefault(group, []).append(at)
    members = [np.array(own) for own in rows.values()]
    random = np.random.default_rng(SEED)
    draws: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(n_resamples):
        picked = np.concatenate([members[at] for at in random.integers(0, len(members), len(members))])
        for name, measure in MEASURES.items():
            value = measure(labels[picked], passed[picked], scores[picked])
            if math.isfinite(value):
                draws[name].append(value)
    found = {}
    for name, measure in MEASURES.items():
        whole = _finite(measure(labels, passed, scores))
        interval = None
        if whole is not None and draws[name]:
            low, high = np.percentile(draws[name], [2.5, 97.5])
            interval = Interval(float(low), float(high))
        found[name] = Figure(whole, interval)
    return found


def always_no(claims: Sequence[LabelledClaim]) -> list[Judged]:
    """Flagging everything: what a judge that never helps can boast of."""
    return [Judged(claim, Judgement("unsupported", 0.0)) for claim in claims]


def report(
    claims: Sequence[LabelledClaim], judge: Judge, n_resamples: int = N_RESAMPLES
) -> tuple[list[JudgeFigures], list[Judged], float]:
    """The figures of the judge and of the trivial ones, by set and overall; what it said; claims a second."""
    started = time.perf_counter()
    judged = judge_claims(claims, judge)
    rate = len(claims) / max(time.perf_counter() - started, 1e-9)
    by_name = {judge.name: judged}
    for name in BASELINES:
        if name != judge.name:
            by_name[name] = always_no(claims) if name == "always-no" else judge_claims(claims, open_judge(name))
    names = list(dict.fromkeys(claim.data_set for claim in claims))
    parts = [*names, "all sets"] if len(names) > 1 else names
    found = []
    for part in parts:
        for name, own in by_name.items():
            mine = [one for one in own if part in ("all sets", one.claim.data_set)]
            found.append(figures(name, part, mine, n_resamples))
    return found, judged, rate


def worst(judged: Sequence[Judged], n: int) -> list[Judged]:
    """The mistakes of which the judge was surest, half of each kind where there are enough."""
    wrong = [one for one in judged if one.judgement.scorable and one.judgement.passed != one.claim.supported]
    accused = sorted((one for one in wrong if one.claim.supported), key=lambda one: one.judgement.score)
    missed = sorted((one for one in wrong if not one.claim.supported), key=lambda one: -one.judgement.score)
    return [*accused[: (n + 1) // 2], *missed[: n // 2]]


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Of a judge that was asked several times about each claim: how often it said the same."""

    n: int
    n_unanimous: int
    mean_share: float
    """Of a claim's verdicts, those that are the most frequent one."""


def steadiness(judged: Sequence[Judged]) -> Steadiness | None:
    """None for a judge that was asked once."""
    shares = [one.judgement.agreed for one in judged if one.judgement.agreed is not None]
    if not shares:
        return None
    return Steadiness(len(shares), sum(share == 1 for share in shares), sum(shares) / len(shares))


def as_text(found: Sequence[JudgeFigures], judged: Sequence[Judged], mistakes: Sequence[Judged], rate: float) -> str:
    lines: list[str] = []
    for part in dict.fromkeys(one.data_set for one in found):
        own = [one for one in found if one.data_set == part]
        first = own[0]
        lines += [f"{part}: {first.n} claims, {first.n_supported} supported" + _not_judged(first), ""]
        lines.append(f"{'':20}" + "".join(f"{one.judge:>22}" for one in own))
        for measure in MEASURES:
            lines.append(f"{measure:20}" + "".join(f"{_cell(one.figures[measure]):>22}" for one in own))
        a, b, c, d = first.confusion
        lines += [
            "",
            f"{'':20}{'passed':>10}{'flagged':>10}",
            f"{'supported':20}{a:>10}{b:>10}",
            f"{'not supported':20}{c:>10}{d:>10}",
            "",
        ]
    lines.append(f"{rate:.0f} claims a second")
    steady = steadiness(judged)
    if steady is not None:
        lines.append(
            f"asked again, it said the same of {steady.n_unanimous} of {steady.n} claims "
            f"({steady.mean_share:.1%} of its verdicts on a claim agree)"
        )
    if mistakes:
        lines += ["", "the mistakes it was surest of"]
    for one in mistakes:
        fault = "accused a true claim" if one.claim.supported else "passed a false claim"
        lines += [
            f"  {one.claim.claim_id} ({fault}, {one.judgement.score:.2f}): {_cut(one.claim.claim)}",
            f"      {_cut('; '.join(one.judgement.reasons))}",
        ]
    return "\n".join(lines)


def as_json(
    found: Sequence[JudgeFigures], judged: Sequence[Judged], mistakes: Sequence[Judged], rate: float
) -> dict[str, Any]:
    steady = steadiness(judged)
    return {
        "figures": [
            {
                "judge": one.judge,
                "data_set": one.data_set,
                "n": one.n,
                "n_unscorable": one.n_unscorable,
                "n_supported": one.n_supported,
                "balanced_accuracy_with_unscorable_flagged": one.flagged_if_unscorable,
                "confusion": dict(
                    zip(("true_passed", "true_flagged", "false_passed", "false_flagged"), one.confusion, strict=True)
                ),
                "measures": {
                    name: {
                        "value": figure.value,
                        "interval": [figure.interval.low, figure.interval.high] if figure.interval else None,
                    }
                    for name, figure in one.figures.items()
                },
            }
            for one in found
        ],
        "claims_per_second": round(rate, 1),
        "asked_again": dataclasses.asdict(steady) if steady is not None else None,
        "mistakes": [
            {
                "id": one.claim.claim_id,
                "claim": one.claim.claim,
                "supported": one.claim.supported,
                "score": one.judgement.score,
                "verdict": one.judgement.verdict,
                "reasons": list(one.judgement.reasons),
            }
            for one in mistakes
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the report on stdout; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        return run(options)
    except FootnotedError as error:
        sys.stderr.write(f"footnoted: {error}\n")
        return error.exit_code


def run(options: argparse.Namespace) -> int:
    """The command, once its options are read. Raises FootnotedError."""
    claims = [c for path in options.data for c in _limited(read_claims([path]), options.limit)]
    if options.rules_table:
        from eval.judge_rules import rules_table

        sys.stdout.write(rules_table(claims) + "\n")
        return 0
    found, judged, rate = report(claims, _opened(options.judge, options.repeats), options.resamples)
    mistakes = worst(judged, options.worst)
    text = (
        json.dumps(as_json(found, judged, mistakes, rate), ensure_ascii=False)
        if options.json
        else as_text(found, judged, mistakes, rate)
    )
    sys.stdout.write(text + "\n")
    return 0


def _opened(name: str, repeats: int) -> Judge:
    if "llm" not in name:
        return open_judge(name)
    from rag import config
    from rag.llm import open_model

    return open_judge(name, open_model(config.load().model), repeats)


def parser(base: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    """The options, added to ``base`` where it is a subcommand's parser."""
    made = base or argparse.ArgumentParser(prog="footnoted eval judge", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--data", metavar="FILE", type=Path, nargs="+", required=True, help="JSON lines, plain or .gz")
    made.add_argument("--judge", default="default", help=f"one of {', '.join(JUDGE_NAMES)}")
    made.add_argument("--repeats", metavar="N", type=positive, default=1, help="times a language model is asked (1)")
    made.add_argument("--limit", metavar="N", type=int, help="at most N claims of each file, whole sources at random")
    made.add_argument("--worst", metavar="N", type=int, default=10, help="mistakes to list (10)")
    made.add_argument("--resamples", metavar="N", type=int, default=N_RESAMPLES, help="bootstrap draws (1000)")
    made.add_argument("--rules-table", action="store_true", help="print each rule's precision and recall instead")
    made.add_argument("--json", action="store_true", help="print JSON for machines")
    return made


def _limited(claims: list[LabelledClaim], limit: int | None) -> list[LabelledClaim]:
    return claims if limit is None else sample(claims, limit)


def _not_judged(one: JudgeFigures) -> str:
    if not one.n_unscorable or one.flagged_if_unscorable is None:
        return ""
    return (
        f"; {one.n_unscorable} could not be judged and are left out"
        f" (balanced accuracy with them flagged: {one.flagged_if_unscorable:.3f})"
    )


def _cell(one: Figure) -> str:
    if one.value is None:
        return "–"
    if one.interval is None:
        return f"{one.value:.3f}"
    return f"{one.value:.3f} [{one.interval.low:.3f}, {one.interval.high:.3f}]"


def _cut(text: str, width: int = 150) -> str:
    plain = "".join(ch if ch.isprintable() else " " for ch in text)
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    raise SystemExit(main())
