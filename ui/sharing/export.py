"""A conversation as a file: Markdown, a page of HTML, BibTeX of what it cites, and JSON with proofs."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from rag.readable import readable
from rag.types import Answer, Claim, Paper, cited_paper_ids
from ui.conversations import KeptTurn, to_json
from ui.rendering.markup import SIGNS, Mark, address, claim_id, highlighted, outside, papers_of, text
from ui.sharing.bibtex import bibtex
from ui.sharing.plain import reference
from ui.texts import Texts

FORMAT = "footnoted conversation"
VERSION = 1

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Of an exported page: it loads nothing, sends nothing and runs nothing."""

# What Markdown would read as a sign of its own.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#+\-.!|~$&()@:=^])")


@dataclass(frozen=True, slots=True)
class Exported:
    """A conversation to be exported."""

    title: str
    turns: tuple[KeptTurn, ...]

    def answers(self) -> list[Answer]:
        return [turn.answer for turn in self.turns if turn.answer is not None]

    def cited(self) -> dict[int, Paper]:
        """The papers that the conversation cites, by their numbers."""
        papers = {paper.paper_id: paper for answer in self.answers() for paper in papers_of(answer.sources)}
        cited = {
            citation.number: papers[citation.paper_id]
            for answer in self.answers()
            for claim in answer.claims
            for citation in claim.citations
            if citation.paper_id in papers
        }
        return dict(sorted(cited.items()))


def as_bibtex(conversation: Exported, t: Texts) -> str:
    return bibtex(conversation.cited().values())


def as_json(conversation: Exported, t: Texts) -> str:
    """Everything, with the proofs: each quote with its place in the abstract that stands beside it.

    ``sources[..].hit.paper.abstract[start:end] == quote`` for every citation, which anybody
    can check. ``from_json`` of ui.sharing.imported reads it back.
    """
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "title": conversation.title,
            "exported": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "turns": [
                {
                    "request": dict(turn.request),
                    "answer": json.loads(to_json(turn.answer)),
                    "proofs": proofs(turn.answer),
                }
                for turn in conversation.turns
                if turn.answer is not None
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def proofs(answer: Answer) -> list[dict[str, Any]]:
    """One for each citation of a text: which claim, which paper with which content, where, and what it says there."""
    papers = {paper.paper_id: paper for paper in papers_of(answer.sources)}
    return [
        {
            "claim": position,
            "verdict": claim.verdict,
            "paper_id": citation.paper_id,
            "content_hash": papers[citation.paper_id].content_hash,
            "start": citation.span.start,
            "end": citation.span.end,
            "quote": citation.quote,
        }
        for position, claim in enumerate(answer.claims)
        for citation in claim.citations
        if citation.span is not None and citation.paper_id in papers
    ]


# Markdown


def as_markdown(conversation: Exported, t: Texts) -> str:
    lines = [f"# {_plain(conversation.title)}", "", f"*{t('export.exported', date=time.strftime('%Y-%m-%d'))}*", ""]
    for answer in conversation.answers():
        lines += [f"## {_plain(answer.question)}", ""]
        if answer.claims:
            lines += [_sentence(claim, t) for claim in answer.claims]
        else:
            lines.append(_plain(answer.error or answer.text))
        lines += [f"> {_plain(note)}" for note in answer.notes]
        lines.append("")
    cited = conversation.cited()
    if cited:
        lines += [f"## {t('export.references')}", ""]
        for number, paper in cited.items():
            lines += [f"{number}. {_plain(reference(paper))}", ""]
            quotes = dict.fromkeys(
                c.quote
                for answer in conversation.answers()
                for claim in answer.claims
                for c in claim.citations
                if c.paper_id == paper.paper_id and c.quote
            )
            lines += [f"   > {_plain(quote)}\n" for quote in quotes]
    return "\n".join(lines).rstrip() + "\n"


def _sentence(claim: Claim, t: Texts) -> str:
    numbers = "".join(f"\\[{c.number}\\]" if c.exists else f"\\[{c.number}?\\]" for c in claim.citations)
    words = f"“{_plain(claim.text)}”" if claim.is_quote else _plain(claim.text)
    verdict = f"*({SIGNS[claim.verdict]} {t(f'verdict.{claim.verdict}')})*"
    return f"- {words} {numbers} {verdict}".replace("  ", " ")


def _plain(value: str) -> str:
    """One line in which nothing is Markdown or HTML."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_printable(readable(value)).split()))


def _printable(value: str) -> str:
    return "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in value)


# HTML


def as_html(conversation: Exported, t: Texts) -> str:
    """One file that needs no network and runs no script; every footnote leads to its highlighted sentence."""
    style = resources.files("ui").joinpath("styles/exported.css").read_text(encoding="utf-8")
    turns = "".join(_html_turn(turn.number, turn.answer, t) for turn in conversation.turns if turn.answer is not None)
    title = text(conversation.title)
    return (
        f'<!doctype html><html lang="{t.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{style}</style></head><body><main><h1>{title}</h1>"
        f'<p class="quiet">{text(t("export.exported", date=time.strftime("%Y-%m-%d")))}</p>{turns}'
        "</main></body></html>\n"
    )


def _html_turn(number: int, answer: Answer, t: Texts) -> str:
    claims = "".join(_html_claim(number, position, claim, answer, t) for position, claim in enumerate(answer.claims, 1))
    said = f"<ol>{claims}</ol>" if claims else f'<p class="none">{outside(answer.error or answer.text)}</p>'
    notes = "".join(f'<p class="quiet">{outside(note)}</p>' for note in answer.notes)
    cards = "".join(_html_card(number, paper, answer) for paper in papers_of(answer.sources) if _cites(answer, paper))
    heading = f"<h3>{text(t('export.evidence'))}</h3>{cards}" if cards else ""
    return f"<section><h2>{outside(answer.question)}</h2>{said}{notes}{heading}</section>"


def _cites(answer: Answer, paper: Paper) -> bool:
    return paper.paper_id in cited_paper_ids(answer.claims)


def _html_claim(number: int, position: int, claim: Claim, answer: Answer, t: Texts) -> str:
    places = {paper.paper_id: f"paper-{number}-{at}" for at, paper in enumerate(papers_of(answer.sources), 1)}
    marks = []
    for citation in claim.citations:
        place = places.get(citation.paper_id or "")
        shown = f"[{citation.number}]" if citation.exists else f"[{citation.number}?]"
        marks.append(f'<a href="#{place}">{shown}</a>' if place else shown)
    words = f"“{outside(claim.text)}”" if claim.is_quote else outside(claim.text)
    verdict = f"{SIGNS[claim.verdict]} {text(t(f'verdict.{claim.verdict}'))}"
    why = f'<span class="quiet"> {outside("; ".join(claim.reasons))}</span>' if claim.reasons else ""
    return (
        f'<li id="{claim_id(number, position)}">{words} {" ".join(marks)} '
        f'<strong class="{claim.verdict}">{verdict}</strong>{why}</li>'
    )


def _html_card(number: int, paper: Paper, answer: Answer) -> str:
    papers = papers_of(answer.sources)
    at = 1 + [one.paper_id for one in papers].index(paper.paper_id)
    bearing = [
        (position, citation)
        for position, claim in enumerate(answer.claims, 1)
        for citation in claim.citations
        if citation.paper_id == paper.paper_id
    ]
    marks = [Mark(c.span, claim_id(number, position)) for position, c in bearing if c.span is not None]
    link = address(paper)
    shown = outside(readable(paper.title) or paper.paper_id)
    title = f'<a href="{text(link)}" rel="noopener noreferrer">{shown}</a>' if link else shown
    notice = f'<p class="none">{outside(paper.notice)}</p>' if paper.notice else ""
    return (
        f'<article id="paper-{number}-{at}"><h4>[{bearing[0][1].number}] {title}</h4>{notice}'
        f'<p class="quiet">{outside(reference(paper))}</p><p>{highlighted(paper.abstract, marks)}</p></article>'
    )


KINDS: dict[str, tuple[str, Callable[[Exported, Texts], str]]] = {
    "md": ("text/markdown", as_markdown),
    "html": ("text/html", as_html),
    "bib": ("application/x-bibtex", as_bibtex),
    "json": ("application/json", as_json),
}
"""By the ending of the file: its type, and what makes it."""


def file_name(title: str, kind: str) -> str:
    """A name that every file system takes: plain letters, digits and hyphens."""
    folded = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", folded)
    return f"{'-'.join(words)[:60].strip('-') or 'conversation'}.{kind}"
