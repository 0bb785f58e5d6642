"""What stands in quotation marks in a question, and the papers that have it word for word."""

from __future__ import annotations

import re

from rag.library import Library
from rag.papers import plain_words
from rag.types import Paper
from rag.wording import spelled_words

MAX_PHRASES = 8
MAX_CHUNKS = 1_000
"""In which a phrase is looked for letter by letter: the best that have its words in a row."""

_QUOTED = re.compile(r'"([^"]{2,200})"|“([^“”]{2,200})”|„([^„“”]{2,200})[“”]|«\s?([^«»]{2,200}?)\s?»')


def phrases_in(question: str) -> tuple[str, ...]:
    """Each once, as it is written; () where there are none, or only marks."""
    quoted = ("".join(filter(None, groups)).strip() for groups in _QUOTED.findall(question))
    return tuple(dict.fromkeys(phrase for phrase in quoted if plain_words(phrase)))[:MAX_PHRASES]


def papers_with(library: Library, phrase: str) -> tuple[str, ...]:
    """Ids of the papers that have the words of ``phrase`` in a row in title or abstract, none changed, best first.

    Case, accents, punctuation and British spelling do not count: "finds a way" is in 'Life, uh, Finds a Way'.
    """
    wanted = spelled_words(phrase)
    found = library.in_a_row(phrase, MAX_CHUNKS)
    return tuple(paper.paper_id for paper in found if _has(paper, wanted))


def _has(paper: Paper, wanted: str) -> bool:
    return wanted in spelled_words(paper.title) or wanted in spelled_words(paper.abstract)
