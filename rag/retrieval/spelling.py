"""Misspelt words of a question: which known word each was meant to be.

Only words that neither the library, nor the shipped list of 145,904 abstracts, nor the
embedding's own vocabulary knows are looked at, and only a word that the library knows can
take their place. Words one slip away are made and looked up; those two slips away are looked
for among the words with the same two first letters. So the words of a large library are
never gone through, and a question without an unknown word costs one look a word.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag import vocabulary
from rag.library import Library
from rag.readable import readable

MIN_LETTERS = 5
"""Shorter words are near too many others."""
MIN_LETTERS_TWO_SLIPS = 8
MAX_LETTERS = 30
MIN_STEM, MAX_STEMS = 4, 8
"""Of how many letters a stem must be, and how many are looked at, where two slips are allowed for."""
MAX_READ_AS = 8
"""Words of one question."""
_WORD = re.compile(r"(?<![\w-])[A-Za-z][a-z]+(?![\w])")
"""Not names like 'FBLNet' or 'GPT-4', nor what has digits."""


@dataclass(frozen=True, slots=True)
class ReadAs:
    """A word of the question, and the word that it was taken for."""

    word: str
    read_as: str


def read_as(library: Library, question: str, names: Collection[str] = ()) -> tuple[ReadAs, ...]:
    """The words of ``question`` that are taken for others, in their order; ``names`` are words that are not."""
    words = library.words
    written = {word.lower(): word for word in reversed(_WORD.findall(question))}
    looked_at = [
        word
        for word in reversed(written)
        if MIN_LETTERS <= len(word) <= MAX_LETTERS and word not in names and not _is_in_vocabulary(word)
    ]
    stems = words.stems(looked_at)
    found: list[ReadAs] = []
    for word, stem in zip(looked_at, stems, strict=True):
        if not stem or vocabulary.is_counted(stem) or words.counts([stem]) != [0]:
            continue
        meant = _one_slip(library, word, stem) or _two_slips(library, word)
        if meant is not None:
            found.append(ReadAs(written[word], meant))
        if len(found) == MAX_READ_AS:
            break
    return tuple(found)


def corrected(question: str, words: Sequence[ReadAs]) -> str:
    """``question`` with the words put right."""
    for one in words:
        question = re.sub(rf"(?<![\w-]){re.escape(one.word)}(?!\w)", one.read_as, question)
    return question


def _is_in_vocabulary(word: str) -> bool:
    return any(_tokenizer().token_to_id(form) is not None for form in (word, word.removesuffix("s")))


def _forms(word: str) -> set[str]:
    return {word, word.removesuffix("s"), f"{word}s"}


@functools.cache
def _tokenizer() -> Any:
    from rag.models.session import load_tokenizer

    return load_tokenizer()


def _one_slip(library: Library, word: str, stem: str) -> str | None:
    """The most frequent word that is one letter more, less, other or swapped away.

    A letter left out, put in twice or swapped is likelier than a wrong one. What is made
    must be written in some abstract, in the singular or plural, and not only have the stem of
    a word there: 'aspirin' is not 'aspiring' because of an 'aspiration'.
    """
    slips = {made: weight for made, weight in _slips(word) if made[0] == word[0]}
    stems = library.words.stems(list(slips))
    n_texts = library.words.counts(stems)
    known = {
        made: (slips[made], n, its_stem)
        for made, its_stem, n in zip(slips, stems, n_texts, strict=True)
        if n and its_stem != stem
    }
    likeliest = sorted(known, key=lambda made: (*known[made], made), reverse=True)[:MAX_STEMS]
    return next((made for made in likeliest if _forms(made) & _written(library, known[made][2])), None)


def _slips(word: str) -> Iterator[tuple[str, int]]:
    """Every text one slip away, with 1 for a wrong letter and 2 for the likelier slips."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        for letter in string.ascii_lowercase:
            if tail and tail[0] != letter:
                yield head + letter + tail[1:], 1
        for letter in string.ascii_lowercase:
            yield head + letter + tail, 2
        if tail:
            yield head + tail[1:], 2
        if len(tail) > 1 and tail[0] != tail[1]:
            yield head + tail[1] + tail[0] + tail[2:], 2


def _two_slips(library: Library, word: str) -> str | None:
    """The nearest word within two slips, as some abstract writes it; None for short words.

    Words are held without their endings: a stem may be a beginning of what was meant.
    """
    if len(word) < MIN_LETTERS_TWO_SLIPS:
        return None
    letters = set(word)
    near = [
        (distance, -n, stem)
        for stem, n in library.words.stems_beginning(word[:2]).items()
        if MIN_STEM <= len(stem) <= len(word) + 2
        and len(set(stem) - letters) <= 2  # most are out of question, and need not be compared
        and (distance := min(_distance(word[: len(stem) + more], stem) for more in (0, -1, 1))) <= 2
    ]
    written = (other for _, _, stem in sorted(near)[:MAX_STEMS] for other in _written(library, stem))
    distances = {other: distance for other in written if (distance := _distance(word, other)) <= 2}
    return min(distances, key=lambda other: (distances[other], other), default=None)


def _written(library: Library, stem: str) -> set[str]:
    """The words with this stem in some abstracts that have one."""
    found = library.candidates(vector=None, text=stem, k=10)
    texts = " ".join(f"{stored.paper.title} {stored.paper.abstract}" for stored in found.chunks.values())
    words = {word.lower() for word in _WORD.findall(readable(texts)) if word[:2].lower() == stem[:2]}
    return {word for word in words if vocabulary.stems(word) == [stem]}


def _distance(one: str, other: str) -> int:
    """Letters to put in, take out, change or swap; where it is more than two, some greater number.

    (Optimal string alignment.)
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and its == one[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > 2:
            return 3
        before, last = last, row
    return last[-1]
