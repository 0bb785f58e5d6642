"""What ``--json`` prints is what the published schemas say, for every outcome."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from command import KEY, first_papers, run, write_records
from jsonschema import Draft202012Validator
from scripted_server import Says, ScriptedServer, Status

from rag.cli import SCHEMAS
from rag.config import ModelConfig
from rag.library import Library
from rag.llm import open_model
from rag.pipeline import stream
from rag.types import Finished, Wrote
from rag.wire import answer_to_json

pytestmark = pytest.mark.slow

QUESTION = "How is driver attention predicted by FBLNet?"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pile")
    file = write_records(folder / "six.jsonl", *first_papers(6))
    assert run("add", file, "--library", folder / "library").code == 0
    return folder / "library"


def schema(name: str) -> Draft202012Validator:
    written = run("schema", name).json
    Draft202012Validator.check_schema(written)
    return Draft202012Validator(written)


def problems(name: str, value: object) -> list[str]:
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in schema(name).iter_errors(value)]


def asked(pile: Path, *scripts: Any, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    with ScriptedServer(*scripts) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "FOOTNOTED_MODEL": "scripted", "OPENAI_API_KEY": KEY}
        answer: dict[str, Any] = run("ask", QUESTION, "--json", "--library", pile, *flags, env=env).json
    assert problems("answer", answer) == []
    return answer


def test_every_part_of_every_schema_is_described_and_closed() -> None:
    def walk(part: Any, path: str) -> None:
        if isinstance(part, dict):
            if part.get("type") == "object":
                assert part["additionalProperties"] is False, path
                for name, property_ in part["properties"].items():
                    described = "description" in property_ or "$ref" in str(property_) or "const" in property_
                    assert described or property_ == {"type": "null"}, f"{path}/{name}"
            for key, value in part.items():
                walk(value, f"{path}/{key}")
        elif isinstance(part, list):
            for value in part:
                walk(value, path)

    for name in SCHEMAS:
        walk(run("schema", name).json, name)


def test_papers_and_hits_are_as_their_schemas_say(pile: Path) -> None:
    assert problems("papers", run("papers", "--json", "--library", pile).json) == []
    found = run("search", QUESTION, "--json", "--library", pile).json
    assert found
    assert problems("search", found) == []
    slip = run("search", "driver atention", "--json", "--explain", "--library", pile).json
    assert problems("search", slip) == [] and slip[0]["read_as"]


def test_answered_by_quoting_abstained_and_not_a_question(pile: Path) -> None:
    for question, outcome in ((QUESTION, "answered"), ("Who funded FBLNet?", "abstained"), ("hello", "abstained")):
        answer = run("ask", question, "--json", "--library", pile).json
        assert answer["outcome"] == outcome
        assert problems("answer", answer) == []


def test_answered_by_a_model_with_good_and_bad_markers(pile: Path) -> None:
    answer = asked(pile, Says("FBLNet models driving experience [1]. It won 17 prizes [9]. It is new."))
    assert answer["outcome"] == "answered"
    assert [claim["citations"][0]["paper_id"] is None for claim in answer["claims"][:2]] == [False, True]


def test_failed_before_a_word_and_after_some(pile: Path) -> None:
    assert asked(pile, Status(401))["outcome"] == "failed"
    answer = asked(pile, Says("FBLNet models driving experience [1]. Then it goes", done=False, finish_reason=None))
    assert answer["outcome"] == "failed"
    assert answer["claims"]


def test_empty_and_declined(pile: Path) -> None:
    assert asked(pile, Says(""))["outcome"] == "empty"
    assert asked(pile, Says("NOT IN THE SOURCES"))["reason"] == "model_declined"


def test_stopped(pile: Path) -> None:
    stop = threading.Event()
    with ScriptedServer(Says("FBLNet models driving experience [1]. " * 20, pause_seconds=0.02)) as server:
        model = open_model(ModelConfig(server.base_url, "scripted"))
        with Library.open(pile) as library:
            for event in stream(library, QUESTION, model=model, stop=stop):
                if isinstance(event, Wrote):
                    stop.set()
    assert isinstance(event, Finished)
    assert event.answer.outcome == "stopped"
    assert problems("answer", json.loads(json.dumps(answer_to_json(event.answer)))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "fine"},
        {"outcome": "failed", "error": None},
        {"claims": []},
        {"surplus": 1},
        {"seconds": -1},
    ],
)
def test_the_schema_refuses_what_is_not_an_answer(pile: Path, change: dict[str, Any]) -> None:
    answer = run("ask", QUESTION, "--json", "--library", pile).json
    assert problems("answer", {**answer, **change})
