"""``footnoted eval``: figures on stdout, progress on stderr.

Exit codes: 0 measured, 1 some question could not be run, 2 wrong usage. Whether a target
is met does not change them: measuring is one thing, judging another.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval import retrieval_command
from rag.errors import FootnotedError, UsageError

if TYPE_CHECKING:
    from eval.questions import Question
    from eval.records import Record
    from rag.config import Config
    from rag.library import Library

_DESCRIPTION = """\
Measure answers on a question file, with intervals.

  footnoted eval run                        the shipped questions about the shipped papers
  footnoted eval run --questions my.jsonl   your questions about your library
  footnoted eval sentences                  how well the answering sentence is ranked
  footnoted eval retrieval --help           the search on a set with relevance judgements
"""

_RUN = """\
Ask every question as 'footnoted ask' would, and print how many answers are right.

Without --questions and --library, the shipped questions are asked about the shipped
papers, whose library is kept in your cache folder. With --questions alone they are asked
about your library.
"""

_EPILOG = "exit codes: 0 measured, 1 some question could not be run, 2 wrong usage"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except FootnotedError as error:
        _say(f"footnoted: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        kept = f"; the answers so far are kept in {options.out}" if getattr(options, "out", None) else ""
        _say(f"footnoted: stopped{kept}")
        return 130


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--questions", metavar="FILE", type=Path, help="JSON lines, see eval/questions.py")
    shared.add_argument("--library", metavar="DIR", help="the library that is asked")
    shared.add_argument("--config", metavar="FILE", type=Path, help="a footnoted.toml other than your own")
    shared.add_argument("--limit", metavar="N", type=_positive, help="only N questions, taken evenly from the file")
    shared.add_argument("--failures", action="store_true", help="add two lines for each question that was missed")
    shared.add_argument("--json", action="store_true", help="print JSON for machines")

    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="footnoted eval", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=layout
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser(
        "run",
        help="ask the questions and measure the answers",
        description=_RUN,
        epilog=_EPILOG,
        formatter_class=layout,
        parents=[shared],
    )
    run.add_argument("--out", metavar="DIR", type=Path, help="keep every answer here; repeat the command to go on")
    run.add_argument("--retry-errors", action="store_true", help="ask again what failed in --out before")
    run.add_argument("--by-tag", action="store_true", help="add a row for each tag")
    run.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint (or OPENAI_BASE_URL)")
    run.add_argument("--model", metavar="NAME", help="the model there, or a [model.NAME] profile (or FOOTNOTED_MODEL)")
    run.add_argument("--quote", action="store_true", help="quote only, whatever model is configured")
    run.add_argument("--verified-only", action="store_true", help="leave out sentences that fail the check")
    run.set_defaults(run=_run)

    sentences = commands.add_parser(
        "sentences",
        help="measure the ranking of sentences by itself",
        description="Rank the sentences that are found for each question: is the answering one first, or within three?",
        epilog=_EPILOG,
        parents=[shared],
    )
    sentences.set_defaults(run=_sentences)

    retrieval_command.add_parser(commands)
    return parser


def _run(options: argparse.Namespace) -> int:
    from eval.runner import run
    from eval.table import run_as_json, run_as_text
    from rag.llm import open_model

    if options.retry_errors and options.out is None:
        raise UsageError("--retry-errors asks again what failed in an earlier run: name its folder with --out")
    questions = _questions(options)
    settings = _config(options)
    model = None if options.quote else open_model(settings.model)
    if model is not None and settings.model is not None:
        _say(f"asking {len(questions)} questions of {model.name} at {_address(settings.model.base_url)}")
    with _library(options, settings) as library:
        asked = _resolved(questions, library)

        def tell(record: Record, n_done: int) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{n_done} of {len(asked)} questions ")
                sys.stderr.flush()

        try:
            done = run(
                library,
                asked,
                model=model,
                out=options.out,
                n_sources=settings.n_sources,
                verified_only=settings.verified_only,
                retry_errors=options.retry_errors,
                on_record=tell,
            )
        finally:
            _clear_progress()
    if options.json:
        _print_json(run_as_json(done))
    else:
        _print(run_as_text(done, by_tag=options.by_tag, failures=options.failures))
    failed = [record for record in done.records if not record.is_scorable]
    if failed:
        _say(f"{len(failed)} of {len(done.records)} questions could not be run; the first: {failed[0].failure}")
    return 1 if failed else 0


def _sentences(options: argparse.Namespace) -> int:
    from eval.sentences import figures, rank
    from eval.table import ranking_failures_as_text, rankings_as_json, rankings_as_text

    questions = _questions(options)
    settings = _config(options)
    with _library(options, settings) as library:
        rankings = rank(library, _resolved(questions, library), n_sources=settings.n_sources)
    if options.json:
        _print_json(rankings_as_json(figures(rankings), rankings))
        return 0
    _print(rankings_as_text(figures(rankings)))
    if options.failures:
        _print("\n" + ranking_failures_as_text(rankings))
    return 0


def _questions(options: argparse.Namespace) -> tuple[Question, ...]:
    from eval import shipped
    from eval.questions import load

    path = options.questions or shipped.questions_path()
    questions = load(path)
    if not questions:
        raise UsageError(f"the question file {path} holds no question: write one JSON object a line")
    if options.limit is not None and options.limit < len(questions):
        questions = tuple(questions[i * len(questions) // options.limit] for i in range(options.limit))
    return questions


def _library(options: argparse.Namespace, settings: Config) -> Library:
    from eval import shipped
    from rag.embedding import open_embedder
    from rag.library import Library

    embedder = open_embedder(settings.embedding)
    if options.questions is None and options.library is None:
        return shipped.open_corpus(embedder)
    return Library.open(settings.library, embedder=embedder)


def _resolved(questions: tuple[Question, ...], library: Library) -> tuple[Question, ...]:
    from eval.questions import resolve

    if len(library) == 0:
        raise UsageError(f"the library {library.path} is empty: add papers first, or name another with --library")
    return resolve(questions, library.papers())


def _config(options: argparse.Namespace) -> Config:
    from rag import config

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


def _address(url: str) -> str:
    """Host and port only: keys can hide in the rest."""
    from urllib.parse import urlsplit

    return urlsplit(url).netloc.rpartition("@")[2]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _clear_progress() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _print_json(value: Any) -> None:
    from rag.terminal import harmless_json

    _print(harmless_json(json.dumps(value, ensure_ascii=False, indent=2)))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
