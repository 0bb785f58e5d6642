"""Every state of the page, wide and narrow, light and dark: pictured, and looked at by axe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_browser import House, Visit, browser, house

__all__ = ["browser"]
pytestmark = pytest.mark.slow

TWO_RECORDS = b"""TY  - JOUR
TI  - Kelp forests in warm years
AB  - Kelp grew by 4 % in the warm year.
ER  -

TY  - JOUR
AU  - Nobody, Nemo
AB  - A record without a title.
ER  -
"""
SIZES = {"wide": (1280, 860), "middle": (1024, 700), "phone": (390, 844)}


def searching(visit: Visit, home: House) -> None:
    close(home)
    visit.ask("held")
    visit.tab.get_by_text("Searching 62 abstracts").first.wait_for()


def evidence_first(visit: Visit, home: House) -> None:
    close(home, but=("searching",))
    visit.ask("held")
    visit.tab.locator("#evidence-1 .card").first.wait_for(state="attached")


def streaming(visit: Visit, home: House) -> None:
    close(home, but=("searching", "found"))
    visit.ask("held")
    visit.tab.locator(".turn[aria-busy=true] .marker").first.wait_for()


def stopped(visit: Visit, home: House) -> None:
    streaming(visit, home)
    visit.tab.locator("#stop").click()
    visit.settle()


def failed(visit: Visit, home: House) -> None:
    home.core.failures_left = 1
    visit.ask("fails").settle()


def library(tab: str) -> Callable[[Visit, House], None]:
    def show(visit: Visit, home: House) -> None:
        visit.tab.locator("#top .library").click()
        visit.tab.locator(f'#library [data-tab="{tab}"]').click()
        visit.tab.locator(f"#library-{tab}").wait_for()

    return show


def settings(visit: Visit, home: House) -> None:
    visit.tab.locator('[data-do="settings"]').first.click()
    visit.tab.locator("#settings[open]").wait_for()


def filtered(visit: Visit, home: House) -> None:
    visit.tab.locator("#filter-button").click()
    visit.tab.locator("#filter [name=source]").select_option("floods.ris")
    visit.tab.locator("#filter [type=submit]").click()
    visit.tab.locator("#chips .chip").wait_for()
    visit.tab.locator("#filter-button").click()
    visit.tab.locator("#filter form").wait_for()


def chosen_and_removed(visit: Visit, home: House) -> None:
    library("papers")(visit, home)
    visit.tab.locator("#library .paper summary").first.click()
    visit.tab.locator('#library [data-do="remove"]:visible').first.click()
    visit.tab.locator("#toast").wait_for()
    visit.tab.locator("#library [name=chosen]").first.check()
    visit.tab.locator("#chosen-bar").wait_for()


def added(visit: Visit, home: House) -> None:
    library("add")(visit, home)
    visit.tab.locator("#files").set_input_files({"name": "two.ris", "mimeType": "text/plain", "buffer": TWO_RECORDS})
    visit.tab.locator(".file.done details").first.evaluate("details => (details.open = true)")


def asks(question: str) -> Callable[[Visit, House], None]:
    return lambda visit, home: visit.ask(question).settle()


def close(home: House, but: tuple[str, ...] = ()) -> None:
    for step, gate in home.core.gates.items():
        gate.set() if step in but else gate.clear()


STATES: dict[str, Callable[[Visit, House], object]] = {
    "empty": lambda visit, home: None,
    "searching": searching,
    "evidence": evidence_first,
    "streaming": streaming,
    "stopped": stopped,
    "quoted": asks("a first question"),
    "prose": asks("prose"),
    "compared": asks("compare"),
    "abstained": asks("pineapple"),
    "failed": failed,
    "nothing": asks("empty"),
    "library": library("papers"),
    "adding": library("add"),
    "statistics": library("statistics"),
    "help": lambda visit, home: visit.press("?"),
    "settings": settings,
    "filtered": filtered,
    "chosen and removed": chosen_and_removed,
    "added": added,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home")) as built:
        yield built


@pytest.mark.parametrize("state", STATES)
def test_no_state_shuts_anybody_out_or_scrolls_sideways(browser: Any, home: House, state: str, tmp_path: Path) -> None:
    visit = Visit(browser, home.address)
    STATES[state](visit, home)
    try:
        for scheme in ("light", "dark"):
            visit.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            visit.tab.wait_for_function(
                "dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark"
            )
            for size, (width, height) in SIZES.items():
                visit.tab.set_viewport_size({"width": width, "height": height})
                visit.picture(f"{state}-{size}-{scheme}", tmp_path)
                assert visit.tab.evaluate("document.documentElement.scrollWidth") <= width, size
                assert visit.serious() == [], f"{size} {scheme}"
    finally:
        for gate in home.core.gates.values():
            gate.set()
    visit.close()


def test_a_page_without_papers_shuts_nobody_out(browser: Any, tmp_path: Path) -> None:
    with house(tmp_path, papers=()) as empty:
        visit = Visit(browser, empty.address)
        visit.picture("no-library", tmp_path)
        assert visit.serious() == []
        visit.close()
