"""``footnoted eval sentences``: the ranking of sentences by itself."""

from __future__ import annotations

import argparse
from typing import Any

from eval.commands import shared


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "sentences",
        help="measure the ranking of sentences by itself",
        description="Rank the sentences that are found for each question: is the answering one first, or within three?",
        epilog=shared.EPILOG,
        parents=[shared.asking_options()],
    )
    made.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from eval.sentences import figures, rank
    from eval.table import ranking_failures_as_text, rankings_as_json, rankings_as_text

    questions = shared.questions_of(options)
    settings = shared.config_of(options)
    with shared.library_of(options, settings) as library:
        rankings = rank(library, shared.resolved(questions, library), n_sources=settings.n_sources)
    if options.json:
        shared.out_json(rankings_as_json(figures(rankings), rankings))
        return 0
    shared.out(rankings_as_text(figures(rankings)))
    if options.failures:
        shared.out("\n" + ranking_failures_as_text(rankings))
    return 0
