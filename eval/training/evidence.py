"""Fits the weights of ``rag.retrieval.evidence``.

    python -m eval.training.evidence --out rag/models/evidence.json [--libraries DIR] [--each N]

Sentence weights: multinomial logistic regression over the sentences that the search finds
for each question. Answer weights: logistic regression over questions, its constant then
moved so that a given share of the answerable ones is refused. The weights that go with
the reranker are fitted on questions that the reranker was not trained on. Figures are
printed for questions outside the fit. numpy only.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.training import logistic
from eval.training.sets import NAMES, NEAR_MISSES, TEST_PARTS, Asked, asked, is_fresh, piles
from rag.retrieval.evidence import (
    LINEAR_SHARE,
    MAX_HITS,
    ONE,
    READ_HITS,
    breadth_of,
    places_of,
    read_best,
    reading_features,
)
from rag.retrieval.features import FloatArray, answer_features, ends, sentence_features
from rag.retrieval.reranker import BUNDLED

SENTENCE_L2 = 1e-3
ANSWER_L2 = 3e-3
FALSE_REFUSALS = 0.04
"""Aimed at on the questions that the weights are fitted to; the sets about the papers that ship, asked by
other hands, have to stay under 5 %."""


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
    """Whether the paper that is cited first is a right one."""


def read_again(examples: Sequence[Example], weights: FloatArray) -> list[Read]:
    """As ``rag.retrieval.evidence.read_again`` does it, with other sentence weights."""
    found = []
    for one in examples:
        question = one.asked.wanted.question
        breadth = breadth_of(question)
        hits = one.asked.hits[: breadth.n_read]
        places = places_of(hits)
        table = one.table[: len(places)]
        scores = table @ weights
        owners = np.array([hit for hit, _ in places])
        done = read_best(question, hits, scores, BUNDLED, breadth)
        rows, read = done.rows, done.read
        combined = read + LINEAR_SHARE * scores[rows] + done.likely[owners[rows]]
        features = reading_features(question, hits, table, scores, rows, read, combined, done.whole)
        final = np.full(len(one.table), -1e9, np.float32)
        final[rows] = np.where(np.isin(owners[rows], done.order[:MAX_HITS]), combined, -1e9)
        first = hits[int(done.order[0] if breadth == ONE else owners[final.argmax()])]
        found.append(Read(features, final, first.paper.paper_id in one.asked.wanted.paper_ids))
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


def sample(examples: Sequence[Example], n: int) -> list[Example]:
    """At most ``n`` of each part, taken at random but always the same."""
    parts: dict[str, list[Example]] = {}
    for one in random.Random(7).sample(list(examples), len(examples)):
        part, dash, _ = one.asked.wanted.question_id.partition("-")
        parts.setdefault(part if dash else "", []).append(one)  # ids of a set that is one pile have no part
    return [one for own in parts.values() for one in own[:n]]


def labels(examples: Sequence[Example]) -> npt.NDArray[np.bool_]:
    return np.array([one.asked.wanted.answerable for one in examples])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the weights of rag.retrieval.evidence.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--libraries", type=Path, help="keep the libraries here (default: a temporary folder)")
    parser.add_argument("--each", type=int, help="let the reranker read at most N questions of each part")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        libraries = options.libraries or Path(temporary)
        libraries.mkdir(exist_ok=True, parents=True)
        sets: dict[str, list[Example]] = {}
        for name in NAMES:
            for pile in piles(name):
                found = asked(pile.wanted, pile.papers, libraries / pile.name, n_hits=READ_HITS)
                sets.setdefault(name, []).extend(example(one) for one in found if one.hits)
    test = [one for found in sets.values() for one in found if one.asked.wanted.question_id.startswith(TEST_PARTS)]
    sets = {name: [one for one in found if one not in test] for name, found in sets.items()}

    # Words and vectors cannot tell a near miss from an answer: what reads them has to.
    everything = [one for name, found in sets.items() if name != NEAR_MISSES for one in found]
    sentence_weights = fit_sentences(everything)
    answer_weights = fit_answers(answer_rows(everything, sentence_weights), labels(everything))

    scores = [plain_scores(one, sentence_weights) for one in test]
    odds = answer_rows(test, sentence_weights) @ answer_weights
    print(f"{len(test)} questions that nothing was fitted to, without the reranker:", figures(test, scores, odds))

    fresh = [one for name, found in sets.items() for one in found if is_fresh(name, one.asked.wanted.question_id)]
    if options.each is not None:
        fresh, test = sample(fresh, options.each), sample(test, options.each)
    read = read_again(fresh, sentence_weights)
    rows = np.stack([one.features for one in read])
    folds = np.arange(len(fresh)) % 5
    odds = np.zeros(len(fresh), np.float32)
    for fold in range(5):
        inside = folds != fold
        odds[~inside] = rows[~inside] @ fit_answers(rows[inside], labels(fresh)[inside])
    reranked = fit_answers(rows, labels(fresh))
    read_test = read_again(test, sentence_weights)
    odds_of_test = np.stack([one.features for one in read_test]) @ reranked
    for told, ones, their_read, their_odds in (
        ("unseen questions with the reranker, 5 folds", fresh, read, odds),
        ("questions that nothing was fitted to, with it", test, read_test, odds_of_test),
    ):
        print(f"{len(ones)} {told}:", figures(ones, [one.final for one in their_read], their_odds))
        answerable = [one.right_first for one, label in zip(their_read, labels(ones), strict=True) if label]
        print(f"right paper first: {np.mean(answerable):.3f}")
    written = {
        "sentence": sentence_weights,
        "answer": answer_weights,
        "reranked": reranked,
    }
    rounded = {name: [round(float(weight), 5) for weight in weights] for name, weights in written.items()}
    options.out.write_text(json.dumps(rounded) + "\n", "utf-8")


if __name__ == "__main__":
    main()
