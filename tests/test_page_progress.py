"""The events of a turn, folded; and runs that are watched, stopped, left alone, or break."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from rag.errors import ModelTimeout
from rag.types import Answer, Checked, Citation, Claim, Event, Finished, Found, Searching, Wrote
from ui import runs
from ui.errors import ConversationsError
from ui.progress import Progress, advance, broken, claim_ends, history, stopped, unchecked_rest
from ui.runs import Run, Workers
from ui.texts import texts_in

EN = texts_in("en")


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


def test_a_sentence_judged_twice_keeps_its_place_and_a_repaired_text_takes_the_old_one_s() -> None:
    first, second, again = Claim("1"), Claim("2"), Claim("1", verdict="partial")
    assert told(Checked(0, first), Checked(1, second), Checked(0, again)).claims == (again, second)
    mended = Claim("One mended.", (), "supported")
    progress = told(Wrote("One. Two"), Checked(0, Claim("One.")), Checked(0, mended), Wrote("One mended. Two"))
    assert progress.claims == (mended,)
    assert unchecked_rest(progress.text, progress.claims) == " Two"


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


# Runs


class Kept:
    """What a run saved."""

    def __init__(self) -> None:
        self.saved: list[tuple[Answer, bool]] = []
        self.is_full = False

    def __call__(self, answer: Answer, is_over: bool) -> None:
        if self.is_full:
            raise ConversationsError("no room left")
        self.saved.append((answer, is_over))


def run_of(kept: Kept | None = None) -> Run:
    return Run("c", 1, "q", model=None, save=kept or Kept(), t=EN)


def watched(run: Run) -> list[Progress]:
    async def watch() -> list[Progress]:
        return [progress async for progress in run.watch()]

    return asyncio.run(watch())


def working(run: Run, stream: Iterator[Event]) -> threading.Thread:
    thread = threading.Thread(target=run.work, args=(lambda stop: stream,))
    thread.start()
    return thread


def wait_for(true: object, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.005)


def test_every_watcher_sees_the_evidence_before_the_first_word_and_the_answer_last() -> None:
    answer = Answer("q", "q", "answered", "a")
    kept, run = Kept(), None
    run = run_of(kept)
    run.work(lambda stop: iter((Searching("q", 1), Found(()), Wrote("a"), Finished(answer))))
    for _ in range(2):
        found, last = watched(run)
        assert (found.sources, found.text, found.answer) == ((), "", None)
        assert last.answer == answer
    assert kept.saved[-1] == (answer, True)
    assert [is_over for _, is_over in kept.saved] == [False, True]
    assert kept.saved[0][0].outcome == "stopped"
    assert "server ended" in (kept.saved[0][0].error or "")


def test_what_came_before_a_silence_is_saved_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SAVE_SECONDS", 0.05)
    go_on = threading.Event()

    def stream() -> Iterator[Event]:
        yield Found(())
        yield Wrote("One.")
        go_on.wait(20)
        yield Finished(Answer("q", "q", "answered", "One."))

    kept = Kept()
    thread = working(run_of(kept), stream())
    wait_for(lambda: kept.saved and kept.saved[-1][0].text == "One.")
    assert kept.saved[-1][1] is False
    go_on.set()
    thread.join(10)
    assert [is_over for _, is_over in kept.saved][-1] is True


def test_stop_is_heard_while_the_stream_is_silent_and_what_comes_later_changes_nothing() -> None:
    go_on, closed = threading.Event(), threading.Event()

    def stream() -> Iterator[Event]:
        try:
            yield Searching("q", 1)
            yield Wrote("One.")
            go_on.wait(20)
            yield Wrote("One. Two.")
            yield Finished(Answer("q", "q", "answered", "One. Two."))
        finally:
            closed.set()

    kept = Kept()
    run = run_of(kept)
    thread = working(run, stream())
    wait_for(lambda: run.progress.text)
    run.stop()
    assert run.over.is_set()
    assert not closed.is_set()
    assert watched(run)[-1].answer is not None
    go_on.set()
    thread.join(10)
    assert closed.is_set()
    ((answer, is_over),) = [one for one in kept.saved if one[1]]
    assert is_over
    assert (answer.outcome, [c.text for c in answer.claims]) == ("stopped", ["One."])


def test_a_run_that_nobody_watches_any_more_is_stopped_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "UNWATCHED_SECONDS", 0.05)

    def stream() -> Iterator[Event]:
        yield Searching("q", 1)
        while True:
            yield Wrote("more")
            time.sleep(0.01)

    run = run_of()
    run.work(lambda stop: stream())
    assert run.progress.answer is not None
    assert run.progress.answer.outcome == "stopped"


def test_a_watched_run_goes_on_and_a_watcher_that_leaves_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "UNWATCHED_SECONDS", 0.2)
    go_on = threading.Event()

    def stream() -> Iterator[Event]:
        yield Searching("q", 1)
        while not go_on.is_set():
            yield Wrote("more")
            time.sleep(0.01)
        yield Finished(Answer("q", "q", "answered", "all"))

    async def watch(run: Run) -> int:
        watching = run.watch()
        thread = working(run, stream())
        await anext(watching)
        await asyncio.sleep(0.5)
        assert run.progress.answer is None, "somebody watches"
        n_watchers = run.n_watchers
        await watching.aclose()  # type: ignore[attr-defined]
        await asyncio.to_thread(thread.join, 10)
        return n_watchers

    run = run_of()
    assert asyncio.run(watch(run)) == 1
    assert run.n_watchers == 0
    assert run.progress.answer is not None
    assert run.progress.answer.outcome == "stopped"


def test_a_silent_run_repeats_itself_so_that_a_watcher_that_is_gone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "HEARTBEAT_SECONDS", 0.02)

    async def beats(run: Run) -> list[Progress]:
        watching = run.watch()
        seen = [await anext(watching) for _ in range(3)]
        await watching.aclose()  # type: ignore[attr-defined]
        return seen

    first, *rest = asyncio.run(beats(run_of()))
    assert rest == [first, first]


def test_an_answer_is_told_as_soon_as_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "REFRESH_SECONDS", 3_600.0)
    go_on = threading.Event()

    def stream() -> Iterator[Event]:
        yield Found(())
        yield Wrote("a")
        go_on.wait(20)
        yield Finished(Answer("q", "q", "answered", "a"))

    async def watch(run: Run) -> list[Progress]:
        watching, thread = run.watch(), working(run, stream())
        seen = [await anext(watching)]
        while seen[-1].answer is None:
            if seen[-1].text:
                go_on.set()
            seen.append(await asyncio.wait_for(anext(watching), 20))
        await asyncio.to_thread(thread.join, 10)
        return seen

    assert [progress.text for progress in asyncio.run(watch(run_of()))][-2:] == ["a", "a"]


def test_errors_become_their_one_line_and_bugs_hide_their_insides() -> None:
    def fails() -> Iterator[Event]:
        yield Searching("q", 1)
        raise ModelTimeout("no first token in 120 s")

    def buggy() -> Iterator[Event]:
        raise KeyError("secret")
        yield

    for stream, said in ((fails, "no first token in 120 s"), (buggy, "KeyError")):
        run = run_of()
        run.work(lambda stop, stream=stream: stream())
        assert run.progress.answer is not None
        assert run.progress.answer.outcome == "failed"
        assert said in (run.progress.answer.error or "")
        assert "secret" not in (run.progress.answer.error or "")


def test_a_stream_that_ends_without_an_answer_is_a_failure() -> None:
    run = run_of()
    run.work(lambda stop: iter((Searching("q", 1),)))
    assert run.progress.answer is not None
    assert run.progress.answer.error == EN("failed.cut_short")


def test_an_answer_that_cannot_be_kept_is_shown_all_the_same() -> None:
    kept = Kept()
    kept.is_full = True
    run = run_of(kept)
    run.work(lambda stop: iter((Finished(Answer("q", "q", "answered", "a")),)))
    assert run.not_saved == "no room left"
    assert watched(run)[-1].answer is not None


def test_workers_take_what_waits_in_its_order_and_end_when_they_are_closed() -> None:
    workers, done, gate = Workers(1), [], threading.Event()
    workers.submit(lambda: gate.wait(10) and None)
    for number in range(5):
        workers.submit(lambda number=number: done.append(number))
    assert workers.n_waiting >= 4
    gate.set()
    workers.close()
    wait_for(lambda: len(done) == 5)
    assert done == [0, 1, 2, 3, 4]
