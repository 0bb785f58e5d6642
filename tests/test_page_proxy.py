"""The page behind a proxy that offers it under a path prefix, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from page_browser import House, Visit, browser, house
from page_core import EXPERIENCE
from page_proxy import proxy

__all__ = ["browser"]
pytestmark = pytest.mark.slow

PREFIX = "/papers"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("home"), serving={"root_path": PREFIX}) as built:
        yield built


@pytest.mark.parametrize(
    "way",
    [
        pytest.param({"strips": True, "keeps_host": True}, id="strips the prefix"),
        pytest.param({"strips": False, "keeps_host": True}, id="hands the prefix on"),
        pytest.param({"strips": True, "keeps_host": False}, id="asks under the page's own name"),
    ],
)
def test_behind_a_prefix_everything_works_and_every_link_carries_it(
    browser: Any, home: House, way: dict[str, bool]
) -> None:
    with proxy(home.address, PREFIX, **way) as (before, address):
        visit = Visit(browser, address)
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visit.ask("a first question").settle()
        visit.tab.locator("a.marker").first.click()
        assert visit.sees("mark[data-ui-lit]")
        assert visit.text("mark[data-ui-lit]") == EXPERIENCE

        visit.tab.locator("#turn-1-claim-2").hover()
        visit.tab.locator("#turn-1-claim-2 .permalink").click()
        visit.tab.get_by_text("The link is copied.").wait_for()
        link = visit.tab.evaluate("navigator.clipboard.readText()")
        assert link.startswith(f"{address}?c=")
        assert link.endswith("#turn-1-claim-2")
        visit.reload()
        assert visit.eventually(lambda: visit.focused() == "turn-1-claim-2")
        assert EXPERIENCE in visit.text("#turn-1")

        listed = visit.tab.get_by_role("link", name="a first question").first
        assert listed.evaluate("a => a.href").startswith(f"{address}?c=")
        export = visit.tab.locator("a[href$='.md']").first.evaluate("a => a.href")
        assert export.startswith(f"{address}footnoted/export/")
        assert visit.context.request.get(export).ok
        assert {cookie["path"] for cookie in visit.context.cookies()} == {f"{PREFIX}/"}
        assert visit.tab.locator("link[rel=icon]").get_attribute("href").startswith("data:image/svg+xml,")
        assert before.strays == []
        visit.close()
