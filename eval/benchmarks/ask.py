"""What one ``ask`` in quoting mode costs beside its three unavoidable parts.

    python -m eval.benchmarks.ask [--library DIR] [--questions FILE] [--limit 120] [--reranked 120]

In one warm process, in turn: of one question its embedding, one vector query and one text
query of the depth that the search uses; of the next one the whole ``ask`` without the
reranker. In a second pass the two change places, so that each question is asked once and its
parts are taken once, with many others in between: what an ``ask`` keeps of a question helps
neither. Prints medians in milliseconds, and the ratio of ``ask`` without the reranker to the
sum of the three. Target: below 1.3. Then as many are asked with the reranker, as it is by
default. Less than a minute on an idle machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag.answer.kinds import kind_of
from rag.index.reader import ASKED_WHOLE
from rag.library import Library
from rag.pipeline import ask
from rag.readers import read_papers
from rag.retrieval.searching import DEPTH

ROOT = Path(__file__).parents[2]
TARGET = 1.3
PARTS = ("embedding", "vector query", "text query")
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
    parser.add_argument("--limit", type=int, default=120, help="of so many questions")
    parser.add_argument("--reranked", type=int, default=120, help="and of so many with the reranker")
    options = parser.parse_args()
    every = [json.loads(line)["question"] for line in options.questions.read_text("utf-8").splitlines()]
    # A comparison is read by the reranker whatever was asked for.
    questions = [question for question in every if kind_of(question) == "answer"]
    step = max(1, len(questions) // options.limit)
    with tempfile.TemporaryDirectory() as temporary:
        library = Library.open(options.library or Path(temporary) / "library")
        if options.library is None:
            print("adding the papers that ship", flush=True)
            library.add(read_papers(ROOT / "rag" / "data" / "daily_papers.txt"))
        measure(library, questions[::step][: options.limit], options.reranked)
        library.close()


def measure(library: Library, questions: Sequence[str], n_reranked: int) -> None:
    for listed in library.listed()[:60]:  # other texts, about all that is held
        ask(library, f"What is proposed in {listed.title}, and why?", reranker=None)
    gc.collect()
    gc.disable()  # a collection would fall into one part or another by chance
    costs: dict[str, list[float]] = defaultdict(list)
    revision = library.revision
    # As the search asks: of a small library for all of it.
    depth = n_held if (n_held := library.state.n_embedded) <= ASKED_WHOLE else DEPTH
    for turn in (0, 1):
        for at, question in enumerate(questions):
            if (at + turn) % 2:
                costs["ask"].append(timed(partial(ask, library, question, reranker=None))[1])
                continue
            rows, cost = timed(partial(library.embedder.embed, [question]))
            costs["embedding"].append(cost)
            costs["vector query"].append(timed(partial(library._vectors.query, rows[0], depth, revision=revision))[1])
            costs["text query"].append(timed(partial(library._words.query, question, DEPTH))[1])
    medians = {name: statistics.median(costs[name]) for name in (*PARTS, "ask")}
    for name, value in medians.items():
        print(f"{name:14} {value:8.2f} ms", flush=True)
    ratio = medians["ask"] / sum(medians[name] for name in PARTS)
    print(f"{'ratio':14} {ratio:8.2f}     (target below {TARGET})", flush=True)
    ask(library, "Which reader is warm?")  # loads the reranker
    reranked = [timed(partial(ask, library, question))[1] for question in questions[:n_reranked]]
    print(f"{'ask, reranked':14} {statistics.median(reranked):8.2f} ms")


if __name__ == "__main__":
    main()
