"""chat, doctor, schema, eval."""

from __future__ import annotations

import argparse

from rag.commands.common import config_of
from rag.commands.output import print_json, say, tell
from rag.terminal import one_line


def schema(options: argparse.Namespace) -> int:
    from importlib import resources

    tell(resources.files("rag").joinpath(f"schemas/{options.name}.schema.json").read_text("utf-8"), end="")
    return 0


def chat(options: argparse.Namespace) -> int:
    from ui.options import run

    return run(config_of(options), options, say)


def doctor(options: argparse.Namespace) -> int:
    from rag.doctor import examine, in_words

    findings = examine(config_of(options), quote_only=options.quote)
    if options.json:
        print_json(findings)
    else:
        for line in in_words(findings).splitlines():
            tell(line if line.isprintable() else one_line(line))
    return 0 if findings["healthy"] else 1


def evaluate(options: argparse.Namespace) -> int:
    # As with the page: the harness uses this package, and the command only hands over to it.
    from eval.cli import main

    return main(options.rest)
