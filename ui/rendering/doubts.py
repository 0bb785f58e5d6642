"""What is said below a sentence that its footnotes do not bear."""

from __future__ import annotations

from rag.types import Claim
from ui.rendering.markup import SIGNS, claim_id, outside, text
from ui.texts import Texts

_DOUBTED = ("partial", "contradicted", "unsupported")


def doubt(number: int, index: int, claim: Claim, cards: dict[str, str], t: Texts) -> str:
    """The verdict in words, the reasons, the nearest sentence, what is missing, and where else it stands.

    "" for a claim that needs no such words.
    """
    if claim.verdict not in _DOUBTED:
        return ""
    own = claim_id(number, index)
    verdict = t(f"verdict.{claim.verdict}")
    lines = [
        f'<p><strong class="verdict {claim.verdict}"><span class="sign" aria-hidden="true">'
        f"{SIGNS[claim.verdict]}</span> {text(verdict)}</strong> "
        f'<a class="back" href="#{own}" data-back="{own}">{text(t("evidence.back", n=index))}</a> '
        f'<span lang="en">{outside("; ".join(claim.reasons) or t(f"verdict_why.{claim.verdict}"))}</span></p>'
    ]
    nearest = next((c for c in claim.citations if c.quote), None)
    if nearest is not None:
        lines.append(_quoted(t("doubt.nearest"), nearest.quote, f"[{nearest.number}]"))
    if claim.missing:
        lines.append(f"<p>{text(t('doubt.missing'))}: {outside(', '.join(claim.missing))}</p>")
    if claim.elsewhere is not None:
        card = cards.get(claim.elsewhere.paper_id or "")
        title = outside(claim.elsewhere.title)
        where = f'<a href="#{card}" data-card="{card}" data-claim="{own}">{title}</a>' if card else title
        lines.append(_quoted(t("doubt.elsewhere"), claim.elsewhere.quote, where, is_markup=True))
    return f'<aside class="doubt {claim.verdict}" id="{own}-doubt">{"".join(lines)}</aside>'


def _quoted(label: str, quote: str, where: str, *, is_markup: bool = False) -> str:
    shown = where if is_markup else text(where)
    return f'<p>{text(label)}: <q dir="auto">{outside(quote)}</q> <span class="where">{shown}</span></p>'
