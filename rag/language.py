"""Which language a text is in, as far as it matters here: English, another one, or hard to tell."""

from __future__ import annotations

import functools
from typing import Literal

Language = Literal["English", "other", "another script", "unclear"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Frequent in any English sentence of some length, and seldom words of other languages.
_ENGLISH = _words(
    "the of and to that is was for with are by as be this from which we it not have has were can at our been their "
    "these its than between or also may more an into during after what how why who when where does do did which about"
)
_OTHERS = _words(
    "der die das und ist nicht eine einer des dem den von mit auf für werden wird durch bei wie was welche warum le la "
    "les des et est une dans que pour sur avec qui par au aux quel quelle comment pourquoi el los las del y en una por "
    "con para se cómo qué cuál di il che per della sono come quale een het van niet voor zijn hoe welke em um uma não "
    "os ao è och att som på det af til ve bir ile için w na z jest jak jakie"
)
MAX_CHARACTERS = 4000


@functools.lru_cache(maxsize=256)
def language_of(text: str) -> Language:
    """By the script of its letters, then by its commonest words; ``unclear`` for too few of them."""
    text = text[:MAX_CHARACTERS]
    if not text.isascii():
        letters = [ch for ch in text if ch.isalpha()]
        if sum(ord(ch) > 0x36F and not 0x1E00 <= ord(ch) <= 0x1EFF for ch in letters) * 2 > len(letters):
            return "another script"
    words = [word.strip(".,;:!?()\"'¿¡«»“”") for word in text.lower().split()]
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHERS for word in words)
    if other > english and other >= max(2, len(words) // 10):
        return "other"
    return "English" if english else "unclear"
