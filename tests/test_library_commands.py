"""The commands that keep a library: tags, filters, lists, exports, checks, names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run, write_records

from rag.types import Paper

pytestmark = pytest.mark.slow

PAPERS = (
    Paper("a", "Kelp in the north", "Kelp grows fast off Norway. It was measured for ten years.", ("Ada L",), 2010),
    Paper("b", "Kelp in the south", "Kelp grows fast off Chile. It was measured for six years.", ("Bo Yin",), 2015),
    Paper("c", "Moss without an abstract", "", ("Bo Yin",), 2020),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of three papers, two of them tagged; not to be changed."""
    place = tmp_path_factory.mktemp("commands")
    (place / "north").mkdir()
    write_records(place / "north" / "one.jsonl", PAPERS[0])
    write_records(place / "more.jsonl", *PAPERS[1:])
    library = place / "library"
    assert run("add", place / "north", "--tag", "cold", "--library", library).code == 0
    added = run("add", place / "more.jsonl", "--json", "--library", library)
    assert (added.code, added.json["added"], added.json["without_abstract"]) == (0, 2, 1)
    assert added.json["embedded"] == added.json["chunks"] == 2
    return library


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--from", "2015"], {"b", "c"}),
        (["--year", "2010"], {"a"}),
        (["--to", "2014", "--tag", "COLD"], {"a"}),
        (["--author", "yin"], {"b", "c"}),
        (["--source", "more"], {"b", "c"}),
        (["--venue", "nature"], set()),
    ],
)
def test_lists_searches_and_exports_keep_to_the_filter(
    folder: Path, tmp_path: Path, options: list[str], ids: set[str]
) -> None:
    listed = run("papers", "--json", *options, "--library", folder)
    assert {paper["paper_id"] for paper in listed.json} == ids
    for how in ([], ["--lexical"]):
        found = run("search", "how fast does kelp or moss grow", *how, "--json", *options, "--library", folder)
        assert {hit["paper_id"] for hit in found.json if not hit.get("without_abstract")} == ids - {"c"}
    assert run("export", tmp_path / "out.jsonl", *options, "--library", folder).code == 0
    assert {json.loads(line)["paper_id"] for line in (tmp_path / "out.jsonl").read_text().splitlines()} == ids


def test_ask_keeps_to_the_filter_and_says_so_where_nothing_passes(folder: Path) -> None:
    asked = run("ask", "how fast does kelp grow?", "--author", "yin", "--json", "--library", folder)
    assert {source["paper_id"] for source in asked.json["sources"]} == {"b"}
    nothing = run("search", "kelp", "--year", "1999", "--library", folder)
    assert (nothing.out, nothing.code) == ("", 0)
    assert "nothing found of 1999" in nothing.err


def test_year_beside_from_is_wrong_usage(folder: Path) -> None:
    ran = run("papers", "--year", "2010", "--from", "2001", "--library", folder)
    assert ran.code == 2
    assert "--year is one year" in ran.err


def test_a_paper_without_an_abstract_is_found_by_its_title_and_marked(folder: Path) -> None:
    hits = run("search", "moss without an abstract", "--lexical", "--json", "--library", folder).json
    assert [hit["paper_id"] for hit in hits if hit.get("without_abstract")] == ["c"]


def test_tex_in_a_title_is_printed_as_characters_and_kept_as_it_is(tmp_path: Path) -> None:
    library, title = tmp_path / "library", 'A R\\"ossler attractor of $\\alpha$-kelp'
    write_records(tmp_path / "one.jsonl", Paper("a", title, "It is chaotic."), Paper("b", f"No abstract: {title}", ""))
    assert run("add", tmp_path / "one.jsonl", "--no-embed", "--library", library).code == 0
    assert title in [paper["title"] for paper in run("papers", "--json", "--library", library).json]
    for command in (
        ["papers"],
        ["search", "--lexical", "Rossler"],
        ["search", "--lexical", "Rössler"],
        ["remove", "a"],
    ):
        out = run(*command, "--library", library).out
        assert "A Rössler attractor of α-kelp" in out
        assert "\\" not in out


def test_stats_count_by_year_source_and_tag(folder: Path) -> None:
    found = run("stats", "--json", "--library", folder).json
    assert found["by_year"] == {"2010": 1, "2015": 1, "2020": 1}
    assert found["by_tag"] == {"cold": 1}
    assert sorted(found["by_source"].values()) == [1, 2]
    assert (found["n_papers"], found["n_without_abstract"]) == (3, 1)
    assert (found["n_chunks"], found["n_embedded"]) == (2, 2)
    assert run("stats", "--library", folder).code == 0


def test_tags_are_given_and_taken(tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("add", write_records(tmp_path / "p.jsonl", *PAPERS), "--no-embed", "--library", library)
    assert run("tags", "--add", "to read", "a", "b", "--json", "--library", library).json == {"to read": 2}
    assert run("tags", "--remove", "To Read", "a", "--json", "--library", library).json == {"to read": 1}
    assert run("tags", "--add", "x", "--library", library).code == 2
    unknown = run("tags", "--add", "x", "a", "nobody", "--library", library)
    assert unknown.code != 0
    assert "nobody" in unknown.err


def test_what_is_stored_without_vectors_is_searched_by_words_and_says_so_until_it_is_embedded(tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("add", write_records(tmp_path / "p.jsonl", *PAPERS), "--no-embed", "--library", library)
    before = run("search", "kelp chile", "--json", "--library", library)
    assert before.json[0]["paper_id"] == "b"
    assert "covers 0% of the library" in before.err
    assert run("embed", "--json", "--library", library).json == {"chunks": 2, "embedded": 2}
    assert "covers" not in run("search", "kelp chile", "--json", "--library", library).err


def test_check_mends_a_library_whose_word_index_is_gone(tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("add", write_records(tmp_path / "p.jsonl", *PAPERS), "--library", library)
    assert run("check", "--json", "--library", library).json["found"] == []
    for file in (library / "words").rglob("*"):
        file.unlink()
    looked = run("check", "--look-only", "--json", "--library", library)
    assert looked.code == 1
    assert looked.json["left"] == looked.json["found"] != []
    mended = run("check", "--json", "--library", library)
    assert (mended.code, mended.json["left"]) == (0, [])
    assert run("search", "--lexical", "chile", "--json", "--library", library).json[0]["paper_id"] == "b"


def test_rebuild_embeds_everything_anew(tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("add", write_records(tmp_path / "p.jsonl", *PAPERS), "--library", library)
    rebuilt = run("rebuild", "--json", "--library", library)
    assert (rebuilt.json["chunks"], rebuilt.json["embedded"]) == (2, 2)
    assert run("check", "--json", "--library", library).json["found"] == []


def test_libraries_have_names(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path)}
    file = write_records(tmp_path / "p.jsonl", *PAPERS)
    assert run("add", file, "--no-embed", "--library", "@sea", env=home).code == 0
    assert run("libraries", "--json", env=home).json["@sea"] == 3
    assert len(run("papers", "--json", "--library", "@sea", env=home).json) == 3
    climbing = run("papers", "--library", "@../sea", env=home)
    assert climbing.code == 2
    assert "no name for a library" in climbing.err


def test_what_is_rejected_goes_into_a_report_with_file_line_and_reason(tmp_path: Path) -> None:
    file = write_records(tmp_path / "p.jsonl", *PAPERS)
    file.write_text('{"abstract": "no title"}\n' + file.read_text())
    lenient = run("add", file, "--no-embed", "--library", tmp_path / "library")
    assert lenient.code == 0
    (line,) = map(json.loads, (tmp_path / "library" / "rejected.jsonl").read_text().splitlines())
    assert (Path(line["file"]).name, line["line"]) == ("p.jsonl", 1)
    assert "title" in line["reason"]
    strict = run(
        "add", file, "--no-embed", "--strict", "--report", tmp_path / "r.jsonl", "--library", tmp_path / "library"
    )
    assert strict.code == 1
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1
