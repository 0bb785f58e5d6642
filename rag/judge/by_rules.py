"""Rung 0: rules alone. They vouch for quotes and near quotes, and veto what is plainly wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rag.judge.comparison import Comparison, compare
from rag.judge.judgement import Finding, Judgement, JudgeVerdict, cannot_judge
from rag.judge.rules import POWERS, findings_of
from rag.judge.rules.quotes import exact_quote
from rag.judge.scorable import why_no_claim, why_unscorable

NEAR_QUOTE = 0.97
"""Share of the claim's weight in runs of the source's own words from which it is a near quote,
if no rule finds anything: planted defects above it are caught by the rules, and true
sentences that were only trimmed or joined lie above it."""


NEAR_QUOTES = "near_quotes"
"""Beside the rules' names: that near quotes are supported."""

NOT_JUDGED = "nothing speaks against it; whether the source says so was not judged"

MOSTLY_COPIED = 0.8
"""Share of the claim's weight in runs of the source's words from which a name or a word that
the source lacks makes it 'partial'. From 0.6 to 0.8 most claims with such a finding are
supported (SciFact 22 of 36, WiCE 31 of 62)."""

_ABOUT_CHANGES = frozenset(
    (
        "quantifier_added",
        "added_part",
        "number_elsewhere",
        "level_raised",
        "name_listed",
        "coinage_missing",
        "repeats_itself",
        "disguised",
        "denied_in_source",
        "denied_in_claim",
        "denial_left_out",
        "relation_turned",
        "sides_exchanged",
        "joined_crosswise",
        "opposite_kind",
        "ahead_of_it",
        "paired_otherwise",
        "said_of_another",
        "other_measure",
        "best_case_dropped",
        "points_for_percent",
        "cause_added",
        "proof_added",
    )
)
"""Rules that look at what was changed in copied words, at a word's own surroundings, or at the claim alone: they
hold from any distance."""


class RulesJudge:
    """Supported if quoted, contradicted or unsupported by veto, else ``unchecked``: not known to be wrong."""

    name = "rules"

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        return by_rules(compare(claim, evidence))


def by_rules(comparison: Comparison, softened: Collection[str] = ()) -> Judgement:
    """The rules' judgement of a comparison; for other judges to begin with.

    ``softened`` names rules whose veto only lowers, and NEAR_QUOTES where these are to be read
    all the same, for a judge that knows better.
    """
    quoted = exact_quote(comparison)
    if quoted is not None and not quoted[1] and _says_something(comparison):
        # Letter for letter holds in any language, and no rule can know better.
        return Judgement("supported", sentence=quoted[0], reasons=("quoted letter for letter",))
    reason = why_unscorable(comparison.claim, comparison.evidence)
    if reason:
        return cannot_judge(reason)
    findings = findings_of(comparison)
    verdict, reasons = _verdict(comparison, findings, softened)
    if quoted is not None and quoted[1]:
        findings = (*findings, Finding("quote_cut", f"the source says it after '{quoted[1][:60]}'", False, quoted[0]))
        verdict = "partial" if verdict in ("supported", "unchecked") else verdict
        reasons = (*reasons, findings[-1].reason)
    nearest = next((f.sentence for f in findings if f.sentence is not None), comparison.alignment.nearest)
    return Judgement(verdict, None, nearest, reasons, findings, missing_words(comparison))


def vetoes(findings: Sequence[Finding], softened: Collection[str] = ()) -> tuple[Finding, ...]:
    return tuple(f for f in findings if POWERS.get(f.rule) == "veto" and f.rule not in softened)


def missing_words(comparison: Comparison) -> tuple[str, ...]:
    """Telling words of the claim that stand nowhere in the evidence, as written."""
    available = comparison.types
    absent = (t.text for t in comparison.claim.tokens if t.weight > 0 and t.key not in available)
    return tuple(dict.fromkeys(absent))


def _verdict(
    comparison: Comparison, findings: Sequence[Finding], softened: Collection[str]
) -> tuple[JudgeVerdict, tuple[str, ...]]:
    against = vetoes(findings, softened)
    if against:
        verdict: JudgeVerdict = "contradicted" if any(f.contradicts for f in against) else "unsupported"
        return verdict, tuple(f.reason for f in against)
    lowering = tuple(f for f in findings if POWERS.get(f.rule) == "lower" or f.rule in softened)
    notes = tuple(finding.reason for finding in findings if POWERS.get(finding.rule) == "note")
    structural = any(finding.rule in _ABOUT_CHANGES for finding in lowering)
    if structural or (lowering and comparison.alignment.followed >= MOSTLY_COPIED):
        return "partial", tuple(f.reason for f in lowering)
    if comparison.alignment.followed >= NEAR_QUOTE and NEAR_QUOTES not in softened:
        return "supported", ("in the source's own words", *notes)
    return "unchecked", (
        *(f.reason for f in lowering),
        NOT_JUDGED,
    )


def _says_something(comparison: Comparison) -> bool:
    """Not a question, a heading or a formula, even where the source has it."""
    return why_no_claim(comparison.claim) is None
