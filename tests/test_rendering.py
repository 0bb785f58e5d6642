"""Markup from answers, papers and files, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rag.adding import AddReport
from rag.types import Answer, Chunk, Citation, Claim, Hit, Origin, Paper, Skipped, Source, Span, Table, Timings, Verdict
from ui.adding import Coming
from ui.conversations import Listed
from ui.core import Row, Shelf
from ui.map import Dot, Map, Region
from ui.progress import Progress
from ui.rendering import frame, library, log_in, plots
from ui.rendering.evidence import group, shared_words, why_found
from ui.rendering.frame import Place, conversation_list, masthead, welcome
from ui.rendering.markup import Mark, address, highlighted, outside, short_name, text
from ui.rendering.sentences import marker
from ui.rendering.turns import status, turn, under_way, verdict_counts
from ui.texts import texts_in

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> & 'a' \"b\" **c** [7] {n} </details>"
EN = texts_in("en")


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


def source(number: int, of: Paper, *origins: Origin) -> Source:
    whole = Span(0, max(1, len(of.abstract)))
    chunk = Chunk(f"{of.paper_id}0", of.paper_id, 0, whole, (whole,), 3)
    return Source(number, Hit(of, chunk, 1.0, origins), (whole,))


def cite(number: int, of: Paper, quote: str, **more: object) -> Citation:
    start = of.abstract.index(quote)
    span = Span(start, start + len(quote))
    return Citation(number, of.paper_id, of.title, f"{of.paper_id}0", span, quote, **more)  # type: ignore[arg-type]


def answer(*claims: Claim, sources: tuple[Source, ...] = (), **more: object) -> Answer:
    values: dict[str, object] = {
        "question": "Why?",
        "standalone_question": "Why?",
        "outcome": "answered",
        "text": " ".join(c.text for c in claims),
    }
    return Answer(claims=claims, sources=sources, **(values | more))  # type: ignore[arg-type]


def cards(number: int, given: Answer) -> str:
    return group(number, given.question, given.sources, EN, answer=given)


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
    ("title", "name"),
    [
        ("FBLNet: A feedback loop network", "FBLNet"),
        ("A study of things that have no colon", "A study of things that have no colon"),
        (
            "What a very long title of which nobody ever knows the end: it",
            "What a very long title of which nobody ever knows the end:…",
        ),
        (r"R\"ossler systems", "Rössler systems"),
    ],
)
def test_a_paper_is_called_what_people_call_it(title: str, name: str) -> None:
    assert short_name(title) == name


@pytest.mark.parametrize(
    ("verdict", "sign", "word"),
    [
        ("supported", "✓", "verified"),
        ("partial", "◐", "partial"),
        ("contradicted", "✗", "contradicted"),
        ("unsupported", "✗", "unsupported"),
        ("unchecked", "?", "unchecked"),
    ],
)
def test_a_marker_tells_its_verdict_by_sign_and_by_name(verdict: Verdict, sign: str, word: str) -> None:
    read = Reader(marker(cite(3, paper(), "Two."), verdict, "turn-1-claim-2", {"a": "turn-1-paper-1"}, EN))
    assert read.text == f"[3]{sign}"
    tag, attributes = read.elements[0]
    assert (tag, attributes["href"], attributes["data-claim"]) == ("a", "#turn-1-paper-1", "turn-1-claim-2")
    assert attributes["aria-label"] == f"citation 3, A title, {word}"


def test_a_citation_of_nothing_is_struck_and_leads_nowhere() -> None:
    read = Reader(marker(Citation(9, None), "unsupported", "turn-1-claim-1", {}, EN))
    assert read.text == "[9?] no such source"
    assert [tag for tag, _ in read.elements if tag in ("a", "s")] == ["s"]


def hostile_paper() -> Paper:
    return paper(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        authors=(HOSTILE,),
        venue=HOSTILE,
        year=2020,
        url="javascript:alert(1)",
        notice=HOSTILE,
        origin=HOSTILE,
    )


def hostile_markups() -> dict[str, str]:
    """Every piece of the page, made of hostile text."""
    evil = hostile_paper()
    cited = cite(1, evil, HOSTILE)
    claims = (
        Claim(HOSTILE, (cited,), "partial", (HOSTILE,), missing=(HOSTILE,), elsewhere=cited),
        Claim(HOSTILE, (cited,), "supported", (), True),
    )
    sources = (source(1, evil, Origin("dense", 1, 0.5), Origin("lexical", 1, 2.0)), source(2, paper("b", HOSTILE)))
    given = answer(
        *claims,
        sources=sources,
        question=HOSTILE,
        standalone_question=HOSTILE + " 2",
        model=HOSTILE,
        notes=(HOSTILE,),
    )
    tabled = answer(
        *claims, sources=sources, question=HOSTILE, table=Table((HOSTILE, "data"), (evil.paper_id,), ((0,), (None,)))
    )
    progress = Progress(HOSTILE, HOSTILE + " 2", 3, sources, HOSTILE + " [1] tail", claims[:1])
    place = Place(HOSTILE, 1, HOSTILE, HOSTILE, person=HOSTILE, n_adding=1)
    row = Row(evil.paper_id, HOSTILE, (HOSTILE,), 2020, HOSTILE, (HOSTILE,), (HOSTILE,), HOSTILE, True, HOSTILE)
    shelf = Shelf(1, (row, row))
    report = AddReport(added=1, n_skipped=1, skipped=(Skipped(HOSTILE, 3, HOSTILE, HOSTILE),))
    coming = Coming(1, HOSTILE, "me", "failed", 2, report, HOSTILE)
    drawn = Map((Region((HOSTILE, HOSTILE), 0.5, 0.5, 0.1, ("a",)),), (Dot(HOSTILE, 0.5, 0.5, 0),), 9)
    abstained = answer(sources=sources, outcome="abstained", text=HOSTILE, reason="not_stated", question=HOSTILE)
    failed = answer(sources=sources, outcome="failed", text="", error=HOSTILE, question=HOSTILE)
    return {
        "turn": turn(1, given, EN, within=HOSTILE),
        "table": turn(1, tabled, EN),
        "abstained": turn(2, abstained, EN),
        "failed": turn(3, failed, EN),
        "under way": under_way(4, progress, EN, within=HOSTILE),
        "evidence": cards(1, given),
        "evidence under way": group(4, HOSTILE, sources, EN, claims=claims),
        "masthead": masthead(place, EN),
        "welcome": welcome(place, [HOSTILE, HOSTILE], EN),
        "list": conversation_list([Listed("abc", HOSTILE, 0.0)], None, EN),
        "settings": frame.settings(place, {"en": HOSTILE}, EN),
        "chips": frame.chips({"tag": HOSTILE}, EN),
        "filter": frame.filter_form([HOSTILE], [HOSTILE], (1, 2), frame.Narrowing(tag=HOSTILE), EN),
        "tools": library.tools(shelf, EN),
        "papers": library.paper_list(
            [row], {evil.paper_id: evil}, EN, first=0, n_all=1, n_held=1, read_only=False, kinds=("answer",)
        ),
        "files": library.files([coming], EN),
        "statistics": plots.statistics(shelf, EN),
        "map": plots.topics(drawn, EN),
        "log-in": log_in.page(EN, onward=HOSTILE, name=HOSTILE, why=HOSTILE),
    }


@pytest.mark.parametrize("piece", sorted(hostile_markups()))
def test_outside_text_makes_no_element_and_no_attribute_anywhere(piece: str) -> None:
    markup = hostile_markups()[piece]
    read = Reader(markup)
    assert {tag for tag, _ in read.elements}.isdisjoint({"script", "img"})
    for _, attributes in read.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert "javascript" not in (attributes.get("href") or "")
    everything = read.text + "".join(value or "" for _, attributes in read.elements for value in attributes.values())
    assert "details>" in everything, "the text must be there to be seen"


def test_ids_are_unique_over_a_whole_conversation_and_every_target_is_there() -> None:
    one, two = paper(), paper("b")
    claims = (
        Claim("One.", (cite(1, one, "One."),), "supported"),
        Claim("Two.", (cite(1, one, "Two."),), "unsupported", elsewhere=cite(0, two, "Two.")),
    )
    given = answer(*claims, sources=(source(1, one), source(2, two)))
    markup = "".join(turn(n, given, EN) + cards(n, given) for n in (1, 2, 3))
    markup += under_way(4, Progress("q", text="x"), EN)
    ids = re.findall(r' id="([^"]+)"', markup)
    assert len(ids) == len(set(ids)) > 20
    targets = re.findall(r'data-(?:card|back|claim|link)="([^"]+)"', markup)
    assert set(targets) <= set(ids)


def test_every_cited_paper_gets_one_card_and_the_rest_is_folded() -> None:
    one, two, three = paper("a", "First"), paper("b", "Second"), paper("c", "Third")
    claims = (
        Claim("x", (cite(1, two, "One."),), "supported", ("stated",)),
        Claim("y", (cite(2, one, "Two."), cite(1, two, "Two.")), "partial"),
    )
    markup = cards(1, answer(*claims, sources=(source(1, one), source(2, two), source(3, three), source(4, two))))
    read = Reader(markup)
    shown = [attrs["id"] for _, attrs in read.elements if (attrs.get("class") or "").startswith("card")]
    assert shown == ["turn-1-paper-2", "turn-1-paper-1", "turn-1-paper-3"]
    assert markup.index("Also found, not cited (1)") < markup.index("Third")
    assert read.marked == ["One.", "Two.", "Two."]
    assert "stated" in read.text


def test_the_cards_of_a_search_are_there_before_the_first_word_and_open_when_they_are_cited() -> None:
    one, two = paper("a", "First"), paper("b", "Second")
    sources = (source(1, one), source(2, two))
    before = group(1, "q", sources, EN)
    assert "2 abstracts found" in before
    assert "data-open" not in before
    after = group(1, "q", sources, EN, claims=(Claim("x", (cite(1, two, "One."),), "supported"),))
    assert after.index('id="turn-1-paper-2"') < after.index('id="turn-1-paper-1"')
    assert after.count("data-open") == 1
    assert "Searching" in group(1, "q", None, EN)


def test_the_counts_of_a_summary_add_up() -> None:
    claims = [Claim("a", verdict=v) for v in ("supported", "supported", "uncited", "unchecked")]
    assert verdict_counts(claims, EN) == "3 of 4 sentences checked: 2 verified, 1 no footnote, 1 unchecked"
    assert verdict_counts(claims[:2], EN) == "2 of 2 sentences checked, all verified"
    assert verdict_counts(claims[:1], EN) == "1 of 1 sentence checked, verified"
    assert verdict_counts(claims[3:], EN) == "1 sentence, unchecked"


def test_a_summary_names_the_time_and_the_mode() -> None:
    claims = [Claim("One.", (), "supported")] * 3
    said = Reader(turn(1, answer(*claims, timings=Timings(total_seconds=0.14)), EN)).text
    assert "3 of 3 sentences checked, all verified · 0.1 s · quoting mode" in said
    assert "0,1 s · Zitiermodus" in turn(
        1, answer(*claims, timings=Timings(total_seconds=0.14)), texts_in("de")
    ).replace("<bdi>", "").replace("</bdi>", "")


def test_paragraphs_of_the_answer_are_kept_and_the_sentence_being_written_goes_on_in_its_own() -> None:
    claims = (Claim("A b."), Claim("C d."), Claim("E f."))
    markup = turn(1, answer(*claims, text="A b [1]. C d.[2]\n\nE f."), EN)
    assert len(re.findall(r'<p dir="auto"><span class="claim', markup)) == 2
    going = under_way(1, Progress("q", "q", 3, (), "A b [1]. And so", claims[:1]), EN)
    assert re.search(r'<p dir="auto"><span class="claim.*<span class="tail"[^>]*> And so</span>', going)
    afresh = under_way(1, Progress("q", "q", 3, (), "A b [1].\nAnd so", claims[:1]), EN)
    assert re.search(r'</p><p dir="auto"><span class="tail"', afresh)


@pytest.mark.parametrize(
    "reason", ["empty_library", "nothing_near", "not_stated", "model_declined", "disagreement", None]
)
def test_an_abstention_has_words_for_every_reason_and_no_retry(reason: str | None) -> None:
    markup = turn(1, answer(outcome="abstained", text="Because.", reason=reason), EN)
    assert "Because." in markup
    assert 'class="notice abstained"' in markup
    assert "retry" not in markup


def test_a_disagreement_shows_both_sides() -> None:
    one = paper()
    claims = (Claim("One.", (cite(1, one, "One."),), "supported", (), True),)
    given = answer(*claims, sources=(source(1, one),), outcome="abstained", reason="disagreement", text="They differ.")
    read = Reader(turn(1, given, EN))
    assert "One." in read.text
    assert "The abstracts disagree" in read.text


@pytest.mark.parametrize("outcome", ["failed", "empty", "stopped"])
def test_what_did_not_work_can_be_tried_again(outcome: str) -> None:
    markup = turn(1, answer(outcome=outcome, text="", error="the cause" if outcome == "failed" else None), EN)
    assert 'data-do="retry"' in markup
    assert "notice abstained" not in markup


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
    assert status(Progress("q"), EN) == "Starting…"
    assert status(Progress("q"), EN, before=2) == "Waiting: 2 questions are before yours…"
    assert status(Progress("q", "q", 62), EN) == "Searching 62 abstracts…"
    assert status(Progress("q", "q", 62, (one, one)), EN) == "Reading 1 abstract…"
    assert status(Progress("q", "q", 62, (one,), "A"), EN) == "Writing and checking…"
    done = answer(outcome="abstained", text="", reason="nothing_near")
    assert status(Progress("q", answer=done), EN) == "No answer: No abstract here is near this question"


def test_years_read_from_a_question_are_a_chip_that_asks_again_without_them() -> None:
    alone = "papers on kelp " + HOSTILE
    given = answer(question="papers since 2020 on kelp", standalone_question=alone, years=(2020, None))
    buttons = [named for name, named in Reader(turn(1, given, EN)).elements if name == "button"]
    (chip,) = [named for named in buttons if named.get("data-do") == "any-year"]
    assert chip["data-question"] == alone
    assert chip["aria-label"] == "Ask again without the years: from 2020"
    assert "any-year" not in turn(1, answer(), EN)


def test_the_status_says_what_was_read_into_the_question() -> None:
    note = "“kepl” was read as “kelp”."
    found = Progress("kepl?", n_papers=3, sources=(), notes=(note,))
    assert status(found, EN).startswith(note)
    assert status(Progress("kepl?", notes=(note,), answer=answer()), EN).endswith(note)


def test_why_a_paper_was_found_is_said_in_words() -> None:
    kelp = paper("k", "Kelp forests", "Kelp grows fast on cold coasts.")
    found = source(1, kelp, Origin("dense", 2, 0.613), Origin("lexical", 1, 7.2))
    lines = why_found("How fast does kelp grow in the cold?", found, EN)
    assert lines[0] == "Its meaning is near the question: number 2 of all, similarity 0.61."
    words = ", ".join(shared_words("How fast does kelp grow in the cold?", found.hit))
    assert lines[1] == f"It shares words with the question ({words}): number 1 of all."
    assert lines[2] == "Both ways of searching agree on it."
    assert set(shared_words("How fast does kelp grow in the cold?", found.hit)) == {"kelp", "fast", "grow", "cold"}
    assert why_found("anything", source(1, kelp), EN) == []


def test_a_paper_without_an_abstract_has_a_card_that_says_so_and_a_retracted_one_warns() -> None:
    assert "came without an abstract" in cards(1, answer(sources=(source(1, paper(abstract="")),)))
    assert "Retracted in 2020" in cards(1, answer(sources=(source(1, paper(notice="Retracted in 2020")),)))


def test_a_needless_citation_is_told_apart() -> None:
    one = paper()
    claims = (Claim("x", (cite(1, one, "One.", needed=False),), "supported"),)
    given = answer(*claims, sources=(source(1, one),))
    assert "marker supported needless" in turn(1, given, EN)
    assert "not needed" in cards(1, given)


def test_a_model_leaves_quoting_mode_out_of_the_page() -> None:
    quoting, writing = Place("x", 2, None), Place("x", 2, "m", "localhost")
    assert "quoting mode" in masthead(quoting, EN)
    assert "quoting mode" not in (masthead(writing, EN) + welcome(writing, (), EN)).lower()
    assert "localhost" in frame.settings(writing, {}, EN)
    assert "Nothing." in frame.settings(quoting, {}, EN)


def test_kinds_of_work_are_offered_only_where_there_is_a_choice() -> None:
    assert frame.kinds(Place("x", 2, None), EN) == ""
    shown = Reader(frame.kinds(Place("x", 2, None, kinds=("answer", "summary", "comparison", "list")), EN))
    assert [a["value"] for tag, a in shown.elements if tag == "input"] == ["answer", "summary", "comparison"]


def test_a_greeting_is_answered_like_one() -> None:
    given = answer(outcome="abstained", text="You are welcome.", reason="not_a_question")
    assert Reader(turn(1, given, EN)).text == "Why?You are welcome."
    assert "Nothing was searched" in cards(1, given)


def test_conversations_are_grouped_by_their_age() -> None:
    day = 86_400.0
    listed = [Listed("a", "new", 10 * day), Listed("b", "old", 6 * day, imported=True), Listed("c", "", 0.0)]
    read = Reader(conversation_list(listed, "b", EN, now=10 * day + 5))
    assert re.sub(r"(Rename|Export|Delete).*?(?=Last|Older|$)", "", read.text).startswith("Todaynew")
    assert [a.get("data-open") for _, a in read.elements if a.get("aria-current") == "page"] == ["b"]
    assert "imported" in read.text
    assert "Untitled" in read.text
    assert "No conversation says that." in conversation_list([], None, EN, searched=True)


def test_a_file_shows_how_far_it_is_and_what_was_rejected() -> None:
    report = AddReport(
        added=30, unchanged=2, n_skipped=60, skipped=tuple(Skipped("f", n, "no title") for n in range(60))
    )
    read = Reader(library.files([Coming(7, "a.ris", "me", "adding", 200, report)], EN))
    assert "92 of 200 records" in read.text
    assert [a["value"] for tag, a in read.elements if tag == "progress"] == ["46"]
    assert "30 added · 2 unchanged" in read.text
    assert "60 records rejected" in read.text
    assert "line 3: no title" in read.text
    assert "and 10 more" in read.text
    assert any(a.get("data-do") == "cancel-file" for _, a in read.elements)
    done = Reader(library.files([Coming(7, "a.ris", "me", "done", 200, report)], EN))
    assert not any(a.get("data-do") == "cancel-file" for _, a in done.elements)


def test_years_and_sources_are_plotted_and_read_out() -> None:
    rows = [Row(str(n), "t", (), year, None, (origin,), (), None, True, "") for n, (year, origin) in enumerate(
        [(2019, "a.bib"), (2021, "a.bib"), (2021, "b.ris"), (None, "b.ris"), (1890, "b.ris")]
    )]  # fmt: skip
    read = Reader(plots.statistics(Shelf(1, tuple(rows)), EN))
    (plot,) = [a for tag, a in read.elements if tag == "svg"]
    assert re.sub("[\u2068\u2069]", "", plot["aria-label"] or "") == "≤ 1962: 1 paper, 2019: 1 paper, 2021: 2 papers"
    assert "≤ 1962" in read.text
    assert "1 paper has no year." in read.text
    assert "b.ris3 papers" in read.text
