"""The text of a 'Daily Papers' web page, as copied: site header, a date, then titles and abstracts in turn.

Nothing marks which line is which, so the page is read as a whole would be by a person:
every line gets a score for how much it looks like prose, and among all ways of calling
each line a title or an abstract the one is taken whose total is highest, where a title
without abstract and an abstract without title each cost something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rag.papers import paper_id_for
from rag.readers.file import TextFile
from rag.readers.records import checked, skipped
from rag.sentences import split_sentences
from rag.types import Paper, Skipped

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = rf"(?:{_MONTH}\ \d{{1,2}}(?:st|nd|rd|th)?(?:,?\ \d{{4}})?|\d{{1,2}}\ {_MONTH}(?:\ \d{{4}})?|\d{{4}}-\d\d-\d\d)"
_FURNITURE = re.compile(
    rf"""(?:
      new | get\ trending\ papers\ in\ your\ email\ inbox!? | subscribe | (?:trending|daily|weekly|monthly)(?:\ papers)?
    | by\s?@?[\w-]{{1,40}}\ and\ the\ research\ community | ak | papers | models | datasets | spaces | docs | pricing
    | log\ in | sign\ up | login | previous | next | search(?:\ papers)? | hugging\ face | community | enterprise
    | (?:(?:published|submitted)\ on\ )?{_DATE}
    | today | yesterday | [#·•|,\-–—+▲△↑]+ | \#?\d+ | \d+(?:\.\d+)?k
    | (?:·?\ ?\d+(?:\.\d+)?k?\ )?(?:upvotes?|comments?|replies|authors?|likes?|stars?|views?)
    | (?:up)?votes?:?\ \d+(?:\.\d+)?k? | submitted\ by\ \S+(?:\ \S+){{0,2}}
    | github(?:\ \d+(?:\.\d+)?k?)? | project\ page
    | (?:view\ )?(?:arxiv|pdf|arxiv\ page|paper) | abstract:? | ai-generated\ summary | add\ to\ collection | authors?:
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SUBMITTED_BY = re.compile(r"submitted by:?", re.IGNORECASE)
_AUTHORS_PREFIX = re.compile(r"(?:authors?:|by)\s+(?=\S)", re.IGNORECASE)
_NAME = r"(?:[A-Z][\w'’.-]*|d[aeiu]l?|v[ao]n|der|den|la|le|el|al|bin|ben|ibn|dos|y)"
_FULL_NAME = rf"{_NAME}(?:\ {_NAME}){{1,3}}"
# At least one comma: "Random Matrices and Chiral Symmetry" is a title.
_NAMES = re.compile(rf"{_FULL_NAME}(?:[,;]\ {_FULL_NAME})+(?:,?\ and\ {_FULL_NAME})?")
_NAMES_AFTER_PREFIX = re.compile(rf"{_FULL_NAME}(?:(?:[,;]\ |,?\ and\ ){_FULL_NAME})*")
_ENDS_SENTENCE = re.compile(r"[.。।۔][\"'”’)\]]*$")
_QUESTION = re.compile(r"[?!？！؟…:][\"'”’)\]]*$")
_PROSE_OPENING = re.compile(
    r"(?:we|this (?:paper|work|article|study|survey|report)|in this|here,? we|our|recent|despite|existing)\b",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    # "Background:" and "Objective:" are missing here on purpose: they begin abstracts.
    r"\((?:[ivx]+|\d+|[a-z])\)|(?:methods?|materials? and methods|results?|findings|conclusions?|discussion|"
    r"significance|limitations|contributions?)\s*:|https?://|"
    r"(?:our |the |all )?(?:source )?(?:code|data|dataset|models?|weights|demo|project page|website|homepage)\b.{0,80}"
    r"(?:available|released|found|https?:)",
    re.IGNORECASE,
)

_BREAK_COST = 2.0
"""What a title without abstract, or an abstract without title, costs in the total."""
_SURE = 3.0
"""Beyond this score no neighbour can change what a line is: the gain is twice the score, the
costs at stake are at most one break on either side."""
_MAX_UNSURE = 200
"""Lines held back at most while waiting for a sure one."""
ARXIV_ABSTRACT_CHARACTERS = 1_920
"""arXiv takes no longer abstracts, and this page lists arXiv papers."""
_WRAP_CHARACTERS = 160
"""Text broken by hand or by a PDF reader has shorter lines than this."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One line, or several that were one before somebody wrapped them."""

    line: int
    text: str
    is_after_gap: bool
    """A blank line, or part of the site, stands above it."""

    @property
    def prose_score(self) -> float:
        """How much it looks like an abstract (above 0) or like a title (below).

        Length tells most: of arXiv's titles 99 % have under 160 characters, of its abstracts
        97 % more than 300. Then the full stop, which titles lack; then a second sentence,
        an address, and words that open abstracts or their later paragraphs. Questions end both.
        """
        text = self.text.strip()
        length = len(text)
        score = -2.0 if length <= 120 else -1.0 if length <= 200 else 1.0 if length <= 300 else 4.0
        if _ENDS_SENTENCE.search(text):
            score += 2.0
        elif not _QUESTION.search(text):
            score -= 2.0
        score += 2.0 * min(2, len(split_sentences(text[:800])) - 1)
        score += 1.0 * ("http://" in text or "https://" in text)
        score += 1.0 * (_PROSE_OPENING.match(text) is not None)
        return score + 2.0 * (_CONTINUES.match(text) is not None)


def recognise(head: str) -> bool:
    """Whether titles and abstracts alternate: a page with holes passes, other kinds of text do not."""
    if _looks_like_markup(head) or _is_table(head):
        return False
    lines = enumerate(head.split("\n"), 1)
    n_papers = n_skipped = 0
    for part in _papers(lines, ""):
        if isinstance(part, Paper):
            n_papers += 1
        else:
            n_skipped += 1
    return n_papers > 0 and n_skipped <= 3 * n_papers + 5


_TABLE_LINES = 10

_MARKUP = re.compile(
    r"\s*(?:<[!?a-zA-Z]|@[a-zA-Z]+\s*[{(]|[A-Z][A-Z0-9]{1,3} {2}- |PMID- |%[A-Z0-9] |(?-i:FN )|\{|\[\s*[{\]]|#{1,6} \S"
    r"|(?:[^\n]*[,;\t])?\"?(?:title|abstract)\"?[,;\t])",  # the first row of a table
    re.IGNORECASE,
)


def _looks_like_markup(head: str) -> bool:
    """Web pages as source, BibTeX, RIS, tables, Markdown: their lines would pass for titles and prose."""
    return _MARKUP.match(head) is not None


def _is_table(head: str) -> bool:
    """Whether each of the first lines has as many tabs: a table whose header names nothing that is known."""
    n_tabs = [line.count("\t") for line in head.split("\n", _TABLE_LINES) if line.strip()][:_TABLE_LINES]
    return len(n_tabs) >= 2 and n_tabs[0] > 0 and len(set(n_tabs)) == 1


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    yield from _papers(file.lines(), file.origin)


def _papers(lines: Iterable[tuple[int, str]], origin: str) -> Iterator[Paper | Skipped]:
    """Pairs what `_labelled` called titles and abstracts; every rest is named."""
    title: _Block | None = None
    authors: tuple[str, ...] = ()
    abstract: list[_Block] = []
    for block, is_prose in _labelled(_blocks(lines)):
        names = _author_names(block.text) if not is_prose else ()
        if names and not abstract and (title is not None or _AUTHORS_PREFIX.match(block.text)):
            authors = names
        elif is_prose and abstract and _continues(abstract, block):
            abstract.append(block)
        elif is_prose and title is not None and not abstract:
            abstract = [block]
        else:
            yield from _finished(title, authors, abstract, origin)
            title, authors, abstract = (None if is_prose else block), (), []
            if is_prose:
                yield skipped(origin, block.line, "an abstract with no title above it", block.text)
    yield from _finished(title, authors, abstract, origin)


def _finished(
    title: _Block | None, authors: tuple[str, ...], abstract: list[_Block], origin: str
) -> Iterator[Paper | Skipped]:
    if title is None:
        return
    if not abstract:
        yield skipped(origin, title.line, "a title with no abstract below it, or a part of the site", title.text)
        return
    text = abstract[0].text + "".join(("\n\n" if b.is_after_gap else "\n") + b.text for b in abstract[1:])
    shown_title = title.text.strip()
    paper = Paper(paper_id_for(shown_title), shown_title, text, authors=authors, origin=origin)
    yield checked(paper, title.line)


def _continues(abstract: list[_Block], block: _Block) -> bool:
    """Whether prose below an abstract belongs to it, rather than to a paper whose title is missing.

    Giving one paper the words of another is the worst mistake possible here, so a
    paragraph after a blank line must say itself that it goes on. One right below may also
    belong there by length: together no more than an abstract can have.
    """
    text = block.text.lstrip()
    if text[0].islower() or _CONTINUES.match(text):
        return True
    length = sum(len(b.text) for b in abstract) + len(block.text)
    return not block.is_after_gap and length <= ARXIV_ABSTRACT_CHARACTERS


def _author_names(text: str) -> tuple[str, ...]:
    """The names, if the line is nothing but two or more full names, or says that it names authors."""
    prefix = _AUTHORS_PREFIX.match(text.strip())
    bare = text.strip()[prefix.end() :] if prefix else text.strip()
    pattern = _NAMES_AFTER_PREFIX if prefix else _NAMES
    if len(text) > 2_000 or not pattern.fullmatch(bare):
        return ()
    return tuple(name.strip() for name in re.split(r",?\s+and\s+|[,;]\s+", bare) if name.strip())


def _labelled(blocks: Iterable[_Block]) -> Iterator[tuple[_Block, bool]]:
    """Every block with whether it is prose. Only the unsure ones next to each other wait for a decision."""
    waiting: list[_Block] = []
    before: bool | None = None
    for block in blocks:
        waiting.append(block)
        is_sure = abs(block.prose_score) >= _SURE and not _author_names(block.text)
        if is_sure or len(waiting) > _MAX_UNSURE:
            labelled = _best_labels(waiting, before)
            yield from labelled
            before = labelled[-1][1]
            waiting = []
    yield from _best_labels(waiting, before, is_end=True)


def _best_labels(blocks: list[_Block], before: bool | None, *, is_end: bool = False) -> list[tuple[_Block, bool]]:
    """The labels with the highest total (Viterbi), given the label of the block before; None before the first.

    A line of names is neither, and takes no part.
    """
    if not blocks:
        return []
    totals: dict[bool, tuple[float, list[bool]]] = {before is not False: (0.0, [])}
    for block in blocks:
        score = 0.0 if (is_names := bool(_author_names(block.text))) else block.prose_score
        following: dict[bool, tuple[float, list[bool]]] = {}
        for label in (False, True):
            for last, (total, path) in totals.items():
                if is_names:
                    if label == last:
                        following[label] = (total, [*path, False])
                    continue
                # Prose wants a title above, a title wants prose above: else something is missing.
                value = total + (score if label else -score) - (_BREAK_COST if label == last else 0.0)
                if label not in following or value > following[label][0]:
                    following[label] = (value, [*path, label])
        totals = following
    if is_end and False in totals:
        total, path = totals[False]
        totals[False] = (total - _BREAK_COST, path)
    best = max(totals.values(), key=lambda entry: entry[0])[1]
    return list(zip(blocks, best, strict=True))


def _blocks(lines: Iterable[tuple[int, str]]) -> Iterator[_Block]:
    """The page without blank lines and without what is known to belong to the site."""
    is_after_gap = True
    is_name_next = False
    for block in _unwrapped(lines):
        text = " ".join(block.text[:200].split()) if len(block.text) <= 200 else ""
        if is_name_next and len(text.split()) in (1, 2) and len(text) <= 40:
            is_name_next, is_after_gap = False, True
        elif text and (_FURNITURE.fullmatch(text) or _SUBMITTED_BY.fullmatch(text)):
            is_name_next, is_after_gap = _SUBMITTED_BY.fullmatch(text) is not None, True
        else:
            yield replace(block, is_after_gap=block.is_after_gap or is_after_gap)
            is_name_next = is_after_gap = False


def _unwrapped(lines: Iterable[tuple[int, str]]) -> Iterator[_Block]:
    """Every line that is not blank, with paragraphs that were broken into lines whole again."""
    run: list[_Block] = []
    is_after_gap = True
    for number, line in lines:
        is_blank = not line.strip()
        is_long = len(line) > _WRAP_CHARACTERS
        if is_blank or is_long or len(run) > _MAX_UNSURE:
            yield from _rewoven(run)
            run = []
        if not is_blank:
            block = _Block(number, line, is_after_gap)
            if is_long:
                yield block
            else:
                run.append(block)
        is_after_gap = is_blank
    yield from _rewoven(run)


def _rewoven(run: list[_Block]) -> Iterator[_Block]:
    """Lines that stand right below each other, those joined of which a paragraph was broken.

    Three lines or more were broken at a width if on none of them the next line's first
    word would have found room. Their line breaks are kept.
    """
    width = max((len(block.text) for block in run[1:]), default=0)
    first = 0
    while first < len(run):
        last = first
        while (
            width >= 50
            and last + 1 < len(run)
            and len(run[last].text) <= width < len(run[last].text) + 1 + len(run[last + 1].text.split()[0])
        ):
            last += 1
        inner = run[first + 1 : last + 1]
        if len(inner) < 2 or 3 * sum(not block.text.lstrip()[0].isupper() for block in inner) < len(inner):
            last = first  # titles below each other begin with capitals
        yield replace(run[first], text="\n".join(block.text for block in run[first : last + 1]))
        first = last + 1
