"""Saved answers: proved again, and asked again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hashing import HashingEmbedder

from rag.config import ModelConfig
from rag.errors import ReadError, StorageFull
from rag.filters import Filter
from rag.library import Library
from rag.llm import open_model
from rag.pipeline import How, ask
from rag.saving import differences, load, save, verify
from rag.terminal import differences_in_words
from rag.types import Answer, Paper, Turn

pytestmark = pytest.mark.slow

KELP = Paper("kelp", "Giant kelp", "Giant kelp grows 60 centimetres a day. It was measured in three seas.")
MOSS = Paper("moss", "Peat moss", "Peat moss holds water. Fires release its carbon.")
HISTORY = (Turn("What grows?", "Kelp [1].", ("kelp",)),)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add([KELP, MOSS])
        yield library


@pytest.fixture
def answer(library: Library) -> Answer:
    return ask(library, "Summarise giant kelp", about=("kelp",))


def saved(path: Path, answer: Answer, library: Library, **more: Any) -> Path:
    save(path, answer, cast(How, more), library)
    return path


def test_a_saved_answer_proves_every_quote(library: Library, answer: Answer, tmp_path: Path) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library, history=HISTORY))
    assert found.asked["history"] == HISTORY
    assert found.corpus_fingerprint == library.corpus_fingerprint
    assert found.content_hashes == {"kelp": KELP.content_hash}
    proofs = verify(found, library)
    assert len(proofs) == len(answer.claims) == 2
    assert all(proof.holds for proof in proofs)


@pytest.mark.parametrize(
    ("abstract", "problem"),
    [
        ("Note. " + KELP.abstract, "now begins at 6"),
        (KELP.abstract.replace("60", "70"), "does not say this any more"),
    ],
)
def test_an_edited_abstract_is_found_out(
    library: Library, answer: Answer, tmp_path: Path, abstract: str, problem: str
) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library))
    library.add([dataclasses.replace(KELP, abstract=abstract)])
    first = verify(found, library)[0]
    assert not first.holds and problem in first.problem


def test_a_removed_paper_is_named(library: Library, answer: Answer, tmp_path: Path) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library))
    library.remove(["kelp"])
    assert {proof.problem for proof in verify(found, library)} == {"the library does not hold this paper any more"}


def test_asking_again_with_nothing_changed_differs_in_nothing(library: Library, answer: Answer, tmp_path: Path) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library))
    assert differences(found, ask(library, "Summarise giant kelp", about=("kelp",)), library).nothing


def test_asking_again_says_what_was_searched_for_instead(library: Library, answer: Answer, tmp_path: Path) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library))
    other = differences(found, dataclasses.replace(answer, standalone_question="What is kelp?"), library)
    assert other.searched == (answer.standalone_question, "What is kelp?")
    assert other.nothing, "what is answered is the same"
    assert "now as “What is kelp?”" in differences_in_words(other)
    assert differences(found, answer, library).searched is None


def test_asking_again_names_what_is_new_and_what_is_gone(library: Library, answer: Answer, tmp_path: Path) -> None:
    found = load(saved(tmp_path / "answer.json", answer, library))
    library.add([dataclasses.replace(KELP, abstract=KELP.abstract.replace("60", "70"))])
    now = ask(library, "Summarise giant kelp", about=("kelp", "moss"))
    changed = differences(found, now, library)
    assert changed.corpus_changed
    assert "Giant kelp grows 60 centimetres a day." in changed.gone
    assert "Giant kelp grows 70 centimetres a day." in changed.new
    assert changed.new_papers == (("moss", "Peat moss"),)
    abstained = dataclasses.replace(now, outcome="abstained", claims=())
    assert differences(found, abstained, library).outcome == ("answered", "abstained")


def test_the_file_says_how_it_came_about_and_holds_no_key(
    library: Library, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key")
    model = open_model(ModelConfig("https://user:word@host.example/v1", "m", seed=7))
    path = saved(tmp_path / "answer.json", answer, library, model=model)
    record = json.loads(path.read_text())
    assert record["model"]["host"] == "host.example" and record["model"]["seed"] == 7
    assert set(record["prompts"]) >= {"answer", "summary", "judge"}
    assert "secret" not in path.read_text() and "word@" not in path.read_text()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": 99}', '{"format": 1, "answer": {"claims": [{}]}}', "[" * 9999],
)
def test_what_is_no_saved_answer_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(content)
    with pytest.raises(ReadError, match=r"answer\.json"):
        load(path)


def test_a_file_that_is_not_there_and_a_place_that_cannot_be_written(
    library: Library, answer: Answer, tmp_path: Path
) -> None:
    with pytest.raises(ReadError):
        load(tmp_path / "none.json")
    with pytest.raises(StorageFull):
        saved(tmp_path / "no" / "folder" / "answer.json", answer, library)


def test_it_is_asked_again_of_the_papers_that_were_chosen(library: Library, answer: Answer, tmp_path: Path) -> None:
    only = Filter(to_year=2020, tags=("sea",))
    how = How(about=("kelp",), without=("moss",), only=only, n_sources=3, verified_only=True, repair=False)
    asked = load(saved(tmp_path / "answer.json", answer, library, **how)).asked
    assert {name: asked[name] for name in how} == how  # type: ignore[literal-required]
    found = load(saved(tmp_path / "answer.json", answer, library, about=("kelp",)))
    again = ask(library, str(found.answer["question"]), **found.asked)
    assert differences(found, again, library).nothing


def test_a_file_that_does_not_say_how_it_was_asked_is_asked_of_all(
    library: Library, answer: Answer, tmp_path: Path
) -> None:
    path = saved(tmp_path / "answer.json", answer, library)
    record = json.loads(path.read_text("utf-8"))
    del record["asked"]
    path.write_text(json.dumps(record), "utf-8")
    assert load(path).asked["about"] == () and load(path).asked["only"] is None


@pytest.mark.parametrize("asked", [{"about": "kelp"}, {"about": [3]}, {"only": {"no_such": 1}}, {"n_sources": "x"}, 7])
def test_how_it_was_asked_may_not_be_garbled(library: Library, answer: Answer, tmp_path: Path, asked: object) -> None:
    path = saved(tmp_path / "answer.json", answer, library)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"asked": asked}), "utf-8")
    with pytest.raises(ReadError):
        load(path)
