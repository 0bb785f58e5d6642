"""A claim against what it cites: existence, exact quotes, what the judge is shown, and what is made of its word."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import pytest

from rag.check import MAX_LOOKED_IN, check, in_which
from rag.judge.judgement import Judgement, cannot_judge
from rag.types import Citation, Claim, Paper, Span

ABSTRACT = (
    "Kelp forests grow on cold coasts. Growth fell by 42% in 1,200 sites from 2015 to 2020. "
    "GPT-4 read the logs twice. The loss was 0.50 at 10^5 steps."
)
PAPER = Paper("kelp", "Kelp in 3 warm years", ABSTRACT)
OTHER = Paper("otter", "Otters", "Otters eat urchins. A 7B model counted 15 of them.")
EMPTY = Paper("empty", "A paper without an abstract", " ")
PAPERS = {paper.paper_id: paper for paper in (PAPER, OTHER, EMPTY)}


class Scripted:
    """Says of each set of sentences what was written down for it, by the words it must hold."""

    name = "scripted"

    def __init__(self, said: Mapping[str, Judgement] | None = None) -> None:
        self.said = said or {}
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        self.asked.append((claim, tuple(evidence)))
        for words, judgement in self.said.items():
            if all(any(word in sentence for sentence in evidence) for word in words.split(" + ")):
                return judgement
        return Judgement("unsupported", 0.1, reasons=("not said there",), missing=("moon",))


def supported(sentence: int) -> Judgement:
    return Judgement("supported", 0.9, sentence, ("close in meaning",))


def cites(quote: str, paper: Paper = PAPER, number: int = 1) -> Citation:
    start = paper.abstract.index(quote)
    return Citation(number, paper.paper_id, paper.title, "chunk", Span(start, start + len(quote)), quote)


def claims(text: str, *citations: Citation, judge: Scripted | None = None) -> Claim:
    return check(Claim(text, citations), PAPERS, judge or Scripted())


GROWTH = cites("Growth fell by 42% in 1,200 sites from 2015 to 2020.")
URCHINS = cites("Otters eat urchins.", OTHER, 2)
BAD = Citation(9, None)


def test_an_exact_quote_is_supported_and_needs_no_judge() -> None:
    judge = Scripted()
    claim = claims(GROWTH.quote, GROWTH, judge=judge)
    assert claim.verdict == "supported"
    assert claim.reasons == ("quoted letter for letter",)
    assert judge.asked == []


def test_a_quote_in_quotation_marks_or_without_its_full_stop_is_still_one() -> None:
    assert claims(f"“{GROWTH.quote}”", GROWTH).verdict == "supported"
    assert claims(GROWTH.quote.rstrip("."), GROWTH).verdict == "supported"


@pytest.mark.parametrize("part", ["Growth fell", "in 1,200 sites from 2015 to 2020.", ""])
def test_a_part_of_a_quote_is_for_the_judge_to_decide(part: str) -> None:
    assert claims(part, GROWTH).verdict == "unsupported"


def test_the_judge_reads_title_and_all_sentences_of_what_is_cited_and_nothing_else() -> None:
    judge = Scripted({"Growth": supported(2)})
    claims("Growth fell.", GROWTH, judge=judge)
    assert judge.asked == [
        (
            "Growth fell.",
            (
                PAPER.title,
                "Kelp forests grow on cold coasts.",
                GROWTH.quote,
                "GPT-4 read the logs twice.",
                "The loss was 0.50 at 10^5 steps.",
            ),
        )
    ]


def test_the_judgement_becomes_the_verdict_with_reasons_and_probability() -> None:
    claim = claims("Growth fell.", GROWTH, judge=Scripted({"Growth": supported(2)}))
    assert (claim.verdict, claim.probability, claim.reasons) == ("supported", 0.9, ("close in meaning",))
    assert claim.missing == ()
    claim = claims("Growth fell on the moon.", GROWTH)
    assert (claim.verdict, claim.probability) == ("unsupported", 0.1)
    assert claim.missing == ("moon",)


def test_what_cannot_be_judged_is_unchecked_and_says_why() -> None:
    judge = Scripted({"Growth": cannot_judge("another language")})
    claim = claims("Das Wachstum sank.", GROWTH, judge=judge)
    assert (claim.verdict, claim.reasons) == ("unchecked", ("another language",))


def test_without_a_judge_a_sentence_that_is_no_quote_stays_unchecked() -> None:
    claim = check(Claim("Growth fell.", (GROWTH,)), PAPERS, None)
    assert claim.verdict == "unchecked"
    assert "was not judged" in claim.reasons[0]


def test_the_citation_moves_to_the_sentence_that_decided() -> None:
    claim = claims("A model read the logs.", GROWTH, judge=Scripted({"logs": supported(3)}))
    (citation,) = claim.citations
    assert citation.quote == "GPT-4 read the logs twice."
    assert citation.span is not None and citation.span.of(ABSTRACT) == citation.quote
    assert citation.number == GROWTH.number


def test_a_citation_that_holds_the_deciding_sentence_stays_as_wide_as_it_is() -> None:
    wide = cites("Kelp forests grow on cold coasts. " + GROWTH.quote)
    assert claims("Growth fell.", wide, judge=Scripted({"Growth": supported(2)})).citations == (wide,)


def test_a_title_that_decided_leaves_the_citation_where_it_was() -> None:
    assert claims("It was warm.", GROWTH, judge=Scripted({"Growth": supported(0)})).citations == (GROWTH,)


def test_two_citations_that_are_needed_together_stay() -> None:
    judge = Scripted({"Growth + Otters eat": supported(2)})
    claim = claims("Growth fell where otters eat urchins.", GROWTH, URCHINS, judge=judge)
    assert claim.verdict == "supported"
    assert [citation.needed for citation in claim.citations] == [True, True]


def test_a_citation_that_bears_nothing_is_marked_as_not_needed() -> None:
    claim = claims("Growth fell.", GROWTH, URCHINS, judge=Scripted({"Growth": supported(2)}))
    assert claim.verdict == "supported"
    assert [citation.needed for citation in claim.citations] == [True, False]


def test_of_two_citations_that_each_bear_it_both_are_needed() -> None:
    judge = Scripted({"Growth": supported(2), "Otters": supported(1)})
    claim = claims("Both say so.", GROWTH, URCHINS, judge=judge)
    assert [citation.needed for citation in claim.citations] == [True, True]


def test_what_another_paper_says_is_a_misattribution_and_names_the_place() -> None:
    claim = claims("Otters eat sea urchins.", GROWTH, judge=Scripted({"Otters eat": supported(1)}))
    assert claim.verdict == "unsupported"
    assert claim.elsewhere is not None
    assert (claim.elsewhere.paper_id, claim.elsewhere.quote) == ("otter", "Otters eat urchins.")
    assert "“Otters” says, which is not cited" in claim.reasons[-1]


def test_an_invention_stands_nowhere() -> None:
    judge = Scripted()
    claim = claims("Kelp grows on the moon.", GROWTH, judge=judge)
    assert claim.elsewhere is None
    assert len(judge.asked) == 2, "the cited paper, and the only other one that has an abstract"


def test_a_sentence_without_a_citation_is_uncited() -> None:
    claim = claims("Kelp is pretty.")
    assert (claim.verdict, claim.reasons) == ("uncited", ("the sentence cites nothing",))


def test_a_source_that_does_not_exist_is_named_and_supports_nothing() -> None:
    claim = claims("Growth fell.", BAD)
    assert (claim.verdict, claim.reasons) == ("unsupported", ("there is no source 9",))


def test_beside_a_real_source_a_missing_one_makes_it_partial_at_best() -> None:
    judge = Scripted({"Growth": supported(2)})
    for text in (GROWTH.quote, "Growth fell in the sites that were studied."):
        claim = claims(text, GROWTH, BAD, judge=judge)
        assert claim.verdict == "partial"
        assert claim.reasons[0] == "there is no source 9"
    assert claims("Growth fell by 43%.", GROWTH, BAD).verdict == "unsupported"


@pytest.mark.parametrize(
    "broken",
    [
        dataclasses.replace(GROWTH, span=Span(0, len(GROWTH.quote))),
        dataclasses.replace(GROWTH, quote=GROWTH.quote.replace("42", "43")),
        dataclasses.replace(GROWTH, span=Span(len(ABSTRACT) + 5, len(ABSTRACT) + 9)),
    ],
)
def test_a_quote_that_is_not_in_its_place_is_unsupported(broken: Citation) -> None:
    claim = claims(broken.quote, broken)
    assert claim.verdict == "unsupported"
    assert "not what the abstract of [1] says" in claim.reasons[0]


def test_text_and_citations_are_kept() -> None:
    claim = claims("Growth fell by 43%.", GROWTH, BAD)
    assert claim.text == "Growth fell by 43%."
    assert claim.citations == (GROWTH, BAD)


def test_of_many_papers_those_that_have_its_words_are_looked_in() -> None:
    many = {f"p{n}": Paper(f"p{n}", f"Moss {n}", f"Peat moss number {n} holds water.") for n in range(60)}
    many["kelp"] = Paper("kelp", "Kelp", "Otters open urchins with stones.")

    class Counting:
        name = "counting"
        n = 0

        def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
            self.n += 1
            place = next((at for at, sentence in enumerate(evidence) if claim == sentence), None)
            return Judgement("supported" if place is not None else "unsupported", 0.9, place)

    judge = Counting()
    found = in_which("Otters open urchins with stones.", list(many.values()), judge)
    assert found is not None and found.paper_id == "kelp"
    assert judge.n <= MAX_LOOKED_IN
