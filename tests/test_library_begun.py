"""A state that was read before, and words looked up ahead of it: newer commits come between."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hashing import HashingEmbedder, kelp_paper

from rag.errors import LibraryDamaged
from rag.index.words import Words
from rag.library import Begun, Library

VECTOR = HashingEmbedder().embed(["kelp"])[0]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add([kelp_paper(1), kelp_paper(2)])
        yield library


@pytest.fixture
def other(library: Library) -> Iterator[Library]:
    """As another process has it."""
    with Library.open(library.path, embedder=HashingEmbedder()) as other:
        yield other


def papers(library: Library, begun: Begun | None, **how: object) -> set[str]:
    found = library.candidates(vector=VECTOR, text="kelp", k=5, begun=begun, **how)  # type: ignore[arg-type]
    assert {i for i, _ in found.dense} == {i for i, _ in found.lexical} == set(found.chunks)
    return {one.paper.paper_id for one in found.chunks.values()}


def test_what_was_looked_up_ahead_is_what_is_found(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = library.begin("kelp", 5, library.state)
    begun.hits.result(timeout=10)
    expected = library.candidates(vector=VECTOR, text="kelp", k=5)
    monkeypatch.setattr(library.words, "query", None)  # it is not looked up again
    assert library.candidates(vector=VECTOR, text="kelp", k=5, begun=begun) == expected


def test_what_has_not_had_its_turn_is_looked_up_at_once(library: Library) -> None:
    never: Future[list[tuple[str, float]]] = Future()
    begun = Begun(library.revision, "kelp", 5, never)
    assert papers(library, begun) == {"p1", "p2"}
    assert never.cancelled()


@pytest.mark.parametrize("ahead", [True, False])
def test_a_commit_after_the_state_was_read_is_seen(library: Library, other: Library, ahead: bool) -> None:
    state = library.state
    begun = library.begin("kelp", 5, state) if ahead else None
    if begun is not None:
        begun.hits.result(timeout=10)
    other.add([kelp_paper(3)])
    other.remove(["p1"])
    assert papers(library, begun, known=state) == {"p2", "p3"}


def test_another_question_or_depth_is_looked_up_anew(library: Library) -> None:
    begun = library.begin("water", 5, library.state)
    assert papers(library, begun) == {"p1", "p2"}
    begun = library.begin("kelp", 1, library.state)
    assert papers(library, begun) == {"p1", "p2"}


def test_an_index_that_cannot_be_read_ahead_is_told_as_ever(library: Library) -> None:
    failed: Future[list[tuple[str, float]]] = Future()
    failed.set_exception(LibraryDamaged("torn"))
    with pytest.raises(LibraryDamaged, match="torn"):
        papers(library, Begun(library.revision, "kelp", 5, failed))


def test_a_library_is_asked_again_after_it_was_closed(library: Library) -> None:
    library.begin("kelp", 5, library.state)
    library.close()
    assert papers(library, library.begin("kelp", 5, library.state)) == {"p1", "p2"}


def test_one_who_looks_a_commit_ahead_does_not_mislead_one_who_does_not(
    library: Library, other: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share what is known to be live at a revision; the slower one has to look again, not to fail."""
    with library.snapshot() as old:
        assert old is not None
        state = old.state()
        other.add([kelp_paper(3)])
        misled: list[bool] = []

        def between(words: Words, n_documents: int) -> None:
            if not misled:  # the first one knows the new paper to be live, and has not read it yet
                misled.append(True)
                with pytest.raises(LibraryDamaged):
                    library._reader._search(old, state, VECTOR, "kelp", 5, None, None)

        monkeypatch.setattr(Words, "check_holds", between)
        assert papers(library, None, known=state) == {"p1", "p2", "p3"}
    assert misled
