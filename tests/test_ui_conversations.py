"""Conversations on disk: kept whole, apart from each other, and found again after the server is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from page_core import COMPARED, FLOOD, HOSTILE, PROSE, QUOTES, TABLE, answered

from rag.types import Answer
from ui.conversations import Conversations, from_json, to_json
from ui.errors import ConversationsError
from ui.marks import questions, save_marks


@pytest.fixture
def store(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "kept.sqlite3")


def asked(store: Conversations, owner: str, question: str, answer: Answer | None = None) -> str:
    own = store.new(owner)
    answer = answer or answered(question, QUOTES)
    store.begin(own, 1, question, {}, answer)
    store.save(own, 1, answer, is_over=True)
    return own


@pytest.mark.parametrize(
    "answer",
    [
        answered("q", PROSE, "some-model", notes=("a note",)),
        answered("q", COMPARED, kind="comparison", table=TABLE),
        Answer("q", "q", "abstained", HOSTILE, reason="not_stated"),
        Answer("", "", "failed", "", error=HOSTILE),
    ],
)
def test_an_answer_comes_back_equal_with_its_evidence_and_verdicts(answer: Answer) -> None:
    assert from_json(to_json(answer)) == answer


def test_an_answer_of_an_earlier_version_is_read_with_what_it_lacks_left_out() -> None:
    written = to_json(answered("q", QUOTES))
    older = written.replace('"kind":"answer",', "").replace('"needed":true', '"unknown":1')
    assert older != written
    assert from_json(older) == answered("q", QUOTES)


def test_text_that_no_file_can_hold_is_kept_as_question_marks() -> None:
    broken = replace(answered("a\ud800b", QUOTES), text="\udfff")
    assert from_json(to_json(broken)).question == "a?b"


def test_conversations_are_listed_newest_first_and_each_owner_sees_their_own(store: Conversations) -> None:
    one, two = asked(store, "ada", "first"), asked(store, "ada", "second")
    other = asked(store, "bob", "third")
    assert [c.conversation_id for c in store.listed("ada")] == [two, one]
    assert [c.title for c in store.listed("bob")] == ["third"]
    assert store.turns("ada", other) == ()
    assert store.about("ada", other) is None
    assert not store.rename("ada", other, "mine now")
    assert not store.delete("ada", other)
    assert not store.bring_back("ada", other)
    assert store.turns("bob", other)[0].question == "third"
    assert len({one, two, other}) == 3
    assert all(len(own) == 16 and own.isalnum() for own in (one, two, other))


def test_a_search_looks_into_titles_questions_and_answers_whatever_the_case(store: Conversations) -> None:
    own = asked(store, "ada", "Where do whales sing ÄNGSTLICH?")
    asked(store, "ada", "something else", Answer("something else", "", "abstained", "no"))
    for words in ("WHALES where", "ängstlich", "feedback loop network", "%", "' OR 1=1 --"):
        found = [c.conversation_id for c in store.listed("ada", words)]
        assert found == ([own] if words not in ("%", "' OR 1=1 --") else []), words
    store.rename("ada", own, "Große Tiere")
    assert [c.conversation_id for c in store.listed("ada", "GROSSE")] == [own]


def test_a_title_is_the_first_question_on_one_line_until_it_is_renamed(store: Conversations) -> None:
    own = asked(store, "ada", "one\n two  " + "x" * 500)
    about = store.about("ada", own)
    assert about is not None
    assert about.title.startswith("one two xxx")
    assert len(about.title) == 200
    store.rename("ada", own, "mine")
    store.begin(own, 2, "another", {}, answered("another", ()))
    assert store.listed("ada")[0].title == "mine"


def test_a_deleted_conversation_is_gone_until_it_is_brought_back(store: Conversations, tmp_path: Path) -> None:
    own = asked(store, "ada", "q")
    assert store.delete("ada", own)
    assert store.listed("ada") == []
    assert store.turns("ada", own) == ()
    assert store.bring_back("ada", own)
    assert store.listed("ada")[0].conversation_id == own
    store.delete("ada", own)
    store.close()
    again = Conversations(tmp_path / "kept.sqlite3")
    assert not again.bring_back("ada", own), "a restart ends what was deleted"


def test_a_turn_asked_again_takes_the_place_of_those_from_there_on(store: Conversations) -> None:
    own = asked(store, "ada", "first")
    for number in (2, 3):
        store.begin(own, number, f"turn {number}", {"kind": "summary"}, answered("x", QUOTES))
        store.save(own, number, answered("x", QUOTES), is_over=True)
    store.mark(own, 3, "up", answered("x", QUOTES))
    store.begin(own, 2, "again", {}, answered("again", QUOTES))
    turns = store.turns("ada", own)
    assert [(turn.number, turn.question, turn.is_running) for turn in turns] == [
        (1, "first", False),
        (2, "again", True),
    ]
    assert store.marks(own) == {}


def test_what_a_killed_server_was_answering_is_found_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite3"
    code = (
        f"import sys, time; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}\n"
        "from pathlib import Path; from page_core import PROSE, answered; from ui.conversations import Conversations\n"
        f"store = Conversations(Path({str(path)!r})); own = store.new('ada')\n"
        "store.begin(own, 1, 'q', {}, answered('q', ())); store.save(own, 1, answered('q', PROSE[:1]), is_over=False)\n"
        "print(own, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        own = server.stdout.readline().strip()
        beside = Conversations(path)
        assert beside.turns("ada", own)[0].is_running, "a second server leaves the first one's answers alone"
        beside.close()
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
    (turn,) = Conversations(path).turns("ada", own)
    assert not turn.is_running
    assert turn.answer is not None
    assert turn.answer.claims == PROSE[:1]


def test_many_threads_write_and_read_at_the_same_time(store: Conversations) -> None:
    failed: list[Exception] = []

    def work(number: int) -> None:
        try:
            for n in range(10):
                own = asked(store, f"p{number}", f"question {n}")
                assert store.turns(f"p{number}", own)[0].question == f"question {n}"
        except (ConversationsError, AssertionError, IndexError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert all(len(store.listed(f"p{number}")) == 10 for number in range(8))


def test_a_file_that_cannot_be_one_is_named_with_what_to_do(tmp_path: Path) -> None:
    not_one = tmp_path / "notes.txt"
    not_one.write_text("these are notes " * 100)
    with pytest.raises(ConversationsError, match=r"notes\.txt.*--conversations"):
        Conversations(not_one)
    with pytest.raises(ConversationsError, match="--conversations"):
        Conversations(not_one / "below.sqlite3")
    newer = tmp_path / "newer.sqlite3"
    store = Conversations(newer)
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(ConversationsError, match="newer footnoted"):
        Conversations(newer)


def test_only_the_person_whose_it_is_can_read_the_file(store: Conversations) -> None:
    assert store.path is not None
    assert store.path.stat().st_mode & 0o077 == 0


def test_marks_become_questions_that_the_measuring_reads(store: Conversations, tmp_path: Path) -> None:
    from eval.questions import load, resolve

    good = answered("What does FBLNet do?", QUOTES)
    own = asked(store, "ada", "What does FBLNet do?", good)
    refused = Answer("Price of a pineapple?", "Price of a pineapple?", "abstained", "no", reason="nothing_near")
    other = asked(store, "ada", "Price of a pineapple?", refused)
    bad = answered("How many scenes?", PROSE[:3])
    third = asked(store, "ada", "How many scenes?", bad)
    assert store.mark(own, 1, "up", good)
    assert store.mark(other, 1, "up", refused)
    assert store.mark(third, 1, "down", bad)
    assert store.mark(third, 1, "wrong_citation", bad, position=2, place=1)
    assert not store.mark(third, 1, "wrong_citation", bad, position=2, place=1), "the same again takes it back"
    assert store.mark(third, 1, "wrong_citation", bad, position=3, place=1)

    file = tmp_path / "marks.jsonl"
    path = store.path
    store.close()
    assert path is not None
    assert save_marks(path, file) == 4
    up, refusal, down, wrong = load(file)
    assert (up.answerable, up.relevant, up.evidence[0]) == (True, ("p1", "p2"), QUOTES[0].text)
    assert not refusal.answerable
    assert len(down.must_not) == 3
    import re

    assert re.search(wrong.must_not[0], "Flood maps reach an F1 of 0.84, in every region!")
    assert wrong.tags == ("marked:wrong_citation",)
    resolve([up], [FLOOD, *[s.hit.paper for s in good.sources]])


def test_a_thumb_up_takes_the_thumb_down_away(store: Conversations) -> None:
    answer = answered("q", QUOTES)
    own = asked(store, "ada", "q", answer)
    store.mark(own, 1, "down", answer)
    store.mark(own, 1, "up", answer)
    assert store.marks(own) == {1: [(0, 0, "up")]}
    assert questions(store.reported())[0]["reference"].startswith(QUOTES[0].text)
