"""What one ``ask`` in quoting mode costs beside its three unavoidable parts.

    python -m eval.benchmarks.ask [--library DIR] [--questions FILE] [--rounds 3]

In one warm process, question by question: the embedding of the question, one vector
query and one text query of the depth that the search uses, the whole ``ask`` without the
reranker, and with it, as it is by default. Prints medians in milliseconds and the ratio of
``ask`` without the reranker to the sum of the three. Target: below 1.3.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag.library import Library
from rag.pipeline import ask
from rag.readers import read_papers
from rag.retrieval.searching import DEPTH

ROOT = Path(__file__).parents[2]
TARGET = 1.3
T = TypeVar("T")


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the milliseconds that it took."""
    started = time.perf_counter()
    value = action()
    return value, (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, help="default: the papers that ship, in a temporary library")
    parser.add_argument("--questions", type=Path, default=ROOT / "eval" / "data" / "seed_questions.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    questions = [json.loads(line)["question"] for line in options.questions.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as temporary:
        library = Library.open(options.library or Path(temporary) / "library")
        if options.library is None:
            library.add(read_papers(ROOT / "rag" / "data" / "daily_papers.txt"))
        for question in questions[:20]:
            ask(library, question)
            ask(library, question, reranker=None)
        gc.collect()
        gc.disable()  # a collection would fall into one part or another by chance
        parts: dict[str, list[float]] = defaultdict(list)
        ratios = []
        revision = library.revision
        for _ in range(options.rounds):
            # Each part once in turn, as in an ask: the same text embedded twice in a row would find the
            # model in the processor's cache, and right after the reranker it never would.
            for question in questions:
                rows, embedding = timed(partial(library.embedder.embed, [question]))
                _, vector_query = timed(partial(library._vectors.query, rows[0], DEPTH, revision=revision))
                _, text_query = timed(partial(library._words.query, question, DEPTH))
                _, whole = timed(partial(ask, library, question, reranker=None))
                parts["embedding"].append(embedding)
                parts["vector query"].append(vector_query)
                parts["text query"].append(text_query)
                parts["ask"].append(whole)
                ratios.append(whole / (embedding + vector_query + text_query))
            for question in questions:
                parts["ask, reranked"].append(timed(partial(ask, library, question))[1])
        library.close()
    for name, values in parts.items():
        print(f"{name:14} {statistics.median(values):8.2f} ms")
    print(f"{'ratio':14} {statistics.median(ratios):8.2f}     (target below {TARGET})")


if __name__ == "__main__":
    main()
