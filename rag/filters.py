"""Which papers count: by year, author, venue, tag and source. A value that search, ask and lists all take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rag.papers import plain_words
from rag.types import Paper

_BETWEEN_BARS = {code: chr(code).lower() if chr(code).isalnum() or code == ord("|") else " " for code in range(128)}


@dataclass(frozen=True, slots=True)
class Filter:
    """Papers that meet every condition named; the default one lets all through, and is false.

    Words are compared without case, accents and punctuation.
    """

    from_year: int | None = None
    to_year: int | None = None
    """Both inclusive. A paper whose year is not known is in no range of years."""
    author: str | None = None
    """All its words are in the name of one author; a single letter stands for a name that begins with it."""
    venue: str | None = None
    """Its words stand together in the venue."""
    tags: tuple[str, ...] = ()
    """The paper has every one of them."""
    source: str | None = None
    """Is in the name of a file or feed that the paper came from."""
    paper_ids: tuple[str, ...] | None = None
    """It is one of these, some thousands at most; None for any."""

    def __bool__(self) -> bool:
        return self != Filter()

    def narrowed(self, other: Filter) -> Filter:
        """Papers that meet the conditions of both; of two authors, venues or sources the other one's counts."""
        ids = [own for own in (self.paper_ids, other.paper_ids) if own is not None]
        common = set(ids[-1]) if ids else set()
        return Filter(
            from_year=max((year for year in (self.from_year, other.from_year) if year is not None), default=None),
            to_year=min((year for year in (self.to_year, other.to_year) if year is not None), default=None),
            author=other.author or self.author,
            venue=other.venue or self.venue,
            tags=tuple(dict.fromkeys((*self.tags, *other.tags))),
            source=other.source or self.source,
            paper_ids=tuple(paper_id for paper_id in ids[0] if paper_id in common) if ids else None,
        )

    def describe(self) -> str:
        """For people: "from 2015 to 2019, by 'Lovelace'"; "all papers" where everything passes."""
        parts: list[str] = []
        if self.from_year is not None and self.from_year == self.to_year:
            parts.append(f"of {self.from_year}")
        else:
            years = ((self.from_year, "from"), (self.to_year, "to"))
            parts += [" ".join(f"{word} {year}" for year, word in years if year is not None)]
        parts += [f"by '{self.author}'"] if self.author is not None else []
        parts += [f"in '{self.venue}'"] if self.venue is not None else []
        parts += [f"tagged '{tag}'" for tag in self.tags]
        parts += [f"out of '{self.source}'"] if self.source is not None else []
        parts += [f"out of {len(self.paper_ids):,} chosen"] if self.paper_ids is not None else []
        return ", ".join(part for part in parts if part) or "all papers"

    def matches(self, paper: Paper) -> bool:
        """Whether the paper meets every condition."""
        if self.from_year is not None and (paper.year is None or paper.year < self.from_year):
            return False
        if self.to_year is not None and (paper.year is None or paper.year > self.to_year):
            return False
        if self.paper_ids is not None and paper.paper_id not in self.paper_ids:
            return False
        if self.author is not None and not is_among(self.author, folded_authors(paper.authors)):
            return False
        if self.venue is not None and spaced(self.venue) not in spaced(paper.venue or ""):
            return False
        if not {tag.casefold() for tag in self.tags} <= {tag.casefold() for tag in paper.tags}:
            return False
        origins = paper.origins or ((paper.origin,) if paper.origin else ())
        return self.source is None or any(self.source.casefold() in origin.casefold() for origin in origins)


def spaced(text: str) -> str:
    """Its plain words, each with a blank on either side, so that words are found whole: " phys rev "."""
    return f" {' '.join(plain_words(text))} "


def folded_authors(authors: Iterable[str]) -> str:
    """The plain words of each name, between bars: "|ada lovelace|c babbage|"."""
    names = "|".join(authors)
    if names.isascii() and names.isprintable() and not any(sign in names for sign in "\\{$~-"):
        # As below, in one go for nearly all.
        folded = "|".join(" ".join(name.split()) for name in names.translate(_BETWEEN_BARS).split("|"))
    else:
        folded = "|".join(" ".join(plain_words(name)) for name in authors)
    return f"|{folded}|"


def is_among(wanted: str, folded: str) -> bool:
    """Whether one of ``folded_authors`` has every word of ``wanted``."""
    words = plain_words(wanted)
    return any(all(_has(word, name.split()) for word in words) for name in folded.split("|"))


def _has(word: str, names: list[str]) -> bool:
    return word in names or (len(word) == 1 and any(name.startswith(word) for name in names))
