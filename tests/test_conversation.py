"""Follow-ups: what 'it', '[2]' and 'the second one' mean, and which questions stand alone."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rag.conversation import last_topic, papers_meant, points_back, standalone
from rag.library import Library
from rag.pipeline import ask
from rag.types import Turn

HERE = Path(__file__).parent
FBLNET = Turn("What is FBLNet?", "A network for driver attention. [1]", ("fblnet", "gaze"))
OTTERS = Turn("And what do otters eat?", "Urchins. [3] Also crabs. [1]", ("otter", "fblnet"))


@pytest.mark.parametrize(
    "question",
    [
        "How does it work?",
        "What are its limitations?",
        "Why is that?",
        "How was the method evaluated?",
        "What makes that kind of feedback hard?",
        "What about the second one?",
        "and compared to other methods?",
        "Why?",
        "What are the advantages?",
        "How many datasets were studied?",
        "What does [1] say?",
        "Is it better than DRNet?",
    ],
)
def test_these_need_what_was_said_before(question: str) -> None:
    assert points_back(question, "What is a transformer? A network.")


@pytest.mark.parametrize(
    "question",
    [
        "What problem do they address in the FBLNet paper?",
        "What is RLHF?",
        "What is OptoPrime?",
        "Which papers use graph neural networks to predict links?",
        "Is there any remedy for recommenders favouring machine-written items, and does it need access to them?",
        "How many datasets were looked at in the study of group interactions over time?",
        "OK, another topic: does it snow?",
        "dopamine and reward prediction errors",
    ],
)
def test_these_name_their_own_topic(question: str) -> None:
    assert not points_back(question, "What is a transformer? A network.")


def test_words_that_were_said_before_are_no_new_topic() -> None:
    said = "Which models blow up on chaotic data? Recurrent networks with exploding gradients."
    question = "Why do exploding gradients of recurrent networks on chaotic data matter to it?"
    assert points_back(question, said)
    assert not points_back(question, "What is FBLNet? A network for driver attention.")


def test_numbers_mean_papers_of_the_whole_conversation() -> None:
    history = (FBLNET, OTTERS)
    assert papers_meant("What does [3] say?", history) == ("otter",)
    assert papers_meant("How does [1] differ from [2]?", history) == ("fblnet", "gaze")
    assert papers_meant("And [9]?", history) == ()


def test_places_mean_papers_of_the_last_turn() -> None:
    history = (FBLNET, OTTERS)
    assert papers_meant("How does it work?", history) == ("otter",)
    assert papers_meant("And the second one?", history) == ("fblnet",)
    assert papers_meant("What does the latter use?", history) == ("fblnet",)
    assert papers_meant("And the third one?", history) == ()
    assert papers_meant("What happens in the second step of it?", history) == ("otter",)


def test_places_may_be_counted_from_the_end_or_be_the_other() -> None:
    history = (Turn("A?", "B.", ("one", "two", "three")),)
    assert papers_meant("And the last one?", history) == ("three",)
    assert papers_meant("How does the other one work?", history) == ("two",)
    assert papers_meant("What does the latter propose?", history) == ("two",)
    assert papers_meant("And the other one?", (Turn("A?", "B.", ("one",)),)) == ()


@pytest.mark.parametrize("question", ["Any drawbacks?", "How many would have to do it by hand then?", "Explain that"])
def test_what_every_paper_has_is_no_topic(question: str) -> None:
    assert points_back(question, "What is a transformer? A network.")


@pytest.mark.parametrize(
    ("question", "points"),
    [
        ("Which papers use diffusion models?", False),
        ("Are there papers on reward models?", False),
        ("List the papers about continual learning", False),
        ("Which papers use it?", True),
        ("Which of these papers use rewards?", True),
        ("Which papers report accuracy?", True),
        ("Any other papers?", True),
    ],
)
def test_papers_on_a_named_topic_are_of_all_that_are_held(question: str, points: bool) -> None:
    said = "Compare the papers on hypernetworks. Reward models; diffusion models; continual learning."
    assert points_back(question, said) is points


def test_without_history_every_question_stands_alone() -> None:
    for question in ("How does it work?", "What does [2] say?", "Why?"):
        assert papers_meant(question, ()) == ()
        assert standalone(question, (), ()) == question
    assert last_topic(()) == ""


def test_the_topic_is_the_title_or_else_the_question_before() -> None:
    assert standalone("How does it work?", (FBLNET,), ["FBLNet: a net"]) == "How does it work? (FBLNet: a net)"
    assert standalone("How does it work?", (FBLNET,), []) == "How does it work? (What is FBLNet?)"
    assert standalone("What is RLHF?", (FBLNET,), ["FBLNet: a net"]) == "What is RLHF?"


def test_a_number_gives_way_to_what_it_stands_for() -> None:
    assert standalone("What does [1] say?", (FBLNET,), ["FBLNet: a net"]) == "What does say? (FBLNet: a net)"
    assert standalone("[1]", (FBLNET,), ["FBLNet: a net"]) == "What is it about? (FBLNet: a net)"


def test_the_topic_of_a_talk_reaches_back_to_the_question_that_named_it() -> None:
    history = (
        Turn("Weather?", "Fine."),
        Turn("What is FBLNet?", "A network."),
        Turn("Why is it so good?", "Feedback."),
    )
    assert last_topic(history) == "What is FBLNet? A network. Why is it so good? Feedback."


# On the papers that ship.


def questions() -> list[dict[str, Any]]:
    lines = (HERE.parent / "eval" / "data" / "seed_questions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def own_follow_ups() -> list[dict[str, Any]]:
    lines = (HERE / "data" / "follow_ups.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def turns(history: list[dict[str, str]]) -> tuple[Turn, ...]:
    return tuple(Turn(turn["question"], turn["answer"]) for turn in history)


def first_title(library: Library, question: str, history: tuple[Turn, ...]) -> str:
    answer = ask(library, question, history=history)
    return answer.sources[0].hit.paper.title if answer.sources else ""


@pytest.mark.slow
def test_follow_ups_without_ids_find_the_paper_that_was_spoken_of(seed_library: Library) -> None:
    asked = [
        (row["question"], turns(row["history"]), row["relevant"][0])
        for row in questions()
        if row["history"] and row["answerable"]
    ]
    asked += [(row["question"], turns(row["history"]), row["relevant"]) for row in own_follow_ups()]
    missed = [
        question for question, history, title in asked if title not in first_title(seed_library, question, history)
    ]
    assert len(asked) >= 46
    assert len(missed) <= 0.1 * len(asked), missed


@pytest.mark.slow
def test_a_new_topic_is_not_dragged_back_to_the_old_one(seed_library: Library) -> None:
    rows = [row for row in questions() if row["answerable"] and not row["history"] and len(row["relevant"]) == 1]
    draw = random.Random(7)
    lost = []
    n_found = 0
    for row in draw.sample(rows, 60):
        other = draw.choice([one for one in rows if one["relevant"] != row["relevant"]])
        history = (Turn(other["question"], other["reference"]),)
        if row["relevant"][0] in first_title(seed_library, row["question"], ()):
            n_found += 1
            if row["relevant"][0] not in first_title(seed_library, row["question"], history):
                lost.append(row["question"])
    assert n_found > 50
    assert len(lost) <= 0.05 * n_found, lost
