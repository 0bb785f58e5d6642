"""Several people and several tabs on one page, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from page_browser import Visit, browser, house

from ui.accounts import add_account

__all__ = ["browser"]
pytestmark = pytest.mark.slow


def log_in(visit: Visit, name: str, password: str) -> None:
    visit.tab.locator("[name=name]").fill(name)
    visit.tab.locator("[name=password]").fill(password)
    visit.tab.get_by_role("button", name="Log in").click()


def test_whoever_logs_in_finds_their_own_conversations_and_nobody_else_s(browser: Any, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    add_account(accounts, "ada", "a long enough one")
    add_account(accounts, "bo", "another long one")
    with house(tmp_path, auth_file=accounts) as home:
        assert httpx.get(home.address).status_code == 401
        assert httpx.post(f"{home.address}footnoted/do", json={"do": "list"}).status_code == 401
        ada = Visit(browser, home.address)
        ada.forgiven.append("401")
        assert ada.serious() == []
        log_in(ada, "ada", "a wrong one")
        assert "do not go together" in ada.text("[role=alert]")
        log_in(ada, "ada", "a long enough one")
        ada.arrive()
        ada.ask("a question of Ada's").settle()
        link = ada.tab.url
        bo = Visit(browser, link)
        log_in(bo, "bo", "another long one")
        bo.arrive()
        assert bo.tab.locator("#list .listed").count() == 0
        assert "a question of Ada's" not in bo.text("body")
        ada.reload()
        assert "a question of Ada's" in ada.text("#turns")
        bo.close()
        ada.close()


def test_two_tabs_on_one_conversation_show_the_same(browser: Any, tmp_path: Path) -> None:
    with house(tmp_path) as home:
        one = Visit(browser, home.address)
        one.ask("a first question").settle()
        two = Visit(browser, one.tab.url, context=one.context)
        assert "a first question" in two.text("#turns")
        two.ask("prose").settle()
        one.tab.locator("#turns > .turn:nth-child(2)[aria-busy=false]").wait_for()
        assert (
            one.tab.locator("#turns .marker").all_text_contents()
            == two.tab.locator("#turns .marker").all_text_contents()
        )
        two.close()
        one.close()


def test_a_reload_in_mid_answer_finds_it_and_follows_it_to_its_end(browser: Any, tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.core.gates["searching"].set()
        home.core.gates["found"].set()
        visit = Visit(browser, home.address)
        visit.ask("held")
        visit.tab.locator(".turn[aria-busy=true] .marker").first.wait_for()
        # gradio says that its stream was cut off, which is what a reload does.
        visit.forgiven += ["AbortError", "Connection errored out"]
        visit.reload()
        visit.tab.locator(".turn[aria-busy=true] .marker").first.wait_for()
        home.core.gates["wrote"].set()
        assert visit.settle().locator(".marker").count() == 7
        assert len(home.core.asked) == 1
        visit.close()


def test_a_read_only_page_answers_and_changes_nothing(browser: Any, tmp_path: Path) -> None:
    with house(tmp_path, read_only=True) as home:
        refused = httpx.post(f"{home.address}footnoted/add", headers={"x-file-name": "a.ris"}, content=b"TY  - JOUR")
        assert refused.status_code == 409
        for act in ({"do": "remove", "paper_ids": ["p1"]}, {"do": "tag", "paper_ids": ["p1"], "tag": "x"}):
            assert httpx.post(f"{home.address}footnoted/do", json=act).status_code == 409
        assert home.core.n_papers() == 3
        visit = Visit(browser, home.address)
        visit.ask("a first question").settle()
        visit.tab.locator("#top .library").click()
        visit.tab.locator("#library .papers").wait_for()
        assert visit.tab.locator("#library .danger:visible").count() == 0
        visit.close()
