"""How many tokens a text has, counted offline."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import tiktoken

_ENCODING = "o200k_base"
_BETWEEN = "<|endoftext|>"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PIECE_CHARACTERS = 1_000


def count_tokens(text: str) -> int:
    """The number of o200k_base tokens; 0 for the empty text.

    What looks like a special token (``<|endoftext|>``) is text like any other. Texts with
    more than 1,000 characters without, or of nothing but, white space are counted in
    pieces, because merging one long run takes more than linear time: for them the count
    may be a few tokens high.
    """
    return len(_encoding().encode_ordinary(text)) if _is_ordinary(text) else _count_in_pieces(text)


def count_each(texts: Sequence[str]) -> list[int]:
    """``count_tokens`` of each, in order; many times faster, since words recur.

    A token never reaches over a single space into the word before it, so that a text whose
    words have single spaces between them has the tokens of its words, each with its space.
    """
    known = _known_words()
    counts: list[int] = []
    new: dict[int, list[str]] = {}
    for place, text in enumerate(texts):
        words = text.split(" ")
        words[0] = _FIRST + words[0]
        found = list(map(known.get, words))
        if None in found:
            new[place] = [word for word, count in zip(words, found, strict=True) if count is None]
        counts.append(sum(filter(None, found)))
    _learn({word for words in new.values() for word in words}, known)
    for place, words in new.items():
        if all(word in known for word in words):
            counts[place] += sum(known[word] for word in words)
        else:
            counts[place] = count_tokens(texts[place])
    return counts


_FIRST = " "
"""Marks a text's first word, which is counted without a space; no other word has one in it."""
_MAX_KNOWN_WORDS = 300_000
"""Some 40 MB. 100,000 abstracts have more, but most of those occur once."""
_known: list[dict[str, int]] = [{}]


def _known_words() -> dict[str, int]:
    """The tokens of each. When it is replaced, other threads go on with what they have in hand."""
    if len(_known[0]) > _MAX_KNOWN_WORDS:
        _known[0] = {}
    return _known[0]


def _learn(words: Iterable[str], known: dict[str, int]) -> None:
    some = [word for word in words if _stands_alone(word.removeprefix(_FIRST))]
    as_they_stand = [word.removeprefix(_FIRST) if word.startswith(_FIRST) else " " + word for word in some]
    known.update(zip(some, _count_jointly(as_they_stand), strict=True))


def _stands_alone(word: str) -> bool:
    """Whether nothing around it can change its tokens, and it can be counted together with others."""
    return (
        0 < len(word) < _PIECE_CHARACTERS
        and not word[0].isspace()
        and not word[-1].isspace()
        and _BETWEEN not in word
        and (word.isascii() or _LONE_SURROGATE.search(word) is None)
    )


def _count_jointly(texts: Sequence[str]) -> list[int]:
    """In one go; a call for each takes longer than the counting."""
    import numpy as np

    if not texts:
        return []
    # What is between two special tokens is encoded by itself.
    ids = _encoding().encode_to_numpy(_BETWEEN.join(texts), allowed_special={_BETWEEN}, disallowed_special=())
    ends = np.append(np.flatnonzero(ids == _encoding().eot_token), len(ids))
    counts: list[int] = (np.diff(ends, prepend=-1) - 1).tolist()
    return counts


def _is_ordinary(text: str) -> bool:
    """Whether no run with or without white space reaches a piece's length; a regex takes twice as long."""
    if len(text) < _PIECE_CHARACTERS:
        return True
    lengths = [len(word) for word in text.split()]
    n_spare_spaces = len(text) - sum(lengths) - len(lengths)
    return n_spare_spaces < _PIECE_CHARACTERS - 2 and max(lengths) < _PIECE_CHARACTERS


def _count_in_pieces(text: str) -> int:
    encode = _encoding().encode_ordinary
    return sum(len(encode(text[i : i + _PIECE_CHARACTERS])) for i in range(0, len(text), _PIECE_CHARACTERS))


@functools.cache
def _encoding() -> tiktoken.Encoding:
    """Loaded once, from the copy of its table that llama-index-core brings along.

    tiktoken would download the table. Its cache folder is named only in an environment
    variable, which is set just for the load, and not at all where somebody has set it.
    """
    is_set = "TIKTOKEN_CACHE_DIR" in os.environ or "DATA_GYM_CACHE_DIR" in os.environ
    folder = None if is_set else _bundled_folder()
    if folder is None:
        return tiktoken.get_encoding(_ENCODING)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding(_ENCODING)
    finally:
        os.environ.pop("TIKTOKEN_CACHE_DIR", None)


def _bundled_folder() -> Path | None:
    # Finding the module imports only the empty namespace package `llama_index`, never the 3 s of its core.
    try:
        found = importlib.util.find_spec("llama_index.core")
    except ModuleNotFoundError:
        return None
    for location in (found and found.submodule_search_locations) or ():
        folder = Path(location) / "_static" / "tiktoken_cache"
        if folder.is_dir():
            return folder
    return None
