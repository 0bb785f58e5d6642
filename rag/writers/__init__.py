"""From papers to a file that reference managers read: BibTeX, RIS, CSL-JSON and JSON lines.

What is written reads back as the same papers, by ``rag.readers``, as far as the format has
a place for what is known; ``docs/formats.md`` says what it has not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rag.errors import FootnotedError, UsageError
from rag.types import Paper
from rag.writers import bibtex, csl_json, json_lines, ris

FORMATS: dict[str, Callable[[Iterable[Paper]], Iterator[str]]] = {
    "bibtex": bibtex.write,
    "ris": ris.write,
    "csl-json": csl_json.write,
    "jsonl": json_lines.write,
}
_ENDINGS = {".bib": "bibtex", ".ris": "ris", ".json": "csl-json", ".jsonl": "jsonl"}


def export_papers(papers: Iterable[Paper], file: Path, name: str | None = None) -> int:
    """Write ``papers`` to ``file`` ("-": standard output) in the format ``name``, or in that of its ending; how many.

    The file is there when it is complete, and not before. Raises UsageError for an unknown
    format, FootnotedError where it cannot be written.
    """
    name = name or _ENDINGS.get(file.suffix.lower())
    if name is None:
        known = ", ".join(f"{ending} ({format_})" for ending, format_ in _ENDINGS.items())
        raise UsageError(
            f"the format of '{file}' is not told by its ending: use one of {known}, or name it with --format"
        )
    counted = _Counted(papers)
    pieces = FORMATS[name](counted)
    if str(file) == "-":
        for piece in pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
        return counted.n
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        try:
            with scratch.open("w", encoding="utf-8", errors="replace", newline="\n") as stream:
                stream.writelines(pieces)
            scratch.replace(file)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise FootnotedError(
            f"{file} cannot be written ({error.strerror}): choose another place, or make room"
        ) from error
    return counted.n


class _Counted:
    def __init__(self, papers: Iterable[Paper]) -> None:
        self._papers = papers
        self.n = 0

    def __iter__(self) -> Iterator[Paper]:
        for paper in self._papers:
            self.n += 1
            yield paper
