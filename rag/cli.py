"""The ``footnoted`` command: results on stdout, messages on stderr, exit codes that mean something.

Imports that cost time wait until a command needs them, so that ``--help`` and ``papers``
are there at once.
"""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rag import config
from rag.errors import FootnotedError, ReadError, UsageError
from rag.terminal import count, harmless_json, one_line

if TYPE_CHECKING:
    from rag.config import Config
    from rag.library import AddReport, Library
    from rag.types import Turn

EXIT_CODES = {"answered": 0, "abstained": 3, "failed": 1, "empty": 1, "stopped": 1}
SCHEMAS = ("answer", "search", "papers")

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
    options = argparse.Namespace(run=_eval, rest=given[1:]) if is_eval else _parser().parse_args(given)
    try:
        code = int(options.run(options))
        sys.stdout.flush()
    except FootnotedError as error:
        _say(f"footnoted: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("footnoted: stopped")
        return 130
    except BrokenPipeError:
        _discard_output()  # the reader has gone, as in `footnoted papers | head`
        return 1
    except OSError as error:
        if sys.stdout.closed or not _is_output(error):
            raise
        _discard_output()
        _say(f"footnoted: the result could not be written ({error.strerror}): make room, or write it elsewhere")
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    def shared_options(parser: argparse.ArgumentParser, **default: Any) -> argparse.ArgumentParser:
        parser.add_argument(
            "--library", metavar="DIR", help="the library's folder (default: in your data folder)", **default
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

    add = command("add", _add, "bring papers in from files")
    add.add_argument("files", nargs="+", metavar="FILE", type=Path)
    add.add_argument("--strict", action="store_true", help="exit with 1 if any part of a file was skipped")

    remove = command("remove", _remove, "take papers out")
    remove.add_argument("paper_ids", nargs="+", metavar="ID")

    command("papers", _papers, "list the papers")

    search = command("search", _search, "find papers for a question")
    search.add_argument("question", metavar="QUESTION")
    search.add_argument("-k", type=_positive, default=10, metavar="N", help="how many papers at most (10)")

    ask = command("ask", _ask, "answer a question from the abstracts", models)
    ask.add_argument("question", metavar="QUESTION", help="'-' reads questions from standard input, one a line")

    chat = command("chat", _chat, "open the page", models)
    # The one place where this package meets its page: the command is where the house is put together.
    from ui.options import add_arguments

    add_arguments(chat)

    command("doctor", _doctor, "say what is configured, reachable, stored, and what would leave this machine", models)

    command("repair", _repair, "rebuild a library's indexes from its records")

    schema = command("schema", _schema, "print the JSON Schema of what --json prints")
    schema.add_argument("name", choices=SCHEMAS, metavar="NAME", help=", ".join(SCHEMAS))

    evaluate = commands.add_parser("eval", help="measure answers on a question file", add_help=False)
    evaluate.add_argument("rest", nargs=argparse.REMAINDER)
    evaluate.set_defaults(run=_eval)
    return parser


def _add(options: argparse.Namespace) -> int:
    from rag.library import Library
    from rag.terminal import report_in_words

    problems: list[str] = []
    reports: list[AddReport] = []
    with Library.open(_config(options).library, embedder=_embedder(options)) as library:
        for file in options.files:
            report, problem = _add_file(library, file)
            reports.append(report)
            problems += [problem] if problem else []
        n_papers = len(library)
    total = _sum(reports)
    for skipped in total.skipped:
        excerpt = f": {skipped.excerpt}" if skipped.excerpt else ""
        _say(f"skipped: {skipped.origin}:{skipped.line}: {skipped.reason}{excerpt}")
    for problem in problems:
        _say(f"footnoted: {problem}")
    if options.json:
        _print_json({**_report_to_json(total), "unreadable": problems, "papers": n_papers})
    elif len(problems) < len(options.files) or total.added or total.updated:
        _tell(report_in_words(total, n_papers))
    return 1 if problems or (options.strict and total.n_skipped) else 0


def _add_file(library: Library, file: Path) -> tuple[AddReport, str | None]:
    """What became of a file, and why it could not be read (to its end); other files are added all the same."""
    from rag.library import AddReport
    from rag.readers import read_papers

    report = AddReport()

    def progress(so_far: AddReport) -> None:
        nonlocal report
        report = so_far
        if sys.stderr.isatty():
            done = so_far.added + so_far.updated + so_far.unchanged
            sys.stderr.write(f"\r{done} papers read, {so_far.added} added, {so_far.updated} updated ")
            sys.stderr.flush()

    def waiting() -> None:
        _say("another process is writing to this library; waiting for it")

    try:
        return library.add(read_papers(file), on_progress=progress, on_wait=waiting), None
    except ReadError as error:
        kept = f" ({count(report.added + report.updated, 'paper')} before that were added)" if report.n_papers else ""
        return report, f"{error}{kept}"
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


def _sum(reports: Sequence[AddReport]) -> AddReport:
    from rag.library import AddReport

    return AddReport(
        added=sum(report.added for report in reports),
        updated=sum(report.updated for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        without_abstract=sum(report.without_abstract for report in reports),
        n_skipped=sum(report.n_skipped for report in reports),
        skipped=tuple(skipped for report in reports for skipped in report.skipped),
    )


def _remove(options: argparse.Namespace) -> int:
    from rag.library import Library

    with Library.open(_config(options).library) as library:
        removed = library.remove(options.paper_ids)
        n_papers = len(library)
    if options.json:
        _print_json({"removed": [paper.paper_id for paper in removed], "papers": n_papers})
    else:
        for paper in removed:
            _tell(f"removed {one_line(paper.paper_id)}  {one_line(paper.title)}")
        _tell(f"{count(n_papers, 'paper')} left")
    return 0


def _papers(options: argparse.Namespace) -> int:
    from rag.library import Library
    from rag.wire import paper_to_json

    with Library.open(_config(options).library) as library:
        papers = sorted(library.papers(), key=lambda paper: (paper.title.casefold(), paper.paper_id))
    if options.json:
        _print_json([paper_to_json(paper) for paper in papers])
        return 0
    for paper in papers:
        _tell(f"{one_line(paper.paper_id)}  {one_line(paper.title)}")
    _say(count(len(papers), "paper"))
    return 0


def _search(options: argparse.Namespace) -> int:
    from rag.library import Library
    from rag.retrieval import search
    from rag.terminal import hit_in_words
    from rag.wire import hit_to_json

    with Library.open(_config(options).library, embedder=_embedder(options)) as library:
        hits = search(library, options.question, k=options.k)
        n_papers = len(library)
    if options.json:
        _print_json([hit_to_json(hit) for hit in hits])
        return 0
    for rank, hit in enumerate(hits, 1):
        _tell(hit_in_words(rank, hit))
    if not hits:
        _say("nothing found" if n_papers else "the library is empty: footnoted add FILE brings papers in")
    return 0


def _ask(options: argparse.Namespace) -> int:
    from rag.library import Library
    from rag.llm import open_model
    from rag.pipeline import ask
    from rag.terminal import answer_in_words
    from rag.wire import answer_to_json

    settings = _config(options)
    model = None if options.quote else open_model(settings.model)
    is_many = options.question == "-"
    worst = 0
    with Library.open(settings.library, embedder=_embedder(options)) as library:
        for question, history, named in _questions(options.question):
            answer = ask(
                library,
                question,
                model=model,
                history=history,
                n_sources=settings.n_sources,
                verified_only=settings.verified_only,
            )
            if options.json:
                _tell(harmless_json(json.dumps({**named, **answer_to_json(answer)}, ensure_ascii=False)))
            else:
                _tell(answer_in_words(answer, with_question=is_many), end="\n\n" if is_many else "\n")
            code = EXIT_CODES[answer.outcome]
            worst = code if worst == 0 or code == 1 else worst
    return worst


def _questions(argument: str) -> Iterator[tuple[str, tuple[Turn, ...], dict[str, Any]]]:
    """The question of the command line, or those of standard input, each with its history and ``id``.

    A line that cannot be read ends it: the answers to the lines before it stand.
    """
    from rag.wire import question_from_json

    if argument != "-":
        yield argument, (), {}
        return
    # As bytes, where there are bytes: a line that is not UTF-8 must be named, not crash the decoder.
    lines: Iterable[bytes | str] = getattr(sys.stdin, "buffer", sys.stdin)
    for number, line in enumerate(lines, 1):
        try:
            text = (line if isinstance(line, str) else line.decode("utf-8")).removeprefix("\ufeff").strip()
            if text.startswith("{"):
                yield question_from_json(text)
            elif text:
                yield text, (), {}
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input, line {number}: it is not UTF-8; convert it first") from error
        except ValueError as error:
            raise UsageError(f"standard input, line {number}: {error}") from error


def _repair(options: argparse.Namespace) -> int:
    from rag.library import Library

    with Library.open(_config(options).library) as library:
        problems = library.repair()
        n_papers = len(library)
    if options.json:
        _print_json({"problems": problems, "papers": n_papers})
        return 1 if problems else 0
    for problem in problems:
        _say(f"footnoted: still wrong: {problem}")
    if not problems:
        _tell(f"both indexes were rebuilt; {count(n_papers, 'paper')} in the library")
    return 1 if problems else 0


def _schema(options: argparse.Namespace) -> int:
    from importlib import resources

    _tell(resources.files("rag").joinpath(f"schemas/{options.name}.schema.json").read_text("utf-8"), end="")
    return 0


def _chat(options: argparse.Namespace) -> int:
    from ui.options import run

    return run(_config(options), options, _say)


def _doctor(options: argparse.Namespace) -> int:
    from rag.doctor import examine, in_words

    findings = examine(_config(options), quote_only=options.quote)
    if options.json:
        _print_json(findings)
    else:
        for line in in_words(findings).splitlines():
            _tell(line if line.isprintable() else one_line(line))
    return 0 if findings["healthy"] else 1


def _eval(options: argparse.Namespace) -> int:
    # As with the page: the harness uses this package, and the command only hands over to it.
    from eval.cli import main as evaluate

    return evaluate(options.rest)


def _config(options: argparse.Namespace) -> Config:
    settings = config.load(
        library=options.library,
        base_url=getattr(options, "base_url", None),
        model=getattr(options, "model", None),
        file=options.config,
        verified_only=getattr(options, "verified_only", False) or None,
    )
    for warning in settings.warnings:
        _say(f"note: {warning}")
    return settings


def _embedder(options: argparse.Namespace) -> Any:
    from rag.embedding import open_embedder

    return open_embedder(config.load(library=options.library, file=options.config).embedding)


def _report_to_json(report: AddReport) -> dict[str, Any]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "without_abstract": report.without_abstract,
        "skipped": [
            {"origin": s.origin, "line": s.line, "reason": s.reason, "excerpt": s.excerpt} for s in report.skipped
        ],
        "n_skipped": report.n_skipped,
    }


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _print_json(value: object) -> None:
    _tell(harmless_json(json.dumps(value, ensure_ascii=False, indent=2)))


def _tell(text: str, end: str = "\n") -> None:
    """A result, at once on standard output: whoever reads it may be waiting."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _say(text: str) -> None:
    """A message, on one line of standard error."""
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


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
        _tell(f"footnoted {known}")
        parser.exit()


def entry() -> NoReturn:
    sys.exit(main())


if __name__ == "__main__":
    entry()
