"""The seam to the library: papers narrowed, tagged, removed and put back; the map; a library that is replaced."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hashing import HashingEmbedder, kelp_paper
from page_core import NETWORK, PAPERS, WHALES, desk_over

from rag.library import Library
from rag.pipeline import stream
from rag.types import Finished, Found, Kind, Paper, Turn
from ui.asking import Narrowing, Request, narrowing_from_json, request_from_json
from ui.core import narrowed
from ui.desk.desk import Desk
from ui.errors import Refused
from ui.library_port import LibraryPort
from ui.map import MIN_PAPERS, draw
from ui.people import LOCAL
from ui.texts import texts_in

EN = texts_in("en")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made, _ = desk_over(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (Narrowing(), {"p1", "p2", "p3"}),
        (Narrowing(from_year=2023), {"p2"}),
        (Narrowing(to_year=2022), {"p1"}),
        (Narrowing(from_year=2000, to_year=2030), {"p1", "p2"}),
        (Narrowing(source="floods.ris"), {"p2", "p3"}),
        (Narrowing(tag="SEA"), {"p3"}),
        (Narrowing(paper_ids=("p1", "p9")), {"p1"}),
        (Narrowing(tag="sea", from_year=2000), set()),
    ],
)
def test_papers_are_narrowed_by_year_tag_source_and_choice(desk: Desk, only: Narrowing, expected: set[str]) -> None:
    desk.core.tag(["p3"], "Sea")
    assert narrowed(desk.core.shelf(), only) == expected


def test_a_question_of_some_papers_finds_no_other(tmp_path: Path) -> None:
    desk, core = desk_over(tmp_path, papers=[kelp_paper(n) for n in range(60)])
    only = Narrowing(paper_ids=("p57", "p58"))
    asked = LibraryPort.ask(core, "In how many seas was kelp measured?", (), Request(only=only), threading.Event())
    (found,) = [event for event in asked if isinstance(event, Found)]
    assert {source.hit.paper.paper_id for source in found.sources} == {"p57", "p58"}
    nobody = LibraryPort.ask(core, "kelp?", (), Request(only=Narrowing(from_year=2000)), threading.Event())
    (*_, last) = nobody
    assert isinstance(last, Finished)
    assert (last.answer.outcome, last.answer.reason) == ("abstained", "empty_library")
    desk.close()


@pytest.mark.parametrize("kind", ["summary", "comparison"])
def test_papers_chosen_for_a_summary_or_a_table_are_all_taken_in_and_no_other(tmp_path: Path, kind: Kind) -> None:
    desk, core = desk_over(tmp_path, papers=[kelp_paper(n) for n in range(60)])
    chosen = ("p57", "p3", "p21", "p40", "p8", "p11")
    request = Request(kind, Narrowing(paper_ids=(*chosen, "p99")))
    *_, last = LibraryPort.ask(core, "These papers", (), request, threading.Event())
    assert isinstance(last, Finished)
    assert {source.hit.paper.paper_id for source in last.answer.sources} == set(chosen)
    assert last.answer.kind == kind
    desk.close()


def test_it_never_leads_out_of_the_papers_that_were_asked_for(tmp_path: Path) -> None:
    desk, core = desk_over(tmp_path, papers=[kelp_paper(n) for n in range(60)])
    history = (Turn("In how many seas was kelp measured?", "In 5 seas [1].", ("p5",)),)
    request = Request(None, Narrowing(paper_ids=("p57", "p58")))
    for question in ("Tell me more about [1]", "And how many seas is it?"):
        *_, last = LibraryPort.ask(core, question, history, request, threading.Event())
        assert isinstance(last, Finished)
        assert {source.hit.paper.paper_id for source in last.answer.sources} <= {"p57", "p58"}
    desk.close()


def test_narrowing_to_all_papers_finds_what_the_library_itself_finds(tmp_path: Path) -> None:
    desk, core = desk_over(tmp_path, papers=[kelp_paper(n) for n in range(60)])
    everything = Narrowing(paper_ids=tuple(f"p{n}" for n in range(60)))
    question = "In how many seas was kelp measured?"
    narrow, whole = (
        next(e for e in events if isinstance(e, Found)).sources
        for events in (
            LibraryPort.ask(core, question, (), Request(only=everything), threading.Event()),
            stream(core.library(), question),
        )
    )
    assert [s.hit.paper.paper_id for s in narrow] == [s.hit.paper.paper_id for s in whole]
    desk.close()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Narrowing()),
        ("x", Narrowing()),
        ({"from_year": "2023", "to_year": 2020}, Narrowing(2020, 2023)),
        ({"from_year": "", "to_year": "12345", "tag": "", "source": 7}, Narrowing()),
        ({"from_year": True, "paper_ids": "p1"}, Narrowing()),
        ({"from_year": "²", "paper_ids": ["a", 7, None]}, Narrowing(paper_ids=("a",))),
        ({"tag": "x" * 301}, Narrowing()),
    ],
)
def test_whatever_a_browser_sends_becomes_conditions_or_none(value: object, expected: Narrowing) -> None:
    assert narrowing_from_json(value) == expected
    assert request_from_json({"kind": "rm -rf", "only": value}) == Request(None, expected)
    assert narrowing_from_json(expected.to_json()) == expected


def test_a_request_for_any_year_is_kept_and_only_true_counts() -> None:
    assert request_from_json(Request(any_year=True).to_json()).any_year
    assert not request_from_json({"any_year": "yes"}).any_year
    assert "any_year" not in Request().to_json()


def test_years_in_a_question_hold_to_the_papers_chosen_and_can_be_set_aside(tmp_path: Path) -> None:
    papers = [replace(kelp_paper(n), year=2000 + n) for n in range(10)]
    _, core = desk_over(tmp_path, papers=papers)
    some = Narrowing(paper_ids=("p1", "p8", "p9"))

    def sources(request: Request) -> tuple[set[str], tuple[int | None, int | None] | None]:
        *_, last = LibraryPort.ask(core, "papers since 2009 on kelp", (), request, threading.Event())
        assert isinstance(last, Finished)
        return {source.hit.paper.paper_id for source in last.answer.sources}, last.answer.years

    assert sources(Request(only=some)) == ({"p9"}, (2009, None))
    assert sources(Request(only=some, any_year=True)) == ({"p1", "p8", "p9"}, None)
    assert sources(Request(only=Narrowing(paper_ids=("p1",)))) == ({"p1"}, None)


def test_a_filter_is_said_in_words_and_can_be_dropped_piece_by_piece(desk: Desk) -> None:
    only = {"from_year": 2020, "to_year": 2022, "tag": "sea", "paper_ids": ["p1", "p2"]}
    message = desk.act(LOCAL, {"do": "narrow", "only": only})
    assert "2020 to 2022" in message["inner"]["chips"]
    assert "2 chosen papers" in message["inner"]["chips"]
    dropped = desk.act(LOCAL, {"do": "narrow", "only": only, "drop": "years"})
    assert dropped["only"] == {"tag": "sea", "paper_ids": ["p1", "p2"]}


def test_papers_are_searched_and_paged(tmp_path: Path) -> None:
    desk, _ = desk_over(tmp_path, papers=[*PAPERS, *(kelp_paper(n) for n in range(4, 124))])

    def listed(**asked: object) -> str:
        return desk.act(LOCAL, {"do": "papers", **asked})["inner"]["library-list"]

    assert "1 to 50 of 123" in listed()
    assert "101 to 123 of 123" in listed(first=100)
    assert "101 to 123 of 123" in listed(first=10_000)
    assert "1 to 1 of 1" in listed(search="OKAFOR radar")
    assert "1 to 1 of 1" in listed(year="2022")
    assert "1 to 2 of 2" in listed(source="floods.ris")
    assert "No paper fits." in listed(search="radar", year="2022")
    assert listed(first="x'; DROP TABLE") == listed()
    desk.close()


def test_removed_papers_come_back_whole_with_their_tags(desk: Desk) -> None:
    desk.core.tag(["p1"], "drivers")
    message = desk.act(LOCAL, {"do": "remove", "paper_ids": ["p1", "p2", "gone already"]})
    assert message["toast"] == "2 papers removed."
    assert desk.core.n_papers() == 1
    back = desk.act(LOCAL, message["undo"])
    assert back["toast"] == "2 papers are back."
    assert desk.core.papers(["p1"])["p1"].abstract == NETWORK.abstract
    assert {row.paper_id: row.tags for row in desk.core.shelf().rows}["p1"] == ("drivers",)
    with pytest.raises(Refused):
        desk.act(LOCAL, message["undo"])


def test_a_tag_is_one_whatever_its_case(desk: Desk) -> None:
    assert desk.act(LOCAL, {"do": "tag", "paper_ids": ["p1", "p2"], "tag": " Sea  ice "})["toast"] == "2 papers tagged."
    assert desk.act(LOCAL, {"do": "tag", "paper_ids": ["p1", "p9"], "tag": "SEA ICE"})["toast"] == "0 papers tagged."
    assert desk.core.shelf().tags() == ["Sea ice"]
    desk.act(LOCAL, {"do": "tag", "paper_ids": ["p1"], "tag": "sea ice", "untag": True})
    assert [row.paper_id for row in desk.core.shelf().rows if row.tags] == ["p2"]
    assert desk.act(LOCAL, {"do": "tag", "paper_ids": ["p1"], "tag": "   "})["toast"] == "0 papers tagged."


def test_a_read_only_library_refuses_every_change(tmp_path: Path) -> None:
    desk, _ = desk_over(tmp_path, read_only=True)
    for asked in (
        {"do": "remove", "paper_ids": ["p1"]},
        {"do": "tag", "paper_ids": ["p1"], "tag": "x"},
        {"do": "restore", "token": "x"},
    ):
        with pytest.raises(Refused, match="read-only"):
            desk.act(LOCAL, asked)
    shown = desk.act(LOCAL, {"do": "library"})["inner"]
    assert "read-only" in shown["library-list"]
    assert 'data-do="remove' not in shown["library-list"]
    assert shown["library-drop"] == ""
    assert 'data-tab="add"' not in desk.act(LOCAL, {"do": "arrive"})["inner"]["library-head"]
    desk.close()


def test_a_library_that_is_replaced_under_the_page_is_seen_at_once(desk: Desk, tmp_path: Path) -> None:
    with Library.open(tmp_path / "other", embedder=HashingEmbedder()) as other:
        other.add([WHALES])
    assert desk.core.n_papers() == 3
    shutil.rmtree(tmp_path / "seed")
    assert desk.core.n_papers() == 0
    shutil.move(tmp_path / "other", tmp_path / "seed")
    assert desk.core.n_papers() == 1
    assert [row.paper_id for row in desk.core.shelf().rows] == ["p3"]
    found = desk.core.library().candidates(vector=None, text="whales", k=3)  # type: ignore[attr-defined]
    assert [chunk.paper.paper_id for chunk in found.chunks.values()] == ["p3"]


def test_examples_are_made_from_the_papers_where_none_are_given(tmp_path: Path) -> None:
    desk, _ = desk_over(tmp_path, examples=None)
    examples = desk.examples(EN)
    assert examples[0] == "What does “FBLNet: A feedback loop network for driver attention prediction” propose?"
    assert len(examples) == 4
    desk.close()


SUBJECTS = ("kelp seaweed", "neutrino oscillation", "glacier melting", "malaria vaccine", "bridge corrosion")


def grouped(n_groups: int, n_each: int) -> tuple[list[Paper], np.ndarray]:
    """Papers of clearly different subjects, with vectors near one of as many corners."""
    random = np.random.default_rng(7)
    papers, rows = [], []
    for group in range(n_groups):
        for n in range(n_each):
            papers.append(Paper(f"g{group}-{n}", f"On {SUBJECTS[group]} number {n}", f"We study {SUBJECTS[group]}."))
            row = random.normal(0, 0.08, 16)
            row[group] += 1
            rows.append(row / np.linalg.norm(row))
    return papers, np.array(rows, np.float32)


def test_the_map_puts_papers_of_one_subject_into_one_region_and_names_it() -> None:
    papers, vectors = grouped(4, 6)
    drawn = draw(papers, vectors, 24)
    assert drawn is not None
    for region in drawn.regions:
        assert len({paper_id.split("-")[0] for paper_id in region.paper_ids}) == 1
        (group,) = {int(paper_id[1]) for paper_id in region.paper_ids}
        assert region.words[0] in SUBJECTS[group].split()
    assert sorted(i for region in drawn.regions for i in region.paper_ids) == sorted(p.paper_id for p in papers)


def test_the_map_is_the_same_each_time_and_its_regions_lie_apart_inside_it() -> None:
    papers, vectors = grouped(5, 9)
    drawn = draw(papers, vectors, 45)
    assert drawn is not None
    assert drawn == draw(papers, vectors.copy(), 45)
    for one in drawn.regions:
        assert one.x >= one.radius
        assert one.x + one.radius <= 1.0001
        for other in drawn.regions:
            if one is not other:
                assert np.hypot(one.x - other.x, one.y - other.y) > one.radius + other.radius
    for dot in drawn.dots:
        region = drawn.regions[dot.region]
        assert np.hypot(dot.x - region.x, dot.y - region.y) <= region.radius


@pytest.mark.parametrize("n", [0, 1, MIN_PAPERS - 1])
def test_too_few_papers_make_no_map(n: int) -> None:
    papers, vectors = grouped(1, 20)
    assert draw(papers[:n], vectors[:n], n) is None


def test_papers_that_are_all_alike_still_make_a_map() -> None:
    papers, vectors = grouped(1, 20)
    vectors[:] = vectors[0]
    drawn = draw(papers, vectors, 20)
    assert drawn is not None
    assert len({(dot.x, dot.y) for dot in drawn.dots}) == 20


def test_a_region_of_the_map_can_be_asked(tmp_path: Path) -> None:
    desk, _ = desk_over(tmp_path, papers=[kelp_paper(n) for n in range(40)])
    shown = desk.act(LOCAL, {"do": "map"})["inner"]["map"]
    assert shown.count('class="dot') == 40
    only = desk.act(LOCAL, {"do": "region", "region": "1"})["only"]
    assert 0 < len(only["paper_ids"]) < 40
    with pytest.raises(Refused):
        desk.act(LOCAL, {"do": "region", "region": "999"})
    desk.close()
