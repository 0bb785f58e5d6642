"""The conversation: questions, sentences with their footnotes, and what stands in an answer's place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import AbstentionReason, Answer, Claim, Paper, Verdict
from ui.asking import Narrowing
from ui.progress import Progress, claim_ends, unchecked_rest
from ui.rendering.comparison import comparison
from ui.rendering.doubts import doubt
from ui.rendering.markup import SIGNS, card_ids, icon, outside, papers_of, shortened, text, title_of
from ui.rendering.sentences import quotation, sentence
from ui.sharing.plain import as_plain_text
from ui.texts import Texts

_MARKER = re.compile(r"\[(\d+)\]")
N_NEAREST = 3
"""Papers named beside an answer that is none."""


def turn(number: int, answer: Answer, t: Texts, *, within: str = "", marks: Sequence[str] = ()) -> str:
    """A finished turn. ``within`` says in words which papers it was asked of; ``marks`` holds the
    reader's own judgement of it ("up" or "down")."""
    body = _answer(number, answer, t)
    head = _turn(number, answer.question, answer.standalone_question, _years(answer, t) + body, t, within=within)
    return head + _foot(number, answer, t, marks)


def under_way(number: int, progress: Progress, t: Texts, *, before: int = 0, within: str = "") -> str:
    """A turn that is being answered; ``before`` counts the questions that wait in front of it."""
    if not progress.text and not progress.claims:
        body = f'<p class="waiting">{text(status(progress, t, before=before))}</p>'
    else:
        cards = card_ids(number, progress.sources or ())
        rest = unchecked_rest(progress.text, progress.claims)
        tail = _MARKER.sub(lambda found: f'<span class="marker pending">{found[0]}</span>', text(rest))
        tail = f'<span class="tail" id="turn-{number}-tail">{tail}</span><span class="caret" aria-hidden="true"></span>'
        said = _claims(number, progress.text, progress.claims, cards, t, tail=tail)
        body = f'<div class="answer" id="turn-{number}-answer">{said}</div>'
    return _turn(number, progress.question, progress.standalone_question, body, t, within=within, busy=True) + _END


_END = "</article>"


def _turn(number: int, question: str, standalone: str, body: str, t: Texts, *, within: str, busy: bool = False) -> str:
    notes = []
    if standalone and standalone != question:
        notes.append(t("turn.searched", question=standalone))
    if within:
        notes.append(t("turn.within", filter=within))
    asides = "".join(f'<p class="aside" dir="auto">{text(note)}</p>' for note in notes)
    return (
        f'<article class="turn" id="turn-{number}" aria-labelledby="turn-{number}-question" '
        f'aria-busy="{"true" if busy else "false"}">'
        f'<h2 class="question" id="turn-{number}-question" dir="auto">{text(question)}</h2>{asides}{body}'
    )


def _years(answer: Answer, t: Texts) -> str:
    """The years that were read from the question, as a chip: taken away, it is asked again without them."""
    words = Narrowing(*answer.years).in_words(t).get("years") if answer.years is not None else None
    if words is None:
        return ""
    return (
        f'<p class="aside"><button type="button" class="chip filter" data-do="any-year" '
        f'data-question="{text(answer.standalone_question or answer.question)}" '
        f'aria-label="{text(t("turn.any_year", years=words))}">{text(words)} '
        f'<span aria-hidden="true">×</span></button></p>'
    )


def status(progress: Progress, t: Texts, *, before: int = 0) -> str:
    """One line: what is going on, and what was read into the question."""
    if progress.answer is not None:
        return " ".join((_status_of(progress.answer, t), *progress.notes))
    if progress.n_papers is None:
        return t("ask.waiting", n=before) if before else t("ask.starting")
    if progress.sources is None:
        return t("ask.searching", n=progress.n_papers)
    if not progress.text:
        return " ".join((*progress.notes, t("ask.reading", n=len(papers_of(progress.sources)))))
    return t("ask.writing")


def _status_of(answer: Answer, t: Texts) -> str:
    match answer.outcome:
        case "answered":
            return t("turn.answered", counts=verdict_counts(answer.claims, t))
        case "abstained":
            return f"{t('abstained.label')}: {_why_abstained(answer.reason, t)}"
        case "failed":
            return t("failed.title")
        case "empty":
            return t("failed.empty_title")
        case "stopped":
            return t("failed.stopped_title")


def _answer(number: int, answer: Answer, t: Texts) -> str:
    cards = card_ids(number, answer.sources)
    if answer.table is not None:
        said = comparison(number, answer, cards, t)
    else:
        said = _claims(number, answer.text, answer.claims, cards, t)
    body = f'<div class="answer" id="turn-{number}-answer">{said}</div>' if said else ""
    match answer.outcome:
        case "answered":
            return body
        case "abstained" if answer.reason == "not_a_question":
            return f'<div class="answer"><p dir="auto" lang="en">{outside(answer.text)}</p></div>'
        case "abstained":
            return body + _abstained(number, answer, t)
        case "failed":
            more = _kept(answer, t) + _retry(t)
            return body + _notice("failed", t("failed.title"), answer.error or answer.text, t, more)
        case "empty":
            more = _kept(answer, t) + _retry(t)
            return _notice("failed", t("failed.empty_title"), answer.error or t("failed.empty"), t, more)
        case "stopped":
            line = answer.error or t("failed.stopped" if said else "failed.stopped_early")
            return body + _notice("stopped", t("failed.stopped_title"), line, t, _retry(t))


def _why_abstained(reason: AbstentionReason | None, t: Texts) -> str:
    return t(f"abstained.{reason or 'other'}")


def _notice(kind: str, title: str, line: str, t: Texts, more: str = "") -> str:
    sign = {"failed": "!", "stopped": "■", "abstained": "∅"}[kind]
    return (
        f'<section class="notice {kind}"><h3><span class="sign" aria-hidden="true">{sign}</span> {text(title)}</h3>'
        f'<p dir="auto">{outside(line)}</p>{more}</section>'
    )


def _retry(t: Texts) -> str:
    """Shown in the last turn only."""
    return (
        f'<p class="choices"><button type="button" class="plain" data-do="retry">{icon("again")} '
        f"{text(t('turn.retry'))}</button></p>"
    )


def _kept(answer: Answer, t: Texts) -> str:
    n_papers = len(papers_of(answer.sources))
    return f'<p class="quiet">{text(t("failed.kept", n=n_papers))}</p>' if n_papers else ""


def _abstained(number: int, answer: Answer, t: Texts) -> str:
    """The card that says no: why, what comes nearest, and what may be asked instead."""
    cards = card_ids(number, answer.sources)
    papers = papers_of(answer.sources)[:N_NEAREST]
    more = ""
    if papers and answer.reason != "empty_library":
        items = "".join(
            f'<li><a href="#{cards[p.paper_id]}" data-card="{cards[p.paper_id]}">{outside(title_of(p))}</a></li>'
            for p in papers
        )
        more += f'<h4>{text(t("abstained.nearest"))}</h4><ul class="nearest">{items}</ul>'
    if answer.reason in ("not_stated", "nothing_near", "model_declined", None) and papers:
        asked = "".join(
            f'<button type="button" class="example" data-ask="{text(q)}">{outside(q)}</button>'
            for q in better_questions(papers, t)
        )
        more += f"<h4>{text(t('abstained.better'))}</h4><div class='choices column'>{asked}</div>"
    return _notice("abstained", _why_abstained(answer.reason, t), answer.text, t, more)


def better_questions(papers: Sequence[Paper], t: Texts) -> list[str]:
    """Questions about the nearest paper, which its abstract is likely to answer."""
    return [t("abstained.better_about", title=shortened(title_of(papers[0]), 120))]


def _foot(number: int, answer: Answer, t: Texts, marks: Sequence[str]) -> str:
    """The line that sums up, what the reader should know, and what can be done with the answer."""
    if answer.reason == "not_a_question":
        return _END
    parts = [verdict_counts(answer.claims, t)] if answer.claims else []
    parts.append(t("turn.seconds", seconds=t.decimal(answer.timings.total_seconds, 1)))
    parts.append(t("top.quoting") if answer.model is None else answer.model)
    line = " · ".join(outside(part) for part in parts)
    notes = "".join(f'<p class="quiet" dir="auto" lang="en">{outside(note)}</p>' for note in answer.notes)
    return (
        f'<footer class="foot"><p class="summary">{line}</p>{notes}'
        f'<p class="summary hidden-count" data-hidden="{_n_hidden(answer.claims)}">'
        f"{text(t('turn.hidden', n=_n_hidden(answer.claims)))}</p>"
        f"{_sheet_button(number, answer, t)}{_actions(number, answer, t, marks)}</footer>{_END}"
    )


def _sheet_button(number: int, answer: Answer, t: Texts) -> str:
    """On a phone, where the evidence is a sheet: how it is opened without a footnote."""
    if not answer.sources:
        return ""
    return (
        f'<button type="button" class="plain small show-evidence" data-do="evidence" data-turn="{number}">'
        f"{icon('book')} {text(t('evidence.show'))}</button>"
    )


def _n_hidden(claims: Sequence[Claim]) -> int:
    return sum(claim.verdict != "supported" for claim in claims)


def _actions(number: int, answer: Answer, t: Texts, marks: Sequence[str]) -> str:
    if not answer.claims and answer.outcome != "abstained":
        return ""
    copy = (
        f'<button type="button" class="quiet-button" data-copy="{text(as_plain_text(answer))}" '
        f'aria-label="{text(t("turn.copy"))}" title="{text(t("turn.copy"))}">{icon("copy")}</button>'
        if answer.claims
        else ""
    )
    thumbs = "".join(
        f'<button type="button" class="quiet-button" data-do="mark" data-mark="{mark}" data-turn="{number}" '
        f'aria-pressed="{"true" if mark in marks else "false"}" aria-label="{text(t(key))}" '
        f'title="{text(t(key))}">{icon(mark)}</button>'
        for mark, key in (("up", "turn.good"), ("down", "turn.bad"))
    )
    return f'<div class="actions" role="group" aria-label="{text(t("turn.actions"))}">{copy}{thumbs}</div>'


def verdict_counts(claims: Sequence[Claim], t: Texts) -> str:
    """``3 of 3 sentences checked, all verified``, or every verdict that occurs, so that they add up."""
    found: list[Verdict] = [claim.verdict for claim in claims]
    n_checked = sum(verdict != "unchecked" for verdict in found)
    if n_checked == 0:
        return t("turn.checked_none", n=len(found))
    if found.count("supported") == len(found):
        return t("turn.checked_all", n=len(found))
    each = ", ".join(
        t("turn.n_verdict", n=found.count(verdict), verdict=t(f"verdict.{verdict}"))
        for verdict in SIGNS
        if verdict in found
    )
    return t("turn.checked", checked=t.number(n_checked), all=t.number(len(found)), verdicts=each)


# Sentences


def _claims(
    number: int, whole: str, claims: Sequence[Claim], cards: dict[str, str], t: Texts, *, tail: str = ""
) -> str:
    """Sentences in running paragraphs, broken where ``whole`` has a line end; quotes set apart.

    Below a paragraph stands what there is to say about those of its sentences that failed.
    """
    ends = [0, *claim_ends(whole, claims)]
    parts: list[str] = []
    paragraph: list[str] = []
    doubts: list[str] = []

    def finish_paragraph() -> None:
        if paragraph:
            parts.append(f'<p dir="auto">{" ".join(paragraph)}</p>')
            paragraph.clear()
        parts.extend(doubts)
        doubts.clear()

    for index, claim in enumerate(claims, 1):
        if claim.is_quote and claim.citations:
            finish_paragraph()
            parts.append(quotation(number, index, claim, cards, t))
            continue
        if index < len(ends) and "\n" in _leading_space(whole[ends[index - 1] : ends[index]]):
            finish_paragraph()
        paragraph.append(sentence(number, index, claim, cards, t))
        doubts.append(doubt(number, index, claim, cards, t))
    if tail:
        # The sentence being written goes on where the last one ended.
        if len(ends) > len(claims) and "\n" in _leading_space(whole[ends[-1] :]):
            finish_paragraph()
        paragraph.append(tail)
    finish_paragraph()
    return "".join(parts)


def _leading_space(value: str) -> str:
    return value[: len(value) - len(value.lstrip())]
