"""A paper is the same paper however its identifiers and its title are spelled."""

import pytest

from rag.papers import clean_arxiv_id, clean_doi, normalise_title, paper_id_for


@pytest.mark.parametrize(
    "written",
    [
        "2305.12345",
        "2305.12345v3",
        "arXiv:2305.12345v2",
        " https://arxiv.org/abs/2305.12345v1 ",
        "http://arxiv.org/pdf/2305.12345v1.pdf",
        "10.48550/arXiv.2305.12345",
        "https://doi.org/10.48550/arxiv.2305.12345",
    ],
)
def test_every_spelling_of_an_arxiv_id_is_one_paper(written):
    assert paper_id_for("T", arxiv_id=written) == "arxiv:2305.12345"


def test_old_arxiv_ids_lose_version_and_subject_class():
    assert paper_id_for("T", arxiv_id="hep-th/9901001v2") == "arxiv:hep-th/9901001"
    assert paper_id_for("T", arxiv_id="math.GT/0309136") == "arxiv:math/0309136"
    assert paper_id_for("T", arxiv_id="0704.0001") == "arxiv:0704.0001"


@pytest.mark.parametrize(
    "damaged", ["2305.1234", "704.0001", "0704.00012", "2313.12345", "2305.123456", 2305.1234, None, "x"]
)
def test_what_a_spreadsheet_left_of_an_arxiv_id_is_not_one(damaged):
    assert clean_arxiv_id(damaged) is None
    assert paper_id_for("T", arxiv_id=damaged, doi="10.1000/xyz") == "doi:10.1000/xyz"


def test_a_doi_is_folded_and_freed_of_its_address():
    for written in ("10.1000/XyZ", "https://doi.org/10.1000/xyz", "http://dx.doi.org/10.1000/XYZ", "doi: 10.1000/xyz"):
        assert paper_id_for("T", doi=written) == "doi:10.1000/xyz"
    assert clean_doi("10.1103/PhysRevD.76.013009 10.1/other") == "10.1103/physrevd.76.013009"
    assert clean_doi("n/a") is None


def test_the_strongest_identifier_wins_and_a_pubmed_number_comes_before_the_title():
    assert paper_id_for("T", arxiv_id="2305.12345", doi="10.1000/xyz", pmid="1") == "arxiv:2305.12345"
    assert paper_id_for("T", doi="10.1000/xyz", pmid="1") == "doi:10.1000/xyz"
    assert paper_id_for("T", pmid="PMID: 00123") == "pmid:123"
    assert paper_id_for("T", pmid="12a").startswith("title:")


def test_a_title_is_the_same_with_other_quotes_dashes_and_spaces():
    written = "A Simple “Try Again” Can Elicit Multi–Turn\u00a0LLM Rea\u00adsoning"
    typed = 'a simple "try again"  can elicit\nmulti-turn LLM reasoning.'
    assert (
        normalise_title(written) == normalise_title(typed) == "a simple try again can elicit multi turn llm reasoning"
    )
    assert paper_id_for(written) == paper_id_for(typed)
    assert len(paper_id_for(written)) == len("title:") + 12


def test_titles_that_differ_in_a_symbol_or_hold_nothing_but_punctuation_stay_apart():
    assert normalise_title("Learning C++") != normalise_title("Learning C")
    assert paper_id_for("?!") != paper_id_for("...")
    assert paper_id_for("\ud800")  # half of a surrogate pair must not stop the hash
