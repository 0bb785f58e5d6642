"""Quantifiers and hedges: 'all' for 'some', 'causes' for 'is associated with', 'is' for 'may be', 'first', 'best'."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rag.judge.alignment import Edit
from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.reading import Reading, Token, share_in
from rag.judge.words import word_set

# How much of what is spoken of: 4 all, 3 most, 2 some, 1 few, 0 none.
_AMOUNTS: dict[str, int] = {}
for _level, _names in (
    (4, "all every each always any entire entirely completely fully universally whole invariably everywhere everyone"),
    (3, "most mostly majority usually often generally typically largely predominantly mainly frequently"),
    (2, "some several sometimes partly partially certain occasionally"),
    (1, "few rarely seldom hardly scarcely little minority"),
    (0, "no none never neither nobody"),
):
    _AMOUNTS |= dict.fromkeys(_names.split(), _level)

_SAME_AMOUNT = word_set("number numerous multiple many various different diverse")
"""Other words for 'several' and the like."""

_SWEEPING = word_set(
    "all every always entirely completely universally invariably everywhere any whole fully regardless never only "
    "solely exclusively guarantees guarantee guaranteed guarantees proves proven definitively undoubtedly certainly "
    "perfectly optimal first best highest largest fastest unprecedented"
)
_SUPERLATIVES = word_set("first best highest largest fastest optimal")
_HARMLESS = {("without", "any"), ("not", "any"), ("no", "any"), ("at", "any"), ("at", "all"), ("of", "all")}
"""'without any condition' and 'most of all' sweep nothing."""

_HEDGES = word_set(
    "may might could can possibly potentially perhaps probably likely seem seems seemed appear appears appeared "
    "suggest suggests suggested suggesting indicate indicates approximately preliminary hypothesize hypothesized "
    "conjecture conjectured speculate putative expected tend tends presumably plausible if whether"
)
_ASSOCIATED = word_set(
    "associated association associations correlated correlates correlate correlation linked link related"
)
_CAUSING = word_set(
    "cause causes caused causing lead leads led due responsible produce produces produced result results because "
    "determines determine drives drive"
)
_CAUSE = word_set("cause causes caused causing causal causally")
_OTHER_CAUSING = word_set(
    "induce induces induced inducing trigger triggers triggered yield yields yielded make makes made making drives "
    "driven driving effect effects affect affects affected impact impacts influence influences influenced underlie "
    "underlies underlying reason reasons origin origins stem stems arise arises create creates created leading "
    "resulting therefore thus hence thereby via through from enable enables contribute contributes mechanism "
    "mechanisms explain explains explained promote promotes introduce introduces introduced impose imposes why"
)
_PROVING = word_set("prove proves proved proven proving proof proofs")
_THEORY = word_set(
    "theorem theorems theory theoretical theoretically provable provably guarantee guarantees guaranteed mathematical "
    "mathematically analytically formally formal lemma rigorous rigorously derive derives derived certify certified "
    "bound bounds"
)
_TO_PROVE = word_set("that the a an this its how why")
NEAR = 0.5
"""Share of the claim's weight in a sentence that speaks of the same things."""

_EXCLUSIVE = word_set("only solely exclusively alone just merely")


def quantifier_changed(comparison: Comparison) -> list[Finding]:
    """Where the claim follows its source word for word, a quantifier of another size, or one that was put in."""
    if not comparison.alignment.is_close:
        return []
    findings = []
    for edit in comparison.alignment.edits:
        source = _nearby(edit.claim, edit.source, edit.before is None, edit.after is None)
        mine, theirs = _first(edit.claim, _AMOUNTS), _first(source, _AMOUNTS)
        if mine and theirs and _AMOUNTS[mine.lower] not in {_AMOUNTS.get(token.lower) for token in source}:
            reason = f"it says '{mine.text}' where the source says '{theirs.text}'"
            findings.append(Finding("quantifier_changed", reason, True, edit.sentence))
            continue
        sweeping = _sweeping(edit, comparison.evidence[edit.sentence])
        if sweeping and not any(t.lower in _SWEEPING for t in source) and len(edit.claim) <= 5:
            reason = f"it says '{sweeping[0].text}', which the source does not say there"
            findings.append(Finding("quantifier_added", reason, False, edit.sentence))
        elif edit.inner and len(edit.claim) <= 3 and len(edit.source) <= 3 and not sweeping:
            dropped = [t for t in edit.source if t.lower in _EXCLUSIVE or _AMOUNTS.get(t.lower) in (1, 2, 3)]
            kept = _EXCLUSIVE | _AMOUNTS.keys() | _SAME_AMOUNT
            if dropped and not any(t.lower in kept for t in edit.claim):
                reason = f"it leaves out the '{dropped[0].text}' of the source"
                findings.append(Finding("quantifier_dropped", reason, False, edit.sentence))
    return findings


def hedge_changed(comparison: Comparison) -> list[Finding]:
    """'improves' for 'may improve', 'causes' for 'is associated with'."""
    if not comparison.alignment.is_close:
        return []
    findings = []
    for edit in comparison.alignment.edits:
        if not edit.inner or len(edit.source) > 6 or len(edit.claim) > 6:
            continue
        mine, theirs = {t.lower for t in edit.claim}, {t.lower for t in edit.source}
        if theirs & _ASSOCIATED and mine & _CAUSING:
            findings.append(
                Finding(
                    "cause_for_link",
                    "it says that one causes the other, the source only links them",
                    True,
                    edit.sentence,
                )
            )
        elif theirs & _HEDGES and not mine & _HEDGES:
            word = next(t.text for t in edit.source if t.lower in _HEDGES)
            findings.append(Finding("hedge_dropped", f"it leaves out the '{word}' of the source", False, edit.sentence))
    return findings


def cause_added(comparison: Comparison) -> list[Finding]:
    """'A causes B' where nothing that is cited speaks of a cause, in any words."""
    placed = zip(comparison.claim.tokens, comparison.alignment.places, strict=True)
    mine = [token for token, place in placed if token.lower in _CAUSE and place is None]
    shares = [share_in(comparison.claim.weights, reading.types) for reading in comparison.evidence]
    near = [one for one, share in zip(comparison.evidence, shares, strict=True) if share >= NEAR]
    everywhere = {token.lower for reading in near or comparison.evidence for token in reading.tokens}
    if not mine or everywhere & (_CAUSE | _CAUSING | _OTHER_CAUSING):
        return []
    return [Finding("cause_added", f"it says '{mine[0].text}', and nothing in what is cited speaks of a cause")]


def proof_added(comparison: Comparison) -> list[Finding]:
    """'The authors prove' where nothing that is cited speaks of a proof or of theory."""
    claim = comparison.claim.tokens
    # 'It proved safe' is not a proof.
    mine = [one for one, next_one in itertools.pairwise(claim) if one.lower in _PROVING and next_one.lower in _TO_PROVE]
    everywhere = {token.lower for reading in comparison.evidence for token in reading.tokens}
    if not mine or everywhere & (_PROVING | _THEORY):
        return []
    return [Finding("proof_added", f"it says '{mine[0].text}', and nothing in what is cited is a proof")]


def sweeping_words(comparison: Comparison) -> list[Finding]:
    """'all', 'always', 'never', 'only', 'first' in a claim in other words, where no evidence sentence has one."""
    if comparison.alignment.is_close:
        return []
    wide = {"all", "every", "always", "never", "only", "solely", "exclusively", "none", "entirely", "completely", "any"}
    mine = [token for token in comparison.claim.tokens if token.lower in wide]
    everywhere = {token.lower for reading in comparison.evidence for token in reading.tokens}
    if not mine or everywhere & (wide | {"each", "entire", "whole", "no"}):
        return []
    return [Finding("sweeping", f"it says '{mine[0].text}', and nothing in what is cited is that sweeping")]


def _sweeping(edit: Edit, source: Reading) -> list[Token]:
    """The words put in that claim more than the source may say, as they are used here."""
    found = []
    there = {token.lower for token in source.tokens}
    words = [edit.before.lower if edit.before else "", *(token.lower for token in edit.claim)]
    words.append(edit.after.lower if edit.after else "")
    for at, token in enumerate(edit.claim):
        before, word, after = words[at : at + 3]
        if word not in _SWEEPING or (token.text.isupper() and len(token.text) > 1):
            continue
        if word == "first" and (before != "the" or after in ("of", "two", "three")):
            continue  # an order, not a claim to be the first
        if (before, word) in _HARMLESS or (word in _SUPERLATIVES and word in there):
            continue
        found.append(token)
    return found


def _nearby(claim: Sequence[Token], source: Sequence[Token], at_start: bool, at_end: bool) -> Sequence[Token]:
    if at_start:
        return source[-len(claim) - 2 :]
    return source[: len(claim) + 2] if at_end else source


def _first(tokens: Sequence[Token], table: dict[str, int]) -> Token | None:
    return next((token for token in tokens if token.lower in table), None)
