"""The command line: what it prints where, in words and as JSON, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from command import Ran, first_papers, process, run, write_records

from rag.types import Paper

pytestmark = pytest.mark.slow

ANSWERED = "How is driver attention predicted by FBLNet?"
NOT_STATED = "Who are the authors of the FBLNet paper and who funded them?"

HOSTILE = Paper(
    "hostile:1",
    "Kelp \x1b[31mred\x1b[0m \u202egnp.exe \x9b2J\u2028title",
    "Kelp grows \x1b]0;owned\x07 by 40 cm a day in cold \u202ewater. Otters \x1b[2Jeat the urchins that eat the kelp.",
    origin="\x1b[5mfile",
)


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with six of the papers that ship."""
    folder = tmp_path_factory.mktemp("pile")
    file = write_records(folder / "six.jsonl", *first_papers(6))
    assert run("add", file, "--library", folder / "library").code == 0
    return folder / "library"


def has_nothing_to_obey(text: str) -> bool:
    return all(ch.isprintable() or ch in "\n\r" for ch in text)


def test_add_says_what_it_did_and_the_second_time_that_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.commands.progress.SECONDS_BETWEEN_LINES", float("inf"))  # a busy machine is slow
    file = write_records(tmp_path / "papers.jsonl", *first_papers(2))
    library = tmp_path / "library"
    assert run("add", file, "--library", library) == Ran(0, "2 added, 0 updated; 2 papers in the library\n", "")
    again = run("add", file, "--library", library)
    assert again.out == "nothing changed, 2 unchanged; 2 papers in the library\n"
    report = run("add", file, "--library", library, "--json").json
    assert (report["added"], report["unchanged"], report["papers"]) == (0, 2, 2)


def test_add_names_skipped_parts_on_stderr_and_strict_makes_them_a_failure(tmp_path: Path) -> None:
    file = write_records(tmp_path / "papers.jsonl", *first_papers(1))
    with file.open("a") as stream:
        stream.write('{"title": 5}\n')
    ran = run("add", file, "--library", tmp_path / "library")
    assert ran.code == 0
    assert "1 added" in ran.out
    assert "1 part skipped" in ran.out
    assert f"{file}:2" in ran.err
    strict = run("add", file, "--strict", "--json", "--library", tmp_path / "library")
    assert strict.code == 1
    assert strict.json["skipped"][0]["line"] == 2


def test_one_bad_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    good = write_records(tmp_path / "good.jsonl", *first_papers(1))
    better = write_records(tmp_path / "better.jsonl", *first_papers(2))
    ran = run("add", good, tmp_path / "missing.txt", better, "--library", tmp_path / "library")
    assert ran.code == 1
    assert "missing.txt does not exist" in ran.err
    assert "2 papers in the library" in ran.out
    assert len(run("papers", "--json", "--library", tmp_path / "library").json) == 2


def test_the_shared_options_stand_before_the_command_or_after_it(pile: Path) -> None:
    after = run("papers", "--library", pile, "--json")
    assert run("--library", pile, "--json", "papers") == after
    assert run("--library", pile, "papers", "--json") == after
    assert run("--library", "/nonexistent/library", "papers", "--library", pile, "--json") == after
    assert len(after.json) == 6


def test_papers_lists_titles_and_the_number_goes_to_stderr(pile: Path) -> None:
    ran = run("papers", "--library", pile)
    assert (ran.code, ran.err) == (0, "6 papers\n")
    assert len(ran.out.splitlines()) == 6
    assert any("FBLNet: FeedBack Loop Network" in line for line in ran.out.splitlines())


def test_the_abstracts_of_papers_json_are_those_of_the_file(pile: Path) -> None:
    listed = {item["paper_id"]: item["abstract"] for item in run("papers", "--library", pile, "--json").json}
    assert listed == {paper.paper_id: paper.abstract for paper in first_papers(6)}


def test_search_prints_titles_best_first_and_at_most_k(pile: Path) -> None:
    ran = run("search", "driver attention", "-k", "2", "--library", pile)
    assert ran.out.startswith(" 1. FBLNet: FeedBack Loop Network for Driver Attention Prediction\n    title:")
    found = run("search", "driver attention", "-k", "2", "--library", pile, "--json").json
    assert len(found) == 2
    assert found[0]["title"].startswith("FBLNet")
    assert found[0]["score"] >= found[1]["score"]


def test_a_quoting_answer_shows_the_paper_before_its_quotes(pile: Path) -> None:
    ran = run("ask", ANSWERED, "--library", pile)
    assert (ran.code, ran.err) == (0, "")
    first, second, *_, last = ran.out.splitlines()
    assert first.startswith("[1] FBLNet: FeedBack Loop Network for Driver Attention Prediction (title:")
    assert second.startswith("    “")
    assert last.startswith("answered · ")
    assert last.endswith("quoting mode")


def test_an_abstention_says_so_shows_the_nearest_papers_and_ends_with_3(pile: Path) -> None:
    ran = run("ask", NOT_STATED, "--library", pile)
    assert ran.code == 3
    assert ran.out.startswith("The abstracts do not say.")
    assert "\nnearest papers:\n  - FBLNet" in ran.out
    assert "\nabstained · " in ran.out


@pytest.mark.parametrize("question", ["", "   ", "🦦🦦", "?!"])
def test_what_holds_no_question_is_an_abstention_that_says_so(pile: Path, question: str) -> None:
    ran = run("ask", question, "--json", "--library", pile)
    assert ran.code == 3
    assert ran.json["reason"] == "not_a_question"
    assert "no question" in ran.json["text"]


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    ran = run("ask", "What grows?", "--json", "--library", tmp_path / "none")
    assert (ran.code, ran.json["reason"]) == (3, "empty_library")
    assert "footnoted add" in run("search", "What grows?", "--library", tmp_path / "none").err
    assert run("search", "What grows?", "--json", "--library", tmp_path / "none").json == []
    assert run("papers", "--json", "--library", tmp_path / "none").json == []
    assert not (tmp_path / "none").exists()


def test_questions_of_standard_input_are_answered_a_line_in_order(pile: Path) -> None:
    history = [{"question": "What is FBLNet?", "answer": "A network that predicts driver attention."}]
    lines = [
        ANSWERED,
        "",
        json.dumps({"question": "Which features does it fuse?", "history": history, "id": "second"}),
        NOT_STATED,
    ]
    ran = run("ask", "-", "--json", "--library", pile, stdin="\ufeff" + "\r\n".join(lines))
    assert ran.code == 3
    first, second, third = ran.lines
    assert first["question"] == ANSWERED
    assert first["outcome"] == "answered"
    assert second["id"] == "second"
    assert "FBLNet" in second["standalone_question"]
    assert second["claims"][0]["citations"][0]["title"].startswith("FBLNet")
    assert third["outcome"] == "abstained"
    assert "id" not in third


def test_questions_in_words_come_back_with_their_answers(pile: Path) -> None:
    ran = run("ask", "-", "--library", pile, stdin=f"{ANSWERED}\n{ANSWERED}\n")
    assert ran.code == 0
    assert ran.out.count(f"> {ANSWERED}\n\n[1] FBLNet") == 2


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'{"question": "a", ', "none"),
        (b'{"question": 3}', "'question' must be a text"),
        (b'{"question": "a", "model": "b"}', "unknown field 'model'"),
        (b'{"question": "a", "history": "b"}', "'history' must be a list"),
        (b'{"question": "a", "history": [3]}', "item 1 must be an object"),
        (b'{"question": "a", "history": [{"question": "b", "answer": "c", "paper_ids": [1]}]}', "paper_ids"),
        (b'{"question": "a", "history": ' + b"[" * 5000 + b"]" * 5000 + b"}", ""),
        (b"caf\xe9?", "not UTF-8"),
    ],
)
def test_a_broken_line_is_named_and_the_answers_before_it_stand(pile: Path, line: bytes, what: str) -> None:
    stdin = ANSWERED.encode() + b"\n" + line + b"\n" + ANSWERED.encode() + b"\n"
    ran = run("ask", "-", "--json", "--library", pile, stdin=stdin)
    assert ran.code == 2
    assert [answer["outcome"] for answer in ran.lines] == ["answered"]
    assert ran.err.startswith("footnoted: standard input, line 2: ")
    assert what in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("ask",),
        ("ask", "a", "b"),
        ("search", "kelp", "-k", "0"),
        ("search", "kelp", "-k", "many"),
        ("papers", "--nonsense"),
        ("schema", "nonsense"),
    ],
)
def test_wrong_usage_ends_with_2_and_prints_no_result(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "usage:" in ran.err


def test_unknown_ids_are_wrong_usage_and_nothing_is_removed(pile: Path) -> None:
    known = first_papers(1)[0].paper_id
    ran = run("remove", known, "title:000000000000", "--library", pile)
    assert (ran.code, ran.out) == (2, "")
    assert "title:000000000000" in ran.err
    assert len(run("papers", "--json", "--library", pile).json) == 6


def test_remove_takes_a_paper_out_of_every_answer(tmp_path: Path) -> None:
    library = tmp_path / "library"
    run("add", write_records(tmp_path / "papers.jsonl", *first_papers(2)), "--library", library)
    gone, left = first_papers(2)
    ran = run("remove", gone.paper_id, "--library", library)
    assert ran.out == f"removed {gone.paper_id}  {gone.title}\n1 paper left\n"
    assert {item["paper_id"] for item in run("search", gone.title, "--json", "--library", library).json} <= {
        left.paper_id
    }
    again = run("remove", left.paper_id, "--json", "--library", library).json
    assert again == {"removed": [left.paper_id], "papers": 0}


def test_a_configuration_that_is_wrong_is_named_whole_and_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "footnoted.toml"
    file.write_text('n_sources = "six"\ncolour = "red"\n')
    ran = run("papers", "--config", file)
    assert ran.code == 2
    assert "n_sources" in ran.err
    assert "colour" in ran.err
    assert run("papers", "--config", tmp_path / "none.toml").code == 2
    assert run("ask", "a?", "--model", "lonely").code == 2


def test_an_endpoint_without_a_model_is_noted_and_not_used(pile: Path) -> None:
    ran = run("ask", ANSWERED, "--json", "--library", pile, env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert ran.code == 0
    assert ran.json["model"] is None
    assert "nothing is sent" in ran.err


def test_no_text_from_outside_commands_the_terminal(tmp_path: Path) -> None:
    library = tmp_path / "library"
    file = write_records(tmp_path / "hostile.jsonl", HOSTILE)
    question = "How fast does kelp grow a day? \x1b[2J\u202e"
    for arguments in (
        ("add", file),
        ("papers",),
        ("papers", "--json"),
        ("search", question),
        ("search", question, "--json"),
        ("ask", question),
        ("ask", question, "--json"),
        ("remove", "hostile:1"),
        ("add", tmp_path / "no\x1b[2Jsuch"),
        ("remove", "\x1b[2J"),
    ):
        ran = run(*arguments, "--library", library)
        assert has_nothing_to_obey(ran.out), arguments
        assert has_nothing_to_obey(ran.err), arguments
        assert ran.out or ran.err


def test_json_keeps_every_character_of_a_hostile_paper_on_one_line(tmp_path: Path) -> None:
    run("add", write_records(tmp_path / "hostile.jsonl", HOSTILE), "--library", tmp_path / "library")
    (listed,) = run("papers", "--json", "--library", tmp_path / "library").json
    assert listed["abstract"] == HOSTILE.abstract
    assert listed["title"].split() == HOSTILE.title.split()
    ran = run("ask", "How fast does kelp grow a day?", "--json", "--library", tmp_path / "library")
    assert len(ran.out.splitlines()) == 1
    assert ran.json["sources"][0]["title"] == listed["title"]


def test_a_reader_that_leaves_early_gets_no_traceback(pile: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # nobody will ever read
    with process("papers", "--json", "--library", pile, stdout=writing) as command:
        os.close(writing)
        assert command.communicate()[1] == b""
        assert command.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_result_that_cannot_be_written_says_so(pile: Path) -> None:
    with Path("/dev/full").open("wb") as full, process("papers", "--library", pile, stdout=full) as command:
        err = command.communicate()[1].decode()
    assert command.returncode == 1
    assert "could not be written" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_an_old_terminal_gets_question_marks_and_json_stays_utf_8(pile: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    with process("ask", "hello", "--json", "--library", pile, env=env) as command:
        out, err = command.communicate()
    assert (command.returncode, err) == (3, b"")
    assert json.loads(out.decode("utf-8"))["reason"] == "not_a_question"


def test_ctrl_c_ends_in_one_line(pile: Path) -> None:
    reading, writing = os.pipe()
    with process("ask", "-", "--library", pile, stdin=reading) as command:
        os.write(writing, b"hello\n")
        assert command.stdout is not None
        assert command.stdout.readline()  # it is waiting for the next line now
        time.sleep(0.2)
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=20)
    os.close(reading)
    os.close(writing)
    assert command.returncode == 130
    assert err.decode().splitlines() == ["footnoted: stopped"]


def test_version_and_help_say_what_a_person_needs() -> None:
    assert run("--version").out.startswith("footnoted ")
    text = run("--help")
    assert text.code == 0
    for word in ("add", "ask", "OPENAI_BASE_URL", "3 abstained"):
        assert word in text.out


def test_doctor_says_that_nothing_leaves_this_machine(pile: Path) -> None:
    ran = run("doctor", "--library", pile)
    assert ran.code == 0
    assert "6 papers" in ran.out
    assert "nothing leaves this machine" in ran.out
    found = run("doctor", "--json", "--library", pile).json
    assert found["healthy"] is True
    assert found["leaves_this_machine"] == []
