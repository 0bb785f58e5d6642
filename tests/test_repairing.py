"""What is done for a sentence that the check did not pass; nothing is added that it does not support."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from scripted_server import Dribble, Says, ScriptedServer, Status

from rag.answer.citations import Numbering
from rag.answer.repairing import cite, in_words, quote, rewrite, worth_rewriting
from rag.chunks import split
from rag.config import ModelConfig
from rag.errors import ModelError
from rag.judge.judgement import Judgement
from rag.llm_http import OpenAICompatibleModel
from rag.types import Citation, Claim, Hit, Paper, Source, Span

KELP = Paper("kelp", "Kelp", "Kelp grows fast in cold water. Warm years halve its growth.")
MOSS = Paper("moss", "Moss", "Peat moss holds water.")
PAPERS = {paper.paper_id: paper for paper in (KELP, MOSS)}


class ByWords:
    """Supports a claim whose words all stand in one sentence, letter for letter."""

    name = "by words"

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        wanted = set(claim.lower().rstrip(".").split())
        for place, sentence in enumerate(evidence):
            if wanted <= set(sentence.lower().rstrip(".").split()):
                return Judgement("supported", 0.9, place, ("its words stand there",))
        return Judgement("unsupported", 0.1, reasons=("not there",))


def source(number: int, paper: Paper) -> Source:
    hit = Hit(paper, split(paper)[0], 1.0, ())
    return Source(number, hit, hit.chunk.sentences)


SOURCES = (source(1, KELP), source(2, MOSS))
ON_KELP = Citation(4, "kelp", "Kelp", "c", Span(0, 30), KELP.abstract[:30])
UNCITED = Claim("Moss holds water.", (), "uncited", ("the sentence cites nothing",))


def test_a_missing_footnote_is_found_where_a_source_bears_the_sentence() -> None:
    found = cite(UNCITED, SOURCES, ByWords(), Numbering(["kelp"]))
    assert found is not None
    assert (found.verdict, found.text) == ("supported", UNCITED.text)
    (citation,) = found.citations
    assert (citation.number, citation.paper_id, citation.quote) == (2, "moss", MOSS.abstract)
    assert citation.chunk_id == SOURCES[1].hit.chunk.chunk_id
    assert "found by the check" in found.reasons[-1]


def test_no_footnote_is_made_up_for_a_sentence_that_no_source_bears() -> None:
    numbering = Numbering()
    assert cite(dataclasses.replace(UNCITED, text="Moss flies."), SOURCES, ByWords(), numbering) is None
    assert numbering.paper_ids == ()


def test_a_wrong_footnote_is_put_right() -> None:
    elsewhere = Citation(0, "moss", "Moss", None, Span(0, len(MOSS.abstract)), MOSS.abstract)
    wrong = Claim("Moss holds water.", (ON_KELP,), "unsupported", ("not there",), elsewhere=elsewhere)
    found = cite(wrong, SOURCES, ByWords(), Numbering(["kelp"]))
    assert found is not None and found.elsewhere is None
    assert [citation.paper_id for citation in found.citations] == ["moss"]
    assert "corrected by the check" in found.reasons[-1]


@pytest.mark.parametrize("verdict", ["supported", "unsupported", "unchecked"])
def test_a_sentence_with_its_own_footnotes_gets_no_other(verdict: Any) -> None:
    assert cite(Claim("Moss holds water.", (ON_KELP,), verdict), SOURCES, ByWords(), Numbering()) is None


WRONG = Claim("Kelp grows fast in warm soup.", (ON_KELP,), "unsupported", ("'soup' does not stand there",))


def rewritten(*scripts: Any, stop: threading.Event | None = None, claim: Claim = WRONG) -> tuple[Claim | None, Any]:
    with ScriptedServer(*scripts) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        stopped = stop.is_set if stop else lambda: False
        return rewrite(claim, SOURCES, PAPERS, model, ByWords(), stopped).claim, server


def test_a_wrong_sentence_is_rewritten_once_from_what_it_cites() -> None:
    found, server = rewritten(Says("“Kelp grows fast in cold water.”"))
    assert found is not None
    assert (found.text, found.verdict) == ("Kelp grows fast in cold water.", "supported")
    assert found.citations[0].number == 4
    assert f"before, it said: “{WRONG.text}”" in found.reasons[-1]
    prompt = server.requests[0].body["messages"][-1]["content"]
    assert "Kelp grows fast in warm soup." in prompt and "'soup' does not stand there" in prompt
    assert "Peat moss" not in prompt


@pytest.mark.parametrize(
    "reply", ["Kelp grows fast in hot tea.", "NOT IN THE SOURCES", "", WRONG.text, "One.\nTwo.", "Kelp " * 200]
)
def test_what_is_no_better_is_not_taken(reply: str) -> None:
    assert rewritten(Says(reply))[0] is None


def test_a_sentence_that_cites_nothing_that_exists_cannot_be_rewritten() -> None:
    claim = dataclasses.replace(WRONG, citations=(Citation(9, None),))
    assert not worth_rewriting(claim)
    found, server = rewritten(Says("Kelp grows fast in cold water."), claim=claim)
    assert found is None and server.requests == []


def test_a_model_that_fails_is_an_error_and_a_stop_ends_it() -> None:
    with pytest.raises(ModelError):
        rewritten(Status(500))
    stop = threading.Event()
    stop.set()
    assert rewritten(Dribble(["Kelp ", "grows "]), stop=stop)[0] is None


def test_what_a_rewriting_took_is_told_whether_it_was_of_use_or_not() -> None:
    for reply in ("Kelp grows fast in cold water.", "Kelp grows fast in hot tea."):
        with ScriptedServer(Says(reply, usage=(120, 9))) as server:
            model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
            usage = rewrite(WRONG, SOURCES, PAPERS, model, ByWords(), lambda: False).usage
        assert (usage.prompt_tokens, usage.completion_tokens) == (120, 9)


def test_a_failed_sentence_gives_way_to_the_one_that_it_was_made_from() -> None:
    quoted = quote(WRONG, SOURCES, (WRONG,), Numbering(["kelp"]))
    assert quoted is not None and quoted.is_quote
    assert (quoted.text, quoted.verdict) == ("Kelp grows fast in cold water.", "supported")
    (citation,) = quoted.citations
    assert (citation.number, citation.paper_id) == (1, "kelp")
    assert citation.span is not None and citation.span.of(KELP.abstract) == quoted.text
    assert f"what the model wrote: “{WRONG.text}”" in quoted.reasons[-1]
    uncited = quote(dataclasses.replace(UNCITED, text="Peat moss drinks water."), SOURCES, (), Numbering())
    assert uncited is not None and uncited.text == MOSS.abstract


def test_no_sentence_is_quoted_for_one_that_has_little_of_it_or_whose_words_are_said_already() -> None:
    assert quote(dataclasses.replace(WRONG, text="Sharks sleep in caves."), SOURCES, (), Numbering()) is None
    said = Claim("Kelp likes it cold.", (ON_KELP,), "supported")
    assert quote(WRONG, SOURCES, (said, WRONG), Numbering(["kelp"])) is None
    only_shown = (dataclasses.replace(SOURCES[0], sentences=SOURCES[0].sentences[1:]),)
    assert quote(WRONG, only_shown, (), Numbering()) is None


def test_repairs_are_counted_in_words() -> None:
    assert in_words(["found", "quoted", "quoted"]) == [
        "1 footnote was put right by the check.",
        "2 sentences that failed the check were replaced by the abstract's own words.",
    ]
    assert in_words([]) == []


def test_numbers_in_corrected_words_are_no_part_of_them() -> None:
    claim = Claim("Kelp grows fast in warm water.", (ON_KELP,), "contradicted", ("it says warm",))
    with ScriptedServer(Says("Kelp grows fast in cold water [1].")) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        done = rewrite(claim, SOURCES, PAPERS, model, ByWords(), lambda: False)
    assert done.claim is not None
    assert done.claim.text == "Kelp grows fast in cold water."
    assert [citation.number for citation in done.claim.citations] == [4]


def test_the_same_words_with_a_number_are_no_correction() -> None:
    claim = Claim("Kelp grows fast in warm water.", (ON_KELP,), "contradicted", ("it says warm",))
    with ScriptedServer(Says("Kelp grows fast in warm water [1].")) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        assert rewrite(claim, SOURCES, PAPERS, model, ByWords(), lambda: False).claim is None
