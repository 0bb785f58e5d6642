"""Papers side by side: a table whose every cell is a sentence of the answer, with its footnotes."""

from __future__ import annotations

from rag.types import Answer
from ui.rendering.doubts import doubt
from ui.rendering.markup import outside, papers_of, short_name, text, title_of
from ui.rendering.sentences import sentence
from ui.texts import Texts

_ASPECTS = ("question", "method", "data", "result", "limitation")


def comparison(number: int, answer: Answer, cards: dict[str, str], t: Texts) -> str:
    """The table of ``answer``, one column a paper, one row an aspect."""
    table = answer.table
    assert table is not None
    titles = {c.paper_id: c.title for claim in answer.claims for c in claim.citations if c.paper_id}
    titles |= {paper.paper_id: title_of(paper) for paper in papers_of(answer.sources)}
    heads = "".join(_head(titles.get(paper_id, paper_id), cards.get(paper_id)) for paper_id in table.paper_ids)
    rows = []
    doubts = []
    for aspect, row in zip(table.aspects, table.cells, strict=False):
        cells = ""
        for place in row:
            if place is None or not 0 <= place < len(answer.claims):
                cells += f'<td class="blank">{text(t("turn.cell_empty"))}</td>'
                continue
            claim = answer.claims[place]
            cells += f'<td dir="auto">{sentence(number, place + 1, claim, cards, t)}</td>'
            doubts.append(doubt(number, place + 1, claim, cards, t))
        name = t(f"aspect.{aspect}") if aspect in _ASPECTS else aspect
        rows.append(f'<tr><th scope="row">{outside(name)}</th>{cells}</tr>')
    label = text(t("turn.table"))
    placed = {place for row in table.cells for place in row}
    rest = [sentence(number, at, c, cards, t) for at, c in enumerate(answer.claims, 1) if at - 1 not in placed]
    beside = f'<p dir="auto">{" ".join(rest)}</p>' if rest else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{label}"><table class="comparison">'
        f'<thead><tr><th scope="col"><span class="spoken">{text(t("turn.aspect"))}</span></th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{beside}{''.join(doubts)}"
    )


def _head(title: str, card: str | None) -> str:
    shown = outside(short_name(title))
    if card:
        shown = f'<a href="#{card}" data-card="{card}">{shown}</a>'
    return f'<th scope="col" dir="auto">{shown}</th>'
