"""What a terminal shows of an answer made of quotes."""

from __future__ import annotations

from rag.answer.table import table_as_text
from rag.terminal import answer_in_words
from rag.types import Answer, Chunk, Citation, Claim, Hit, Paper, Source, Span, Table


def quote(number: int, text: str, context: str = "") -> Claim:
    citation = Citation(number, f"p{number}", f"Title {number}", f"p{number}#0", Span(0, len(text)), text)
    return Claim(text, (citation,), "supported", is_quote=True, context=context)


CLAIMS = (quote(3, "It grows fast.", "Kelp was planted."), quote(1, "Moss is wet."))


def test_quotes_are_led_by_their_titles_the_best_paper_first_with_what_they_go_on_from_in_brackets() -> None:
    shown = answer_in_words(Answer("q?", "q?", "answered", "...", CLAIMS))
    assert shown.index("[3] Title 3") < shown.index("[1] Title 1")
    lines = [line.strip() for line in shown.splitlines()]
    at = lines.index("(after: Kelp was planted.)")
    assert lines[at + 1] == "“It grows fast.”"
    assert shown.count("(after:") == 1


def test_cells_of_a_comparison_say_what_they_go_on_from() -> None:
    table = Table(("result",), ("p3", "p1"), ((0, 1),))
    answer = Answer("q?", "q?", "answered", "...", CLAIMS, kind="comparison", table=table)
    assert "[3] (after: Kelp was planted.) “It grows fast.”" in answer_in_words(answer)
    assert "| (after: Kelp was planted.) “It grows fast.” [3] | “Moss is wet.” [1] |" in table_as_text(
        table, ["Kelp", "Moss"], CLAIMS
    )


def test_where_nothing_is_cited_the_papers_that_were_found_stand_below() -> None:
    paper = Paper("p1", "Moss and Rain", "Moss is wet.")
    source = Source(1, Hit(paper, Chunk("p1#0", "p1", 0, Span(0, 12), (Span(0, 12),), 4), 1.0, ()), (Span(0, 12),))
    uncited = Claim("Moss likes it.", (), "uncited")
    shown = answer_in_words(Answer("q?", "q?", "answered", "Moss likes it.", (uncited,), (source,)))
    assert "found for it:" in shown and "Moss and Rain" in shown
    assert "found for it:" not in answer_in_words(Answer("q?", "q?", "answered", "...", CLAIMS, (source,)))
