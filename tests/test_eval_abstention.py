"""Where the line between answering and abstaining lies: by hand, on a run, and on the papers that ship."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.abstaining import NO_LINE, Asked, abstaining, ask_all, asked_of, line, of_run, threshold_for
from eval.abstaining_table import abstaining_as_json, abstaining_as_text, failures_in_words
from eval.questions import Question, load, resolve
from eval.report.abstention_page import abstention_page
from eval.runs import records
from eval.runs.records import Record, Run
from eval.shipped import questions_path
from rag.answer.quoting import ANSWERS_ABOVE
from rag.config import N_SOURCES
from rag.library import Library
from rag.pipeline import ask
from rag.types import Answer, Citation, Claim, Span
from rag.wire import answer_to_json


def some(name: str, log_odds: float | None, *, right: bool | None = True, tags: tuple[str, ...] = ()) -> Asked:
    question = Question(name, f"What of {name}?", True, relevant=(f"paper {name}",), tags=tags)
    return Asked(question, right is not None, right, log_odds, None if right is not None else "not_stated")


def none(name: str, log_odds: float | None, *, reason: str | None = None) -> Asked:
    question = Question(name, f"What of {name}?", False, tags=("unanswerable",))
    return Asked(question, reason is None, None if reason else False, log_odds, reason)


BY_HAND = (
    some("a1", 3.0, tags=("fact",)),
    some("a2", 1.0, tags=("fact",)),
    some("a3", -1.0, right=False),
    some("a4", -2.0),
    none("u1", 2.0),
    none("u2", -3.0),
    none("u3", None, reason="not_a_question"),
)


def test_a_threshold_refuses_what_lies_below_it_and_nothing_else() -> None:
    at = line(BY_HAND, 0.0)
    assert (at.refused_rightly.n_true, at.refused_rightly.n) == (2, 3)
    assert (at.refused_wrongly.n_true, at.refused_wrongly.n) == (2, 4)
    assert (at.right_paper.n_true, at.right_paper.n) == (2, 2)
    without = line(BY_HAND, NO_LINE)
    assert (without.refused_rightly.n_true, without.refused_wrongly.n_true) == (1, 0)
    assert (without.right_paper.n_true, without.right_paper.n) == (3, 4)


def test_what_the_threshold_does_not_decide_stays_as_it_is() -> None:
    listed = some("list", None)
    assert listed.answers(100.0)
    assert not none("talk", None, reason="not_a_question").answers(NO_LINE)
    found = abstaining([*BY_HAND, listed])
    assert found.n_otherwise == 2
    assert "1 refused (not_a_question), 1 answered" in abstaining_as_text(found)


def test_the_curve_orders_answers_by_what_decides_on_them() -> None:
    found = abstaining(BY_HAND)
    assert found.risk is not None
    # Right, u1 wrong, right, a3 wrong, right, u2 wrong: 0, 1/2, 1/3, 2/4, 2/5, 3/6.
    assert [point.risk for point in found.risk.points] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2, 2 / 5, 1 / 2])
    assert found.risk.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2 + 2 / 5 + 1 / 2) / 6)
    assert found.risk.interval.low <= found.risk.area <= found.risk.interval.high
    assert found.risk.share_wrong == 0.5


def test_the_highest_threshold_that_refuses_no_more_than_allowed() -> None:
    assert threshold_for(BY_HAND, 0.0) == -2.0
    assert threshold_for(BY_HAND, 0.25) == -1.0
    assert threshold_for(BY_HAND, 0.5) == 1.0
    assert line(BY_HAND, -1.0).refused_wrongly.share == 0.25
    # Rounded towards answering, so that the share still holds.
    assert threshold_for([some("x", -1.234)], 0.0) == -1.24
    refused = [some("x", None, right=None), some("y", 1.0)]
    assert threshold_for(refused, 0.5) == 1.0
    assert threshold_for(refused, 0.4) is None
    assert threshold_for([none("u", 1.0)], 0.5) is None


def test_the_table_says_what_each_threshold_does_and_what_each_kind_comes_to() -> None:
    text = abstaining_as_text(abstaining(BY_HAND, at_most=0.25), failures=True)
    assert "the threshold -1 refuses 25.0 % (1/4) of them and 66.7 % (2/3) of the unanswerable" in text
    assert f"{ANSWERS_ABOVE:g}" in text
    assert any(row.startswith("fact ") and "0/2" in row for row in text.splitlines())
    assert "u1 (answered, log-odds 2.00): What of u1?" in text
    held = abstaining_as_json(abstaining(BY_HAND))
    assert held["shipped"]["threshold"] == ANSWERS_ABOVE
    assert json.loads(json.dumps(held)) == held


def test_no_questions_of_one_sort_are_no_zeros() -> None:
    found = abstaining([some("a", 1.0)])
    assert found.shipped.refused_rightly.share is None
    assert "–" in abstaining_as_text(found)
    assert abstaining([]).risk is None
    assert "<main>" in abstention_page(abstaining([]))


def test_the_page_holds_no_markup_of_a_question() -> None:
    hostile = replace(BY_HAND[4], question=Question("<img src=x>", "<script>alert(1)</script>", False, tags=("<b>",)))
    page = abstention_page(abstaining([*BY_HAND, hostile]))
    assert "<script>alert" not in page and "<img" not in page and "<b>" not in page
    assert page.count("<svg") >= 2


def given(question: Question, *, log_odds: float | None, paper: str = "", **more: Any) -> Record:
    claims = (Claim("It is so.", (Citation(1, paper, "T", "c", Span(0, 9), "It is so."),)),) if paper else ()
    outcome = "answered" if paper else "abstained"
    made = Answer(question.question, question.question, outcome, "t", claims, log_odds=log_odds, **more)
    return Record(question, answer_to_json(made))


def test_a_run_is_taken_as_it_ran_and_its_refusals_stay() -> None:
    asked, nobody = BY_HAND[0].question, BY_HAND[4].question
    rows = (
        given(asked, log_odds=2.0, paper="paper a1"),
        given(asked, log_odds=1.0, paper="another"),
        given(asked, log_odds=5.0, reason="model_declined"),
        given(nobody, log_odds=-9.0, reason="nothing_near"),
        given(nobody, log_odds=0.5, paper="paper a1"),
        given(asked, log_odds=None, paper="paper a1", kind="list"),
        Record(asked, None, "gone"),
    )
    held, n_unscored = of_run(Run({"settings": {}}, rows))
    found = abstaining(held, n_unscored=n_unscored, is_run=True)
    assert (found.shipped.threshold, n_unscored) == (NO_LINE, 1)
    assert (found.shipped.refused_wrongly.n_true, found.shipped.refused_wrongly.n) == (1, 4)
    assert (found.shipped.refused_rightly.n_true, found.shipped.refused_rightly.n) == (1, 2)
    assert (found.shipped.right_paper.n_true, found.shipped.right_paper.n) == (2, 3)
    assert found.reasons == {"model_declined": (0, 1), "nothing_near": (1, 0)}
    assert line(held, 1.5).refused_wrongly.n_true == 2
    assert "1 records failed" in abstaining_as_text(found)


# On the papers that ship.


def shipped(library: Library, names: tuple[str, ...], n_none: int) -> tuple[Question, ...]:
    questions = resolve(load(questions_path()), library.papers())
    nobody = [one for one in questions if not one.answerable][:: 44 // n_none]
    several = [one for one in questions if "multi" in one.tags and one.question.lower().startswith("which papers")]
    plain = [one for one in questions if one.answerable and set(one.tags) & set(names)]
    return (*plain[:: len(plain) // 4], *nobody[:n_none], *several[:1])


@pytest.mark.slow
def test_at_the_shipped_threshold_exactly_that_is_refused_which_ask_refuses(seed_library: Library) -> None:
    questions = shipped(seed_library, ("fact", "number", "follow-up"), 6)
    asked = ask_all(seed_library, questions)
    for one in asked:
        answer = ask(seed_library, one.question.question, history=one.question.history, n_sources=N_SOURCES)
        assert one.answers(ANSWERS_ABOVE) == (answer.outcome == "answered"), one.question.question
        if answer.outcome == "answered":
            assert one.is_right == asked_of(one.question, answer_to_json(answer)).is_right
    assert {one.answers(ANSWERS_ABOVE) for one in asked} == {True, False}
    assert any(one.log_odds is not None and not one.answers(ANSWERS_ABOVE) and one.is_answered for one in asked)


def test_the_command_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(
        {"format": records.FORMAT, "questions": {"ids": ["a1"]}, "settings": {}},
        (given(BY_HAND[0].question, log_odds=2.0, paper="paper a1"),),
    )
    records.write(tmp_path / "run", run)
    page, data = tmp_path / "new" / "report.html", tmp_path / "report.json"
    assert cli.main(["abstention", "--run", str(tmp_path / "run"), "--out", str(page)]) == 0
    assert "right paper first, if answered" in capsys.readouterr().out
    assert page.read_text().startswith("<!doctype html>")
    assert cli.main(["abstention", "--run", str(tmp_path / "run"), "--out", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(data.read_text())


def test_wrong_usage_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["abstention", "--out", str(tmp_path / "report.pdf")]) == 2
    assert ".html or .json" in capsys.readouterr().err
    assert cli.main(["abstention", "--run", str(tmp_path), "--limit", "3"]) == 2
    assert "--run has its own questions" in capsys.readouterr().err
    assert cli.main(["abstention", "--run", str(tmp_path)]) == 1
    with pytest.raises(SystemExit):
        cli.main(["abstention", "--at-most", "5"])


def test_what_fails_is_named_by_how_it_fails() -> None:
    assert failures_in_words(abstaining(BY_HAND))[0].startswith("a4 (refused, log-odds -2.00)")
