"""A claim against what it cites: existence, exact quotes, numbers, and names with digits."""

from __future__ import annotations

import dataclasses

import pytest

from rag.check import check, missing_figures
from rag.types import Citation, Claim, Paper, Span

ABSTRACT = (
    "Kelp forests grow on cold coasts. Growth fell by 42% in 1,200 sites from 2015 to 2020. "
    "GPT-4 read the logs twice. The loss was 0.50 at 10^5 steps."
)
PAPER = Paper("kelp", "Kelp in 3 warm years", ABSTRACT)
OTHER = Paper("otter", "Otters", "Otters eat urchins. A 7B model counted 15 of them.")
PAPERS = {paper.paper_id: paper for paper in (PAPER, OTHER)}


def cites(quote: str, paper: Paper = PAPER, number: int = 1) -> Citation:
    start = paper.abstract.index(quote)
    return Citation(number, paper.paper_id, paper.title, "chunk", Span(start, start + len(quote)), quote)


def claims(text: str, *citations: Citation) -> Claim:
    return check(Claim(text, citations), PAPERS)


GROWTH = cites("Growth fell by 42% in 1,200 sites from 2015 to 2020.")
BAD = Citation(9, None)


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("1,000 papers", "1000 papers"),
        ("1000 papers", "1,000 papers"),
        ("10k papers", "10,000 papers"),
        ("0.50", "0.5"),
        (".5", "0.5"),
        ("5%", "5 %"),
        ("5 percent", "5%"),
        ("5 per cent", r"5\%"),
        ("5 of them", "5% of them"),
        ("3-5 layers", "3 to 5 layers"),
        ("3–5 layers", "3-5 layers"),
        ("3-5%", "from 3 to 5%"),
        ("between 3 and 5%", "3% to 5%"),
        ("10,000-20,000", "10000 to 20000"),
        ("two layers", "a 2-layer network"),
        ("2 layers", "two-layer networks"),
        ("twenty-one tasks", "21 tasks"),
        ("21 tasks", "twenty-one tasks"),
        ("two hundred", "200"),
        ("1.5 billion parameters", "1.5B parameters"),
        ("1.5B parameters", "1.5 billion parameters"),
        ("3M users", "three million users"),
        ("two-fold", "2x"),
        ("twofold", "2-fold"),
        ("2x faster", "twice as fast"),
        ("50% fewer", "half as many"),
        ("-3 points", "−3 points"),
        ("1e-5", "10^{-5}"),
        ("10^-5", "$10^{-5}$"),
        ("10⁵ steps", "10^5 steps"),
        ("3 × 10^4", "30,000"),
        ("O(n^2)", "$O(n^{2})$"),
        ("65%.", r"65\%"),
        ("GPT-4", "GPT4"),
        ("ResNet-50", "ResNet50"),
        ("in the 1990s", "the 1990s"),
        ("p<0.05", "p < 0.05"),
        ("double descent", "a descent"),
        ("the one paper", "a paper"),
    ],
)
def test_a_figure_is_found_however_it_is_written(claim: str, text: str) -> None:
    assert missing_figures(claim, [text]) == ()


@pytest.mark.parametrize(
    ("claim", "text", "missing"),
    [
        ("5% more", "5 layers", ("5%",)),
        ("in 2021", "in 2020", ("2021",)),
        ("0.55", "0.5", ("0.55",)),
        ("3-5 layers", "3 layers", ("5",)),
        ("GPT-4", "GPT-3", ("GPT-4",)),
        ("GPT-4", "4 models", ("GPT-4",)),
        ("CIFAR-10", "CIFAR-100", ("CIFAR-10",)),
        ("two-fold", "threefold", ("two",)),
        ("10^5 steps", "10^6 steps", ("100000",)),
        ("O(n^2)", "O(n^3)", ("n^2",)),
        ("1.5 billion", "1.5 million", ("1500000000",)),
        ("twenty-one", "twenty", ("21",)),
        ("12 and 13 and 12", "11", ("12", "13")),
    ],
)
def test_a_figure_that_no_source_has_is_named(claim: str, text: str, missing: tuple[str, ...]) -> None:
    assert missing_figures(claim, [text]) == missing


def test_figures_may_stand_in_any_of_the_texts() -> None:
    assert missing_figures("2 of 3", ["two", "three"]) == ()
    assert missing_figures("2 of 3", []) == ("2", "3")
    assert missing_figures("no figures at all", []) == ()


@pytest.mark.parametrize(
    "text", ["", "9" * 5000, "1.2.3.4", "10^999", "1e999", "٣ papers", "½", "%" * 50, "-" * 500, "²"]
)
def test_no_text_breaks_the_reading_of_figures(text: str) -> None:
    assert missing_figures(text, [text]) == ()


def test_an_exact_quote_is_supported() -> None:
    claim = claims(GROWTH.quote, GROWTH)
    assert claim.verdict == "supported"
    assert claim.reasons == ("quoted letter for letter",)


def test_a_quote_in_quotation_marks_or_without_its_full_stop_is_still_one() -> None:
    assert claims(f"“{GROWTH.quote}”", GROWTH).verdict == "supported"
    assert claims(GROWTH.quote.rstrip("."), GROWTH).verdict == "supported"


def test_a_few_letters_of_a_quote_are_no_quote() -> None:
    assert claims("Growth fell", GROWTH).verdict == "unchecked"


@pytest.mark.parametrize(
    "changed", ["Growth rose by 42% in 1,200 sites from 2015 to 2020.", "Growth fell by 42%, mostly."]
)
def test_a_quote_with_changed_letters_is_not_called_supported(changed: str) -> None:
    claim = claims(changed, GROWTH)
    assert claim.verdict == "unchecked"
    assert "not judged" in claim.reasons[0]


def test_a_wrong_number_is_unsupported_and_named() -> None:
    claim = claims("Growth fell by 43% in 1,200 sites.", GROWTH)
    assert claim.verdict == "unsupported"
    assert claim.reasons == ("'43%' does not stand in what is cited",)


def test_a_number_of_the_title_or_of_another_sentence_of_the_abstract_counts() -> None:
    assert claims("In 3 warm years GPT-4 read the logs.", GROWTH).verdict == "unchecked"


def test_a_number_of_another_paper_counts_only_if_that_is_cited_too() -> None:
    assert claims("Growth fell by 42% where 15 otters were.", GROWTH).verdict == "unsupported"
    both = claims("Growth fell by 42% where 15 otters were.", GROWTH, cites("Otters eat urchins.", OTHER, 2))
    assert both.verdict == "unchecked"


def test_a_sentence_without_a_citation_is_uncited() -> None:
    claim = claims("Kelp is pretty.")
    assert (claim.verdict, claim.reasons) == ("uncited", ("the sentence cites nothing",))


def test_a_source_that_does_not_exist_is_named_and_supports_nothing() -> None:
    claim = claims("Growth fell.", BAD)
    assert (claim.verdict, claim.reasons) == ("unsupported", ("there is no source 9",))


def test_beside_a_real_source_a_missing_one_makes_it_partial() -> None:
    for text in (GROWTH.quote, "Growth fell in the sites that were studied."):
        claim = claims(text, GROWTH, BAD)
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
