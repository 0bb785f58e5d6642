"""Fits the weights of ``rag.answer.relevance``: which of the found papers belong into a list.

    python -m eval.training.lists [--out rag/models/relevance.json] [--libraries DIR]

Logistic regression over the papers that the search finds for those queries for several papers
that the bundled reranker has not seen, each of which was written for one part of its set and is
asked of that part alone; and once more with all that fits hidden, where nothing is the right list.
Papers that one may or may not count are left out. Of the thresholds that list nothing for 85 % of
the lists, and of the topics, that nothing fits, it is the one with the best F1 on what is fitted;
figures are printed for two parts outside the fit. numpy only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.training.examples import FITTED_LISTS
from eval.training.logistic import fit
from eval.training.sets import LISTED, TEST_PARTS, Pile, Wanted, listings
from rag.answer.kinds import kind_of, topic_of
from rag.answer.relevance import FEATURES, features
from rag.library import Library
from rag.retrieval import look
from rag.retrieval.evidence import MANY

KINDS = ("list", "topic", "several", "none")
HONEST_KINDS = ("list", "topic")
NOTHING, LEAST = "nothing where nothing fits", 0.85
"""An honest no is asked for, whatever it costs in papers found."""

L2 = 1e-3
N_FOUND = 12


@dataclass(frozen=True, slots=True)
class Listed:
    """One query: the features of each found paper, whether it is wanted, and how many there were to find."""

    question_id: str
    kind: str
    rows: npt.NDArray[np.float64]
    wanted: npt.NDArray[np.bool_]
    n_wanted: int


def piles() -> Iterator[Pile]:
    """The libraries whose queries were kept from the reranker."""
    for pile in (pile for name in LISTED for pile in listings(name)):
        if pile.wanted[0].question_id.startswith(FITTED_LISTS):
            yield pile


def listed(pile: Pile, folder: Path) -> Iterator[Listed]:
    with Library.open(folder) as library:
        library.add(pile.papers)
        for query in pile.wanted:
            yield _listed(library, query, hidden=())
            if query.answerable:
                yield _listed(library, query, hidden=[*query.paper_ids, *query.borderline])


def _listed(library: Library, query: Wanted, hidden: Sequence[str]) -> Listed:
    topic = topic_of(query.question, kind_of(query.question))
    found = look(library, topic, k=N_FOUND, breadth=MANY, without=hidden)
    table = features(topic, found.hits, found.evidence)
    keep = [at for at, hit in enumerate(found.hits) if hit.paper.paper_id not in query.borderline]
    wanted = [found.hits[at].paper.paper_id in query.paper_ids for at in keep]
    n_wanted = 0 if hidden else len(query.paper_ids)
    return Listed(query.question_id, query.kind, table[keep].astype(np.float64), np.array(wanted, bool), n_wanted)


def measures(queries: Sequence[Listed], weights: npt.NDArray[np.float64], above: float) -> dict[str, float]:
    """Over all queries: precision, recall and F1 of the papers listed, and how often nothing is listed where
    nothing fits."""
    n_right = n_listed = n_wanted = n_empty = n_rightly_empty = 0
    for one in queries:
        chosen = one.rows @ weights > above
        n_listed += int(chosen.sum())
        n_right += int((chosen & one.wanted).sum())
        n_wanted += one.n_wanted
        n_empty += one.n_wanted == 0
        n_rightly_empty += one.n_wanted == 0 and not chosen.any()
    precision, recall = n_right / max(n_listed, 1), n_right / max(n_wanted, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    empty = n_rightly_empty / max(n_empty, 1)
    return {"precision": precision, "recall": recall, "F1": f1, NOTHING: empty}


def best_threshold(queries: Sequence[Listed], weights: npt.NDArray[np.float64]) -> float:
    of_kind = [[one for one in queries if one.kind == kind] for kind in HONEST_KINDS]
    honest = [
        float(t) for t in np.arange(-3, 3, 0.1) if all(measures(own, weights, t)[NOTHING] >= LEAST for own in of_kind)
    ]
    return max(honest, key=lambda t: measures(queries, weights, t)["F1"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the weights of rag.answer.relevance.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--libraries", type=Path, help="keep the libraries here (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.libraries or Path(temporary)
        every = [one for pile in piles() for one in listed(pile, folder / f"lists-{pile.name}")]
    training = [one for one in every if not one.question_id.startswith(TEST_PARTS)]
    held_out = [one for one in every if one.question_id.startswith(TEST_PARTS)]
    weights = fit(np.concatenate([one.rows for one in training]), np.concatenate([one.wanted for one in training]), L2)
    above = best_threshold(training, weights)
    for name, queries in (("fitted", training), ("held out", held_out)):
        for kind in KINDS:
            own = [one for one in queries if one.kind == kind]
            told = {key: round(value, 3) for key, value in measures(own, weights, above).items()}
            print(f"{name}, {len(own)} of kind {kind}: {told}")
    if options.out:
        weights[0] -= above
        written = dict(zip(FEATURES, (round(float(weight), 5) for weight in weights), strict=True))
        options.out.write_text(json.dumps(written) + "\n", "utf-8")


if __name__ == "__main__":
    main()
