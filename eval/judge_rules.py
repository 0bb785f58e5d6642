"""Each rule's precision and recall on each set: what decides which rules may veto.

footnoted eval judge --rules-table --data FILE...
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from eval.judge_data import LabelledClaim
from eval.statistics import wilson
from rag.judge.comparison import compare
from rag.judge.rules import POWERS, findings_of


def rules_table(claims: Sequence[LabelledClaim]) -> str:
    """Markdown, one row a rule: on each set, how many of the claims it fires on are not supported.

    ``precision (fired) recall``: precision with its lower 95 % bound (Wilson), the number
    of claims with a finding, and the share of all unsupported claims among them. The first
    row is a rule that fires on everything: what precision is by chance.
    """
    fired: dict[str, Counter[str]] = defaultdict(Counter)
    right: dict[str, Counter[str]] = defaultdict(Counter)
    n_claims: Counter[str] = Counter()
    n_wrong: Counter[str] = Counter()
    for claim in claims:
        n_claims[claim.data_set] += 1
        n_wrong[claim.data_set] += not claim.supported
        for rule in {finding.rule for finding in findings_of(compare(claim.claim, claim.evidence))}:
            fired[rule][claim.data_set] += 1
            right[rule][claim.data_set] += not claim.supported
    sets = list(n_claims)
    lines = [
        "| rule | power |" + "".join(f" {name} |" for name in sets),
        "|---|---|" + "---|" * len(sets),
        "| (every claim) | |" + "".join(f" {n_wrong[s] / n_claims[s]:.2f} ({n_claims[s]}) |" for s in sets),
    ]
    for rule, power in POWERS.items():
        cells = []
        for name in sets:
            n = fired[rule][name]
            if not n:
                cells.append(" – |")
                continue
            precision = right[rule][name] / n
            recall = right[rule][name] / max(n_wrong[name], 1)
            cells.append(f" {precision:.2f} ≥ {wilson(precision, n).low:.2f} ({n}) {recall:.1%} |")
        lines.append(f"| {rule} | {power} |" + "".join(cells))
    return "\n".join(lines)
