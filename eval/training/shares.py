"""Chooses what words, chunk and best sentence count in the search, and what a word is worth for being there at all.

    python -m eval.training.shares --library DIR --queries queries.jsonl --qrels train.tsv

DIR is a library of the corpus, as ``footnoted eval retrieval --library DIR`` makes it. Prints nDCG@10 of the
search as it is, of the best values of ``rag.retrieval.fusion`` and of ``PRESENCE`` in ``rag.index.words`` on all
queries, and by five-fold cross-validation: chosen on four fifths of the queries, measured on the fifth, three times.
Beside it what needs no choosing: plain BM25, the chunks' vectors, and the reciprocal ranks of the two (k = 60), by
which one set of queries can be set beside another. A minute for 809 queries on two cores.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.retrieval import JudgedSet, measured, read_set
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
MEASURE = "nDCG@10"
BOTH = "reciprocal ranks of both"

Floats = npt.NDArray[np.float64]
Run = dict[str, dict[str, float]]
"""By query each paper's score."""
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


def papers_of(scores: Mapping[str, float], found: Candidates) -> dict[str, float]:
    """Each paper's best chunk's score."""
    papers: dict[str, float] = {}
    for chunk_id, score in scores.items():
        paper_id = found.chunks[chunk_id].paper.paper_id
        papers[paper_id] = max(score, papers.get(paper_id, score))
    return papers


def fused(found: Candidates, vector: npt.NDArray[np.float32]) -> dict[str, float]:
    """As ``rag.retrieval.searching.find`` scores them."""
    cosines = {chunk_id: stored.rows.dot(vector).tolist() for chunk_id, stored in found.chunks.items()}
    own = {chunk_id: values[0] for chunk_id, values in cosines.items()}
    best = {chunk_id: max(values[1:]) for chunk_id, values in cosines.items()}
    return papers_of(fusion.fuse(own, best, dict(found.lexical)), found)


def reciprocal_ranks(sides: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sum of 1 / (k + rank) over the sides (Cormack et al. 2009)."""
    scores: dict[str, float] = {}
    for side in sides:
        for rank, paper_id in enumerate(sorted(side, key=lambda paper: -side[paper]), 1):
            scores[paper_id] = scores.get(paper_id, 0.0) + 1 / (RRF_K + rank)
    return scores


def ndcg(judged: JudgedSet, found: Run) -> Floats:
    return np.array(measured(judged, found)[MEASURE])


def tried(library: Library, judged: JudgedSet) -> dict[Chosen, Floats]:
    """nDCG@10 of each query with each choice, and with the one that ships."""
    shipped = words.PRESENCE, fusion.LEXICAL_SHARE, fusion.CHUNK_SHARE
    choices = [
        (presence, lexical, round(chunk * (1 - lexical), 4))
        for presence, lexical, chunk in itertools.product(PRESENCES, LEXICAL, CHUNK_OF_DENSE)
    ]
    vectors = library.embedder.embed(list(judged.queries.values()))
    runs: dict[Chosen, Run] = {choice: {} for choice in dict.fromkeys((shipped, *choices))}
    for presence, own in itertools.groupby(sorted(runs), key=lambda choice: choice[0]):
        own_choices = list(own)
        for (name, text), vector in zip(judged.queries.items(), vectors, strict=True):
            with values(presence, 0.3, 0.2):
                found = library.candidates(vector=vector, text=text, k=DEPTH)
            for choice in own_choices:
                with values(*choice):
                    runs[choice][name] = fused(found, vector)
    return {choice: ndcg(judged, run) for choice, run in runs.items()}


def without_choosing(library: Library, judged: JudgedSet) -> dict[str, Floats]:
    vectors = library.embedder.embed(list(judged.queries.values()))
    runs: dict[str, Run] = {"BM25": {}, "vectors": {}, BOTH: {}}
    for (name, text), vector in zip(judged.queries.items(), vectors, strict=True):
        with values(0.0, 0.3, 0.2):
            found = library.candidates(vector=vector, text=text, k=RANKED)
        sides = [papers_of(dict(side), found) for side in (found.lexical, found.dense)]
        for run, scores in zip(runs.values(), (*sides, reciprocal_ranks(sides)), strict=True):
            run[name] = scores
    return {name: ndcg(judged, run) for name, run in runs.items()}


def cross_validated(figures: Mapping[Chosen, Floats], seed: int) -> Floats:
    """Each query with the choice that is best on the other folds."""
    n_queries = len(next(iter(figures.values())))
    fold_of = np.random.default_rng(seed).permutation(n_queries) % N_FOLDS
    kept = np.zeros(n_queries)
    for fold in range(N_FOLDS):
        best = max(figures, key=lambda choice: float(figures[choice][fold_of != fold].mean()))
        kept[fold_of == fold] = figures[best][fold_of == fold]
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
        figures = tried(library, judged)
    print(f"nDCG@10 of {len(judged.queries)} queries, 95 % interval")
    for name, own in plain.items():
        say(name, own)
    say(f"as it is {shipped}", figures[shipped])
    best = max(figures, key=lambda choice: float(figures[choice].mean()))
    say(f"best of all queries {best}", figures[best])
    for seed in range(N_TIMES):
        say(f"by {N_FOLDS} folds, the {('first', 'second', 'third')[seed]} time", cross_validated(figures, seed))
    above = paired_difference(plain[BOTH].tolist(), figures[shipped].tolist())
    assert above is not None
    low, high = above.interval.low, above.interval.high
    print(f"as it is above {BOTH}: {above.mean:+.3f}   {low:+.3f} to {high:+.3f}")


if __name__ == "__main__":
    main()
