"""How telling a word is, from how many abstracts use it.

The counts come from 145,904 arXiv titles with abstracts (metadata, CC0; 1993 to 2025), not
from the user's library: in a library of 62 papers 'propose' may be rare and 'dopamine'
frequent, and a score that is compared with a fixed threshold must not depend on that.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from importlib import resources

import tantivy

from rag.wording import PieceMemory, looked_up_piece, with_greek_names

# Words that say that something is asked, or point to a paper as such; they name no topic.
_ASKING = frozenset(
    "what which who whom whose when where why how do doe did is are was were be been being am can could will would "
    "shall should may might must has have had a an the of in on at to for from by with about into over under between "
    "and or nor not no if then than as that this these those it it they them their there here i you me my your we us "
    "our one ani some all most mani much more such each other so but also pleas tell explain describ list "
    "give find show say state mention discuss report accord paper abstract articl studi author "
    "work research s t".split()
)


@functools.cache
def _analyser() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(40))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def stems(text: str) -> list[str]:
    """Lower-cased English word stems in order, accents folded, in one spelling; numbers count as words."""
    return " ".join(map(_known_stems().__getitem__, with_greek_names(text).split(" "))).split()


class _Stems(PieceMemory):
    """As the stems of a piece, with blanks between them."""

    most = 50_000  # some 6 MB

    def __init__(self) -> None:
        self._analyse = _analyser().analyze

    def worked_out(self, piece: str) -> str:
        return " ".join(self._analyse(looked_up_piece(piece)))


@functools.cache
def _known_stems() -> _Stems:
    return _Stems()


@functools.cache
def _frequencies() -> tuple[int, dict[str, int]]:
    lines = resources.files("rag").joinpath("data/word_frequencies.tsv").read_text("utf-8").splitlines()
    rows = (line.rpartition("\t") for line in lines[1:])
    return int(lines[0].rpartition("\t")[2]), {stem: int(count) for stem, _, count in rows}


def weight(stem: str) -> float:
    """Inverse document frequency ln((N + 1) / (n + 1)); 0.0 for words that only ask.

    A stem that fewer than ten of the counted abstracts use weighs as if five did.
    """
    if stem in _ASKING:
        return 0.0
    n_abstracts, counts = _frequencies()
    return math.log((n_abstracts + 1) / (counts.get(stem, 5) + 1))


def is_counted(stem: str) -> bool:
    """Whether ten or more of the counted abstracts use it."""
    return stem in _frequencies()[1]


@functools.lru_cache(maxsize=256)
def weights(text: str) -> Mapping[str, float]:
    """The stems of ``text`` that weigh anything, each with its weight. One question is asked for them several times."""
    return {stem: value for stem in stems(text) if (value := weight(stem)) > 0.0}


def covered(wanted: Mapping[str, float], available: Sequence[str] | set[str]) -> float:
    """The share of the wanted weight whose stems are available; 1.0 if nothing is wanted."""
    total = sum(wanted.values())
    present = available if isinstance(available, set) else set(available)
    return sum(value for stem, value in wanted.items() if stem in present) / total if total else 1.0
