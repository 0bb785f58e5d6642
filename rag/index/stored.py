"""A live chunk as readers get it, and its vectors on their way to and from the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.index.records import ChunkRow, Snapshot
from rag.types import Chunk, Paper

if TYPE_CHECKING:
    from rag.index.vectors import FloatArray


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A live chunk, its paper, and its vectors as float32 unit rows (they rest as float16)."""

    paper: Paper
    chunk: Chunk
    vector: FloatArray
    """(n_dims,)"""
    sentence_vectors: FloatArray
    """(n_sentences, n_dims), one row for each of ``chunk.sentences``."""


def live_chunks(snapshot: Snapshot, chunk_ids: Sequence[str]) -> list[StoredChunk]:
    """The live ones of ``chunk_ids``, in no particular order."""
    return list(widened(list(snapshot.chunks(chunk_ids).values()), snapshot.state().n_dims or 0).values())


def widened(rows: Sequence[ChunkRow], n_dims: int) -> dict[str, StoredChunk]:
    """``rows`` by chunk id, all their vectors widened to float32 in one step."""
    import numpy as np

    data = b"".join(part for row in rows for part in (row.vector, row.sentence_vectors))
    vectors = np.frombuffer(data, "<f2").astype(np.float32).reshape(-1, n_dims)
    stored: dict[str, StoredChunk] = {}
    first = 0
    for row in rows:
        last = first + 1 + len(row.chunk.sentences)
        stored[row.chunk.chunk_id] = StoredChunk(row.paper, row.chunk, vectors[first], vectors[first + 1 : last])
        first = last
    return stored


def at_rest(vectors: FloatArray) -> bytes:
    """As they lie on disk: float16 keeps a cosine to about 0.0005."""
    return vectors.astype("<f2").tobytes()
