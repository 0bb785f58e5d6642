"""Word lists as they are written here: in one string, with spaces."""

from __future__ import annotations


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def word_list(words: str) -> list[str]:
    return words.split()
