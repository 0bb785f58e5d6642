"""``footnoted eval gate``: exit 1 if something may have got worse by more than is allowed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands import shared
from eval.commands.run import Ready, run_and_report
from eval.commands.shared import LAYOUT, say
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.compare import Comparison
    from eval.gate import Bar
    from eval.runs.records import Run

_GATE = """\
Run the questions (or take a run that there is) and compare with a baseline, question by
question. The gate is open if, for every measure, the lower end of the 95 % interval of the
difference is not below the drop that is allowed; else the exit code is 1.

  footnoted eval run --out before                       once; keep before/run.jsonl
  footnoted eval gate --baseline before/run.jsonl       after every change
"""


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "gate",
        help="exit 1 if something got worse than a baseline",
        description=_GATE,
        epilog="exit codes: 0 open, 1 closed (or the questions could not be run), 2 wrong usage or another baseline",
        formatter_class=LAYOUT,
        parents=[shared.asking_options(), shared.running_options()],
    )
    made.add_argument("place", metavar="RUN", nargs="?", type=Path, help="a run that there is; without it, one is made")
    made.add_argument("--baseline", metavar="FILE", type=Path, required=True, help="run.jsonl of an earlier run")
    made.add_argument(
        "--max-drop",
        metavar="MEASURE=DROP",
        nargs="+",
        action="extend",
        type=_drop,
        help="what each may drop by (rise, where low is good), as faithfulness=0.02; default: see the docs",
    )
    made.add_argument("--out", metavar="DIR", type=Path, help="keep the new run and its reports here")
    made.set_defaults(run=_run, no_correction=True, labels=None, profile=[])


def _run(options: argparse.Namespace) -> int:
    from eval.gate import bars_as_json, bars_as_text

    comparison, found = held_up(options)
    if options.json:
        shared.out_json(bars_as_json(found))
    else:
        shared.out(bars_as_text(found))
    if comparison.after.stopped:
        say(f"the run was ended: {comparison.after.stopped}")
    return 0 if all(bar.passes for bar in found) and not comparison.after.stopped else 1


def held_up(options: argparse.Namespace) -> tuple[Comparison, tuple[Bar, ...]]:
    """The run, made now or read, against the baseline. Raises OtherRun where the two do not belong together."""
    from eval.compare import compare
    from eval.gate import bars
    from eval.report import write_comparison
    from eval.runs import records

    baseline = records.read(options.baseline)
    after = records.read(options.place) if options.place is not None else _made(options, baseline)
    comparison = compare(baseline, after)
    found = bars(comparison, dict(options.max_drop) if options.max_drop else None)
    if options.out is not None:
        write_comparison(options.out, comparison)
    return comparison, found


def _made(options: argparse.Namespace, baseline: Run) -> Run:
    from eval.compare import refuse_other
    from eval.runs.records import Run
    from eval.runs.runner import describe
    from rag.llm import open_model

    questions = shared.questions_of(options)
    cache = shared.cache_of(options)
    settings = shared.config_of(options)
    model = None if options.quote else open_model(settings.model)
    held = baseline.about["settings"]["judge"]
    if (held is None) != (options.judge == shared.NO_JUDGE):
        raise UsageError(f"the baseline was judged by {held or 'nobody'}: give the same with --judge, or rescore it")
    with shared.library_of(options, settings) as library:
        ready = Ready(library, shared.resolved(questions, library), settings, model, cache)
        # Refused before anything is asked, and paid.
        about = describe(
            library,
            ready.questions,
            model=model,
            n_sources=settings.n_sources,
            verified_only=settings.verified_only,
            repair=settings.repair,
        )
        refuse_other(baseline, Run(about, ()))
        return run_and_report(options, ready, options.out).run


def _drop(text: str) -> tuple[str, float]:
    name, _, drop = text.partition("=")
    number = float(drop)
    if not name or not 0 <= number < float("inf"):
        raise ValueError
    return name, number
