"""Conversations on their way out and back: Markdown, HTML, BibTeX, JSON with proofs, text to copy."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from page_core import COMPARED, FLOOD, HOSTILE, HOSTILE_PAPER, NETWORK, PROSE, QUOTES, TABLE, answered, cite, source

from rag.readable import readable
from rag.readers.bibtex import read as read_bibtex
from rag.readers.file import open_text
from rag.types import Answer, Claim, Paper
from ui.conversations import KeptTurn
from ui.errors import Refused
from ui.sharing import imported
from ui.sharing.bibtex import bibtex
from ui.sharing.export import KINDS, Exported, as_bibtex, as_html, as_json, as_markdown, file_name, proofs
from ui.sharing.plain import as_plain_text
from ui.texts import texts_in

EN = texts_in("en")


def conversation(*answers: Answer, title: str = "Drivers and floods") -> Exported:
    return Exported(title, tuple(KeptTurn(n, a.question, {}, a) for n, a in enumerate(answers, 1)))


HOSTILE_ANSWER = Answer(
    HOSTILE,
    HOSTILE,
    "answered",
    HOSTILE,
    (
        Claim(HOSTILE, (cite(1, HOSTILE_PAPER, HOSTILE),), "supported", (HOSTILE,)),
        Claim(HOSTILE, (cite(1, HOSTILE_PAPER, HOSTILE),), "supported", (HOSTILE,), True),
    ),
    (source(1, HOSTILE_PAPER),),
    HOSTILE,
    notes=(HOSTILE,),
)


class Elements(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_markdown_says_each_sentence_with_its_number_and_verdict_and_lists_the_references() -> None:
    written = as_markdown(conversation(answered("What is FBLNet?", PROSE)), EN)
    lines = written.splitlines()
    assert lines[0] == "# Drivers and floods"
    assert r"- It beats existing methods on three benchmarks\. \[1\] *(✗ contradicted)*" in lines
    assert r"- Labels are cheap\. \[9?\] *(✗ unsupported)*" in lines
    html = MarkdownIt().render(written)
    assert "<h2>What is FBLNet?</h2>" in html
    assert "[1] <em>(✗ contradicted)</em>" in html
    assert html.count("<blockquote>") == 3, "the quotes of the cited papers"


def test_markdown_of_hostile_text_is_that_text() -> None:
    html = MarkdownIt("commonmark", {"html": True}).render(as_markdown(conversation(HOSTILE_ANSWER, title=HOSTILE), EN))
    found = Elements(html).found
    assert {tag for tag, _ in found} <= {"h1", "h2", "p", "em", "ul", "ol", "li", "blockquote"}
    assert "<script>" not in html


def test_an_exported_page_runs_nothing_loads_nothing_and_leads_to_its_sentences() -> None:
    page = Elements(as_html(conversation(answered("q", PROSE), HOSTILE_ANSWER, title=HOSTILE), EN))
    tags = {tag for tag, _ in page.found}
    assert tags.isdisjoint({"script", "img", "form", "link", "iframe", "button"})
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    policy = [a["content"] for t, a in page.found if t == "meta" and a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    ids = {a["id"] for _, a in page.found if a.get("id")}
    links = [a["href"] or "" for t, a in page.found if t == "a" and (a.get("href") or "").startswith("#")]
    assert links
    assert {link[1:] for link in links} <= ids
    assert any(tag == "mark" for tag, _ in page.found)
    assert "contradicted" in page.text


def test_bibtex_holds_what_is_cited_and_is_read_back_by_the_project_s_own_reader() -> None:
    written = as_bibtex(conversation(answered("q", PROSE)), EN)
    assert written.count("@") == 3 - 1 + 1, "two papers are cited by a quote, one without"
    papers = [item for item in read_bibtex(text_file(written)) if isinstance(item, Paper)]
    assert [readable(paper.title) for paper in papers] == [
        NETWORK.title,
        FLOOD.title,
        "Counting whales by their songs",
    ]
    assert papers[0].authors == NETWORK.authors
    assert papers[0].year == 2022


def text_file(written: str) -> object:
    import io

    return open_text("export.bib", lambda: io.BytesIO(written.encode()))


def test_bibtex_of_hostile_values_stays_one_entry_with_its_own_key() -> None:
    evil = replace(
        NETWORK, title="} @article{x, title={y} \\input{/etc/passwd} % & $ # _ ^ ~", authors=("A and B", "Ø Ö")
    )
    written = bibtex([evil, evil, Paper("z", "", "")])
    assert written.count("\n@") == 2
    assert "\\input" not in written
    keys = [line.split("{")[1].rstrip(",") for line in written.splitlines() if line.startswith("@")]
    assert keys == ["b2022articlex", "b2022articlex-2", "paper"]
    assert "{A and B}" in written


def test_a_file_s_name_is_plain_whatever_the_title() -> None:
    assert file_name("Drivers & floods: ÄÖ?", "md") == "drivers-floods-ao.md"
    assert file_name("../../etc/passwd\r\nX: y", "json") == "etc-passwd-x-y.json"
    assert file_name("題", "bib") == "conversation.bib"
    assert len(file_name("x" * 500, "md")) < 80


def test_json_gives_proofs_that_anybody_can_check() -> None:
    written = json.loads(as_json(conversation(answered("q", PROSE), answered("c", COMPARED, table=TABLE)), EN))
    (first, second) = written["turns"]
    assert len(second["proofs"]) == 3
    for turn in (first, second):
        abstracts = {s["hit"]["paper"]["paper_id"]: s["hit"]["paper"]["abstract"] for s in turn["answer"]["sources"]}
        for proof in turn["proofs"]:
            assert abstracts[proof["paper_id"]][proof["start"] : proof["end"]] == proof["quote"]
    assert proofs(answered("q", QUOTES))[0]["content_hash"] == NETWORK.content_hash


def test_what_was_exported_is_read_back_equal() -> None:
    given = conversation(answered("q", QUOTES), answered("c", COMPARED, table=TABLE, kind="comparison"), HOSTILE_ANSWER)
    assert imported.read(as_json(given, EN).encode(), EN) == given


def test_a_lie_in_an_imported_file_loses_its_verdict() -> None:
    value = json.loads(as_json(conversation(answered("q", QUOTES)), EN))
    claims = value["turns"][0]["answer"]["claims"]
    claims[0]["citations"][0]["quote"] = "Something the abstract never said."
    claims[1]["citations"][0]["span"] = {"start": 3, "end": 9}
    claims[2]["citations"][0]["paper_id"] = "no-such-paper"
    value["turns"][0]["answer"]["sources"][0]["hit"]["sentence_vectors"] = [[1e9]]
    (turn,) = imported.read(json.dumps(value).encode(), EN).turns
    assert turn.answer is not None
    assert [claim.verdict for claim in turn.answer.claims] == ["unchecked"] * 3
    assert [claim.citations[0].span for claim in turn.answer.claims] == [None] * 3
    assert not turn.answer.claims[0].is_quote
    assert turn.answer.sources[0].hit.sentence_vectors is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a conversation"),
        (b"\xff\xfe\x00", "not a conversation"),
        (b"[" * 100_000, "not a conversation"),
        (b'{"format": "something else"}', "not a conversation"),
        (b'{"format": "footnoted conversation", "version": 99, "turns": []}', "newer"),
        (b'{"format": "footnoted conversation", "version": "1", "turns": []}', "newer"),
        (b'{"format": "footnoted conversation", "version": 1}', "'turns'"),
        (b'{"format": "footnoted conversation", "version": 1, "turns": [7]}', "'turns' 1"),
        (b'{"format": "footnoted conversation", "version": 1, "turns": [{"answer": {"question": 5}}]}', "'turns' 1"),
        (b" " * (imported.MAX_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_what_is_no_export_is_refused_in_words(data: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        imported.read(data, EN)


def test_copied_text_never_looks_better_than_the_answer_was() -> None:
    copied = as_plain_text(answered("q", PROSE)).splitlines()
    assert copied[0] == "FBLNet models how drivers gather experience. [1]"
    assert copied[4] == "Labels are cheap. [9?] (unsupported)"
    assert copied[5] == "This matters for safety. (uncited)"
    assert copied[-3].startswith("[1] Y. Chen, Z. Nan, T. Xiang: FBLNet")
    assert as_plain_text(answered("q", QUOTES)).startswith("“We propose")


def test_every_kind_of_export_takes_an_empty_conversation() -> None:
    for _, write in KINDS.values():
        assert isinstance(write(conversation(), EN), str)
