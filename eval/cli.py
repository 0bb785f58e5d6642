"""``footnoted eval``: figures on stdout, progress on stderr.

Exit codes: 0 measured, 1 some question could not be run (or a gate is closed), 2 wrong
usage. Whether a target is met does not change them: measuring is one thing, judging another.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from eval.commands import compare, data, gate, peers, run, sentences
from eval.commands.shared import EPILOG, LAYOUT, say
from rag.errors import FootnotedError

_DESCRIPTION = """\
Measure answers on a question file, with intervals.

  footnoted eval run                            the shipped questions about the shipped papers
  footnoted eval run --questions my.jsonl       your questions about your library
  footnoted eval compare BEFORE AFTER           what changed between two runs
  footnoted eval gate --baseline run.jsonl      exit 1 if something got worse
"""

_MEASURING_JUDGES = (
    ("judge", "measure a judge of claims against people's labels", "eval.judge_report"),
    ("defects", "plant defects into true sentences, and see which a judge catches", "eval.defects"),
)
"""Commands that read their own arguments: name, help, module with a ``main``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except FootnotedError as error:
        say(f"footnoted: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        kept = f"; the answers so far are kept in {options.out}" if getattr(options, "out", None) else ""
        say(f"footnoted: stopped{kept}")
        return 130


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="footnoted eval", description=_DESCRIPTION, epilog=EPILOG, formatter_class=LAYOUT
    )
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (run, compare, gate, peers, data, sentences):
        module.add_parser(commands)
    for name, text, path in _MEASURING_JUDGES:
        own = commands.add_parser(name, help=text, add_help=False)
        own.add_argument("rest", nargs=argparse.REMAINDER)
        own.set_defaults(run=_elsewhere(path))
    return made


def _elsewhere(path: str) -> Any:
    def run_it(options: argparse.Namespace) -> int:
        return int(import_module(path).main(options.rest))

    return run_it
