"""Bringing papers in: add, embed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rag.commands.common import config_of, open_library
from rag.commands.output import print_json, say, tell
from rag.commands.progress import Progress
from rag.errors import FootnotedError, ReadError
from rag.terminal import count, report_in_words

if TYPE_CHECKING:
    from rag.adding import AddReport
    from rag.library import Library
    from rag.types import Skipped

SHOWN = 20
"""Rejected parts named on stderr; the report names them all."""


def add(options: argparse.Namespace) -> int:
    settings = config_of(options)
    rejected = Rejected(options.report or settings.library / "rejected.jsonl")
    problems: list[str] = []
    reports: list[AddReport] = []
    with open_library(options, settings) as library, rejected:
        try:
            for file in options.files:
                report, problem = _add_file(library, file, options, rejected)
                reports.append(report)
                problems += [problem] if problem else []
        except KeyboardInterrupt:
            state = library.state
            say(f"stopped; {count(state.n_papers, 'paper')} are in the library: the same command goes on from here")
            raise
        n_papers = len(library)
    total = _sum(reports)
    rejected.say_how_many()
    for problem in problems:
        say(f"footnoted: {problem}")
    if options.json:
        print_json({**_to_json(total), "unreadable": problems, "papers": n_papers})
    elif len(problems) < len(options.files) or total.added or total.updated:
        tell(report_in_words(total, n_papers))
    return 1 if problems or (options.strict and total.n_skipped) else 0


def embed(options: argparse.Namespace) -> int:
    with open_library(options) as library, Progress() as progress:
        report = library.embed(on_progress=progress, on_wait=_waiting)
    if options.json:
        print_json({"chunks": report.n_chunks, "embedded": report.n_embedded})
    else:
        tell(f"{report.n_embedded:,} of {count(report.n_chunks, 'chunk')} can be found by their meaning")
    return 0


def _add_file(
    library: Library, file: Path, options: argparse.Namespace, rejected: Rejected
) -> tuple[AddReport, str | None]:
    """What became of a file, and why it could not be read (to its end); other files are added all the same."""
    from rag.adding import AddReport
    from rag.readers import read_papers

    last = AddReport()

    def noted(report: AddReport) -> None:
        nonlocal last
        last = report
        progress(report)

    try:
        reading = read_papers(file)
        with Progress(reading.share) as progress:
            report = library.add(
                reading,
                tags=options.tag or (),
                embed=not options.no_embed,
                on_progress=noted,
                on_skipped=rejected.note,
                on_wait=_waiting,
            )
        return report, None
    except ReadError as error:
        n_kept = last.added + last.updated + last.duplicates
        return last, f"{error} ({count(n_kept, 'paper')} before that were added)" if n_kept else str(error)


def _waiting() -> None:
    say("another process is writing to this library; waiting for it")


class Rejected:
    """The parts of the input that became no paper: the first are said, all are written to a file of JSON lines."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: TextIO | None = None
        self._n = 0

    def note(self, skipped: Skipped) -> None:
        self._n += 1
        if self._stream is None:
            try:
                self._stream = self._file.open("w", encoding="utf-8")
            except OSError as error:
                raise FootnotedError(
                    f"the report {self._file} cannot be written ({error.strerror}): name another with --report"
                ) from error
        line = {"file": skipped.origin, "line": skipped.line, "reason": skipped.reason, "excerpt": skipped.excerpt}
        self._stream.write(json.dumps(line) + "\n")
        if self._n <= SHOWN:
            excerpt = f": {skipped.excerpt}" if skipped.excerpt else ""
            say(f"skipped: {skipped.origin}:{skipped.line}: {skipped.reason}{excerpt}")

    def say_how_many(self) -> None:
        if self._n:
            more = f"{self._n - SHOWN:,} more were skipped; " if self._n > SHOWN else ""
            say(f"{more}what was skipped, and why, stands in {self._file}")

    def __enter__(self) -> Rejected:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()


def _sum(reports: Sequence[AddReport]) -> AddReport:
    from rag.adding import AddReport

    return AddReport(
        added=sum(report.added for report in reports),
        updated=sum(report.updated for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        duplicates=sum(report.duplicates for report in reports),
        without_abstract=sum(report.without_abstract for report in reports),
        n_skipped=sum(report.n_skipped for report in reports),
        skipped=tuple(skipped for report in reports for skipped in report.skipped),
        n_chunks=reports[-1].n_chunks,
        n_embedded=reports[-1].n_embedded,
    )


def _to_json(report: AddReport) -> dict[str, Any]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "duplicates": report.duplicates,
        "without_abstract": report.without_abstract,
        "skipped": [
            {"origin": s.origin, "line": s.line, "reason": s.reason, "excerpt": s.excerpt} for s in report.skipped
        ],
        "n_skipped": report.n_skipped,
        "chunks": report.n_chunks,
        "embedded": report.n_embedded,
    }
