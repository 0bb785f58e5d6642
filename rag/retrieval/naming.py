"""Papers that a question names: by an identifier, by their title or a part of it, or by an author.

Nothing is guessed: an identifier counts where the library holds it, a title where its words
stand in a row, a name where one of the library's authors has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag import vocabulary
from rag.filters import Filter
from rag.library import Library
from rag.papers import clean_arxiv_id, clean_doi, clean_pmid, plain_words
from rag.readable import readable
from rag.types import Paper
from rag.wording import spelled_words

MAX_TITLED = 3
"""More papers with the question's words in their titles are papers about a topic, and none of them is meant."""
MIN_TITLE_WORDS = 5
"""A title of fewer words that stands within a question may be but its topic: 'Hutchinson-Gilford progeria syndrome'."""

_IDENTIFIER = re.compile(
    r"https?://\S+|(?:arxiv|doi|pmid|title)[:\s]\s*\S+|\b10\.\d{4,9}/\S+"
    r"|\b\d{4}\.\d{4,5}(?:v\d+)?\b|\b[a-z-]+(?:\.[A-Z]{2})?/\d{7}(?:v\d+)?\b",
    re.IGNORECASE,
)
_MAX_IDENTIFIERS = 8


@dataclass(frozen=True, slots=True)
class Identified:
    """What is left of a question when its identifiers are known."""

    question: str
    """With the titles of the papers in their places."""
    papers: tuple[Paper, ...]
    unknown: tuple[str, ...]
    """Identifiers, as they are written, of papers that the library does not hold."""


def identified(library: Library, question: str) -> Identified:
    """The papers whose arXiv id, DOI, PMID or own id stands in ``question``, addresses included."""
    if not (":" in question or any(map(str.isdigit, question))):
        return Identified(question, (), ())
    written = {found[0].rstrip(".,;:?!)]}>\"'"): None for found in _IDENTIFIER.finditer(question)}
    names = {text: own for text in list(written)[:_MAX_IDENTIFIERS] if (own := _names(text))}
    if not names:
        return Identified(question, (), ())
    with library.snapshot() as snapshot:
        held = snapshot.papers_of([name for own in names.values() for name in own]) if snapshot else {}
    papers: dict[str, Paper] = {}
    unknown: list[str] = []
    for text, own in names.items():
        paper = next((held[name] for name in own if name in held), None)
        if paper is not None and paper.paper_id in library:
            papers[paper.paper_id] = paper
            question = question.replace(text, readable(paper.title) or " ")
        elif not re.fullmatch(r"[\d.]+", text):  # a bare number may be any number
            unknown.append(text)
            question = question.replace(text, " ")
    return Identified(" ".join(question.split()), tuple(papers.values()), tuple(unknown))


def _names(text: str) -> list[str]:
    bare = re.sub(r"^(arxiv|doi|pmid)[:\s]\s*", "", text, flags=re.IGNORECASE)
    arxiv, doi = clean_arxiv_id(text) or clean_arxiv_id(bare), clean_doi(text) or clean_doi(bare)
    pmid = clean_pmid(text)
    if pmid is not None and text.isdecimal():
        pmid = None
    own = text.lower() if text.lower().startswith("title:") else None
    named = (f"arxiv:{arxiv}" if arxiv else None, f"doi:{doi}" if doi else None, f"pmid:{pmid}" if pmid else None, own)
    return [name for name in named if name]


# Titles

_FRAME = re.compile(
    r"^\W*(?:(?:please|find|show|open|get|search|look)(?: me)?(?: for| up)? )?(?:the |a )?"
    r"(?:(?:paper|article|study|preprint|abstract|work|title)s? )?"
    r"(?:(?:called|titled|entitled|named|with the title) )?",
    re.IGNORECASE,
)


def titled(library: Library, question: str) -> tuple[str, ...]:
    """Ids of the papers whose titles have the question's words in a row, if these are one to three."""
    for text, written in {spelled_words(one): one for one in (question, _FRAME.sub("", question))}.items():
        if not vocabulary.weights(written):
            continue
        found = library.in_a_row(text, 4 * MAX_TITLED, titles_only=True)
        named = [paper for paper in found if text in spelled_words(paper.title) and _is_much(text, paper)]
        if len(named) > MAX_TITLED:
            named = [paper for paper in named if text in (spelled_words(paper.title), _head(paper))]
        if 0 < len(named) <= MAX_TITLED:
            return tuple(paper.paper_id for paper in named)
    return ()


def title_within(question: str, papers: Sequence[Paper]) -> tuple[str, ...]:
    """Ids of those of ``papers`` whose title, or the part of it before a colon, stands in the question."""
    asked = spelled_words(question)
    return tuple(
        paper.paper_id
        for paper in papers
        if any(
            title in asked and len(title.split()) >= MIN_TITLE_WORDS
            for title in (spelled_words(paper.title), _head(paper))
        )
    )


def _is_much(text: str, paper: Paper) -> bool:
    """A part of a title that is worth being named by: four words, half of it, or all before a colon."""
    n_words = len(text.split())
    return n_words >= 4 or 2 * n_words >= len(plain_words(paper.title)) or text == _head(paper)


def _head(paper: Paper) -> str:
    return spelled_words(paper.title.partition(":")[0])


# Authors

_NAME = r"[^\W\d_][\w.'’-]*(?: (?!et\b|and\b|on\b|about\b|in\b|from\b|since\b|that\b|which\b)[^\W\d_][\w.'’-]*){0,3}"
_PAPERS = r"(?:papers?|works?|studies|study|articles?|publications?|abstracts?|research|preprints?|anything|written)"
_YEAR = r"(?:,? \(?((?:19|20)\d\d)[a-z]?\)?)?"
_AUTHOR_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b{_PAPERS} (?:(?:written|authored|published|co-?authored) )?by|\b(?:written|authored) by|^by) "
        rf"({_NAME}?){_YEAR}(?=$|[?.!,;:]| (?:on|about|from|in|since|that|which|and|et|between|before|after)\b)",
        rf"(?i:({_NAME}) et al\b\.?){_YEAR}",
        r"\b([A-Z][\w'’-]+)(?: (?:and|&) [A-Z][\w'’-]+)? \(?((?:19|20)\d\d)[a-z]?\)?(?=\W*$)",
        rf"(?i:\b({_NAME}?)['’]s? (?:{_PAPERS}))()",
        rf"(?i:^\W*({_NAME})\W*$)()",
    )
)
_MAY_NAME = re.compile(r"\bby\b|\bet al\b|(?:19|20)\d\d|['’]", re.IGNORECASE)
"""What the patterns need, if the question is more than a name; few questions have it."""
_NAME_WORDS = 4
"""Of ``_NAME``, at most."""
_NOT_NAMES = frozenset("the a an these those this that its their our other some any all many people authors".split())


@dataclass(frozen=True, slots=True)
class Authored:
    """Whose papers are asked for, and the question without that."""

    author: str
    year: int | None
    question: str


def authored(library: Library, question: str, known: Filter | None = None) -> Authored | None:
    """The author that the question names, if the library has papers by them among those that ``known`` lets through.

    'papers by Gandhi', 'Gandhi et al. 2025', "Gandhi's papers", or a name and nothing else.
    """
    if len(plain_words(question)) > _NAME_WORDS and _MAY_NAME.search(question) is None:
        return None
    for pattern in _AUTHOR_PATTERNS:
        found = pattern.search(question)
        if found is None:
            continue
        is_whole = pattern is _AUTHOR_PATTERNS[-1]
        if is_whole and not _may_be_name(library, found[1]):
            continue
        for start, end in _parts(found, from_end=pattern is not _AUTHOR_PATTERNS[0]):
            name = question[start:end].strip(".,;:'’- ")
            if is_whole and (start, end) != found.span(1):
                break
            if library.count((known or Filter()).narrowed(Filter(author=name))):
                before = question[: found.start() if start == found.start(1) else start]
                after = question[found.end() if end == found.end(1) else end :]
                rest = " ".join(re.sub(r"\s+([?.!,])", r"\1", f"{before} {after}").split())
                return Authored(name, int(found[2]) if found[2] else None, rest)
    return None


def _parts(found: re.Match[str], *, from_end: bool) -> list[tuple[int, int]]:
    """Where the name may be within what matched, the longest first: it may begin too early, or end too late."""
    words = [word.span() for word in re.finditer(r"\S+", found[1])]
    first = found.start(1)
    spans = [(words[i][0], words[-1][1]) if from_end else (words[0][0], words[-1 - i][1]) for i in range(len(words))]
    placed = [(first + start, first + end) for start, end in spans]
    names = ((span, plain_words(found.string[slice(*span)])) for span in placed)
    return [span for span, name in names if max(map(len, name), default=0) > 1 and not _NOT_NAMES & set(name)]


def _may_be_name(library: Library, name: str) -> bool:
    """Whether to go through the authors for a question that is nothing but these words: some 20 ms for 100,000 papers.

    One of the words must be unknown to the abstracts, or all have capitals and one be rare.
    """
    words = name.split()
    if len(words) > 3:
        return False
    stems = [stem for stem in library.words.stems(plain_words(name)) if len(stem) > 1]
    is_rare = any(not vocabulary.is_counted(stem) for stem in stems)
    if is_rare and len(words) > 1 and all(word.istitle() for word in words):
        return True
    return is_rare and any(n == 0 for n in library.words.counts(stems))
