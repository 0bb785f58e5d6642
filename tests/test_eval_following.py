"""Follow-ups: the paper that is meant comes first, counted by hand and on what ships."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval import cli
from eval.following import follow, shares
from eval.questions import Question, load, resolve
from eval.shipped import follow_ups_path
from rag.library import Library
from rag.types import Paper, Turn

pytestmark = pytest.mark.slow

KELP = Paper("kelp", "Growth of giant kelp", "Giant kelp grows 60 centimetres a day in summer along cold coasts.")
BEES = Paper("bees", "How honey bees choose a nest", "Scout bees advertise nest sites with a waggle dance.")
TALK = (Turn("How fast does kelp grow?", "60 cm a day [1]. Bees dance [2].", ("kelp", "bees")),)


def asked(
    name: str, question: str, *relevant: str, tags: tuple[str, ...] = (), talk: tuple[Turn, ...] = TALK
) -> Question:
    return Question(name, question, True, history=talk, relevant=relevant, tags=tags)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("talk") / "library") as library:
        library.add([KELP, BEES])
        yield library


def test_the_first_source_has_to_be_the_paper_meant_and_both_where_both_are(library: Library) -> None:
    found = follow(
        library,
        (
            asked("1", "And the second one?", "bees", tags=("place",)),
            asked("2", "And the second one?", "kelp", tags=("place",)),
            asked("3", "How do they differ?", "bees", "kelp", tags=("comparison",)),
            asked("4", "What is kelp?", "kelp", talk=()),
        ),
        reranker=None,
    )
    assert [(one.question.question_id, one.is_found) for one in found] == [("1", True), ("2", False), ("3", True)]
    assert found[0].searched == BEES.title
    every, place, comparison = shares(found)
    assert (every.n_true, every.n) == (2, 3)
    assert (place.words.strip(), place.n_true, place.n) == ("place", 1, 2)
    assert comparison.share == 1.0


def test_the_command_prints_shares_and_what_was_missed(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "id": "1",
        "question": "And the second one?",
        "answerable": True,
        "relevant": ["kelp"],
        "history": [{"question": "How fast?", "answer": "So.", "paper_ids": ["kelp", "bees"]}],
    }
    file = tmp_path / "asked.jsonl"
    file.write_text(json.dumps(row) + "\n")
    arguments = ["follow-ups", "--questions", str(file), "--library", str(library.path)]
    assert cli.main([*arguments, "--failures"]) == 0
    said = capsys.readouterr().out
    assert "paper meant comes first" in said and "0/1" in said
    assert f"found first: {BEES.title}" in said
    assert cli.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == {"1": False}


def test_the_shipped_follow_ups_name_papers_that_ship(seed_library: Library) -> None:
    questions = load(follow_ups_path())
    assert len(questions) >= 40
    held = {paper.paper_id for paper in seed_library.papers()}
    for one in resolve(questions, seed_library.papers()):
        assert one.history and one.relevant
        assert all(paper_id in held for turn in one.history for paper_id in turn.paper_ids)


def test_nine_of_ten_shipped_follow_ups_find_the_paper_meant(seed_library: Library) -> None:
    found = follow(seed_library, resolve(load(follow_ups_path()), seed_library.papers()), reranker=None)
    missed = [one.question.question for one in found if not one.is_found]
    assert len(missed) <= 0.1 * len(found), missed
