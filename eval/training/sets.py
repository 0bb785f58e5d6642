"""The training sets of eval/training/data: what is asked, and the sentences that the search finds for it.

A claim can be asked too: the sentences that it rests on, or that contradict it, are what
a reader wants to see.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.library import Library
from rag.retrieval.evidence import MAX_HITS
from rag.retrieval.features import FloatArray
from rag.retrieval.searching import find
from rag.sentences import split_sentences
from rag.types import Hit, Paper

DATA = Path(__file__).parent / "data"
NAMES = ("arxiv-a", "arxiv-b", "arxiv-c", "arxiv-d", "pubmedqa", "mixed-e", "mixed-f", "arxiv-g", "arxiv-h")

NEAR_MISSES = "arxiv-h"
"""Its unanswerable questions lie near a sentence."""

LISTED = ("mixed-e", "mixed-f", "arxiv-g", "arxiv-h")
"""Sets with queries for several papers at once."""

IN_PARTS = ("arxiv-g", "arxiv-h")
"""Sets of several libraries: a question's id begins with the part that it is put to."""

HELD_OUT_SET, HELD_OUT_PARTS = "arxiv-a", ("E7-", "F14-", "G6-", "H4-")
"""What no bundled model was trained on; its questions decide what the models' scores count."""

TEST_PARTS = ("G7-", "H5-")
"""What nothing at all was fitted to: neither models nor weights."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a library, and what answers it."""

    question_id: str
    question: str
    answerable: bool
    kind: str
    evidence: tuple[str, ...]
    """The answering sentences, as they stand in the abstract."""
    paper_ids: frozenset[str]
    """Of the papers that they stand in."""
    near: tuple[str, ...] = ()
    """Where no sentence answers, the one that comes nearest, if it was written down."""
    borderline: frozenset[str] = frozenset()
    """Of the papers that a list may or may not count."""


@dataclass(frozen=True, slots=True)
class Sentence:
    title: str
    text: str
    similarity: float
    """Cosine of question and sentence."""
    answers: bool
    paper_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, the hits that it finds, and their sentences in order."""

    wanted: Wanted
    vector: FloatArray
    hits: Sequence[Hit]
    sentences: tuple[Sentence, ...]

    @property
    def answers(self) -> npt.NDArray[np.bool_]:
        """(n_sentences,)"""
        return np.array([sentence.answers for sentence in self.sentences])


def is_fresh(name: str, question_id: str) -> bool:
    """Whether the bundled models have not seen a question of the set ``name``."""
    return name == HELD_OUT_SET or question_id.startswith((*HELD_OUT_PARTS, *TEST_PARTS))


@dataclass(frozen=True, slots=True)
class Pile:
    """A library's papers, and what is asked of it."""

    name: str
    papers: tuple[Paper, ...]
    wanted: tuple[Wanted, ...]


def piles(name: str, *, with_claims: bool = False) -> Iterator[Pile]:
    """The libraries of a set: one, or one a part."""
    papers, wanted = list(papers_of([name])), list(questions_of([name]))
    if with_claims:
        wanted += claims_of([name])
    if name not in IN_PARTS:
        yield Pile(name, tuple(papers), tuple(wanted))
        return
    for part in dict.fromkeys(one.question_id.partition("-")[0] for one in wanted):
        own = [one for one in wanted if one.question_id.startswith(f"{part}-")]
        held = frozenset().union(*(one.paper_ids for one in own))
        yield Pile(f"{name}-{part}", tuple(paper for paper in papers if paper.paper_id in held), tuple(own))


def papers_of(names: Iterable[str]) -> Iterator[Paper]:
    for name in names:
        for row in lines(DATA / f"{name}-papers.jsonl.gz"):
            yield Paper(**row)


def questions_of(names: Iterable[str]) -> Iterator[Wanted]:
    for name in names:
        for row in lines(DATA / f"{name}-questions.jsonl.gz"):
            yield Wanted(
                row["id"],
                row["question"],
                row["answerable"],
                row["kind"],
                tuple(row["evidence"]),
                frozenset([row["paper_id"]] if row["paper_id"] else []),
                tuple(row.get("near", ())),
            )


def listings(name: str) -> Iterator[Pile]:
    """The libraries of a set of ``LISTED``, one a part, with the queries for several papers that are put to each."""
    papers = {paper.paper_id: paper for paper in papers_of([name])}
    part_of = {
        paper_id: one.question_id.partition("-")[0] for one in questions_of([name]) for paper_id in one.paper_ids
    }
    queries = lines(DATA / f"{name}-lists.jsonl.gz")
    for part in dict.fromkeys(query["id"].partition("-")[0] for query in queries):
        own = tuple(papers[paper_id] for paper_id, other in part_of.items() if other == part)
        wanted = (_wanted(query) for query in queries if query["id"].startswith(f"{part}-"))
        yield Pile(f"{name}-{part}", own, tuple(wanted))


def _wanted(query: Mapping[str, Any]) -> Wanted:
    relevant: dict[str, list[str]] = query["relevant"]
    shown = tuple(sentence for own in relevant.values() for sentence in own)
    return Wanted(
        query["id"],
        query["question"],
        bool(relevant),
        query["kind"],
        shown,
        frozenset(relevant),
        borderline=frozenset(query["borderline"]),
    )


def claims_of(names: Iterable[str]) -> Iterator[Wanted]:
    """The claims that their paper speaks to, as questions."""
    for name in names:
        path = DATA / f"{name}-claims.jsonl.gz"
        for row in lines(path) if path.exists() else ():
            if row["label"] != "not stated":
                evidence, paper_ids = tuple(row["evidence"]), frozenset([row["paper_id"]])
                yield Wanted(row["id"], row["claim"], True, f"claim {row['label']}", evidence, paper_ids)


def scifact_claims(path: Path) -> Iterator[Wanted]:
    """SciFact's training claims, each with the rationale sentences of all its abstracts."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in lines(path):
        rows.setdefault(row["response"], []).append(row)
    for claim, own in rows.items():
        evidence = [row["source_sentences"][at] for row in own for group in row["rationales"] for at in group]
        yield Wanted(
            own[0]["id"],
            claim,
            bool(evidence),
            "claim" if evidence else "claim without rationale",
            tuple(evidence),
            frozenset(str(source) for row in own for source in row["source_ids"]),
        )


def asked(
    wanted: Sequence[Wanted], papers: Iterable[Paper] | None, library_folder: Path, *, n_hits: int = MAX_HITS
) -> Iterator[Asked]:
    """Every question with what it finds in the library at ``library_folder``, to which ``papers`` are added first."""
    with Library.open(library_folder) as library:
        if papers is not None:
            library.add(papers)
        vectors = library.embedder.embed([one.question for one in wanted])
        for one, vector in zip(wanted, vectors, strict=True):
            hits = find(library, one.question, vector, k=n_hits)
            found = [sentence for hit in hits for sentence in _sentences(one, vector, hit)]
            yield Asked(one, vector, hits, tuple(found))


def is_marked(text: str, marked: Sequence[str]) -> bool:
    """Whether a sentence is one of the marked ones, though it may be cut otherwise."""
    plain = " ".join(text.split())
    return any(plain in other or other in plain for other in (" ".join(one.split()) for one in marked))


def sentences_of(paper: Paper) -> Iterator[str]:
    for span in split_sentences(paper.abstract):
        yield span.of(paper.abstract)


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _sentences(one: Wanted, vector: FloatArray, hit: Hit) -> Iterator[Sentence]:
    assert hit.sentence_vectors is not None
    for span, similarity in zip(hit.chunk.sentences, hit.sentence_vectors @ vector, strict=True):
        text = span.of(hit.paper.abstract)
        answers = hit.paper.paper_id in one.paper_ids and is_marked(text, one.evidence)
        yield Sentence(hit.paper.title, text, float(similarity), answers, hit.paper.paper_id)
