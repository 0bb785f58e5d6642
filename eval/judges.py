"""The entry of ``footnoted eval judge``: ``add_parser`` for the command line, ``main`` on its own."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Adds the subcommand to ``argparse``'s subparsers; imports nothing heavy before it runs."""
    made = commands.add_parser("judge", help="measure a judge of claims against people's labels", add_help=True)
    from eval.judge_report import parser

    parser(made)
    made.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from eval.judge_report import run

    return run(options)
