"""The doors of the page, asked as any program may ask them: answers come line by line, refusals with their reason."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from page_browser import House, browser, house
from page_core import EXPERIENCE

from ui import doors

__all__ = ["browser"]
# Where no loop runs, as one does beside a browser, gradio makes some at its start and closes none.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("browser")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home")) as built:
        yield built


def lines(home: House, door: str, **asked: Any) -> list[dict[str, Any]]:
    with httpx.stream("POST", f"{home.address}footnoted/{door}", json=asked, timeout=60) as reply:
        assert reply.status_code == 200, reply.read()
        return [json.loads(line) for line in reply.iter_lines()]


def test_a_question_is_answered_a_message_a_line_the_evidence_before_the_first_word(home: House) -> None:
    first, *_, last = told = lines(home, "ask", question="a first question")
    assert first["begins"] and first["busy"]
    assert {message["conversation"] for message in told} == {first["conversation"]}
    shown = ["".join(message["outer"].values()) for message in told]
    with_card = next(at for at, markup in enumerate(shown) if 'class="card' in markup)
    assert EXPERIENCE not in shown[with_card].partition('id="evidence-1"')[0]
    assert EXPERIENCE in last["outer"]["turn-1"]
    assert last["busy"] is False


def test_an_answer_under_way_can_be_followed_by_its_own_people_alone(home: House) -> None:
    for step in ("searching", "found"):
        home.core.gates[step].set()
    home.core.gates["wrote"].clear()
    begun: list[str] = []

    def ask() -> None:
        with httpx.stream("POST", f"{home.address}footnoted/ask", json={"question": "held"}, timeout=60) as reply:
            begun.extend(json.loads(line)["conversation"] for line in reply.iter_lines())

    asking = threading.Thread(target=ask)
    asking.start()
    until = time.monotonic() + 20
    while not begun:
        assert time.monotonic() < until
        time.sleep(0.01)
    asked = {"conversation": begun[0]}
    other = httpx.post(f"{home.address}footnoted/follow", json=asked, headers={"x-forwarded-for": "192.0.2.1"})
    assert (other.status_code, other.content) == (204, b""), "a visitor from elsewhere is somebody else"
    with httpx.stream("POST", f"{home.address}footnoted/follow", json=asked, timeout=60) as reply:
        told = (json.loads(line) for line in reply.iter_lines())
        assert next(told)["busy"] is True
        home.core.gates["wrote"].set()
        *_, last = told
    assert last["busy"] is False
    asking.join(20)
    assert httpx.post(f"{home.address}footnoted/follow", json=asked).status_code == 204, "there is nothing to follow"


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"{nonsense", 400, "that is not JSON"),
        (b"[" * 100_000, 400, "that is not JSON"),
        (b"[]", 400, "that is not JSON"),
        (b" " * 200_001, 413, "that is too long"),
        (b'{"question": " "}', 409, "Write a question first."),
        (b'{"question": "q", "conversation": "of somebody else"}', 409, "That conversation is not here"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(home: House, sent: bytes, status: int, said: str) -> None:
    n_asked = len(home.core.asked)
    reply = httpx.post(f"{home.address}footnoted/ask", content=sent)
    assert reply.status_code == status
    assert reply.json()["error"].startswith(said)
    assert len(home.core.asked) == n_asked


def test_a_page_of_elsewhere_cannot_ask(home: House) -> None:
    asked = {"question": "q"}
    reply = httpx.post(f"{home.address}footnoted/ask", json=asked, headers={"sec-fetch-site": "cross-site"})
    assert reply.status_code == 403


def test_more_watchers_than_the_server_takes_are_told_so(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "MAX_FOLLOWED", 0)
    reply = httpx.post(f"{home.address}footnoted/ask", json={"question": "q"})
    assert reply.status_code == 409
    assert reply.json()["error"].startswith("Too many people are asking")


def test_a_reader_who_leaves_is_no_watcher_any_more(home: House) -> None:
    for gate in home.core.gates.values():
        gate.clear()
    with httpx.stream("POST", f"{home.address}footnoted/ask", json={"question": "held"}, timeout=60) as reply:
        next(reply.iter_lines())
        ((run, _),) = [one for one in home.desk.talking._runs.values() if not one[0].over.is_set()]
    until = time.monotonic() + 20
    while run.n_watchers:
        assert time.monotonic() < until
        time.sleep(0.01)
    for gate in home.core.gates.values():
        gate.set()
    assert run.over.wait(20)
    assert run.progress.answer is not None
    assert run.progress.answer.outcome == "answered", "it goes on for who comes back"
