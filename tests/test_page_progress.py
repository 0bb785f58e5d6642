"""The events of a turn, folded; and a stream that is stopped, breaks, or says nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from rag.errors import ModelTimeout
from rag.types import Answer, Checked, Citation, Claim, Event, Finished, Found, Searching, Wrote
from ui.progress import Progress, advance, broken, claim_ends, history, stopped, unchecked_rest
from ui.running import Broken, Stopped, batches


def told(*events: Event) -> Progress:
    progress = Progress("q")
    for event in events:
        progress = advance(progress, event)
    return progress


def test_the_rest_behind_checked_sentences_is_found_across_markers_and_spaces() -> None:
    claims = (Claim("A  b."), Claim("C [7] d."))
    assert unchecked_rest("A b [1][2]. C [7] d. [3] And so", claims) == " And so"
    assert unchecked_rest("nothing alike", claims) == ""
    assert unchecked_rest("all of it", ()) == "all of it"
    assert claim_ends("A b.[1] C x", claims) == [7]
    assert unchecked_rest("A (2023) b [1]. Next", (Claim("A [2023] b."),)) == " Next"
    quoted = "“It uses ⟦7⟧ sites.” [1][9?]\n“Second.” [2] third"
    assert unchecked_rest(quoted, (Claim("It uses [7] sites."), Claim("Second."))) == " third"
    assert claim_ends("", (Claim(""),)) == [0]


def test_a_stopped_turn_keeps_checked_sentences_and_marks_the_rest_unchecked() -> None:
    progress = told(Searching("q!", 3), Found(()), Wrote("One.[1] Tw"), Checked(0, Claim("One.", (), "supported")))
    answer = stopped(progress, "m", 1.5)
    assert (answer.outcome, answer.model, answer.standalone_question) == ("stopped", "m", "q!")
    assert [(c.text, c.verdict) for c in answer.claims] == [("One.", "supported"), ("Tw", "unchecked")]
    assert answer.timings.total_seconds == 1.5


def test_a_broken_turn_keeps_its_cause_and_never_reads_as_an_abstention() -> None:
    answer = broken(told(Searching("q", 3)), None, "no route", 0.1)
    assert (answer.outcome, answer.error, answer.reason) == ("failed", "no route", None)


def test_a_sentence_judged_twice_keeps_its_place() -> None:
    first, second, again = Claim("1"), Claim("2"), Claim("1", verdict="partial")
    assert told(Checked(0, first), Checked(1, second), Checked(0, again)).claims == (again, second)


def test_history_holds_the_turns_in_which_something_was_said() -> None:
    cited = (Claim("x", (Citation(2, "b"), Citation(1, "a"), Citation(9, None))),)
    answers = [
        Answer("q1", "q1", "answered", "t1", cited),
        Answer("q2", "q2", "failed", "", ()),
        Answer("q3", "q3", "stopped", "t3", cited),
        Answer("q4", "q4", "abstained", "t4", reason="not_stated"),
        Answer("thanks", "thanks", "abstained", "You are welcome.", reason="not_a_question"),
    ]
    turns = history(answers)
    assert [turn.question for turn in turns] == ["q1", "q3", "q4"]
    assert turns[0].paper_ids == ("b", "a")


def test_events_come_in_order_and_the_stream_is_closed() -> None:
    closed = threading.Event()

    def stream() -> Iterator[Event]:
        try:
            yield Searching("q", 1)
            yield Wrote("a")
            yield Finished(Answer("q", "q", "answered", "a"))
        finally:
            closed.set()

    events = [event for batch in batches(stream, threading.Event()) for event in batch]
    assert [type(event) for event in events] == [Searching, Wrote, Finished]
    assert closed.wait(2)


def test_stop_is_heard_while_the_stream_is_silent_and_closes_it_at_its_next_event() -> None:
    stop, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    def stream() -> Iterator[Event]:
        try:
            yield Searching("q", 1)
            go_on.wait(10)
            yield Wrote("late")
            yield Wrote("never")
        finally:
            closed.set()

    running = batches(stream, stop)
    assert next(running) == (Searching("q", 1),)
    stop.set()
    began = time.monotonic()
    assert [event for batch in running for event in batch] == [Stopped()]
    assert time.monotonic() - began < 1
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(2)


def test_closing_the_batches_closes_the_stream() -> None:
    closed = threading.Event()

    def stream() -> Iterator[Event]:
        try:
            while True:
                yield Wrote("more")
                time.sleep(0.01)
        finally:
            closed.set()

    running = batches(stream, threading.Event())
    next(running)
    running.close()
    assert closed.wait(2)


def test_a_silent_stream_yields_empty_batches_so_that_it_can_be_closed() -> None:
    go_on = threading.Event()

    def stream() -> Iterator[Event]:
        go_on.wait(10)
        yield Searching("q", 1)

    running = batches(stream, threading.Event())
    assert next(running) == ()
    go_on.set()
    running.close()


def test_errors_become_their_one_line_and_bugs_hide_their_insides() -> None:
    def fails() -> Iterator[Event]:
        yield Searching("q", 1)
        raise ModelTimeout("no first token in 120 s")

    def buggy() -> Iterator[Event]:
        raise KeyError("secret")
        yield

    assert list(batches(fails, threading.Event()))[-1][-1] == Broken("no first token in 120 s")
    (last,) = [event for batch in batches(buggy, threading.Event()) for event in batch]
    assert isinstance(last, Broken)
    assert "KeyError" in last.message
    assert "secret" not in last.message
