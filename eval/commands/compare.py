"""``footnoted eval compare``: two runs, paired."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from eval.commands import shared
from eval.commands.shared import LAYOUT

_COMPARE = """\
Compare two runs of the same questions over the same papers, question by question: the
differences with their 95 % intervals, wins, losses and ties, and both answers of every
question that changed. With --out, the same as a page (compare.html), Markdown and JSON.
"""


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "compare",
        help="what changed between two runs",
        description=_COMPARE,
        epilog="exit codes: 0 compared, 1 a run cannot be read, 2 the runs do not belong together",
        formatter_class=LAYOUT,
    )
    made.add_argument("before", metavar="BEFORE", type=Path, help="a folder of 'eval run --out', or its run.jsonl")
    made.add_argument("after", metavar="AFTER", type=Path)
    made.add_argument("--out", metavar="DIR", type=Path, help="write compare.html, compare.md and compare.json here")
    made.add_argument("--all", action="store_true", help="print every question that changed, not only ten")
    made.add_argument("--json", action="store_true", help="print JSON for machines")
    made.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from eval.compare import compare
    from eval.comparison_table import comparison_as_json, comparison_as_text
    from eval.report import write_comparison
    from eval.runs import records

    found = compare(records.read(options.before), records.read(options.after))
    if options.out is not None:
        write_comparison(options.out, found)
    if options.json:
        shared.out_json(comparison_as_json(found))
    else:
        shared.out(comparison_as_text(found, n_changed=None if options.all else 10))
    return 0
