"""Records of one paper become one paper, whatever they come from, and others never do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hashing import HashingEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.adding import AddReport
from rag.library import Library
from rag.papers import fold, paper_id_for
from rag.types import Paper

MOSS = (
    "Moss grows slowly in the dark, and how it finds the light again has been a matter of debate for a century. "
    "We kept 400 shoots in darkness for 28 days and then lit them from one side; 62% turned within three hours."
)
FERN = "Ferns were kept for a year and lit from above, and none moved before the second spring had come and gone."


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        yield library
        assert library.verify() == []


def moss(origin: str, **fields: object) -> Paper:
    values = {
        "paper_id": "doi:10.1234/m",
        "title": "Moss Remembers Light",
        "abstract": MOSS,
        "doi": "10.1234/m",
    } | fields
    return Paper(**values, origin=origin)  # type: ignore[arg-type]


def everything(library: Library) -> list[Paper]:
    return list(library.papers())


def test_the_same_paper_from_two_exports_is_one_record_with_both_sources_noted(library: Library) -> None:
    scopus = moss("scopus.csv", abstract="", year=2021, keywords=("moss",))
    pubmed = Paper("pmid:7", "Moss remembers light.", MOSS, ("Ada L",), doi="10.1234/m", pmid="7", origin="pubmed.xml")
    assert library.add([scopus]) == AddReport(added=1, without_abstract=1, n_papers=1)
    assert library.add([pubmed]) == AddReport(duplicates=1, n_papers=1)
    (both,) = everything(library)
    assert (both.paper_id, both.title, both.abstract) == ("doi:10.1234/m", "Moss Remembers Light", MOSS)
    assert (both.year, both.authors, both.pmid, both.keywords) == (2021, ("Ada L",), "7", ("moss",))
    assert both.origins == ("scopus.csv", "pubmed.xml")
    assert library.paper("pmid:7") == library.paper("doi:10.1234/m") == both
    assert [report.unchanged for report in (library.add([scopus]), library.add([pubmed]))] == [1, 1]
    assert everything(library) == [both]


def test_one_input_may_hold_the_paper_in_several_spellings(library: Library) -> None:
    records = [
        Paper("arxiv:2101.00007", "A study of ferns in spring", FERN, arxiv_id="2101.00007", origin="a"),
        Paper("doi:10.48550/arxiv.2101.00007", "A study of ferns in spring", FERN, doi="10.48550/arXiv.2101.00007",
              origin="b"),
        Paper("x", "A study of ferns in spring", "", doi="10.2345/F", arxiv_id="2101.00007v3", origin="b"),
        Paper("y", "A Study of Ferns in Spring", "", doi="10.2345/f", origin="c"),
    ]  # fmt: skip
    assert library.add(records) == AddReport(added=1, duplicates=3, n_papers=1)
    (paper,) = everything(library)
    assert paper.origins == ("a", "b", "c")
    assert paper.abstract == FERN
    assert all(library.paper(name) == paper for name in ("arxiv:2101.00007", "doi:10.2345/f", "x", "y"))


def test_papers_that_turn_out_to_be_one_leave_the_place_of_every_other_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.adding.BATCH_PAPERS", 4)
    title = "Moss remembers light"
    records = [
        moss("a"),
        Paper("pmid:7", title, MOSS, pmid="7", origin="b"),
        Paper("title:fern", "A study of ferns in spring", FERN, origin="b"),
        Paper("pmid:7", title, MOSS, doi="10.1234/m", pmid="7", origin="c"),  # the first and the second are one
        Paper("title:kelp", "A study of kelp in autumn", "Kelp was never kept, nor lit, nor seen to move.", origin="c"),
    ]
    assert library.add(records) == AddReport(added=3, duplicates=2, n_papers=3)
    assert [paper.paper_id for paper in everything(library)] == ["doi:10.1234/m", "title:fern", "title:kelp"]
    assert library.paper("pmid:7") == library.paper("doi:10.1234/m")


def test_an_edit_in_one_source_replaces_what_that_source_said_and_nothing_else(library: Library) -> None:
    library.add([moss("a", year=2020, venue="Journal"), moss("b", pmid="7", abstract=MOSS[:-20])])
    edited = moss("a", year=2022, abstract=MOSS.replace("62%", "63%"), title="Moss remembers light, and dark")
    assert library.add([edited]) == AddReport(updated=1, n_papers=1)
    (paper,) = everything(library)
    assert (paper.year, paper.venue, paper.pmid) == (2022, None, "7")
    assert "63%" in paper.abstract
    assert paper.title == "Moss remembers light, and dark"
    found = library.candidates(vector=None, text="62%", k=5).lexical
    assert found == [] or "62" not in library.paper("doi:10.1234/m").abstract
    assert library.add([edited, moss("b", pmid="7", abstract=MOSS[:-20])]).unchanged == 2


def test_an_edit_and_its_undoing_in_a_later_run_are_both_seen(library: Library) -> None:
    first, second = moss("a"), moss("a", abstract=FERN)
    library.add([first])
    assert library.add([second]).updated == 1
    assert library.add([first]).updated == 1
    assert everything(library) == [first]


def test_a_record_that_names_two_held_papers_makes_them_one(library: Library) -> None:
    by_doi = moss("a", keywords=("doi",))
    by_pmid = Paper("pmid:7", "Moss remembers light", MOSS + " More.", pmid="7", origin="b", keywords=("pmid",))
    library.add([by_doi], tags=["one"])
    library.add([by_pmid], tags=["two"])
    assert len(library) == 2
    library.add([moss("c", pmid="7", paper_id="z")])
    (paper,) = everything(library)
    assert paper.paper_id == "doi:10.1234/m"
    assert set(paper.origins) == {"a", "b", "c"}
    assert paper.keywords == ("doi", "pmid")
    assert paper.tags == ("one", "two")
    assert paper.abstract == MOSS + " More."
    assert {library.paper(name).paper_id for name in ("pmid:7", "z", "doi:10.1234/m")} == {"doi:10.1234/m"}
    found = library.candidates(vector=None, text="moss", k=9)
    assert [stored.paper for stored in found.chunks.values()] == [paper]


def test_the_chapters_of_a_volume_with_one_doi_stay_apart(library: Library) -> None:
    chapters = [
        Paper("doi:10.9999/volume", title, abstract, doi="10.9999/volume", origin="book.ris")
        for title, abstract in (("Moss in darkness", MOSS), ("Ferns after years", FERN), ("Preface", ""))
    ]
    assert library.add(chapters).added == 3
    assert {paper.title for paper in library.papers()} == {"Moss in darkness", "Ferns after years", "Preface"}
    assert library.add(chapters) == AddReport(unchanged=3, n_papers=3)


def test_papers_that_only_share_a_title_stay_apart_and_find_their_own_again(library: Library) -> None:
    def editorial(author: str, origin: str, **more: object) -> Paper:
        return Paper("title:0a1b2c3d4e5f", "Editorial", "", (author,), origin=origin, **more)  # type: ignore[arg-type]

    assert library.add([editorial("Ada Lovelace", "a"), editorial("Bo Yin", "a")]).added == 2
    assert library.add([editorial("Yin B.", "b", year=1999), editorial("Lovelace A.", "b")]).duplicates == 2
    by_author = {paper.authors[0]: paper for paper in library.papers()}
    assert by_author["Ada Lovelace"].origins == ("a", "b")


def test_numbers_that_two_files_gave_their_records_make_no_paper_the_other(library: Library) -> None:
    library.add([Paper("17", "Moss in darkness", MOSS, origin="one.jsonl")])
    library.add([Paper("17", "Ferns after years", FERN, origin="other.jsonl")])
    assert {paper.abstract for paper in library.papers()} == {MOSS, FERN}
    library.add([Paper("17", "Something else entirely", "New words.", origin="one.jsonl")])
    assert {paper.abstract for paper in library.papers()} == {"New words.", FERN}


def test_two_arxiv_ids_with_one_doi_are_versions_and_not_one_paper(library: Library) -> None:
    title = "Moss remembers the light it saw"
    library.add(
        Paper(f"arxiv:{i}", title, MOSS, ("Ada L",), doi="10.1234/m", arxiv_id=i) for i in ("2101.1", "2201.00007")
    )
    library.add([Paper("arxiv:2301.00001", title, MOSS, ("Ada L",), doi="10.1234/m", arxiv_id="2301.00001")])
    assert len(library) == 3
    assert len({paper.work for paper in library.papers()}) == 1


def test_a_preprint_and_its_journal_version_are_linked_until_one_of_them_goes(library: Library) -> None:
    preprint = Paper("arxiv:2101.00007", "How moss finds light", MOSS + " Draft.", ("Ada Lovelace",))
    journal = Paper("doi:10.1234/m", "Light-finding in mosses", MOSS, ("A. Lovelace",))
    other = Paper("doi:10.1234/f", "How ferns find light", FERN, ("Ada Lovelace",))
    library.add([preprint, other])
    library.add([journal])
    works = {paper.paper_id: paper.work for paper in library.papers()}
    assert works["arxiv:2101.00007"] == works["doi:10.1234/m"] is not None
    assert works["doi:10.1234/f"] is None
    library.remove(["arxiv:2101.00007"])
    assert library.paper("doi:10.1234/m").work is None


def test_three_versions_that_come_one_by_one_are_one_work(library: Library) -> None:
    """The third is like each of the other two, which are not like each other."""
    first = Paper("a", "How moss finds light again", MOSS, ("Ada Lovelace",))
    second = Paper("b", "A century of debate on mosses", FERN, ("Ada Lovelace",))
    third = Paper("c", "How moss finds light again", FERN, ("Ada Lovelace",))
    library.add([first])
    library.add([second])
    assert {paper.work for paper in library.papers()} == {None}
    library.add([third])
    assert len({paper.work for paper in library.papers()}) == 1


def test_fold_shows_one_chunk_a_work_and_names_the_others() -> None:
    found = [("a", "w", "0"), ("x", None, "0"), ("b", "w", "0"), ("a", "w", "1"), ("c", "w", "0"), ("b", "w", "1")]
    folded = fold((f"{paper_id}{chunk}", Paper(paper_id, "T", "A.", work=work)) for paper_id, work, chunk in found)
    assert folded == [("a0", ["b", "c"]), ("x0", [])]
    assert fold([]) == []


def test_a_thousand_papers_of_one_title_cost_no_comparison_of_each_with_each(library: Library) -> None:
    """They are told apart by their authors; a key that so many share is not looked at."""
    library.add(
        Paper("title:000000000000", "Introduction to the special issue", "", (f"Author{n} Name{n}",))
        for n in range(1000)
    )
    assert len(library) == 1000
    assert len([paper for paper in library.papers() if paper.work]) < 20


def test_papers_without_abstract_are_found_by_title_and_never_as_evidence(library: Library) -> None:
    bare = Paper("b", 'The R\\"ossler attractor revisited', "", origin="a")
    library.add([bare, moss("a")])
    for spelling in ("Rossler", "rössler attractor", 'R\\"ossler'):
        assert [paper.paper_id for paper, _ in library.titled(spelling, 5)] == ["b"]
    assert library.candidates(vector=None, text="rossler attractor", k=5).lexical == []
    assert library.titled("moss", 5) == []
    library.add([replace(bare, abstract="An attractor is revisited.")])
    assert library.titled("Rossler", 5) == []
    assert len(library.candidates(vector=None, text="rossler attractor", k=5).lexical) == 1


def test_tex_is_found_as_it_prints_and_by_the_names_of_its_signs(library: Library) -> None:
    library.add([Paper("t", "On $\\alpha$ decay", "We study G\\\"odel's $\\Lambda$CDM and \\'etale maps.")])

    def finds(text: str) -> bool:
        return bool(library.candidates(vector=None, text=text, k=3).lexical)

    assert all(map(finds, ("Godel", "Gödel", 'G\\"odel', "étale", "etale", "alpha", "α decay", "ΛCDM", "lambda")))
    assert library.paper("t").abstract == "We study G\\\"odel's $\\Lambda$CDM and \\'etale maps."


def test_every_paper_that_an_input_speaks_of_gets_its_tags_unchanged_ones_too(library: Library) -> None:
    library.add([moss("a")], tags=["Biology", "biology"])
    assert library.add([moss("a")], tags=["to read"]).unchanged == 1
    assert library.paper("doi:10.1234/m").tags == ("Biology", "to read")
    library.tag(["doi:10.1234/m"], ["BIOLOGY"], remove=True)
    assert library.paper("doi:10.1234/m").tags == ("to read",)


# Small pools, so that records collide in every way that real ones do: what belongs to a paper
# alone comes in two spellings for each title, and a DOI may be that of the whole volume.
TITLES = ("Moss in the dark of winter", "Ferns in the light of summer", "Editorial")


@st.composite
def records(draw: st.DrawFn) -> Paper:
    """As a reader would make it."""
    place = draw(st.integers(0, 2))
    which = st.sampled_from(["1", "2"])
    maybe = st.booleans()
    known = {
        "doi": draw(st.sampled_from(["10.1234/volume", f"10.1234/{place}"])) if draw(maybe) else None,
        "arxiv_id": f"2101.000{place}{draw(which)}" if draw(maybe) else None,
        "pmid": f"{place + 1}{draw(which)}" if draw(maybe) else None,
    }
    origin = draw(st.sampled_from(["a", "b"]))
    number = f"{origin}-{place}{draw(which)}" if draw(maybe) else None
    abstract = draw(
        st.sampled_from(["", (MOSS, FERN, "Welcome to this issue.")[place] + draw(st.sampled_from(["", " More."]))])
    )
    authors = draw(st.sampled_from([(), (("Ada Lovelace",), ("Bo Yin",), ("Cy Young",))[place]]))
    year = draw(st.sampled_from([None, 2020, 2021]))
    paper_id = number or paper_id_for(TITLES[place], **known)
    return Paper(paper_id, TITLES[place], abstract, authors, year, origin=origin, **known)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(records(), max_size=6), min_size=1, max_size=4), st.data())
def test_whatever_is_added_and_removed_all_parts_agree_and_adding_it_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, inputs: list[list[Paper]], data: st.DataObject
) -> None:
    with Library.open(tmp_path_factory.mktemp("l") / "library", embedder=HashingEmbedder()) as library:
        for some in inputs:
            report = library.add(some, tags=[str(len(some))])
            assert report.n_records == len(some)
            assert library.verify() == []
            titles = {paper.title for paper in library.papers()}
            assert {record.title for record in some} <= titles
        last = inputs[-1]
        before = everything(library)
        report = library.add(last, tags=[str(len(last))])
        assert (report.added, report.updated) == (0, 0)
        assert everything(library) == before
        if before:
            gone = data.draw(st.lists(st.sampled_from([paper.paper_id for paper in before]), unique=True))
            library.remove(gone)
            assert library.verify() == []
            assert not {paper.paper_id for paper in library.papers()} & set(gone)
