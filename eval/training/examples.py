"""Makes what the bundled cross-encoders learn from.

    python -m eval.training.examples --out examples.pkl.gz --libraries DIR --planted planted.jsonl.gz \\
        --scifact claims-train.jsonl.gz --scifact-library DIR --claims SET... --fever fever.jsonl.gz

Three tasks: which of the sentences that the search finds answers a question (``Group``),
whether a whole abstract does (``Asked``), and whether sentences say a claim (``Judged``).
Texts are kept once and named by their place. Nothing that is held out is written.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import pickle
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from eval.training import claims
from eval.training.sets import (
    HELD_OUT_PARTS,
    LISTED,
    NAMES,
    TEST_PARTS,
    Pile,
    Wanted,
    is_fresh,
    is_marked,
    listings,
    piles,
    scifact_claims,
    sentences_of,
)
from eval.training.sets import Asked as Found
from eval.training.sets import asked as ask
from rag.answer.kinds import kind_of, topic_of
from rag.judge import pairing
from rag.models.session import load_tokenizer
from rag.retrieval.evidence import READ_HITS, sentence_weights
from rag.retrieval.features import sentence_features
from rag.types import Paper

HARDEST, EASIER = 22, 4
"""Sentences kept beside the answering ones: those that the plain score likes best, and some others."""

N_OTHERS = 3
"""Other papers found, whose abstracts do not answer."""

REMOVED = 0.15
"""Wanted probability that an abstract answers whose answering sentences were taken out: another may do, in part."""

CLAIMS_ASKED = ("mixed-e", "mixed-f")
"""Sets whose claims are asked like questions too."""

FITTED_LISTS = ("F", *HELD_OUT_PARTS, *TEST_PARTS)
"""Of the ids of those queries for several papers that are left to ``eval.training.lists``."""

KEPT_FOLD = 0
"""Of the public sets, this fifth stays out; and of SciFact's claims as questions, two tenths."""
HELD_OUT_TENTHS = 2


class Group(NamedTuple):
    question: int
    positives: tuple[tuple[int, int], ...]
    """Title and sentence of each."""
    others: tuple[tuple[int, int], ...]
    """The hardest first."""
    is_claim: bool
    only_ranks: bool
    """The first is relevant, but may not answer."""


class Asked(NamedTuple):
    question: int
    title: int
    sentences: tuple[int, ...]
    target: float
    group: str
    """What it is drawn as: 'answered', 'beside' (its own paper does not say), 'removed', 'other'."""


class Judged(NamedTuple):
    claim: int
    sentences: tuple[int, ...]
    target: claims.Target
    group: str


@dataclass
class Examples:
    texts: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        text = text.encode("utf-8", "replace").decode("utf-8")
        if text not in self._places:
            self._places[text] = len(self.texts)
            self.texts.append(text)
        return self._places[text]

    def places(self, texts: Sequence[str]) -> tuple[int, ...]:
        return tuple(self.place(text) for text in texts)

    def write(self, path: Path) -> None:
        with gzip.open(path, "wb") as stream:
            pickle.dump((self.texts, self.groups, self.asked, self.judged), stream)


def read(path: Path) -> Examples:
    """What ``Examples.write`` wrote, by nobody else: a pickle."""
    with gzip.open(path, "rb") as stream:
        return Examples(*pickle.load(stream))


def add_group(examples: Examples, one: Found, rng: random.Random, is_list: bool = False) -> None:
    """Nothing where the answer was not found, since then there is nothing to learn."""
    positives = [s for s in one.sentences if s.answers]
    only_ranks = one.wanted.kind == "claim without rationale"
    if only_ranks:
        # People took these papers for relevant, though no sentence settles the claim: the nearest ones are wanted.
        own = sorted((s for s in one.sentences if s.paper_id in one.wanted.paper_ids), key=lambda s: -s.similarity)
        positives = own[:1]
    if bool(positives) != (one.wanted.answerable or only_ranks):
        return
    scores = sentence_features(one.wanted.question, one.vector, one.hits) @ sentence_weights()
    # Other sentences of the right paper may answer too, where a claim has no rationale, and show as much in a list.
    unsure = one.wanted.borderline | (one.wanted.paper_ids if only_ranks or is_list else frozenset())
    others = [
        (float(score), n, s)
        for n, (score, s) in enumerate(zip(scores, one.sentences, strict=True))
        if s not in positives and s.paper_id not in unsure
    ]
    others.sort(key=lambda other: (-other[0], other[1]))
    kept = others[:HARDEST] + rng.sample(others[HARDEST:], min(EASIER, len(others[HARDEST:])))
    examples.groups.append(
        Group(
            examples.place(one.wanted.question),
            tuple((examples.place(s.title), examples.place(s.text)) for s in positives),
            tuple((examples.place(s.title), examples.place(s.text)) for _, _, s in kept),
            one.wanted.kind.startswith("claim"),
            only_ranks,
        )
    )


def add_asked(examples: Examples, one: Found, papers: dict[str, Paper]) -> None:
    """The question beside its own abstract, the same without what answers, and others that were found."""
    wanted = one.wanted

    def add(paper: Paper, target: float, group: str, without: Sequence[str] = ()) -> None:
        sentences = [text for text in sentences_of(paper) if not (without and is_marked(text, without))]
        if sentences:
            question, title = examples.place(wanted.question), examples.place(paper.title)
            examples.asked.append(Asked(question, title, examples.places(sentences), target, group))

    for paper_id in wanted.paper_ids:
        add(papers[paper_id], float(wanted.answerable), "answered" if wanted.answerable else "beside")
        if wanted.answerable:
            add(papers[paper_id], REMOVED, "removed", wanted.evidence)
    for hit in [hit for hit in one.hits if hit.paper.paper_id not in wanted.paper_ids][:N_OTHERS]:
        add(hit.paper, 0.0, "other")


def add_listed(examples: Examples, one: Found, papers: dict[str, Paper]) -> None:
    """The query beside every abstract that fits, and beside found ones that do not."""
    wanted = one.wanted
    beside = [hit.paper for hit in one.hits if hit.paper.paper_id not in wanted.paper_ids | wanted.borderline]
    question = examples.place(wanted.question)
    for target, found in ((1.0, [papers[paper_id] for paper_id in wanted.paper_ids]), (0.0, beside[:N_OTHERS])):
        for paper in found:
            sentences = examples.places(list(sentences_of(paper)))
            kind = "answered" if target else "beside"
            examples.asked.append(Asked(question, examples.place(paper.title), sentences, target, kind))


def add_judged(examples: Examples, found: Iterator[claims.Example], tokenizer: Any) -> None:
    for one in found:
        lengths = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in (one.claim, *one.evidence)]
        room = pairing.MAX_PIECES - 3 - min(pairing.MAX_CLAIM_PIECES, lengths[0])
        read_ones = pairing.chosen([min(room, n) for n in lengths[1:]], one.claim, one.evidence, room)
        sentences = examples.places([one.evidence[at] for at in read_ones])
        examples.judged.append(Judged(examples.place(one.claim), sentences, one.target, one.group))


def asked_lists(pile: Pile) -> list[Wanted]:
    """The pile's queries for several papers, each as its words are read when it is asked."""
    return [
        replace(one, question=topic_of(one.question, kind_of(one.question)))
        for one in pile.wanted
        if not one.question_id.startswith(FITTED_LISTS)
    ]


def is_kept_out(claim: Wanted) -> bool:
    """Whether one of SciFact's claims is only ever asked to measure."""
    return int(hashlib.sha256(claim.question.encode()).hexdigest(), 16) % 10 < HELD_OUT_TENTHS


def main() -> None:
    parser = argparse.ArgumentParser(description="Make what the bundled cross-encoders learn from.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--libraries", type=Path, required=True, help="libraries are made here, or used if they are")
    parser.add_argument("--planted", type=Path, required=True, help="what eval.training.make_claims made")
    parser.add_argument("--scifact", type=Path, required=True, help="SciFact's claims-train.jsonl.gz")
    parser.add_argument("--scifact-library", type=Path, required=True, help="a library of its corpus")
    parser.add_argument("--claims", type=Path, nargs="*", default=[], help="SciFact's training claims, WiCE")
    parser.add_argument("--fever", type=Path, required=True, help="FEVER's development set")
    options = parser.parse_args()
    rng = random.Random(3)
    examples = Examples()
    for name in NAMES:
        for pile in piles(name, with_claims=name in CLAIMS_ASKED):
            papers = {paper.paper_id: paper for paper in pile.papers}
            wanted = [one for one in pile.wanted if not is_fresh(name, one.question_id)]
            for one in ask(wanted, pile.papers, options.libraries / pile.name, n_hits=READ_HITS) if wanted else ():
                if one.hits:
                    add_group(examples, one, rng)
                    if not one.wanted.kind.startswith("claim"):
                        add_asked(examples, one, papers)
    for pile in (pile for name in LISTED for pile in listings(name)):
        wanted = asked_lists(pile)
        if not wanted:
            continue
        papers = {paper.paper_id: paper for paper in pile.papers}
        for one in ask(wanted, pile.papers, options.libraries / f"lists-{pile.name}", n_hits=READ_HITS):
            if one.hits:
                add_group(examples, one, rng, is_list=True)
                add_listed(examples, one, papers)
    wanted = [one for one in scifact_claims(options.scifact) if not is_kept_out(one)]
    for one in ask(wanted, None, options.scifact_library, n_hits=READ_HITS):
        if one.hits:
            add_group(examples, one, rng)
    tokenizer = load_tokenizer()
    add_judged(examples, claims.Written().examples(rng), tokenizer)
    for path in options.claims:
        add_judged(examples, claims.of_set(path, KEPT_FOLD), tokenizer)
    add_judged(examples, claims.of_set(options.fever, None, "fever"), tokenizer)
    add_judged(examples, claims.planted(options.planted), tokenizer)
    examples.write(options.out)
    print(f"{len(examples.groups)} groups, {len(examples.asked)} abstracts, {len(examples.judged)} claims")


if __name__ == "__main__":
    main()
