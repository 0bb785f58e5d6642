"""How fast the bundled embedding is here: ``python -m eval.benchmarks.embedding``.

Prints abstracts per second, with and without their sentences, the milliseconds of a
question, and the CPU seconds of a first use. The abstracts are the long paragraphs of
the papers that come with the package, with their sentences cut at full stops, roughly.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from rag.embedding import BundledEmbedder
from rag.models.build_minilm import abstracts
from rag.types import Span

QUESTION = "How does feedback improve the prediction of where a driver looks?"
N_QUESTIONS = 300
N_STARTS = 5

COLD_START = f"""
import time
from rag.embedding import BundledEmbedder
embedder = BundledEmbedder()
imported = time.process_time()
embedder.embed([{QUESTION!r}])
print(imported, time.process_time())
"""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cold_start_seconds() -> tuple[float, float]:
    """CPU seconds of fresh processes, medians: up to the import, and up to the first vector."""
    starts = []
    for _ in range(N_STARTS):
        run = subprocess.run([sys.executable, "-c", COLD_START], capture_output=True, text=True, check=True)
        starts.append([float(number) for number in run.stdout.split()])
    return statistics.median(start[0] for start in starts), statistics.median(start[1] for start in starts)


def main() -> None:
    imported, first = cold_start_seconds()
    print(f"cold start, CPU seconds: {imported:.2f} to import with Python and numpy, {first:.2f} to the first vector")

    embedder = BundledEmbedder()
    embedder.embed([QUESTION])
    questions = sorted(1000 * seconds(lambda: embedder.embed([QUESTION])) for _ in range(N_QUESTIONS))
    quickest, median, p95 = (questions[int(share * N_QUESTIONS)] for share in (0.0, 0.5, 0.95))
    print(f"a question, ms: {median:.1f} median, {p95:.1f} p95, {quickest:.1f} at best")

    texts = abstracts()
    spans = [[Span(m.start(), m.end()) for m in re.finditer(r"\S.*?[.?!](?=\s|$)", text)] for text in texts]
    sentences = [span.of(text) for text, own in zip(texts, spans, strict=True) for span in own]
    for what, count, work in (
        ("abstracts", len(texts), lambda: embedder.embed(texts)),
        ("abstracts with their sentences as spans", len(texts), lambda: embedder.embed_spans(texts, spans)),
        ("sentences by themselves", len(sentences), lambda: embedder.embed(sentences)),
    ):
        print(f"{what}: {count / min(seconds(work), seconds(work)):.1f} a second (of {count})")


if __name__ == "__main__":
    main()
