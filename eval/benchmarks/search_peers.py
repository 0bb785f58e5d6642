"""The search beside llama-index's default index and bm25s, on the same corpus and with the same embedding.

    python -m eval.benchmarks.search_peers --corpus corpus.jsonl --queries queries.jsonl --qrels test.tsv

Needs the ``eval`` extra and bm25s (``pip install bm25s PyStemmer``). Each engine builds its
index in a process of its own, so that memory can be told apart. Prints nDCG@10,
recall@100, milliseconds a query, seconds to build, and the memory that building and asking took.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eval.retrieval import DEPTH, JudgedSet, limited, measured, read_set
from rag.readers import read_papers
from rag.types import Paper

Search = Callable[[str], list[str]]
"""A query's paper ids, best first, at most DEPTH."""


def footnoted(papers: list[Paper], settings: str, folder: Path) -> Search:
    from rag.library import Library
    from rag.retrieval import CONFIGURATIONS, search

    library = Library.open(folder)
    library.add(papers)
    return lambda query: [
        hit.paper.paper_id for hit in search(library, query, k=DEPTH, settings=CONFIGURATIONS[settings])
    ]


def llama_index(papers: list[Paper], folder: Path) -> Search:
    """``VectorStoreIndex.from_documents`` with its default settings, but for the embedding."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding

    from rag.embedding import BundledEmbedder

    embedder = BundledEmbedder()

    class Bundled(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return list(map(float, embedder.embed([query])[0]))

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_query_embedding(text)

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return [list(map(float, row)) for row in embedder.embed(texts)]

    documents = [Document(text=f"{p.title}\n{p.abstract}", metadata={}, doc_id=p.paper_id) for p in papers]
    index = VectorStoreIndex.from_documents(documents, embed_model=Bundled())
    retriever = index.as_retriever(similarity_top_k=DEPTH)

    def search(query: str) -> list[str]:
        return list(dict.fromkeys(str(found.node.ref_doc_id) for found in retriever.retrieve(query)))

    return search


def bm25s(papers: list[Paper], folder: Path) -> Search:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    retriever = bm25s.BM25()
    texts = [f"{p.title} {p.abstract}" for p in papers]
    retriever.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)

    def search(query: str) -> list[str]:
        tokens = bm25s.tokenize(query, stopwords="en", stemmer=stemmer, show_progress=False)
        rows, scores = retriever.retrieve(tokens, k=min(DEPTH, len(papers)), show_progress=False)
        return [papers[row].paper_id for row, score in zip(rows[0], scores[0], strict=True) if score > 0]

    return search


ENGINES: Mapping[str, Callable[[list[Paper], Path], Search]] = {
    "bm25s": bm25s,
    "llama-index": llama_index,
    "footnoted hybrid": lambda papers, folder: footnoted(papers, "hybrid", folder),
    "footnoted": lambda papers, folder: footnoted(papers, "default", folder),
}


def measure(name: str, corpus: Path, judged: JudgedSet, folder: str, results: Any) -> None:
    """One engine, in its own process."""
    papers = [item for item in read_papers(corpus) if isinstance(item, Paper)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    search = ENGINES[name](papers, Path(folder))
    build_seconds = time.perf_counter() - started
    for query in list(judged.queries.values())[:5]:
        search(query)
    milliseconds, found = [], {}
    for query_id, query in judged.queries.items():
        started = time.perf_counter()
        ids = search(query)
        milliseconds.append((time.perf_counter() - started) * 1000)
        found[query_id] = {paper_id: float(-place) for place, paper_id in enumerate(ids)}
    values = measured(judged, found)
    results.put(
        {
            "engine": name,
            "nDCG@10": statistics.mean(values["nDCG@10"]),
            "R@100": statistics.mean(values["R@100"]),
            "ms": statistics.median(milliseconds),
            "build_s": build_seconds,
            "MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--qrels", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    judged = limited(read_set(options.queries, options.qrels), options.limit)
    context = multiprocessing.get_context("spawn")
    rows = []
    for name in options.engines:
        with tempfile.TemporaryDirectory() as folder:
            results = context.Queue()
            process = context.Process(target=measure, args=(name, options.corpus, judged, folder, results))
            process.start()
            rows.append(results.get())
            process.join()
        if not options.json:
            if len(rows) == 1:
                print(f"{'':18} {'nDCG@10':>8} {'R@100':>7} {'ms':>8} {'build s':>8} {'MiB':>7}")
            row = rows[-1]
            print(
                f"{name:18} {row['nDCG@10']:8.3f} {row['R@100']:7.3f} {row['ms']:8.1f} {row['build_s']:8.1f} "
                f"{row['MiB']:7.0f}",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
