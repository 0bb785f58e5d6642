"""From answers to markup: pure functions, and the one place where outside text meets HTML.

Every title, abstract, question, sentence, file name and error goes through ``text`` (or
``outside``, which also keeps its writing direction to itself); every tag and attribute
in the result was written here. Ids begin with the turn's number, so that footnotes of an
earlier turn keep their targets.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, urlsplit

from rag.types import AbstentionReason, Answer, Citation, Claim, Paper, Source, Span, Verdict
from ui.progress import Progress, claim_ends, unchecked_rest

SIGNS: dict[Verdict, str] = {
    "supported": "✓",
    "partial": "◐",
    "contradicted": "✗",
    "unsupported": "✗",
    "uncited": "○",
    "unchecked": "?",
}
WORDS: dict[Verdict, str] = {
    "supported": "supported",
    "partial": "partly supported",
    "contradicted": "contradicted",
    "unsupported": "not supported",
    "uncited": "no footnote",
    "unchecked": "not checked",
}
_ABSTAINED: dict[AbstentionReason | None, str] = {
    "empty_library": "There are no papers here yet",
    "nothing_near": "No abstract here is near this question",
    "not_stated": "The abstracts found do not say",
    "not_a_question": "There is nothing here to search for",
    "model_declined": "The model found no answer in the abstracts",
    None: "No answer from these abstracts",
}
# C0 controls but tab and line ends, DEL, and lone surrogates, which no UTF-8 answer can carry
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MARKER = re.compile(r"\[(\d+)\]")
_SHORT_TITLE_CHARS = 60
_MANY_AUTHORS = 4


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """What the page says about the library and the answerer it was built for."""

    n_papers: int
    name: str
    model: str | None
    """None in quoting mode."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of an abstract that bears a claim; ``claim_id`` is the element id of the claim."""

    span: Span
    claim_id: str


def text(value: str) -> str:
    """``value`` as it reads, whatever it holds, for element content and quoted attributes."""
    return html.escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value), quote=True)


def outside(value: str) -> str:
    """``text`` whose direction marks cannot reorder what stands beside it."""
    return f"<bdi>{text(value)}</bdi>"


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


# The frame: header, empty page, status


def header(info: LibraryInfo) -> str:
    if info.model is None:
        mode = (
            '<span class="chip" title="No model is configured: answers are exact quotes from the abstracts.">'
            "quoting mode</span>"
        )
    else:
        mode = f'<span class="chip" title="The model that writes the answers.">{outside(info.model)}</span>'
    return (
        '<div class="masthead"><h1>footnoted</h1><p class="facts">'
        f'<span class="library">{outside(info.name)}</span>'
        f'<span class="size">{count(info.n_papers, "abstract")}</span>{mode}</p></div>'
    )


def welcome(info: LibraryInfo) -> str:
    """The conversation before its first turn."""
    if info.n_papers == 0:
        return (
            '<section class="welcome"><h2>No abstracts yet</h2>'
            "<p>Add a page or a file of papers, then start footnoted again:</p>"
            '<pre class="command"><code>footnoted add FILE</code></pre></section>'
        )
    note = (
        '<p class="note"><strong>Quoting mode.</strong> No model is configured, so answers are exact quotes '
        "from the abstracts. Nothing leaves this computer.</p>"
        if info.model is None
        else ""
    )
    return (
        f'<section class="welcome"><h2>Ask {count(info.n_papers, "abstract")} a question</h2>'
        "<p>Every sentence of the answer carries a footnote, and every footnote is checked "
        f"against the abstract it points to.</p>{note}</section>"
    )


def nothing_found_yet() -> str:
    """The evidence panel before its first turn."""
    return (
        '<section class="evidence" aria-label="Evidence"><h2>Evidence</h2>'
        '<p class="quiet">The abstracts behind an answer appear here, with the sentences that bear it marked.</p>'
        "</section>"
    )


def status(progress: Progress) -> str:
    """One line for the live region: what is going on."""
    if progress.answer is not None:
        return _status_of(progress.answer)
    if progress.n_papers is None:
        return "Starting…"
    if progress.sources is None:
        return f"Searching {count(progress.n_papers, 'abstract')}…"
    if not progress.text:
        return f"Reading {count(len(_papers(progress.sources)), 'abstract')}…"
    return "Writing and checking…"


def live(line: str, spoken_only: bool = False) -> str:
    """The live region; ``spoken_only`` where the page shows the same thing elsewhere."""
    shown = f'<span class="spoken">{text(line)}</span>' if spoken_only else text(line)
    return f'<p class="status" role="status" aria-live="polite">{shown}</p>'


def _status_of(answer: Answer) -> str:
    match answer.outcome:
        case "answered":
            return f"Answered: {verdict_counts(answer.claims)}"
        case "abstained":
            return f"No answer: {_ABSTAINED[answer.reason][0].lower()}{_ABSTAINED[answer.reason][1:]}"
        case "failed":
            return "Failed: see the answer for the cause"
        case "empty":
            return "The model returned nothing"
        case "stopped":
            return "Stopped"


# The conversation


def conversation(answers: Sequence[Answer], progress: Progress | None = None) -> str:
    """All finished turns, then the one under way. Never empty: without turns use ``welcome``."""
    turns = [_turn(number, a.question, _answer(number, a, last=False)) for number, a in enumerate(answers, 1)]
    if progress is not None:
        number = len(answers) + 1
        turns.append(_turn(number, progress.question, _under_way(number, progress), busy=True))
    elif answers:
        turns[-1] = _turn(len(answers), answers[-1].question, _answer(len(answers), answers[-1], last=True))
    return "".join(turns)


def _turn(number: int, question: str, body: str, busy: bool = False) -> str:
    return (
        f'<article class="turn" id="turn-{number}" aria-labelledby="turn-{number}-question" '
        f'aria-busy="{"true" if busy else "false"}">'
        f'<h2 class="question" id="turn-{number}-question" dir="auto">{text(question)}</h2>{body}</article>'
    )


def _under_way(number: int, progress: Progress) -> str:
    if not progress.text and not progress.claims:
        return f'<p class="waiting">{text(status(progress))}</p>'
    rest = unchecked_rest(progress.text, progress.claims)
    cards = _card_ids(number, progress.sources or ())
    tail = _MARKER.sub(lambda found: f'<span class="marker pending">{found[0]}</span>', text(rest))
    return (
        f'<div class="answer">{_claims(number, progress.text, progress.claims, cards)}'
        f'<p class="tail" dir="auto">{tail}<span class="caret" aria-hidden="true"></span></p></div>'
    )


def _answer(number: int, answer: Answer, last: bool) -> str:
    cards = _card_ids(number, answer.sources)
    said = _claims(number, answer.text, answer.claims, cards)
    body = f'<div class="answer">{said}</div>' if said else ""
    match answer.outcome:
        case "answered":
            return f"{body}{_summary(answer)}"
        case "abstained" if answer.reason == "not_a_question":
            return f'<div class="answer"><p dir="auto">{outside(answer.text)}</p></div>'
        case "abstained":
            return _notice("abstained", _ABSTAINED[answer.reason], answer.text, _nearest(number, answer)) + _summary(
                answer
            )
        case "failed":
            cause = answer.error or answer.text
            return (
                f"{body}{_notice('failed', 'The answer failed', cause, _kept(answer) + _retry(last))}{_summary(answer)}"
            )
        case "empty":
            why = answer.error or "The abstracts were found and sent, and the reply held no text."
            return _notice("failed", "The model returned nothing", why, _kept(answer) + _retry(last)) + _summary(answer)
        case "stopped":
            line = "What had come is above; its last part was not checked." if said else "Nothing had come yet."
            return f"{body}{_notice('stopped', 'Stopped', line, _retry(last))}{_summary(answer)}"


def _notice(kind: str, title: str, line: str, more: str = "") -> str:
    return f'<section class="notice {kind}"><h3>{text(title)}</h3><p dir="auto">{outside(line)}</p>{more}</section>'


def _retry(last: bool) -> str:
    return '<p><button type="button" class="retry" data-retry>Retry</button></p>' if last else ""


def _kept(answer: Answer) -> str:
    n_papers = len(_papers(answer.sources))
    return (
        f'<p class="quiet">What was found is kept under Evidence: {count(n_papers, "abstract")}.</p>'
        if n_papers
        else ""
    )


def _nearest(number: int, answer: Answer) -> str:
    if answer.reason == "empty_library":
        return '<pre class="command"><code>footnoted add FILE</code></pre>'
    cards = _card_ids(number, answer.sources)
    papers = _papers(answer.sources)
    if not papers:
        return ""
    items = "".join(
        f'<li><a href="#{card}" data-card="{card}">{outside(p.title)}</a></li>'
        for p, card in ((p, cards[p.paper_id]) for p in papers[:3])
    )
    return f'<p class="quiet">Nearest papers:</p><ul class="nearest">{items}</ul>'


def _summary(answer: Answer) -> str:
    parts = [verdict_counts(answer.claims)] if answer.claims else []
    parts.append(f"{answer.timings.total_seconds:.1f} s")
    parts.append("quoting mode" if answer.model is None else outside(answer.model))
    notes = "".join(f'<p class="quiet" dir="auto">{outside(note)}</p>' for note in answer.notes)
    return f'<p class="summary">{" · ".join(parts)}</p>{notes}'


def verdict_counts(claims: Sequence[Claim]) -> str:
    """``3 of 3 sentences supported``, then every other verdict that occurs, so that they add up."""
    found: list[Verdict] = [claim.verdict for claim in claims]
    words = WORDS | {"uncited": "without a footnote"}
    rest = [
        f"{found.count(verdict)} {words[verdict]}" for verdict in SIGNS if verdict != "supported" and verdict in found
    ]
    return ", ".join([f"{found.count('supported')} of {count(len(found), 'sentence')} supported", *rest])


def _claims(number: int, whole: str, claims: Sequence[Claim], cards: dict[str, str]) -> str:
    """Sentences in running paragraphs, broken where ``whole`` has a line end; quotes set apart."""
    ends = [0, *claim_ends(whole, claims)]
    parts: list[str] = []
    paragraph: list[str] = []

    def finish_paragraph() -> None:
        if paragraph:
            parts.append(f'<p dir="auto">{" ".join(paragraph)}</p>')
            paragraph.clear()

    for index, claim in enumerate(claims, 1):
        claim_id = f"turn-{number}-claim-{index}"
        markers = "".join(marker(c, claim.verdict, claim_id, cards) for c in claim.citations) or _bare(claim.verdict)
        if claim.is_quote and claim.citations:
            finish_paragraph()
            parts.append(_quotation(claim, claim_id, markers))
            continue
        if index < len(ends) and "\n" in _leading_space(whole[ends[index - 1] : ends[index]]):
            finish_paragraph()
        paragraph.append(
            f'<span class="claim {claim.verdict}" id="{claim_id}" tabindex="-1">'
            f"<bdi>{text(claim.text)}</bdi>\N{WORD JOINER}{markers}</span>"
        )
    finish_paragraph()
    return "".join(parts)


def _leading_space(value: str) -> str:
    return value[: len(value) - len(value.lstrip())]


def _quotation(claim: Claim, claim_id: str, markers: str) -> str:
    return (
        f'<figure class="quotation claim {claim.verdict}" id="{claim_id}" tabindex="-1">'
        f'<blockquote dir="auto"><bdi>{text(claim.text)}</bdi>\N{WORD JOINER}{markers}</blockquote>'
        f"<figcaption>{outside(claim.citations[0].title)}</figcaption></figure>"
    )


def marker(citation: Citation, verdict: Verdict, claim_id: str, cards: dict[str, str]) -> str:
    """The footnote sign of one citation; ``cards`` maps paper ids to the ids of their cards."""
    if not citation.exists:
        label = f"citation {citation.number}: no such source"
        return (
            f'<span class="marker missing" role="note" aria-label="{label}" title="{label}">'
            f'<s>[{citation.number}?]</s> <span class="why">no such source</span></span>'
        )
    label = text(f"citation {citation.number}, {_shortened(citation.title)}, {WORDS[verdict]}")
    shown = f'[{citation.number}]<span class="sign" aria-hidden="true">{SIGNS[verdict]}</span>'
    card = cards.get(citation.paper_id or "")
    if card is None:
        return f'<span class="marker {verdict}" role="note" aria-label="{label}" title="{label}">{shown}</span>'
    return (
        f'<a class="marker {verdict}" href="#{card}" data-card="{card}" data-claim="{claim_id}" '
        f'aria-label="{label}" title="{label}">{shown}</a>'
    )


def _bare(verdict: Verdict) -> str:
    """For a sentence without a footnote: the verdict in its place."""
    return (
        f'<span class="marker bare {verdict}"><span class="sign" aria-hidden="true">{SIGNS[verdict]}</span> '
        f"{WORDS[verdict]}</span>"
    )


def _shortened(title: str) -> str:
    return title if len(title) <= _SHORT_TITLE_CHARS else title[: _SHORT_TITLE_CHARS - 1].rstrip() + "…"


# The evidence


def evidence(answers: Sequence[Answer], progress: Progress | None = None) -> str:
    """The turn under way, or the last one, open; earlier turns folded below it."""
    groups = [_group(number, a.question, a.sources, a) for number, a in enumerate(answers, 1)]
    if progress is not None:
        groups.append(_group(len(answers) + 1, progress.question, progress.sources or (), None))
    newest = groups.pop()
    earlier = "".join(
        f'<details class="earlier"><summary>Earlier: {outside(_shortened(a.question))}</summary>{group}</details>'
        for a, group in reversed(list(zip(answers, groups, strict=False)))
    )
    return f'<section class="evidence" aria-label="Evidence"><h2>Evidence</h2>{newest}{earlier}</section>'


def _group(number: int, question: str, sources: Sequence[Source], answer: Answer | None) -> str:
    papers = _papers(sources)
    cards = _card_ids(number, sources)
    if answer is None:
        line = f"{count(len(papers), 'abstract')} found" if papers else "Searching…"
        return f'<p class="quiet">{line}</p>' + "".join(_card(p, cards[p.paper_id]) for p in papers)
    if not papers:
        searched = answer.reason not in ("not_a_question", "empty_library")
        line = "No abstract was found for this question." if searched else "Nothing was searched for this."
        return f'<p class="quiet">{line}</p>'
    bearing = {p.paper_id: _bearing(number, p, answer.claims) for p in papers}
    cited = sorted((p for p in papers if bearing[p.paper_id]), key=lambda p: bearing[p.paper_id][0].citation.number)
    others = [p for p in papers if not bearing[p.paper_id]]
    shown = "".join(_card(p, cards[p.paper_id], bearing[p.paper_id]) for p in cited)
    rest = "".join(_card(p, cards[p.paper_id]) for p in others)
    if not cited:
        title = "Nearest papers, none cited" if answer.outcome == "abstained" else "Found, none cited"
        return f'<p class="quiet">{title}</p>{rest}'
    if not others:
        return shown
    return f'{shown}<details class="others"><summary>Also found, not cited ({len(others)})</summary>{rest}</details>'


@dataclass(frozen=True, slots=True)
class _Bearing:
    """One claim's citation of the paper of a card."""

    claim: Claim
    claim_id: str
    position: int
    citation: Citation


def _bearing(number: int, paper: Paper, claims: Sequence[Claim]) -> list[_Bearing]:
    return [
        _Bearing(claim, f"turn-{number}-claim-{position}", position, citation)
        for position, claim in enumerate(claims, 1)
        for citation in claim.citations
        if citation.paper_id == paper.paper_id
    ]


def _card(paper: Paper, card_id: str, bearing: Sequence[_Bearing] = ()) -> str:
    marks = [Mark(b.citation.span, b.claim_id) for b in bearing if b.citation.span is not None]
    number = f'<span class="number">[{bearing[0].citation.number}]</span> ' if bearing else ""
    abstract = (
        f'<p class="abstract" dir="auto">{highlighted(paper.abstract, marks)}</p>'
        if paper.abstract
        else '<p class="quiet">This paper came without an abstract.</p>'
    )
    verdicts = "".join(_verdict(b) for b in bearing)
    if verdicts:
        verdicts = f'<ul class="verdicts">{verdicts}</ul>'
    kind, state = ("card cited", " open") if bearing else ("card", "")
    return (
        f'<details class="{kind}" id="{card_id}"{state}>'
        f'<summary><h3 dir="auto">{number}{outside(paper.title)}</h3></summary>'
        f"{_byline(paper)}{abstract}{verdicts}</details>"
    )


def _verdict(bearing: _Bearing) -> str:
    claim = bearing.claim
    reasons = f'<span class="reasons">{outside("; ".join(claim.reasons))}</span>' if claim.reasons else ""
    no_span = (
        '<span class="reasons">no sentence of this abstract was found to bear it</span>'
        if bearing.citation.span is None and not claim.reasons
        else ""
    )
    sign = f'<span class="sign" aria-hidden="true">{SIGNS[claim.verdict]}</span>'
    label = f"back to sentence {bearing.position} of the answer"
    back = (
        f'<a class="back" href="#{bearing.claim_id}" data-back="{bearing.claim_id}" aria-label="{label}">'
        f"sentence {bearing.position}\N{NO-BREAK SPACE}↑</a>"
    )
    return (
        f'<li class="{claim.verdict}"><span class="verdict">{sign} {WORDS[claim.verdict]}</span> {back}'
        f"{reasons}{no_span}</li>"
    )


def _byline(paper: Paper) -> str:
    authors = list(paper.authors[:_MANY_AUTHORS])
    if len(paper.authors) > _MANY_AUTHORS:
        authors.append("and others")
    parts = [outside(", ".join(authors))] if authors else []
    parts += [outside(str(part)) for part in (paper.venue, paper.year) if part]
    if link := address(paper):
        parts.append(f'<a href="{text(link)}" target="_blank" rel="noopener noreferrer">open the paper</a>')
    return f'<p class="byline">{" · ".join(parts)}</p>' if parts else ""


def address(paper: Paper) -> str | None:
    """Where the paper can be read; None without an address that a browser should follow."""
    if paper.url:
        try:
            parts = urlsplit(paper.url.strip())
        except ValueError:
            parts = urlsplit("")
        if parts.scheme in ("http", "https") and parts.netloc:
            return parts.geturl()
    if paper.doi:
        return "https://doi.org/" + quote(paper.doi, safe="/.:;()-_")
    if paper.arxiv_id:
        return "https://arxiv.org/abs/" + quote(paper.arxiv_id, safe="/.")
    return None


def highlighted(abstract: str, marks: Iterable[Mark]) -> str:
    """The whole abstract, escaped, with exactly the marked characters inside ``<mark>``.

    Where marks overlap the text is cut so that each piece names every claim it bears;
    a mark that reaches beyond the abstract ends with it.
    """
    kept = [m for m in marks if 0 <= m.span.start < min(m.span.end, len(abstract))]
    cuts = sorted({0, len(abstract), *(at for m in kept for at in (m.span.start, min(m.span.end, len(abstract))))})
    pieces: list[str] = []
    for start, end in pairwise(cuts):
        claims = dict.fromkeys(m.claim_id for m in kept if m.span.start <= start and end <= m.span.end)
        piece = text(abstract[start:end])
        pieces.append(f'<mark data-claims="{text(" ".join(claims))}">{piece}</mark>' if claims else piece)
    return "".join(pieces)


def _papers(sources: Iterable[Source]) -> list[Paper]:
    """The papers of ``sources``, each once, in their order."""
    return list({source.hit.paper.paper_id: source.hit.paper for source in sources}.values())


def _card_ids(number: int, sources: Iterable[Source]) -> dict[str, str]:
    """Element ids by paper id: they stay what they are while the turn goes on."""
    return {p.paper_id: f"turn-{number}-paper-{position}" for position, p in enumerate(_papers(sources), 1)}
