"""An answer read in a real browser: from footnote to sentence and back, verdict by verdict, linked and copied."""

from __future__ import annotations

from typing import Any

import pytest
from page_browser import House, Visit, browser, home, visit
from page_core import ADVANTAGE, EXPERIENCE, PROSE, SCORE

__all__ = ["browser", "home", "visit"]
pytestmark = pytest.mark.slow


def test_an_example_is_answered_and_its_footnote_leads_to_the_marked_sentence_and_back(visit: Visit) -> None:
    visit.tab.locator(".examples button").first.click()
    turn = visit.settle()
    assert EXPERIENCE in turn.inner_text()
    assert visit.text(".turn .summary:visible") == "3 of 3 sentences checked, all verified · 0.1 s · quoting mode"
    assert visit.tab.locator(".examples:visible").count() == 0
    visit.tab.set_viewport_size({"width": 1280, "height": 520})
    visit.tab.get_by_role("link", name="citation 2, Flood extent mapping from radar with few labels, verified").click()
    assert visit.tab.locator("mark[data-ui-lit]").all_inner_texts() == [SCORE]
    assert visit.sees("mark[data-ui-lit]")
    assert visit.focused("textContent") == SCORE
    visit.tab.locator("#evidence .back:visible").last.click()
    assert visit.focused() == "turn-1-claim-3"
    assert visit.sees("#turn-1-claim-3")


def test_j_k_and_o_walk_through_the_footnotes_to_their_sentences_and_back(visit: Visit) -> None:
    visit.ask("prose").settle()
    visit.press("j")
    assert visit.focused("textContent") == "[1]✓"
    visit.press("j")
    assert visit.focused("textContent") == "[1]✗"
    visit.press("o")
    assert visit.focused("textContent") == ADVANTAGE
    assert visit.sees("mark[data-ui-lit]")
    visit.press("o")
    assert visit.focused("textContent") == "[1]✗"
    visit.press("k", "k", "k")
    assert visit.focused("textContent") == "[1]✓", "the first footnote has none before it"
    visit.press(*"jjjj")
    assert visit.focused("textContent") == "[9?] no such source"


def test_a_footnote_shows_title_and_sentence_before_it_is_followed(visit: Visit) -> None:
    visit.ask("prose").settle()
    assert visit.tab.locator("#preview").is_hidden()
    visit.tab.locator("#turns .marker.contradicted").hover()
    assert visit.text("#preview strong") == "FBLNet: A feedback loop network for driver attention prediction"
    assert visit.text("#preview q") == ADVANTAGE
    assert visit.text("#preview .verdict") == "contradicted"
    visit.tab.locator("#status").hover(force=True)
    assert visit.eventually(visit.tab.locator("#preview").is_hidden)
    visit.press("j")
    assert visit.text("#preview q") == EXPERIENCE
    assert visit.tab.locator("#turns .marker:focus").get_attribute("aria-describedby") == "preview"
    visit.press("Escape")
    assert visit.tab.locator("#preview").is_hidden()


def test_a_footnote_of_an_earlier_turn_opens_its_evidence_again(visit: Visit) -> None:
    visit.ask("first question").settle()
    visit.ask("second question").settle()
    old = visit.tab.locator("#turn-1-paper-1")
    assert not old.is_visible()
    visit.tab.locator("#turn-1 a.marker").first.press("Enter")
    assert old.is_visible()
    assert visit.sees("#turn-1-paper-1 mark[data-ui-lit]")


def test_verdicts_are_told_by_sign_and_word(visit: Visit) -> None:
    turn = visit.ask("prose").settle()
    assert turn.locator(".marker").all_text_contents() == [
        "[1]✓", "[1]✗", "[2]◐", "[2]✗", "[9?] no such source", "○ no footnote", "[3]?",
    ]  # fmt: skip
    assert [m.get_attribute("aria-label") for m in turn.locator("a.marker").all()][:2] == [
        "citation 1, FBLNet, verified",
        "citation 1, FBLNet, contradicted",
    ]
    assert "the abstract says two benchmarks, not three" in visit.text("#turn-1-paper-1 .verdicts")
    assert (
        turn.locator(".summary")
        .first.inner_text()
        .startswith(
            "6 of 7 sentences checked: 1 verified, 1 partial, 1 contradicted, 2 unsupported, 1 no footnote, 1 unchecked"
        )
    )
    assert "one sentence was cut" in turn.inner_text()


def test_an_unsupported_sentence_shows_the_nearest_one_what_is_missing_and_where_it_does_stand(visit: Visit) -> None:
    visit.ask("prose").settle()
    said = visit.text("#turn-1-claim-4-doubt")
    assert "unsupported" in said
    assert f"Nearest sentence: {SCORE} [2]" in said
    assert "Not in what it cites: whales, coast" in said
    assert "But this says it: Blue whales sing at 17 Hz. Counting whales by their songs" in said
    visit.tab.locator("#turn-1-claim-4-doubt .where a").click()
    assert visit.tab.locator("mark[data-ui-lit]").all_inner_texts() == ["Blue whales sing at 17 Hz."]


def test_only_verified_sentences_are_shown_where_that_is_wanted(visit: Visit) -> None:
    visit.ask("prose").settle()
    visit.tab.get_by_role("switch", name="Verified sentences only").check()
    assert visit.tab.locator("#turns .claim:visible bdi").all_inner_texts() == [PROSE[0].text]
    assert visit.text(".hidden-count:visible") == "6 sentences that are not verified are hidden"
    visit.reload()
    assert visit.tab.locator("#turns .claim:visible").count() == 1, "the switch is kept"
    visit.tab.locator("#evidence .back:visible").nth(1).click()
    assert visit.tab.locator("#turns .claim:visible").count() == 7, "a sentence that is gone to must be seen"


def test_what_is_read_in_the_evidence_stays_where_it_is_when_cards_change_above_it(browser: Any, home: House) -> None:
    for gate in home.core.gates.values():
        gate.clear()
    visit = Visit(browser, home.address, size=(1280, 500))
    visit.ask("held")
    home.core.gates["searching"].set()
    home.core.gates["found"].set()
    last = visit.tab.locator("#turn-1-paper-3")
    last.locator("summary").first.click()
    visit.tab.evaluate("document.querySelector('#evidence').scrollTop = 260")
    before = last.bounding_box()
    home.core.gates["wrote"].set()
    visit.tab.locator("#turn-1-paper-1.cited").wait_for(state="attached")
    visit.settle()
    after = last.bounding_box()
    assert before is not None and after is not None
    assert last.evaluate("e => e.open"), "what the reader opened stays open"
    visit.close()


def test_papers_are_compared_in_a_table_whose_cells_are_cited(visit: Visit) -> None:
    turn = visit.ask("compare them").settle()
    table = turn.get_by_role("table")
    assert table.locator("thead th").all_inner_texts()[1:] == [
        "FBLNet",
        "Flood extent mapping from radar with few labels",
    ]
    assert table.locator("tbody th").all_inner_texts() == ["Question", "Method", "Result"]
    assert table.locator("td.blank").all_inner_texts() == ["not stated in the abstract"] * 3
    table.locator("a.marker.partial").click()
    assert visit.tab.locator("mark[data-ui-lit]").all_inner_texts() == [SCORE]


def test_every_sentence_has_a_link_that_works_after_a_reload(browser: Any, visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.ask("prose").settle()
    visit.tab.locator("#turn-1-claim-3").hover()
    visit.tab.locator("#turn-1-claim-3 .permalink").click()
    assert visit.eventually(lambda: "turn-1-claim-3" in visit.tab.evaluate("navigator.clipboard.readText()"))
    link = visit.tab.evaluate("navigator.clipboard.readText()")
    other = Visit(browser, link)
    assert other.eventually(lambda: other.focused() == "turn-1-claim-3")
    assert other.sees("#turn-1-claim-3")
    assert other.tab.locator("#turn-1-claim-3[data-ui-lit]").count() == 1
    other.close()


def test_an_answer_is_copied_with_its_references(visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.ask("prose").settle()
    visit.tab.get_by_role("button", name="Copy with references").click()
    visit.tab.get_by_text("Copied with its references.").wait_for()
    copied = visit.tab.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[1] == "It beats existing methods on three benchmarks. [1] (contradicted)"
    assert "[1] Y. Chen, Z. Nan, T. Xiang: FBLNet: A feedback loop network" in copied
    assert "https://example.org/fblnet" in copied


def test_thumbs_and_wrong_citations_are_kept(visit: Visit, home: House) -> None:
    visit.ask("which marks are kept?").settle()
    visit.tab.get_by_role("button", name="Bad answer").click()
    bad = visit.tab.get_by_role("button", name="Bad answer")
    assert visit.eventually(lambda: bad.get_attribute("aria-pressed") == "true")
    visit.tab.get_by_role("button", name="Wrong citation").nth(1).click()
    visit.tab.get_by_role("button", name="Reported as wrong").wait_for()
    visit.reload()
    assert visit.tab.get_by_role("button", name="Bad answer").get_attribute("aria-pressed") == "true"
    assert visit.tab.get_by_role("button", name="Reported as wrong").count() == 1
    down, wrong = [one for one in home.desk.conversations.reported() if one.question == "which marks are kept?"]
    assert (down.mark, len(down.judged)) == ("down", 3)
    assert (wrong.mark, wrong.judged[0].sentence, wrong.judged[0].verdict) == ("wrong_citation", ADVANTAGE, "supported")
    visit.tab.get_by_role("button", name="Reported as wrong").click()
    assert visit.eventually(lambda: visit.tab.get_by_role("button", name="Reported as wrong").count() == 0)
