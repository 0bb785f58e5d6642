"""A search, an answer and a list can be held to some of the papers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing import HashingEmbedder

from rag.filters import Filter
from rag.index import reader
from rag.lexical import search_by_words
from rag.library import Library
from rag.pipeline import ask
from rag.retrieval import look, search
from rag.types import Paper

KELP = "Kelp grows fast in cold water. It was measured off {place} for ten years."
PAPERS = (
    Paper("a", "Kelp in the north", KELP.format(place="Norway"), ("Ada Lovelace",), 2010, "J. Phycol.", origin="n.ris"),
    Paper("b", "Kelp in the south", KELP.format(place="Chile"), ("Bo Yin", "A. Love"), 2015, "Oceans", origin="s.bib"),
    Paper("c", "Kelp in the west", KELP.format(place="Oregon"), ("Ada B. Lovelace",), 2020, origin="s.bib"),
    Paper("d", "Kelp with no year", KELP.format(place="nowhere"), origin="n.ris"),
)
FILTERS = [
    (Filter(from_year=2015), "bc"),
    (Filter(to_year=2015), "ab"),
    (Filter(from_year=2011, to_year=2019), "b"),
    (Filter(author="lovelace"), "ac"),
    (Filter(author="A Lovelace"), "ac"),
    (Filter(author="Lovelace B"), "c"),
    (Filter(author="love"), "b"),
    (Filter(venue="phycol"), "a"),
    (Filter(venue="ocean"), ""),
    (Filter(tags=("cold",)), "ad"),
    (Filter(tags=("Cold", "far")), "d"),
    (Filter(source="S.BIB"), "bc"),
    (Filter(source="n.ris", from_year=2000), "a"),
    (Filter(paper_ids=("d", "a", "not held")), "ad"),
    (Filter(paper_ids=("d", "a"), to_year=2020), "a"),
    (Filter(paper_ids=()), ""),
    (Filter(), "abcd"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("filters") / "library", embedder=HashingEmbedder()) as library:
        library.add(PAPERS)
        library.tag(["a", "d"], ["Cold"])
        library.tag(["d"], ["far"])
        yield library


@pytest.mark.slow
@pytest.mark.parametrize("looked_through", [1_000.0, 0.0], ids=["few papers pass", "many papers pass"])
@pytest.mark.parametrize(("only", "ids"), FILTERS, ids=[only.describe() for only, _ in FILTERS])
def test_every_way_of_finding_papers_keeps_to_the_filter(
    library: Library, only: Filter, ids: str, looked_through: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LOOKED_THROUGH", looked_through)
    assert [paper.paper_id for paper in library.papers(only)] == list(ids)
    assert [paper.paper_id for paper in library.papers() if only.matches(paper)] == list(ids)
    assert sorted(one.paper_id for one in library.listed(only)) == list(ids)
    for hits in (
        search(library, "how fast does kelp grow", only=only),
        search_by_words(library, "how fast does kelp grow", only=only),
    ):
        assert sorted(hit.paper.paper_id for hit in hits) == list(ids)
    found = library.candidates(vector=library.embedder.embed(["kelp"])[0], text=None, k=2, only=only)
    assert len(found.dense) == min(2, len(ids))


def test_narrowed_twice_both_conditions_hold() -> None:
    one = Filter(from_year=2010, to_year=2020, author="Lovelace", tags=("sea",), paper_ids=("a", "b", "c"))
    other = Filter(from_year=2015, author="Babbage", tags=("sea", "old"), paper_ids=("c", "d", "b"))
    both = Filter(2015, 2020, author="Babbage", tags=("sea", "old"), paper_ids=("b", "c"))
    assert one.narrowed(other) == both
    assert one.narrowed(Filter()) == Filter().narrowed(one) == one
    assert Filter(paper_ids=()).narrowed(one).paper_ids == ()


def test_an_answer_rests_on_papers_that_pass_alone(library: Library) -> None:
    answer = ask(library, "Where was kelp measured for ten years?", only=Filter(from_year=2020))
    assert [source.hit.paper.paper_id for source in answer.sources] == ["c"]
    assert {citation.paper_id for claim in answer.claims for citation in claim.citations} <= {"c"}


def test_papers_asked_about_by_name_must_pass_too(library: Library) -> None:
    found = look(library, "where was kelp measured", k=5, about=["a", "b"], only=Filter(from_year=2011))
    assert [hit.paper.paper_id for hit in found.hits] == ["b"]


def test_a_filter_says_in_words_what_it_lets_through() -> None:
    assert Filter().describe() == "all papers"
    assert Filter(from_year=2015, to_year=2015).describe() == "of 2015"
    assert Filter(2015, 2019, "Lovelace", "Oceans", ("x",), "s.bib").describe() == (
        "from 2015 to 2019, by 'Lovelace', in 'Oceans', tagged 'x', out of 's.bib'"
    )


def test_the_chunks_of_papers_come_in_the_order_asked_for_by_any_of_their_names(tmp_path: Path) -> None:
    papers = [Paper("doi:10.1234/m", "Moss", "Moss is green.", doi="10.1234/m", pmid="7"), *PAPERS[:2]]
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        assert library.chunks_of(["a"], 64) == ()
        library.add(papers)
        found = library.chunks_of(["b", "pmid:7", "nobody", "doi:10.1234/m", "a"], 64)
        assert [stored.paper.paper_id for stored in found] == ["b", "doi:10.1234/m", "a"]


def test_texts_that_are_not_embedded_yet_are_searched_by_words_first_and_by_both_after(tmp_path: Path) -> None:
    """Vectors of chunks without any are zeros as wide as the question's, also after a search without one."""
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add(PAPERS, embed=False)
        assert library.coverage == 0.0
        assert len(search_by_words(library, "kelp")) == 4
        assert [hit.paper.paper_id for hit in search(library, "kelp in the south", k=1)] == ["b"]
        found = look(library, "where was kelp measured", k=5, about=["a", "b"])
        assert {hit.paper.paper_id for hit in found.hits} == {"a", "b"}
        library.embed()
        assert library.coverage == 1.0
        assert {side.side for hit in search(library, "kelp", k=4) for side in hit.origins} == {"dense", "lexical"}


def test_a_preprint_and_its_journal_version_are_one_hit_that_names_the_other(tmp_path: Path) -> None:
    moss = "Moss remembers the light that it saw. We kept 400 shoots in darkness for 28 days and lit them from a side."
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add([
            Paper("arxiv:2101.00007", "How moss finds light", moss + " Draft.", ("Ada Lovelace",)),
            Paper("doi:10.1234/m", "Light-finding in mosses", moss, ("A. Lovelace",)),
            *PAPERS,
        ])  # fmt: skip
        hits = search(library, "how many moss shoots were kept in darkness")
        ids = [hit.paper.paper_id for hit in hits]
        assert len({"arxiv:2101.00007", "doi:10.1234/m"} & set(ids)) == 1
        first = hits[0]
        assert {first.paper.paper_id, *first.versions} == {"arxiv:2101.00007", "doi:10.1234/m"}
        answer = ask(library, "How many moss shoots were kept in darkness?")
        cited = {citation.paper_id for claim in answer.claims for citation in claim.citations}
        assert len({"arxiv:2101.00007", "doi:10.1234/m"} & cited) == 1


def various(n: int) -> str:
    """Twelve of 211 words: of texts that all but repeat one another, Chroma's graph does not lead to each."""
    return " ".join(f"word{(7 * n * n + 13 * n * j * j + 101 * j) % 211}" for j in range(12))


def test_papers_that_pass_are_found_however_far_they_are_from_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add(
            Paper(f"kelp{n}", f"Kelp {n}", KELP.format(place=f"island {n}, {various(n)}"), year=2000 + n % 10)
            for n in range(200)
        )
        library.add(
            Paper(f"snow{n}", f"Snow {n}", f"Snow kelp is red by day {n}, {various(n)}.", year=2020) for n in range(60)
        )
        vector = library.embedder.embed(["how fast does kelp grow in cold water"])[0]
        for only in (Filter(from_year=2020), Filter(from_year=2003), Filter(from_year=2009)):
            sides = []
            for looked_through in (0.0, 1_000.0):  # results of both indexes are sifted; all that pass are looked at
                monkeypatch.setattr(reader, "LOOKED_THROUGH", looked_through)
                found = library.candidates(vector=vector, text="cold kelp", k=20, only=only)
                sides.append((found.dense, found.lexical))
                assert all(only.matches(one.paper) for one in found.chunks.values())
                assert len(found.dense) == len(found.lexical) == 20
            sifted, exact = sides
            assert [score for _, score in sifted[0]] == pytest.approx([score for _, score in exact[0]], abs=2e-3)
            assert [score for _, score in sifted[1]] == pytest.approx([score for _, score in exact[1]])
