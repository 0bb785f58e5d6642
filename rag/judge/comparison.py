"""A claim beside its evidence: what every rule is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.judge.alignment import Alignment, align
from rag.judge.orders import without_orders
from rag.judge.reading import Reading, Token, read
from rag.judge.respective import taken_apart


@dataclass(frozen=True, slots=True)
class Comparison:
    claim: Reading
    evidence: tuple[Reading, ...]
    alignment: Alignment

    @property
    def types(self) -> set[str]:
        """Every key that stands anywhere in the evidence."""
        return set().union(*(reading.types for reading in self.evidence)) if self.evidence else set()


def compare(claim: str, evidence: Sequence[str]) -> Comparison:
    """Sentences of the evidence that give orders to a machine are read as empty, and those that pair several things
    as what they say of the one that the claim speaks of.
    """
    mine = read(claim)
    theirs = tuple(read(taken_apart(claim, sentence)) for sentence in without_orders(evidence))
    return Comparison(mine, theirs, align(mine, theirs))


def words(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)
