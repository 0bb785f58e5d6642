"""Asking: search, ask."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rag.commands.common import config_of, filter_of, open_library, say_coverage
from rag.commands.output import print_json, say, tell
from rag.errors import UsageError
from rag.terminal import harmless_json

if TYPE_CHECKING:
    from rag.types import Turn

EXIT_CODES = {"answered": 0, "abstained": 3, "failed": 1, "empty": 1, "stopped": 1}


def search(options: argparse.Namespace) -> int:
    from rag.lexical import fitting_titles, search_by_words
    from rag.terminal import hit_in_words, titled_in_words
    from rag.wire import hit_to_json, titled_to_json

    settings = config_of(options)
    only = filter_of(options)
    with open_library(options, settings) as library:
        if options.lexical:
            hits = search_by_words(library, options.question, k=options.k, only=only)
        else:
            from rag.retrieval import search as search_both
            from rag.retrieval.reranker import BUNDLED

            reranker = BUNDLED if settings.rerank else None
            hits = search_both(library, options.question, k=options.k, reranker=reranker, only=only)
            say_coverage(library)
        titled = fitting_titles(library, options.question, only)
        n_papers = len(library)
    if options.json:
        print_json([*map(hit_to_json, hits), *(titled_to_json(paper, score) for paper, score in titled)])
        return 0
    for rank, hit in enumerate(hits, 1):
        tell(hit_in_words(rank, hit))
    for paper, _ in titled:
        tell(titled_in_words(paper))
    if not hits and not titled:
        what = f"nothing found {only.describe()}" if only else "nothing found"
        say(what if n_papers else "the library is empty: footnoted add FILE brings papers in")
    return 0


def ask(options: argparse.Namespace) -> int:
    from rag.llm import open_model
    from rag.pipeline import ask as ask_library
    from rag.retrieval.reranker import BUNDLED
    from rag.terminal import answer_in_words
    from rag.wire import answer_to_json

    settings = config_of(options)
    reranker = BUNDLED if settings.rerank else None
    model = None if options.quote else open_model(settings.model)
    only = filter_of(options)
    is_many = options.question == "-"
    worst = 0
    with open_library(options, settings) as library:
        say_coverage(library)
        for question, history, named in _questions(options.question):
            answer = ask_library(
                library,
                question,
                model=model,
                history=history,
                n_sources=settings.n_sources,
                verified_only=settings.verified_only,
                repair=settings.repair,
                reranker=reranker,
                only=only,
            )
            if options.json:
                tell(harmless_json(json.dumps({**named, **answer_to_json(answer)}, ensure_ascii=False)))
            else:
                tell(answer_in_words(answer, with_question=is_many), end="\n\n" if is_many else "\n")
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
