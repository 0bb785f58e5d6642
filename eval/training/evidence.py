"""Fits the weights of ``rag.retrieval.evidence``.

    python -m eval.training.evidence --out rag/models/evidence.json [--libraries DIR]

Sentence weights: multinomial logistic regression over the sentences that the search finds
for each question. Answer weights: logistic regression over questions, its constant then
moved so that a given share of the answerable ones is refused. The weights that go with
the reranker are fitted on questions that the reranker was not trained on. Figures are
printed for questions outside the fit. numpy only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.training import logistic
from eval.training.reranker import HELD_OUT_PREFIX
from eval.training.sets import NAMES, Asked, asked, papers_of, questions_of
from rag.retrieval.evidence import (
    LINEAR_SHARE,
    MAX_HITS,
    READ_HITS,
    breadth_of,
    candidate,
    places_of,
    reading_features,
    reordered,
    to_read,
)
from rag.retrieval.features import FloatArray, answer_features, ends, sentence_features
from rag.retrieval.reranker import BUNDLED

SENTENCE_L2 = 1e-3
ANSWER_L2 = 3e-3
FALSE_REFUSALS = 0.04
"""Aimed at on the questions that the weights are fitted to; the sets about the papers that ship, asked by
other hands, have to stay under 5 %."""

RERANKER_HELD_OUT = "arxiv-a"
"""The set that the bundled reranker has not seen, beside the last eighth of mixed-e."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question as the models see it: READ_HITS hits and the features of their sentences."""

    asked: Asked
    table: FloatArray
    answers: npt.NDArray[np.bool_]

    @property
    def n_first(self) -> int:
        """Rows of the sentences of the first MAX_HITS hits."""
        return ends(self.asked.hits[:MAX_HITS])[-1]


def example(one: Asked) -> Example:
    return Example(one, sentence_features(one.wanted.question, one.vector, one.hits), one.answers)


def fit_sentences(training: Sequence[Example], n_steps: int = 400) -> FloatArray:
    """Weights that make a marked sentence the likeliest, by gradient descent with momentum (Adam)."""
    used = [one for one in training if one.answers.any()]
    scale = np.concatenate([one.table for one in used]).std(0) + 1e-6
    rows = np.concatenate([one.table / scale for one in used])
    owner = np.repeat(np.arange(len(used)), [len(one.table) for one in used])
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    answers = np.concatenate([one.answers for one in used])
    weights = np.zeros(rows.shape[1])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, n_steps + 1):
        scores = rows @ weights
        scores -= np.maximum.reduceat(scores, starts)[owner]
        likely = np.exp(scores)
        every = likely / np.bincount(owner, likely)[owner]
        marked = np.where(answers, likely, 0.0)
        marked /= np.bincount(owner, marked)[owner]
        gradient = rows.T @ (every - marked) / len(used) + SENTENCE_L2 * weights
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weights -= 0.03 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    fitted: FloatArray = (weights / scale).astype(np.float32)
    return fitted


def fit_answers(rows: FloatArray, answerable: npt.NDArray[np.bool_]) -> FloatArray:
    """Weights of the log-odds that a question is answered; ``rows`` begin with a 1."""
    weights = logistic.fit(rows, answerable, ANSWER_L2)
    weights[0] -= np.quantile((rows.astype(np.float64) @ weights)[answerable], FALSE_REFUSALS)
    fitted: FloatArray = weights.astype(np.float32)
    return fitted


def answer_rows(examples: Sequence[Example], weights: FloatArray) -> FloatArray:
    """float32 (n_examples, n_features)"""
    rows = []
    for one in examples:
        table = one.table[: one.n_first]
        rows.append(answer_features(one.asked.wanted.question, one.asked.hits[:MAX_HITS], table, table @ weights))
    return np.stack(rows)


def plain_scores(one: Example, weights: FloatArray) -> FloatArray:
    """The sentences' scores without a reranker; those of hits that are not ranked far below."""
    scores: FloatArray = np.where(np.arange(len(one.table)) < one.n_first, one.table @ weights, -1e9)
    return scores.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Read:
    """What the reranker made of one example."""

    features: FloatArray
    final: FloatArray
    """The sentences' final scores; what was not read, or is of no ranked paper, far below."""
    right_first: bool
    """Whether the paper that comes first is one of the right ones."""


def read_again(examples: Sequence[Example], weights: FloatArray) -> list[Read]:
    """As ``rag.retrieval.evidence.read_again`` does it, with other sentence weights."""
    found = []
    for one in examples:
        question, hits = one.asked.wanted.question, one.asked.hits
        scores = one.table @ weights
        places = places_of(hits)
        owners = np.array([hit for hit, _ in places])
        rows = to_read(scores, owners, breadth_of(question))
        read = BUNDLED.scores(question, [candidate(hits, places[row]) for row in rows])
        combined = read + LINEAR_SHARE * scores[rows]
        features = reading_features(question, hits, one.table, scores, rows, read, combined)
        best = np.array([read[owners[rows] == hit].max() for hit in range(len(hits))])
        order, _ = reordered([hit.score for hit in hits], best)
        final = np.full(len(scores), -1e9, np.float32)
        final[rows] = np.where(np.isin(owners[rows], order[:MAX_HITS]), combined, -1e9)
        found.append(Read(features, final, hits[int(order[0])].paper.paper_id in one.asked.wanted.paper_ids))
    return found


def figures(examples: Sequence[Example], scores: Sequence[FloatArray], odds: FloatArray) -> dict[str, float]:
    """Shares: answering sentence first and within three, false refusals, refusals by kind."""
    first, three, refused = [], [], []
    right: dict[str, list[bool]] = {}
    for one, own, log_odds in zip(examples, scores, odds, strict=True):
        order = np.argsort(-own, kind="stable")
        if one.asked.wanted.answerable:
            first.append(bool(one.answers[order[0]]))
            three.append(bool(one.answers[order[:3]].any()))
            refused.append(log_odds < 0)
        else:
            right.setdefault(one.asked.wanted.kind, []).append(log_odds < 0)
    shares = {"first": np.mean(first), "within three": np.mean(three), "false refusals": np.mean(refused)}
    shares |= {f"refused {kind}": np.mean(values) for kind, values in sorted(right.items())}
    return {name: round(float(share), 3) for name, share in shares.items()}


def labels(examples: Sequence[Example]) -> npt.NDArray[np.bool_]:
    return np.array([one.asked.wanted.answerable for one in examples])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the weights of rag.retrieval.evidence.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--libraries", type=Path, help="keep the libraries here (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        libraries = options.libraries or Path(temporary)
        libraries.mkdir(exist_ok=True, parents=True)
        sets = {
            name: [
                example(one)
                for one in asked(list(questions_of([name])), papers_of([name]), libraries / name, n_hits=READ_HITS)
                if one.hits
            ]
            for name in NAMES
        }

    for name, held_out in sets.items():
        training = [one for other, found in sets.items() if other != name for one in found]
        sentence_weights = fit_sentences(training)
        answer_weights = fit_answers(answer_rows(training, sentence_weights), labels(training))
        scores = [plain_scores(one, sentence_weights) for one in held_out]
        odds = answer_rows(held_out, sentence_weights) @ answer_weights
        print(f"{name} from the others:", figures(held_out, scores, odds))
    everything = [one for found in sets.values() for one in found]
    sentence_weights = fit_sentences(everything)
    answer_weights = fit_answers(answer_rows(everything, sentence_weights), labels(everything))

    fresh = [
        one
        for name, found in sets.items()
        for one in found
        if name == RERANKER_HELD_OUT or one.asked.wanted.question_id.startswith(HELD_OUT_PREFIX)
    ]
    read = read_again(fresh, sentence_weights)
    rows = np.stack([one.features for one in read])
    folds = np.arange(len(fresh)) % 5
    odds = np.zeros(len(fresh), np.float32)
    for fold in range(5):
        inside = folds != fold
        odds[~inside] = rows[~inside] @ fit_answers(rows[inside], labels(fresh)[inside])
    shares = figures(fresh, [one.final for one in read], odds)
    print(f"{len(fresh)} unseen questions with the reranker, 5 folds:", shares)
    answerable = [one.right_first for one, label in zip(read, labels(fresh), strict=True) if label]
    print(f"right paper first: {np.mean(answerable):.3f}")
    written = {
        "sentence": sentence_weights,
        "answer": answer_weights,
        "reranked": fit_answers(rows, labels(fresh)),
    }
    rounded = {name: [round(float(weight), 5) for weight in weights] for name, weights in written.items()}
    options.out.write_text(json.dumps(rounded) + "\n", "utf-8")


if __name__ == "__main__":
    main()
