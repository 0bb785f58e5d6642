"""``footnoted eval check``, ``draft`` and ``import``: getting questions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from eval.commands import shared
from eval.commands.shared import LAYOUT, say
from rag.errors import UsageError

FORMAT_NAMES = ("beir", "pubmedqa", "scifact", "scholarqabench", "ragtruth")

_DRAFT = """\
Write drafts of questions about the papers of a library, for you to correct: by rules from
its sentences, or by the model that is configured. Each draft is tagged 'draft' and holds the
sentence that answers it, letter for letter. Read them before you trust a figure.
"""

_IMPORT = """\
Turn a public data set that lies on your disk into papers.jsonl (for 'footnoted add'),
questions.jsonl (for 'eval run') and claims.jsonl (for 'eval judge'), those that it has.

  beir             corpus.jsonl, queries.jsonl, qrels/*.tsv
  pubmedqa         ori_pqal.json
  scifact          corpus.jsonl, claims_*.jsonl in SciFact's own format
  scholarqabench   a question file, or a folder of them (QASA's and ScholarQA's too)
  ragtruth         response.jsonl, source_info.jsonl
"""


def add_parser(commands: Any) -> None:
    check = commands.add_parser("check", help="check a question file, and whether it fits a library")
    check.add_argument("questions", metavar="FILE", type=Path)
    check.add_argument("--library", metavar="DIR", help="also: is every paper and every answering sentence in there?")
    check.add_argument("--config", metavar="FILE", type=Path, help="a footnoted.toml other than your own")
    check.set_defaults(run=_check)

    draft = commands.add_parser(
        "draft", help="draft questions from a library for you to correct", description=_DRAFT, formatter_class=LAYOUT
    )
    draft.add_argument("--out", metavar="FILE", type=Path, required=True, help="a new file for the drafts")
    draft.add_argument("-n", metavar="N", type=shared.positive, default=50, help="drafts at most (50)")
    draft.add_argument("--by", choices=("rules", "model"), default="rules")
    draft.add_argument("--seed", type=int, default=0, help="which sentences are taken (0)")
    draft.add_argument("--library", metavar="DIR", help="whose papers (default: your own library)")
    draft.add_argument("--config", metavar="FILE", type=Path, help="a footnoted.toml other than your own")
    draft.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint (or OPENAI_BASE_URL)")
    draft.add_argument("--model", metavar="NAME", help="the model there, or a [model.NAME] profile")
    draft.add_argument("--no-cache", action="store_true", help="ask the model anew, and keep nothing")
    draft.add_argument("--cache", metavar="DIR", type=Path, help="where replies are kept")
    draft.set_defaults(run=_draft)

    load = commands.add_parser(
        "import", help="turn a public data set on your disk into questions", description=_IMPORT, formatter_class=LAYOUT
    )
    load.add_argument("format", choices=FORMAT_NAMES, metavar="FORMAT")
    load.add_argument("place", metavar="PLACE", type=Path, help="its folder, or its file")
    load.add_argument("--out", metavar="DIR", type=Path, required=True)
    load.add_argument("--split", metavar="NAME", help="only this part of it: train, dev, test")
    load.set_defaults(run=_import)


def _check(options: argparse.Namespace) -> int:
    from collections import Counter

    from eval.questions import load
    from rag.library import Library

    questions = load(options.questions)
    if options.library is not None:
        with Library.open(shared.config_of(options).library) as library:
            shared.resolved(questions, library)
    n_yes = sum(question.answerable for question in questions)
    tags = Counter(tag for question in questions for tag in question.tags)
    shared.out(f"{len(questions)} questions, {n_yes} answerable; nothing wrong")
    for tag, n in tags.most_common():
        shared.out(f"{n:6} {tag}")
    if not n_yes or n_yes == len(questions):
        missing = "answerable" if not n_yes else "unanswerable"
        say(f"note: there is no {missing} question, so half of what matters cannot be measured")
    return 0


def _draft(options: argparse.Namespace) -> int:
    from eval.data_sets.drafts import by_model, by_rules
    from eval.progress import Progress
    from eval.questions import to_json
    from rag.library import Library
    from rag.llm import open_model

    if options.out.exists():
        raise UsageError(f"{options.out} exists, and may hold corrected drafts: name a new file")
    settings = shared.config_of(options)
    with Library.open(settings.library) as library:
        papers = sorted(library.papers(), key=lambda paper: paper.paper_id)
    if not papers:
        raise UsageError(f"the library {settings.library} is empty: add papers first, or name another with --library")
    if options.by == "rules":
        found, n_useless = by_rules(papers, options.n, options.seed), 0
    else:
        model = open_model(settings.model)
        if model is None:
            raise UsageError("no model is configured: name one with --base-url and --model, or draft with --by rules")
        progress = Progress(min(options.n, len(papers)))
        try:
            found, n_useless = by_model(
                papers, options.n, model, cache=shared.cache_of(options), seed=options.seed, on_question=progress.count
            )
        finally:
            progress.clear()
    import json

    from eval.errors import RunError
    from eval.runs.records import write_whole

    text = "".join(json.dumps(to_json(question), ensure_ascii=False) + "\n" for question in found)
    try:
        write_whole(options.out, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise RunError(f"{options.out} cannot be written ({error.strerror}): choose another place") from error
    say(f"{len(found)} drafts in {options.out}: read and correct them before you ask them")
    if n_useless:
        say(f"{n_useless} replies of the model were no use and were left out")
    return 0


def _import(options: argparse.Namespace) -> int:
    from eval.data_sets import read, write

    found = read(options.format, options.place, split=options.split)
    for path in write(options.out, found):
        shared.out(str(path))
    say(f"{len(found.papers)} papers, {len(found.questions)} questions, {len(found.claims)} claims")
    for note in found.notes:
        say(f"note: {note}")
    return 0
