"""A sentence of an answer with its footnotes, in running text or set apart as a quotation."""

from __future__ import annotations

from rag.types import Citation, Claim, Verdict
from ui.rendering.markup import SIGNS, claim_id, icon, outside, short_name, text
from ui.texts import Texts


def sentence(number: int, index: int, claim: Claim, cards: dict[str, str], t: Texts) -> str:
    """One claim with its markers, in running text."""
    mark = "“{}”" if claim.is_quote else "{}"
    return (
        f'<span class="claim {claim.verdict}" id="{claim_id(number, index)}" tabindex="-1">'
        f"<bdi>{mark.format(text(claim.text))}</bdi>\N{WORD JOINER}{markers(number, index, claim, cards, t)}</span>"
    )


def quotation(number: int, index: int, claim: Claim, cards: dict[str, str], t: Texts) -> str:
    """A claim that is an exact quote, set apart, with the title of its paper below."""
    return (
        f'<figure class="quotation claim {claim.verdict}" id="{claim_id(number, index)}" tabindex="-1">'
        f'<blockquote dir="auto"><bdi>{text(claim.text)}</bdi>\N{WORD JOINER}'
        f"{markers(number, index, claim, cards, t)}</blockquote>"
        f"<figcaption>{outside(short_name(claim.citations[0].title))}</figcaption></figure>"
    )


def markers(number: int, index: int, claim: Claim, cards: dict[str, str], t: Texts) -> str:
    """The footnote signs of a claim; without a citation, its verdict in their place; then its link."""
    own = claim_id(number, index)
    signs = "".join(marker(c, claim.verdict, own, cards, t) for c in claim.citations) or _bare(claim.verdict, t)
    label = text(t("turn.link"))
    return (
        f'<span class="marks">{signs}<a class="permalink" href="#{own}" data-link="{own}" aria-label="{label}" '
        f'title="{label}">{icon("link")}</a></span>'
    )


def marker(citation: Citation, verdict: Verdict, own: str, cards: dict[str, str], t: Texts) -> str:
    """The footnote sign of one citation; ``cards`` maps paper ids to the ids of their cards."""
    if not citation.exists:
        label = text(t("citation.missing", number=citation.number))
        return (
            f'<span class="marker missing" role="note" tabindex="0" aria-label="{label}" title="{label}">'
            f'<s>[{citation.number}?]</s> <span class="why">{text(t("doubt.no_source"))}</span></span>'
        )
    name = short_name(citation.title)
    label = text(t("citation.label", number=citation.number, title=name, verdict=t(f"verdict.{verdict}")))
    shown = f'[{citation.number}]<span class="sign" aria-hidden="true">{SIGNS[verdict]}</span>'
    kind = f"marker {verdict}" + ("" if citation.needed else " needless")
    card = cards.get(citation.paper_id or "")
    if card is None:
        return f'<span class="{kind}" role="note" tabindex="0" aria-label="{label}">{shown}</span>'
    return f'<a class="{kind}" href="#{card}" data-card="{card}" data-claim="{own}" aria-label="{label}">{shown}</a>'


def _bare(verdict: Verdict, t: Texts) -> str:
    """For a sentence without a footnote: the verdict in its place."""
    return (
        f'<span class="marker bare {verdict}"><span class="sign" aria-hidden="true">{SIGNS[verdict]}</span> '
        f"{text(t(f'verdict.{verdict}'))}</span>"
    )
