"""The evidence: a card for each paper behind an answer, with the sentences that bear it marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.readable import readable
from rag.types import Answer, Citation, Claim, Hit, Paper, Source
from rag.vocabulary import stems, weight
from ui.rendering.markup import (
    SIGNS,
    Mark,
    address,
    card_ids,
    claim_id,
    highlighted,
    icon,
    outside,
    papers_of,
    shortened,
    text,
    title_of,
)
from ui.texts import Texts

_MANY_AUTHORS = 4
_MAX_SHARED_WORDS = 6


def nothing_yet(t: Texts) -> str:
    """The panel before its first turn."""
    return f'<p class="quiet" id="evidence-none">{text(t("evidence.none_yet"))}</p>'


def group(
    number: int,
    question: str,
    sources: Sequence[Source] | None,
    t: Texts,
    *,
    claims: Sequence[Claim] = (),
    answer: Answer | None = None,
    wrong: frozenset[tuple[int, int]] = frozenset(),
) -> str:
    """The evidence of one turn: what its sentences cite first, what was found beside it below.

    ``sources`` is None while the search goes on, ``answer`` until the turn is over. ``wrong``
    holds the (claim, citation) places, counted from 1, that the reader reported.
    """
    body = _group(number, question, sources, claims if answer is None else answer.claims, answer, t, wrong)
    line = text(t("evidence.of", question=shortened(question)))
    return f'<details class="group" id="evidence-{number}" open><summary>{line}</summary>{body}</details>'


def _group(
    number: int,
    question: str,
    sources: Sequence[Source] | None,
    claims: Sequence[Claim],
    answer: Answer | None,
    t: Texts,
    wrong: frozenset[tuple[int, int]],
) -> str:
    if sources is None:
        return f'<p class="quiet">{text(t("evidence.searching"))}</p>'
    papers = papers_of(sources)
    if not papers:
        searched = answer is None or answer.reason not in ("not_a_question", "empty_library")
        return f'<p class="quiet">{text(t("evidence.not_found" if searched else "evidence.not_searched"))}</p>'
    cards = card_ids(number, sources)
    bearing = {p.paper_id: _bearing(number, p, claims) for p in papers}
    cited = sorted((p for p in papers if bearing[p.paper_id]), key=lambda p: bearing[p.paper_id][0].citation.number)
    others = [p for p in papers if not bearing[p.paper_id]]
    found = {p.paper_id: next(s for s in sources if s.hit.paper.paper_id == p.paper_id) for p in papers}
    card = _Cards(question, found, cards, t, wrong, _elsewhere(number, claims))
    shown = "".join(card.of(p, bearing[p.paper_id]) for p in cited)
    rest = "".join(card.of(p) for p in others)
    if answer is None:
        line = t("evidence.found", n=len(papers))
        return f'<p class="quiet">{text(line)}</p>{shown}{rest}'
    if not cited:
        line = t("evidence.nearest" if answer.outcome == "abstained" else "evidence.uncited")
        return f'<p class="quiet">{text(line)}</p>{rest}'
    if not others:
        return shown
    also = text(t("evidence.also", n=len(others)))
    return f'{shown}<details class="others" id="others-{number}"><summary>{also}</summary>{rest}</details>'


@dataclass(frozen=True, slots=True)
class _Bearing:
    """One claim's citation of the paper of a card."""

    claim: Claim
    claim_id: str
    position: int
    citation: Citation
    place: int
    """Of the citation among the claim's, from 1."""


def _bearing(number: int, paper: Paper, claims: Sequence[Claim]) -> list[_Bearing]:
    return [
        _Bearing(claim, claim_id(number, position), position, citation, place)
        for position, claim in enumerate(claims, 1)
        for place, citation in enumerate(claim.citations, 1)
        if citation.paper_id == paper.paper_id
    ]


@dataclass(frozen=True, slots=True)
class _Cards:
    """What the cards of one turn share."""

    question: str
    sources: dict[str, Source]
    ids: dict[str, str]
    t: Texts
    wrong: frozenset[tuple[int, int]]
    elsewhere: dict[str, list[Mark]]

    def of(self, paper: Paper, bearing: Sequence[_Bearing] = ()) -> str:
        t = self.t
        marks = [Mark(b.citation.span, b.claim_id) for b in bearing if b.citation.span is not None]
        marks += self.elsewhere.get(paper.paper_id, [])
        number = f'<span class="number">[{bearing[0].citation.number}]</span> ' if bearing else ""
        abstract = (
            f'<p class="abstract" dir="auto" lang="en">{highlighted(paper.abstract, marks)}</p>'
            if paper.abstract
            else f'<p class="quiet">{text(t("evidence.no_abstract"))}</p>'
        )
        notice = f'<p class="retracted">{outside(paper.notice)}</p>' if paper.notice else ""
        verdicts = "".join(self._verdict(b) for b in bearing)
        if verdicts:
            verdicts = f'<ul class="verdicts">{verdicts}</ul>'
        kind, state = ("card cited", ' open data-open="1"') if bearing else ("card", "")
        own = self.ids[paper.paper_id]
        return (
            f'<details class="{kind}" id="{own}"{state}>'
            f'<summary><span class="head"><h3 dir="auto">{number}{outside(title_of(paper))}</h3>'
            f"{byline(paper, t)}</span></summary>"
            f"{notice}{abstract}{verdicts}{self._below(paper, own)}</details>"
        )

    def _verdict(self, bearing: _Bearing) -> str:
        t, claim = self.t, bearing.claim
        reasons = "; ".join(claim.reasons)
        if not reasons and bearing.citation.span is None:
            reasons = t("evidence.no_sentence")
        if not bearing.citation.needed:
            reasons = "; ".join(part for part in (reasons, t("doubt.not_needed")) if part)
        said = f'<span class="reasons" lang="en">{outside(reasons)}</span>' if reasons else ""
        label = text(t("evidence.back_label", n=bearing.position))
        is_wrong = (bearing.position, bearing.place) in self.wrong
        wrong = text(t("evidence.wrong_marked" if is_wrong else "evidence.wrong"))
        turn = bearing.claim_id.split("-")[1]
        return (
            f'<li class="{claim.verdict}"><span class="verdict {claim.verdict}"><span class="sign" aria-hidden="true">'
            f"{SIGNS[claim.verdict]}</span> {text(t(f'verdict.{claim.verdict}'))}</span> "
            f'<a class="back" href="#{bearing.claim_id}" data-back="{bearing.claim_id}" aria-label="{label}">'
            f"{text(t('evidence.back', n=bearing.position))}\N{NO-BREAK SPACE}↑</a>"
            f'<button type="button" class="wrong" data-do="mark" data-mark="wrong_citation" data-turn="{turn}" '
            f'data-position="{bearing.position}" data-place="{bearing.place}" '
            f'aria-pressed="{"true" if is_wrong else "false"}">{wrong}</button>{said}</li>'
        )

    def _below(self, paper: Paper, own: str) -> str:
        """Where it can be read, and why it was found."""
        t = self.t
        parts = []
        if link := address(paper):
            parts.append(
                f'<a class="open-paper" href="{text(link)}" target="_blank" rel="noopener noreferrer">'
                f"{text(t('evidence.open_paper'))}\N{NO-BREAK SPACE}↗</a>"
            )
        source = self.sources[paper.paper_id]
        lines = "".join(f"<li>{text(line)}</li>" for line in why_found(self.question, source, t))
        if lines:
            parts.append(
                f'<details class="found-by" id="{own}-why"><summary>{text(t("evidence.why_found"))}</summary>'
                f"<ul>{lines}</ul></details>"
            )
        return f'<div class="below">{"".join(parts)}</div>' if parts else ""


def _elsewhere(number: int, claims: Sequence[Claim]) -> dict[str, list[Mark]]:
    """By paper, where claims stand that cite another one."""
    found: dict[str, list[Mark]] = {}
    for position, claim in enumerate(claims, 1):
        place = claim.elsewhere
        if place is not None and place.span is not None and place.paper_id is not None:
            found.setdefault(place.paper_id, []).append(Mark(place.span, claim_id(number, position)))
    return found


def byline(paper: Paper, t: Texts) -> str:
    """Authors, venue and year; "" where none is known."""
    authors = [readable(author) for author in paper.authors[:_MANY_AUTHORS]]
    if len(paper.authors) > _MANY_AUTHORS:
        authors.append(t("evidence.and_others"))
    parts = [outside(", ".join(authors))] if authors else []
    parts += [outside(readable(str(part))) for part in (paper.venue, paper.year) if part]
    return f'<span class="byline">{" · ".join(parts)}</span>' if parts else ""


def why_found(question: str, source: Source, t: Texts) -> list[str]:
    """In words, how the search came to a paper; [] where the hit does not say."""
    hit = source.hit
    lines = []
    for origin in hit.origins:
        if origin.side == "dense":
            lines.append(t("evidence.by_meaning", rank=origin.rank, score=t.decimal(origin.score, 2)))
        elif words := shared_words(question, hit):
            lines.append(t("evidence.by_words_named", words=", ".join(words), rank=origin.rank))
        else:
            lines.append(t("evidence.by_words", rank=origin.rank))
    if len({origin.side for origin in hit.origins}) > 1:
        lines.append(t("evidence.by_both"))
    if 0 < len(source.sentences) < len(hit.chunk.sentences):
        lines.append(t("evidence.shown_sentences", n=len(source.sentences)))
    return lines


def shared_words(question: str, hit: Hit) -> list[str]:
    """The telling words of the question that the paper uses too, the rarest first."""
    held = set(stems(f"{hit.paper.title} {hit.paper.abstract}"))
    words: dict[str, str] = {}
    for word in re.findall(r"[^\W_][\w-]*", question):
        (stem, *_) = stems(word) or [""]
        if stem in held and weight(stem) > 0:
            words.setdefault(stem, word)
    ranked = sorted(words, key=weight, reverse=True)
    return [words[stem] for stem in ranked[:_MAX_SHARED_WORDS]]


def head(t: Texts) -> str:
    """The head of the panel; on a phone it is a sheet that can be closed."""
    close = text(t("evidence.close"))
    return (
        f'<h2 id="evidence-title">{text(t("evidence.title"))}</h2>'
        f'<button type="button" class="quiet-button sheet-close" data-do="close-evidence" aria-label="{close}">'
        f"{icon('close')}</button>"
    )
