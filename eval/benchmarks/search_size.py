"""What one search costs beside its three unavoidable parts, as the library grows.

    python -m eval.benchmarks.search_size FOLDER [--sizes 1000,10000,100000] [--questions 100] [--keep DIR]

FOLDER holds files of papers, which are read one after the other. The papers get random unit
vectors, since only the time counts here and embedding 100,000 abstracts takes an hour;
the questions, those that ship, are embedded for real. In one warm process for each size,
question by question: the embedding of the question, one vector query and one word query of
the depth that the search uses, what is read into the question, the search without the
reranker, and the search as it is by default. Prints medians in milliseconds, and the median
ratio of the search without the reranker to the sum of the three. Target: below 2.
``--keep`` leaves the libraries in DIR and takes those that are there.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.benchmarks.library import papers_from
from rag.embedding import BundledEmbedder, FloatArray, TextVectors
from rag.library import Library
from rag.retrieval import search
from rag.retrieval.asked import asked
from rag.retrieval.searching import DEPTH
from rag.types import Span

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "eval" / "data" / "seed_questions.jsonl"
N_QUESTIONS = 100
N_WARM_UP = 4
N_DIMS = 384
TARGET = 2.0
PARTS = ("embedding", "vector query", "word query")


class RandomVectors:
    """Goes as the bundled embedding, and gives each text a direction that only its checksum knows."""

    def __init__(self) -> None:
        self.fingerprint = BundledEmbedder().fingerprint
        self.n_dims = N_DIMS

    def embed(self, texts: Sequence[str]) -> FloatArray:
        seed = zlib.crc32("".join(texts[:1]).encode("utf-8", "replace"))
        rows = np.random.default_rng(seed).standard_normal((len(texts), N_DIMS), np.float32)
        unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        own = [self.embed([text] * (1 + len(some))) for text, some in zip(texts, spans, strict=True)]
        return [TextVectors(rows[0], rows[1:]) for rows in own]


def milliseconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def measure(library: Library, questions: Sequence[str]) -> None:
    embedder, revision = library.embedder, library.state.vectors_revision
    for question in questions[:N_WARM_UP]:
        search(library, question, reranker=None)
        search(library, question)
    gc.collect()
    gc.disable()  # a collection would fall into one part or another by chance
    costs: dict[str, list[float]] = {}
    ratios = []
    for question in questions:
        vector = embedder.embed([question])[0]
        own = {
            "embedding": milliseconds(partial(embedder.embed, [question])),
            "vector query": milliseconds(partial(library._vectors.query, vector, DEPTH, revision=revision)),
            "word query": milliseconds(partial(library._words.query, question, DEPTH)),
            "reading the question": milliseconds(partial(asked, library, question)),
            "search, no reranker": milliseconds(partial(search, library, question, reranker=None)),
            "search": milliseconds(partial(search, library, question)),
        }
        for name, cost in own.items():
            costs.setdefault(name, []).append(cost)
        ratios.append(own["search, no reranker"] / sum(own[name] for name in PARTS))
    for name, values in costs.items():
        print(f"  {name:22} {statistics.median(values):8.2f} ms")
    print(f"  {'ratio':22} {statistics.median(ratios):8.2f}     (target below {TARGET:.0f})", flush=True)


@contextlib.contextmanager
def folder_for(kept: Path | None, size: int) -> Iterator[Path]:
    if kept is not None:
        yield kept / f"library-{size}"
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary) / "library"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--sizes", default="1000,10000,100000", metavar="N,N")
    parser.add_argument("--questions", type=int, default=N_QUESTIONS, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # a size, in this process
    options = parser.parse_args(arguments)
    if options.one is None:
        for size in options.sizes.split(","):
            subprocess.run([sys.executable, "-m", "eval.benchmarks.search_size", *arguments, "--one", size], check=True)
        return
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text("utf-8").splitlines()]
    questions = questions[: options.questions]
    with folder_for(options.keep, options.one) as folder:
        with Library.open(folder, embedder=RandomVectors()) as library:
            if len(library) == 0:
                folder.parent.mkdir(parents=True, exist_ok=True)
                library.add(papers_from(sorted(options.folder.iterdir()), options.one))
        with Library.open(folder) as library:
            print(f"{len(library):,} papers", flush=True)
            measure(library, questions)


if __name__ == "__main__":
    main(sys.argv[1:])
