"""How much of the claim stands in the evidence at all: what an invention or another paper's sentence lacks."""

from __future__ import annotations

from rag.judge.alignment import Alignment
from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.quantities import quantities
from rag.judge.scorable import addresses_judge

LITTLE = 0.3
"""Share of the claim's weight in all of the evidence, below which it is about something else.
SciFact and WiCE: 94 and 97 % of the claims below it are not supported. (FEVER: 73 %, since its
evidence lacks the title of the page, which most of its claims name.)"""

TOPIC_ALONE = 1.5
"""Telling words that are nowhere, for each that the title has, from which a claim shares no more than its topic."""

FOREIGN_WEIGHT = 18.0
"""Weight of the telling words in a row that no evidence sentence has, from which a part of
the claim is foreign: about three words of which each stands in one abstract of 400."""


COPIED_RUN = 7
"""Words in a row that the source has in the same order: fewer are shared by people who reword,
whose additions are no more often false than anything else they write (SciFact, WiCE: 0.65)."""


def little_of_it(comparison: Comparison) -> list[Finding]:
    """Hardly any of the claim's telling words stand in the evidence."""
    if not comparison.claim.weights or comparison.alignment.whole_share >= LITTLE:
        return []
    return [Finding("little_of_it", "hardly any of its words stand in what is cited")]


def topic_alone(comparison: Comparison) -> list[Finding]:
    """What stands in the evidence of the claim is its topic, as the title (the first of the evidence) has it.

    'Seagrass cures cancer' beside 'Seagrass meadows of the Baltic'.
    """
    if len(comparison.evidence) < 2:
        return []
    available, title = comparison.types, comparison.evidence[0].types
    telling = [token.key for token in comparison.claim.tokens if token.weight > 0]
    shared = [key for key in telling if key in available]
    n_absent = len(telling) - len(shared)
    if not shared or n_absent < max(2, TOPIC_ALONE * len(shared)) or any(key not in title for key in shared):
        return []
    return [Finding("topic_alone", "beside its topic none of its words stand in what is cited")]


def foreign_part(comparison: Comparison) -> list[Finding]:
    """A run of telling words in the claim that no evidence sentence has: a half from elsewhere."""
    available = comparison.types
    run: list[str] = []
    weight = 0.0
    n_shared = 0
    best: tuple[float, list[str]] = (0.0, [])
    counted = [(one.start, one.start + len(one.written)) for one in quantities(comparison.claim.text)]
    for token in comparison.claim.tokens:
        if token.weight <= 0 or any(start <= token.start < end for start, end in counted):
            continue  # the rules for numbers look for those, in every spelling
        if token.key in available:
            n_shared += 1
            if n_shared > 1:  # one shared word in between does not make the part less foreign
                run, weight = [], 0.0
            continue
        n_shared = 0
        run.append(token.text)
        weight += token.weight
        best = max(best, (weight, list(run)), key=lambda pair: pair[0])
    if best[0] < FOREIGN_WEIGHT:
        return []
    return [Finding("foreign_part", f"nothing in what is cited speaks of '{' '.join(best[1][:6])}'")]


def added_part(comparison: Comparison) -> list[Finding]:
    """A claim that follows its source and then goes on with words that are not the source's."""
    alignment = comparison.alignment
    if alignment.followed < 0.25 or longest_run(alignment) < COPIED_RUN:
        return []
    available = comparison.types
    for edit in alignment.edits:
        telling = [token for token in edit.claim if token.weight > 0]
        total = sum(token.weight for token in telling)
        absent = [token for token in telling if token.key not in available]
        if len(telling) >= 3 and len(absent) >= 3 and sum(t.weight for t in absent) >= 0.5 * total:
            added = " ".join(token.text for token in edit.claim[:10])
            return [Finding("added_part", f"the source does not go on to say '{added}'", sentence=edit.sentence)]
    return []


def longest_run(alignment: Alignment) -> int:
    """Tokens of the longest stretch of the claim that stands in one sentence just so."""
    longest = current = 0
    previous: tuple[int, int] | None = None
    for place in alignment.places:
        follows = place is not None and previous is not None and place == (previous[0], previous[1] + 1)
        current = current + 1 if follows else int(place is not None)
        longest = max(longest, current)
        previous = place
    return longest


def repeats_itself(comparison: Comparison) -> list[Finding]:
    """The same three words three times: repetition adds no support."""
    keys = comparison.claim.keys
    if comparison.alignment.followed >= 0.9:
        return []  # the source says it so itself
    seen: dict[tuple[str, ...], int] = {}
    for at in range(len(keys) - 2):
        triple = keys[at : at + 3]
        seen[triple] = seen.get(triple, 0) + 1
    if max(seen.values(), default=0) < 3:
        return []
    return [Finding("repeats_itself", "it says the same several times")]


def disguised(comparison: Comparison) -> list[Finding]:
    """Invisible characters inside words, or letters of another script that look Latin."""
    if not comparison.claim.disguised:
        return []
    return [Finding("disguised", "it holds invisible or look-alike characters; it was read without them")]


def speaks_of_itself(comparison: Comparison) -> list[Finding]:
    """'This sentence is supported': said to whoever judges, not said by a source."""
    if not addresses_judge(comparison.claim):
        return []
    return [Finding("speaks_of_itself", "it speaks to whoever judges it, instead of saying what the source says")]
