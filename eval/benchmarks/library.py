"""How fast a library is written, searched and opened: ``python -m eval.benchmarks.library [n_papers ...]``.

Papers are random words of a Zipf-like vocabulary and vectors come from a stand-in, so that
the store is measured and not the embedding model. Numbers are printed, not judged.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from rag.embedding import FloatArray, TextVectors
from rag.library import Candidates, Library
from rag.types import Paper, Span

N_DIMS = 384
N_WORDS = 20_000
N_QUESTIONS = 50


class RandomEmbedder:
    """Random directions, in the order asked for: the worst case for an approximate index."""

    fingerprint = "random/1"
    n_dims = N_DIMS

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        rows = self._random.standard_normal((len(texts), N_DIMS), dtype=np.float32)
        unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        return [TextVectors(self.embed([""])[0], self.embed([""] * len(some))) for some in spans]


def papers(n_papers: int) -> Iterator[Paper]:
    """Abstracts of eight sentences of twenty words."""
    random = np.random.default_rng(2)
    weights = 1.0 / np.arange(10, N_WORDS + 10)
    for n in range(n_papers):
        words = [f"w{word}" for word in random.choice(N_WORDS, 170, p=weights / weights.sum())]
        sentences = [" ".join(words[start : start + 20]).capitalize() + "." for start in range(10, 170, 20)]
        yield Paper(f"p{n}", " ".join(words[:10]), " ".join(sentences))


def milliseconds(work: Callable[[int], object]) -> str:
    """Median and 95th percentile over the questions, after one that does not count."""
    work(0)
    taken = []
    for question in range(N_QUESTIONS):
        started = time.perf_counter()
        work(question)
        taken.append(1000 * (time.perf_counter() - started))
    return f"{np.median(taken):6.2f} ms median {np.percentile(taken, 95):6.2f} ms p95"


def measure(n_papers: int, folder: Path) -> None:
    embedder = RandomEmbedder()
    made = list(papers(n_papers))
    with Library.open(folder, embedder=embedder) as library:
        library.add(made[:1])  # imports
        cpu, started = time.process_time(), time.perf_counter()
        library.add(made)
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
        _say(f"{n_papers} papers: add {n_papers / wall:.0f}/s ({wall:.1f} s wall, {cpu:.1f} s CPU), {size:.0f} MB")
        started = time.perf_counter()
        library.add(made)
        _say(f"  the same again         {time.perf_counter() - started:7.2f} s")
        vectors = embedder.embed([""] * N_QUESTIONS)
        questions = [made[n % n_papers].title for n in range(N_QUESTIONS)]
        for k in (30, 50):
            measure_search(library, vectors, questions, k)
    measure_opening(folder)


def measure_search(library: Library, vectors: FloatArray, questions: Sequence[str], k: int) -> None:
    """The whole call, and each part by itself; the parts are the library's own, hence the underscores."""

    def search(n: int) -> Candidates:
        return library.candidates(vector=vectors[n], text=questions[n], k=k)

    found = [list(search(n).chunks) for n in range(N_QUESTIONS)]
    revision = library.revision
    _say(f"  candidates, k={k}       {milliseconds(search)}")
    _say(f"    of which Chroma      {milliseconds(lambda n: library._vectors.query(vectors[n], k, revision=revision))}")
    _say(f"    of which tantivy     {milliseconds(lambda n: library._words.query(questions[n], k))}")
    with library.snapshot() as snapshot:
        assert snapshot is not None
        generation = snapshot.state().generation
        reading = milliseconds(lambda n: (snapshot.state(), snapshot.chunks(found[n], generation)))
        _say(f"    of which SQLite      {reading}")


def measure_opening(folder: Path) -> None:
    for name, code in {
        "open and list papers": "len(list(library.papers()))",
        "open and search once": "library.candidates(vector=numpy.ones(384, 'f4') / 384**.5, text='w1 w2', k=30)",
    }.items():
        script = (
            "import sys, numpy\n" if "numpy" in code else "import sys\n"
        ) + f"from rag.library import Library\nwith Library.open(sys.argv[1]) as library: {code}"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True)
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        _say(f"  {name}   {cpu:7.2f} s CPU {wall:6.2f} s wall, in a new process")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    for n_papers in [int(argument) for argument in arguments] or [62, 2_000, 10_000]:
        with tempfile.TemporaryDirectory() as folder:
            measure(n_papers, Path(folder) / "library")


if __name__ == "__main__":
    main(sys.argv[1:])
