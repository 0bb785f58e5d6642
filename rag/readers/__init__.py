"""From a file, an archive or a folder to its papers, whatever it is called.

The formats are told by content. ``docs/formats.md`` says what each of them gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rag.errors import ReadError
from rag.readers import (
    arxiv_atom,
    bibtex,
    crossref,
    csl_json,
    daily_api,
    daily_page,
    endnote_enw,
    endnote_xml,
    json_lines,
    medline,
    one_paper,
    openalex,
    pubmed_xml,
    ris,
    table,
    web_of_science,
)
from rag.readers.containers import Meter, Source, file_source, folder_sources, is_zip, unpacked, zip_members
from rag.readers.file import TextFile, open_text, shown
from rag.readers.records import EDITION, skipped
from rag.types import Item, Paper, Skipped, Unread


class Format(NamedTuple):
    name: str
    recognise: Callable[[str], bool]
    """Whether a file with these first characters (at most 65,536) is of this format."""
    read: Callable[[TextFile], Iterator[Item]]


FORMATS = (  # the first that recognises a file reads it, so the more particular come first
    Format("OpenAlex JSON", openalex.recognise, openalex.read),
    Format("Crossref JSON", crossref.recognise, crossref.read),
    Format("Daily Papers JSON", daily_api.recognise, daily_api.read),
    Format("CSL-JSON", csl_json.recognise, csl_json.read),
    Format("JSON lines", json_lines.recognise, json_lines.read),
    Format("arXiv Atom", arxiv_atom.recognise, arxiv_atom.read),
    Format("PubMed XML", pubmed_xml.recognise, pubmed_xml.read),
    Format("EndNote XML", endnote_xml.recognise, endnote_xml.read),
    Format("Web of Science", web_of_science.recognise, web_of_science.read),
    Format("RIS", ris.recognise, ris.read),
    Format("MEDLINE (NBIB)", medline.recognise, medline.read),
    Format("EndNote ENW", endnote_enw.recognise, endnote_enw.read),
    Format("BibTeX", bibtex.recognise, bibtex.read),
    Format("one paper as text", one_paper.recognise, one_paper.read),
    Format("CSV or TSV", table.recognise, table.read),
    # Last: any two lines of text may be a title and its abstract.
    Format("Daily Papers page", daily_page.recognise, daily_page.read),
)


def read_papers(path: Path | str) -> Reading:
    """The papers of a file in its order, and in between every part that could not be read as one.

    ``path`` may be a file, one compressed with gzip, zstd or bzip2, a zip archive, or a
    folder; of the last two, every file is read by its own content in the order of the
    names, and one that cannot be read is Skipped with the reason. Everything is read as the
    iterator is drawn from, in memory that does not grow with it. Raises ReadError at once
    for a file that is missing, no text, or of no known format; later for one that is
    damaged further on; and at the end if not one paper was in it.
    """
    return Reading(Path(path).expanduser())


class Reading(Iterator[Paper | Skipped]):
    """``read_papers`` under way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._meter = Meter()
        self._items = _papers_in(path, self._meter)
        self._has_begun = False

    def __iter__(self) -> Reading:
        return self

    def __next__(self) -> Paper | Skipped:
        item = self._next()
        return item.read() if isinstance(item, Unread) else item

    def _next(self) -> Item:
        self._has_begun = True
        return next(self._items)

    def records(self) -> Iterator[Item]:
        """The same, but what need not be read to be told from other records is left unread."""
        with suppress(StopIteration):
            while True:
                yield self._next()

    def digest(self) -> str | None:
        """SHA-256 hex of all bytes and names that will be read: equal ones give equal papers.

        None once something was drawn, and where a file cannot be read.
        """
        if self._has_begun:
            return None
        digest = hashlib.sha256(f"{EDITION} {shown(self._path)}".encode())
        try:
            for path in _files(self._path):
                digest.update(b"\0" + shown(path).encode() + b"\0")
                with path.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        except (OSError, ReadError):
            return None
        return digest.hexdigest()

    def share(self) -> float | None:
        """How much of the bytes has been read, 0 to 1; None where that cannot be told."""
        if self._meter.n_bytes is None:
            try:
                self._meter.n_bytes = sum(path.stat().st_size for path in _files(self._path))
            except (OSError, ReadError):
                self._meter.n_bytes = 0
        return min(1.0, self._meter.n_read() / self._meter.n_bytes) if self._meter.n_bytes else None


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (found for found in folder_sources(path) if isinstance(found, Path))


def _papers_in(path: Path, meter: Meter) -> Iterator[Item]:
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError):
        is_folder = False  # file_source says what is wrong with it
    if is_folder:
        return _papers_of_all(shown(path), _in_folder(path, meter))
    source = file_source(path, meter)
    if is_zip(source):
        return _papers_of_all(source.origin, _in_archive(source))
    return _papers_of_one(source)


def _papers_of_one(source: Source) -> Iterator[Item]:
    file = open_text(*unpacked(source))
    return _papers_of(file, _format_of(file))


def _format_of(file: TextFile) -> Format:
    for known in FORMATS:
        if known.recognise(file.head):
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise ReadError(
        f"{file.origin} holds nothing that looks like papers: check that it is the right file (formats known: {names})"
    )


def _papers_of(file: TextFile, known: Format) -> Iterator[Item]:
    n_papers = n_skipped = 0
    first: Skipped | None = None
    for part in known.read(file):
        if isinstance(part, Unread) and n_papers == 0:
            part = part.read()  # whether the file holds papers at all
        if isinstance(part, Skipped):
            n_skipped += 1
            first = first or part
        else:
            n_papers += 1
        yield part
    if n_papers == 0:
        why = f"; the first part skipped is line {first.line}: {first.reason}" if first else ""
        raise ReadError(f"{file.origin} was read as {known.name} and holds no paper ({n_skipped} parts skipped{why})")


def _in_folder(folder: Path, meter: Meter) -> Iterator[Item]:
    for found in folder_sources(folder):
        if isinstance(found, Skipped):
            yield found
        else:
            yield from _or_skipped(shown(found), partial(_papers_in, found, meter))


def _in_archive(source: Source) -> Iterator[Item]:
    with zip_members(source) as members:
        for member in members:
            if isinstance(member, Skipped):
                yield member
            else:
                yield from _or_skipped(member.origin, partial(_papers_of_one, member))


def _or_skipped(origin: str, reading: Callable[[], Iterator[Item]]) -> Iterator[Item]:
    """What ``reading`` gives, and the error that it ends with, if it does."""
    try:
        yield from reading()
    except ReadError as error:
        yield skipped(origin, 0, str(error))


def _papers_of_all(origin: str, parts: Iterator[Item]) -> Iterator[Item]:
    n_papers = n_skipped = 0
    for part in parts:
        n_papers += not isinstance(part, Skipped)
        n_skipped += isinstance(part, Skipped)
        yield part
    if n_papers == 0:
        held = f"no file that holds papers ({n_skipped} parts skipped)" if n_skipped else "no file"
        raise ReadError(f"{origin} holds {held}: name a file or folder with papers")
