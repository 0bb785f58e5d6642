"""The answerer that quotes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rag.answer import relevance
from rag.answer.choosing import chosen
from rag.answer.citations import Numbering
from rag.answer.drafts import Abstention, Quoted, context_of, quotations
from rag.answer.manner import Length
from rag.answer.quoting import as_text, quote
from rag.retrieval.evidence import Evidence, RankedSentence
from rag.sentences import split_sentences
from rag.types import Chunk, Citation, Claim, Hit, Origin, Paper, Span, Turn

ABSTRACT = "Kelp grows fast. It needs cold water [7]. Urchins eat it."
SENTENCES = (Span(0, 16), Span(17, 41), Span(42, 57))


def hit(n: int) -> Hit:
    paper = Paper(f"p{n}", f"Kelp {n}", ABSTRACT)
    chunk = Chunk(f"p{n}#0", paper.paper_id, 0, Span(0, len(ABSTRACT)), SENTENCES, 15)
    return Hit(paper, chunk, 1.0 - n / 10, ())


def evidence(*ranked: tuple[int, int, float], log_odds: float = 2.0) -> Evidence:
    return Evidence(tuple(RankedSentence(h, SENTENCES[s], score) for h, s, score in ranked), log_odds)


HITS = [hit(0), hit(1)]


def test_at_most_three_quotes_letter_for_letter_the_best_paper_first_in_reading_order() -> None:
    said = quote("how?", HITS, evidence((1, 2, 9.0), (0, 1, 8.0), (1, 0, 7.0), (0, 0, 6.0)), Numbering())
    assert isinstance(said, Quoted)
    claims = said.claims
    assert [(c.citations[0].paper_id, c.text) for c in claims] == [
        ("p1", "Kelp grows fast."),
        ("p1", "Urchins eat it."),
        ("p0", "It needs cold water [7]."),
    ]
    for claim in claims:
        citation = claim.citations[0]
        assert citation.span is not None
        assert citation.span.of(ABSTRACT) == citation.quote == claim.text and claim.is_quote


def test_numbers_go_on_from_the_conversation() -> None:
    said = quote("how?", HITS, evidence((1, 0, 9.0)), Numbering.after([Turn("before", "said", ("p7", "p1"))]))
    assert isinstance(said, Quoted)
    assert said.claims[0].citations[0].number == 2


@pytest.mark.parametrize(("cosine", "reason"), [(0.5, "not_stated"), (0.05, "nothing_near")])
def test_unlikely_answers_become_abstentions_with_their_reason(cosine: float, reason: str) -> None:
    hits = [dataclasses.replace(hit(0), origins=(Origin("dense", 1, cosine),))]
    said = quote("how?", hits, evidence((0, 0, 1.0), log_odds=-2.0), Numbering())
    assert isinstance(said, Abstention) and said.reason == reason


def test_a_paper_with_the_name_that_is_asked_for_is_near_whatever_its_cosine() -> None:
    paper = Paper("p", "KelpNet-2: counting urchins", ABSTRACT)
    hits = [dataclasses.replace(hit(0), paper=paper)]
    said = quote("What batch size did KelpNet-2 use?", hits, evidence((0, 0, 1.0), log_odds=-9.0), Numbering())
    assert isinstance(said, Abstention) and said.reason == "not_stated" and "KelpNet-2" in said.text


def test_an_abstention_names_the_nearest_paper() -> None:
    hits = [dataclasses.replace(hit(0), origins=(Origin("dense", 1, 0.6),))]
    said = quote("how?", hits, evidence((0, 0, 1.0), log_odds=-2.0), Numbering())
    assert isinstance(said, Abstention) and "“Kelp 0”" in said.text


def near(n: int, cosine: float, title: str | None = None) -> Hit:
    paper = Paper(f"p{n}", title or f"Kelp {n}", ABSTRACT)
    return dataclasses.replace(hit(n), paper=paper, origins=(Origin("dense", n + 1, cosine),))


def test_an_abstention_names_every_paper_that_is_about_as_near() -> None:
    hits = [near(0, 0.6), near(1, 0.3), near(2, 0.55), near(3, 0.58), near(4, 0.6)]
    said = quote("how?", hits, evidence((0, 0, 1.0), log_odds=-2.0), Numbering())
    assert isinstance(said, Abstention)
    assert said.text == (
        "The abstracts do not say. The nearest are “Kelp 0”, “Kelp 2” and “Kelp 3”; the full papers may tell more."
    )


def test_where_a_name_is_asked_for_only_papers_that_have_it_are_named() -> None:
    hits = [near(0, 0.5, "KelpNet-2: counting"), near(1, 0.5, "MossNet-3: counting")]
    said = quote("What batch size did KelpNet-2 use?", hits, evidence((0, 0, 1.0), log_odds=-9.0), Numbering())
    assert isinstance(said, Abstention) and "MossNet" not in said.text and "The nearest is “KelpNet-2" in said.text


def test_nothing_found_is_nothing_near() -> None:
    said = quote("how?", [], Evidence((), float("-inf")), Numbering())
    assert isinstance(said, Abstention) and said.reason == "nothing_near"


def test_where_several_papers_are_wanted_the_best_of_each_comes_before_more_of_one() -> None:
    found = evidence((0, 0, 9.0), (0, 1, 8.9), (0, 2, 8.8), (1, 0, 5.0))
    assert [s.hit for s in chosen("Which papers treat kelp?", HITS, found)] == [0, 1, 0]
    assert [s.hit for s in chosen("How fast does kelp grow?", HITS, found)] == [0, 0, 0]


def test_where_several_papers_are_wanted_only_those_that_fit_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = [hit(n) for n in range(4)]
    found = evidence((2, 0, 9.0), (1, 1, 8.9), (0, 2, 8.8), (1, 0, 8.7), (3, 0, 8.6))
    monkeypatch.setattr(relevance, "log_odds", lambda *_: np.array([-1.6, -1.4, 3.0, -2.0]))
    assert [s.hit for s in chosen("Which papers treat kelp?", hits, found)] == [2, 1, 1]
    monkeypatch.setattr(relevance, "log_odds", lambda *_: np.array([-1.6, -1.7, -3.0, -2.0]))
    assert [s.hit for s in chosen("Which papers treat kelp?", hits, found)] == [2, 1, 0, 1]


def test_of_several_papers_each_tells_why_it_is_there_and_then_what_answers_best_or_what_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    abstract = "Kelp is green. It was treated well. We propose a way of treating kelp."
    spans = tuple(split_sentences(abstract))
    chunk = Chunk("p#0", "p", 0, Span(0, len(abstract)), spans, 30)
    hits = [Hit(Paper(f"p{n}", "Kelp", abstract), chunk, 1.0, ()) for n in range(5)]
    monkeypatch.setattr(relevance, "log_odds", lambda *_: np.zeros(5))

    def quoted(*ranked: tuple[int, int, float], length: Length = "usual") -> list[tuple[int, int]]:
        best_first = sorted(ranked, key=lambda one: -one[2])
        evidence = Evidence(tuple(RankedSentence(at, spans[n], score) for at, n, score in best_first), 2.0)
        found = chosen("Which papers treat kelp?", hits, evidence, length)
        return [(one.hit, spans.index(one.span)) for one in found]

    every = [(at, n, 9.0 - at - n / 10) for at in range(5) for n in range(3)]
    assert quoted(*every) == [(0, 2), (1, 2), (2, 2), (0, 0), (1, 0), (2, 0)]
    assert quoted(*every, length="shorter") == [(0, 2), (1, 2), (2, 2)]
    assert {at for at, _ in quoted(*every, length="longer")} == set(range(5))
    best_does = [(at, n, 9.0 - at - (0.0 if n == 2 else 0.1 + n / 10)) for at in range(2) for n in range(3)]
    assert quoted(*best_does) == [(0, 2), (1, 2), (0, 0)], "nothing twice, and of few papers more"


def test_the_paper_that_answers_best_leads_even_where_another_has_the_best_sentence() -> None:
    def leading(*ranked: tuple[int, int, float]) -> list[tuple[int, Span]]:
        found = dataclasses.replace(evidence(*ranked), first_leads=True)
        return [(s.hit, s.span) for s in chosen("How fast does kelp grow?", HITS, found)]

    whole = (1, 2, 9.0), (1, 1, 8.0), (0, 1, 7.0)
    assert leading(*whole) == [(0, SENTENCES[1]), (1, SENTENCES[2]), (1, SENTENCES[1])]
    far = (1, 2, 9.0), (1, 1, 8.0), (1, 0, 7.0), (0, 1, -20.0), (0, 0, -21.0)
    assert leading(*far) == [(0, SENTENCES[1]), (1, SENTENCES[2]), (1, SENTENCES[1])], (
        "one, and the least good one goes"
    )
    assert leading((1, 2, 9.0), (1, 1, 8.0)) == [(1, SENTENCES[2]), (1, SENTENCES[1])], "it has no sentence to quote"


def test_a_sentence_that_names_what_was_said_before_it_is_quoted_with_that() -> None:
    abstract = "Learners forget, and recover soon. We call this the stability gap. Replay does not help. Kelp is green."
    spans = tuple(split_sentences(abstract))
    chunk = Chunk("p9#0", "p9", 0, Span(0, len(abstract)), spans, 30)
    hits = [Hit(Paper("p9", "Gaps", abstract), chunk, 1.0, ())]

    def quoted(*order: int) -> list[int]:
        ranked = tuple(RankedSentence(0, spans[at], 9.0 - n) for n, at in enumerate(order))
        return [spans.index(one.span) for one in chosen("What is the stability gap?", hits, Evidence(ranked, 2.0))]

    assert quoted(1, 2, 3, 0) == [1, 0, 2]
    assert quoted(2, 1, 3, 0) == [2, 1, 0]
    assert quoted(0, 1, 2, 3) == [0, 1, 2]
    assert quoted(2, 3, 0, 1) == [2, 3, 0]


def test_where_an_acronym_is_asked_for_the_sentence_that_spells_it_out_is_quoted() -> None:
    abstract = "GNNs are slow. GNNs win. We train GNNs. Graph neural networks (GNNs) link nodes. Kelp is green."
    spans = tuple(split_sentences(abstract))
    chunk = Chunk("p9#0", "p9", 0, Span(0, len(abstract)), spans, 30)
    hits = [Hit(Paper("p9", "Graphs", abstract), chunk, 1.0, ())]
    ranked = tuple(RankedSentence(0, span, 9.0 - n) for n, span in enumerate(spans))

    def quoted(question: str) -> list[int]:
        return [spans.index(one.span) for one in chosen(question, hits, Evidence(ranked, 2.0))]

    assert quoted("What does GNN mean?") == quoted("What do GNNs stand for?") == [3, 0, 1]
    assert quoted("What does MLP mean?") == quoted("How fast are GNNs?") == [0, 1, 2]


def test_a_paper_far_behind_is_not_quoted_for_variety() -> None:
    found = evidence((0, 0, 29.0), (0, 1, 28.9), (0, 2, 28.8), (1, 0, 5.0))
    assert [s.hit for s in chosen("Which papers treat kelp?", HITS, found)] == [0, 0, 0]


def test_a_quotes_own_brackets_are_never_shown_as_a_footnote() -> None:
    claim = Claim("It needs cold water [7].", (Citation(1, "p0"),))
    assert as_text([claim]) == "“It needs cold water ⟦7⟧.” [1]"


def test_a_quote_that_points_back_says_what_it_goes_on_from() -> None:
    abstract = "We grew kelp in tanks. It grew fast. This paper was long. Urchins were absent."
    paper = Paper("p", "Kelp", abstract)
    spans = tuple(split_sentences(abstract))
    hit = Hit(paper, Chunk("p#0", "p", 0, Span(0, len(abstract)), spans, 20), 1.0, ())
    assert [context_of(hit, span) for span in spans] == ["", "We grew kelp in tanks.", "", ""]
    alone = quotations([(hit, spans[1])], Numbering())
    assert as_text(alone) == "(after: We grew kelp in tanks.) “It grew fast.” [1]"
    together = quotations([(hit, spans[0]), (hit, spans[1])], Numbering())
    assert as_text(together) == "“We grew kelp in tanks.” [1]\n“It grew fast.” [1]"


@pytest.mark.parametrize(
    ("start", "points"),
    [
        ("To fill this gap, we", True),
        ("To address these issues we", True),
        ("To this end, we", False),
        ("To evaluate this paper we", False),
        ("To train their models, they", False),
        ("This work", False),
    ],
)
def test_a_quote_that_answers_to_what_was_said_before_is_shown_with_it(start: str, points: bool) -> None:
    abstract = f"Kelp was never counted. {start} count it."
    spans = tuple(split_sentences(abstract))
    paper = Paper("p", "Kelp", abstract)
    chunk = Chunk("p#0", "p", 0, Span(0, len(abstract)), spans, 15)
    assert bool(context_of(Hit(paper, chunk, 1.0, ()), spans[1])) == points


def test_a_long_context_is_cut_in_its_middle_at_words() -> None:
    abstract = "We " + "really " * 60 + "measured kelp. They grew."
    paper = Paper("p", "Kelp", abstract)
    spans = tuple(split_sentences(abstract))
    hit = Hit(paper, Chunk("p#0", "p", 0, Span(0, len(abstract)), spans, 20), 1.0, ())
    context = context_of(hit, spans[1])
    assert context.startswith("We really") and context.endswith("measured kelp.") and len(context) <= 165
