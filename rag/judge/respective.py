"""Which belongs to which: sentences that pair things by 'respectively', or '(resp. ...)', taken apart. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.judge.reading import Token, read
from rag.types import Span

_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
_RESP = re.compile(r"([\w%-]+)\s*\(resp(?:\.|ectively)?,?\s+([\w%-]+)\)", re.IGNORECASE)
_RESPECTIVELY_BEHIND = re.compile(r",?\s*\brespectively\b|\s*\(resp[^()]*\)", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()]*\)")
_JOINT = re.compile(r",?\s+(?:and|or|&|versus|vs\.?)\s+", re.IGNORECASE)
_CLAUSE = re.compile(r"(?:(?!\s-+\s)[^;:])+")
_PIECE = re.compile(r"[^,]+")
_WORD = re.compile(r"[^\s,;:()\"'.]*\w(?:[^\s,;:()\"']*\w)?%?")

_PARTICIPLE = re.compile(r"\wed$", re.IGNORECASE)

MAX_ITEM_WORDS = 5
"""Of what stands between two commas of an enumeration."""
MAX_ITEMS = 8
MAX_CHARACTERS = 2_000
"""No sentence that somebody wrote is longer, and the patterns look again from every place of one without blanks."""

Keys = frozenset[str]


@dataclass(frozen=True, slots=True)
class Pairing:
    """Enumerations of one length: the first of each belong together, the second of each, and so on."""

    lists: tuple[tuple[Keys, ...], ...]
    """By list and place, the keys of which any tells this item from the others of its list."""
    items: tuple[tuple[Span, ...], ...]
    """Where they stand in the sentence."""


def taken_apart(claim: str, sentence: str) -> str:
    """``sentence`` with what it says of the one that ``claim`` speaks of; itself where the claim names not just one
    of a pair, or pairs them otherwise. Of '92 % and 87 % on CIFAR-10 and ImageNet, respectively' '87 % on ImageNet'.
    """
    source, tokens = read(sentence), read(claim).tokens
    for pairing in pairings(source.text):
        named = named_in(tokens, pairing)
        if len(named) == len(pairing.lists) and all(places == [named[0][0]] for places in named.values()):
            text, kept = source.text, named[0][0]
            for items in reversed(pairing.items):
                behind = text[items[-1].end :].removeprefix(")")
                text = f"{text[: items[0].start]}{items[kept].of(text)}{behind}"
            return _RESPECTIVELY_BEHIND.sub("", text)
    return sentence


@functools.lru_cache(maxsize=1024)
def pairings(sentence: str) -> tuple[Pairing, ...]:
    """What ``sentence`` pairs by 'respectively', or in brackets; empty where that is not clear."""
    if len(sentence) > MAX_CHARACTERS or "resp" not in sentence.lower():  # as nearly always
        return ()
    found = []
    for clause in _CLAUSE.finditer(sentence):
        for end in _RESPECTIVELY.finditer(sentence, *clause.span()):
            before = sentence[clause.start() : end.start()].rstrip(" ,")
            # What stands in brackets is blotted out, so that places stay what they are.
            before = _ASIDE.sub(lambda aside: " " * len(aside.group()), before)
            both = _last_two(list(_enumerations(before, clause.start())))
            found.append(_pairing(sentence, both) if both else None)
    in_brackets = [[Span(*one.span(1)), Span(*one.span(2))] for one in _RESP.finditer(sentence)]
    if len(in_brackets) > 1:
        found.append(_pairing(sentence, in_brackets))
    return tuple(pairing for pairing in found if pairing is not None)


def _pairing(sentence: str, lists: Sequence[Sequence[Span]]) -> Pairing | None:
    """None where an item does not differ from the others of its list, or is another kind of word."""
    told = []
    for own in lists:
        if len({bool(_PARTICIPLE.search(item.of(sentence))) for item in own}) > 1:
            return None  # 'scores and states are associated with ...'
        keys = [frozenset(read(item.of(sentence)).weights) for item in own]
        apart = [one.difference(*keys[:at], *keys[at + 1 :]) for at, one in enumerate(keys)]
        if not all(apart):
            return None
        told.append(tuple(apart))
    return Pairing(tuple(told), tuple(tuple(own) for own in lists))


def _last_two(candidates: Sequence[Sequence[list[Span]]]) -> list[list[Span]]:
    """The last enumeration and the nearest one before it of the same length, in the longest reading that fits both."""
    for before in reversed(candidates[:-1]):
        for last in sorted(candidates[-1], key=len, reverse=True):
            for other in before:
                if len(other) == len(last):
                    return [other, last]
    return []


def _enumerations(text: str, offset: int) -> Iterator[list[list[Span]]]:
    """For each 'and' of ``text`` the lists that it may end, of two items and of more; ``offset`` is added to places.

    Where an item begins or ends without a comma, the word next to the 'and' stands for it.
    """
    begins = 0
    for joint in _JOINT.finditer(text):
        pieces = [Span(*one.span()) for one in _PIECE.finditer(text, begins, joint.start())]
        begins = joint.end()
        behind = _PIECE.match(text, joint.end())
        last = _first_word(text, Span(*behind.span())) if behind else None
        readings = []
        for n_more in range(min(len(pieces), MAX_ITEMS)):
            first, *inner = pieces[len(pieces) - 1 - n_more :]
            words = [_words(text, piece) for piece in inner]
            if any(not 0 < len(own) <= MAX_ITEM_WORDS for own in words):
                break
            items = [_last_word(text, first), *(Span(own[0].start, own[-1].end) for own in words), last]
            known = [Span(item.start + offset, item.end + offset) for item in items if item is not None]
            if len(known) == len(items):
                readings.append(known)
        if readings:
            yield readings


def _first_word(text: str, piece: Span) -> Span | None:
    """The first one that says something, or a number."""
    return next((word for word in _words(text, piece) if _counts(word.of(text))), None)


def _last_word(text: str, piece: Span) -> Span | None:
    """The last one that says something; the number, if it is its unit."""
    words = _words(text, piece)
    while words and not _counts(words[-1].of(text)):
        words.pop()
    if len(words) > 1 and _is_number(words[-2].of(text)) and not _is_number(words[-1].of(text)):
        return words[-2]
    return words[-1] if words else None


def _words(text: str, piece: Span) -> list[Span]:
    return [Span(*word.span()) for word in _WORD.finditer(text, piece.start, piece.end)]


def _counts(word: str) -> bool:
    return _is_number(word) or any(token.weight > 0 for token in read(word).tokens)


def _is_number(word: str) -> bool:
    return word[:1].isdigit()


def named_in(tokens: Sequence[Token], pairing: Pairing) -> dict[int, list[int]]:
    """By list, which of its items the tokens name, in their order, each once in a row; lists of which none is."""
    named: dict[int, list[int]] = {}
    for token in tokens:
        for at, items in enumerate(pairing.lists):
            place = next((n for n, keys in enumerate(items) if token.key in keys), None)
            if place is not None and named.get(at, [])[-1:] != [place]:
                named.setdefault(at, []).append(place)
    return dict(sorted(named.items()))
