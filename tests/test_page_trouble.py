"""What goes wrong around a page, in a real browser: each time a clear state, and nothing lost."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEmbedder
from page_browser import House, Visit, browser, free_port, house
from page_core import HOSTILE, HOSTILE_PAPER, PROSE, WHALES, cite, source

from rag.library import Library
from rag.types import Answer, Claim
from ui.accounts import add_account
from ui.conversations import KeptTurn
from ui.people import Limits
from ui.sharing.export import Exported, as_json
from ui.texts import texts_in

__all__ = ["browser"]
pytestmark = pytest.mark.slow

LIMIT_BYTES = 20_000
RIS = "TY  - JOUR\nTI  - Kelp forest {n} in warm years\nAB  - Kelp grew by {n} % in the warm year.\nER  - \n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home"), limits=Limits(upload_bytes=LIMIT_BYTES)) as built:
        yield built


@pytest.fixture
def visit(browser: Any, home: House) -> Iterator[Visit]:
    visit = Visit(browser, home.address)
    yield visit
    visit.close()


def drop(visit: Visit, files: Mapping[str, str]) -> None:
    """Files dropped on the page under these names, whatever they are: a chooser would take only names that exist."""
    visit.tab.evaluate(
        """files => {
          const carried = new DataTransfer();
          for (const [name, text] of Object.entries(files)) carried.items.add(new File([text], name));
          const let_go = { dataTransfer: carried, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", let_go));
        }""",
        dict(files),
    )


# Files


def test_files_that_cannot_be_taken_say_why_and_the_others_get_in(visit: Visit, home: House, tmp_path: Path) -> None:
    visit.forgiven.append("409")
    n_before = home.core.n_papers()
    drop(
        visit,
        {
            "too-big.ris": RIS.format(n=1) + " " * LIMIT_BYTES,
            "holiday.png": "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "../../../climbing.ris": RIS.format(n=7),
            "<img src=x onerror=alert(1)>.ris": RIS.format(n=8),
        },
    )
    visit.tab.locator(".file.done").nth(1).wait_for()
    assert "too-big.ris is larger than 20 kB, the most that this page takes" in visit.text("#uploads .file.failed")
    refused = visit.tab.locator("#library-files .file.failed")
    assert "holiday.png" in refused.inner_text()
    assert refused.locator(".why").inner_text() != ""
    assert visit.tab.locator(".file.done .name").all_inner_texts() == [
        "<img src=x onerror=alert(1)>.ris",
        "climbing.ris",
    ]
    assert visit.tab.locator("#library-files img").count() == 0
    assert home.core.n_papers() == n_before + 2
    assert not list(home.folder.parent.rglob("climbing*"))
    assert {"climbing.ris"} in [set(row.sources) for row in home.core.shelf().rows]
    assert visit.serious() == []
    visit.picture("files-refused", tmp_path)


def test_fifty_files_at_once_all_get_in_while_a_question_is_answered(visit: Visit, home: House, tmp_path: Path) -> None:
    n_before = home.core.n_papers()
    drop(visit, {f"kelp-{n}.ris": RIS.format(n=100 + n) for n in range(50)})
    visit.tab.locator("#library .file").nth(3).wait_for()
    visit.picture("files-fifty", tmp_path)
    visit.tab.get_by_role("button", name="Back to the conversation").click()
    visit.ask("a first question").settle()
    assert visit.eventually(lambda: home.core.n_papers() == n_before + 50, 60)
    visit.tab.locator("#top .busy").wait_for(state="detached")
    assert f"{n_before + 50} abstracts" in visit.text("#top .library")
    visit.tab.locator("#top .library").click()
    visit.tab.locator('#library [data-tab="add"]').click()
    assert visit.tab.locator("#library-files .file.done").count() == 50 + 2, "the two of before are still listed"


# A conversation of somebody else's


def test_an_imported_conversation_runs_nothing_asks_for_nothing_and_is_shown_as_text(
    browser: Any, visit: Visit, tmp_path: Path
) -> None:
    cited = cite(1, HOSTILE_PAPER, HOSTILE)
    claims = (
        Claim(HOSTILE, (cited,), "supported", (HOSTILE,), True),
        Claim(HOSTILE, (cited,), "unsupported", (HOSTILE,), missing=(HOSTILE,), elsewhere=cited),
    )
    sources = (source(1, HOSTILE_PAPER),)
    turns = (
        Answer(HOSTILE, HOSTILE, "answered", HOSTILE, claims, sources, HOSTILE, notes=(HOSTILE,)),
        Answer(HOSTILE, HOSTILE, "failed", HOSTILE, (), sources, HOSTILE, error=HOSTILE),
        Answer(HOSTILE, HOSTILE, "abstained", HOSTILE, (), sources, HOSTILE, "not_stated"),
    )
    kept = tuple(KeptTurn(n, HOSTILE, {"only": {"tag": HOSTILE[:200]}}, turn) for n, turn in enumerate(turns, 1))
    visit.tab.locator("#import").set_input_files(
        {
            "name": "theirs.json",
            "mimeType": "application/json",
            "buffer": as_json(Exported(HOSTILE, kept), texts_in("en")).encode("utf-8"),
        }
    )
    visit.tab.get_by_text("This conversation was imported.").wait_for()
    assert visit.tab.locator("#turns > .turn").count() == 3
    assert visit.tab.locator("#turns .claim bdi").first.text_content() == HOSTILE
    visit.tab.locator("#turn-1 a.marker").first.click()
    assert visit.tab.locator("mark[data-ui-lit]").first.text_content() == HOSTILE
    visit.tab.locator("#turn-1 a.marker").first.hover()
    visit.tab.locator("#list .listed .quiet-button").first.click()
    visit.tab.get_by_role("button", name="Rename").click()
    visit.tab.keyboard.press("Escape")
    for selector in ("script", "img", "style", "form[action*=evil]", "a[href*=evil]", "a[href^=javascript]"):
        assert visit.tab.locator(f"#room {selector}").count() == 0, selector
    visit.picture("imported-hostile", tmp_path)

    exported = visit.tab.locator("#list a[href$='.html']").first.evaluate("a => a.href")
    page = visit.context.request.get(exported)
    other = browser.new_context().new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    other.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    other.set_content(page.text())
    assert HOSTILE.split("<a ")[0].strip() in str(other.text_content("main"))
    assert other.locator("script, img, form, a[href*=evil]").count() == 0
    assert asked == []
    other.context.close()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{nonsense", "this is not a conversation exported as JSON"),
        (json.dumps({"format": "footnoted conversation", "version": 99, "turns": []}), "by a newer footnoted"),
    ],
)
def test_a_file_that_is_no_conversation_is_refused_in_words(visit: Visit, written: str, said: str) -> None:
    visit.forgiven.append("409")
    visit.tab.locator("#import").set_input_files(
        {"name": "theirs.json", "mimeType": "application/json", "buffer": written.encode()}
    )
    visit.tab.locator("#toast.error", has_text=said).wait_for()
    assert visit.tab.locator(".welcome").is_visible()


# Several tabs


def test_two_tabs_follow_one_answer_and_either_can_stop_it(visit: Visit, browser: Any, home: House) -> None:
    for gate in home.core.gates.values():
        gate.clear()
    home.core.gates["searching"].set()
    visit.ask("held")
    visit.tab.locator("#evidence-1 .card").first.wait_for()
    other = Visit(browser, visit.tab.url, context=visit.context)
    other.tab.locator("#evidence-1 .card").first.wait_for()
    assert other.tab.locator("#stop").is_visible()
    home.core.gates["found"].set()
    other.tab.locator(".tail .marker.pending").wait_for()
    other.tab.get_by_role("button", name="Stop").click()
    for tab in (visit, other):
        assert "Stopped" in tab.settle().inner_text()
        assert PROSE[0].text in tab.text("#turn-1")
    home.core.gates["wrote"].set()
    other.close()


# The server


SERVER = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from page_core import desk_over
from ui.serve import Serving, serve
desk, core = desk_over(Path({folder!r}))
for step in {open!r}:
    core.gates[step].set()
serve(desk, Serving(port={port}), None, open_browser=False)
"""


@contextlib.contextmanager
def server(folder: Path, port: int, *, opened: tuple[str, ...]) -> Iterator[Callable[[], None]]:
    """A page in a process of its own whose answers wait at all steps but those ``opened``; gives what kills it."""
    code = SERVER.format(tests=str(Path(__file__).parent), folder=str(folder), port=port, open=opened)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("footnoted is at")
            yield process.kill
        finally:
            process.kill()


def kept_in(folder: Path) -> str:
    """The last answer as it lies on disk."""
    with contextlib.closing(sqlite3.connect(folder / "conversations.sqlite3")) as db:
        return str(db.execute("SELECT answer FROM turns ORDER BY rowid DESC").fetchone()[0])


def test_a_server_killed_in_mid_answer_is_waited_for_and_what_had_come_is_kept(browser: Any, tmp_path: Path) -> None:
    port = free_port()
    with server(tmp_path, port, opened=("searching", "found")) as kill:
        visit = Visit(browser, f"http://127.0.0.1:{port}/")
        visit.forgiven += ["Failed to load resource", "ERR_", "AbortError", "Connection errored out", "network error"]
        visit.ask("held")
        visit.tab.locator(".tail .marker.pending").wait_for()
        assert visit.eventually(lambda: PROSE[0].text in kept_in(tmp_path)), "though the answer has fallen silent"
        kill()
        visit.tab.locator("#banner", has_text="The page has lost its server").wait_for(timeout=40_000)
        assert PROSE[0].text in visit.text("#turn-1"), "what is here stays readable"
        assert visit.tab.locator("#evidence-1 .card").count() == 3
        assert visit.tab.locator(".toast-wrap:visible").count() == 0
        visit.tab.locator("#question textarea").fill("a question half wr")
        visit.picture("server-lost", tmp_path)
    with server(tmp_path, port, opened=("searching", "found", "wrote")):
        visit.tab.locator("#turn-1 .notice", has_text="The server ended while this").wait_for(timeout=60_000)
        visit.tab.locator("#turn-1 .marker", has_text="unchecked").wait_for()
        assert PROSE[0].text in visit.text("#turn-1")
        assert visit.tab.locator("#banner").is_hidden()
        assert visit.tab.locator("#evidence-1 .card").count() == 3
        assert visit.tab.locator("#question textarea").input_value() == "a question half wr"
        visit.picture("server-back", tmp_path)
        visit.tab.get_by_role("button", name="Retry").click()
        visit.tab.locator("#turn-1 .marker").nth(6).wait_for()
        visit.close()


def test_a_library_replaced_under_an_open_page_is_seen_and_old_answers_keep_their_evidence(
    browser: Any, tmp_path: Path
) -> None:
    with house(tmp_path) as home:
        visit = Visit(browser, home.address)
        visit.ask("a first question").settle()
        with Library.open(tmp_path / "other", embedder=HashingEmbedder()) as other:
            other.add([WHALES])
        shutil.rmtree(tmp_path / "seed")
        shutil.move(tmp_path / "other", tmp_path / "seed")
        visit.tab.locator("#top .library").click()
        visit.tab.locator("#library .papers").wait_for()
        assert visit.tab.locator("#library .paper h3").all_inner_texts() == [WHALES.title]
        visit.tab.get_by_role("button", name="Back to the conversation").click()
        visit.tab.locator("#turn-1 a.marker").first.click()
        assert visit.sees("mark[data-ui-lit]")
        visit.reload()
        assert "1 abstract" in visit.text("#top .library")
        assert visit.tab.locator("#turn-1-paper-1 mark").count() > 0
        visit.close()


def test_a_log_in_that_ends_loses_neither_the_conversation_nor_the_question_being_written(
    browser: Any, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts"
    add_account(accounts, "ada", "a long enough one")
    with house(tmp_path, auth_file=accounts) as home:
        visit = Visit(browser, home.address)
        visit.forgiven.append("401")

        def log_in() -> None:
            visit.tab.locator("[name=name]").fill("ada")
            visit.tab.locator("[name=password]").fill("a long enough one")
            visit.tab.get_by_role("button", name="Log in").click()
            visit.arrive()

        log_in()
        visit.ask("a first question").settle()
        conversation = visit.tab.url
        visit.context.clear_cookies()
        visit.tab.locator("#question textarea").fill("a question half wr")
        visit.tab.locator("#question textarea").press("Enter")
        visit.tab.locator("#banner", has_text="Your log-in has ended").wait_for()
        assert visit.text("#turn-1 .quotation") != ""
        visit.picture("log-in-ended", tmp_path)
        visit.tab.locator("#banner a").click()
        log_in()
        assert visit.tab.url.split("#")[0] == conversation.split("#")[0]
        assert "a first question" in visit.text("#turns")
        assert visit.tab.locator("#question textarea").input_value() == "a question half wr"
        assert visit.tab.locator("#turns > .turn").count() == 1
        visit.close()
