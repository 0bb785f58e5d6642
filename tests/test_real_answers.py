"""The whole ``ask`` with a real, very small model behind a real server: whatever it writes, the rules hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import first_papers, run
from model_server import model_server

from rag.config import ModelConfig
from rag.library import Library
from rag.llm import LanguageModel, open_model
from rag.pipeline import stream
from rag.types import Answer, Checked, Finished, Found, Turn, Wrote, cited_paper_ids

pytestmark = pytest.mark.slow

QUESTIONS = (
    "How is driver attention predicted by FBLNet?",
    "What does PyMAF-X regress?",
)
N_SOURCES = 2
"""A prompt of few tokens: on two cores each takes its time."""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    gguf = os.environ.get("FOOTNOTED_TEST_MODEL")
    if not gguf:
        reason = "FOOTNOTED_TEST_MODEL does not name a GGUF file"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with model_server(Path(gguf), context_tokens=2048) as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pile") / "library"
    with Library.open(folder) as library:
        library.add(first_papers(8))
    return folder


def model_at(base_url: str, *, rewrite: bool = False) -> LanguageModel:
    """Follow-ups are the rules' by default: what so small a model makes of them is anybody's guess."""
    model = open_model(
        ModelConfig(
            base_url,
            "local",
            rewrite=rewrite,
            context_tokens=2048,
            max_output_tokens=40,
            key_env="UNSET_KEY",
            first_token_seconds=300,
            total_seconds=900,
        )
    )
    assert model is not None
    return model


def check_rules(library: Library, answer: Answer) -> None:
    assert answer.outcome in ("answered", "abstained", "empty")
    assert answer.error is None
    assert answer.sources
    assert (answer.outcome == "answered") == bool(answer.claims)
    if answer.outcome == "abstained":
        assert answer.reason
    for claim in answer.claims:
        assert (claim.verdict == "uncited") == (not claim.citations)
        for citation in claim.citations:
            if citation.paper_id is None:
                assert claim.verdict != "supported"
                continue
            assert citation.span is not None
            assert citation.quote
            assert citation.span.of(library.paper(citation.paper_id).abstract) == citation.quote


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_real_answer_streams_and_cites_only_what_abstracts_hold(base_url: str, folder: Path, question: str) -> None:
    with Library.open(folder) as library:
        events = list(stream(library, question, model=model_at(base_url), n_sources=N_SOURCES))
        assert isinstance(events[-1], Finished)
        answer = events[-1].answer
        check_rules(library, answer)
    kinds = [type(event) for event in events]
    if answer.outcome == "answered":
        assert kinds.count(Wrote) > 1
        assert kinds.index(Found) < kinds.index(Wrote)
        last = {event.index: event.claim for event in events if isinstance(event, Checked)}
        assert [last[index] for index in sorted(last)] == list(answer.claims)
        assert answer.timings.first_token_seconds is not None
        assert answer.usage.completion_tokens


def test_a_real_follow_up_keeps_the_numbers(base_url: str, folder: Path) -> None:
    with Library.open(folder) as library:
        paper = first_papers(1)[0]
        history = (Turn(QUESTIONS[0], "With incremental knowledge [1].", (paper.paper_id,)),)
        question = "On which datasets was it tested?"
        *_, last = stream(library, question, model=model_at(base_url), history=history, n_sources=N_SOURCES)
        assert isinstance(last, Finished)
        check_rules(library, last.answer)
        assert "FBLNet" in last.answer.standalone_question
        for claim in last.answer.claims:
            for citation in claim.citations:
                if citation.exists:
                    assert (citation.number == 1) == (citation.paper_id == paper.paper_id)
        assert set(cited_paper_ids(last.answer.claims)) <= {p.paper_id for p in library.papers()}


def test_whatever_a_real_model_makes_of_a_follow_up_is_one_line_or_the_rules(base_url: str, folder: Path) -> None:
    with Library.open(folder) as library:
        paper = first_papers(1)[0]
        history = (Turn(QUESTIONS[0], "With incremental knowledge [1].", (paper.paper_id,)),)
        question = "On which datasets was it tested?"
        model = model_at(base_url, rewrite=True)
        *_, last = stream(library, question, model=model, history=history, n_sources=N_SOURCES)
        assert isinstance(last, Finished)
        check_rules(library, last.answer)
        searched = last.answer.standalone_question
        assert len(searched.splitlines()) == 1 and len(searched) < 1000
        by_rules = searched == f"{question} ({paper.title})"
        told = any(
            note.startswith("The model could not say what the question stands for") for note in last.answer.notes
        )
        assert by_rules == told


def test_the_command_prints_a_real_answer(base_url: str, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "footnoted.toml"
    file.write_text(
        f'profile = "small"\nn_sources = {N_SOURCES}\n[model.small]\nbase_url = "{base_url}"\nname = "local"\n'
        "context_tokens = 2048\nmax_output_tokens = 40\nfirst_token_seconds = 300\ntotal_seconds = 900\n"
    )
    ran = run("ask", QUESTIONS[0], "--json", "--library", folder, "--config", file)
    assert ran.json["error"] is None
    assert ran.json["model"] == "local"
    assert ran.json["outcome"] in ("answered", "abstained", "empty")
    assert ran.code == {"answered": 0, "abstained": 3, "empty": 1}[ran.json["outcome"]]
