"""The read half of a library: the best chunks of both sides, out of one committed state."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import LibraryBusy, LibraryDamaged, LibraryMismatch, StorageFull, StoreUnreachable
from rag.index.records import Records
from rag.index.snapshot import Snapshot, State
from rag.index.storage import storage
from rag.index.stored import StoredChunk, nearest, widened
from rag.index.words import Words
from rag.types import Paper

if TYPE_CHECKING:
    from rag.filters import Filter
    from rag.index.chroma import FloatArray, Vectors

MAX_KEPT_CHUNKS = 2_000
"""Chunks kept in memory between searches, about 30 MB."""

MAX_LOOKED_THROUGH = 20_000
"""Papers that a filter may leave for their vectors to be compared one by one, and their ids named to
tantivy: exact, and for so few about as fast as asking both indexes for more and dropping the rest."""

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Candidates:
    """What both sides found in one committed state, best first."""

    revision: int
    dense: list[tuple[str, float]]
    """(chunk_id, cosine)"""
    lexical: list[tuple[str, float]]
    """(chunk_id, BM25)"""
    chunks: Mapping[str, StoredChunk]
    """Every chunk that either side names."""
    coverage: float = 1.0
    """Share of the library's chunks that have vectors, so that the dense side could find them."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read at one revision; only ever added to, so that threads can share it."""

    revision: int
    n_dims: int
    chunks: dict[str, StoredChunk] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    """Ids of chunks that are known to be live, and in ``embedded`` to have a vector."""
    embedded: set[str] = field(default_factory=set)


class Reader:
    """Searches the library in ``folder``; safe to use from many threads."""

    def __init__(self, folder: Path, records: Records, words: Words, open_vectors: Callable[[int], Vectors]) -> None:
        self._folder = folder
        self._records = records
        self._words = words
        self._open_vectors = open_vectors
        self._kept = _Kept(-1, 0)

    def candidates(self, vector: FloatArray | None, text: str | None, k: int, only: Filter | None) -> Candidates:
        """As ``Library.candidates``."""
        only = only or None  # a filter without a condition is none
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.01 * attempt)
            with storage(self._folder), self._records.snapshot() as snapshot:
                state = snapshot.state() if snapshot else State()
                if snapshot is None or state.n_chunks == 0 or k < 1:
                    return Candidates(state.revision, [], [], {}, coverage_of(state))
                try:
                    found = self._search(snapshot, state, vector, text, k, only)
                except LibraryDamaged:
                    # A writer that swept or rebuilt meanwhile explains it; otherwise it is true.
                    if snapshot.revision_now() == state.revision:
                        raise
                    continue
                if snapshot.revision_now() == state.revision:
                    return found
        raise LibraryBusy(f"the library {self._folder} changed during each of {_TRIES} searches: try again in a moment")

    def titled(self, text: str, k: int, only: Filter | None) -> list[tuple[Paper, float]]:
        """As ``Library.titled``."""
        with storage(self._folder), self._records.snapshot() as snapshot:
            state = snapshot.state() if snapshot else State()
            if snapshot is None or state.n_bare == 0 or k < 1:
                return []
            n_asked = k + state.n_pending_words
            while True:
                hits = self._words.query_bare(text, n_asked)
                places = snapshot.bare([bare_id for bare_id, _ in hits])
                passing = snapshot.passing(only, list(places.values())) if only else set(places.values())
                live = [(places[i], score) for i, score in hits if places.get(i) in passing][:k]
                if len(live) == k or len(hits) < n_asked:
                    break
                n_asked *= 2
            held = snapshot.held_at([position for position, _ in live])
            return [(held[position].paper, score) for position, score in live]

    def in_a_row(self, text: str, k: int, *, titles_only: bool) -> list[Paper]:
        """As ``Library.in_a_row``."""
        chunk_ids = self._words.in_a_row(text, k, titles_only=titles_only)
        if not chunk_ids:  # as nearly always, and then SQLite need not be asked
            return []
        with storage(self._folder), self._records.snapshot() as snapshot:
            if snapshot is None:
                return []
            held = snapshot.chunks(chunk_ids, 0)
            papers = (held[chunk_id].paper for chunk_id in chunk_ids if chunk_id in held)
            return list({paper.paper_id: paper for paper in papers}.values())

    def chunks_of(self, paper_ids: Sequence[str], n_dims: int) -> tuple[StoredChunk, ...]:
        """As ``Library.chunks_of``."""
        with storage(self._folder), self._records.snapshot() as snapshot:
            if snapshot is None:
                return ()
            positions = snapshot.positions_of(paper_ids)
            papers = snapshot.papers_of(paper_ids)
            chunk_ids = snapshot.chunk_ids_at(list(set(positions.values())))
            state = snapshot.state()
            found = self._read(snapshot, state, chunk_ids, self._kept_at(state, n_dims))
        # By the paper's own id: it may have been asked for by another of its names, or by several.
        ids = dict.fromkeys(papers[name].paper_id for name in paper_ids if name in papers)
        places = {paper_id: place for place, paper_id in enumerate(ids)}
        return tuple(sorted(found.values(), key=lambda one: (places[one.paper.paper_id], one.chunk.ordinal)))

    def _search(
        self,
        snapshot: Snapshot,
        state: State,
        vector: FloatArray | None,
        text: str | None,
        k: int,
        only: Filter | None,
    ) -> Candidates:
        if vector is not None and state.n_dims is not None and vector.shape != (state.n_dims,):
            raise LibraryMismatch(
                f"the question's vector has shape {vector.shape}, the library {self._folder} holds vectors of "
                f"{state.n_dims} numbers: embed the question with the library's own embedding"
            )
        n_papers, places = snapshot.selected(only, MAX_LOOKED_THROUGH) if only else (state.n_papers, [])
        is_few = only is not None and n_papers <= MAX_LOOKED_THROUGH
        kept = self._kept_at(state, state.n_dims or (len(vector) if vector is not None else 1))
        dense: list[tuple[str, float]] = []
        if vector is not None and state.n_embedded:
            if is_few:
                dense = nearest(snapshot.vectors(state.generation, places), vector, k)
            else:
                dense = self._dense(snapshot, state, vector, k, only, kept.embedded)
        lexical: list[tuple[str, float]] = []
        if text is not None:
            among = snapshot.chunk_ids_at(places) if is_few else None
            lexical = self._lexical(snapshot, state, text, k, only, among, kept.live)
            self._words.check_holds(state.n_chunks + state.n_bare)
        ids = {chunk_id for side in (dense, lexical) for chunk_id, _ in side}
        return Candidates(state.revision, dense, lexical, self._read(snapshot, state, ids, kept), coverage_of(state))

    def _dense(
        self, snapshot: Snapshot, state: State, vector: FloatArray, k: int, only: Filter | None, known: set[str]
    ) -> list[tuple[str, float]]:
        # Ids that are not live may stand in the way, more of them than the snapshot knows.
        n_asked = k + state.n_pending_vectors
        while True:
            hits = self._nearest(state, vector, n_asked)
            if unknown := [i for i, _ in hits if i not in known]:
                known |= snapshot.embedded_among(state.generation, unknown)
            live = self._live(hits, known, snapshot, only)
            if len(live) >= k or (only is None and len(live) == state.n_embedded):
                return live[:k]
            if len(hits) < n_asked or n_asked > state.n_embedded:
                # Chroma cannot be loaded, or its graph, which is walked from neighbour to
                # neighbour, does not lead to some chunk.
                if only is None:
                    return nearest(snapshot.vectors(state.generation), vector, k)
                passing = snapshot.selected(only, state.n_papers)[1]
                return nearest(snapshot.vectors(state.generation, passing), vector, k)
            n_asked *= 4

    def _lexical(
        self,
        snapshot: Snapshot,
        state: State,
        text: str,
        k: int,
        only: Filter | None,
        among: Sequence[str] | None,
        known: set[str],
    ) -> list[tuple[str, float]]:
        if among is not None and not among:
            return []
        n_asked = k + state.n_pending_words
        while True:
            hits = self._words.query(text, n_asked, among)
            if unknown := [i for i, _ in hits if i not in known]:
                known |= snapshot.chunks_held(unknown)
            live = self._live(hits, known, snapshot, only if among is None else None)
            if len(live) >= k or len(hits) < n_asked:
                return live[:k]
            n_asked *= 4

    @staticmethod
    def _live(
        hits: list[tuple[str, float]], live: Collection[str], snapshot: Snapshot, only: Filter | None
    ) -> list[tuple[str, float]]:
        kept = [hit for hit in hits if hit[0] in live]
        if not only:
            return kept
        passing = snapshot.chunks_passing(only, [chunk_id for chunk_id, _ in kept])
        return [hit for hit in kept if hit[0] in passing]

    def _read(
        self, snapshot: Snapshot, state: State, chunk_ids: Collection[str], kept: _Kept
    ) -> dict[str, StoredChunk]:
        """The chunks with these ids; those read before at this revision are still in memory."""
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in kept.chunks]
        if missing:
            kept.chunks.update(widened(list(snapshot.chunks(missing, state.generation).values()), kept.n_dims))
        return {chunk_id: kept.chunks[chunk_id] for chunk_id in chunk_ids}

    def _kept_at(self, state: State, n_dims: int) -> _Kept:
        kept = self._kept
        if (kept.revision, kept.n_dims) != (state.revision, n_dims) or len(kept.chunks) > MAX_KEPT_CHUNKS:
            kept = self._kept = _Kept(state.revision, n_dims)
        return kept

    def _nearest(self, state: State, vector: FloatArray, n: int) -> list[tuple[str, float]]:
        """From Chroma; [] where it cannot be loaded: after a killed writer until the next one has
        rebuilt it, from a folder that is read-only, and while its server is down."""
        try:
            return self._open_vectors(state.generation).query(vector, n, revision=state.vectors_revision)
        except (LibraryDamaged, StorageFull, StoreUnreachable):
            return []


def coverage_of(state: State) -> float:
    return state.n_embedded / state.n_chunks if state.n_chunks else 1.0
