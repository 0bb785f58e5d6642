"""A new embedding for a whole library, made beside the old one and switched to in one step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from rag.adding import FIRST_CHUNKS, embed_rows
from rag.index.records import Records
from rag.index.snapshot import Snapshot
from rag.index.storage import storage
from rag.index.writer import Writer

if TYPE_CHECKING:
    from rag.embedding import Embedder

SECONDS_FOR_CHUNKS = 10.0
OVERHEAD = 0.1
"""Chunks are embedded for this long, or for so long that opening Chroma anew takes this share of it. The
write lock is held only for the writing, so that papers can be added and removed meanwhile."""
MAX_CHUNKS = 16_384


class Rebuilding:
    """One rebuild under way; ``writing`` gives the write lock for one step."""

    def __init__(
        self,
        records: Records,
        embedder: Embedder,
        writing: Callable[[], AbstractContextManager[Writer]],
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self._records = records
        self._embedder = embedder
        self._writing = writing
        self._on_progress = on_progress

    def run(self) -> None:
        """Embed all chunks, whether they were there at the beginning or came since, and switch.

        Goes on with what an earlier rebuild with the same embedding left unfinished; one with
        another embedding is given up.
        """
        generation = self._begin()
        while not self._switch(generation):
            self._embed(generation)

    def _begin(self) -> int:
        with self._writing() as writer, self._snapshot() as snapshot:
            current = snapshot.state().generation
            begun = [one for one in snapshot.embeddings() if one.generation > current]
            for one in begun:
                if one.fingerprint != self._embedder.fingerprint:
                    writer.erase_vectors(one.generation)
            fitting = [one.generation for one in begun if one.fingerprint == self._embedder.fingerprint]
            return (
                fitting[0]
                if fitting
                else self._records.begin_generation(self._embedder.fingerprint, self._embedder.n_dims)
            )

    def _embed(self, generation: int) -> None:
        """Everything that has no vector yet, from the first chunk to the last."""
        cursor, size = 0, FIRST_CHUNKS
        while True:
            with self._snapshot() as snapshot:
                rows = snapshot.unembedded(generation, cursor, size)
            if not rows:
                return
            started = time.perf_counter()
            vectors = embed_rows(self._embedder, rows)
            embedded = time.perf_counter()
            with self._writing() as writer:
                writer.begin_vectors(generation, rows, vectors, is_long=False)
                writer.finish_vectors()
            self._tell(generation)
            cursor = rows[-1].row
            seconds = max(SECONDS_FOR_CHUNKS, (time.perf_counter() - embedded) / OVERHEAD)
            size = max(1, min(int(len(rows) * seconds / (embedded - started)), 8 * size, MAX_CHUNKS))

    def _switch(self, generation: int) -> bool:
        """True once it is done; False while there are chunks without a vector."""
        with self._writing() as writer:
            with self._snapshot() as snapshot:
                if snapshot.unembedded(generation, 0, 1):
                    return False
            self._records.switch(generation)
            writer.sweep()
            return True

    def _tell(self, generation: int) -> None:
        if self._on_progress is None:
            return
        with self._snapshot() as snapshot:
            n_done = next((one.n_chunks for one in snapshot.embeddings() if one.generation == generation), 0)
            self._on_progress(n_done, snapshot.state().n_chunks)

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        with storage(self._records.folder), self._records.snapshot() as snapshot:
            assert snapshot is not None, "there is nothing to rebuild without records"
            yield snapshot
