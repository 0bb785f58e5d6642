"""Summaries, comparisons, kept answers and explained searches, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import first_papers, run

from rag.library import Library

pytestmark = pytest.mark.slow

LOVE = "By how much did Love Reactions rise in live A/B tests?"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pile") / "library"
    with Library.open(folder) as library:
        library.add(first_papers(12))
    return folder


def id_of(pile: Path, words: str) -> str:
    found = [paper["paper_id"] for paper in run("papers", "--json", "--library", pile).json if words in paper["title"]]
    assert len(found) == 1
    return str(found[0])


def test_a_saved_answer_can_be_proved_and_asked_again(pile: Path, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    asked = run("ask", LOVE, "--save", file, "--library", pile)
    assert asked.code == 0
    assert f"footnoted verify {file}" in asked.err
    proved = run("verify", file, "--library", pile)
    assert (proved.code, proved.out.split(" ", 1)[0] != "0") == (0, True)
    again = run("replay", file, "--library", pile)
    assert (again.code, again.out) == (0, "the same answer as then\n")

    record = json.loads(file.read_text("utf-8"))
    record["answer"]["claims"][0]["citations"][0]["quote"] += " Or so they say."
    file.write_text(json.dumps(record), "utf-8")
    forged = run("verify", file, "--library", pile)
    assert forged.code == 1
    assert "the abstract does not say this" in forged.out
    assert not all(quote["holds"] for quote in run("verify", file, "--json", "--library", pile).json["quotes"])


def test_what_was_asked_of_chosen_papers_is_asked_of_them_again(pile: Path, tmp_path: Path) -> None:
    ids = id_of(pile, "FBLNet"), id_of(pile, "Learning from User Feedback")
    file = tmp_path / "answer.json"
    for command in (("compare", *ids), ("summarize", "--about", ids[0])):
        assert run(*command, "--save", file, "--library", pile).code == 0
        again = run("replay", file, "--library", pile)
        assert (again.code, again.out) == (0, "the same answer as then\n")
    record = json.loads(file.read_text("utf-8"))
    record["asked"]["about"] = ["gone"]
    file.write_text(json.dumps(record), "utf-8")
    gone = run("replay", file, "--library", pile)
    assert gone.code == 3 and "any more" in gone.err


def test_quoting_needs_no_model_whatever_judge_is_configured(pile: Path, tmp_path: Path) -> None:
    config = tmp_path / "footnoted.toml"
    config.write_text('judge = "default+llm"\n', "utf-8")
    assert run("ask", LOVE, "--quote", "--config", config, "--library", pile).code == 0
    without = run("ask", LOVE, "--config", config, "--library", pile)
    assert without.code == 2 and "needs a language model" in without.err


def test_what_cannot_be_saved_or_read_is_said_in_a_line(pile: Path, tmp_path: Path) -> None:
    assert run("ask", "-", "--save", tmp_path / "x.json", "--library", pile, stdin="a?").code == 2
    missing = run("verify", tmp_path / "none.json", "--library", pile)
    assert missing.code != 0
    assert len(missing.err.splitlines()) == 1
    nowhere = run("ask", LOVE, "--save", tmp_path / "none" / "x.json", "--library", pile)
    assert nowhere.code != 0
    assert "could not be saved" in nowhere.err


def test_two_papers_are_compared_aspect_by_aspect(pile: Path) -> None:
    ids = id_of(pile, "FBLNet"), id_of(pile, "Learning from User Feedback")
    ran = run("compare", *ids, "--library", pile)
    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line in ("question", "method", "data", "result", "limitation")]
    assert "not stated in the abstract" in ran.out
    table = run("compare", *ids, "--json", "--library", pile).json["table"]
    assert table["paper_ids"] == list(ids)
    unknown = run("compare", ids[0], "doi:10.1/none", "--library", pile)
    assert unknown.code == 2
    assert "doi:10.1/none" in unknown.err


def test_chosen_papers_are_summed_up_and_no_others(pile: Path) -> None:
    ids = id_of(pile, "FBLNet"), id_of(pile, "Learning from User Feedback")
    answer = run("summarize", "--about", ids[0], "--about", ids[1], "--json", "--library", pile).json
    assert answer["kind"] == "summary"
    assert {c["paper_id"] for claim in answer["claims"] for c in claim["citations"]} == set(ids)
    assert run("summarize", "--library", pile).code == 2
    assert run("summarize", "--about", "doi:10.1/none", "--library", pile).code == 2


def test_a_tag_is_summed_up_whole(pile: Path) -> None:
    paper_id = id_of(pile, "FBLNet")
    run("tags", "--add", "driving", paper_id, "--library", pile)
    answer = run("summarize", "--tag", "driving", "--json", "--library", pile).json
    assert {c["paper_id"] for claim in answer["claims"] for c in claim["citations"]} == {paper_id}
    assert run("summarize", "--tag", "no such tag", "--library", pile).code == 3


def test_a_search_says_which_word_it_read_as_what(pile: Path) -> None:
    asked = ("search", "driver atention", "-k", "1", "--library", pile, "--no-rerank")
    ran = run(*asked, "--explain")
    assert "note: “atention” was read as “attention”." in ran.err
    assert "“atention” read as “attention”" in " ".join(ran.out.split())
    for side in ((), ("--lexical",)):
        (hit,) = run(*asked, "--json", *side).json
        assert hit["read_as"] == [{"word": "atention", "read_as": "attention"}]
    (hit,) = run("search", "driver attention", "-k", "1", "--json", "--no-rerank", "--library", pile).json
    assert "read_as" not in hit


def test_a_search_says_what_it_made_of_an_odd_question(pile: Path) -> None:
    ran = run("search", "the of and", "--json", "--library", pile)
    assert (ran.code, ran.json) == (0, [])
    assert "nothing in the question that can be searched for" in ran.err
    ran = run("search", "driver attention since 1990", "--no-rerank", "--library", pile)
    assert ran.out and "No paper here is known to be from 1990" in ran.err


def test_a_search_says_why_it_found_what_it_found(pile: Path) -> None:
    said = run("search", "driver attention", "--explain", "-k", "1", "--library", pile).out
    assert "its title has" in said
    assert "number 1 by words" in said
    (hit,) = run("search", "driver attention", "--explain", "-k", "1", "--json", "--library", pile).json
    assert {word.casefold() for word in hit["why"]["in_title"]} == {"driver", "attention"}
    assert hit["why"]["nearest"]
    plain = run("search", "driver attention", "-k", "1", "--json", "--no-rerank", "--library", pile).json
    assert "why" not in plain[0]


def test_the_kind_of_work_can_be_chosen(pile: Path) -> None:
    answer = run("ask", "reinforcement learning", "--kind", "list", "--json", "--library", pile).json
    assert answer["kind"] == "list"
    assert run("ask", "x", "--kind", "poem", "--library", pile).code == 2
