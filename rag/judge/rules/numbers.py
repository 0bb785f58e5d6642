"""Numbers, units, percentages, ranges, dates, p-values, folds and spelled-out numbers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence

from rag.judge.comparison import Comparison, words
from rag.judge.judgement import Finding
from rag.judge.quantities import Quantity, agree, quantities
from rag.judge.reading import share_in
from rag.judge.rules.names import VERY_CLOSE
from rag.judge.words import word_set

# Words that give a number without being one: a source with 'both' may be cited for 'two'.
_IMPLIED = (
    (
        re.compile(
            r"\b(?:both|pairs?|couple|dual|two-\w+"
            r"|bi-?(?:nary|lateral|lingual|modal|nomial|partite|phasic|polar|variate|directional|annual))\b",
            re.IGNORECASE,
        ),
        2.0,
    ),
    (re.compile(r"\b(?:a|an|single|once|sole|only|first)\b", re.IGNORECASE), 1.0),
)


_COMBINING = re.compile(
    r"\b(?:more|fewer|less|higher|lower|longer|shorter|greater|larger|smaller|better|worse|points?|gain|difference|gap"
    r"|altogether|total|together|combined|overall|remaining|rest|others?)\b",
    re.IGNORECASE,
)

SAME_MATTER = 0.6
"""Share of the claim's weight in a sentence whose percentages are those that a fraction sums up."""

ROUNDED = 0.06
"""Share by which an 'about 1,800' may differ from what the source gives."""


def missing_numbers(comparison: Comparison) -> list[Finding]:
    """Numbers of the claim that no evidence sentence gives, in any spelling.

    One that is spelled out ('one in five', 'half', 'four and two') may be a count or a share that
    the source gives in another way, and '18 more' or 'nearly doubled' may be worked out from what
    it gives: 'number_worded', which forbids nothing by itself.
    """
    given = [(index, one) for index, reading in enumerate(comparison.evidence) for one in quantities(reading.text)]
    missing: dict[str, str] = {}
    for claimed in quantities(comparison.claim.text):
        if claimed.pronoun or any(agree(claimed, one) for _, one in given) or _is_implied(claimed, comparison):
            continue
        figure = _sums_up(claimed, comparison) or claimed.kind != "plain" or any(ch.isdigit() for ch in claimed.written)
        if figure and not _is_worked_out(claimed, [one for _, one in given], comparison.claim.text):
            if (claimed.about or claimed.bound) and any(_is_near(claimed, one) for _, one in given):
                continue
            missing.setdefault(claimed.written, "number_missing")
        else:
            missing.setdefault(claimed.written, "number_worded")
    return [
        Finding(rule, f"the number '{written}' does not stand in what is cited") for written, rule in missing.items()
    ]


def _sums_up(claimed: Quantity, comparison: Comparison) -> bool:
    """Whether it says 'more than a third' of what a sentence on the same matter gives in per cent."""
    of_a_percent = rf"{re.escape(claimed.written)} a (?:percent|%)"
    if not (0 < claimed.value < 1 and claimed.bound) or re.search(of_a_percent, comparison.claim.text):
        return False
    return any(
        share_in(comparison.claim.weights, reading.types) >= SAME_MATTER
        and any(one.kind == "percent" for one in quantities(reading.text))
        for reading in comparison.evidence
    )


def _is_worked_out(claimed: Quantity, given: Sequence[Quantity], text: str) -> bool:
    """Whether two numbers of the source give it: their ratio for a factor, else their sum or difference,
    if the words around it speak of one."""
    pairs = [
        (one.value, other.value)
        for one, other in itertools.permutations(given, 2)
        if one.kind == other.kind and one.unit == other.unit and one.value > other.value > 0
    ]
    if claimed.kind == "fold":
        factor = max(claimed.value, 1 / claimed.value) if claimed.value > 0 else 0.0
        off = 0.12 if claimed.about else 0.02
        return any(math.isclose(one / other, factor, rel_tol=off) for one, other in pairs)
    around = text[max(0, claimed.start - 30) : claimed.start + len(claimed.written) + 30]
    if not _COMBINING.search(around):
        return False
    return any(
        math.isclose(worked_out, claimed.value, rel_tol=1e-6)
        for one, other in pairs
        for worked_out in (one + other, one - other)
    )


def _is_near(claimed: Quantity, given: Quantity) -> bool:
    return given.kind == claimed.kind and abs(given.value - claimed.value) <= ROUNDED * abs(given.value)


def moved_numbers(comparison: Comparison) -> list[Finding]:
    """The same words around a different number, though both numbers may stand in the source."""
    findings = []
    for edit in comparison.alignment.edits:
        if not comparison.alignment.is_close or (edit.before is None and edit.after is None):
            continue
        mine = [token for token in edit.claim if token.text[0].isdigit() or token.lower in _SPELLED]
        theirs = [token for token in edit.source if token.text[0].isdigit() or token.lower in _SPELLED]
        if not (mine and theirs) or len(edit.claim) > 6 or not (edit.inner or _adjacent(edit.claim, edit.source)):
            continue
        if len(edit.source) > 8 or not (edit.tight or comparison.alignment.followed >= VERY_CLOSE):
            continue
        claimed, given = quantities(words(edit.claim)), quantities(words(edit.source))
        if any(agree(one, other) for one in claimed for other in given):
            continue
        if {token.key for token in mine} & {token.key for token in theirs}:
            continue
        findings.append(
            Finding(
                "number_moved",
                f"it says '{words(mine)}' where the source says '{words(theirs)}'",
                contradicts=True,
                sentence=edit.sentence,
            )
        )
    return findings


def other_numbers(comparison: Comparison) -> list[Finding]:
    """A number that the source has, but beside other words, where those words have another number."""
    findings = []
    for claimed in quantities(comparison.claim.text):
        if claimed.pronoun or claimed.kind in ("month", "p"):
            continue
        noun = _counted(comparison.claim.text, claimed)
        if noun is None:
            continue
        here: list[tuple[int, Quantity]] = []
        there: list[tuple[int, Quantity]] = []
        for index, reading in enumerate(comparison.evidence):
            for one in quantities(reading.text):
                if _counted(reading.text, one) == noun:
                    (here if agree(claimed, one) else there).append((index, one))
        stands = any(agree(claimed, one) for r in comparison.evidence for one in quantities(r.text))
        if there and not here and stands:
            index, one = there[0]
            findings.append(
                Finding(
                    "number_elsewhere",
                    f"it counts '{claimed.written} {noun}' where the source counts '{one.written} {noun}'",
                    contradicts=True,
                    sentence=index,
                )
            )
    return findings


def flipped_bounds(comparison: Comparison) -> list[Finding]:
    """'more than 50' where the source has 'less than 50'."""
    given = [(index, one) for index, reading in enumerate(comparison.evidence) for one in quantities(reading.text)]
    findings = []
    for claimed in quantities(comparison.claim.text):
        same = [(index, one) for index, one in given if one.value == claimed.value and one.kind == claimed.kind]
        if claimed.bound and same and all(one.bound and one.bound != claimed.bound for _, one in same):
            index, one = same[0]
            names = {">": "more than", "<": "less than"}
            findings.append(
                Finding(
                    "number_bound",
                    f"it says {names[claimed.bound]} {claimed.written}, the source {names[one.bound]} {one.written}",
                    contradicts=True,
                    sentence=index,
                )
            )
    return findings


def _is_implied(claimed: Quantity, comparison: Comparison) -> bool:
    text = " ".join(reading.text for reading in comparison.evidence)
    if claimed.kind == "plain" and any(value == claimed.value and word.search(text) for word, value in _IMPLIED):
        return True
    if claimed.kind == "plain" and claimed.unit is None:
        # '1990s', and a number that the source writes inside a name: '8' of 'ViT-8', '19' of 'COVID-19'.
        if claimed.written.endswith("s") and str(int(claimed.value))[:3] in text:
            return True
        if not any(ch.isdigit() for ch in claimed.written):
            return False
        figure = re.escape(claimed.written.rstrip("sthnrd"))
        return re.search(rf"(?<![\d.,])(?:[A-Za-z]+-?){figure}(?![\d])|(?<![\d.,]){figure}-?[A-Za-z]", text) is not None
    return False


def _counted(text: str, quantity: Quantity) -> str | None:
    """The word right after a plain number, singular, lower case: what it counts."""
    at = text.find(quantity.written, quantity.start) + len(quantity.written)
    match = re.compile(r"[- ]([a-z]{3,})").match(text, at)
    if match is None or match[1] in _NOT_COUNTED:
        return None
    return match[1].removesuffix("s")


def _adjacent(claim: object, source: object) -> bool:
    return bool(claim) and bool(source)


_NOT_COUNTED = word_set("and the for with from than that have has was were are when while which who but via per out")
_SPELLED = word_set(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty seventy eighty "
    "ninety hundred thousand million billion half third quarter twice double triple"
)
