"""A conversation in a real browser: asked, watched, stopped, gone on with, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_browser import House, Visit, browser, home, house, visit
from page_core import ADVANTAGE, EXAMPLES, FLOOD, HOSTILE, PROSE

__all__ = ["browser", "home", "visit"]
pytestmark = pytest.mark.slow


def test_the_empty_page_names_the_library_the_mode_and_four_examples(visit: Visit) -> None:
    assert visit.tab.title() == "footnoted"
    assert visit.tab.locator("html").get_attribute("lang") == "en"
    assert " ".join(visit.text("#top").split()) == "Skip to the question footnoted seed 3 abstracts quoting mode"
    assert visit.tab.get_by_role("heading", name="Ask 3 abstracts a question").is_visible()
    assert "answers are exact quotes" in visit.text(".welcome .note")
    assert visit.tab.locator(".examples button").all_inner_texts() == list(EXAMPLES)
    assert "one it cannot answer" in visit.text(".examples .aside")
    assert visit.tab.get_by_role("textbox", name="Your question").is_visible()
    assert visit.tab.locator("#stop").is_hidden()
    assert visit.tab.locator("footer:visible").count() == 0


def test_evidence_comes_before_the_first_word_and_stop_keeps_what_is_there(visit: Visit, home: House) -> None:
    for gate in home.core.gates.values():
        gate.clear()
    visit.ask("held")
    visit.tab.get_by_text("Searching 62 abstracts…").first.wait_for()
    assert visit.tab.locator("#ask").is_hidden()
    home.core.gates["searching"].set()
    visit.tab.locator("#evidence .card").first.wait_for()
    assert visit.text("#turns .waiting") == "Reading 3 abstracts…"
    home.core.gates["found"].set()
    visit.tab.locator(".tail .marker.pending").wait_for()
    visit.tab.get_by_role("button", name="Stop").click()
    turn = visit.settle()
    assert "Stopped" in turn.locator("h3").inner_text()
    assert PROSE[0].text in turn.inner_text()
    assert turn.locator(".marker").last.text_content() == "? unchecked"
    assert "held" not in home.core.closed, "Stop must not wait for a silent model"
    home.core.gates["wrote"].set()
    assert visit.eventually(lambda: "held" in home.core.closed)
    turn.get_by_role("button", name="Retry").click()
    assert visit.settle().locator(".marker").count() == 7
    assert visit.tab.locator(".turn").count() == 1


def test_sentences_are_checked_while_the_rest_is_written_and_nothing_jumps(browser: Any, home: House) -> None:
    visit = Visit(browser, home.address, size=(1280, 520))
    visit.ask("first question").settle()
    visit.ask("slow")
    visit.tab.locator(".turn[aria-busy=true] a.marker.supported").wait_for()
    # Whoever reads the first answer meanwhile, with a card open and a word selected, is left in peace.
    card = visit.tab.locator("#evidence-1 .card").first
    visit.tab.evaluate("document.querySelector('#evidence-1').open = true")
    visit.tab.evaluate("document.querySelector('#talk-scroll').scrollTop = 0")
    visit.tab.evaluate("getSelection().selectAllChildren(document.querySelector('#turn-1-claim-2 bdi'))")
    visit.tab.evaluate("window.kept = document.querySelector('#turn-1-claim-2')")
    top = card.bounding_box()
    visit.tab.locator(".turn[aria-busy=true] a.marker.contradicted").wait_for()
    visit.settle()
    assert visit.tab.evaluate("document.querySelector('#talk-scroll').scrollTop") == 0
    assert visit.tab.evaluate("getSelection().toString()") == ADVANTAGE
    assert visit.tab.evaluate("window.kept.isConnected")
    assert visit.tab.evaluate("document.querySelector('#evidence-1').open")
    assert top is not None and card.bounding_box() is not None
    visit.close()


def test_each_new_question_comes_to_the_top_of_the_view_and_stays_there_while_it_is_answered(
    browser: Any, home: House
) -> None:
    visit = Visit(browser, home.address, size=(1280, 860), motion="no-preference")
    for question in ("first question", "a pineapple", "prose", "compare"):
        visit.ask(question).settle()
        below = "document.querySelector('.turn:last-child').getBoundingClientRect().top"
        top = "document.querySelector('#talk-scroll').getBoundingClientRect().top"
        assert visit.eventually(lambda: abs(visit.tab.evaluate(f"{below} - {top}")) < 40), question  # noqa: B023
    visit.close()


def test_a_failure_names_its_cause_keeps_the_evidence_and_can_be_retried(visit: Visit, home: House) -> None:
    home.core.failures_left = 1
    turn = visit.ask("it fails").settle()
    assert "nothing listens at localhost:8080" in turn.inner_text()
    assert visit.tab.locator("#evidence .card").count() == 3
    visit.tab.get_by_role("button", name="Retry", exact=True).click()
    visit.tab.locator("#turn-1 .quotation").first.wait_for()
    visit.settle()
    assert visit.tab.locator("#turns .turn").count() == 1


def test_a_mistake_in_the_code_is_a_card_and_not_a_trace(visit: Visit) -> None:
    turn = visit.ask("bug").settle()
    assert "footnoted itself failed (KeyError)" in turn.inner_text()
    assert "Traceback" not in visit.text("body")


def test_an_abstention_says_why_lists_the_nearest_papers_and_offers_a_better_question(
    visit: Visit, home: House
) -> None:
    turn = visit.ask("pineapple").settle()
    assert "The abstracts found do not say" in turn.inner_text()
    assert "None of them speaks of pineapples." in turn.inner_text()
    turn.get_by_role("link", name=FLOOD.title).click()
    assert visit.sees("#turn-1-paper-2 .abstract")
    assert turn.get_by_role("button", name="Retry").count() == 0
    better = turn.locator("button.example")
    question = better.inner_text()
    better.click()
    visit.tab.locator("#turn-2").wait_for()
    visit.settle()
    assert home.core.asked[-1][0] == question


def test_an_empty_reply_is_not_an_abstention(visit: Visit) -> None:
    turn = visit.ask("empty").settle()
    assert "The model returned nothing" in turn.inner_text()
    assert turn.get_by_role("button", name="Retry").count() == 1


def test_a_follow_up_brings_the_history_and_a_new_conversation_forgets_it(visit: Visit, home: House) -> None:
    visit.ask("opening").settle()
    visit.ask("follow-up").settle()
    question, history = home.core.asked[-1]
    assert (question, [turn.question for turn in history]) == ("follow-up", ["opening"])
    assert history[0].paper_ids == ("p1", "p2")
    visit.tab.get_by_role("button", name="New conversation").click()
    visit.tab.locator(".welcome").wait_for()
    visit.ask("afresh").settle()
    assert home.core.asked[-1] == ("afresh", ())


def test_a_new_conversation_leaves_the_answer_under_way_to_the_old_one(visit: Visit) -> None:
    visit.ask("slow but left")
    visit.tab.locator("#turns .tail").wait_for()
    visit.tab.get_by_role("button", name="New conversation").click()
    visit.tab.locator(".welcome").wait_for()
    visit.ask("another").settle()
    assert visit.tab.locator("#turns .turn").count() == 1
    link = visit.tab.get_by_role("link", name="slow but left").first
    assert visit.eventually(lambda: "being answered" not in link.inner_text(), 20)
    link.click()
    visit.tab.get_by_role("heading", name="slow but left").wait_for()
    assert visit.settle().locator(".marker").count() == 7


def test_conversations_are_listed_searched_renamed_deleted_and_brought_back(visit: Visit) -> None:
    visit.ask("about zebras and their stripes").settle()
    visit.press("n")
    visit.tab.locator(".welcome").wait_for()
    visit.ask("about gnus").settle()
    listed = visit.tab.locator("#list .listed a .title")
    assert listed.all_inner_texts()[:2] == ["about gnus", "about zebras and their stripes"]
    search = visit.tab.get_by_role("searchbox", name="Search conversations")
    search.fill("stripes zebras")
    assert visit.eventually(lambda: listed.all_inner_texts() == ["about zebras and their stripes"])
    search.fill("FeedBack Loop Network (FBLNet)")
    assert visit.eventually(lambda: listed.count() > 1), "answers are searched too"
    search.fill("")
    newest_first = ["about gnus", "about zebras and their stripes"]
    assert visit.eventually(lambda: listed.all_inner_texts()[:2] == newest_first)

    visit.tab.get_by_role("button", name="More: about zebras and their stripes").click()
    visit.tab.get_by_role("button", name="Rename").click()
    visit.tab.get_by_role("textbox", name="New name for about zebras and their stripes").fill("Zebras!")
    visit.tab.keyboard.press("Enter")
    assert visit.eventually(lambda: listed.all_inner_texts()[:2] == ["about gnus", "Zebras!"])

    visit.tab.get_by_role("button", name="More: about gnus").click()
    visit.tab.get_by_role("button", name="Delete").click()
    visit.tab.locator(".welcome").wait_for()
    assert visit.eventually(lambda: "about gnus" not in listed.all_inner_texts())
    assert "c=" not in visit.tab.url
    visit.tab.get_by_role("button", name="Undo").click()
    visit.tab.get_by_role("heading", name="about gnus").wait_for()
    assert visit.eventually(lambda: "about gnus" in listed.all_inner_texts())


def test_an_open_menu_stays_open_while_the_list_changes_its_order(browser: Any, visit: Visit) -> None:
    visit.ask("about okapis").settle()
    other = Visit(browser, visit.tab.url, context=visit.context)
    visit.press("n")
    visit.tab.locator(".welcome").wait_for()
    visit.ask("about tapirs").settle()
    listed = visit.tab.locator("#list .listed a .title")
    assert visit.eventually(lambda: listed.all_inner_texts()[:2] == ["about tapirs", "about okapis"])
    visit.tab.get_by_role("button", name="More: about okapis").click()
    rename = visit.tab.get_by_role("button", name="Rename")
    rename.wait_for()

    with visit.tab.expect_response(lambda reply: "footnoted" in reply.url):
        other.ask("and their stripes").settle()  # which comes first from now on
    visit.tab.wait_for_load_state("networkidle")
    assert rename.is_visible()
    assert listed.all_inner_texts()[:2] == ["about tapirs", "about okapis"]
    visit.tab.keyboard.press("Escape")
    assert visit.eventually(lambda: listed.all_inner_texts()[:2] == ["about okapis", "about tapirs"])
    assert other.trouble == []


def test_back_and_forward_move_between_conversations(visit: Visit) -> None:
    visit.ask("the first one").settle()
    visit.press("n")
    visit.tab.locator(".welcome").wait_for()
    visit.ask("the second one").settle()
    visit.tab.go_back()
    visit.tab.locator(".welcome").wait_for()
    visit.tab.go_back()
    visit.tab.get_by_role("heading", name="the first one").wait_for()
    visit.tab.go_forward()
    visit.tab.go_forward()
    visit.tab.get_by_role("heading", name="the second one").wait_for()
    assert visit.tab.locator("#turns > .turn").count() == 1


def test_shift_enter_makes_a_line_and_enter_sends_them(visit: Visit, home: House) -> None:
    box = visit.tab.locator("#question textarea")
    box.click()
    visit.tab.keyboard.type("one")
    visit.tab.keyboard.press("Shift+Enter")
    visit.tab.keyboard.type("two")
    assert box.input_value() == "one\ntwo"
    assert visit.tab.locator(".turn").count() == 0
    visit.tab.keyboard.press("Enter")
    visit.settle()
    assert home.core.asked[-1][0] == "one\ntwo"
    assert visit.eventually(lambda: box.input_value() == "")


def test_a_blank_question_is_refused_in_words(visit: Visit, home: House) -> None:
    n_asked = len(home.core.asked)
    visit.tab.locator("#question textarea").fill("   ")
    visit.tab.keyboard.press("Enter")
    visit.tab.get_by_text("Write a question first.").wait_for()
    assert len(home.core.asked) == n_asked
    assert visit.tab.locator("#ask").is_visible()


def test_hostile_text_is_shown_as_the_text_it_is(visit: Visit) -> None:
    question = f"hostile {HOSTILE}".strip()
    turn = visit.ask(question).settle()
    assert turn.locator("h2").text_content() == question
    assert visit.tab.locator("#turns .claim bdi").first.text_content() == HOSTILE
    assert visit.tab.locator("#evidence mark").first.text_content() == HOSTILE
    body = visit.tab.locator("#room")
    for selector in (
        "script",
        "img",
        "strong:not(.verdict)",
        "style",
        "form[action]",
        "a[href*='evil']",
        "a[href^='javascript']",
    ):
        assert body.locator(selector).count() == 0, selector
    assert visit.tab.locator("#turns a.marker").count() == 3, "the [7] of a text is no footnote"
    visit.tab.locator("#turns a.marker").first.hover()
    assert HOSTILE.strip() in visit.text("#preview")
    visit.reload()
    assert visit.tab.locator("#list .title").first.text_content() is not None
    visit.ask("hostile table").settle()
    assert visit.tab.locator("table").inner_text().count("<script>") >= 2


def test_closing_the_tab_lets_the_answer_go_on_for_a_while_and_then_ends_it(
    browser: Any, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.runs.UNWATCHED_SECONDS", 0.5)
    visit = Visit(browser, home.address)
    visit.ask("slow and left alone")
    visit.tab.locator("#turns .tail").wait_for()
    (run,) = [run for run, _ in home.desk.talking._runs.values()]
    assert run.n_watchers == 1
    visit.close()
    assert run.over.wait(20)
    assert run.progress.answer is not None
    assert run.progress.answer.outcome == "stopped"
    assert run.n_watchers == 0


def test_a_phone_has_a_drawer_and_a_sheet_and_never_scrolls_sideways(browser: Any, home: House) -> None:
    visit = Visit(browser, home.address, size=(390, 844), scheme="dark", has_touch=True, is_mobile=True)
    assert "dark" in (visit.tab.locator("body").get_attribute("class") or "")
    visit.ask("prose").settle()
    assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.tab.locator("#evidence .card").first.is_hidden()
    visit.tab.locator("a.marker").first.tap()
    assert visit.sees("mark[data-ui-lit]")
    visit.tab.get_by_role("button", name="Close the evidence").tap()
    assert visit.eventually(lambda: visit.tab.locator("#evidence .card").first.is_hidden())
    visit.tab.get_by_role("button", name="Show the evidence").tap()
    assert visit.sees("#evidence .panel-head")
    visit.tab.get_by_role("button", name="Close the evidence").tap()
    drawer = visit.tab.get_by_role("button", name="Conversations")
    drawer.tap()
    assert visit.sees("#side .listed a")
    visit.tab.touchscreen.tap(380, 400)
    assert visit.eventually(lambda: drawer.get_attribute("aria-expanded") == "false")
    visit.close()


def test_a_page_without_papers_offers_to_add_some(browser: Any, tmp_path: Path) -> None:
    with house(tmp_path, papers=()) as empty:
        visit = Visit(browser, empty.address)
        assert visit.text(".welcome h2") == "No abstracts yet"
        assert visit.tab.locator("#question textarea").is_disabled()
        assert visit.tab.locator(".examples").count() == 0
        visit.tab.get_by_role("button", name="Add papers", exact=True).click()
        visit.tab.get_by_text("Drop files here").wait_for()
        visit.close()
