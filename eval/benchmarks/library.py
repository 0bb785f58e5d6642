"""What a library costs: ``python -m eval.benchmarks.library [FILE] [--sizes N,N] [--titles] [--embedded N]``.

For each size, papers of FILE (without it: of random words) are written to a file of JSON lines,
which is added with a stand-in embedding, so that the store is measured and not the model: one
number of 384 is 1, by the text's hash. Chroma's graph takes twice as long over so many equal vectors
as over real ones: with ``--titles`` it is one of those that the bundled model makes of the papers'
titles, before anything is measured; with ``--vectors FILE.npy`` a row of that file. Then the same
file again, with a blank line more, and with one record more and another one edited, a search of each
side, and what a new process needs for the first list and the first search.
``--embedded N`` adds N papers with the bundled model and compares with the model alone on the same
texts.
Numbers are printed, not judged; every size is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from rag.embedding import BundledEmbedder, FloatArray, TextVectors
from rag.library import Candidates, Library
from rag.readers import read_papers
from rag.types import Paper, Skipped, Span
from rag.writers import json_lines

N_DIMS = 384
N_WORDS = 20_000
N_QUESTIONS = 50


class StandIn:
    """One of 384 directions, or one of the rows given; which, the text's checksum says."""

    n_dims = N_DIMS

    def __init__(self, rows: Path | None) -> None:
        self._rows: FloatArray = np.eye(N_DIMS, dtype=np.float32) if rows is None else np.load(rows)
        self.fingerprint = f"stand-in/{rows}"

    def embed(self, texts: Sequence[str]) -> FloatArray:
        picked: FloatArray = self._rows[
            [zlib.crc32(text.encode("utf-8", "replace")) % len(self._rows) for text in texts]
        ]
        return picked

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        return [TextVectors(self.embed([""])[0], self.embed([""] * len(some))) for some in spans]


def random_papers() -> Iterator[Paper]:
    """Abstracts of eight sentences of twenty words of a Zipf-like vocabulary."""
    random = np.random.default_rng(2)
    weights = 1.0 / np.arange(10, N_WORDS + 10)
    n = 0
    while True:
        words = [f"w{word}" for word in random.choice(N_WORDS, 170, p=weights / weights.sum())]
        sentences = [" ".join(words[start : start + 20]).capitalize() + "." for start in range(10, 170, 20)]
        yield Paper(f"p{n}", " ".join(words[:10]), " ".join(sentences))
        n += 1


def papers_from(files: Sequence[Path], n: int) -> Iterator[Paper | Skipped]:
    """The first ``n`` of the files, one after the other."""
    if not files:
        return islice(random_papers(), n)
    return islice((part for file in files for part in read_papers(file)), n)


def measure(files: Sequence[Path], n_papers: int, vectors: Path | None) -> dict[str, float]:
    embedder = StandIn(vectors)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "library"
        with Library.open(folder, embedder=embedder) as library:
            records = Path(temporary) / "records.jsonl"
            write_records(records, files, n_papers)
            found = measure_adding(library, records)
            questions = [paper.title for paper in islice(library.papers(), N_QUESTIONS)]
            for k in (30, 50):
                measure_search(library, embedder.embed(questions), questions, k)
            measure_filters(library, embedder.embed(questions), questions)
        measure_opening(folder, questions[0])
    return found


def write_records(file: Path, files: Sequence[Path], n_papers: int) -> None:
    with file.open("w") as stream:
        stream.writelines(json_lines.write(part for part in papers_from(files, n_papers) if isinstance(part, Paper)))


def measure_adding(library: Library, records: Path) -> dict[str, float]:
    started, cpu = time.perf_counter(), time.process_time()
    report = library.add(read_papers(records))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)
    n = report.added + report.duplicates + report.updated
    say(f"{n:,} records ({report.added:,} papers, {report.n_chunks:,} chunks)")
    say(f"  add                     {n / wall:8.0f}/s  {wall:.1f} s wall; CPU {1e6 * cpu / n:.0f} us a record here, ")
    beside_cpu = beside.ru_utime + beside.ru_stime
    say(f"                          {1e6 * beside_cpu / n:.0f} us in the process that writes the vectors")
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"  peak memory             {here:8.0f} MB here, {beside.ru_maxrss / 1024:.0f} MB there")
    size = sum(file.stat().st_size for file in library.path.rglob("*") if file.is_file()) / 1e6
    say(f"  on disk                 {size:8.0f} MB, {1e3 * size / n:.1f} kB a record")
    cpu += beside_cpu
    measure_again("the same file again", library, records, wall, cpu)
    with records.open("a") as stream:
        stream.write("\n")
    measure_again("a blank line more", library, records, wall, cpu)
    lines = records.read_text().splitlines()
    lines[n // 2] = lines[n // 2].replace('"title": "', '"title": "Revised: ', 1)
    records.write_text("\n".join([*lines, json.dumps({"title": "One more", "abstract": "It is new."})]))
    del lines
    measure_again("one more, one edited", library, records, wall, cpu)
    return {"n": n, "wall": wall, "cpu": cpu}


def measure_again(what: str, library: Library, records: Path, first_wall: float, first_cpu: float) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    report = library.add(read_papers(records))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    say(
        f"  {what:23} {wall:8.2f} s, {wall / first_wall:.1%} of the first time; CPU {cpu / first_cpu:.1%} of the first "
        f"({report.added} new, {report.updated} updated)"
    )


def measure_search(library: Library, vectors: FloatArray, questions: Sequence[str], k: int) -> None:
    """The whole call, and each part by itself; the parts are the library's own, hence the underscores."""

    def search(n: int) -> Candidates:
        return library.candidates(vector=vectors[n], text=questions[n], k=k)

    found = [list(search(n).chunks) for n in range(len(questions))]
    state = library.state
    nearest = library._vectors.query
    say(f"  candidates, k={k}        {milliseconds(search)}")
    say("    of which Chroma       " + milliseconds(lambda n: nearest(vectors[n], k, revision=state.vectors_revision)))
    say(f"    of which tantivy      {milliseconds(lambda n: library._words.query(questions[n], k))}")
    with library.snapshot() as snapshot:
        assert snapshot is not None
        reading = milliseconds(lambda n: (snapshot.state(), snapshot.chunks(found[n], state.generation)))
        say(f"    of which SQLite       {reading}")


def measure_filters(library: Library, vectors: FloatArray, questions: Sequence[str]) -> None:
    from rag.filters import Filter

    for only in (Filter(from_year=2010), Filter(from_year=2015, to_year=2015), Filter(author="smith")):
        call = milliseconds(
            lambda n, only=only: library.candidates(vector=vectors[n], text=questions[n], k=30, only=only)  # type: ignore[misc]
        )
        say(f"    {only.describe():21.21} {call}")


def milliseconds(work: Callable[[int], object]) -> str:
    """Median and 95th percentile over the questions, after one that does not count."""
    work(0)
    taken = []
    for question in range(N_QUESTIONS):
        started = time.perf_counter()
        work(question)
        taken.append(1000 * (time.perf_counter() - started))
    return f"{np.median(taken):8.2f} ms median {np.percentile(taken, 95):8.2f} ms p95"


def measure_opening(folder: Path, question: str) -> None:
    for name, arguments in {
        "papers": ["papers"],
        "search --lexical": ["search", "--lexical", question],
        "stats": ["stats"],
    }.items():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        command = [sys.executable, "-m", "rag.cli", *arguments, "--library", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        say(f"  cold {name:18} {cpu:8.2f} s CPU {wall:6.2f} s wall, in a new process")


def measure_embedding(files: Sequence[Path], n_papers: int) -> None:
    """An add with the bundled model, and the model alone on the same texts in the same batches."""
    embedder = Remembering()
    held = list(papers_from(files, n_papers))
    embedder.model.embed(["ready"])
    with (
        tempfile.TemporaryDirectory() as temporary,
        Library.open(Path(temporary) / "library", embedder=embedder) as library,
    ):
        started, cpu = time.perf_counter(), cpu_seconds()
        library.add(held)
        adding, adding_cpu = time.perf_counter() - started, cpu_seconds() - cpu
    wall, cpu_within = embedder.wall_seconds, embedder.cpu_seconds
    started, cpu = time.perf_counter(), cpu_seconds()
    for batch in embedder.batches:
        embedder.model.embed(batch)
    alone, alone_cpu = time.perf_counter() - started, cpu_seconds() - cpu
    say(f"{len(held):,} records with the bundled model: {len(held) / adding:.1f}/s")
    say(f"  the model alone, on the same texts in the same batches: {len(held) / alone:.1f}/s")
    say(f"  the add reaches {alone / adding:.0%} of the model's own rate")
    say(f"  the model alone takes {alone_cpu / adding_cpu:.0%} of the add's CPU")
    # What does not change with what else the machine does between the two.
    within = f"{wall / adding:.0%} of the time and {cpu_within / adding_cpu:.0%} of the CPU"
    say(f"  within the add, the model took {within}")


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + beside.ru_utime + beside.ru_stime


class Remembering:
    """The bundled model, which remembers what it was given and what it took."""

    def __init__(self) -> None:
        self.model = BundledEmbedder()
        self.n_dims, self.fingerprint = self.model.n_dims, self.model.fingerprint
        self.batches: list[list[str]] = []
        self.wall_seconds = self.cpu_seconds = 0.0

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.batches.append(list(texts))
        started, cpu = time.perf_counter(), time.process_time()
        vectors = self.model.embed(texts)
        self.wall_seconds += time.perf_counter() - started
        self.cpu_seconds += time.process_time() - cpu
        return vectors

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        return self.model.embed_spans(texts, spans)


def compare(measured: Iterable[dict[str, float]]) -> None:
    """How the cost grows from each size to the next, beside n log n."""
    some = list(measured)
    for one, other in pairwise(some):
        expected = other["n"] * math.log(other["n"]) / (one["n"] * math.log(one["n"]))
        grown = {name: other[name] / one[name] for name in ("wall", "cpu")}
        say(
            f"from {one['n']:,.0f} to {other['n']:,.0f}: {grown['wall']:.2f} times the time, "
            f"{grown['cpu']:.2f} times the CPU; n log n grows {expected:.2f} times"
        )


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--sizes", default="2000,10000", metavar="N,N")
    parser.add_argument("--vectors", type=Path, metavar="FILE.npy")
    parser.add_argument("--titles", action="store_true")
    parser.add_argument("--embedded", type=int, metavar="N")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # a size, in this process
    options = parser.parse_args(arguments)
    if options.one:
        say("= " + json.dumps(measure(options.files, options.one, options.vectors)))
        return
    if options.embedded:
        measure_embedding(options.files, options.embedded)
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        rows = options.vectors
        if options.titles:
            rows = Path(temporary) / "titles.npy"
            np.save(rows, vectors_of_titles(options.files, max(sizes)))
        compare([measured_alone(options.files, size, rows) for size in sizes])


def vectors_of_titles(files: Sequence[Path], n_papers: int) -> FloatArray:
    titles = [part.title for part in papers_from(files, n_papers) if isinstance(part, Paper)]
    return BundledEmbedder().embed(titles)


def measured_alone(files: Sequence[Path], size: int, rows: Path | None) -> dict[str, float]:
    """In a process of its own, whose lines are passed on."""
    vectors = ["--vectors", str(rows)] if rows else []
    command = [sys.executable, "-m", "eval.benchmarks.library", *map(str, files), *vectors, "--one", str(size)]
    measured: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("= "):
                measured = json.loads(line[2:])
            else:
                say(line.rstrip())
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
