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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rag.library import Library
from rag.pipeline import ask
from rag.readers import read_papers
from rag.retrieval.searching import DEPTH

ROOT = Path(__file__).parents[2]
TARGET = 1.3


def milliseconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


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
        parts: dict[str, list[float]] = {
            name: [] for name in ("embedding", "vector query", "text query", "ask", "ask, reranked")
        }
        ratios = []
        revision = library.revision
        for _ in range(options.rounds):
            for question in questions:
                vector = library.embedder.embed([question])[0]
                costs = {
                    "embedding": milliseconds(partial(library.embedder.embed, [question])),
                    "vector query": milliseconds(partial(library._vectors.query, vector, DEPTH, revision=revision)),
                    "text query": milliseconds(partial(library._words.query, question, DEPTH)),
                    "ask": milliseconds(partial(ask, library, question, reranker=None)),
                    "ask, reranked": milliseconds(partial(ask, library, question)),
                }
                for name, cost in costs.items():
                    parts[name].append(cost)
                ratios.append(costs["ask"] / sum(cost for name, cost in costs.items() if not name.startswith("ask")))
        library.close()
    for name, values in parts.items():
        print(f"{name:14} {statistics.median(values):8.2f} ms")
    print(f"{'ratio':14} {statistics.median(ratios):8.2f}     (target below {TARGET})")


if __name__ == "__main__":
    main()
