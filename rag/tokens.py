"""How many tokens a text has, counted offline."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from collections.abc import Sequence
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
    """``count_tokens`` of each, in order; faster, since most are counted in one go."""
    together = [place for place, text in enumerate(texts) if _may_be_joined(text)]
    counts = dict(zip(together, _count_jointly([texts[place] for place in together]), strict=True))
    return [counts[place] if place in counts else count_tokens(text) for place, text in enumerate(texts)]


def _may_be_joined(text: str) -> bool:
    """Whether it has the same tokens among others as by itself."""
    return _is_ordinary(text) and _BETWEEN not in text and (text.isascii() or _LONE_SURROGATE.search(text) is None)


def _count_jointly(texts: Sequence[str]) -> list[int]:
    """Of texts that ``_may_be_joined``, in one go; a list of tokens for each would take longer."""
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
    return len(text) < _PIECE_CHARACTERS or _has_blanks_throughout(text) or _has_short_runs(text)


def _has_blanks_throughout(text: str) -> bool:
    """Single ones, and one in every half piece: true of most abstracts, and known in a tenth of the time."""
    half = _PIECE_CHARACTERS // 2
    return (
        text.isprintable()  # so blanks are its only white space
        and "  " not in text
        and all(" " in text[at : at + half] for at in range(0, len(text) - half + 1, half))
    )


def _has_short_runs(text: str) -> bool:
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
