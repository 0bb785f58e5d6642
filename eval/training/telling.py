"""Fits the weights of ``rag.answer.telling``: which sentence shows why a paper belongs into a list.

    python -m eval.training.telling

Of each paper that a list or topic wants, people marked the sentences that decide; those of queries that
the bundled reranker has not seen are learnt from. The weights are those of a softmax over the paper's
sentences, by gradient ascent on the log-probability of the marked ones. Prints them for papers that are
listed, with the reranker and without, and how often the sentence chosen is a marked one: over four folds of
whole parts, and for the first sentence that says what the paper does; the same for topics. Of the sentences
that a reranker reads only the likeliest without it are chosen from. Three minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from eval.training.lists import piles
from rag.answer.kinds import kind_of, topic_of
from rag.answer.telling import FEATURES, N_READ, features
from rag.retrieval.reranker import BUNDLED, Candidate
from rag.sentences import split_sentences

L2 = 1e-2
N_STEPS, STEP = 300, 0.5
N_FOLDS = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marked:
    """One paper that one query wants."""

    part: str
    kind: str
    rows: Floats
    """(n_sentences, n_features)."""
    read: Floats
    """(n_sentences, 1): the reranker's log-odds that a sentence tells of the topic; zeros of topics."""
    decides: npt.NDArray[np.bool_]
    """(n_sentences,): what people marked; at least one."""


def marked() -> Iterator[Marked]:
    for pile in piles():
        known = {paper.paper_id: paper for paper in pile.papers}
        for query in pile.wanted:
            topic = topic_of(query.question, kind_of(query.question))
            for paper_id in sorted(query.paper_ids):
                paper = known[paper_id]
                sentences = [span.of(paper.abstract) for span in split_sentences(paper.abstract)]
                decides = np.array([sentence in query.evidence for sentence in sentences])
                if decides.any():
                    candidates = [Candidate(paper.title, sentence) for sentence in sentences]
                    is_topic = query.kind == "topic"
                    read = np.zeros(len(sentences)) if is_topic else BUNDLED.scores(topic, candidates)
                    rows = features(sentences, topic).astype(np.float64)
                    yield Marked(pile.name, query.kind, rows, read.astype(np.float64)[:, None], decides)


def fit(papers: Sequence[Marked]) -> Floats:
    """(n_features,): the weights; features are scaled to a standard deviation of 1 for the fit."""
    scale = np.concatenate([paper.rows for paper in papers]).std(0)
    scaled = [(paper.rows / scale, paper.decides) for paper in papers]
    weights = np.zeros(papers[0].rows.shape[1])
    for _ in range(N_STEPS):
        gradient = -L2 * weights
        for rows, decides in scaled:
            likely = np.exp(rows @ weights - (rows @ weights).max())
            among = likely * decides
            gradient += rows.T @ (among / among.sum() - likely / likely.sum()) / len(scaled)
        weights += STEP * gradient
    fitted: Floats = weights / scale
    return fitted


def hits(papers: Sequence[Marked], weights: Floats) -> int:
    """How often the best sentence is a marked one."""
    return sum(bool(paper.decides[int((paper.rows @ weights).argmax())]) for paper in papers)


def with_readings(papers: Sequence[Marked]) -> list[Marked]:
    return [replace(paper, rows=np.hstack([paper.rows, paper.read])) for paper in papers]


def as_read(paper: Marked, without: Floats) -> Marked:
    """With the readings of the sentences that are likeliest ``without`` them, and no others."""
    likeliest = np.argsort(-(paper.rows @ without), kind="stable")[:N_READ]
    return replace(paper, rows=np.hstack([paper.rows, paper.read])[likeliest], decides=paper.decides[likeliest])


def report(name: str, papers: Sequence[Marked], *, is_read: bool = False) -> None:
    parts_ = sorted({paper.part for paper in papers})
    n_hits = 0
    for fold in (parts_[at::N_FOLDS] for at in range(N_FOLDS)):
        inside = [paper for paper in papers if paper.part not in fold]
        outside = [paper for paper in papers if paper.part in fold]
        if is_read:
            without = fit(inside)
            inside, outside = with_readings(inside), [as_read(paper, without) for paper in outside]
        n_hits += hits(outside, fit(inside))
    first = hits(papers, np.eye(len(FEATURES))[0])
    print(
        f"{name}: of {len(papers)} papers the sentence chosen is a marked one {n_hits / len(papers):.1%}, by four folds"
    )
    print(f"  the first that says what the paper does: {first / len(papers):.1%}")
    print("  weights:", fit(with_readings(papers) if is_read else papers).round(2).tolist())


def main() -> None:
    every = list(marked())
    listed = [paper for paper in every if paper.kind != "topic"]
    report("listed", listed)
    report("listed, with the reranker", listed, is_read=True)
    report("topics", [paper for paper in every if paper.kind == "topic"])


if __name__ == "__main__":
    main()
