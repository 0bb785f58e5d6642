"""Which of two it is said of: the same words, with their parts exchanged or joined crosswise."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.reading import Reading, Token, share_in
from rag.judge.rules.attribution import OTHERS
from rag.judge.rules.direction import COMPARING, are_opposites, is_pole, opposed
from rag.judge.rules.names import is_code
from rag.judge.words import word_set

NEAR = 0.7
"""Share of the claim's weight in a sentence, from which it is that sentence in another order."""

SIDE = 8
"""Words of a clause on either side of what joins them."""

AGAINST = 1.5
"""Times as much of what the claim says of one has to be said of the other only."""

_SPLITS = word_set("while whereas but and or although though yet unlike versus vs")


def sides_exchanged(comparison: Comparison) -> list[Finding]:
    """'Saliency methods follow attention methods' for the reverse: two things around one verb, exchanged."""
    claim = comparison.claim
    for index, source in enumerate(comparison.evidence):
        if share_in(claim.weights, source.types) < NEAR:
            continue
        for at, token in enumerate(claim.tokens):
            joins = token.weight > 0 or token.lower in COMPARING
            if not joins or claim.keys.count(token.key) != 1 or source.keys.count(token.key) != 1:
                continue
            there = source.keys.index(token.key)
            if _frame(claim.tokens, at) != _frame(source.tokens, there):
                continue
            left, right = _sides(claim.tokens, at)
            source_left, source_right = _sides(source.tokens, there)
            new_left, new_right = left - source_left, right - source_right
            if new_left and new_right and new_left <= source_right and new_right <= source_left:
                reason = f"what stands before and behind '{token.text}' is exchanged"
                return [Finding("sides_exchanged", reason, contradicts=True, sentence=index)]
    return []


def ahead_of_it(comparison: Comparison) -> list[Finding]:
    """'Existing methods have an advantage over KelpNet' where the source has an advantage over existing methods."""
    claim = comparison.claim
    for at, token in enumerate(claim.tokens):
        if token.lower not in COMPARING:
            continue
        subject, rest = claim.tokens[max(0, at - SIDE) : at], claim.tokens[at + 1 : at + 4]
        if not any(one.lower in OTHERS for one in subject) or not any(is_code(one.text) for one in rest):
            continue
        for index, source in enumerate(comparison.evidence):
            for there in (n for n, one in enumerate(source.tokens) if one.key == token.key):
                behind = source.tokens[there + 1 : there + 4]
                if any(one.lower in OTHERS for one in behind) and not opposed(claim.tokens[:at], source.tokens[:there]):
                    reason = f"the source says it of its own work, '{token.text}' others"
                    return [Finding("ahead_of_it", reason, contradicts=True, sentence=index)]
    return []


def joined_crosswise(comparison: Comparison) -> list[Finding]:
    """'The feedback network processes input data' where the feedforward network does, and the feedback one something
    else: of things that differ in one word, what the source says of another.
    """
    claim = comparison.claim
    mentions = _pairs(claim.tokens)
    for head in dict.fromkeys(one.head for one in mentions):
        own = [one for one in mentions if one.head == head]
        regions = _regions(head, comparison.evidence)
        modifiers = {region.mention.modifier for region in regions}
        named = {one.modifier for one in own}
        if (modifiers - named) & set(claim.keys):
            continue  # 'a learned token, and a fixed one': of which of them it speaks where is not to be seen
        for n, mention in enumerate(own):
            if mention.modifier not in modifiers or _is_listed(claim.tokens, mention):
                continue
            end = own[n + 1].at if n + 1 < len(own) else len(claim.tokens)
            said = claim.tokens[0 if n == 0 else mention.at : end]
            other = _said_of_other(said, mention, regions)
            if other is not None:
                reason = f"the source says it of '{other.mention.written}', the claim of '{mention.written}'"
                return [Finding("joined_crosswise", reason, contradicts=True, sentence=other.sentence)]
    return []


def opposite_kind(comparison: Comparison) -> list[Finding]:
    """'From the same foundations' where the source has 'from entirely different foundations', and never the same."""
    claim = comparison.claim
    for mention in _pairs(claim.tokens, between=1):
        kinds = [
            (one, index)
            for index, reading in enumerate(comparison.evidence)
            for one in _pairs(reading.tokens, between=1)
            if one.head == mention.head
        ]
        opposites = [
            (one, index)
            for one, index in kinds
            if are_opposites(one.word, mention.word)
            and share_in(claim.weights, comparison.evidence[index].types) >= KIND_NEAR
        ]
        if not opposites or any(one.modifier == mention.modifier for one, _ in kinds):
            continue
        if any(token.lower == one.word for token in claim.tokens for one, _ in opposites):
            continue  # 'of input guardrails 11 %, and of output guardrails 8 %'
        if any(not are_opposites(one.word, mention.word) and is_pole(one.word) for one, _ in kinds):
            continue
        other, index = opposites[0]
        reason = f"it says '{mention.written}' where the source says '{other.written}'"
        return [Finding("opposite_kind", reason, contradicts=True, sentence=index)]
    return []


KIND_NEAR = 0.35
"""Share of the claim's weight in the sentence that has the opposite."""


def _said_of_other(said: Sequence[Token], mention: _Mention, regions: Sequence[_Region]) -> _Region | None:
    """The region of a thing of another kind that most of ``said`` stands in, and not in the mention's own."""
    weights = {token.key: token.weight for token in said if token.weight > 0}
    for key in (mention.head, mention.modifier):
        weights.pop(key, None)
    own = [region for region in regions if region.mention.modifier == mention.modifier]
    mine = set[str]().union(*(region.keys for region in own))
    for region in regions:
        one = region.mention
        opposite = are_opposites(one.word, mention.word)
        if one.modifier == mention.modifier or not (opposite or (one.named and mention.named)):
            continue
        against = weights.keys() & region.keys - mine
        pro = sum(weight for key, weight in weights.items() if key in mine)
        weight = sum(weights[key] for key in against)
        if len(against) < 2 or weight < max(AGAINST * pro, 0.5 * sum(weights.values())):
            continue
        if opposite or _in_a_row(said, against):
            return region
    return None


def _in_a_row(tokens: Sequence[Token], keys: Collection[str]) -> bool:
    """Whether two of the keys stand beside one another, function words aside."""
    telling = [token.key for token in tokens if token.weight > 0]
    return any(one in keys and two in keys for one, two in itertools.pairwise(telling))


@dataclass(frozen=True, slots=True)
class _Mention:
    """Two telling words side by side: what is spoken of, and which one of it."""

    head: str
    modifier: str
    at: int
    written: str
    word: str
    """The modifier as written, in lower case."""
    named: bool
    """Whether the modifier is a name or a number."""


@dataclass(frozen=True, slots=True)
class _Region:
    mention: _Mention
    sentence: int
    keys: frozenset[str]
    """What is said in the clause of the mention."""


def _pairs(tokens: Sequence[Token], between: int = 0) -> list[_Mention]:
    """``between`` function words may stand between the two: 'easier to interpret'."""
    found = []
    for at in range(1, len(tokens)):
        two, before = tokens[at], at - 1
        if two.weight <= 0 or two.broken:
            continue
        while between and before > 0 and at - before <= between and tokens[before].weight <= 0:
            if tokens[before].broken or tokens[before].lower != "to":
                break
            before -= 1
        one = tokens[before]
        if (one.weight > 0 or is_pole(one.lower)) and one.lower not in ("with", "without") and one.key != two.key:
            named = one.text[0].isdigit() or (one.text[0].isupper() and one.start > 0)
            found.append(_Mention(two.key, one.key, at, f"{one.text} {two.text}", one.lower, named))
    return found


def _regions(head: str, evidence: Sequence[Reading]) -> list[_Region]:
    found = []
    for index, reading in enumerate(evidence):
        for start, end in _clauses(reading.tokens):
            inside = [one for one in _pairs(reading.tokens[start:end]) if one.head == head]
            for n, mention in enumerate(inside):
                first = 0 if len(inside) == 1 else mention.at
                last = inside[n + 1].at - 1 if n + 1 < len(inside) else end - start
                tokens = reading.tokens[start + first : start + last]
                found.append(_Region(mention, index, frozenset(token.key for token in tokens)))
    return found


def _is_listed(tokens: Sequence[Token], mention: _Mention) -> bool:
    """'Low or high level': of either of them."""
    before = mention.at - 2
    return before >= 0 and tokens[before].lower in ("or", "and", "nor")


def _clauses(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    starts = [0, *(at for at, token in enumerate(tokens) if token.lower in _SPLITS and at), len(tokens)]
    return [(one, two) for one, two in itertools.pairwise(starts) if two > one]


def _sides(tokens: Sequence[Token], at: int) -> tuple[set[str], set[str]]:
    """Telling keys before and behind a word, up to a comma or the like."""
    first = at
    while first > max(0, at - SIDE) and not tokens[first].broken and tokens[first - 1].lower not in _SPLITS:
        first -= 1
    last = at + 1
    while last < min(len(tokens), at + 1 + SIDE) and not tokens[last].broken and tokens[last].lower not in _SPLITS:
        last += 1
    left = {token.key for token in tokens[first:at] if token.weight > 0}
    return left, {token.key for token in tokens[at + 1 : last] if token.weight > 0}


def _frame(tokens: Sequence[Token], at: int) -> tuple[bool, str]:
    """How a word takes what is beside it: whether it stands in the passive, and with which preposition behind it."""
    passive = any(token.lower in _BEING for token in tokens[max(0, at - 2) : at])
    following = tokens[at + 1].lower if at + 1 < len(tokens) else ""
    return passive, following if following in _PREPOSITIONS else ""


_BEING = word_set("is are was were be been being gets got")
_PREPOSITIONS = word_set("by with from to for of in on at as into over through via during under between than")
