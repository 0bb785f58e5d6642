"""Fits the weights of ``rag.answer.telling``: which sentence shows why a paper belongs into a list.

    python -m eval.training.telling

Of each paper that a list or topic of mixed-e and mixed-f wants, people marked the sentences that
decide. The weights are those of a softmax over the paper's sentences, by gradient ascent on the
log-probability of the marked ones. Prints them, and how often the sentence chosen is a marked
one: over four folds of whole parts, and for the first sentence that says what the paper does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.training.lists import parts
from rag.answer.kinds import topic_of
from rag.answer.telling import FEATURES, features
from rag.sentences import split_sentences

L2 = 1e-2
N_STEPS, STEP = 300, 0.5
N_FOLDS = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marked:
    """One paper that one query wants."""

    part: str
    rows: Floats
    """(n_sentences, n_features)."""
    decides: npt.NDArray[np.bool_]
    """(n_sentences,): what people marked; at least one."""


def marked() -> Iterator[Marked]:
    for part, papers, queries in parts():
        abstracts = {paper.paper_id: paper.abstract for paper in papers}
        for query in queries:
            topic = topic_of(query["question"], "list")
            for paper_id, deciding in query["relevant"].items():
                abstract = abstracts[paper_id]
                sentences = [span.of(abstract) for span in split_sentences(abstract)]
                decides = np.array([sentence in deciding for sentence in sentences])
                if decides.any():
                    yield Marked(part, features(sentences, topic).astype(np.float64), decides)


def fit(papers: Sequence[Marked]) -> Floats:
    """(n_features,): the weights; features are scaled to a standard deviation of 1 for the fit."""
    scale = np.concatenate([paper.rows for paper in papers]).std(0)
    scaled = [(paper.rows / scale, paper.decides) for paper in papers]
    weights = np.zeros(len(FEATURES))
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


def main() -> None:
    every = list(marked())
    names = sorted({paper.part for paper in every})
    n_hits = 0
    for fold in (names[at::N_FOLDS] for at in range(N_FOLDS)):
        weights = fit([paper for paper in every if paper.part not in fold])
        n_hits += hits([paper for paper in every if paper.part in fold], weights)
    first = hits(every, np.eye(len(FEATURES))[0])
    print(f"{len(every)} papers: marked sentence chosen {n_hits / len(every):.1%}, by four folds")
    print(f"the first that says what the paper does: {first / len(every):.1%}")
    print("weights:", dict(zip(FEATURES, fit(every).round(2).tolist(), strict=True)))


if __name__ == "__main__":
    main()
