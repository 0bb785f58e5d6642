"""A text as the rules read it: cleaned of tricks, cut into words that compare."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from rag import vocabulary
from rag.judge.quantities import SPELLED, spelled

# Format characters, fillers and variation selectors: they change how a text compares, not how it looks.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_LOOK_ALIKES = str.maketrans(
    "аеорсхуіѕјһԁԛԝАВЕКМНОРСТХІЅЈοονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcxyisjhdqwABEKMHOPCTXISJoovABEZHIKMNOPTYX",
)
_FOREIGN_WORD = re.compile(r"[^\W\d_]*[\u0370-\u03ff\u0400-\u052f][^\W\d_]*")
_SUPERSCRIPT = re.compile("(?<=[\\d)])([⁺⁻]?[⁰¹²³⁴-⁹]+)")
_SUPERSCRIPT_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

_TEX = (
    (re.compile(r"\\(?:times|cdot)\b"), "×"),
    (re.compile(r"\\(?:sim|approx)\b"), "~"),
    (re.compile(r"\\(?:leq?)\b"), "≤"),
    (re.compile(r"\\(?:geq?)\b"), "≥"),
    (re.compile(r"\\(?:text(?:bf|it|rm|sc|tt)?|emph|mathrm|mathbf|mathcal|mbox|rm|it|bf)\b"), ""),
    (re.compile(r"\\([%&#_$])"), r"\1"),
    (re.compile(r"\^\{([-+]?\d+)\}"), r"^\1"),
    (re.compile(r"[${}]"), " "),
)
_PERCENT = re.compile(r"(?<=\d)\s?(?:per ?cent(?!\w)|pct\.?(?!\w)|per ?centage(?= points?\b))", re.IGNORECASE)
_SPELLED_PERCENT = re.compile(rf"\b(?P<number>{SPELLED})[- ](?:per ?cent|per ?centage(?= points?))\b", re.IGNORECASE)
_DASHES = str.maketrans("‐‑‒–—―−’‘ʼ“”„", "-------'''\"\"\"")

_TOKEN = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|%")
_BREAK = re.compile(r"[,;:()\[\]\n]|\s-+\s|[.!?](?=\s)")
_NOT = re.compile(r"(\w+)n't$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or per cent sign; hyphenated words and 'GPT-4' are several."""

    text: str
    key: str
    """What is compared: the stem of a word, the digits of a number without commas."""
    weight: float
    """How telling it is (rag.vocabulary); 0.0 for function words."""
    start: int
    broken: bool
    """True if a comma, a bracket or the like stands before it."""

    @property
    def lower(self) -> str:
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Reading:
    """One text, read once."""

    text: str
    """Cleaned; not the stored text, so never used for quotes or offsets."""
    tokens: tuple[Token, ...]
    keys: tuple[str, ...]
    types: frozenset[str]
    weights: dict[str, float]
    """Each key that weighs anything."""
    disguised: bool
    """True if it held invisible characters or letters of another script that look Latin."""


@functools.lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """The reading of ``text``; kept, since an abstract's sentences come again and again."""
    clean, disguised = cleaned(text)
    tokens = tuple(_tokens(clean))
    keys = tuple(token.key for token in tokens)
    weights = {token.key: token.weight for token in tokens if token.weight > 0}
    return Reading(clean, tokens, keys, frozenset(keys), weights, disguised)


def cleaned(text: str) -> tuple[str, bool]:
    """``text`` in one form, and whether something in it was disguised.

    Compatibility forms, dashes, quotation marks, TeX and 'per cent' are unified, white
    space is single (a tab where there was one, since tables are told by them), exponents
    are written ^3.
    """
    visible = _INVISIBLE.sub("", text)
    visible = re.sub("[\ud800-\udfff]", "\ufffd", visible)
    visible = re.sub("(?<=\\d)[\u00a0\u2009\u202f](?=\\d{3}(?!\\d))", "", visible)  # 32 441 with a thin space
    visible = _SUPERSCRIPT.sub(lambda m: "^" + m[1].translate(_SUPERSCRIPT_DIGITS), visible)
    visible = unicodedata.normalize("NFKC", visible).translate(_DASHES)
    latin = _plain_letters(visible)
    for pattern, replacement in _TEX:
        latin = pattern.sub(replacement, latin)
    latin = _PERCENT.sub("%", latin)
    latin = _SPELLED_PERCENT.sub(lambda m: f"{spelled(m['number']):g}%", latin)
    # A soft hyphen or a zero-width space is often left by a PDF; between letters only it may disguise a word.
    hidden = re.search(rf"\w{_INVISIBLE.pattern}+\w", text) is not None or latin != _without_look_alikes(latin, visible)
    return re.sub(r"[^\S\n]+", lambda m: "\t" if "\t" in m[0] else " ", latin).strip(), hidden


def _plain_letters(text: str) -> str:
    """Look-alike Greek and Cyrillic letters as Latin ones, in words that mix scripts or stand among Latin words."""
    if text.isascii():
        return text
    n_latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    n_letters = sum(ch.isalpha() for ch in text)
    mostly_latin = n_latin * 2 > n_letters

    def plain(match: re.Match[str]) -> str:
        word = match[0]
        mapped = word.translate(_LOOK_ALIKES)
        mixed = any(ch.isascii() for ch in word)
        return mapped if mixed or (mostly_latin and len(word) > 2 and mapped.isascii()) else word

    return _FOREIGN_WORD.sub(plain, text)


def _without_look_alikes(latin: str, visible: str) -> str:
    return latin if _plain_letters(visible) == visible else ""


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        word = match[0]
        broken = not found or _BREAK.search(text, end, match.start() + 1) is not None
        end = match.end()
        lower = word.lower()
        negated = _NOT.match(lower)
        if negated or lower == "cannot":
            base = negated[1] if negated else "can"
            base = {"wo": "will", "ca": "can", "sha": "shall"}.get(base, base)
            found.append(Token(base, _key(base), 0.0, match.start(), broken))
            found.append(Token("not", "not", 0.0, match.start(), False))
            continue
        if lower.endswith("'s"):
            word, lower = word[:-2], lower[:-2]
        if lower:
            key = _key(lower)
            found.append(Token(word, key, _weight(key), match.start(), broken))
    return found


@functools.lru_cache(maxsize=65536)
def _key(lower: str) -> str:
    if lower[0].isdigit():
        bare = lower.replace(",", "")
        return bare.rstrip("0").rstrip(".") if "." in bare else bare
    stems = vocabulary.stems(_american(lower))
    return stems[0] if stems else lower


@functools.lru_cache(maxsize=65536)
def _weight(key: str) -> float:
    if key == "%":
        return 0.0
    return vocabulary.weight(key)


def _american(word: str) -> str:
    if len(word) < 6:
        return {"grey": "gray", "tyre": "tire"}.get(word, word)
    word = re.sub(r"is(e|ed|es|ing|ation|ations|er|ers)$", r"iz\1", word) if not _IS_WORD.search(word) else word
    return re.sub(r"(?<=[bvlnimdp])our(s|ed|ing|al|able)?$", r"or\1", re.sub(r"ll(ing|ed)$", r"l\1", word))


_IS_WORD = re.compile(
    r"(?:prec|rev|adv|dev|prom|compr|superv|comprom|exerc|conc|rais|prais|nois|pois|expert|rise|wise)"
)


def share_in(wanted: dict[str, float], available: frozenset[str] | set[str]) -> float:
    """The share of the wanted weight that is available; 0.0 if nothing is wanted."""
    total = sum(wanted.values())
    return sum(value for key, value in wanted.items() if key in available) / total if total else 0.0
