"""What is embedded lies with its own chunk, and collections made with other settings go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hashing import HashingEmbedder

from rag.adding import embed_rows
from rag.chunks import split
from rag.index import chroma
from rag.index.rows import ChunkRow
from rag.index.texts import chunk_text_for_embedding, sentence_text_for_embedding
from rag.index.vectors import EmbeddedVectors
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
