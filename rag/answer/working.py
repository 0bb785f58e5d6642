"""Each kind of work, done by quoting or by a model: which answerer it is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import prompts
from rag.answer import choosing, gathering, opposing, quoting, relevance
from rag.answer.citations import Numbering
from rag.answer.comparing import write_comparison
from rag.answer.drafts import Abstention, Quoted, quotations
from rag.answer.summarising import write_summary
from rag.answer.writing import Written, write
from rag.context import budget_for, fit, groups_of, neutralise, render_sources
from rag.conversation import Wanted
from rag.judge import model as claim_model
from rag.llm import LanguageModel, Message
from rag.retrieval.evidence import MANY, Breadth, Evidence, best_spans
from rag.retrieval.features import FloatArray
from rag.retrieval.question import asks_for_several
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import Claim, Hit, Kind, Source, Wrote

N_PAPERS: dict[Kind, int] = {"list": 12, "summary": 12, "comparison": 4, "other_side": 8}
"""How many papers at most each kind of work is given, where nobody chose them; 'answer' takes n_sources."""

SHOWN_ABOVE, MIN_SHOWN = -1.5, 3
"""For lists and summaries a model is shown papers that may well fit by ``relevance``, or the first few."""

MIN_COMPARED = 2

MAX_SHOWN_SENTENCES = 5
"""What a small model is shown to answer from, of all papers together, if they lie as near the best one as quotes must.
It reads about 40 tokens a second. Of 120 questions about the papers that ship, these sentences, two on average, hold
what answers 117, and so do the best nine."""

PROMPTS: dict[Kind, str] = {
    "answer": "answer",
    "list": "list",
    "summary": "summary",
    "comparison": "aspects",
    "other_side": "other_side",
}


def prompt_for(kind: Kind, model: LanguageModel) -> str:
    """The name of the prompt: a small model is told less."""
    return "answer_brief" if kind == "answer" and model.evidence == "sentences" else PROMPTS[kind]


def breadth_for(wanted: Wanted) -> Breadth | None:
    """None leaves it to the question's words."""
    by_topic = wanted.kind == "comparison" and not wanted.about
    return MANY if wanted.kind in ("list", "summary") or by_topic else None


def quoted(
    wanted: Wanted,
    hits: Sequence[Hit],
    evidence: Evidence,
    numbering: Numbering,
    reranker: Reranker | None,
    embed: Callable[[str], FloatArray],
    answers_above: float = quoting.ANSWERS_ABOVE,
) -> Quoted | Abstention:
    """What the kind of work comes to with no model."""
    question, length = wanted.question, wanted.manner.length
    if wanted.kind == "answer":
        drafts = quoting.quote(question, hits, evidence, numbering, reranker, answers_above, length)
        # Where several papers are asked for they may differ; and without a reranker nothing is to be read by a model.
        if isinstance(drafts, Abstention) or reranker is None or asks_for_several(question):
            return drafts
        told = opposing.disagreement(drafts.claims, hits, evidence, claim_model.BUNDLED, embed, numbering)
        return told or drafts
    found: Quoted | None
    if not wanted.about and not quoting.is_near(question, hits):
        return quoting.abstention(question, hits)
    if wanted.kind == "list":
        found = gathering.quoted_list(wanted.topic, hits, evidence, reranker, numbering, length)
    elif wanted.kind == "summary":
        by_hand = bool(wanted.about)
        found = gathering.quoted_summary(wanted.topic, hits, evidence, numbering, chosen_by_hand=by_hand, length=length)
    elif wanted.kind == "comparison":
        found = gathering.quoted_comparison(compared(wanted, hits, evidence), reranker or BUNDLED, numbering)
    else:
        found = opposing.quoted_other_side(
            wanted.topic, embed(wanted.topic), hits, claim_model.BUNDLED, numbering, length
        )
        if found is None:
            text = "Nothing in the abstracts that come near speaks against it."
            return Abstention("not_stated", text)
    return found or quoting.abstention(question, hits)


def disagreement(
    wanted: Wanted, hits: Sequence[Hit], evidence: Evidence, embed: Callable[[str], FloatArray]
) -> Abstention | None:
    """Both sides, where sentences that a question finds say opposite things, for a model that wrote of none."""
    if wanted.kind != "answer" or not evidence.sentences or asks_for_several(wanted.question):
        return None
    places = [(hits[one.hit], one.span) for one in choosing.chosen(wanted.question, hits, evidence)]
    claims = quotations(places, Numbering())
    return opposing.disagreement(claims, hits, evidence, claim_model.BUNDLED, embed, Numbering())


def compared(wanted: Wanted, hits: Sequence[Hit], evidence: Evidence) -> Sequence[Hit]:
    """The papers to set side by side: those that were chosen, in their order, or those that fit the topic.

    The first two need to fit less: of 'X and Y' each paper is only half of what is asked for.
    """
    if wanted.about:
        return sorted(hits, key=lambda hit: wanted.about.index(hit.paper.paper_id))
    fits = relevance.log_odds(wanted.topic, hits, evidence)
    return [hit for at, hit in enumerate(hits) if fits[at] > (SHOWN_ABOVE if at < MIN_COMPARED else 0.0)]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is put before a model."""

    groups: tuple[tuple[Source, ...], ...]
    """One for each request that reads sources; numbered from 1 in each."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """All of them, numbered through."""
        every = [source for group in self.groups for source in group]
        return tuple(Source(n, source.hit, source.sentences) for n, source in enumerate(every, 1))


def shown(wanted: Wanted, hits: Sequence[Hit], evidence: Evidence, model: LanguageModel) -> Shown:
    """The sources that fit into the model's prompts; no groups where nothing fits."""
    best = best_spans(hits, evidence)
    if wanted.kind in ("list", "summary") and not wanted.about:
        fits = relevance.log_odds(wanted.topic, hits, evidence)
        hits = [hit for hit, own in zip(hits, fits, strict=True) if own > SHOWN_ABOVE] or hits[:MIN_SHOWN]
    elif wanted.kind == "answer" and model.evidence == "sentences":
        within = choosing.quoted_within(wanted.question)
        best = best_spans(hits, evidence, at_most=MAX_SHOWN_SENTENCES, within=within)
        hits = [hit for hit in hits if hit.chunk.chunk_id in best]
    asked = {"comparison": "", "summary": wanted.topic, "other_side": wanted.topic}.get(wanted.kind, wanted.question)
    budget = budget_for(model, prompt_for(wanted.kind, model), asked)
    lettered = model.evidence == "abstracts"
    if wanted.kind == "comparison":
        # A table's cell may rest on any sentence, so each paper is shown whole, alone.
        single = [
            fit([hit], budget_tokens=budget, max_sources=1, evidence="abstracts")
            for hit in compared(wanted, hits, evidence)
        ]
        return Shown((tuple(Source(n, s.hit, s.sentences) for n, (s,) in enumerate(filter(None, single), 1)),))
    if wanted.kind == "summary":
        groups = groups_of(hits, budget_tokens=budget, evidence=model.evidence, best_sentences=best, lettered=lettered)
        return Shown(groups)
    sources = fit(
        hits,
        budget_tokens=budget,
        max_sources=len(hits),
        evidence=model.evidence,
        best_sentences=best,
        lettered=lettered,
    )
    return Shown((sources,) if sources else ())


def written(
    wanted: Wanted, shown_ones: Shown, model: LanguageModel, numbering: Numbering, stopped: Callable[[], bool]
) -> Iterator[Wrote | Claim | Written]:
    """What the model makes of it, as it comes; ends with ``Written``. Raises ModelError."""
    if wanted.kind == "comparison":
        return write_comparison(shown_ones.groups[0], model, numbering, stopped, wanted.manner)
    if wanted.kind == "summary":
        return write_summary(wanted.topic, shown_ones.groups, model, numbering, wanted.manner, stopped)
    (sources,) = shown_ones.groups
    return write(_messages(wanted, sources, model), sources, model, numbering, stopped=stopped)


def _messages(wanted: Wanted, sources: Sequence[Source], model: LanguageModel) -> Sequence[Message]:
    asked = {"statement": wanted.topic} if wanted.kind == "other_side" else {"question": wanted.question}
    return prompts.load(prompt_for(wanted.kind, model)).render(
        sources=render_sources(sources, lettered=model.evidence == "abstracts"),
        manner=wanted.manner.in_words(wanted.kind),
        **{name: neutralise(text) for name, text in asked.items()},
    )
