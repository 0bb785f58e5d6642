"""The read half of a library: the best chunks of both sides, out of one committed state."""

from __future__ import annotations

import functools
import math
import os
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
    from concurrent.futures import Future, ThreadPoolExecutor

    from rag.filters import Filter
    from rag.index.chroma import FloatArray, Vectors

MAX_KEPT_CHUNKS = 2_000
"""Chunks kept in memory between searches, about 30 MB."""
MAX_KEPT_FILTERS = 64

LOOKED_THROUGH = 1.5
"""Of the root of k times the library's papers, how many a filter may leave for their vectors to be compared
one by one, and their ids named to tantivy. That is exact, and costs 17 us for each that passes; to ask both
indexes for more, until k of the results pass, costs about as much for each that is asked for. With
10,000 papers and k = 30 both cost the same where some 800 pass; where 7,500 do, the second takes a twentieth."""
MORE_ASKED = 1.5
"""Times what would do if papers that pass were as near to a question as any."""
ASKED_WHOLE = 128
"""Chunks up to which Chroma is asked for all of them, 0.1 ms more than for 30: whether its graph leads to each
is then seen. With likenesses closer than those of real abstracts, one in some thirty graphs leaves a chunk out."""

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Candidates:
    """What both sides found in one committed state, best first."""

    revision: int
    dense: list[tuple[str, float]]
    """(chunk_id, cosine)"""
    lexical: list[tuple[str, float]]
    """(chunk_id, ``Words.query``'s score)"""
    chunks: Mapping[str, StoredChunk]
    """Every chunk that either side names."""
    coverage: float = 1.0
    """Share of the library's chunks that have vectors, so that the dense side could find them."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A look-up of words that goes on while the question is embedded, on another core."""

    revision: int
    """Of the state that was known before; found in that one, what it finds is as if looked up then."""
    text: str
    n_asked: int
    hits: Future[list[tuple[str, float]]]

    def result(self, words: Words) -> list[tuple[str, float]]:
        if self.hits.cancel():  # its turn has not come: others are asking
            return words.query(self.text, self.n_asked)
        return self.hits.result()


@dataclass(frozen=True, slots=True)
class _Passing:
    """The papers that a filter lets through."""

    only: Filter
    n_papers: int
    places: list[int] | None
    """Where they are; None for too many to be looked at one by one."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read at one revision; only ever added to, so that threads can share it."""

    revision: int
    n_dims: int
    chunks: dict[str, StoredChunk] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    """Ids of chunks that are known to be live, and in ``embedded`` to have a vector."""
    embedded: set[str] = field(default_factory=set)
    passing: dict[tuple[Filter, int], _Passing] = field(default_factory=dict)
    """By filter and limit."""


class Reader:
    """Searches the library in ``folder``; safe to use from many threads."""

    def __init__(self, folder: Path, records: Records, words: Words, open_vectors: Callable[[int], Vectors]) -> None:
        self._folder = folder
        self._records = records
        self._words = words
        self._open_vectors = open_vectors
        self._kept = _Kept(-1, 0)

    def begin(self, text: str, k: int, known: State, then: Callable[[str], object] | None) -> Begun:
        """As ``Library.begin``."""
        n_asked = _n_asked(k, known, None) + known.n_pending_words
        hits = self._beside.submit(self._words.query, text, n_asked)
        if then is not None:
            self._beside.submit(then, text)
        return Begun(known.revision, text, n_asked, hits)

    @functools.cached_property
    def _beside(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="words")

    def close(self) -> None:
        """Let go of the threads, which end by themselves: one who is asking meanwhile may still begin a look-up."""
        self.__dict__.pop("_beside", None)

    def candidates(
        self,
        vector: FloatArray | None,
        text: str | None,
        k: int,
        only: Filter | None,
        known: State | None,
        begun: Begun | None,
    ) -> Candidates:
        """As ``Library.candidates``."""
        only = only or None  # a filter without a condition is none
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.01 * attempt)
            with storage(self._folder), self._records.snapshot() as snapshot:
                # A state known from before holds if it is still the newest when all is found.
                state = known if known and not attempt else snapshot.state() if snapshot else State()
                if snapshot is None or state.n_chunks == 0 or k < 1:
                    return Candidates(state.revision, [], [], {}, coverage_of(state))
                try:
                    found = self._search(snapshot, state, vector, text, k, only, begun)
                except LibraryDamaged:
                    begun = None
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
        begun: Begun | None,
    ) -> Candidates:
        if vector is not None and state.n_dims is not None and vector.shape != (state.n_dims,):
            raise LibraryMismatch(
                f"the question's vector has shape {vector.shape}, the library {self._folder} holds vectors of "
                f"{state.n_dims} numbers: embed the question with the library's own embedding"
            )
        kept = self._kept_at(state, state.n_dims or (len(vector) if vector is not None else 1))
        passing = self._passing(snapshot, state, only, k, kept) if only else None
        dense: list[tuple[str, float]] = []
        if vector is not None and state.n_embedded:
            if passing is not None and passing.places is not None:
                dense = nearest(snapshot.vectors(state.generation, passing.places), vector, k)
            else:
                dense = self._dense(snapshot, state, vector, k, passing, kept.embedded)
        lexical: list[tuple[str, float]] = []
        if text is not None:
            if passing is not None and passing.places is not None:
                lexical = self._lexical_among(snapshot, text, k, passing.places)
            else:
                lexical = self._lexical(snapshot, state, text, k, passing, kept.live, begun)
            self._words.check_holds(state.n_chunks + state.n_bare)
        ids = {chunk_id for side in (dense, lexical) for chunk_id, _ in side}
        return Candidates(state.revision, dense, lexical, self._read(snapshot, state, ids, kept), coverage_of(state))

    @staticmethod
    def _passing(snapshot: Snapshot, state: State, only: Filter, k: int, kept: _Kept) -> _Passing:
        """What ``only`` lets through; one question asks several times."""
        limit = int(LOOKED_THROUGH * math.isqrt(k * state.n_papers))
        if (only, limit) not in kept.passing:
            n_papers, places = snapshot.selected(only, limit)
            kept.passing[only, limit] = _Passing(only, n_papers, places if n_papers <= limit else None)
        return kept.passing[only, limit]

    def _dense(
        self, snapshot: Snapshot, state: State, vector: FloatArray, k: int, passing: _Passing | None, known: set[str]
    ) -> list[tuple[str, float]]:
        # Ids that are not live may stand in the way, more of them than the snapshot knows.
        is_few = passing is None and state.n_embedded <= ASKED_WHOLE
        n_asked = (state.n_embedded if is_few else _n_asked(k, state, passing)) + state.n_pending_vectors
        n_worth = state.n_embedded if passing is None else passing.n_papers
        while True:
            hits = self._nearest(state, vector, n_asked)
            if unknown := [i for i, _ in hits if i not in known]:
                known |= snapshot.embedded_among(state.generation, unknown)
            live = self._live(hits, known, snapshot, passing)
            if (len(live) >= k and not is_few) or (passing is None and len(live) == state.n_embedded):
                return live[:k]
            if len(hits) < n_asked or n_asked > n_worth:
                # Chroma cannot be loaded, or its graph, which is walked from neighbour to
                # neighbour, does not lead to some chunk, or those that pass are far away.
                places = None if passing is None else snapshot.selected(passing.only, state.n_papers)[1]
                return nearest(snapshot.vectors(state.generation, places), vector, k)
            n_asked *= 4

    def _lexical(
        self,
        snapshot: Snapshot,
        state: State,
        text: str,
        k: int,
        passing: _Passing | None,
        known: set[str],
        begun: Begun | None,
    ) -> list[tuple[str, float]]:
        n_asked = _n_asked(k, state, passing) + state.n_pending_words
        while True:
            if begun is not None and (begun.revision, begun.text, begun.n_asked) == (state.revision, text, n_asked):
                hits = begun.result(self._words)
            else:
                hits = self._words.query(text, n_asked)
            if unknown := [i for i, _ in hits if i not in known]:
                known |= snapshot.chunks_held(unknown)
            live = self._live(hits, known, snapshot, passing)
            if len(live) >= k or len(hits) < n_asked:
                return live[:k]
            if passing is not None and n_asked > passing.n_papers:
                return self._lexical_among(snapshot, text, k, snapshot.selected(passing.only, state.n_papers)[1])
            n_asked *= 4

    def _lexical_among(self, snapshot: Snapshot, text: str, k: int, places: Sequence[int]) -> list[tuple[str, float]]:
        among = snapshot.chunk_ids_at(places)
        return self._words.query(text, k, among) if among else []

    @staticmethod
    def _live(
        hits: list[tuple[str, float]], live: Collection[str], snapshot: Snapshot, passing: _Passing | None
    ) -> list[tuple[str, float]]:
        kept = [hit for hit in hits if hit[0] in live]
        if passing is None:
            return kept
        held = snapshot.chunks_passing(passing.only, [chunk_id for chunk_id, _ in kept])
        return [hit for hit in kept if hit[0] in held]

    def _read(
        self, snapshot: Snapshot, state: State, chunk_ids: Collection[str], kept: _Kept
    ) -> dict[str, StoredChunk]:
        """The chunks with these ids; those read before at this revision are still in memory."""
        missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in kept.chunks]
        if missing:
            kept.chunks.update(widened(list(snapshot.chunks(missing, state.generation).values()), kept.n_dims))
        # What is live is shared by all who search at this revision. One of them may have looked a commit further,
        # where it knew the state from before; what it saw there is not in the snapshots of the others.
        if any(chunk_id not in kept.chunks for chunk_id in chunk_ids):
            raise LibraryDamaged(f"the library {self._folder} does not hold a chunk that its indexes name")
        return {chunk_id: kept.chunks[chunk_id] for chunk_id in chunk_ids}

    def _kept_at(self, state: State, n_dims: int) -> _Kept:
        kept = self._kept
        is_full = len(kept.chunks) > MAX_KEPT_CHUNKS or len(kept.passing) > MAX_KEPT_FILTERS
        if (kept.revision, kept.n_dims) != (state.revision, n_dims) or is_full:
            kept = self._kept = _Kept(state.revision, n_dims)
        return kept

    def _nearest(self, state: State, vector: FloatArray, n: int) -> list[tuple[str, float]]:
        """From Chroma; [] where it cannot be loaded: after a killed writer until the next one has
        rebuilt it, from a folder that is read-only, and while its server is down."""
        try:
            return self._open_vectors(state.generation).query(vector, n, revision=state.vectors_revision)
        except (LibraryDamaged, StorageFull, StoreUnreachable):
            return []


def _n_asked(k: int, state: State, passing: _Passing | None) -> int:
    """How many results to ask an index for, so that ``k`` of them probably pass."""
    if passing is None:
        return k
    return min(math.ceil(MORE_ASKED * k * state.n_papers / max(1, passing.n_papers)), state.n_chunks)


def coverage_of(state: State) -> float:
    return state.n_embedded / state.n_chunks if state.n_chunks else 1.0
