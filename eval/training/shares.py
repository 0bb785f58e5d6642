"""Chooses what words, chunk and best sentence count in the search, and what a word is worth for being there at all.

    python -m eval.training.shares --library DIR --queries queries.jsonl --qrels train.tsv

DIR is a library of the corpus, as ``footnoted eval retrieval --library DIR`` makes it. Prints nDCG@10 of the
search as it is, of the best values of ``rag.retrieval.fusion`` and of ``PRESENCE`` in ``rag.index.words`` on all
queries, and by five-fold cross-validation: chosen on four fifths of the queries, measured on the fifth, three times.
Beside it what needs no choosing: plain BM25, the chunks' vectors, and the reciprocal ranks of the two (k = 60), by
which one set of queries can be set beside another. Five minutes for 809 queries on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.retrieval import JudgedSet, read_set
from eval.statistics import mean_interval, paired_difference
from rag.index import words
from rag.library import Candidates, Library
from rag.retrieval import fusion
from rag.retrieval.searching import DEPTH

PRESENCES = (0.25, 0.5, 1.0)
LEXICAL = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
CHUNK_OF_DENSE = (0.1, 0.2, 0.3, 0.4)
"""The chunk's part of what the words leave; the best sentence has the rest."""
N_FOLDS, N_TIMES = 5, 3
RANKED, RRF_K = 100, 60

Floats = npt.NDArray[np.float64]
Chosen = tuple[float, float, float]
"""PRESENCE, LEXICAL_SHARE and CHUNK_SHARE; all three shares make 1."""


@contextmanager
def values(presence: float, lexical: float, chunk: float) -> Iterator[None]:
    before = words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE, fusion.SENTENCE_SHARE
    words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE = presence, lexical, chunk
    fusion.SENTENCE_SHARE = 1 - lexical - chunk
    try:
        yield
    finally:
        words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE, fusion.SENTENCE_SHARE = before


def ndcg(papers: Sequence[str], relevant: Mapping[str, int], at: int = 10) -> float:
    """Of graded 0 or 1 (Järvelin & Kekäläinen 2002), in [0, 1]."""
    wanted = {paper for paper, grade in relevant.items() if grade > 0}
    gains = (1 / math.log2(rank + 1) for rank, paper in enumerate(papers[:at], 1) if paper in wanted)
    return sum(gains) / sum(1 / math.log2(rank + 1) for rank in range(1, min(at, len(wanted)) + 1))


def papers_of(ids: Sequence[str], found: Candidates) -> list[str]:
    return list(dict.fromkeys(found.chunks[chunk_id].paper.paper_id for chunk_id in ids))


def fused(found: Candidates, vector: npt.NDArray[np.float32]) -> list[str]:
    """As ``rag.retrieval.searching.find`` orders them."""
    cosines = {chunk_id: stored.rows.dot(vector).tolist() for chunk_id, stored in found.chunks.items()}
    own = {chunk_id: values[0] for chunk_id, values in cosines.items()}
    best = {chunk_id: max(values[1:]) for chunk_id, values in cosines.items()}
    scores = fusion.fuse(own, best, dict(found.lexical))
    return papers_of(sorted(sorted(scores), key=scores.__getitem__, reverse=True), found)


def tried(library: Library, judged: JudgedSet) -> dict[Chosen, Floats]:
    """nDCG@10 of each query with each choice, and with the one that ships."""
    shipped = words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE
    choices = [
        (presence, lexical, round(chunk * (1 - lexical), 4))
        for presence, lexical, chunk in itertools.product(PRESENCES, LEXICAL, CHUNK_OF_DENSE)
    ]
    vectors = library.embedder.embed(list(judged.queries.values()))
    measured: dict[Chosen, list[float]] = {choice: [] for choice in dict.fromkeys((shipped, *choices))}
    for presence, own in itertools.groupby(sorted(measured), key=lambda choice: choice[0]):
        own_choices = list(own)
        for (name, text), vector in zip(judged.queries.items(), vectors, strict=True):
            with values(presence, 0.3, 0.2):
                found = library.candidates(vector=vector, text=text, k=DEPTH)
            for choice in own_choices:
                with values(*choice):
                    measured[choice].append(ndcg(fused(found, vector), judged.judgements[name]))
    return {choice: np.array(own) for choice, own in measured.items()}


def without_choosing(library: Library, judged: JudgedSet) -> dict[str, Floats]:
    vectors = library.embedder.embed(list(judged.queries.values()))
    measured: dict[str, list[float]] = {"BM25": [], "vectors": [], "reciprocal ranks of both": []}
    for (name, text), vector in zip(judged.queries.items(), vectors, strict=True):
        with values(0.0, 0.3, 0.2):
            found = library.candidates(vector=vector, text=text, k=RANKED)
        sides = [papers_of([chunk_id for chunk_id, _ in side], found) for side in (found.lexical, found.dense)]
        ranks: dict[str, float] = {}
        for side in sides:
            for rank, paper in enumerate(side, 1):
                ranks[paper] = ranks.get(paper, 0.0) + 1 / (RRF_K + rank)
        for of, papers in zip(measured, (*sides, sorted(ranks, key=lambda paper: -ranks[paper])), strict=True):
            measured[of].append(ndcg(papers, judged.judgements[name]))
    return {name: np.array(own) for name, own in measured.items()}


def cross_validated(measured: Mapping[Chosen, Floats], seed: int) -> Floats:
    """Each query with the choice that is best on the other folds."""
    n_queries = len(next(iter(measured.values())))
    fold_of = np.random.default_rng(seed).permutation(n_queries) % N_FOLDS
    kept = np.zeros(n_queries)
    for fold in range(N_FOLDS):
        best = max(measured, key=lambda choice: float(measured[choice][fold_of != fold].mean()))
        kept[fold_of == fold] = measured[best][fold_of == fold]
    return kept


def say(name: str, own: Floats) -> None:
    interval = mean_interval(own.tolist())
    assert interval is not None
    print(f"{name:44} {own.mean():.3f}   {interval.low:.3f} to {interval.high:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Choose what each part of the search counts.")
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--qrels", type=Path, required=True)
    options = parser.parse_args()
    judged = read_set(options.queries, options.qrels)
    shipped = words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE
    with Library.open(options.library) as library:
        plain = without_choosing(library, judged)
        measured = tried(library, judged)
    print(f"nDCG@10 of {len(judged.queries)} queries, 95 % interval")
    for name, own in plain.items():
        say(name, own)
    say(f"as it is {shipped}", measured[shipped])
    best = max(measured, key=lambda choice: float(measured[choice].mean()))
    say(f"best of all queries {best}", measured[best])
    for seed in range(N_TIMES):
        say(f"by {N_FOLDS} folds, the {('first', 'second', 'third')[seed]} time", cross_validated(measured, seed))
    above = paired_difference(plain["reciprocal ranks of both"].tolist(), measured[shipped].tolist())
    assert above is not None
    low, high = above.interval.low, above.interval.high
    print(f"as it is above reciprocal ranks of both: {above.mean:+.3f}   {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
