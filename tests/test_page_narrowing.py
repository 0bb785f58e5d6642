"""Which papers a question is put to, in a real browser: the years that it says, filters, and papers chosen by hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from page_browser import House, Visit, browser, home, visit
from page_core import FLOOD, NETWORK

from rag.types import Event
from ui.library_port import LibraryPort

__all__ = ["browser", "home", "visit"]
pytestmark = pytest.mark.slow


@pytest.fixture
def asks_the_library(visit: Visit, home: House) -> Iterator[None]:
    """Questions that speak of papers are put to the real search over the three papers."""

    def play(question: str) -> Iterator[Event]:
        return LibraryPort.ask(home.core, question, (), home.core.requests[-1], threading.Event())

    home.core.plays["papers"] = play
    yield
    del home.core.plays["papers"]


def evidence_of(visit: Visit, number: int) -> str:
    return str(visit.tab.locator(f"#evidence-{number}").text_content())


@pytest.mark.usefixtures("asks_the_library")
def test_years_in_a_question_hold_until_their_chip_is_clicked_away(visit: Visit, home: House) -> None:
    visit.ask("Which papers since 2023 train on labelled scenes?").settle()
    chip = visit.tab.locator("#turn-1 button.chip")
    assert chip.inner_text().split() == ["from", "2023", "×"]
    assert FLOOD.title in evidence_of(visit, 1)
    assert NETWORK.title not in evidence_of(visit, 1), "it is of 2022"
    assert visit.serious() == []

    chip.focus()
    visit.tab.keyboard.press("Enter")
    visit.tab.locator("#turn-2").wait_for()
    visit.settle()
    assert home.core.requests[-1].any_year
    assert visit.tab.locator("#turn-2 button.chip").count() == 0
    assert NETWORK.title in evidence_of(visit, 2)
    visit.reload()
    assert visit.tab.locator("#turn-1 button.chip").count() == 1, "the first answer stays what it was"


@pytest.mark.usefixtures("asks_the_library")
def test_a_filter_is_a_chip_that_narrows_every_question_until_it_is_dropped(visit: Visit, home: House) -> None:
    visit.tab.locator("#filter-button").click()
    visit.tab.locator("#filter [name=source]").select_option("drivers.bib")
    visit.tab.locator("#filter [type=submit]").click()
    chip = visit.tab.locator("#chips button.chip")
    chip.wait_for()
    assert "drivers.bib" in chip.inner_text()
    visit.ask("What do the papers say of labelled scenes?").settle()
    assert home.core.requests[-1].only.source == "drivers.bib"
    assert FLOOD.title not in evidence_of(visit, 1)
    visit.reload()
    chip.wait_for()
    chip.click()
    assert visit.eventually(lambda: chip.count() == 0)
    visit.ask("What do the papers say of labelled scenes?").settle()
    assert not home.core.requests[-1].only
    assert FLOOD.title in evidence_of(visit, 2)
