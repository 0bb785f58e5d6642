"""The question sets of eval/training/data, each question with the sentences that the search finds for it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.evidence import MAX_HITS, FloatArray
from rag.library import Library
from rag.retrieval import find
from rag.types import Hit, Paper

DATA = Path(__file__).parent / "data"
NAMES = ("arxiv-a", "arxiv-b", "arxiv-c", "arxiv-d", "pubmedqa")


@dataclass(frozen=True, slots=True)
class Sentence:
    title: str
    text: str
    similarity: float
    """Cosine of question and sentence."""
    answers: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, the hits it finds in its set's library, and their sentences in order."""

    question_id: str
    question: str
    answerable: bool
    kind: str
    vector: FloatArray
    hits: Sequence[Hit]
    sentences: tuple[Sentence, ...]

    @property
    def answers(self) -> np.ndarray:
        """bool (n_sentences,)"""
        return np.array([sentence.answers for sentence in self.sentences])


def asked_of(name: str, library_folder: Path) -> Iterator[Asked]:
    """Every question of the set ``name``; its library is made in ``library_folder`` unless it is there."""
    questions = _lines(DATA / f"{name}-questions.jsonl.gz")
    with Library.open(library_folder) as library:
        library.add(Paper(**paper) for paper in _lines(DATA / f"{name}-papers.jsonl.gz"))
        vectors = library.embedder.embed([question["question"] for question in questions])
        for question, vector in zip(questions, vectors, strict=True):
            hits = find(library, question["question"], vector, k=MAX_HITS)
            yield Asked(
                question["id"],
                question["question"],
                question["answerable"],
                question["kind"],
                vector,
                hits,
                tuple(_sentences(question, vector, hits)),
            )


def _sentences(question: dict[str, Any], vector: FloatArray, hits: Sequence[Hit]) -> Iterator[Sentence]:
    for hit in hits:
        similarities = hit.sentence_vectors @ vector
        for span, similarity in zip(hit.chunk.sentences, similarities, strict=True):
            text = span.of(hit.paper.abstract)
            # A marked sentence may be cut otherwise than the splitter cuts.
            marked = any(text in one or one in text for one in question["evidence"])
            answers = marked and hit.paper.paper_id == question["paper_id"]
            yield Sentence(hit.paper.title, text, float(similarity), answers)


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]
