"""``footnoted eval follow-ups``: what a question points back to."""

from __future__ import annotations

import argparse
from typing import Any

from eval.commands import shared

_DESCRIPTION = """\
Ask every question that has turns before it, and see whether the paper that it means comes first
among the sources. Without --questions, those of both shipped files. No model is asked.
"""


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "follow-ups",
        help="measure whether follow-ups find the paper that they mean",
        description=_DESCRIPTION,
        epilog=shared.EPILOG,
        formatter_class=shared.LAYOUT,
        parents=[shared.asking_options()],
    )
    made.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from eval import shipped
    from eval.following import follow, shares
    from eval.progress import Progress
    from eval.questions import load
    from eval.scores import pair
    from eval.table import cut, share_columns

    questions = shared.questions_of(options)
    if options.questions is None:
        questions = (*questions, *load(shipped.follow_ups_path()))
    questions = tuple(one for one in questions if one.history)
    settings = shared.config_of(options)
    progress = Progress(len(questions))
    with shared.library_of(options, settings) as library:
        try:
            asked = shared.resolved(questions, library)
            followed = follow(library, asked, n_sources=settings.n_sources, on_question=progress.count)
        finally:
            progress.clear()
    figures = shares(followed)
    if options.json:
        shared.out_json(
            {
                "figures": [
                    {"words": one.words.strip(), "n_true": one.n_true, "n": one.n, "interval": pair(one.interval)}
                    for one in figures
                ],
                "questions": {one.question.question_id: one.is_found for one in followed},
            }
        )
        return 0
    shared.out(f"{'':34} {'share':>7}   {'95 % interval':<16} {'count':>9}")
    shared.out("\n".join(f"{cut(one.words, 34):34} {share_columns(one)}" for one in figures))
    for one in followed if options.failures else ():
        if not one.is_found:
            shared.out(cut(f"{one.question.question_id}: {one.question.question}"))
            shared.out("    " + cut(f"searched: {one.searched}", 114))
            shared.out("    " + cut(f"found first: {one.titles[0] if one.titles else 'nothing'}", 114))
    return 0
