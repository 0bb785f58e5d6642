"""The ``footnoted`` command: what it is told, and who does it.

Imports that cost time wait until a command needs them, so that ``--help`` and ``papers``
are there at once.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rag.commands.output import say, tell
from rag.errors import FootnotedError

SCHEMAS = ("answer", "search", "papers")
KINDS = ("answer", "list", "summary", "comparison", "other_side")
EXPORTS = ("bibtex", "ris", "csl-json", "jsonl")

_DESCRIPTION = """\
Ask a pile of paper abstracts. Every sentence of the answer is footnoted, and every
footnote is checked against the text it cites.

  footnoted add papers.txt             bring papers in
  footnoted ask "what improves X?"     ask them
  footnoted chat                       the same in a page
"""

_EPILOG = """\
exit codes of ask: 0 answered, 3 abstained, 1 failed (or empty), 2 wrong usage; of several
questions (ask -), 1 if any failed, else 3 if any abstained. Of the others: 0, 1 or 2.

Without a model the answers are exact quotes, and nothing leaves this machine. To have a
model write, name an OpenAI-compatible endpoint and a model:

  OPENAI_BASE_URL=http://localhost:8080/v1 FOOTNOTED_MODEL=my-model footnoted ask "..."

The key, where one is needed, is read from OPENAI_API_KEY.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    for stream, encoding in ((sys.stdout, "utf-8"), (sys.stderr, None)):
        if isinstance(stream, io.TextIOWrapper):  # whatever the terminal cannot show becomes '?'
            stream.reconfigure(encoding=encoding if not stream.isatty() else None, errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    # The harness reads its own arguments, `--help` among them.
    is_eval = given[:1] == ["eval"]
    evaluate = argparse.Namespace(run=_later("other", "evaluate"), rest=given[1:])
    options = evaluate if is_eval else _parser().parse_args(given)
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except FootnotedError as error:
        say(f"footnoted: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("footnoted: stopped")
        return 130
    except BrokenPipeError:
        _discard_output()  # the reader has gone, as in `footnoted papers | head`
        return 1
    except OSError as error:
        if sys.stdout.closed or not _is_output(error):
            raise
        _discard_output()
        say(f"footnoted: the result could not be written ({error.strerror}): make room, or write it elsewhere")
        return 1
    return code


def _later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """The command ``name`` of ``rag.commands.module``, imported when it runs."""

    def run(options: argparse.Namespace) -> int:
        command: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(f"rag.commands.{module}"), name)
        return command(options)

    return run


def _parser() -> argparse.ArgumentParser:
    def shared_options(parser: argparse.ArgumentParser, **default: Any) -> argparse.ArgumentParser:
        parser.add_argument(
            "--library",
            metavar="DIR",
            help="the library's folder, or @NAME for one in your data folder (default: one there without a name)",
            **default,
        )
        parser.add_argument(
            "--store", metavar="URL", help="a Chroma server that holds the library's vectors", **default
        )
        parser.add_argument(
            "--config", metavar="FILE", type=Path, help="a footnoted.toml other than your own", **default
        )
        parser.add_argument("--json", action="store_true", help="print JSON for machines", **default)
        return parser

    # Before the command or after it: what is not said after it must not undo what was said before.
    shared = shared_options(argparse.ArgumentParser(add_help=False), default=argparse.SUPPRESS)

    models = argparse.ArgumentParser(add_help=False)
    models.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint (or OPENAI_BASE_URL)")
    models.add_argument(
        "--model", metavar="NAME", help="the model there, or a [model.NAME] profile (or FOOTNOTED_MODEL)"
    )
    models.add_argument("--quote", action="store_true", help="quote only, whatever model is configured")
    models.add_argument("--verified-only", action="store_true", help="leave out sentences that fail the check")

    asking = argparse.ArgumentParser(add_help=False, parents=[models])
    asking.add_argument("--save", metavar="FILE", type=Path, help="keep the answer with all that proves it")
    asking.add_argument("--no-repair", action="store_true", help="leave what fails the check as the model wrote it")
    asking.add_argument("--no-rerank", action="store_true", help="trust the search: faster, and less exact")
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("--about", action="append", metavar="ID", help="only this paper counts (repeatable)")
    chosen.add_argument("--without", action="append", metavar="ID", help="this paper does not (repeatable)")

    filters = _filters()
    parser = argparse.ArgumentParser(
        prog="footnoted", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    shared_options(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        description = text[0].upper() + text[1:] + "."
        made = commands.add_parser(name, help=text, description=description, parents=[shared, *parents])
        made.set_defaults(run=run)
        return made

    add = command("add", _later("add", "add"), "bring papers in from files, archives and folders", _spreading())
    add.add_argument("files", nargs="+", metavar="FILE", type=Path)
    add.add_argument(
        "--tag", action="append", metavar="TAG", help="file all papers of these files under it (repeatable)"
    )
    add.add_argument("--strict", action="store_true", help="exit with 1 if any part of a file was skipped")
    add.add_argument("--report", metavar="FILE", type=Path, help="where what is skipped is written, as JSON lines")
    add.add_argument("--no-embed", action="store_true", help="store the texts only: 'footnoted embed' does the rest")

    command("embed", _later("add", "embed"), "go on with embedding what can be found by its words only", _spreading())

    remove = command("remove", _later("papers", "remove"), "take papers out")
    remove.add_argument("paper_ids", nargs="+", metavar="ID")

    command("papers", _later("papers", "papers"), "list the papers", filters)

    search = command("search", _later("ask", "search"), "find papers for a question", filters)
    search.add_argument("question", metavar="QUESTION")
    search.add_argument("-k", type=_positive, default=10, metavar="N", help="how many papers at most (10)")
    search.add_argument("--lexical", action="store_true", help="by words alone, without any embedding")
    search.add_argument("--explain", action="store_true", help="say why each was found")
    search.add_argument("--no-rerank", action="store_true", help="do not read the best sentences again: faster")

    ask = command("ask", _later("ask", "ask"), "answer a question from the abstracts", asking, chosen, filters)
    ask.add_argument("question", metavar="QUESTION", help="'-' reads questions from standard input, one a line")
    ask.add_argument("--kind", choices=KINDS, metavar="KIND", help=f"{', '.join(KINDS)} (default: as the words ask)")

    summarize = command(
        "summarize", _later("ask", "summarize"), "sum up a topic, or papers of your choice", asking, chosen, filters
    )
    summarize.add_argument("topic", nargs="?", metavar="TOPIC", help="not needed where --about or a filter chooses")

    compare = command("compare", _later("ask", "compare"), "set papers side by side in a table", asking, filters)
    compare.add_argument("papers", nargs="+", metavar="ID", help="ids of two to four papers, or a topic in quotes")

    verify = command("verify", _later("ask", "verify"), "look whether a saved answer's quotes still stand")
    verify.add_argument("file", metavar="FILE", type=Path, help="from ask --save")
    replay = command("replay", _later("ask", "replay"), "ask a saved question again and say what changed", asking)
    replay.add_argument("file", metavar="FILE", type=Path, help="from ask --save")

    chat = command("chat", _later("other", "chat"), "open the page", models)
    # The one place where this package meets its page: the command is where the house is put together.
    from ui.options import add_arguments

    add_arguments(chat)

    export = command("export", _later("papers", "export"), "write the papers to a file", filters)
    export.add_argument(
        "file", metavar="FILE", type=Path, help="ends in .bib, .ris, .json (CSL) or .jsonl; '-': stdout"
    )
    export.add_argument("--format", choices=EXPORTS, help="whatever the file's name ends in")

    tags = command("tags", _later("papers", "tags"), "list the tags, or change those of papers")
    tags.add_argument("--add", action="append", metavar="TAG", help="give it to the papers named")
    tags.add_argument("--remove", action="append", metavar="TAG", help="take it from the papers named")
    tags.add_argument("paper_ids", nargs="*", metavar="ID")

    command("stats", _later("papers", "stats"), "say what the library holds, in numbers")
    command("libraries", _later("papers", "libraries"), "list your libraries by name")

    check = command(
        "check", _later("keep", "check"), "look whether all parts of the library agree, and mend what can be"
    )
    check.add_argument("--look-only", action="store_true", help="mend nothing")
    command("repair", _later("keep", "repair"), "rebuild a library's indexes from its records")
    command(
        "rebuild",
        _later("keep", "rebuild"),
        "embed everything anew with the embedding configured now, and switch to it in one step",
        _spreading(),
    )

    doctor = "say what is configured, reachable, stored, and what would leave this machine"
    command("doctor", _later("other", "doctor"), doctor, models)

    schema = command("schema", _later("other", "schema"), "print the JSON Schema of what --json prints")
    schema.add_argument("name", choices=SCHEMAS, metavar="NAME", help=", ".join(SCHEMAS))

    evaluate = commands.add_parser("eval", help="measure answers on a question file", add_help=False)
    evaluate.add_argument("rest", nargs=argparse.REMAINDER)
    evaluate.set_defaults(run=_later("other", "evaluate"))
    return parser


def _filters() -> argparse.ArgumentParser:
    filters = argparse.ArgumentParser(add_help=False)
    group = filters.add_argument_group("of which papers (all of these must hold)")
    group.add_argument("--year", type=int, metavar="YEAR", help="of this year")
    group.add_argument("--from", dest="from_year", type=int, metavar="YEAR", help="of this year or later")
    group.add_argument("--to", dest="to_year", type=int, metavar="YEAR", help="of this year or earlier")
    group.add_argument("--author", metavar="NAME", help="with this author: 'lovelace', 'ada lovelace', 'a lovelace'")
    group.add_argument("--venue", metavar="WORDS", help="in a journal or at a conference with these words in its name")
    group.add_argument("--tag", action="append", metavar="TAG", help="filed under it (repeatable)")
    group.add_argument("--source", metavar="TEXT", help="read from a file with this in its name")
    return filters


def _spreading() -> argparse.ArgumentParser:
    spreading = argparse.ArgumentParser(add_help=False)
    spreading.add_argument(
        "--ray", type=_positive, metavar="N", help="embed on N workers of a Ray cluster (needs footnoted[ray])"
    )
    return spreading


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _is_output(error: OSError) -> bool:
    """True for what writing to standard output raises: such an error names no file."""
    return error.filename is None and error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)


def _discard_output() -> None:
    """What is still buffered goes nowhere, so that the interpreter does not fail on it at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # standard output is no file
        pass


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            known = version("footnoted")
        except PackageNotFoundError:  # run from a checkout that was not installed
            known = "(not installed)"
        tell(f"footnoted {known}")
        parser.exit()


def entry() -> NoReturn:
    sys.exit(main())


if __name__ == "__main__":
    entry()
