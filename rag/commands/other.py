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
    # The one place where this package meets its page: the command is where the house is put together.
    from ui.chat import chat

    chat(
        config_of(options),
        quote_only=options.quote,
        port=options.port,
        open_browser=not options.no_browser,
        first_papers=options.first_papers,
        say=say,
    )
    return 0


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
