"""``footnoted eval abstention``: is it refused where nothing answers, and what would another threshold do?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands import shared
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.abstaining import Abstaining

_DESCRIPTION = """\
Ask every question in quoting mode, and say what is refused: of the questions that no abstract
answers, and of those that one does. The log-odds on which that is decided draw the risk-coverage
curve, and say what other thresholds would do.

With --run the answers of an 'eval run' are taken as they are: where a model writes, its own
word and the check of its sentences refuse too.
"""


def add_parser(commands: Any) -> None:
    made: argparse.ArgumentParser = commands.add_parser(
        "abstention",
        help="measure what is refused, and what other thresholds would do",
        description=_DESCRIPTION,
        epilog=shared.EPILOG,
        formatter_class=shared.LAYOUT,
        parents=[shared.asking_options()],
    )
    made.add_argument("--run", metavar="DIR", type=Path, dest="run_at", help="take the answers of this run instead")
    made.add_argument("--out", metavar="FILE", type=Path, help="write the report here: .html, or .json")
    made.add_argument(
        "--at-most",
        metavar="SHARE",
        type=share,
        default=0.05,
        help="find the threshold that refuses no more of the answerable questions than this (0.05)",
    )
    made.set_defaults(run=_run)


def share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _run(options: argparse.Namespace) -> int:
    from eval.abstaining_table import abstaining_as_json, abstaining_as_text

    if options.out is not None and options.out.suffix not in (".html", ".json"):
        raise UsageError(f"{options.out} is neither a page nor JSON: end its name in .html or .json")
    found = _of_run(options) if options.run_at is not None else _asked(options)
    if options.out is not None:
        from eval.report import write_abstaining

        write_abstaining(options.out, found)
    if options.json:
        shared.out_json(abstaining_as_json(found))
    else:
        shared.out(abstaining_as_text(found, failures=options.failures))
    return 1 if found.n_unscored else 0


def _asked(options: argparse.Namespace) -> Abstaining:
    from eval.abstaining import abstaining, ask_all
    from eval.progress import Progress

    questions = shared.questions_of(options)
    settings = shared.config_of(options)
    progress = Progress(len(questions))
    with shared.library_of(options, settings) as library:
        try:
            asked = ask_all(
                library,
                shared.resolved(questions, library),
                n_sources=settings.n_sources,
                on_question=progress.count,
            )
        finally:
            progress.clear()
    return abstaining(asked, at_most=options.at_most)


def _of_run(options: argparse.Namespace) -> Abstaining:
    from eval.abstaining import abstaining, of_run
    from eval.runs import records

    if options.questions is not None or options.library is not None or options.limit is not None:
        raise UsageError("--run has its own questions: leave --questions, --library and --limit out")
    asked, n_unscored = of_run(records.read(options.run_at))
    return abstaining(asked, at_most=options.at_most, n_unscored=n_unscored, is_run=True)
