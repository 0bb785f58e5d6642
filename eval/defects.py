"""Defects planted into true sentences of papers and answers, and which of them a judge catches.

The same claims train the judge (``eval.training.make_claims``). Everything is decided by the seed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from eval.planting import DEFECT_KINDS, TRUE_KINDS, Context, is_claim, names_in, plant, true_claims
from rag.judge.judgement import Judge
from rag.sentences import split_sentences
from rag.types import Paper


@dataclass(frozen=True, slots=True)
class Audited:
    """How many claims of each kind were made, and how many of them were flagged."""

    made: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    contradicted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By kind, some that went wrong: (claim, what was changed or the judge's reason)."""


@dataclass(frozen=True, slots=True)
class PlantedClaim:
    paper_id: str
    claim: str
    kind: str
    true: bool
    evidence: tuple[str, ...]
    what: str = ""


class _Pool:
    """Papers, and what the planters may draw on for a sentence of one of them."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self.sentences = {p.paper_id: tuple(s.of(p.abstract) for s in split_sentences(p.abstract)) for p in papers}
        self._names = {paper_id: names_in(sentences) for paper_id, sentences in self.sentences.items()}

    def context(self, at: int, neighbours: Sequence[int] | None = None) -> Context:
        """For the paper at this place; ``neighbours`` are the places of others on its topic (those beside it)."""
        paper = self._papers[at]
        own = self.sentences[paper.paper_id]
        places = neighbours if neighbours is not None else [at + step for step in (1, 2, 3, -1, -2, -3)]
        beside = [self._papers[place % len(self._papers)] for place in places]
        beside = [p for p in beside if p.paper_id != paper.paper_id]
        others = tuple(s for p in beside for s in self.sentences[p.paper_id] if s not in own)
        names = tuple(dict.fromkeys(n for p in beside for n in self._names[p.paper_id]))
        return Context(own, others, names or tuple(n for o in self._names.values() for n in o), paper.title)


def planted(
    papers: Sequence[Paper],
    rng: random.Random,
    per_paper: int = 2,
    neighbours: Sequence[Sequence[int]] | None = None,
) -> Iterator[PlantedClaim]:
    """True and false claims from each paper, in order.

    ``neighbours``: for each paper the places of others on its topic; by default those beside it.
    """
    pool = _Pool(papers)
    for at, paper in enumerate(papers):
        sentences = pool.sentences[paper.paper_id]
        context = pool.context(at, neighbours[at] if neighbours is not None else None)
        usable = [s for s in sentences if is_claim(s)]
        for sentence in rng.sample(usable, min(per_paper, len(usable))):
            yield from _claims(sentence, paper.paper_id, read_with(paper.title, sentences), context, rng)


def planted_in(
    said: Iterable[tuple[str, tuple[str, ...]]], papers: Sequence[Paper], rng: random.Random
) -> Iterator[PlantedClaim]:
    """True and false claims from sentences of answers, each with the ids of the papers that it rests on.

    They are judged against those papers alone; a sentence whose papers are not there is left out.
    """
    pool = _Pool(papers)
    places = {paper.paper_id: at for at, paper in enumerate(papers)}
    for sentence, paper_ids in said:
        cited = [places[paper_id] for paper_id in paper_ids if paper_id in places]
        if not cited or not is_claim(sentence):
            continue
        context = pool.context(cited[0])
        own = [papers[at] for at in cited]
        evidence = tuple(text for p in own for text in read_with(p.title, pool.sentences[p.paper_id]))
        context = replace(
            context,
            paper_sentences=tuple(s for p in own for s in pool.sentences[p.paper_id]),
            other_sentences=tuple(s for s in context.other_sentences if s not in evidence),
        )
        yield from _claims(sentence, own[0].paper_id, evidence, context, rng)


def read_with(title: str, sentences: tuple[str, ...]) -> tuple[str, ...]:
    """What a judge reads of a paper."""
    return (title, *sentences) if title else sentences


def _claims(
    sentence: str, paper_id: str, evidence: tuple[str, ...], context: Context, rng: random.Random
) -> Iterator[PlantedClaim]:
    for kind, claim in true_claims(sentence, rng, context):
        yield PlantedClaim(paper_id, claim, kind, True, evidence)
    for defect in plant(sentence, rng, context):
        yield PlantedClaim(paper_id, defect.claim, defect.kind, False, evidence, defect.what)


def audit(claims: Iterable[PlantedClaim], judge: Judge, n_examples: int = 3) -> Audited:
    """What the judge flags of each kind: it should flag every defect and no true sentence.

    A claim is flagged if its verdict is neither 'supported' nor an honest 'unchecked'.
    """
    audited = Audited()
    for planted_claim in claims:
        judgement = judge.judge(planted_claim.claim, planted_claim.evidence)
        kind = planted_claim.kind
        audited.made[kind] += 1
        flagged = not judgement.passed
        audited.flagged[kind] += flagged
        audited.contradicted[kind] += judgement.verdict == "contradicted"
        wrong = audited.examples.setdefault(kind, [])
        if flagged == planted_claim.true and len(wrong) < n_examples:
            wrong.append((planted_claim.claim, planted_claim.what or "; ".join(judgement.reasons)))
    return audited


def audit_table(audited: Audited) -> str:
    """Markdown: share of defects caught, and of true sentences accused, by kind."""
    lines = ["| planted | claims | flagged |", "|---|---:|---:|"]
    for kinds, name in ((DEFECT_KINDS, "all defects"), (TRUE_KINDS, "all true sentences")):
        for kind in kinds:
            if audited.made[kind]:
                lines.append(f"| {kind} | {audited.made[kind]} | {audited.flagged[kind] / audited.made[kind]:.1%} |")
        made, flagged = (sum(counts[k] for k in kinds) for counts in (audited.made, audited.flagged))
        if made:
            lines.append(f"| **{name}** | {made} | {flagged / made:.1%} |")
    return "\n".join(lines)
