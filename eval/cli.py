"""``footnoted eval``: figures on stdout, progress on stderr.

Exit codes: 0 measured, 1 some question could not be run (or a gate is closed), 2 wrong
usage. Whether a target is met does not change them: measuring is one thing, judging another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from eval.commands import (
    abstention,
    compare,
    data,
    defects,
    follow_ups,
    gate,
    peers,
    retrieval,
    run,
    sentences,
)
from eval.commands.shared import EPILOG, LAYOUT, say
from rag.errors import FootnotedError

_DESCRIPTION = """\
Measure answers on a question file, with intervals.

  footnoted eval run                            the shipped questions about the shipped papers
  footnoted eval run --questions my.jsonl       your questions about your library
  footnoted eval compare BEFORE AFTER           what changed between two runs
  footnoted eval gate --baseline run.jsonl      exit 1 if something got worse
"""

_MEASURING_JUDGES = (("judge", "measure a judge of claims against people's labels", "eval.judge_report"),)
"""Commands that read their own arguments: name, help, module with a ``main``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    elsewhere = {name: path for name, _, path in _MEASURING_JUDGES}
    # They read their own arguments, `--help` among them.
    if given[:1] and given[0] in elsewhere:
        options = argparse.Namespace(run=lambda _: import_module(elsewhere[given[0]]).main(given[1:]))
    else:
        options = parser().parse_args(given)
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
    for module in (run, compare, gate, peers, data, sentences, retrieval, abstention, follow_ups, defects):
        module.add_parser(commands)
    for name, text, _ in _MEASURING_JUDGES:
        commands.add_parser(name, help=text, add_help=False)
    return made
