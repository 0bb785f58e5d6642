"""Who does what: what one clause of the source says of one thing, said of the thing that another clause is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.judge.comparison import Comparison, words
from rag.judge.judgement import Finding
from rag.judge.reading import Token
from rag.judge.words import word_set

MIN_TELLING = 3
"""Telling words of a clause that says something of something."""

IN_OTHER, IN_OWN = 0.8, 0.34
"""Share of what the claim says, by weight, that at least stands in the other clause, and at most in the thing's own."""

_SPLITS = word_set("while whereas and but although though yet then when")
_DETERMINERS = word_set("a an the each every our their its one another")
_OF_THE_WORK = word_set(
    "result results experiment experiments analysis analyses study studies paper work article authors finding findings "
    "evaluation evaluations code dataset approach method test tests data"
)
"""What they show is said of the work as well."""


@dataclass(frozen=True, slots=True)
class _Clause:
    subject: tuple[Token, ...]
    """Its first two telling words: a thing of two words, or of one with what it does."""
    keys: frozenset[str]
    weights: dict[str, float]


def said_of_another(comparison: Comparison) -> list[Finding]:
    """'The generator attempts a solution' where a solver attempts it, and the generator gives feedback."""
    claims = _clauses(comparison.claim.tokens)
    for index, source in enumerate(comparison.evidence if claims else ()):
        clauses = _clauses(source.tokens)
        for claim in claims if len(clauses) > 1 else ():
            for own in clauses:
                of_it = {token.key for token in claim.subject} & {token.key for token in own.subject}
                if own.subject[0].key not in of_it:
                    continue
                for other in clauses:
                    if other is not own and _is_of(other, own, claim, of_it):
                        said, by = words(claim.subject), words(other.subject)
                        reason = f"what it says of '{said}' the source says of '{by}'"
                        return [Finding("said_of_another", reason, contradicts=True, sentence=index)]
    return []


def _is_of(other: _Clause, own: _Clause, claim: _Clause, of_it: set[str]) -> bool:
    """Whether ``claim`` says of the thing of ``own`` what ``other`` says of its own."""
    first = other.subject[0]
    apart = of_it - {token.key for token in other.subject}  # two networks are both networks
    if own.subject[0].key not in apart or apart & other.keys:
        return False
    if first.key in claim.keys or first.lower in _OF_THE_WORK:
        return False
    said = {key: weight for key, weight in claim.weights.items() if key not in of_it}
    total = sum(said.values())
    in_other = sum(weight for key, weight in said.items() if key in other.keys)
    in_own = sum(weight for key, weight in said.items() if key in own.keys)
    return len(said) > 1 and in_other >= IN_OTHER * total and in_own <= IN_OWN * total


def _clauses(tokens: Sequence[Token]) -> list[_Clause]:
    """Those that begin with a thing: with 'a', 'the' or a name."""
    found = []
    starts = [at for at, token in enumerate(tokens) if at and (token.broken or token.lower in _SPLITS)]
    for start, end in zip([0, *starts], [*starts, len(tokens)], strict=True):
        inside = list(tokens[start:end])
        while inside and inside[0].lower in _SPLITS:
            inside.pop(0)
        telling = [token for token in inside if token.weight > 0]
        if len(telling) < MIN_TELLING:
            continue
        before = inside[: inside.index(telling[0])]
        is_thing = before and all(token.lower in _DETERMINERS for token in before)
        is_name = not before and start > 0 and telling[0].text[:1].isupper()
        if is_thing or is_name or (not before and start == 0):
            weights = {token.key: token.weight for token in telling}
            found.append(_Clause(tuple(telling[:2]), frozenset(weights), weights))
    return found
