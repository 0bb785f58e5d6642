"""What the judge's model reads of a claim and its evidence: the claim, then the sentences that matter to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rag.judge.reading import read, share_in

MAX_CLAIM_PIECES = 64
MAX_PIECES = 208
"""Of claim and evidence together; both bounds are those of the training."""

_CLS, _SEP = 101, 102
_MAX_CHARACTERS_PER_PIECE = 101
"""No piece is longer than a word of 100 characters."""


def pair_pieces(tokenizer: Any, claim: str, evidence: Sequence[str]) -> tuple[list[int], list[int]]:
    """The ids of the word pieces, and 0 for the claim's, 1 for the evidence's.

    Of evidence that does not fit, the sentences that share most of the claim's words are
    read, in their own order.
    """
    asked = _pieces(tokenizer, claim, MAX_CLAIM_PIECES)
    room = MAX_PIECES - 3 - len(asked)
    sentences = [_pieces(tokenizer, sentence, room) for sentence in evidence]
    read_ones = chosen([len(pieces) for pieces in sentences], claim, evidence, room)
    told = [piece for at in read_ones for piece in sentences[at]][:room]
    return [_CLS, *asked, _SEP, *told, _SEP], [0] * (len(asked) + 2) + [1] * (len(told) + 1)


def chosen(lengths: Sequence[int], claim: str, evidence: Sequence[str], room: int) -> list[int]:
    """The places of the sentences that are read, ascending; all of them if they fit."""
    if sum(lengths) <= room:
        return list(range(len(lengths)))
    wanted = read(claim).weights
    shares = [share_in(wanted, read(sentence).types) for sentence in evidence]
    kept: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: (-shares[at], at)):
        if lengths[at] <= room:
            kept.append(at)
            room -= lengths[at]
    return sorted(kept) or [max(range(len(lengths)), key=lambda at: shares[at])]


def _pieces(tokenizer: Any, text: str, most: int) -> list[int]:
    text = text[: most * _MAX_CHARACTERS_PER_PIECE].encode("utf-8", "replace").decode("utf-8")
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids[:most]
