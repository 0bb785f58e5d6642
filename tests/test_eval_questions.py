"""Question files: what is refused, all at once and in words; and the shipped file is sound."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eval import cli, shipped
from eval.errors import QuestionFileError
from eval.questions import Question, from_json, load, resolve, sampled, to_json
from rag.readers import read_papers
from rag.types import Paper, Turn

KELP = Paper("p1", "Kelp Forests of the North", "Kelp grows 60 cm a day. It likes cold water.")
REEFS = Paper("p2", "Kelp and Reefs", "Reefs are warm.")
REEFS_AGAIN = Paper("p3", "Kelp and Reefs Revisited", "Reefs are still warm.")

GOOD: dict[str, Any] = {"id": "a", "question": "How fast?", "answerable": True, "relevant": ["p1"]}


def written(path: Path, *lines: object) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", "utf-8")
    return path


def problems_of(path: Path) -> tuple[str, ...]:
    with pytest.raises(QuestionFileError) as caught:
        load(path)
    return caught.value.problems


def test_a_question_reads_back_as_it_was_written(tmp_path: Path) -> None:
    full = {
        "id": "a",
        "question": "How\u2028fast \ud800?",
        "history": [{"question": "What is kelp?", "answer": "A weed.", "paper_ids": ["p1"]}],
        "answerable": True,
        "relevant": ["Kelp Forests"],
        "evidence": ["Kelp grows 60 cm a day."],
        "must": [r"60\s?cm"],
        "must_not": ["inch"],
        "tags": ["number"],
        "reference": "60 cm.",
    }
    (question,) = load(written(tmp_path / "q.jsonl", "", full, "  "))
    assert question.history == (Turn("What is kelp?", "A weed.", ("p1",)),)
    assert to_json(question) == full
    assert from_json(to_json(question)) == question


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n")
    assert [one.question_id for one in load(path)] == ["a"]


def test_a_file_without_questions_is_no_questions(tmp_path: Path) -> None:
    assert load(written(tmp_path / "q.jsonl", "")) == ()


def test_every_problem_of_a_file_is_listed_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    problems = problems_of(
        written(
            tmp_path / "q.jsonl",
            GOOD,
            '{"id": "b", ',
            "[1]",
            {**GOOD, "id": "c", "relevnt": ["p1"], "colour": 1},
            {"question": " ", "answerable": "yes"},
            {**GOOD, "id": "a"},
            {**GOOD, "id": "d", "must": ["(", "fine"], "tags": "x", "evidence": [3], "reference": []},
            {**GOOD, "id": "e", "relevant": []},
            {**GOOD, "id": "f", "answerable": False},
            {**GOOD, "id": "g", "history": [{"question": "q", "anwser": "a"}]},
            {**GOOD, "id": "h", "history": {}},
            '{"id": "i", "id": "j", "question": "q", "answerable": false}',
            "[" * 100_000,
        )
    )
    expected = [
        r"line 2: not JSON \(.*column 13\): write one whole object a line",
        r"line 3: a list, not an object",
        r"line 4: unknown field 'relevnt': did you mean 'relevant'\?",
        r"line 4: unknown field 'colour': known are id, question",
        r"line 5: the field 'id' is missing: it is a text that is not blank",
        r"line 5: 'question' is ' ': it must be a text that is not blank",
        r"line 5: 'answerable' is 'yes': it must be true or false",
        r"line 6: the id 'a' is already that of line 1",
        r"line 7: 'reference' is \[\]: it must be a text",
        r"line 7: 'evidence' holds 3: every item must be a text",
        r"line 7: 'tags' is 'x': it must be a list of texts",
        r"line 7: '\(' in 'must' is not a regular expression",
        r"line 8: answerable, but with nothing to judge an answer by: give one of relevant",
        r"line 9: not answerable, but with 'relevant': leave it empty",
        r"line 10: unknown field 'anwser' in item 1 of 'history'",
        r"line 11: 'history' must be a list: write",
        r"line 12: the field 'id' is written twice: keep one",
        r"line 13: not JSON",
    ]
    assert len(problems) == len(expected)
    for pattern in expected:
        assert any(re.match(pattern, problem) for problem in problems), pattern


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "No such file"), (b'{"id": "a"}\n\xff\xfe', "line 2: not UTF-8"), (b"\0\0\n", "line 1: not JSON")],
)
def test_a_file_that_is_no_question_file_says_so(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "q.jsonl"
    if data is not None:
        path.write_bytes(data)
    assert any(said in problem for problem in problems_of(path))


def test_ten_thousand_bad_lines_do_not_fill_the_screen(tmp_path: Path) -> None:
    with pytest.raises(QuestionFileError) as caught:
        load(written(tmp_path / "q.jsonl", *["x"] * 10_000))
    assert len(caught.value.problems) == 10_000
    assert str(caught.value).count("\n") == 101
    assert str(caught.value).endswith("and 9,900 more")


def asked(name: str, *relevant: str, evidence: tuple[str, ...] = ()) -> Question:
    return Question(name, "?", True, relevant=relevant, evidence=evidence)


def test_papers_are_named_by_id_or_by_the_beginning_of_their_title() -> None:
    questions = (asked("a", "p2"), asked("b", "kelp  forests"), asked("c", "p1", "Kelp Forests"), asked("d"))
    found = resolve(questions, [KELP, REEFS, REEFS_AGAIN])
    assert [one.relevant for one in found] == [("p2",), ("p1",), ("p1",), ()]


def test_a_whole_title_is_that_paper_even_if_another_title_goes_on() -> None:
    (found,) = resolve([asked("a", "Kelp and Reefs")], [REEFS_AGAIN, REEFS])
    assert found.relevant == ("p2",)


def test_names_that_fit_no_paper_or_several_are_all_told() -> None:
    questions = (
        asked("a", "Kelp"),
        asked("b", "Kelp Forrests"),
        asked("c", "Quantum"),
        asked("d", "p1", evidence=("Kelp grows 60 cm a day.", "Kelp grows 6 cm a day.")),
    )
    with pytest.raises(QuestionFileError) as caught:
        resolve(questions, [KELP, REEFS, REEFS_AGAIN])
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["'a'", "'b'", "'c'", "'d'"]
    several, near, none, evidence = caught.value.problems
    assert "begins the titles of 3 papers" in several
    assert "did you mean 'Kelp Forests of the North'?" in near
    assert "begins no title: add the paper, or take the question out" in none
    assert "'Kelp grows 6 cm a day.' stands in none of its papers" in evidence


def test_the_shipped_questions_are_sound_and_about_every_shipped_paper() -> None:
    papers = [paper for paper in read_papers(shipped.corpus_path()) if isinstance(paper, Paper)]
    questions = resolve(load(shipped.questions_path()), papers)
    assert {paper_id for one in questions for paper_id in one.relevant} == {paper.paper_id for paper in papers}
    assert sum(one.answerable for one in questions) >= 120
    assert sum(not one.answerable for one in questions) >= 30
    for one in questions:
        if not one.answerable:
            continue
        # Whoever quotes the marked sentences must be right by the expressions too.
        evidence = " ".join(one.evidence)
        assert one.relevant and one.evidence and one.must and one.reference, one.question_id
        assert all(re.search(must, evidence, re.IGNORECASE) for must in one.must), one.question_id
        assert not any(re.search(wrong, evidence, re.IGNORECASE) for wrong in one.must_not), one.question_id


def test_a_library_without_papers_is_one_problem_not_one_a_question(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", str(shipped.questions_path()), "--library", str(tmp_path / "library")]) == 2
    said = capsys.readouterr().err
    assert "is empty: add papers first" in said and len(said.splitlines()) == 1


def test_a_sample_has_of_each_kind_its_share_however_early_it_is_broken_off() -> None:
    questions = [Question(f"f{n}", "?", True, tags=("fact",)) for n in range(80)]
    questions += [Question(f"u{n}", "?", False, tags=("unanswerable",)) for n in range(20)]
    drawn = sampled(questions, 50)
    assert len(set(drawn)) == 50
    assert drawn == sampled(questions, 50)
    assert drawn[:20] == sampled(questions, 20)
    for n in (10, 20, 50):
        assert abs(sum(not one.answerable for one in drawn[:n]) - n / 5) <= 1
    assert {one.question_id for one in drawn} != {one.question_id for one in questions[:50]}
    assert set(sampled(questions, 1000)) == set(questions)
