"""What a turn of a conversation wants: of which papers, and said how."""

from __future__ import annotations

import pytest

from rag.answer.manner import AS_USUAL, CANNOT_SIMPLIFY, Manner
from rag.conversation import points_nowhere, understand
from rag.filters import Filter
from rag.types import Turn

TITLES = {"fblnet": "FBLNet: predicting driver attention", "gaze": "Gaze in traffic", "otter": "What otters eat"}
FIRST = Turn("How is driver attention predicted?", "By a network [1]. Also by gaze [2].", ("fblnet", "gaze"))
SECOND = Turn("And what do otters eat?", "Urchins [3].", ("otter",))


@pytest.mark.parametrize("wish", ["shorter", "Shorter, please.", "in one sentence", "Can you say that more briefly?"])
def test_shorter_asks_the_last_question_again(wish: str) -> None:
    found = understand(wish, (FIRST,), TITLES.get)
    assert (found.question, found.manner) == (FIRST.question, Manner("shorter"))


@pytest.mark.parametrize(
    "wish", ["in German", "auf German bitte", "Now in German, please", "Can you translate that into German?"]
)
def test_a_language_asks_the_last_question_again_in_it(wish: str) -> None:
    found = understand(wish.replace("bitte", "please"), (FIRST,), TITLES.get)
    assert (found.question, found.manner.language) == (FIRST.question, "German")


def test_a_language_within_a_question_is_how_it_is_to_be_answered() -> None:
    found = understand("How is driver attention predicted? Answer in French.", (), TITLES.get)
    assert found.manner == Manner("usual", "French")
    assert found.question.startswith("How is driver attention predicted?")


@pytest.mark.parametrize("wish", ["in simple words", "Simpler, please", "Can you say that in plain English?", "ELI5"])
def test_simpler_asks_the_last_question_again_in_other_words(wish: str) -> None:
    found = understand(wish, (FIRST,), TITLES.get)
    assert (found.question, found.manner) == (FIRST.question, Manner(plain=True))
    assert found.manner.in_words("answer") == "1 to 3 short sentences, in simple words"
    assert found.manner.unmet(is_same=True) == [CANNOT_SIMPLIFY]


@pytest.mark.parametrize(
    "question",
    [
        "What is a hypernetwork, in simple words?",
        "In plain English: what is a hypernetwork?",
        "What is a hypernetwork? In layman's terms please.",
        "What is a hypernetwork, in very simple terms, in German?",
        "What is a hypernetwork, like I'm five?",
    ],
)
def test_how_simply_it_is_to_be_said_is_not_searched_for(question: str) -> None:
    found = understand(question, (), TITLES.get)
    assert found.manner.plain and found.manner.language == ("German" if "German" in question else None)
    assert found.question.strip(".").lower() == "what is a hypernetwork?"


@pytest.mark.parametrize(
    "question",
    [
        "Do papers in plain language summaries reach more readers?",
        "Is there a simpler proof of the bound on sparse networks?",
        "How were texts in Spanish corpora tagged?",
        "What was found in Chinese patients?",
        "How do short papers differ?",
    ],
)
def test_words_that_belong_to_the_question_stay_in_it(question: str) -> None:
    found = understand(question, (), TITLES.get)
    assert (found.question, found.manner) == (question, AS_USUAL)


@pytest.mark.parametrize("wish", ["without [2]", "the same without [2]", "but not [2]", "Leave out [2] please"])
def test_without_asks_again_over_the_other_papers(wish: str) -> None:
    found = understand(wish, (FIRST,), TITLES.get)
    assert (found.question, found.without) == (FIRST.question, ("gaze",))


def test_without_may_name_several_and_stand_in_a_question_of_its_own() -> None:
    found = understand("Which networks predict attention of drivers, except [1] and [2]?", (FIRST,), TITLES.get)
    assert found.without == ("fblnet", "gaze")
    assert found.question == "Which networks predict attention of drivers?"


@pytest.mark.parametrize("wish", ["Tell me more about [3]", "more about the first one", "Tell me more about it."])
def test_more_about_a_paper_is_a_summary_of_that_paper_alone(wish: str) -> None:
    found = understand(wish, (FIRST, SECOND), TITLES.get)
    assert (found.kind, found.about, found.question) == ("summary", ("otter",), TITLES["otter"])


def test_more_about_a_topic_is_a_question() -> None:
    found = understand("Tell me more about sea urchins", (), TITLES.get)
    assert (found.question, found.about) == ("What is known about sea urchins?", ())


def test_papers_that_are_to_be_compared_are_those_pointed_at() -> None:
    found = understand("Compare [1] and [3]", (FIRST, SECOND), TITLES.get)
    assert (found.kind, found.about) == ("comparison", ("fblnet", "otter"))
    both = understand("Compare the two", (FIRST,), TITLES.get)
    assert both.about == ("fblnet", "gaze")
    assert understand("Compare bandit papers", (FIRST,), TITLES.get).about == ()


def test_a_paper_that_is_gone_is_not_meant() -> None:
    found = understand("Tell me more about [1]", (Turn("q", "a [1]", ("lost",)),), TITLES.get)
    assert found.about == ()


def test_a_wish_about_a_wish_is_about_the_question_before_both() -> None:
    history = (FIRST, Turn("shorter", "A network [1].", ("fblnet",)))
    found = understand("in Italian", history, TITLES.get)
    assert (found.question, found.manner.language) == (FIRST.question, "Italian")


def test_without_a_history_a_bare_wish_is_a_question_like_any_other() -> None:
    assert understand("shorter", (), TITLES.get).question == "shorter"


def test_a_kind_that_was_chosen_is_not_guessed() -> None:
    found = understand("driver attention", (), TITLES.get, kind="comparison")
    assert (found.kind, found.topic) == ("comparison", "driver attention")


def test_years_narrow_the_question_or_the_one_before() -> None:
    wanted = understand("papers since 2023 on reward hacking", (), lambda _: None)
    assert (wanted.kind, wanted.topic, wanted.only) == ("list", "reward hacking", Filter(from_year=2023))
    history = (Turn("Which papers are about reward hacking?", "Some [1].", ("a:1",)),)
    again = understand("only after 2020", history, lambda _: "A title")
    assert again.question == "Which papers are about reward hacking?"
    assert again.only == Filter(from_year=2021)
    assert understand("only after 2020", (), lambda _: None).only == Filter(from_year=2021)


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("I'd like more details on the second one", ("gaze",)),
        ("Go on about the first paper.", ("fblnet",)),
        ("What else does it say?", ("fblnet",)),
        ("Tell me more", ("fblnet",)),
        ("more on the last one, please", ("gaze",)),
    ],
)
def test_more_may_be_asked_for_in_many_ways(question: str, about: tuple[str, ...]) -> None:
    found = understand(question, (SECOND, FIRST), TITLES.get)
    assert (found.kind, found.about, found.manner) == ("summary", about, AS_USUAL)


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("How does it compare with the other?", ("fblnet", "gaze")),
        ("How do they differ?", ("fblnet", "gaze")),
        ("What is the difference between [2] and [3]?", ("gaze", "otter")),
        ("And compared to [3]?", ("fblnet", "otter")),
        ("How does [1] differ from [3]?", ("fblnet", "otter")),
    ],
)
def test_papers_that_are_held_against_each_other_are_set_side_by_side(question: str, about: tuple[str, ...]) -> None:
    third = Turn("What do otters eat?", "Urchins [3].", ("otter",))
    found = understand(question, (third, FIRST) if "3" not in question else (FIRST, third, FIRST), TITLES.get)
    assert (found.kind, found.about) == ("comparison", about)


@pytest.mark.parametrize("question", ["How does it compare with other methods?", "How does it differ from RNNs?"])
def test_what_is_no_paper_of_the_conversation_is_a_question_about_the_paper(question: str) -> None:
    found = understand(question, (FIRST,), TITLES.get)
    assert (found.kind, found.about) == ("answer", ())
    assert found.question == f"{question} ({TITLES['fblnet']})"


def test_with_one_paper_there_is_nothing_to_compare() -> None:
    assert understand("How do they differ?", (SECOND,), TITLES.get).kind == "answer"


@pytest.mark.parametrize(
    "question", ["Who else does that?", "Any other papers on this?", "Is there anything else like it?", "Any others?"]
)
def test_others_are_papers_on_the_same_question_without_those_cited(question: str) -> None:
    found = understand(question, (FIRST,), TITLES.get)
    assert (found.kind, found.question, found.without) == ("list", FIRST.question, ("fblnet", "gaze"))


def test_others_that_name_their_topic_are_a_list_of_it() -> None:
    found = understand("Any other papers on sea urchins?", (FIRST,), TITLES.get)
    assert (found.kind, found.without) == ("list", ())
    assert "urchins" in found.topic


@pytest.mark.parametrize("wish", ["ignore the first one", "but not the first paper", "Without the former, please"])
def test_without_may_point_at_a_place(wish: str) -> None:
    found = understand(wish, (FIRST,), TITLES.get)
    assert (found.question, found.without) == (FIRST.question, ("fblnet",))


@pytest.mark.parametrize("wish", ["That is too long, make it brief.", "Make it brief"])
def test_brief_is_shorter(wish: str) -> None:
    assert understand(wish, (FIRST,), TITLES.get).manner == Manner("shorter")


def test_years_may_be_asked_for_politely() -> None:
    found = understand("only papers since 2019, please", (FIRST,), TITLES.get)
    assert (found.question, found.only) == (FIRST.question, Filter(from_year=2019))


def test_a_model_says_what_a_follow_up_asks_and_rules_where_it_does_not() -> None:
    asked: list[str] = []

    def rewrite(question: str, history: object) -> str | None:
        asked.append(question)
        return "How does FBLNet work?" if question == "How does it work?" else None

    assert understand("How does it work?", (FIRST,), TITLES.get, rewrite=rewrite).question == "How does FBLNet work?"
    assert understand("Why is it good?", (FIRST,), TITLES.get, rewrite=rewrite).question.endswith("driver attention)")
    understand("What is RLHF?", (FIRST,), TITLES.get, rewrite=rewrite)
    understand("shorter", (FIRST,), TITLES.get, rewrite=rewrite)
    assert asked == ["How does it work?", "Why is it good?"]


@pytest.mark.parametrize(
    "question",
    [
        "how do they differ " + "the other paper " * 200 + "otters",
        "how do they differ " + "[1]" * 1000 + "x",
        "who else " + "the same on this " * 200 + "otters",
        "tell me " * 400 + "more about",
        "please " * 400 + "go on",
    ],
)
def test_a_question_that_nearly_fits_a_pattern_over_and_over_is_read_all_the_same(question: str) -> None:
    assert understand(question, (FIRST,), TITLES.get).question


LISTED = Turn("Which papers watch drivers?", "Some [1] [2] [3].", ("fblnet", "gaze", "otter"))
ONE_CITED = Turn("How does it work?", "By loops [1].", ("fblnet",))


@pytest.mark.parametrize("question", ["[2]", "the second one", "The second paper, please.", "explain [2]", "and [2]?"])
def test_a_turn_that_only_points_wants_to_hear_of_that_paper(question: str) -> None:
    found = understand(question, (LISTED,), TITLES.get)
    assert (found.kind, found.about, found.question) == ("summary", ("gaze",), TITLES["gaze"])


def test_the_second_one_of_a_list_is_found_though_one_paper_was_spoken_of_since() -> None:
    assert understand("the second one", (LISTED, ONE_CITED), TITLES.get).about == ("gaze",)
    assert understand("without the third one", (LISTED, ONE_CITED), TITLES.get).without == ("otter",)
    assert understand("the other one", (LISTED, ONE_CITED), TITLES.get).about == ()


def test_what_about_another_paper_may_be_put_into_words_by_a_model() -> None:
    found = understand("what about [2]?", (LISTED,), TITLES.get, rewrite=lambda *_: "How does gaze work?")
    assert (found.question, found.about) == ("How does gaze work?", ())
    assert understand("what about [2]?", (LISTED,), TITLES.get, rewrite=lambda *_: None).about == ("gaze",)


def test_a_wish_is_never_the_topic_that_a_follow_up_points_back_to() -> None:
    history = (Turn("How is driver attention predicted?", "Well."), Turn("shorter", "Well."))
    assert understand("Why is that?", history, TITLES.get).question == f"Why is that? ({history[0].question})"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Tell me more about [9]", "There is no [9] in this conversation; its papers are [1] to [3]."),
        ("What does [8] say, and [9]?", "There is no [8] and no [9] in this conversation; its papers are [1] to [3]."),
        ("the fifth one", "3 papers were cited last: which one is “the fifth”?"),
        ("What does [2] say?", None),
        ("the second one", None),
        ("What happens in the fifth step?", None),
    ],
)
def test_a_paper_that_the_conversation_does_not_have_is_said_to_be_missing(question: str, said: str | None) -> None:
    assert points_nowhere(question, (LISTED,)) == said


def test_without_a_conversation_nothing_is_pointed_at() -> None:
    assert points_nowhere("Tell me more about [3]", ()) == "There is no [3] in this conversation."
    assert points_nowhere("the second one", ()) == "No paper has been cited yet: which one is “the second”?"


def test_compare_it_with_a_number_is_of_both() -> None:
    found = understand("Compare it with [1]", (FIRST, SECOND), TITLES.get)
    assert (found.kind, found.about) == ("comparison", ("otter", "fblnet"))


def test_without_the_only_paper_spoken_of_asks_the_question_before_it() -> None:
    more = Turn("Tell me more about [2]", "Gaze [2].", ("gaze",))
    found = understand("without [2]", (FIRST, more), TITLES.get)
    assert (found.question, found.without, found.about) == (FIRST.question, ("gaze",), ())
