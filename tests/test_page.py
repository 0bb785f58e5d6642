"""The page in a real browser, over an ``ask`` whose events are written down here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rag.errors import ModelUnreachable
from rag.types import (
    Answer,
    Checked,
    Chunk,
    Citation,
    Claim,
    Event,
    Finished,
    Found,
    Hit,
    Paper,
    Searching,
    Source,
    Span,
    Timings,
    Turn,
    Wrote,
)

pytestmark = pytest.mark.slow

NETWORK = Paper(
    "p1",
    "FBLNet: A feedback loop network for driver attention prediction",
    "The problem of predicting driver attention from the driving perspective is gaining increasing research focus. "
    "However, existing methods omit experience. "
    "We propose a FeedBack Loop Network (FBLNet), which attempts to model the driving experience accumulation "
    "procedure. Through over-and-over iterations, FBLNet generates the incremental knowledge that carries rich "
    "historically-accumulative long-term temporal information. "
    "Our model exhibits a solid advantage over existing methods on two benchmarks.",
    ("Y. Chen", "Z. Nan", "T. Xiang"),
    2022,
    "ICCV",
    "https://example.org/fblnet",
)
FLOOD = Paper(
    "p2",
    "Flood extent mapping from radar with few labels",
    "Mapping floods needs labels that are rarely at hand. We train on 120 labelled scenes and reach an F1 of 0.84. "
    "With 1,000 scenes the score rises to 0.91.",
    ("A. Okafor",),
    2023,
)
WHALES = Paper(
    "p3", "Counting whales by their songs", "Blue whales sing at 17 Hz. Counts from songs agree with sightings."
)


def source(number: int, paper: Paper) -> Source:
    whole = Span(0, max(len(paper.abstract), 1))
    chunk = Chunk(f"{paper.paper_id}-0", paper.paper_id, 0, whole, (whole,), 50)
    return Source(number, Hit(paper, chunk, 1.0 / number, ()), (whole,))


def cite(number: int, paper: Paper, quote: str) -> Citation:
    start = paper.abstract.index(quote)
    span = Span(start, start + len(quote))
    return Citation(number, paper.paper_id, paper.title, f"{paper.paper_id}-0", span, quote)


EXPERIENCE = (
    "We propose a FeedBack Loop Network (FBLNet), which attempts to model "
    "the driving experience accumulation procedure."
)
ADVANTAGE = "Our model exhibits a solid advantage over existing methods on two benchmarks."
SCORE = "We train on 120 labelled scenes and reach an F1 of 0.84."
SOURCES = (source(1, NETWORK), source(2, FLOOD), source(3, WHALES))


def answered(question: str, claims: Sequence[Claim], model: str | None = None, **more: Any) -> Answer:
    text = " ".join(c.text + "".join(f"[{k.number}]" for k in c.citations) for c in claims)
    return Answer(
        question, question, "answered", text, tuple(claims), SOURCES, model, timings=Timings(0.1, 0.1, 0.1), **more
    )


QUOTES = (
    Claim(EXPERIENCE, (cite(1, NETWORK, EXPERIENCE),), "supported", ("quoted letter for letter",), True),
    Claim(ADVANTAGE, (cite(1, NETWORK, ADVANTAGE),), "supported", ("quoted letter for letter",), True),
    Claim(SCORE, (cite(2, FLOOD, SCORE),), "supported", ("quoted letter for letter",), True),
)
PROSE = (
    Claim(
        "FBLNet models how drivers gather experience.",
        (cite(1, NETWORK, EXPERIENCE),),
        "supported",
        ("all of it is stated",),
    ),
    Claim(
        "It beats existing methods on three benchmarks.",
        (cite(1, NETWORK, ADVANTAGE),),
        "contradicted",
        ("the abstract says two benchmarks, not three",),
    ),
    Claim(
        "Flood maps reach an F1 of 0.84 in every region.",
        (cite(2, FLOOD, SCORE),),
        "partial",
        ("'every region' is not stated",),
    ),
    Claim("Labels are cheap.", (Citation(9, None),), "unsupported", ("there is no source 9",)),
    Claim("This matters for safety.", (), "uncited"),
    Claim("Whales were not asked.", (Citation(3, "p3", WHALES.title),), "unchecked", ("no check was configured",)),
)


def streamed(
    answer: Answer, pause_seconds: float = 0.0, held: Callable[[str], None] = lambda step: None
) -> Iterator[Event]:
    """The events of a whole answer; ``held`` may wait at the steps 'searching', 'found' and 'wrote'."""
    yield Searching(answer.standalone_question, 62)
    held("searching")
    yield Found(answer.sources)
    held("found")
    text = ""
    for index, claim in enumerate(answer.claims):
        for word in claim.text.split():
            text += word + " "
            yield Wrote(text)
            time.sleep(pause_seconds)
        text = text.rstrip() + "".join(f"[{c.number}]" for c in claim.citations) + " "
        yield Wrote(text)
        if index == 0:
            held("wrote")
        yield Checked(index, claim)
    yield Finished(answer)


class Script:
    """An ``ask`` that plays what is written for a question, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.closed: list[str] = []
        self.gates = {step: threading.Event() for step in ("searching", "found", "wrote")}
        self.failures_left = 0
        self.plays: dict[str, Callable[[str], Iterator[Event]]] = {
            "prose": lambda q: streamed(answered(q, PROSE, "some-model", notes=("one sentence was cut",))),
            "held": lambda q: streamed(answered(q, PROSE), held=lambda step: self.gates[step].wait(20) and None),
            "slow": lambda q: streamed(answered(q, PROSE), pause_seconds=0.2),
            "fails": self._fails,
            "bug": self._bug,
            "empty": lambda q: self._ends(Answer(q, q, "empty", "", (), SOURCES, "some-model")),
            "pineapple": lambda q: self._ends(
                Answer(q, q, "abstained", "None of them speaks of pineapples.", (), SOURCES, None, "not_stated")
            ),
            "hostile": self._hostile,
        }

    def __call__(self, question: str, history: Sequence[Turn]) -> Iterator[Event]:
        self.asked.append((question, tuple(history)))
        play = next((play for word, play in self.plays.items() if word in question), None)
        try:
            yield from play(question) if play else streamed(answered(question, QUOTES))
        finally:
            self.closed.append(question)

    def _fails(self, question: str) -> Iterator[Event]:
        yield Searching(question, 62)
        yield Found(SOURCES)
        if self.failures_left > 0:
            self.failures_left -= 1
            raise ModelUnreachable("nothing listens at localhost:8080: is the server running?")
        yield Finished(answered(question, QUOTES))

    def _bug(self, question: str) -> Iterator[Event]:
        yield Searching(question, 62)
        raise KeyError("a mistake in the code")

    def _ends(self, answer: Answer) -> Iterator[Event]:
        yield Searching(answer.question, 62)
        yield Found(answer.sources)
        yield Finished(answer)

    def _hostile(self, question: str) -> Iterator[Event]:
        paper = Paper("<p>", HOSTILE, f"Fine. {HOSTILE} It ends.", (HOSTILE,), 2020, HOSTILE, "javascript:alert(1)")
        claims = (
            Claim(HOSTILE, (cite(1, paper, HOSTILE),), "supported", (HOSTILE,)),
            Claim(HOSTILE, (cite(1, paper, HOSTILE),), "supported", (HOSTILE,), True),
        )
        answer = Answer(question, question, "answered", HOSTILE, claims, (source(1, paper),), HOSTILE, notes=(HOSTILE,))
        return streamed(answer)


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> **bold** [link](https://evil.example/) [7] "
    "\u202eright to left ${alert(3)} {{constructor}} </details></main> & 'quoted' \"twice\""
)
EXAMPLES = (
    "What does FBLNet do about driving experience?",
    "How many labelled scenes does flood mapping need?",
    "At what frequency do blue whales sing?",
    "What does a pineapple cost?",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium to drive: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


def served(script: Script, n_papers: int, name: str, model: str | None) -> Iterator[str]:
    from ui.page import LibraryInfo, build
    from ui.serve import start

    page = build(script, LibraryInfo(n_papers, name, model), EXAMPLES)
    address = start(page)
    yield address
    page.close(verbose=False)


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def address(script: Script) -> Iterator[str]:
    yield from served(script, 62, "seed", None)


class Visit:
    """One browser tab on the page; nothing may leave this computer, open a dialog or fail in it."""

    def __init__(self, browser: Any, address: str, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 860}, color_scheme=scheme, reduced_motion="reduce"
        )
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(15_000)
        self.n_turns = 1
        self.outside: list[str] = []
        self.trouble: list[str] = []
        self.context.on("request", self._note)
        self.tab.on("websocket", lambda socket: self._note(socket))
        self.tab.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.tab.on("pageerror", lambda error: self.trouble.append(f"error {error}"))
        self.tab.on("console", lambda line: line.type == "error" and self.trouble.append(f"console {line.text}"))
        self.tab.goto(address)
        self.tab.wait_for_selector("#conversation .welcome")

    def _note(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.outside.append(request.url)

    def ask(self, question: str) -> Any:
        self.tab.locator("#question textarea").fill(question)
        self.n_turns = self.tab.locator("#conversation .turn").count() + 1
        self.tab.keyboard.press("Enter")
        return self

    def settle(self) -> Any:
        self.tab.wait_for_selector(f"#turn-{self.n_turns}[aria-busy=false]")
        self.tab.wait_for_selector("#ask:visible")
        return self.tab.locator("#conversation .turn").last

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).last.inner_text())

    def sees(self, selector: str) -> bool:
        """Whether the element is wholly inside the view."""
        self.tab.wait_for_timeout(100)
        return bool(
            self.tab.locator(selector).first.evaluate(
                "e => { const r = e.getBoundingClientRect();"
                "return r.height > 0 && r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth }"
            )
        )

    def close(self) -> None:
        self.context.close()
        assert self.outside == []
        assert self.trouble == []


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    visit = Visit(browser, address)
    yield visit
    visit.close()


def test_the_empty_page_names_the_library_the_mode_and_four_examples(visit: Visit) -> None:
    assert visit.tab.title() == "footnoted"
    assert visit.tab.locator("html").get_attribute("lang") == "en"
    assert " ".join(visit.text("#masthead").split()) == "footnoted seed 62 abstracts quoting mode"
    assert visit.tab.get_by_role("heading", name="Ask 62 abstracts a question").is_visible()
    assert "answers are exact quotes" in visit.text("#conversation .note")
    assert visit.tab.locator("button.example").all_inner_texts() == list(EXAMPLES)
    assert "one it can't answer" in visit.text("#examples .aside")
    assert visit.tab.get_by_label("Your question").is_visible()
    assert visit.tab.locator("#stop").is_hidden()
    assert visit.tab.locator("footer:visible").count() == 0


def test_an_example_is_answered_and_its_footnote_leads_to_the_marked_sentence(visit: Visit, tmp_path: Path) -> None:
    visit.tab.locator("button.example").first.click()
    turn = visit.settle()
    assert EXPERIENCE in turn.inner_text()
    assert visit.text("#conversation .summary") == "3 of 3 sentences supported · 0.1 s · quoting mode"
    assert visit.tab.locator("button.example:visible").count() == 0
    visit.tab.set_viewport_size({"width": 1280, "height": 420})
    visit.tab.get_by_role("link", name="citation 2, Flood extent mapping").click()
    lit = visit.tab.locator("mark.lit")
    assert lit.all_inner_texts() == [SCORE]
    assert visit.sees("mark.lit")
    assert visit.tab.evaluate("document.activeElement.textContent") == SCORE
    visit.tab.locator("#evidence .back").last.click()
    assert visit.tab.evaluate("document.activeElement.id") == "turn-1-claim-3"
    assert visit.sees("#turn-1-claim-3")
    visit.tab.screenshot(path=tmp_path / "quotes.png")


def test_a_footnote_opens_a_card_that_was_folded_and_works_from_the_keyboard(visit: Visit) -> None:
    visit.ask("first question").settle()
    visit.ask("second question").settle()
    old = visit.tab.locator("#turn-1-paper-1")
    assert not old.is_visible()
    visit.tab.locator("#turn-1 a.marker").first.focus()
    visit.tab.keyboard.press("Enter")
    assert old.is_visible()
    assert visit.sees("#turn-1-paper-1 mark.lit")


def test_verdicts_are_told_by_sign_and_word(visit: Visit, tmp_path: Path) -> None:
    turn = visit.ask("prose").settle()
    assert turn.locator(".marker").all_text_contents() == [
        "[1]✓", "[1]✗", "[2]◐", "[9?] no such source", "○ no footnote", "[3]?",
    ]  # fmt: skip
    assert [m.get_attribute("aria-label") for m in turn.locator("a.marker").all()][1] == (
        "citation 1, FBLNet: A feedback loop network for driver attention predic…, contradicted"
    )
    assert "the abstract says two benchmarks, not three" in visit.text("#turn-1-paper-1")
    assert (
        turn.locator(".summary")
        .inner_text()
        .startswith("1 of 6 sentences supported, 1 partly supported, 1 contradicted, 1 not supported")
    )
    assert "one sentence was cut" in turn.inner_text()
    visit.tab.screenshot(path=tmp_path / "prose.png")


def test_evidence_comes_before_the_first_word_and_stop_keeps_what_is_there(
    visit: Visit, script: Script, tmp_path: Path
) -> None:
    visit.ask("held")
    visit.tab.get_by_text("Searching 62 abstracts…").first.wait_for()
    assert visit.tab.locator("#ask").is_hidden()
    script.gates["searching"].set()
    visit.tab.locator("#evidence .card").first.wait_for()
    assert visit.text("#conversation .waiting") == "Reading 3 abstracts…"
    script.gates["found"].set()
    visit.tab.locator("#conversation .tail .marker.pending").wait_for()
    began = time.monotonic()
    visit.tab.get_by_role("button", name="Stop").click()
    turn = visit.settle()
    assert time.monotonic() - began < 3, "Stop must not wait for a silent model"
    assert "Stopped" in turn.locator("h3").inner_text()
    assert PROSE[0].text in turn.inner_text()
    assert turn.locator(".marker").last.text_content() == "? not checked"
    visit.tab.screenshot(path=tmp_path / "stopped.png")
    script.gates["wrote"].set()
    for _ in range(50):
        if "held" in script.closed:
            break
        time.sleep(0.1)
    assert "held" in script.closed


def test_checked_sentences_get_their_sign_while_the_rest_is_still_written(visit: Visit) -> None:
    visit.ask("slow")
    visit.tab.locator("#conversation .turn[aria-busy=true] a.marker.supported").wait_for()
    visit.tab.get_by_role("button", name="Stop").click()
    turn = visit.settle()
    assert turn.locator("a.marker.supported").count() == 1


def test_closing_the_tab_ends_the_work_behind_it(browser: Any, address: str, script: Script) -> None:
    visit = Visit(browser, address)
    visit.ask("slow and left alone")
    visit.tab.locator("#conversation .tail").wait_for()
    visit.close()
    for _ in range(50):
        if "slow and left alone" in script.closed:
            break
        time.sleep(0.1)
    assert "slow and left alone" in script.closed


def test_a_failure_names_its_cause_keeps_the_evidence_and_can_be_retried(
    visit: Visit, script: Script, tmp_path: Path
) -> None:
    script.failures_left = 1
    turn = visit.ask("it fails").settle()
    assert "nothing listens at localhost:8080" in turn.inner_text()
    assert visit.tab.locator("#evidence .card").count() == 3
    visit.tab.screenshot(path=tmp_path / "failed.png")
    visit.tab.get_by_role("button", name="Retry", exact=True).click()
    visit.tab.locator("#turn-1 .quotation").first.wait_for()
    visit.settle()
    assert visit.tab.locator("#conversation .turn").count() == 1


def test_a_mistake_in_the_code_is_a_card_and_not_a_trace(visit: Visit) -> None:
    turn = visit.ask("bug").settle()
    assert "footnoted itself failed (KeyError)" in turn.inner_text()
    assert "Traceback" not in visit.text("body")


def test_an_abstention_says_why_and_lists_the_nearest_papers(visit: Visit, tmp_path: Path) -> None:
    turn = visit.ask("pineapple").settle()
    assert "The abstracts found do not say" in turn.inner_text()
    assert "None of them speaks of pineapples." in turn.inner_text()
    turn.get_by_role("link", name=FLOOD.title).click()
    assert visit.sees("#turn-1-paper-2 .abstract")
    assert turn.get_by_role("button", name="Retry").count() == 0
    visit.tab.screenshot(path=tmp_path / "abstained.png")


def test_an_empty_reply_is_not_an_abstention(visit: Visit) -> None:
    turn = visit.ask("empty").settle()
    assert "The model returned nothing" in turn.inner_text()
    assert turn.get_by_role("button", name="Retry").count() == 1


def test_hostile_text_is_shown_as_the_text_it_is(visit: Visit) -> None:
    question = f"hostile {HOSTILE}"
    turn = visit.ask(question).settle()
    assert turn.locator("h2").text_content() == question
    assert visit.tab.locator("#conversation .claim bdi").first.text_content() == HOSTILE
    assert visit.tab.locator("#evidence h3 bdi").first.text_content() == HOSTILE
    assert visit.tab.locator("#evidence mark").first.text_content() == HOSTILE
    body = visit.tab.locator("#room")
    for selector in ("script", "img", "strong", "a[href*='evil']", "a[href^='javascript']"):
        assert body.locator(selector).count() == 0, selector
    assert visit.tab.locator("a.marker").count() == 2, "the [7] of a text is no footnote"


def test_a_follow_up_brings_the_history_and_a_new_conversation_forgets_it(visit: Visit, script: Script) -> None:
    visit.ask("opening").settle()
    visit.ask("follow-up").settle()
    question, history = script.asked[-1]
    assert (question, [turn.question for turn in history]) == ("follow-up", ["opening"])
    assert history[0].paper_ids == ("p1", "p2")
    visit.tab.get_by_role("button", name="New conversation").click()
    visit.tab.locator(".welcome").wait_for()
    visit.ask("afresh").settle()
    assert script.asked[-1] == ("afresh", ())


def test_a_new_conversation_ends_the_question_under_way(visit: Visit, script: Script) -> None:
    visit.ask("slow but unwanted")
    visit.tab.locator("#conversation .tail").wait_for()
    visit.tab.get_by_role("button", name="New conversation").click()
    visit.tab.locator(".welcome").wait_for()
    visit.tab.wait_for_timeout(1500)
    assert visit.tab.locator("#conversation .turn").count() == 0
    assert visit.tab.locator("#ask").is_visible()
    assert "slow but unwanted" in script.closed
    visit.ask("another").settle()
    assert script.asked[-1] == ("another", ())


def test_two_tabs_share_nothing(browser: Any, address: str, script: Script) -> None:
    one, two = Visit(browser, address), Visit(browser, address)
    one.ask("asked in one").settle()
    two.ask("asked in two").settle()
    assert script.asked[-1] == ("asked in two", ())
    assert two.tab.locator(".turn").count() == 1
    one.close()
    two.close()


def test_shift_enter_makes_a_line_and_enter_sends_them(visit: Visit, script: Script) -> None:
    visit.tab.locator("#question textarea").click()
    visit.tab.keyboard.type("one")
    visit.tab.keyboard.press("Shift+Enter")
    visit.tab.keyboard.type("two")
    assert visit.tab.locator("#question textarea").input_value() == "one\ntwo"
    assert visit.tab.locator(".turn").count() == 0
    visit.tab.keyboard.press("Enter")
    visit.settle()
    assert script.asked[-1][0] == "one\ntwo"


def test_a_phone_shows_everything_without_scrolling_sideways(browser: Any, address: str, tmp_path: Path) -> None:
    visit = Visit(browser, address, width=390, scheme="dark")
    assert "dark" in (visit.tab.locator("body").get_attribute("class") or "")
    visit.ask("prose").settle()
    assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 390
    side, talk = visit.tab.locator("#side").bounding_box(), visit.tab.locator("#talk").bounding_box()
    assert side["y"] >= talk["y"] + talk["height"] - 1
    visit.tab.locator("a.marker").first.click()
    assert visit.sees("mark.lit")
    visit.tab.screenshot(path=tmp_path / "phone.png")
    visit.close()


def test_a_page_without_papers_says_how_to_add_some(browser: Any) -> None:
    name = "</script><script>alert(4)</script>"
    for address in served(Script(), 0, name, "a-model"):
        visit = Visit(browser, address)
        assert visit.text(".welcome .command") == "footnoted add FILE"
        assert visit.text(".library") == name
        assert visit.tab.locator("#ask").is_disabled()
        assert visit.tab.locator("button.example:visible").count() == 0
        visit.close()


def test_serve_prints_its_address_until_it_is_interrupted() -> None:
    code = (
        # A process that a script starts in the background inherits an ignored interrupt.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from ui.page import LibraryInfo, build; from ui.serve import serve;"
        "serve(build(lambda q, h: iter(()), LibraryInfo(1, 'x', None), ()), None, False)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as serving:
        assert serving.stdout is not None
        assert re.match(r"footnoted is at http://127\.0\.0\.1:\d+/", serving.stdout.readline())
        serving.send_signal(signal.SIGINT)
        try:
            assert serving.wait(20) == 0
        finally:
            serving.kill()


def test_another_host_name_is_refused_and_outside_loads_are_forbidden(address: str) -> None:
    import httpx

    assert httpx.get(address, headers={"host": "evil.example"}).status_code == 400
    policy = httpx.get(address).headers["content-security-policy"]
    assert "default-src 'self'" in policy


def test_a_taken_port_is_named(address: str) -> None:
    from rag.errors import UsageError
    from ui.page import LibraryInfo, build
    from ui.serve import start

    port = urlsplit(address).port
    page = build(Script(), LibraryInfo(1, "x", None), ())
    with pytest.raises(UsageError, match=f"port {port} cannot be used"):
        start(page, port)
