"""``footnoted eval retrieval``: the search by itself, on any set in BEIR's layout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from eval.commands import shared

DEFAULT_CONFIGS = "lexical,dense,hybrid,default"

_DESCRIPTION = """\
Measure the search by itself on a set with relevance judgements, in BEIR's layout.

The corpus is read once into a library in your cache folder, or into --library. Every
query goes through every configuration; the last one is compared with the others, query by
query.
"""


def add_parser(commands: Any) -> None:
    made: argparse.ArgumentParser = commands.add_parser(
        "retrieval",
        help="measure the search on a set with relevance judgements",
        description=_DESCRIPTION,
        formatter_class=shared.LAYOUT,
    )
    made.add_argument(
        "--corpus", metavar="FILE", type=Path, required=True, help="papers: corpus.jsonl, or any file of them"
    )
    made.add_argument("--queries", metavar="FILE", type=Path, required=True, help="queries.jsonl: _id and text")
    made.add_argument("--qrels", metavar="FILE", type=Path, required=True, help="query, paper and score, tab-separated")
    made.add_argument(
        "--configs", metavar="NAMES", default=DEFAULT_CONFIGS, help=f"separated by commas ({DEFAULT_CONFIGS})"
    )
    made.add_argument("--library", metavar="DIR", type=Path, help="keep the library of the corpus here")
    made.add_argument("--limit", metavar="N", type=shared.positive, help="only N queries, taken evenly from the file")
    made.add_argument("--json", action="store_true", help="print JSON for machines")
    made.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from eval import retrieval
    from eval.runs.fingerprint import code_sha256
    from eval.shipped import MAKES_CHUNKS, cache_folder
    from rag.embedding import open_embedder
    from rag.library import Library
    from rag.readers import read_papers

    named = retrieval.configurations([name.strip() for name in options.configs.split(",") if name.strip()])
    judged = retrieval.limited(retrieval.read_set(options.queries, options.qrels), options.limit)
    embedder = open_embedder(None)
    folder = options.library
    if folder is None:
        key = f"{retrieval.corpus_key(options.corpus)[:16]}-{code_sha256(*MAKES_CHUNKS)[:8]}"
        folder = cache_folder() / f"corpus-{key}"
    with Library.open(folder, embedder=embedder) as library:
        try:
            report = library.add(
                read_papers(options.corpus),
                on_progress=lambda so_far: _progress(f"{so_far.added + so_far.unchanged:,} papers read"),
                wait_seconds=600.0,
            )
            found = retrieval.run(
                library, judged, named, lambda done: _progress(f"{done:,} of {len(judged.queries):,} queries")
            )
        finally:
            _progress("")
        n_papers = len(library)
    if report.n_skipped:
        shared.say(f"{report.n_skipped} parts of {options.corpus.name} were skipped")
    if options.json:
        shared.out_json(retrieval.as_json(found, judged, n_papers))
    else:
        shared.out(retrieval.as_text(found, n_papers))
    return 0


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
