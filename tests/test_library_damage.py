"""What is missing or damaged in a library is seen, said, and made good from what is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hashing import HashingEmbedder, kelp_paper
from library_state import everywhere

from rag.errors import LibraryDamaged
from rag.library import Library
from rag.types import Paper

pytestmark = pytest.mark.slow


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


def test_verify_sees_what_is_missing_and_repair_rebuilds_without_embedding(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    import shutil

    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(n) for n in range(5)])
    calls = len(embedder.calls)
    shutil.rmtree(tmp_path / "words")
    shutil.rmtree(tmp_path / "vectors-1")
    vector = embedder.embed(["kelp"])[0]
    with Library.open(tmp_path, embedder=embedder) as library:
        assert len(library.candidates(vector=vector, text=None, k=3).dense) == 3
        with pytest.raises(LibraryDamaged, match="repair"):
            library.candidates(vector=None, text="kelp", k=3)
        assert len(library.verify()) == 2
        assert library.repair() == []
        assert everywhere(library, *(f"p{n}" for n in range(5)))
    assert len(embedder.calls) == calls + 1


def test_counts_that_are_off_are_found_and_mended(tmp_path: Path, embedder: HashingEmbedder) -> None:
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([*(kelp_paper(n) for n in range(3)), Paper("bare", "A title alone", "")])
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as connection, connection:
        connection.execute("UPDATE state SET n_papers = n_papers + 7, n_chunks = n_chunks - 1, n_bare = 0")
        connection.execute("UPDATE embedding SET n_chunks = n_chunks + 2")
    with Library.open(tmp_path, embedder=embedder) as library:
        assert len(library.verify()) == 4
        assert library.repair() == []
        state = library.state
        assert (state.n_papers, state.n_chunks, state.n_embedded) == (4, 3, 3)


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("meta.json", lambda file: file.write_text("{")),
        ("*.store", lambda file: file.write_bytes(file.read_bytes()[:20])),
        ("*.idx", Path.unlink),
    ],
)
def test_words_with_a_damaged_file_say_so_and_are_mended(
    tmp_path: Path, embedder: HashingEmbedder, file: str, harm: Callable[[Path], object]
) -> None:
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(n) for n in range(3)])
    for found in list((tmp_path / "words").glob(file)):
        harm(found)
    with Library.open(tmp_path, embedder=embedder) as library:
        with pytest.raises(LibraryDamaged, match=r"cannot be read .* run 'footnoted repair'"):
            library.candidates(vector=None, text="kelp", k=3)
        with pytest.raises(LibraryDamaged):
            library.words.counts(["kelp"])
        assert len(library.verify()) == 1
        assert library.repair() == []
        assert everywhere(library, "p0", "p1", "p2")


def test_words_indexed_by_another_version_say_so_and_repair_indexes_them_anew(
    tmp_path: Path, embedder: HashingEmbedder
) -> None:
    import shutil

    import tantivy

    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(n) for n in range(3)])
    shutil.rmtree(tmp_path / "words")
    (tmp_path / "words").mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text")
    tantivy.Index(builder.build(), path=str(tmp_path / "words"))
    with Library.open(tmp_path, embedder=embedder) as library:
        with pytest.raises(LibraryDamaged, match="another version of footnoted: run 'footnoted repair'"):
            library.candidates(vector=None, text="kelp", k=3)
        assert len(library.verify()) == 1
        assert library.repair() == []
        assert everywhere(library, "p0", "p1", "p2")


def garble_database(library: Path) -> None:
    (library / "vectors-1" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)


def tear_graph(library: Path) -> None:
    # Chroma saves its graph after 1,000 changes; half a file of it ends the process that loads it.
    folder = library / "vectors-1" / "1c1d4ae0-0000-0000-0000-000000000000"
    folder.mkdir()
    for name in ("link_lists.bin", "index_metadata.pickle"):
        (folder / name).write_bytes(bytes(100))


def forget_vectors(library: Path) -> None:
    import shutil

    shutil.rmtree(library / "vectors-1")


@pytest.mark.parametrize("damage", [garble_database, tear_graph, forget_vectors])
def test_a_chroma_that_cannot_be_loaded_costs_no_answer_and_is_rebuilt_by_the_next_add(
    tmp_path: Path, embedder: HashingEmbedder, damage: Callable[[Path], None]
) -> None:
    papers = [kelp_paper(n) for n in range(5)]
    vector = embedder.embed(["word3 kelp"])[0]
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add(papers)
        expected = library.candidates(vector=vector, text="kelp", k=3)
    damage(tmp_path)
    with Library.open(tmp_path, embedder=embedder) as library:
        for _ in range(2):
            found = library.candidates(vector=vector, text="kelp", k=3)
            assert found.lexical == expected.lexical
            assert [score for _, score in found.dense] == pytest.approx([s for _, s in expected.dense], abs=2e-3)
        assert library.verify() != []
        library.add([kelp_paper(5)])
        assert everywhere(library, *(f"p{n}" for n in range(6)))
    assert sum(len(call) for call in embedder.calls) == 1 + 6 * 4
