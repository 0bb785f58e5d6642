"""The report as its readers meet it: in a browser, on a phone, in the dark, without a script, and with hostile text."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.compare import compare
from eval.report import write_comparison, write_reports
from eval.report.markdown import scores_as_markdown
from eval.report.page import run_page
from eval.runs.records import Run
from eval.scores import scores_of
from tests.test_eval_gate import answered, failed, question, run_of

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> & \u202egnp.exe"


def hostile() -> Run:
    """A question, an answer, a title, a quote and a tag that try everything."""
    one = answered(7)
    assert one.answer is not None
    claim = {**one.answer["claims"][0], "text": EVIL}
    claim["citations"] = [{**claim["citations"][0], "title": EVIL, "quote": EVIL[:9], "start": 0, "end": 9}]
    source = {**one.answer["sources"][0], "title": EVIL, "text": EVIL, "end": len(EVIL)}
    answer = {**one.answer, "text": EVIL, "claims": [claim], "sources": [source]}
    asked = dataclasses.replace(question(7), question=EVIL, tags=(EVIL,), reference=EVIL)
    abstained = {**answer, "outcome": "abstained", "claims": [], "text": EVIL}
    return run_of(
        [
            dataclasses.replace(one, answer=answer, question=asked),
            dataclasses.replace(answered(8), answer=abstained, judged=None),
            answered(9),
            answered(10, right=False),
            failed(11),
        ],
        system=EVIL,
    )


def test_hostile_text_is_text() -> None:
    page = run_page(scores_of(hostile()))
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "\u202e" not in page
    markdown = scores_as_markdown(scores_of(hostile()))
    assert "<script" not in markdown and "<img" not in markdown


def test_the_page_loads_nothing() -> None:
    page = run_page(scores_of(hostile()))
    assert "default-src 'none'" in page
    assert not re.search(r"""\b(src|href)=["']?(https?:)?//""", page)
    assert "@import" not in page and "url(" not in page


def test_every_table_and_picture_says_what_it_is() -> None:
    page = run_page(scores_of(hostile()))
    assert page.count("<table") == page.count("<caption>")
    pictures = re.findall(r"<svg[^>]*>", page)
    assert pictures
    assert all('aria-label="' in one or 'aria-hidden="true"' in one for one in pictures)
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    chromium = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("there is no Chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_reports(folder, scores_of(hostile()))
    return folder / "report.html"


@pytest.mark.slow
def test_a_reader_filters_follows_a_number_to_its_rows_and_sees_the_evidence(browser: Any, report: Path) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file:") or said.append(request.url))
    page.goto(report.as_uri())
    assert page.title() != "owned"
    assert page.locator("#shown").inner_text() == "5 of 5 shown"
    page.get_by_label("only failures").check()
    # Nothing was wanted of the first that it did not say; the others abstain, are wrong or failed.
    assert page.locator("article:visible").count() == int(page.locator("#shown").inner_text().split()[0]) == 4
    page.get_by_label("outcome", exact=True).select_option("abstained")
    assert page.locator("article:visible").count() == 1
    page.get_by_role("button", name="show all").click()
    assert page.locator("article:visible").count() == 5
    row = page.locator("tr", has_text="fact in the answer's own words")
    row.get_by_role("link", name="misses").click()
    assert {one.get_attribute("id") for one in page.locator("article:visible").all()} == {"q-0", "q-1", "q-3"}
    assert page.evaluate("document.activeElement.id") == "questions"
    page.get_by_role("button", name="show all").click()
    page.locator("#q-0 summary").first.click()
    assert page.locator("#q-0 mark").inner_text() == EVIL[:9]
    assert EVIL[:9] in page.locator("#q-0 .claim").inner_text()
    page.get_by_label("words", exact=True).fill("the endpoint is gone")
    assert page.locator("article:visible").count() == 1
    page.goto(report.as_uri() + "#q-2")
    assert page.locator("#q-2 details").first.evaluate("one => one.open")
    assert said == []
    page.close()


@pytest.mark.slow
def test_it_is_readable_on_a_phone_in_the_dark_and_without_a_script(browser: Any, report: Path) -> None:
    phone = browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme="dark", java_script_enabled=False
    ).new_page()
    phone.goto(report.as_uri())
    assert phone.locator("article:visible").count() == 5
    assert not phone.locator("#filters").is_visible()
    box = phone.locator("body").bounding_box()
    assert box is not None and box["width"] <= 360
    phone.close()
    seeing = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark").new_page()
    seeing.goto(report.as_uri())
    assert seeing.evaluate("document.documentElement.scrollWidth") <= 360
    ground, ink = seeing.evaluate(
        "(() => { const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]; })()"
    )
    assert contrast(ground, ink) > 7
    for badge in seeing.locator(".badge:visible").all():
        colours = badge.evaluate("one => { const s = getComputedStyle(one); return [s.backgroundColor, s.color]; }")
        assert contrast(*colours) > 4.5
    seeing.close()


@pytest.mark.slow
def test_a_comparison_shows_both_answers_side_by_side(browser: Any, tmp_path: Path) -> None:
    before = run_of([answered(n) for n in range(8)])
    after = run_of([answered(n, right=n > 1) if n < 7 else failed(n) for n in range(8)])
    write_comparison(tmp_path, compare(before, after))
    page = browser.new_page()
    page.goto((tmp_path / "compare.html").as_uri())
    assert page.locator("article").count() == 3
    page.locator("#q-0 summary").first.click()
    words = page.locator("#q-0").inner_text()
    assert "It is fact 0" in words and "It is something else" in words
    assert "1 failed after" in page.locator("main").inner_text()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_axe_finds_nothing_and_no_column_is_cut(
    browser: Any, report: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    write_comparison(tmp_path, compare(run_of([answered(1), answered(2)]), run_of([answered(1), failed(2)])))
    # The pages let no script in, so axe has to be let past that.
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    for path in (report, tmp_path / "compare.html"):
        page = context.new_page()
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        found = Axe().run(page)
        assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []
        cut = """[...document.querySelectorAll('table.run td, table.run th, table.systems td, table.systems th')]
            .filter((cell) => cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).display != 'none')
            .map((cell) => cell.textContent)"""
        assert page.evaluate(cut) == []
        for region in page.locator(".wide:has(table.run), .wide:has(table.systems)").all():
            assert region.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
        page.close()
    context.close()


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours of a computed style."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
