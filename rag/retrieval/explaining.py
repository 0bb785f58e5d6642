"""Why a paper was found: the words that matched, the sentence that came nearest, its rank on each side."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag import vocabulary
from rag.readable import readable
from rag.retrieval.spelling import ReadAs
from rag.types import Hit

_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Explanation:
    in_title: tuple[str, ...]
    """Telling words of the question that the title has too, as the question writes them, the rarest first."""
    in_abstract: tuple[str, ...]
    """Those that only the abstract has."""
    nearest: str
    """The sentence nearest in meaning; '' where meaning had no part in it."""
    dense_rank: int | None
    lexical_rank: int | None
    """1-based places on either side; None if that side did not find it by itself."""
    read_as: tuple[ReadAs, ...] = ()
    """Words of the question that were taken for slips of others."""

    def in_words(self) -> str:
        """One line for people."""
        parts = []
        if self.in_title:
            parts.append(f"its title has {_quoted(self.in_title)}")
        if self.in_abstract:
            parts.append(f"its abstract has {_quoted(self.in_abstract)}")
        if self.lexical_rank is not None:
            parts.append(f"number {self.lexical_rank} by words")
        if self.dense_rank is not None:
            parts.append(f"number {self.dense_rank} by meaning")
        parts += [f"“{slip.word}” read as “{slip.read_as}”" for slip in self.read_as]
        return "; ".join(parts) or "near in meaning, by one of its sentences"


def explain(question: str, hit: Hit, read_as: tuple[ReadAs, ...] = ()) -> Explanation:
    """From the hit alone: nothing is searched again. ``question`` as it was searched for, its slips put right."""
    title = set(vocabulary.stems(readable(hit.paper.title)))
    abstract = set(vocabulary.stems(readable(hit.paper.abstract)))
    asked: dict[str, str] = {}
    for word in _WORD.findall(readable(question)):
        for stem in vocabulary.stems(word):
            if vocabulary.weight(stem) > 0:
                asked.setdefault(stem, word)
    rarest = sorted(asked, key=lambda stem: -vocabulary.weight(stem))
    ranks = {origin.side: origin.rank for origin in hit.origins}
    return Explanation(
        in_title=tuple(dict.fromkeys(asked[stem] for stem in rarest if stem in title)),
        in_abstract=tuple(dict.fromkeys(asked[stem] for stem in rarest if stem in abstract and stem not in title)),
        nearest=hit.nearest.of(hit.paper.abstract) if hit.nearest is not None else "",
        dense_rank=ranks.get("dense"),
        lexical_rank=ranks.get("lexical"),
        read_as=read_as,
    )


def _quoted(words: tuple[str, ...]) -> str:
    shown = [f"“{word}”" for word in words[:6]]
    return ", ".join(shown) + (" and more" if len(words) > 6 else "")
