"""Markup from answers, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rag.types import Answer, Chunk, Citation, Claim, Hit, Paper, Source, Span, Timings, Verdict
from ui.progress import Progress
from ui.rendering import (
    LibraryInfo,
    Mark,
    address,
    conversation,
    evidence,
    header,
    highlighted,
    marker,
    outside,
    status,
    text,
    verdict_counts,
    welcome,
)

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> & 'a' \"b\" **c** [7]"


class Reader(HTMLParser):
    """The elements, attributes and text of a piece of markup, as a browser would read it."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.marked: list[str] = []
        self.text = ""
        self._open_marks = 0
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "mark":
            self._open_marks += 1
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._open_marks -= 1

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open_marks:
            self.marked[-1] += data


def paper(paper_id: str = "a", title: str = "A title", abstract: str = "One. Two. Three.", **more: object) -> Paper:
    return Paper(paper_id, title, abstract, **more)  # type: ignore[arg-type]


def source(number: int, of: Paper) -> Source:
    whole = Span(0, max(1, len(of.abstract)))
    return Source(number, Hit(of, Chunk(f"{of.paper_id}0", of.paper_id, 0, whole, (whole,), 3), 1.0, ()), (whole,))


def cite(number: int, of: Paper, quote: str) -> Citation:
    start = of.abstract.index(quote)
    return Citation(number, of.paper_id, of.title, f"{of.paper_id}0", Span(start, start + len(quote)), quote)


def answer(*claims: Claim, sources: tuple[Source, ...] = (), **more: object) -> Answer:
    values: dict[str, object] = {
        "question": "Why?",
        "standalone_question": "Why?",
        "outcome": "answered",
        "text": " ".join(c.text for c in claims),
    }
    return Answer(claims=claims, sources=sources, **(values | more))  # type: ignore[arg-type]


def test_text_reads_back_as_it_was_and_holds_no_markup() -> None:
    read = Reader(f'<p title="{text(HOSTILE)}">{text(HOSTILE)}</p>')
    assert read.text == HOSTILE
    assert read.elements == [("p", {"title": HOSTILE})]


def test_characters_that_no_page_can_carry_are_replaced_one_for_one() -> None:
    assert text("a\x00b\ud800c\x1bd") == "a\ufffdb\ufffdc\ufffdd"
    text("\ud800").encode("utf-8")
    assert text("tab\tline\nend") == "tab\tline\nend"


def test_direction_marks_stay_inside_their_own_element() -> None:
    assert outside("\u202eabc") == "<bdi>\u202eabc</bdi>"


@pytest.mark.parametrize(
    "abstract",
    [
        "plain words here",
        "a < b & c > d 'e' \"f\" &amp; &lt;mark&gt;",
        "<mark>not mine</mark> <b>",
        "αβγ 𝔘𝔫𝔦 \u202e ab",
    ],
)
def test_exactly_the_span_is_marked_whatever_the_characters(abstract: str) -> None:
    for start in range(len(abstract)):
        for end in range(start + 1, len(abstract) + 1):
            read = Reader(highlighted(abstract, [Mark(Span(start, end), "turn-1-claim-1")]))
            assert read.text == abstract
            assert read.marked == [abstract[start:end]]


def test_overlapping_marks_cut_the_text_and_each_piece_names_all_its_claims() -> None:
    read = Reader(
        highlighted("0123456789", [Mark(Span(1, 6), "one"), Mark(Span(4, 8), "two"), Mark(Span(4, 8), "two")])
    )
    assert read.text == "0123456789"
    assert read.marked == ["123", "45", "67"]
    assert [attrs["data-claims"] for tag, attrs in read.elements if tag == "mark"] == ["one", "one two", "two"]


def test_marks_beyond_the_abstract_end_with_it_or_vanish() -> None:
    assert Reader(highlighted("abc", [Mark(Span(1, 99), "x")])).marked == ["bc"]
    assert highlighted("abc", [Mark(Span(3, 9), "x"), Mark(Span(-2, 2), "y")]) == "abc"
    assert highlighted("", [Mark(Span(0, 1), "x")]) == ""


@pytest.mark.parametrize(
    ("verdict", "sign", "word"),
    [
        ("supported", "✓", "supported"),
        ("partial", "◐", "partly supported"),
        ("contradicted", "✗", "contradicted"),
        ("unsupported", "✗", "not supported"),
        ("unchecked", "?", "not checked"),
    ],
)
def test_a_marker_tells_its_verdict_by_sign_and_by_name(verdict: Verdict, sign: str, word: str) -> None:
    read = Reader(marker(cite(3, paper(), "Two."), verdict, "turn-1-claim-2", {"a": "turn-1-paper-1"}))
    assert read.text == f"[3]{sign}"
    tag, attributes = read.elements[0]
    assert (tag, attributes["href"], attributes["data-claim"]) == ("a", "#turn-1-paper-1", "turn-1-claim-2")
    assert attributes["aria-label"] == attributes["title"] == f"citation 3, A title, {word}"


def test_a_citation_of_nothing_is_struck_and_leads_nowhere() -> None:
    read = Reader(marker(Citation(9, None), "unsupported", "turn-1-claim-1", {}))
    assert read.text == "[9?] no such source"
    assert [tag for tag, _ in read.elements if tag in ("a", "s")] == ["s"]


def test_outside_text_makes_no_element_anywhere() -> None:
    evil = paper(HOSTILE, HOSTILE, HOSTILE, authors=(HOSTILE,), venue=HOSTILE, year=2020, url="javascript:alert(1)")
    claims = (
        Claim(HOSTILE, (cite(1, evil, HOSTILE),), "partial", (HOSTILE,)),
        Claim(HOSTILE, (cite(1, evil, HOSTILE),), "supported", (), True),
    )
    sources = (source(1, evil), source(2, paper("b", HOSTILE)))
    given = [
        answer(*claims, sources=sources, question=HOSTILE, model=HOSTILE, notes=(HOSTILE,)),
        answer(sources=sources, outcome="abstained", text=HOSTILE, reason="not_stated", question=HOSTILE),
        answer(sources=sources, outcome="failed", text="", error=HOSTILE, question=HOSTILE),
    ]
    progress = Progress(HOSTILE, HOSTILE, 3, sources, HOSTILE + " [1] tail", claims[:1])
    info = LibraryInfo(1, HOSTILE, HOSTILE)
    for markup in (conversation(given, progress), evidence(given, progress), header(info), welcome(info)):
        read = Reader(markup)
        assert {tag for tag, _ in read.elements}.isdisjoint({"script", "img"})
        for _, attributes in read.elements:
            assert not any(name.startswith("on") for name in attributes)
            assert "javascript" not in (attributes.get("href") or "")
    assert Reader(conversation(given)).text.count(HOSTILE) >= 7


def test_ids_are_unique_over_a_whole_conversation() -> None:
    one, two = paper(), paper("b")
    turn = answer(Claim("One.", (cite(1, one, "One."),), "supported"), sources=(source(1, one), source(2, two)))
    given = [turn, turn, turn]
    ids = re.findall(r' id="([^"]+)"', conversation(given, Progress("q")) + evidence(given, Progress("q")))
    assert len(ids) == len(set(ids)) > 9
    targets = re.findall(r'data-(?:card|back|claim)="([^"]+)"', conversation(given) + evidence(given))
    assert set(targets) <= set(ids)


def test_every_cited_paper_gets_one_card_and_the_rest_is_folded() -> None:
    one, two, three = paper("a", "First"), paper("b", "Second"), paper("c", "Third")
    claims = (
        Claim("x", (cite(1, two, "One."),), "supported", ("stated",)),
        Claim("y", (cite(2, one, "Two."), cite(1, two, "Two.")), "partial"),
    )
    markup = evidence([answer(*claims, sources=(source(1, one), source(2, two), source(3, three), source(4, two)))])
    read = Reader(markup)
    cards = [attrs["id"] for tag, attrs in read.elements if tag == "details" and attrs.get("id")]
    assert cards == ["turn-1-paper-2", "turn-1-paper-1", "turn-1-paper-3"]
    assert markup.index("Also found, not cited (1)") < markup.index("Third")
    assert read.marked == ["One.", "Two.", "Two."]
    assert "stated" in read.text


def test_the_counts_of_a_summary_add_up() -> None:
    claims = [Claim("a", verdict=v) for v in ("supported", "supported", "uncited", "partial")]
    assert verdict_counts(claims) == "2 of 4 sentences supported, 1 partly supported, 1 without a footnote"
    assert verdict_counts(claims[:1]) == "1 of 1 sentence supported"


def test_a_summary_names_the_time_and_the_mode() -> None:
    claims = [Claim("One.", (), "supported")] * 3
    said = Reader(conversation([answer(*claims, timings=Timings(total_seconds=0.14))])).text
    assert "3 of 3 sentences supported · 0.1 s · quoting mode" in said


def test_paragraphs_of_the_answer_are_kept() -> None:
    claims = (Claim("A b."), Claim("C d."), Claim("E f."))
    markup = conversation([answer(*claims, text="A b [1]. C d.[2]\n\nE f.")])
    assert len(re.findall(r'<p dir="auto"><span class="claim', markup)) == 2


@pytest.mark.parametrize("reason", ["empty_library", "nothing_near", "not_stated", "model_declined", None])
def test_an_abstention_has_words_for_every_reason_and_no_retry(reason: str | None) -> None:
    markup = conversation([answer(outcome="abstained", text="Because.", reason=reason)])
    assert "Because." in markup
    assert 'class="notice abstained"' in markup
    assert "data-retry" not in markup


@pytest.mark.parametrize("outcome", ["failed", "empty", "stopped"])
def test_what_did_not_work_can_be_tried_again_while_it_is_the_last_turn(outcome: str) -> None:
    broken = answer(outcome=outcome, text="", error="the cause" if outcome == "failed" else None)
    assert "data-retry" in conversation([broken])
    assert "data-retry" not in conversation([broken, answer(Claim("One."))])
    assert "data-retry" not in conversation([broken], Progress("next"))
    assert "notice abstained" not in conversation([broken])


@pytest.mark.parametrize(
    ("url", "doi", "arxiv_id", "expected"),
    [
        ("https://a.example/x?y=1&z=2", None, None, "https://a.example/x?y=1&z=2"),
        ("javascript:alert(1)", "10.1/x<y>", None, "https://doi.org/10.1/x%3Cy%3E"),
        ("//evil", None, "2212.02096", "https://arxiv.org/abs/2212.02096"),
        ("http://[broken", None, None, None),
        ("file:///etc/passwd", None, None, None),
        (None, None, None, None),
    ],
)
def test_only_web_addresses_become_links(
    url: str | None, doi: str | None, arxiv_id: str | None, expected: str | None
) -> None:
    assert address(paper(url=url, doi=doi, arxiv_id=arxiv_id)) == expected


def test_the_status_follows_the_phases() -> None:
    one = source(1, paper())
    assert status(Progress("q")) == "Starting…"
    assert status(Progress("q", "q", 62)) == "Searching 62 abstracts…"
    assert status(Progress("q", "q", 62, (one, one))) == "Reading 1 abstract…"
    assert status(Progress("q", "q", 62, (one,), "A")) == "Writing and checking…"
    done = answer(outcome="abstained", text="", reason="nothing_near")
    assert status(Progress("q", answer=done)) == "No answer: no abstract here is near this question"


def test_a_paper_without_an_abstract_has_a_card_that_says_so() -> None:
    assert "came without an abstract" in evidence([answer(sources=(source(1, paper(abstract="")),))])


def test_a_model_that_is_silent_leaves_quoting_mode_out_of_the_header() -> None:
    assert "quoting mode" in header(LibraryInfo(2, "x", None))
    assert "quoting mode" not in header(LibraryInfo(2, "x", "m")) + welcome(LibraryInfo(2, "x", "m"))


def test_a_greeting_is_answered_like_one() -> None:
    turn = answer(outcome="abstained", text="You are welcome.", reason="not_a_question")
    assert Reader(conversation([turn])).text == "Why?You are welcome."
    assert "Nothing was searched" in evidence([turn])
