"""What is embedded lies with its own chunk, and collections made with other settings go on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hashing import HashingEmbedder

from rag.adding import embed_rows
from rag.chunks import split
from rag.index import chroma
from rag.index.engine import open_search
from rag.index.rows import ChunkRow
from rag.index.texts import chunk_text_for_embedding, sentence_text_for_embedding
from rag.index.vectors import COLLECTION, EmbeddedVectors
from rag.types import Paper


def test_every_vector_stands_where_its_text_stood() -> None:
    abstracts = [
        "Short one.",
        "A longer abstract has more words. It has two sentences.",
        "One. Two. And three, at last.",
    ]
    papers = [Paper(f"p{n}", "Title" * n, abstract) for n, abstract in enumerate(abstracts)]
    rows = [ChunkRow(n, paper, split(paper)[0], b"", b"") for n, paper in enumerate(papers)]
    embedder = HashingEmbedder()
    vectors = embed_rows(embedder, rows)
    assert [len(text) for text in embedder.calls[0]] == sorted((len(text) for text in embedder.calls[0]), reverse=True)
    own = [chunk_text_for_embedding(row.paper, row.chunk) for row in rows]
    texts = []
    for row, text in zip(rows, own, strict=True):
        texts += [text, *(sentence_text_for_embedding(row.paper, sentence) for sentence in row.chunk.sentences)]
    assert np.array_equal(vectors.of_chunks, embedder.embed(own))
    assert vectors.resting.dtype == np.dtype("<f2")
    assert np.array_equal(vectors.resting, embedder.embed(texts).astype("<f2"))


def test_a_collection_that_was_made_with_fewer_neighbours_is_searched_and_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(4)
    rows = random.standard_normal((2_400, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = [f"chunk {n}" for n in range(len(rows))]

    def add(start: int, end: int) -> None:
        vectors = EmbeddedVectors(tmp_path / "vectors-1")
        with vectors.changing():
            vectors.add(ids[start:end], rows[start:end])
        vectors.close()

    with monkeypatch.context() as before:
        before.setitem(chroma.SPACE["hnsw"], "max_neighbors", 12)
        add(0, 1_200)
    assert chroma.SPACE["hnsw"]["max_neighbors"] != 12
    add(1_200, 2_400)
    vectors = EmbeddedVectors(tmp_path / "vectors-1")
    found = [vectors.query(row, 1, revision=0)[0][0] for row in rows[::12]]
    vectors.close()
    assert found == ids[::12]


def some_vectors(folder: Path, n: int) -> np.ndarray:
    random = np.random.default_rng(5)
    rows = random.standard_normal((n, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = EmbeddedVectors(folder)
    with vectors.changing():
        vectors.add([f"chunk {at}" for at in range(n)], rows)
    vectors.close()
    return rows


def test_the_engine_by_itself_finds_what_chromas_client_finds(tmp_path: Path) -> None:
    import chromadb
    from chromadb.config import Settings

    rows = some_vectors(tmp_path / "vectors-1", 1_300)
    search = open_search(tmp_path / "vectors-1", COLLECTION)
    assert search is not None
    found = [search(row, 7) for row in rows[::50]]
    client = chromadb.PersistentClient(str(tmp_path / "vectors-1"), settings=Settings(anonymized_telemetry=False))
    with client:
        collection = client.get_collection(COLLECTION, embedding_function=None)
        assert found == [chroma.nearest(collection, row, 7) for row in rows[::50]]
    assert [hits[0][0] for hits in found] == [f"chunk {at}" for at in range(0, 1_300, 50)]


def test_an_engine_that_is_not_known_is_asked_through_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import chromadb  # noqa: F401 - it has its engine before that is changed

    rows = some_vectors(tmp_path / "vectors-1", 40)
    other = {
        "another name": SimpleNamespace(),
        "another way to be opened": SimpleNamespace(
            **{name: lambda: None for name in ("SqliteDBConfig", "Bindings")},
            MigrationHash=SimpleNamespace(MD5=0),
            MigrationMode=SimpleNamespace(Apply=0),
        ),
    }
    for engine in other.values():
        monkeypatch.setitem(sys.modules, "chromadb_rust_bindings", engine)
        assert open_search(tmp_path / "vectors-1", COLLECTION) is None
        vectors = EmbeddedVectors(tmp_path / "vectors-1")
        assert [vectors.query(row, 3, revision=0)[0][0] for row in rows] == [f"chunk {at}" for at in range(40)]
        vectors.close()
