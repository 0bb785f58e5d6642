"""Negation: 'not', 'no', 'without', 'fails to', and the prefixes un-, non-, in-."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.judge.comparison import Comparison, words
from rag.judge.judgement import Finding
from rag.judge.reading import Reading, Token, share_in
from rag.judge.words import word_set

_CUES = word_set("not no never none neither nor without nobody nothing hardly scarcely barely rarely seldom")
_FAILING = word_set("fail fails failed failing unable lacks lacked")
DENYING = _CUES | _FAILING
# 'not only', 'no fewer than', 'no longer' and the like do not deny what follows them.
_HARMLESS_AFTER = {
    "not": word_set("only just merely simply solely necessarily to least"),
    "no": word_set("doubt longer matter"),
    "nothing": frozenset(("but",)),
    "without": frozenset(("loss", "doubt")),
    "nor": frozenset(),
}
# 'no more than' denies nothing, and 'no more' does; these are only harmless before 'than'.
_HARMLESS_BEFORE_THAN = word_set(
    "fewer less more later sooner earlier greater larger smaller higher lower worse better"
)

# The base of 'invariant' is a word that 'variant' denies; the base of 'improve' is not. Hence a list for
# the prefixes that begin so many other words, and a list of exceptions for un- and non-.
_DENIABLE = word_set(
    "consistent consistently complete completely accurate accurately accuracy dependent dependently dependence "
    "sufficient sufficiently effective effectively effectiveness correct correctly visible variant stable stability "
    "direct directly efficient efficiently efficiency adequate adequately finite active activity significant "
    "significantly secure homogeneous possible proper perfect mature practical precise precisely probable relevant "
    "reversible regular rational legal logical coherent compatible comparable capable tractable elastic coherence "
    "advantage advantages similar similarly connected continuous continuously agree agreement agrees able ability "
    "balanced equality sensitive sensitivity compressible feasible separable discriminate exact flexible appropriate "
    "applicable decisive definite valid eligible tolerant tolerance satisfied trust like likes obey plausible "
    "plausibly plausibility reducible frequent frequently conclusive distinguishable accessible permeable mutable "
    "mobile"
)
_NOT_UN = re.compile(
    r"^un(?:der|i|less|til|to|cle|it|ique|ion|animous|ified|iform|iversal|ivers|d|g|k$|anim|derst|dergo|derl|iverse)|^non(?:e$|ce)"
)
NEAR = 0.25
"""Share of the claim's weight in a sentence that is not the nearest, from which a prefix there is one on the same
matter, if the word beside it is the same too."""

_PREFIX = re.compile(r"^(non-?|un-?|in|im|ir|il|dis|a-)(\w{4,})$")


def negation_changed(comparison: Comparison) -> list[Finding]:
    """Where the claim follows its source word for word, a denial that was put in or taken out."""
    if not comparison.alignment.is_close:
        return []
    findings = []
    for edit in comparison.alignment.edits:
        if edit.before is None and edit.after is None:
            continue
        source: Sequence[Token] = edit.source
        if not edit.inner:
            # Cut off at the end, a source may go on 'but not ...'; cut off at the start, only
            # what stands right before the shared words can deny them.
            source = source[-4:] if edit.before is None else source[: len(edit.claim) + 1 if edit.claim else 0]
            if edit.before is None and any(token.broken for token in source[1:]):
                source = source[max(i for i, token in enumerate(source) if token.broken) :]
            if edit.before is None and edit.after is not None and edit.after.broken and not edit.claim:
                continue
        elif (edit.aside and len(edit.source) > 1 and not edit.claim) or len(edit.source) - len(edit.claim) > 6:
            continue
        after = [edit.after] if edit.after else []
        alone = [t.lower for t in edit.claim] + [t.lower for t in source]
        if alone in (["not"], ["without", "with"], ["with", "without"]):
            # Even before 'only' or 'more', a single 'not' put in or taken out turns the sentence round.
            said, left = words([*edit.claim, *after]), words([*source, *after])
            reason = f"it says '{said}' where the source says '{left}'"
            findings.append(Finding("negation_changed", reason, contradicts=True, sentence=edit.sentence))
            continue
        mine, theirs = denials([*edit.claim, *after]), denials([*source, *after])
        if len(mine) % 2 == len(theirs) % 2 or _pair_of_antonyms(edit.claim, source):
            continue
        if mine and not theirs:
            reason = f"it says '{words([*edit.claim, *after][:6])}', which the source does not deny"
        else:
            reason = f"the source says '{words([*source, *after][-6:])}', and the claim leaves out the '{theirs[0]}'"
        findings.append(Finding("negation_changed", reason, contradicts=True, sentence=edit.sentence))
    return findings


def negation_prefixed(comparison: Comparison) -> list[Finding]:
    """'supervised' for 'unsupervised', 'nonlinear' for 'linear', where the source has only the other."""
    findings = []
    everywhere = [_forms(reading) for reading in comparison.evidence]
    for base, forms in _forms(comparison.claim).items():
        negated = True in forms
        if len(forms) > 1 or any(negated in theirs.get(base, {}) for theirs in everywhere):
            continue
        for sentence in range(len(everywhere)):
            source = comparison.evidence[sentence]
            if base not in everywhere[sentence]:
                continue
            mine, theirs = forms[negated], everywhere[sentence][base][not negated]
            if _denials_before(comparison.claim, mine) != _denials_before(source, theirs):
                continue  # 'not possible' for 'impossible'
            is_near = share_in(comparison.claim.weights, source.types) >= NEAR and (
                _beside(comparison.claim, mine) & _beside(source, theirs)
            )
            if sentence == comparison.alignment.nearest or is_near:
                reason = f"it says '{mine}' where the source says '{theirs}'"
                findings.append(Finding("negation_prefix", reason, contradicts=True, sentence=sentence))
                break
    return findings


def _denials_before(reading: Reading, written: str) -> int:
    """How many denials stand before a word, close enough to reach it."""
    at = _place_of(reading, written)
    return len(denials(reading.tokens[max(0, at - 8) : at + 1]))


def _place_of(reading: Reading, written: str) -> int:
    word = written.rpartition("-")[2]
    return next(at for at, token in enumerate(reading.tokens) if token.text.lower() == word.lower())


def _beside(reading: Reading, written: str) -> set[str]:
    """Keys of the telling words right before and after a word."""
    at = _place_of(reading, written)
    neighbours = (*reading.tokens[max(0, at - 1) : at], *reading.tokens[at + 1 : at + 2])
    return {token.key for token in neighbours if token.weight > 0}


def negation_differs(comparison: Comparison) -> list[Finding]:
    """A claim in other words that denies what the nearest sentence states, or the other way round."""
    alignment = comparison.alignment
    if alignment.nearest < 0 or alignment.is_close or alignment.nearest_share < 0.4:
        return []
    source = comparison.evidence[alignment.nearest]
    mine, theirs = _denied(comparison.claim.tokens), _denied(source.tokens)
    stated = {token.key for token in comparison.claim.tokens if token.weight > 0} - mine
    stated_there = {token.key for token in source.tokens if token.weight > 0} - theirs
    denied_only_here = (mine & stated_there) - theirs
    denied_only_there = (theirs & stated) - mine
    if bool(denied_only_here) == bool(denied_only_there) or _opposed(comparison.claim.tokens, source.tokens):
        return []
    word = _written(denied_only_here or denied_only_there, comparison.claim)
    who, other = ("the claim", "the nearest sentence") if denied_only_here else ("the nearest sentence", "the claim")
    return [Finding("negation_differs", f"{who} denies '{word}', {other} does not", True, alignment.nearest)]


def denials(tokens: Sequence[Token]) -> list[str]:
    """The denying words that deny what follows them."""
    found = []
    for at, token in enumerate(tokens):
        word = token.lower
        following = tokens[at + 1].lower if at + 1 < len(tokens) else ""
        if word in _FAILING or (
            word in _CUES
            and not _is_harmless(
                word,
                following,
                tokens[at + 2].lower if at + 2 < len(tokens) else "",
                tokens[at - 1].lower if at else "",
            )
        ):
            found.append(token.text)
    return found


def _is_harmless(word: str, following: str, second: str, previous: str) -> bool:
    if word in ("no", "not") and following in _HARMLESS_BEFORE_THAN:
        return second in ("than", "")
    if word == "not" and previous == "or":
        return True  # 'whether or not'
    return following in _HARMLESS_AFTER.get(word, ())


def _denied(tokens: Sequence[Token]) -> set[str]:
    """Keys of the telling words in the scope of a denial: the next three, up to a comma or 'but'."""
    scope: set[str] = set()
    for at, token in enumerate(tokens):
        if token.lower not in DENYING or denials(tokens[at : at + 3])[:1] != [token.text]:
            continue
        n = 0
        for other in tokens[at + 1 : at + 8]:
            if other.broken or other.lower in ("but", "and", "or") or n == 3:
                break
            if other.weight > 0:
                scope.add(other.key)
                n += 1
    return scope


def _forms(reading: Reading) -> dict[str, dict[bool, str]]:
    """Base word -> whether it is denied by a prefix -> how that is written."""
    forms: dict[str, dict[bool, str]] = {}
    tokens = reading.tokens
    for at, token in enumerate(tokens):
        word = token.lower
        if not word.isalpha() or len(word) < 4 or word == "non":
            continue
        prefixed = at > 0 and tokens[at - 1].lower == "non"
        base, negated, written = word, prefixed, f"non-{word}" if prefixed else token.text
        match = _PREFIX.match(word)
        if match and not prefixed and word != "unlike":
            generic = match[1] in ("un", "non") and not _NOT_UN.match(word)
            if generic or match[2] in _DENIABLE:
                base, negated = match[2], True
        forms.setdefault(base, {})[negated] = written
    return forms


def has_denying_prefix(reading: Reading) -> bool:
    """Whether it says 'unsupervised', 'implausible' or the like."""
    return any(True in forms for forms in _forms(reading).values())


def _pair_of_antonyms(mine: Sequence[Token], theirs: Sequence[Token]) -> bool:
    """'does not increase' for 'decreases': the denial is made good by the opposite word."""
    from rag.judge.rules.direction import poles

    one = poles([t for t in mine if t.lower not in DENYING])
    other = poles([t for t in theirs if t.lower not in DENYING])
    return any(axis in other and not (one[axis] & other[axis]) for axis in one)


_opposed = _pair_of_antonyms


def _written(keys: set[str], reading: Reading) -> str:
    return next((token.text for token in reading.tokens if token.key in keys), sorted(keys)[0])
