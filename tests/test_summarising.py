"""Summaries by a model: in groups, noted with their papers, combined; stopped and broken off half way."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from scripted_server import Break, Dribble, Says, ScriptedServer, Status

from rag.answer.citations import Numbering
from rag.answer.manner import AS_USUAL
from rag.answer.summarising import NOT_SHORTER, write_summary
from rag.answer.writing import Written
from rag.chunks import split
from rag.config import ModelConfig
from rag.errors import ModelError
from rag.llm_http import OpenAICompatibleModel
from rag.types import Claim, Hit, Paper, Source, Usage, Wrote

TEXTS = {
    "kelp": "Kelp grows fast in cold water. Warm years halve its growth.",
    "moss": "Peat moss holds water. Fires release its carbon.",
    "crab": "Crabs walk sideways. They eat kelp at night.",
}


def group(*paper_ids: str) -> tuple[Source, ...]:
    papers = [Paper(paper_id, f"About {paper_id}", TEXTS[paper_id]) for paper_id in paper_ids]
    hits = [Hit(paper, split(paper)[0], 1.0, ()) for paper in papers]
    return tuple(Source(n, hit, hit.chunk.sentences) for n, hit in enumerate(hits, 1))


def told(
    groups: Sequence[Sequence[Source]],
    *scripts: Any,
    numbering: Numbering | None = None,
    stop: threading.Event | None = None,
) -> tuple[list[Any], ScriptedServer]:
    said: list[Any] = []
    with ScriptedServer(*scripts) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        stopped = stop.is_set if stop else lambda: False
        for event in write_summary("kelp", groups, model, numbering or Numbering(), AS_USUAL, stopped):
            said.append(event)
            if stop and len(said) == 1:
                stop.set()
    return said, server


def claims_of(said: list[Any]) -> list[Claim]:
    return [event for event in said if isinstance(event, Claim)]


def cited(claim: Claim) -> list[tuple[int, str | None]]:
    return [(citation.number, citation.paper_id) for citation in claim.citations]


def test_what_fits_into_one_prompt_is_one_request() -> None:
    said, server = told([group("kelp", "moss")], Says("Moss holds water [2]. Kelp grows fast [1]."))
    assert len(server.requests) == 1
    assert [cited(claim) for claim in claims_of(said)] == [[(1, "moss")], [(2, "kelp")]]
    assert said[-1].text == "Moss holds water [1]. Kelp grows fast [2]."


def test_notes_of_several_groups_become_one_text_in_which_every_sentence_keeps_its_papers() -> None:
    said, server = told(
        [group("kelp", "moss"), group("crab")],
        Says("Kelp grows fast [1]. Moss holds water [2]."),
        Says("Crabs eat kelp [1]."),
        Says("Kelp grows fast and is eaten by crabs [1][3]. Moss holds water [2]."),
    )
    combining = server.requests[2].body["messages"][-1]["content"]
    assert "Kelp grows fast. [1]\nMoss holds water. [2]\nCrabs eat kelp. [3]" in combining
    first, second = claims_of(said)
    assert cited(first) == [(1, "kelp"), (2, "crab")]
    assert cited(second) == [(3, "moss")]
    assert first.citations[1].quote == "They eat kelp at night."
    end = said[-1]
    assert isinstance(end, Written)
    assert end.text == "Kelp grows fast and is eaten by crabs [1][2]. Moss holds water [3]."
    assert end.usage.prompt_tokens == 33
    shown = [event.text for event in said if isinstance(event, Wrote)]
    assert shown[0] == "Kelp grows fast. [1] Moss holds water. [2]"


def test_a_note_without_a_paper_goes_no_further() -> None:
    _, server = told(
        [group("kelp"), group("moss")],
        Says("Everybody knows that. Kelp grows fast [1]."),
        Says("Moss holds water [7]."),
        Says("Kelp grows fast [1]."),
    )
    combining = server.requests[2].body["messages"][-1]["content"]
    assert "Everybody knows" not in combining and "Moss holds" not in combining


def test_groups_that_have_nothing_to_say_are_an_answer_that_was_declined() -> None:
    said, server = told([group("kelp"), group("moss")], Says("NOT IN THE SOURCES"), Says("NOT IN THE SOURCES"))
    assert len(server.requests) == 2
    assert said[-1].declined and claims_of(said) == []


def test_more_notes_than_fit_are_combined_in_rounds() -> None:
    groups = [group(name) for name in ("kelp", "moss", "crab")]
    long = " ".join(["very"] * 150)
    with ScriptedServer(
        *(Says(f"It is {long} wet [1].") for _ in groups),
        *(Says("It is wet [1].") for _ in groups),
        Says("All is wet [1][2][3]."),
    ) as server:
        config = ModelConfig(server.base_url, "s", context_tokens=700, max_output_tokens=100, max_retries=0)
        model = OpenAICompatibleModel(config)
        said = list(write_summary("water", groups, model, Numbering(), AS_USUAL, lambda: False))
        assert len(server.requests) == 7
    (claim,) = claims_of(said)
    assert {citation.paper_id for citation in claim.citations} == {"kelp", "moss", "crab"}


def test_stopped_half_way_the_notes_so_far_are_the_answer() -> None:
    stop = threading.Event()
    said, _ = told(
        [group("kelp"), group("moss")], Says("Kelp grows fast [1]."), Dribble(["Moss ", "holds "]), stop=stop
    )
    end = said[-1]
    assert end.stopped and end.text == "Kelp grows fast. [1]"
    assert [claim.text for claim in claims_of(said)] == ["Kelp grows fast."]


@pytest.mark.parametrize("fault", [Status(500), Break(["Moss "])])
def test_a_model_that_fails_half_way_leaves_the_notes_so_far(fault: Any) -> None:
    said: list[Any] = []
    with ScriptedServer(Says("Kelp grows fast [1]."), fault) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        telling = write_summary("kelp", [group("kelp"), group("moss")], model, Numbering(), AS_USUAL, lambda: False)
        with pytest.raises(ModelError):
            for event in telling:
                said.append(event)
    assert [claim.text for claim in claims_of(said)] == ["Kelp grows fast."]
    assert said[-1].usage == Usage(11, 7)


def test_numbers_go_on_from_the_conversation() -> None:
    said, _ = told([group("kelp")], Says("Kelp grows fast [1]."), numbering=Numbering(["moss"]))
    assert cited(claims_of(said)[0]) == [(2, "kelp")]


def test_notes_that_get_no_shorter_are_shown_with_every_paper() -> None:
    """The model repeats its notes whenever it is to join them, and they do not fit into one prompt."""
    papers = [
        Paper(f"p{n}", f"Reef {n}", f"Reef number {n} has {n} kinds of coral on its slopes.") for n in range(1, 41)
    ]
    hits = [Hit(paper, split(paper)[0], 1.0, ()) for paper in papers]
    groups = [(Source(1, hit, hit.chunk.sentences),) for hit in hits]
    notes = [f"Reef number {n} has {n} kinds of coral, as was found on its slopes by divers [1]." for n in range(1, 41)]

    class Repeating:
        name, context_tokens, max_output_tokens, evidence = "repeating", 1024, 256, "sentences"

        def __init__(self) -> None:
            self.n = 0

        def stream(self, messages: Sequence[Any]) -> Any:
            user = messages[-1].content
            inside = user[user.index("<<<") + 4 : user.index(">>>")].strip()
            self.n += 1
            said = notes[self.n - 1] if self.n <= len(notes) else inside
            return Reply(said)

    said = list(write_summary("reefs", groups, Repeating(), Numbering(), AS_USUAL, lambda: False))
    assert {c.paper_id for claim in claims_of(said) for c in claim.citations} == {paper.paper_id for paper in papers}
    for claim in claims_of(said):
        (citation,) = claim.citations
        assert f"number {str(citation.paper_id)[1:]} " in claim.text
    assert NOT_SHORTER in said[-1].notes


class Reply:
    """A whole reply at once."""

    usage, finish_reason = Usage(), "stop"

    def __init__(self, text: str) -> None:
        self._pieces = iter([text])

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        pass
