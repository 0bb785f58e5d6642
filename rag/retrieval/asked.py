"""A question as people ask it, made into what is searched for, with a line for whatever was read into it.

cleaned -> identifiers -> author and years -> quoted phrases -> slips put right -> one spelling
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rag import vocabulary
from rag.conversation.years import years_in
from rag.filters import Filter
from rag.language import language_of
from rag.library import Library
from rag.papers import plain_words
from rag.readable import readable
from rag.retrieval import naming
from rag.retrieval.phrases import papers_with, phrases_in
from rag.retrieval.spelling import ReadAs, corrected, read_as
from rag.wording import one_spelling

MAX_QUESTION_CHARACTERS = 4_000
"""Longer questions are trimmed, and that is said; the embedding reads about 1,200 anyway."""

MAX_LISTED = 200
"""Papers of an author or a year, where nothing else is asked for."""

NOT_ENGLISH = "The question is not in English: it was searched for word by word, and may miss what fits."
NOTHING_ASKED = "There is nothing in the question that can be searched for."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for."""

    text: str
    """What is embedded, looked up and read; '' where nothing can be searched for."""
    only: Filter | None = None
    """What was given, and what the question asks for beside its topic."""
    years: Filter | None = None
    """The years among it that were read from the question."""
    first: tuple[str, ...] = ()
    """Ids of papers that the question names: they come before all others."""
    no_topic: bool = False
    """Nothing is asked for but an author's papers, or those of some years: ``first`` are these, the newest first."""
    read_as: tuple[ReadAs, ...] = ()
    by_words: bool = False
    """The question is in another language than the embedding knows."""
    notes: tuple[str, ...] = ()
    """What was read into the question, a line each."""


NOT_ASKED = Asked("")
"""What a blank question comes to."""


def asked(
    library: Library,
    question: str,
    *,
    only: Filter | None = None,
    years: Filter | None = None,
    reads_years: bool = True,
    about: Sequence[str] = (),
) -> Asked:
    """``question`` as it is searched for in ``library``.

    ``years`` are those already read from it; with ``reads_years=False`` none are. A condition that the question
    makes and no paper meets is dropped, and a note says so. With ``about``, ids of the only papers that count,
    nothing but its years is read from it.
    """
    text, notes = cleaned(question)
    text = readable(text)
    if about:
        conditions = _Conditions(
            library, (only or Filter()).narrowed(Filter(paper_ids=_own_ids(library, about))), notes
        )
        is_met = years is not None and conditions.add_years(years)
        return Asked(one_spelling(text), conditions.only, years if is_met else None, notes=tuple(notes))
    if years is None and reads_years:
        years, text = years_in(text)
    conditions = _Conditions(library, only, notes)
    named = naming.identified(library, text)
    text = named.question
    notes += [f"No paper here has the identifier {one}." for one in named.unknown]
    first = [paper.paper_id for paper in named.papers]

    by = naming.authored(library, text, only) if not first else None
    if by is not None:
        text, year = by.question, by.year
        conditions.add(Filter(author=by.author), f"Only papers by {by.author} were searched, as the question asks.")
        if year is not None and years is None and reads_years:
            years = Filter(year, year)
    if years is not None and not conditions.add_years(years):
        years = None
    for phrase in phrases_in(text):
        conditions.add(
            Filter(paper_ids=papers_with(library, phrase)),
            f"Only papers with “{phrase}” word for word were searched.",
            f"No abstract here has “{phrase}” word for word: its words were searched for.",
        )
    text = one_spelling(text)
    no_topic = (by is not None or years is not None) and not vocabulary.weights(text)
    if no_topic:
        first = _newest(library, conditions.only)
        text = text or cleaned(question)[0]
    if not first:
        first = list(naming.titled(library, text))
    by_words = language_of(text) in ("other", "another script")
    if by_words:
        notes.append(NOT_ENGLISH)
    slips = () if by_words or first else read_as(library, text, _said_as_they_are(text))
    notes += [f"“{slip.word}” was read as “{slip.read_as}”." for slip in slips]
    text = one_spelling(corrected(text, slips))  # the words put right come from abstracts
    if not first and not vocabulary.weights(text):
        text = ""
        notes.append(NOTHING_ASKED)
    return Asked(text, conditions.only, years, tuple(first), no_topic, slips, by_words, tuple(notes))


def cleaned(question: str) -> tuple[str, list[str]]:
    """The question without control characters, trimmed to a length that can be searched for, and a note if it was."""
    text = question.strip()
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(ch) in ("Cc", "Cs") else ch for ch in text).strip()
    if len(text) <= MAX_QUESTION_CHARACTERS:
        return text, []
    note = f"The question has {len(text):,} characters; only the first {MAX_QUESTION_CHARACTERS:,} were used."
    return text[:MAX_QUESTION_CHARACTERS], [note]


class _Conditions:
    """What must hold of the papers, condition by condition, as long as some paper is left."""

    def __init__(self, library: Library, only: Filter | None, notes: list[str]) -> None:
        self.only = only
        self._library = library
        self._notes = notes

    def add_years(self, years: Filter) -> bool:
        """As ``add``."""
        narrowed = (self.only or Filter()).narrowed(years)
        return self.add(
            years,
            f"Only papers {years.describe()} were searched, as the question asks.",
            f"No paper here is known to be {narrowed.describe()}: all were searched, whatever their year.",
        )

    def add(self, condition: Filter, said: str, dropped: str = "") -> bool:
        """Whether any paper meets it too; the note is ``said`` then, and else ``dropped``."""
        narrowed = (self.only or Filter()).narrowed(condition)
        is_met = self._library.count(narrowed) > 0
        if is_met:
            self.only = narrowed
        self._notes += [note for note in (said if is_met else dropped,) if note]
        return is_met


def _own_ids(library: Library, names: Sequence[str]) -> tuple[str, ...]:
    with library.snapshot() as snapshot:
        held = snapshot.papers_of(names) if snapshot else {}
    return tuple(dict.fromkeys(paper.paper_id for paper in held.values()))


def _newest(library: Library, only: Filter | None) -> list[str]:
    listed = sorted(library.listed(only), key=lambda one: (-(one.year or 0), one.title.casefold()))
    return [one.paper_id for one in listed if one.has_abstract][:MAX_LISTED]


def _said_as_they_are(text: str) -> frozenset[str]:
    """Words that no slip is looked for in: those in quotation marks."""
    return frozenset(word for phrase in phrases_in(text) for word in plain_words(phrase))
