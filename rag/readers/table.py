"""CSV and TSV with a header that names titles: Scopus, PubMed, Embase, Zotero, Rayyan, ASReview, or made by hand.

The separator is the one under which the header makes sense. A row whose cells do not fit
the header is skipped: its abstract would be another column's text.
"""

from __future__ import annotations

import ast
import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from rag.readers.file import TextFile
from rag.readers.notices import retracted_by_type
from rag.readers.records import built, natural_name, skipped, split_list, year_in
from rag.types import Paper, Skipped

_SEPARATORS = (",", ";", "\t", "|")
_COLUMNS = {  # in the order in which they are preferred; names without case, blanks and punctuation
    "title": "title articletitle documenttitle primarytitle papertitle ti originaltitle name",
    "abstract": "abstract abstractnote abstracttext notesabstract ab summary text originalabstract",
    "authors": "authors author authorfullnames authornames firstauthors au creators",
    "year": "year publicationyear pubyear py published publicationdate date source createdate",
    "venue": "journal journalbook sourcetitle publicationtitle venue publicationname booktitle so source conference",
    "url": "url link urls openurllink arxivurl pdfurl",
    "doi": "doi digitalobjectidentifier di doilink",
    "arxiv_id": "arxivid arxiv eprint",
    "pmid": "pmid pubmedid pm medlinepmid",
    "keywords": "keywords keyword authorkeywords manualtags indexkeywords tags de categories",
    "kind": "documenttype publicationtype dt typeofreference publicationstage",
}
_SHORT = {"ti", "ab", "au", "py", "so", "di", "pm", "de", "dt"}
_LONG_TITLE, _SHORT_ABSTRACT = 400, 200


class _Header(NamedTuple):
    separator: str
    n_cells: int
    columns: dict[str, list[int]]
    """The cells that may hold a field, best first."""


def recognise(head: str) -> bool:
    return _header(head) is not None


def _header(head: str) -> _Header | None:
    """The columns of the first line that is not blank, if one of them is the title and another says more."""
    first = next((line for line in head.lstrip("\ufeff").split("\n") if line.strip()), "")
    if len(first) > 20_000:
        return None
    found = []
    for separator in _SEPARATORS:
        if separator not in first:
            continue
        try:
            cells = next(csv.reader([first], delimiter=separator), [])
        except csv.Error:
            continue
        names = [re.sub(r"[\W_]+", "", cell.casefold()) for cell in cells]
        is_web_of_science = {"pt", "ti", "au"} <= set(names)
        columns = {
            field: [
                names.index(name)
                for name in known.split()
                if name in names and (is_web_of_science or name not in _SHORT)
            ]
            for field, known in _COLUMNS.items()
        }
        n_known = sum(bool(places) for places in columns.values())
        if columns["title"] and n_known >= 2:
            found.append((n_known, _Header(separator, len(cells), columns)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    header = _header(file.head)
    rows = _rows(file, header.separator if header else ",")
    next(rows, None)
    for line, row in rows:
        if isinstance(row, str):
            yield skipped(file.origin, line, row)
        elif header is not None and any(cell.strip() for cell in row):
            yield _paper(row, header, file.origin, line)


def _rows(file: TextFile, separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """``(line, cells)`` or ``(line, what is wrong)``; a quotation mark that is never closed costs its own line only."""
    lines = _Lines(file)
    while True:
        # Strict, or text after a closing quotation mark would join two rows into one.
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            for row in reader:
                if row:
                    yield lines.taken[0][0], row
                lines.taken = []
            return
        except csv.Error as error:
            reason = f"no row of a table, perhaps a quotation mark is opened and never closed: {error}"
        if not lines.taken:
            return
        yield lines.taken[0][0], reason
        lines.go_back_to_second()


class _Lines:
    """The file's lines for csv.reader, remembering those of the row under way so that they can be read again."""

    def __init__(self, file: TextFile) -> None:
        self._lines = file.lines(lenient=True)
        self._again: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._again.popleft() if self._again else next(self._lines, (0, ""))
        if number == 0:
            raise StopIteration
        if not self.taken and not line.strip():
            return "\n"
        self.taken.append((number, line))
        return line.lstrip("\ufeff") + "\n" if number == 1 else line + "\n"

    def go_back_to_second(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken = []


def _paper(row: list[str], header: _Header, origin: str, line: int) -> Paper | Skipped:
    def cell(field: str) -> str:
        return next((row[place] for place in header.columns[field] if row[place].strip()), "")

    if len(row) != header.n_cells:
        reason = f"{len(row)} cells where the header has {header.n_cells}: a separator or line break is not quoted"
        return skipped(origin, line, reason, " ".join(row)[:200])
    title, abstract = cell("title"), cell("abstract")
    if len(title) > _LONG_TITLE and 0 < len(abstract.strip()) < _SHORT_ABSTRACT:
        return skipped(origin, line, "the title is longer than the abstract: the header may name them wrongly", title)
    return built(
        origin,
        line,
        title=title,
        abstract=abstract,
        authors=_names(cell("authors")),
        year=next((year for place in header.columns["year"] if (year := year_in(row[place]))), None),
        venue=cell("venue"),
        url=cell("url"),
        doi=cell("doi"),
        arxiv_id=cell("arxiv_id"),
        pmid=re.sub(r"\.0$", "", cell("pmid").strip()),
        keywords=_listed(cell("keywords")),
        notice=retracted_by_type([cell("kind")]),
    )


def _listed(text: str) -> list[str]:
    """Also a list as Python prints it, which data frames leave in tables."""
    if text.startswith("[") and text.endswith("]") and len(text) < 20_000:
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        if isinstance(found, list) and all(isinstance(part, str) for part in found):
            return found
    return split_list(text)


def _names(text: str) -> list[str]:
    """'Marx, Karl; Weber, Max', 'Liu R., Adler D.G.' or a printed list; commas separate where nothing else does."""
    if text.startswith("["):
        return [natural_name(name) for name in _listed(text)]
    if ";" in text:
        return [natural_name(re.sub(r"\s*\(\d{5,}\)", "", name)) for name in text.split(";")]
    if re.search(r"\s+and\s+", text):
        return [natural_name(name) for name in re.split(r"\s+and\s+", text)]
    parts = [part.strip() for part in text.split(",")]
    is_one_name = len(parts) == 2 and " " not in parts[0]
    return [natural_name(text)] if is_one_name else parts
