"""Papers side by side: a model's lines become cited cells, and a table becomes text."""

from __future__ import annotations

from typing import Any

import pytest
from scripted_server import Dribble, Says, ScriptedServer, Status

from rag.answer.aspects import ASPECTS
from rag.answer.citations import Numbering
from rag.answer.comparing import NO_TABLE, write_comparison
from rag.answer.manner import Manner
from rag.answer.table import NOT_STATED, table_as_text
from rag.answer.writing import Written
from rag.chunks import split
from rag.config import ModelConfig
from rag.errors import ModelError
from rag.llm_http import OpenAICompatibleModel
from rag.types import Citation, Claim, Hit, Paper, Source, Table

KELP = Paper("kelp", "Kelp | growth", "We measured kelp at 14 sites. Growth fell by 42%. Winters were left out.")
MOSS = Paper("moss", "Moss", "Peat moss holds water.")


def sources(*papers: Paper) -> list[Source]:
    hits = [Hit(paper, split(paper)[0], 1.0, ()) for paper in papers]
    return [Source(n, hit, hit.chunk.sentences) for n, hit in enumerate(hits, 1)]


def told(*scripts: Any, papers: tuple[Paper, ...] = (KELP, MOSS)) -> tuple[list[Claim], Written, ScriptedServer]:
    with ScriptedServer(*scripts) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        said = list(write_comparison(sources(*papers), model, Numbering(), lambda: False))
    end = said[-1]
    assert isinstance(end, Written)
    return [event for event in said if isinstance(event, Claim)], end, server


@pytest.mark.slow
def test_each_line_is_a_cell_that_cites_the_one_paper_it_was_read_from() -> None:
    claims, end, server = told(
        Says("question: not stated\n**Method:** Kelp was measured at 14 sites [7].\n- result - Growth fell by 42%."),
        Says("Method: Not mentioned.\nResult: Peat moss holds water"),
    )
    assert len(server.requests) == 2
    assert [(claim.text, claim.citations[0].paper_id, claim.citations[0].number) for claim in claims] == [
        ("Kelp was measured at 14 sites.", "kelp", 1),
        ("Growth fell by 42%.", "kelp", 1),
        ("Peat moss holds water", "moss", 2),
    ]
    assert claims[1].citations[0].quote == "Growth fell by 42%."
    assert end.table is not None
    assert end.table.paper_ids == ("kelp", "moss")
    rows = dict(zip(end.table.aspects, end.table.cells, strict=True))
    assert rows == {
        "question": (None, None),
        "method": (0, None),
        "data": (None, None),
        "result": (1, 2),
        "limitation": (None, None),
    }


def test_lines_of_no_row_and_a_row_said_twice_are_passed_over() -> None:
    claims, _, _ = told(Says("Here is the table:\nmethod: One.\nmethod: Two.\nweather: rainy"), papers=(KELP,))
    assert [claim.text for claim in claims] == ["One."]


def test_a_model_that_fills_nothing_in_is_empty() -> None:
    claims, end, _ = told(Says("I cannot do tables."), papers=(KELP,))
    assert claims == [] and end.empty


def test_stopped_after_a_paper_the_table_has_that_paper() -> None:
    said: list[Any] = []
    with ScriptedServer(Says("method: Kelp was measured."), Dribble(["meth", "od: "])) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        telling = write_comparison(
            sources(KELP, MOSS), model, Numbering(), lambda: any(isinstance(event, Claim) for event in said)
        )
        for event in telling:
            said.append(event)
    end = said[-1]
    assert end.stopped
    assert end.table is not None and end.table.paper_ids == ("kelp",)


def test_a_model_that_fails_half_way_leaves_the_table_so_far_and_what_it_took() -> None:
    said: list[Any] = []
    with ScriptedServer(Says("method: Kelp was measured."), Status(500)) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        with pytest.raises(ModelError):
            for event in write_comparison(sources(KELP, MOSS), model, Numbering(), lambda: False):
                said.append(event)
    end = said[-1]
    assert end.table is not None and end.table.paper_ids == ("kelp",)
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (11, 7)


def test_a_table_as_text_has_a_row_an_aspect_and_says_what_is_not_stated() -> None:
    claim = Claim("Growth | fell.", (Citation(1, "kelp"),), is_quote=True)
    text = table_as_text(Table(("method", "result"), ("kelp",), ((None,), (0,))), ["Kelp | growth"], [claim])
    assert text.splitlines() == [
        "| | Kelp / growth |",
        "|---|---|",
        f"| **method** | *{NOT_STATED}* |",
        "| **result** | “Growth / fell.” [1] |",
    ]


def test_the_rows_are_those_that_readers_compare_by() -> None:
    assert [aspect.name for aspect in ASPECTS] == ["question", "method", "data", "result", "limitation"]


def test_prose_in_place_of_rows_is_said_to_be_no_table() -> None:
    claims, end, _ = told(Says("Kelp grows, and that is all there is to it."), papers=(KELP,))
    assert claims == [] and end.empty
    assert end.notes == (NO_TABLE,)


def test_a_wish_for_a_language_reaches_the_prompt_of_a_table() -> None:
    with ScriptedServer(Says("method: Tang wurde gemessen.")) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        manner = Manner("shorter", "German")
        list(write_comparison(sources(KELP), model, Numbering(), lambda: False, manner))
        assert "a few words, in German" in server.requests[0].body["messages"][-1]["content"]
