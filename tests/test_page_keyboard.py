"""The page without a mouse, in a real browser: the focus is always seen, and every key that help names works."""

from __future__ import annotations

import pytest
from page_browser import Visit, browser, home, visit

__all__ = ["browser", "home", "visit"]
pytestmark = pytest.mark.slow

# The focus is shown on the element itself, or on what stands for it where it is not drawn.
_SHOWS_FOCUS = """() => {
  const at = document.activeElement;
  const drawn = [at, at.nextElementSibling, at.closest("#entry"), ...(at.closest("label")?.children || [])];
  const isOutlined = (one) => {
    const style = getComputedStyle(one);
    const isDrawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return isDrawn || (one.id === "entry" && style.boxShadow !== "none");
  };
  const shown = drawn.filter(Boolean).some(isOutlined);
  return { shown, place: at.closest("[id]")?.id, what: at.outerHTML.slice(0, 120) };
}"""


def test_tab_goes_through_the_whole_page_and_the_focus_is_always_seen(visit: Visit) -> None:
    visit.ask("prose").settle()
    visit.tab.locator("#top .skip").focus()
    stops = []
    while not stops or (stops[-1]["place"] != "turn-1-paper-2" and len(stops) < 100):
        stops.append(visit.tab.evaluate(_SHOWS_FOCUS))
        visit.tab.keyboard.press("Tab")
    assert [stop["what"] for stop in stops if not stop["shown"]] == []
    places = " ".join(str(stop["place"]) for stop in stops)
    order = ["top", "list-head", "list", "import", "turn-1", "question", "kinds", "turn-1-paper-1"]
    found = [places.find(part) for part in order]
    assert -1 not in found, dict(zip(order, found, strict=True))
    assert found == sorted(found), "as the page is read"


def test_every_key_that_help_names_does_what_it_says(visit: Visit) -> None:
    visit.ask("prose").settle()
    visit.press("?")
    sheet = visit.tab.get_by_role("dialog", name="Help")
    named = " ".join(sheet.locator("kbd").all_inner_texts())
    assert named == "/ j k o n s l v Esc ?"
    visit.press("l")
    assert visit.tab.locator("#library").is_hidden(), "a sheet that is open takes the keys"
    visit.press("Escape")
    assert sheet.is_hidden()
    visit.press("j")
    assert visit.focused("className").startswith("marker")
    visit.press("Escape", "v")
    assert visit.tab.get_by_role("switch", name="Verified sentences only").is_checked()
    visit.press("v", "l")
    assert visit.tab.locator("#library").is_visible()
    assert visit.eventually(lambda: visit.focused("dataset.tab") == "papers")
    visit.press("Escape")
    assert visit.tab.locator("#library").is_hidden()
    visit.press("s")
    assert visit.focused() == "list-search"
    visit.press("/")
    assert visit.focused("tagName") == "TEXTAREA"
    visit.tab.keyboard.type("/ in a question")
    assert visit.tab.locator("#question textarea").input_value() == "/ in a question"
    visit.press("n")
    visit.tab.locator(".welcome").wait_for()


def test_a_menu_opens_takes_the_focus_and_closes_by_key(visit: Visit) -> None:
    visit.ask("a first question").settle()
    more = visit.tab.get_by_role("button", name="More: a first question").first
    more.focus()
    visit.tab.keyboard.press("Enter")
    assert visit.eventually(lambda: visit.focused("dataset.do") == "rename")
    visit.tab.keyboard.press("Escape")
    assert visit.tab.locator(".menu:popover-open").count() == 0
    visit.tab.locator("#filter-button").focus()
    visit.tab.keyboard.press("Enter")
    assert visit.eventually(lambda: visit.focused("name") == "from_year")
    assert visit.serious() == []
    visit.tab.keyboard.press("Escape")
    assert visit.tab.locator("#filter").is_hidden()
