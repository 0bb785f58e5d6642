"""The same paper from two exports becomes one record, and two versions of one work are told as such."""

import itertools

import pytest

from rag.papers import (
    are_near_duplicates,
    clean_doi,
    clean_pmid,
    identities,
    merge,
    near_duplicate_keys,
    paper_id_for,
    plain_words,
)
from rag.types import Paper

ABSTRACT = (
    "Moss grows slowly in the dark, and how it finds the light again has been a matter of debate for a century. "
    "We kept 400 shoots in darkness for 28 days and then lit them from one side; 62% turned within three hours."
)


def paper(**fields):
    return Paper(**{"paper_id": "x", "title": "Moss Remembers Light After Darkness", "abstract": ABSTRACT} | fields)


def test_two_exports_fill_each_others_gaps_and_both_are_named():
    scopus = paper(paper_id="doi:10.1/a", abstract="", doi="10.1/a", year=2021, origin="a.csv", keywords=("Moss", "b"))
    pubmed = paper(
        paper_id="pmid:1", authors=("Ada L",), year=2020, venue="JQP", pmid="1", origin="b.xml", keywords=("moss", "c")
    )
    both = merge(scopus, pubmed)
    assert both == paper(
        paper_id="doi:10.1/a", doi="10.1/a", year=2021, venue="JQP", pmid="1", authors=("Ada L",),
        origin="a.csv", origins=("a.csv", "b.xml"), keywords=("Moss", "b", "c"),
    )  # fmt: skip
    assert merge(both, pubmed) == both
    assert merge(scopus, scopus) == scopus


def test_the_longer_abstract_wins_between_origins_whatever_its_line_breaks():
    short, wrapped = paper(abstract="We prove it.", origin="a"), paper(abstract="We\n   prove\n  it.", origin="b")
    longer = paper(abstract="We prove it. Twice.", origin="c")
    assert merge(short, wrapped).abstract == merge(short, paper(abstract=" \n", origin="b")).abstract == "We prove it."
    for one, other in itertools.permutations((short, longer)):
        assert merge(one, other).abstract == "We prove it. Twice."


def test_an_abstract_that_was_edited_in_its_own_file_replaces_the_old_one_even_if_shorter():
    old, new = (
        paper(abstract="We prove it. Twice.", origin="a"),
        paper(abstract="We prove it.", origin="a", title="New"),
    )
    assert (merge(old, new).abstract, merge(old, new).title, merge(old, new).origins) == ("We prove it.", "New", ())
    assert merge(old, paper(abstract="", origin="a")).abstract == "We prove it. Twice."


def test_a_title_in_capitals_yields_and_a_notice_is_never_lost():
    loud = paper(title="MOSS REMEMBERS", origin="a", notice="retracted")
    assert merge(loud, paper(title="Moss Remembers", origin="b")).title == "Moss Remembers"
    assert merge(paper(title="Moss Remembers", origin="b"), loud).title == "Moss Remembers"
    assert merge(loud, paper(origin="b")).notice == merge(paper(origin="b"), loud).notice == "retracted"


def test_a_paper_is_known_by_each_of_its_identifiers():
    known = paper(paper_id="arxiv:2101.00007", arxiv_id="2101.00007v2", doi="10.1234/ABC", pmid="12")
    assert identities(known) == ("arxiv:2101.00007", "doi:10.1234/abc", "pmid:12")
    assert identities(paper(paper_id="p1", doi="10.48550/arXiv.2101.00007")) == ("p1", "arxiv:2101.00007")
    assert identities(paper(paper_id="title:1")) == ("title:1",)


@pytest.mark.parametrize(
    ("written", "doi"),
    [
        ("http://doi.acm.org/10.1145/1137627.1137631", "10.1145/1137627.1137631"),
        ("https://doi.org/10.1002%2Fcpp.2398", "10.1002/cpp.2398"),
        ("https://link.springer.com/article/10.1007/s1-2", "10.1007/s1-2"),
        ("DOI: 10.1000/X.", "10.1000/x"),
        ("10.1176/appi(99)4.332", "10.1176/appi(99)4.332"),
        ("467-72", None),
        ("https://example.org/?q=10.1000/x", None),
    ],
)
def test_a_doi_is_found_in_the_addresses_that_exports_write(written, doi):
    assert clean_doi(written) == doi


def test_a_pubmed_number_is_found_in_its_addresses():
    for written in (
        "https://pubmed.ncbi.nlm.nih.gov/0123/",
        "http://www.ncbi.nlm.nih.gov/pubmed/123",
        "PMID: 123",
        123,
    ):
        assert clean_pmid(written) == "123"
    assert clean_pmid("https://example.org/123") is None


def test_a_title_in_tex_is_the_title_that_it_prints():
    assert paper_id_for(r"The R\"{o}ssler {Attractor} and $\alpha$") == paper_id_for("The Rössler attractor and α")


def test_a_preprint_and_its_journal_version_are_versions_of_one_work():
    preprint = paper(authors=("Ada Lovelace",), arxiv_id="2101.00007")
    journal = paper(
        title="Moss remembers light, after darkness.", abstract="Short.", authors=("A. Lovelace",), doi="10.1/a"
    )
    retitled = paper(
        title="How moss finds the light", abstract=ABSTRACT + " Moss is patient.", authors=("Ada Lovelace",)
    )
    for version in (journal, retitled):
        assert set(near_duplicate_keys(preprint)) & set(near_duplicate_keys(version))
        assert are_near_duplicates(preprint, version) and are_near_duplicates(version, preprint)
    assert are_near_duplicates(preprint, paper(abstract=""))


def test_papers_that_only_share_a_title_or_an_opening_are_not():
    one = paper(authors=("Ada Lovelace",))
    assert not are_near_duplicates(one, paper(authors=("Bo Yin",)))
    assert not are_near_duplicates(paper(), paper(abstract="Something else altogether is said here."))
    ending = "Ferns were kept for a year and lit from above, and none moved before the second spring had come and gone."
    series = paper(title="Part two", abstract=ABSTRACT[:150] + ending)
    assert set(near_duplicate_keys(one)) & set(near_duplicate_keys(series))
    assert not are_near_duplicates(one, series)
    assert near_duplicate_keys(Paper("a", "Editorial", "")) == ()
    assert not are_near_duplicates(Paper("a", "Editorial", ""), Paper("b", "Editorial", ""))


def test_the_first_plain_words_are_the_beginning_of_all_of_them():
    for text in ("One two, three-four.", "  R\\\"ossler's  ", "naïve Σ words — and more", "", "..."):
        for most in range(7):
            assert plain_words(text, most) == plain_words(text)[:most]
