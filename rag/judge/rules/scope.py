"""What a denial reaches: the words that a source denies and a claim states, or the other way round.

``rag.judge.rules.negation`` looks at the words around a change; here a denial is found that lies
outside of what the claim took over ('instead of throwing them away'), and one made by other words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.judge.comparison import Comparison, words
from rag.judge.judgement import Finding
from rag.judge.quantities import quantities
from rag.judge.reading import Reading, Token, share_in
from rag.judge.rules.attribution import OTHERS
from rag.judge.rules.negation import DENYING, denials, has_denying_prefix, negation_changed
from rag.judge.words import word_set

NEAR = 0.6
"""Share of the claim's weight in a sentence from which what that sentence denies is what the claim speaks of."""

VERY_NEAR = 0.75
"""The same, of a claim that denies what the sentence states: people who reword deny by other words what they do not
take over."""

MAX_REACH = 4
"""Telling words behind a denial that it reaches, at most."""

_PHRASES = re.compile(
    r"\b(?:instead of|rather than|rul(?:es?|ed|ing) out|free of|free from|far from|absence of|lack of"
    r"|as opposed to|unlike|avoid(?:s|ed|ing)?|prevent(?:s|ed|ing)?|except(?: for)?)\b",
    re.IGNORECASE,
)
_ENDS = word_set(
    "but while whereas because since although though however when if which that who so than until unless instead "
    "rather except"
)
_DENIES_ITSELF = re.compile(
    r"\b(?:avoid|prevent|dispens|omit|exclud|eliminat|remov|reject|refut|rul|lack"
    r"|absen|miss|ignor|neglect|replac|overcom|only|instead|rather|without|free|hard|difficult|limit|too|less|few"
    r"|little|except|beyond|stop|ceas|drop|los[et]|cannot|n't|resist|struggl|weak|poor|insufficien|unlike|far)",
    re.IGNORECASE,
)
"""Words by which a claim may itself say no: what it takes over of a denial may then be denied all right."""


_HELD_BACK = re.compile(
    r"(?:avoid|prevent|omit|exclud|eliminat|remov|reject|refut|lack|absen|miss|ignor|overcom|hard|difficult|limit|too$"
    r"|less|insufficien|stop|ceas|reduc|decreas)",
    re.IGNORECASE,
)
_PLAIN = word_set("not no never without")
_TOGETHER = 2
"""Other words between those of a source that a claim denies together, for each of them."""


@dataclass(frozen=True, slots=True)
class _Scope:
    cue: str
    first: int
    """Index of the first and behind the last of the reached tokens."""
    end: int


def denied_in_source(comparison: Comparison) -> list[Finding]:
    """'It throws away its answers' where the source has 'instead of throwing away its answers'."""
    claim = comparison.claim
    if _says_no(claim):
        return []
    wanted = claim.weights
    for index in _near(comparison, NEAR):
        source = comparison.evidence[index]
        for scope in _scopes(source):
            reached = _telling(source.tokens[scope.first : scope.end])
            shared = reached & wanted.keys()
            if len(shared) < min(2, len(reached)) or not shared or 2 * len(shared) < len(reached):
                continue
            if _is_stated(shared, comparison.evidence, index, scope) or _of_others(source, scope):
                continue
            denied = words(source.tokens[scope.first : scope.end])
            reason = f"the source has '{scope.cue} {denied}', and the claim states it"
            return [Finding("denied_in_source", reason, contradicts=True, sentence=index)]
    return []


def denied_in_claim(comparison: Comparison) -> list[Finding]:
    """'It predicts without fine-tuning' where the source has 'with few-shot fine-tuning', denied nowhere."""
    claim = comparison.claim
    if len(denials(claim.tokens)) != 1 or quantities(claim.text):
        return []  # 'nine of ten did not' says what 'one of ten did' says
    for scope in _scopes(claim):
        reached = _telling(claim.tokens[scope.first : scope.end])
        if scope.cue.lower() not in _PLAIN or not reached:
            continue
        for index in _near(comparison, VERY_NEAR):
            source = comparison.evidence[index]
            places = _standing_together(reached, source)
            around = {at for first, last in places for at in range(max(0, first - 3), last)}
            if not places or any(_telling(source.tokens[one.first : one.end]) & reached for one in _scopes(source)):
                continue
            if any(_HELD_BACK.match(source.tokens[at].text) for at in around) or has_denying_prefix(source):
                continue
            reason = f"it says '{scope.cue} {words(claim.tokens[scope.first : scope.end])}', which the source states"
            return [Finding("denied_in_claim", reason, contradicts=True, sentence=index)]
    return []


def denial_left_out(comparison: Comparison) -> list[Finding]:
    """A denial taken out of words that the claim follows, where nothing in the claim says no in another way.

    What ``negation_changed`` finds, without the claims that it is too often wrong about.
    """
    if _says_no(comparison.claim):
        return []
    return [replace(one, rule="denial_left_out") for one in negation_changed(comparison)]


def _says_no(claim: Reading) -> bool:
    return bool(denials(claim.tokens)) or _DENIES_ITSELF.search(claim.text) is not None or has_denying_prefix(claim)


def _near(comparison: Comparison, at_least: float) -> list[int]:
    shares = [(share_in(comparison.claim.weights, one.types), index) for index, one in enumerate(comparison.evidence)]
    return [index for share, index in sorted(shares, reverse=True) if share >= at_least]


def _scopes(reading: Reading) -> list[_Scope]:
    """What each denial of a text reaches: up to a comma, a 'but', or four telling words."""
    tokens = reading.tokens
    starts: dict[int, str] = {}
    for at, token in enumerate(tokens):
        if token.lower in DENYING and denials(tokens[at : at + 3])[:1] == [token.text]:
            starts[at + 1] = token.text
    for found in _PHRASES.finditer(reading.text):
        behind = next((at for at, token in enumerate(tokens) if token.start >= found.end()), None)
        if behind is not None:
            starts[behind] = found[0]
    scopes = []
    for start, cue in sorted(starts.items()):
        end, n = start, 0
        while end < len(tokens) and n < MAX_REACH:
            token = tokens[end]
            if token.broken or token.lower in _ENDS:
                break
            n += token.weight > 0
            end += 1
        if n:
            scopes.append(_Scope(cue, start, end))
        elif start == len(tokens) or tokens[start].broken:
            # 'The subspaces are common, the vectors are not.'
            first, n = start - 1, 0
            while first > 0 and n < MAX_REACH and not tokens[first].broken:
                first -= 1
                n += tokens[first].weight > 0
            if n:
                scopes.append(_Scope(cue, first, start))
    return scopes


def _standing_together(keys: set[str], reading: Reading) -> list[tuple[int, int]]:
    """Where these words stand beside one another, in any order."""
    if not keys <= reading.types:
        return []
    width = len(keys) * (1 + _TOGETHER)
    starts = [at for at, key in enumerate(reading.keys) if key in keys]
    return [(at, min(at + width, len(reading.keys))) for at in starts if keys <= set(reading.keys[at : at + width])]


def _is_stated(keys: set[str], evidence: Sequence[Reading], denied_in: int, scope: _Scope) -> bool:
    """Whether another place of the evidence has these words too: what is denied of one thing is said of another."""
    for index, reading in enumerate(evidence):
        for first, last in _standing_together(keys, reading):
            if index != denied_in or last <= scope.first or first >= scope.end:
                return True
    return False


def _of_others(source: Reading, scope: _Scope) -> bool:
    """Whether the clause that denies speaks of other work, which the claim may leave out."""
    first = scope.first
    while first > 0 and not source.tokens[first].broken:
        first -= 1
    return any(token.lower in OTHERS for token in source.tokens[first : scope.end])


def _telling(tokens: Sequence[Token]) -> set[str]:
    return {token.key for token in tokens if token.weight > 0}
