"""The rules: pure functions from a comparison to findings, and what each of them may do.

Powers come from measured precision (``footnoted eval judge --rules-table`` prints the
table): the share of the claims with the finding that are indeed not supported. A rule may
veto where that share is at least 0.85 on each set of whole abstracts or pages that has
twenty findings or more; a rule that only looks at changed words in near quotes, of which
people who reword leave few, where the planted-defect audit shows no true sentence accused.
A rule whose findings are mostly on supported claims only leaves a note: people call
'improves' supported by 'may improve'.
"""

from __future__ import annotations

from collections.abc import Callable

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding, Power
from rag.judge.rules import (
    agents,
    attribution,
    crossing,
    direction,
    measures,
    names,
    negation,
    numbers,
    presence,
    quantifiers,
    quotes,
    respective,
    scope,
)

Rule = Callable[[Comparison], list[Finding]]

RULES: tuple[Rule, ...] = (
    numbers.missing_numbers,
    numbers.moved_numbers,
    numbers.other_numbers,
    numbers.flipped_bounds,
    measures.other_measure,
    measures.best_case_dropped,
    measures.points_for_percent,
    negation.negation_changed,
    negation.negation_prefixed,
    negation.negation_differs,
    scope.denied_in_source,
    scope.denied_in_claim,
    scope.denial_left_out,
    direction.direction_changed,
    direction.direction_differs,
    direction.relation_turned,
    direction.roles_swapped,
    crossing.sides_exchanged,
    crossing.joined_crosswise,
    crossing.opposite_kind,
    crossing.ahead_of_it,
    respective.paired_otherwise,
    agents.said_of_another,
    direction.level_raised,
    names.missing_names,
    names.missing_coinages,
    names.missing_capitals,
    names.listed_names,
    names.changed_names,
    attribution.of_others,
    quantifiers.quantifier_changed,
    quantifiers.hedge_changed,
    quantifiers.sweeping_words,
    quantifiers.cause_added,
    quantifiers.proof_added,
    quotes.misquoted,
    presence.little_of_it,
    presence.topic_alone,
    presence.foreign_part,
    presence.added_part,
    presence.repeats_itself,
    presence.disguised,
    presence.speaks_of_itself,
)

POWERS: dict[str, Power] = {
    "number_missing": "veto",
    "number_worded": "lower",
    "number_moved": "veto",
    "number_elsewhere": "lower",
    "number_bound": "veto",
    "other_measure": "lower",
    "best_case_dropped": "lower",
    "points_for_percent": "lower",
    "negation_changed": "veto",
    "negation_prefix": "veto",
    "negation_differs": "lower",
    "denied_in_source": "lower",
    "denied_in_claim": "lower",
    "denial_left_out": "lower",
    "direction_changed": "veto",
    "direction_differs": "lower",
    "relation_turned": "lower",
    "roles_swapped": "veto",
    "sides_exchanged": "lower",
    "joined_crosswise": "lower",
    "opposite_kind": "lower",
    "ahead_of_it": "lower",
    "paired_otherwise": "lower",
    "said_of_another": "lower",
    "level_raised": "lower",
    "name_missing": "lower",
    "coinage_missing": "lower",
    "capital_missing": "lower",
    "name_listed": "lower",
    "name_changed": "veto",
    "of_others": "veto",
    "quantifier_changed": "veto",
    "quantifier_added": "lower",
    "quantifier_dropped": "note",
    "hedge_dropped": "note",
    "cause_for_link": "veto",
    "sweeping": "lower",
    "cause_added": "lower",
    "proof_added": "lower",
    "misquoted": "lower",
    "little_of_it": "veto",
    "topic_alone": "lower",
    "foreign_part": "lower",
    "added_part": "lower",
    "repeats_itself": "lower",
    "disguised": "lower",
    "speaks_of_itself": "veto",
}


def findings_of(comparison: Comparison) -> tuple[Finding, ...]:
    """What every rule notices, in the order of the rules."""
    return tuple(finding for rule in RULES for finding in rule(comparison))
