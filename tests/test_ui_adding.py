"""Files on their way into a real library: progress, counts, cancel, rejections, and nothing left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_core import ScriptedCore, desk_over

from ui.adding import Adding, Coming, shown_name
from ui.desk.desk import Desk

pytestmark = pytest.mark.slow

RIS = "TY  - JOUR\nTI  - Title {n} of kelp\nAB  - Kelp grows fast. It was measured in {n} seas.\nPY  - 2020\nER  - \n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made, _ = desk_over(tmp_path)
    yield made
    made.close()


def bring(desk: Desk, name: str, text: str | bytes, owner: str = "me") -> int:
    path = desk.adding.room() / f"upload-{name.encode().hex()[-40:]}-{time.monotonic_ns()}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return desk.adding.take(path, name, owner)


def over(desk: Desk, seconds: float = 60.0) -> list[Coming]:
    until = time.monotonic() + seconds
    while desk.adding.n_under_way:
        assert time.monotonic() < until
        time.sleep(0.01)
    return list(desk.adding.files())


def test_a_file_is_read_counted_and_in_the_library_under_its_own_name(desk: Desk) -> None:
    bring(desk, "kelp.ris", "".join(RIS.format(n=n) for n in range(3)))
    (file,) = over(desk)
    assert (file.state, file.name, file.n_records) == ("done", "kelp.ris", 3)
    assert file.report is not None
    assert file.report.added == 3
    assert desk.core.n_papers() == 6
    assert {row.sources for row in desk.core.shelf().rows if "kelp" in row.title} == {("kelp.ris",)}
    assert not list(desk.adding.room().iterdir()), "the upload is gone"


def test_what_is_rejected_is_named_by_line_and_reason(desk: Desk) -> None:
    lines = ['{"title": "A paper about eelgrass", "abstract": "Eelgrass grows."}', "not json at all", '{"no": "title"}']
    bring(desk, "some.jsonl", "\n".join(lines))
    (file,) = over(desk)
    assert file.report is not None
    assert (file.state, file.report.added, file.report.n_skipped) == ("done", 1, 2)
    assert [skipped.line for skipped in file.report.skipped] == [2, 3]
    assert all(skipped.origin == "some.jsonl" and skipped.reason for skipped in file.report.skipped)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.ris", b"", "empty.ris is empty"),
        ("cat.png", b"\x89PNG\r\n\x1a\n" + bytes(2_000), "cat.png is"),
        ("poem.txt", b"\x00" * 5_000, "poem.txt is"),
        ("page.pdf", b"%PDF-1.7 " + bytes(1_000), "page.pdf is"),
        ("bomb.zip", b"PK\x03\x04" + b"\xff" * 500, "bomb.zip"),
    ],
)
def test_a_file_of_the_wrong_kind_fails_with_its_reason_and_the_next_one_gets_its_turn(
    desk: Desk, name: str, data: bytes, said: str
) -> None:
    bring(desk, name, data)
    bring(desk, "kelp.ris", RIS.format(n=1))
    bad, good = over(desk)
    assert bad.state == "failed"
    assert bad.error is not None
    assert bad.error.startswith(said)
    assert "footnoted-" not in bad.error, "no path of this computer is told"
    assert good.state == "done"


def test_a_second_time_changes_nothing(desk: Desk) -> None:
    for _ in range(2):
        bring(desk, "kelp.ris", "".join(RIS.format(n=n) for n in range(3)))
    _, again = over(desk)
    assert again.report is not None
    assert (again.report.added, again.report.unchanged) == (0, 3)


def test_cancel_keeps_what_is_in_and_the_rest_of_the_queue_goes_on(tmp_path: Path) -> None:
    desk, core = desk_over(tmp_path)
    entered, go_on = threading.Event(), threading.Event()
    add = core.library().add

    def slow(batch: Any, **more: Any) -> Any:
        report = add(batch, **more)
        entered.set()
        go_on.wait(30)
        return report

    core.library().add = slow  # type: ignore[method-assign]
    first = bring(desk, "large.ris", "".join(RIS.format(n=n) for n in range(100)))
    waiting = bring(desk, "second.ris", RIS.format(n=1_000))
    third = bring(desk, "third.ris", RIS.format(n=2_000))
    assert entered.wait(30)
    assert core.n_papers() == 3 + 32, "what is committed can be asked while the rest is coming"
    assert desk.adding.cancel(first, "me")
    assert desk.adding.cancel(waiting, "me")
    assert not desk.adding.cancel(third, "somebody else")
    go_on.set()
    states = {file.file_id: file for file in over(desk)}
    assert (states[first].state, states[first].n_done) == ("cancelled", 32)
    assert states[waiting].state == "cancelled"
    assert states[third].state == "done"
    assert core.n_papers() == 3 + 32 + 1
    assert not desk.adding.cancel(third, "me"), "it is over"
    desk.close()


def test_fifty_files_at_once_all_get_in(desk: Desk) -> None:
    for n in range(50):
        bring(desk, f"{n}.ris", RIS.format(n=n))
    assert [file.state for file in over(desk, 120)] == ["done"] * 50
    assert desk.core.n_papers() == 53


def test_each_person_sees_their_own_files(desk: Desk) -> None:
    bring(desk, "mine.ris", RIS.format(n=1))
    bring(desk, "yours.ris", RIS.format(n=2), owner="you")
    over(desk)
    assert [file.name for file in desk.adding.files("me")] == ["mine.ris"]
    desk.adding.dismiss("me")
    assert [file.name for file in desk.adding.files()] == ["yours.ris"]


def test_closing_leaves_no_file_behind(tmp_path: Path) -> None:
    desk, _ = desk_over(tmp_path)
    room = desk.adding.room()
    assert room.stat().st_mode & 0o077 == 0
    (room / "half").write_text("half an upload")
    desk.close()
    assert not room.exists()


def test_a_mistake_in_the_code_fails_one_file_and_not_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _core = desk_over(tmp_path)
    real: Callable[..., Any] = ScriptedCore.add
    calls: list[int] = []

    def broken(self: ScriptedCore, *arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("secret")
        return real(self, *arguments, **more)

    monkeypatch.setattr(ScriptedCore, "add", broken)
    bring(desk, "a.ris", RIS.format(n=1))
    bring(desk, "b.ris", RIS.format(n=2))
    bad, good = over(desk)
    assert (bad.state, bad.error) == ("failed", "footnoted itself failed (ZeroDivisionError)")
    assert good.state == "done"
    desk.close()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\papers.ris", "papers.ris"),
        ("..", "file"),
        ("", "file"),
        ("a\nb\x00c\u202e.ris", "a�b�c�.ris"),
        ("<script>.ris", "<script>.ris"),
        ("/", "file"),
    ],
)
def test_a_name_is_only_something_to_show(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_long_name_is_shortened_in_its_middle() -> None:
    assert len(shown_name("x" * 500 + ".ris")) <= 120
    assert shown_name("x" * 500 + ".ris").endswith(".ris")


def test_nothing_is_started_before_the_first_file(tmp_path: Path) -> None:
    desk, core = desk_over(tmp_path)
    assert Adding(core).files() == ()
    desk.close()
