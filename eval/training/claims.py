"""Labelled claims for training and measuring the bundled judge, and who sees which."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.judge_data import LabelledClaim, read_claims
from eval.training.sets import DATA, lines, papers_of, sentences_of

Target = tuple[float, float, float]
"""Wanted probabilities of supported, contradicted, not stated."""

SETS = ("mixed-e", "mixed-f", "arxiv-g", "arxiv-h")
TWINS = "arxiv-h"
"""Every other claim of it is a lie in nearly the words of the one before."""
CALIBRATION_PREFIX = "E7-"
TEST_PREFIXES = ("F14-", "G5-", "H5-")
"""Of the ids of those claims that calibrate the judge, and of those that only ever measure it."""
HELD_OUT = (CALIBRATION_PREFIX, *TEST_PREFIXES)

SUPPORTED, CONTRADICTED, NOT_STATED = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
PARTIAL = (0.25, 0.0, 0.75)
OF_LABEL = {"supported": SUPPORTED, "partial": PARTIAL, "contradicted": CONTRADICTED, "not stated": NOT_STATED}

PLANTED_CONTRADICTIONS = ("number", "negation", "direction", "quantifier")
N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Example:
    claim: str
    evidence: tuple[str, ...]
    target: Target
    group: str
    """What it is drawn as: 'main', 'alone', 'wrong', 'twins', 'fever', 'planted'."""


def fold_of(group: str) -> int:
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % N_FOLDS


def target_of(claim: LabelledClaim) -> Target:
    kind = claim.kind.lower()
    if claim.supported:
        return SUPPORTED
    if "partial" in kind:
        return PARTIAL
    says_otherwise = "contradict" in kind or "refut" in kind or claim.data_set.startswith("fever")
    return CONTRADICTED if says_otherwise else NOT_STATED


class Written:
    """The claims of eval/training/data with their papers."""

    def __init__(self) -> None:
        papers = list(papers_of(SETS))
        self.sentences = {paper.paper_id: tuple(sentences_of(paper)) for paper in papers}
        self.titles = {paper.paper_id: paper.title for paper in papers}
        rows = {name: lines(DATA / f"{name}-claims.jsonl.gz") for name in SETS}
        self.rows = [row for own in rows.values() for row in own]
        self.twins = frozenset(row["id"] for row in rows[TWINS])
        self.training = [row for row in self.rows if not row["id"].startswith(HELD_OUT)]

    def whole(self, paper_id: str) -> tuple[str, ...]:
        return (self.titles[paper_id], *self.sentences[paper_id])

    def examples(self, rng: random.Random) -> Iterator[Example]:
        """Each with title and abstract, and once more with its cited sentences alone; true ones also beside
        another paper, which does not say so."""
        others = sorted({row["paper_id"] for row in self.training})
        for row in self.training:
            target, is_twin = OF_LABEL[row["label"]], row["id"] in self.twins
            yield Example(row["claim"], self.whole(row["paper_id"]), target, "twins" if is_twin else "main")
            if row["evidence"]:
                yield Example(row["claim"], tuple(row["evidence"]), target, "twins" if is_twin else "alone")
            other = rng.choice(others)
            if row["label"] == "supported" and other != row["paper_id"]:
                yield Example(row["claim"], self.whole(other), NOT_STATED, "wrong")


def of_set(path: Path, kept_out: int | None, group: str = "main") -> Iterator[Example]:
    """The claims of a public set, but for those of one fold."""
    for claim in read_claims([path]):
        if fold_of(claim.group) != kept_out:
            yield Example(claim.claim, claim.evidence, target_of(claim), group)


def planted(path: Path) -> Iterator[Example]:
    """What ``eval.training.make_claims`` made, its part for training."""
    for row in lines(path):
        if row["split"] == "train":
            says_otherwise = row["kind"] in PLANTED_CONTRADICTIONS
            target = SUPPORTED if row["label"] else CONTRADICTED if says_otherwise else NOT_STATED
            yield Example(row["claim"], tuple(row["evidence_sentences"]), target, "planted")
