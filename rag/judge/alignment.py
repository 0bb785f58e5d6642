"""Which words of a claim stand where in the evidence, and what was changed in between.

An answer that quotes, trims, joins or reorders keeps runs of the source's words. Runs are
found longest first; between two runs from one sentence, what the claim has and what the
source has there are an edit, and edits are what the rules look at: the same words around
a different number, or around a 'not', leave little doubt.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from rag.judge.reading import Reading, Token, share_in

MAX_SENTENCES = 5
"""A sentence of an answer is put together from at most so many sentences of its sources."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One place where the claim departs from a sentence that it otherwise follows."""

    claim: tuple[Token, ...]
    source: tuple[Token, ...]
    sentence: int
    before: Token | None
    """The last word they share before it; None at the beginning of the claim."""
    after: Token | None
    """The first word they share after it; None at the end of the claim."""
    aside: bool
    """True if what the source has here stands between commas or brackets of its own."""

    @property
    def tight(self) -> bool:
        """A few words for a few, with shared words on both sides."""
        return self.inner and len(self.claim) <= 3 and len(self.source) <= 3

    @property
    def inner(self) -> bool:
        return self.before is not None and self.after is not None


@dataclass(frozen=True, slots=True)
class Alignment:
    places: tuple[tuple[int, int] | None, ...]
    """For each token of the claim its (sentence, token) in the evidence; None if it has none."""
    edits: tuple[Edit, ...]
    followed: float
    """Share of the claim's weight (number of tokens where none weighs) that stands in shared runs."""
    nearest: int
    """Index of the sentence that shares most of the claim's weight; -1 without evidence."""
    nearest_share: float
    whole_share: float
    """Share of the claim's weight that stands anywhere in the evidence."""

    @property
    def is_close(self) -> bool:
        """Whether the claim follows its source so closely that a changed word is a changed statement.

        0.6: planted defects in trimmed and joined sentences stay above it, rewordings by
        people (SciFact, FEVER) below it.
        """
        return self.followed >= 0.6


def align(claim: Reading, evidence: Sequence[Reading]) -> Alignment:
    """The alignment; with no words on either side, one without places."""
    shares = [share_in(claim.weights, reading.types) for reading in evidence]
    common = [len(set(claim.keys) & reading.types) for reading in evidence]
    order = sorted(range(len(evidence)), key=lambda s: (-shares[s], -common[s], s))
    nearest = order[0] if order else -1
    everything: set[str] = set().union(*(reading.types for reading in evidence)) if evidence else set()

    places: list[tuple[int, int] | None] = [None] * len(claim.tokens)
    candidates = order[: MAX_SENTENCES * 2]
    for _ in range(min(MAX_SENTENCES, len(candidates))):
        tiles = {s: _tiles(claim, evidence[s], places, s) for s in candidates}
        best = max(candidates, key=lambda s: (sum(_worth(claim, tile) for tile in tiles[s]), -candidates.index(s)))
        if not tiles[best]:
            break
        for at, there, length in tiles[best]:
            for step in range(length):
                places[at + step] = (best, there + step)
        candidates.remove(best)
    _fill(claim, evidence, places)
    return Alignment(
        tuple(places),
        tuple(_edits(claim, evidence, places)),
        _followed(claim, places),
        nearest,
        shares[nearest] if nearest >= 0 else 0.0,
        share_in(claim.weights, everything),
    )


def _worth(claim: Reading, tile: tuple[int, int, int]) -> float:
    at, _, length = tile
    return sum(token.weight + 0.5 for token in claim.tokens[at : at + length])


def _tiles(
    claim: Reading, sentence: Reading, places: Sequence[tuple[int, int] | None], s: int
) -> list[tuple[int, int, int]]:
    """Common runs of free tokens as (in claim, in sentence, length), longest first, none overlapping.

    A run has two words at least, one of them telling, or three.
    """
    at_key: dict[str, list[int]] = {}
    for there, key in enumerate(sentence.keys):
        at_key.setdefault(key, []).append(there)
    runs: list[tuple[int, int, int]] = []
    following: dict[int, int] = {}
    for at in range(len(claim.keys) - 1, -1, -1):
        current: dict[int, int] = {}
        if places[at] is None:
            for there in at_key.get(claim.keys[at], ()):
                current[there] = following.get(there + 1, 0) + 1
        for there, length in following.items():
            if there - 1 not in current:
                runs.append((at + 1, there, length))
        following = current
    runs += [(0, there, length) for there, length in following.items()]
    tokens = claim.tokens
    runs.sort(key=lambda run: (-run[2], run[0], run[1]))
    used_here, used_there = set[int](), set[int]()
    kept: list[tuple[int, int, int]] = []
    for at, there, length in runs:
        # What an earlier, longer run has taken is cut off both ends.
        while length and (at in used_here or there in used_there):
            at, there, length = at + 1, there + 1, length - 1
        while length and (at + length - 1 in used_here or there + length - 1 in used_there):
            length -= 1
        if length < 2 or (length == 2 and not any(t.weight for t in tokens[at : at + 2])):
            continue
        if any(i in used_here for i in range(at, at + length)):
            continue
        if any(i in used_there for i in range(there, there + length)):
            continue
        used_here.update(range(at, at + length))
        used_there.update(range(there, there + length))
        kept.append((at, there, length))
    return kept


def _fill(claim: Reading, evidence: Sequence[Reading], places: list[tuple[int, int] | None]) -> None:
    """Single words shared between two neighbouring runs of one sentence get their places too."""
    known = [at for at, place in enumerate(places) if place is not None]
    ends = [(-1, *known[:1])] if known else []
    for left, right in [*ends, *itertools.pairwise(known), (known[-1], len(places))] if known else ():
        if right - left < 2:
            continue
        before = places[left] if left >= 0 else None
        after = places[right] if right < len(places) else None
        anchor = before or after
        assert anchor is not None
        s = anchor[0]
        if before and after and (before[0] != after[0] or before[1] >= after[1]):
            continue
        low = before[1] + 1 if before else 0
        high = after[1] if after else len(evidence[s].tokens)
        taken = {place[1] for place in places if place is not None and place[0] == s}
        here = claim.keys[left + 1 : right]
        there = [key if low + i not in taken else "" for i, key in enumerate(evidence[s].keys[low:high])]
        for block in difflib.SequenceMatcher(None, here, there, autojunk=False).get_matching_blocks():
            for step in range(block.size):
                places[left + 1 + block.a + step] = (s, low + block.b + step)


def _edits(claim: Reading, evidence: Sequence[Reading], places: Sequence[tuple[int, int] | None]) -> list[Edit]:
    known = [at for at, place in enumerate(places) if place is not None]
    edits: list[Edit] = []
    if not known:
        return edits
    for left, right in [(-1, known[0]), *itertools.pairwise(known), (known[-1], len(places))]:
        before = places[left] if left >= 0 else None
        after = places[right] if right < len(places) else None
        here = claim.tokens[left + 1 : right]
        if before and after:
            s = before[0]
            joined = before[0] == after[0] and before[1] < after[1]
            there = evidence[s].tokens[before[1] + 1 : after[1]] if joined else ()
            closing = evidence[s].tokens[after[1]] if joined else None
        else:
            anchor = before or after
            assert anchor is not None
            s = anchor[0]
            there = evidence[s].tokens[anchor[1] + 1 :] if before else evidence[s].tokens[: anchor[1]]
            closing = None
            joined = False
        if not here and not there:
            continue
        aside = bool(there) and there[0].broken and (closing is None or closing.broken)
        edits.append(
            Edit(
                tuple(here),
                tuple(there),
                s,
                claim.tokens[left] if before and (joined or not after) else None,
                claim.tokens[right] if after and (joined or not before) else None,
                aside,
            )
        )
    return edits


def _followed(claim: Reading, places: Sequence[tuple[int, int] | None]) -> float:
    total = sum(token.weight for token in claim.tokens)
    if not total:
        return sum(place is not None for place in places) / max(len(places), 1)
    return sum(t.weight for t, place in zip(claim.tokens, places, strict=True) if place is not None) / total
