"""A library whose embedding is changed while others read it and write to it, and while the rebuild dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEmbedder, kelp_paper

import rag.rebuilding
from rag.errors import LibraryMismatch
from rag.index.records import Records
from rag.index.vectors import EmbeddedVectors, folder_of
from rag.index.writer import Writer
from rag.library import Library

pytestmark = pytest.mark.slow

EVERYTHING = 10_000
N_PAPERS = 24

OLD, NEW, OTHER = ("hashing/1", 64), ("hashing/2", 32), ("hashing/3", 16)

REBUILDER = """
import sys
sys.path.insert(0, {tests!r})
from hashing import HashingEmbedder
import rag.rebuilding
from rag.library import Library
rag.rebuilding.FIRST_CHUNKS = rag.rebuilding.MAX_CHUNKS = 4
library = Library.open(sys.argv[1], embedder=HashingEmbedder("hashing/2", 32))
library.rebuild(on_progress=lambda n_done, n_chunks: (print(n_done, flush=True), sys.stdin.readline()))
"""


class Killed(BaseException):
    """Ends a rebuild on the spot, as a signal would."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rag.rebuilding, "FIRST_CHUNKS", 4)
    monkeypatch.setattr(rag.rebuilding, "MAX_CHUNKS", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_with(OLD, tmp_path / "library") as library:
        library.add(kelp_paper(n) for n in range(N_PAPERS))
    return tmp_path / "library"


@pytest.fixture
def reader(folder: Path) -> Iterator[Library]:
    """Opened before anything happens, with the embedding that made the library."""
    with open_with(OLD, folder) as library:
        assert found_by(library, OLD) == papers(range(N_PAPERS))
        yield library


def open_with(embedding: tuple[str, int], folder: Path) -> Library:
    return Library.open(folder, embedder=HashingEmbedder(*embedding))


def papers(numbers: range | set[int]) -> set[str]:
    return {f"p{n}" for n in numbers}


def found_by(library: Library, embedding: tuple[str, int]) -> set[str]:
    """Every paper that its meaning finds, and its words too: one commit for both."""
    vector = HashingEmbedder(*embedding).embed(["kelp"])[0]
    found = library.candidates(vector=vector, text="kelp", k=EVERYTHING)
    dense, lexical = ({found.chunks[i].paper.paper_id for i, _ in side} for side in (found.dense, found.lexical))
    assert dense <= lexical
    return dense


def n_embedded(embedder: object) -> int:
    assert isinstance(embedder, HashingEmbedder)
    return sum(map(len, embedder.calls))


def is_whole_with(library: Library, embedding: tuple[str, int], expected: set[str]) -> bool:
    """All of it is found by the new vectors, and nothing of another set of vectors is left anywhere."""
    with library.snapshot() as snapshot:
        assert snapshot is not None
        generations = [one.generation for one in snapshot.embeddings()]
        left = snapshot.pending_words() + snapshot.pending_vectors(generations[0])
    folders = [path.name for path in library.path.glob("vectors-*") if path.is_dir()]
    return (
        library.fingerprint == embedding[0]
        and found_by(library, embedding) == expected
        and library.verify() == left == []
        and folders == [folder_of(library.path, generations[0]).name]
        and len(generations) == 1
    )


def test_readers_have_the_old_vectors_until_all_of_the_new_ones_are_there(folder: Path, reader: Library) -> None:
    stages: list[tuple[int, int, str | None, set[str]]] = []

    def look(n_done: int, n_chunks: int) -> None:
        stages.append((n_done, n_chunks, reader.fingerprint, found_by(reader, OLD)))

    with open_with(NEW, folder) as library:
        library.rebuild(on_progress=look)
        assert stages == [(n, N_PAPERS, OLD[0], papers(range(N_PAPERS))) for n in range(4, N_PAPERS + 1, 4)]
        assert is_whole_with(library, NEW, papers(range(N_PAPERS)))
    assert found_by(reader, NEW) == papers(range(N_PAPERS))
    with pytest.raises(LibraryMismatch, match="rebuild"):
        _ = reader.embedder


def test_what_is_added_edited_and_removed_meanwhile_is_so_afterwards(folder: Path, reader: Library) -> None:
    def change(n_done: int, n_chunks: int) -> None:
        if n_done == 8:
            with open_with(OLD, folder) as other:
                other.add([kelp_paper(N_PAPERS), kelp_paper(N_PAPERS + 1)])
                other.remove(["p1", "p20"])
            assert found_by(reader, OLD) == papers(set(range(N_PAPERS + 2)) - {1, 20})

    with open_with(NEW, folder) as library:
        library.rebuild(on_progress=change)
        assert is_whole_with(library, NEW, papers(set(range(N_PAPERS + 2)) - {1, 20}))


def test_killed_half_way_the_old_vectors_stand_and_the_next_rebuild_goes_on(folder: Path, reader: Library) -> None:
    script = REBUILDER.format(tests=str(Path(__file__).parent))
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdin=pipe, stdout=pipe, text=True) as rebuilder:
        assert rebuilder.stdin is not None
        assert rebuilder.stdout is not None
        for n_done in (4, 8, 12):
            assert rebuilder.stdout.readline() == f"{n_done}\n"
            rebuilder.stdin.write("\n")
            rebuilder.stdin.flush()
        rebuilder.send_signal(signal.SIGKILL)
    assert reader.fingerprint == OLD[0]
    assert found_by(reader, OLD) == papers(range(N_PAPERS))
    assert reader.verify() == []
    with open_with(OLD, folder) as writer:
        writer.add([kelp_paper(N_PAPERS)])
        assert found_by(reader, OLD) == papers(range(N_PAPERS + 1))
    embedder = HashingEmbedder(*NEW)
    with Library.open(folder, embedder=embedder) as library:
        library.rebuild()
        assert is_whole_with(library, NEW, papers(range(N_PAPERS + 1)))
    n_texts_each = 4  # the chunk and its three sentences
    assert n_embedded(embedder) <= n_texts_each * (N_PAPERS + 1 - 12)


STEPS: list[tuple[type, str]] = [
    (Records, "begin_generation"),
    (Records, "intend_vectors"),
    (EmbeddedVectors, "add"),
    (Records, "publish_vectors"),
    (Records, "switch"),
    (Writer, "erase_vectors"),
    (EmbeddedVectors, "erase"),
    (Records, "drop_generation"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[f"{owner.__name__}.{step}" for owner, step in STEPS])
def test_a_rebuild_that_dies_at_any_step_leaves_the_old_vectors_or_the_new_ones(
    folder: Path, reader: Library, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, when: str
) -> None:
    original: Callable[..., Any] = getattr(owner, step)

    def dying(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            original(*arguments, **named)
        raise Killed

    with open_with(NEW, folder) as library, monkeypatch.context() as patch:
        patch.setattr(owner, step, dying)
        with pytest.raises(Killed):
            library.rebuild()
    steps = [f"{owner.__name__}.{step} {time}" for owner, step in STEPS for time in ("before", "after")]
    is_switched = steps.index(f"{owner.__name__}.{step} {when}") >= steps.index("Records.switch after")
    now = NEW if is_switched else OLD
    assert reader.fingerprint == now[0]
    assert found_by(reader, now) == papers(range(N_PAPERS))
    assert reader.verify() == []
    with open_with(now, folder) as writer:
        writer.remove(["p0"])
    with open_with(NEW, folder) as library:
        if not is_switched:
            library.rebuild()
        assert is_whole_with(library, NEW, papers(range(1, N_PAPERS)))


def test_a_rebuild_with_yet_another_embedding_gives_up_the_unfinished_one(folder: Path, reader: Library) -> None:
    def die(n_done: int, n_chunks: int) -> None:
        assert found_by(reader, OLD) == papers(range(N_PAPERS))
        raise Killed

    with open_with(NEW, folder) as library, pytest.raises(Killed):
        library.rebuild(on_progress=die)
    embedder = HashingEmbedder(*OTHER)
    with Library.open(folder, embedder=embedder) as library:
        library.rebuild()
        assert n_embedded(embedder) == 4 * N_PAPERS
        assert is_whole_with(library, OTHER, papers(range(N_PAPERS)))
