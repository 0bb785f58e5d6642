"""What happens when papers are added: their texts are stored batch by batch, and their vectors follow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rag.collecting import seldom_collecting
from rag.errors import EmbeddingError
from rag.index.intake import Plan, plan
from rag.index.records import NewChunk, Records
from rag.index.rows import ChunkRow
from rag.index.snapshot import Snapshot
from rag.index.stored import NewVectors
from rag.index.writer import Writer
from rag.types import Item, Paper, Skipped, Unread

if TYPE_CHECKING:
    from rag.embedding import Embedder

BATCH_PAPERS = 2_000
"""Papers whose texts become visible, and are safe from a crash, together; see eval/benchmarks/library.py."""
BATCH_CHARACTERS = 20_000_000
"""Of their abstracts: what a batch may take of the memory."""
MAX_SKIPPED = 200
"""Skipped parts that a report keeps; ``n_skipped`` counts them all."""

FIRST_CHUNKS = 64
MAX_CHUNKS = 4_096
SECONDS_FOR_CHUNKS = 2.0
"""Chunks whose vectors are published together: so many that it takes about this long. What a
crash costs is at most two such batches, and every batch costs four commits."""
MAX_FRESH = 3 * MAX_CHUNKS
"""Chunks that are remembered from being stored to being embedded, some 50 MB."""
SHARE_FOR_VECTORS = 0.5
"""Of the time that texts take, how much may go to vectors while texts are still coming. A slow
embedding then waits for them; a fast one keeps up, and Chroma works beside it from the start."""
CHUNKS_FOR_PROCESS = 1_000
"""Chunks waiting from which a process of its own is worth the second that it takes to start."""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What an add did with each record of its input, and how far the library is."""

    added: int = 0
    """New papers."""
    updated: int = 0
    """Held before, and read again from the same source, which says something else now."""
    unchanged: int = 0
    """Read before, and the same."""
    duplicates: int = 0
    """Records of papers that are held already, from another source or a second time: merged into them."""
    without_abstract: int = 0
    """Of the added and updated ones: kept and listed, but there is nothing to search or quote."""
    n_skipped: int = 0
    skipped: tuple[Skipped, ...] = ()
    """The first of them; ``n_skipped`` counts all."""
    n_papers: int = 0
    """In the library, after what is reported here."""
    is_read: bool = field(default=False, compare=False)
    """Whether the input was read to its end: what still goes on is the embedding."""
    n_chunks: int = field(default=0, compare=False)
    n_embedded: int = field(default=0, compare=False)
    """Of the library's chunks, how many have vectors. Reports of equal work are equal without them."""

    @property
    def n_records(self) -> int:
        """Records of the input that were read so far, skipped ones too."""
        return self.added + self.updated + self.unchanged + self.duplicates + self.n_skipped


@runtime_checkable
class Reading(Protocol):
    """Items that know what they are read from."""

    def records(self) -> Iterator[Item]:
        """The items, as far as may be unread."""

    def digest(self) -> str | None:
        """Of all that will be read and where it lies: equal digests, equal items. None if it cannot be told."""


class Adding:
    """One add under way, under the write lock."""

    def __init__(
        self,
        records: Records,
        writer: Writer,
        embedder: Callable[[], Embedder],
        tags: Sequence[str],
        on_progress: Callable[[AddReport], None] | None,
        on_skipped: Callable[[Skipped], None] | None,
    ) -> None:
        self._records = records
        self._writer = writer
        self._open_embedder = embedder
        self._tags = tuple(dict.fromkeys(tags))
        self._on_progress = on_progress
        self._on_skipped = on_skipped
        self._report = AddReport()
        self._run = records.revision()
        self._next_position, self._next_row = records.next_numbers()
        self._text_seconds = 0.0
        self._vector_seconds = 0.0
        self._looked = time.perf_counter()
        self._n_next = FIRST_CHUNKS
        self._cursor = 0
        """The last row whose vectors were begun; what is beyond it and not embedded has its turn."""
        with self._snapshot() as snapshot:
            state = snapshot.state()
        self._fresh: list[ChunkRow] | None = [] if state.n_embedded == state.n_chunks else None
        """All of that, while it is little enough to be remembered; else it is read again."""

    def run(self, items: Iterable[Paper | Skipped], *, embed: bool) -> AddReport:
        taken = _Input(items)
        with seldom_collecting:
            try:
                self._take(taken, embed=embed)
            except KeyboardInterrupt:
                # What is written beside us is nearly done, and would be done again.
                self._finish()
                raise
            self._finish()
        if taken.failure is not None:
            raise taken.failure
        return self._report

    def _finish(self) -> None:
        self._writer.finish_vectors()
        self._writer.sweep()
        self._tell()

    def _take(self, taken: _Input, *, embed: bool) -> None:
        key = self._key_of(taken.items)
        if key is not None and (known := self._known(key)) is not None:
            self._report = known
        else:
            self._read(taken, embed=embed)
            # What was rejected is told each time, so all of it must be in the report.
            if key is not None and taken.failure is None and self._report.n_skipped <= MAX_SKIPPED:
                self._remember(key)
        self._report = replace(self._report, is_read=True)
        self._tell()
        while embed and self._embed_next():
            pass

    # -- texts

    def _read(self, taken: _Input, *, embed: bool) -> None:
        self._looked = time.perf_counter()
        for batch in taken.batches():
            self._keep_busy(embed)
            self._store(batch, embed=embed)
            self._tell()
            self._keep_busy(embed)

    def _keep_busy(self, embed: bool) -> None:
        """Begin with more vectors if nobody writes any. Looked at between the steps of a batch: they take a second
        together, for which the process that writes vectors would have nothing to do."""
        self._text_seconds += time.perf_counter() - self._looked
        if embed and not self._writer.is_busy and self._vector_seconds < SHARE_FOR_VECTORS * self._text_seconds:
            self._embed_next()
        self._looked = time.perf_counter()

    def _store(self, batch: Sequence[Item], *, embed: bool) -> None:
        records = [item for item in batch if not isinstance(item, Skipped)]
        with self._snapshot() as snapshot:
            planned = plan(snapshot, records, run=self._run, next_position=self._next_position)
        skipped = [item for item in batch if isinstance(item, Skipped)] + planned.skipped
        self._reject(skipped)
        if not planned.is_empty or (self._tags and planned.mentioned):
            self._keep_busy(embed)
            chunks = _chunks(planned, self._next_row)
            self._keep_busy(embed)
            self._writer.publish(planned, chunks, run=self._run, tags=self._tags)
            self._next_row += len(chunks)
            if self._fresh is not None:
                self._fresh += [ChunkRow(new.row, new.paper, new.chunk, b"", b"") for new in chunks]
                if len(self._fresh) > MAX_FRESH:
                    self._fresh = None
        self._next_position = planned.next_position
        so_far = self._report
        self._report = replace(
            so_far,
            added=so_far.added + planned.n_added,
            updated=so_far.updated + planned.n_updated,
            unchanged=so_far.unchanged + planned.n_unchanged,
            duplicates=so_far.duplicates + planned.n_duplicates,
            without_abstract=so_far.without_abstract
            + sum(not planned.papers[position].abstract.strip() for position in planned.papers),
            n_skipped=so_far.n_skipped + len(skipped),
            skipped=(so_far.skipped + tuple(skipped))[:MAX_SKIPPED],
        )

    def _reject(self, skipped: Iterable[Skipped]) -> None:
        if self._on_skipped is not None:
            for one in skipped:
                self._on_skipped(one)

    # -- what was read to its end before

    def _key_of(self, items: object) -> str | None:
        if not isinstance(items, Reading) or (digest := items.digest()) is None:
            return None
        return f"{digest} {json.dumps(self._tags)}"

    def _known(self, key: str) -> AddReport | None:
        with self._snapshot() as snapshot:
            text = snapshot.reading(key)
        if text is None:
            return None
        values = json.loads(text)
        skipped = tuple(Skipped(**one) for one in values["skipped"])
        self._reject(skipped)
        return AddReport(unchanged=values["n_records"], n_skipped=values["n_skipped"], skipped=skipped)

    def _remember(self, key: str) -> None:
        report = self._report
        text = {
            "n_records": report.n_records - report.n_skipped,
            "n_skipped": report.n_skipped,
            "skipped": [asdict(one) for one in report.skipped],
        }
        # An update means that some file now says something else than when it was remembered.
        self._records.remember(key, json.dumps(text), forget=report.updated > 0)

    # -- vectors

    def _embed_next(self) -> bool:
        """Begin with the next chunks that have no vectors; False if there are none."""
        started = time.perf_counter()
        with self._snapshot() as snapshot:
            state = snapshot.state()
            if state.n_embedded == state.n_chunks:
                rows = []
            elif self._fresh:
                rows, self._fresh = self._fresh[: self._n_next], self._fresh[self._n_next :]
            else:
                rows = snapshot.unembedded(state.generation, self._cursor, self._n_next)
        if not rows:
            self._fresh = []
            return False
        embedder = self._open_embedder()
        vectors = embed_rows(embedder, rows)
        generation = state.generation or self._records.begin_generation(embedder.fingerprint, vectors.n_dims)
        n_waiting = state.n_chunks - state.n_embedded
        self._writer.begin_vectors(generation, rows, vectors, is_long=n_waiting >= CHUNKS_FOR_PROCESS)
        self._cursor = rows[-1].row
        seconds = time.perf_counter() - started
        self._vector_seconds += seconds
        self._n_next = _next_size(self._n_next, len(rows), seconds, embedder)
        self._tell()
        return True

    def _tell(self) -> None:
        with self._snapshot() as snapshot:
            state = snapshot.state()
        self._report = replace(
            self._report, n_papers=state.n_papers, n_chunks=state.n_chunks, n_embedded=state.n_embedded
        )
        if self._on_progress is not None:
            self._on_progress(self._report)

    def _snapshot(self) -> AbstractContextManager[Snapshot]:
        return _there(self._records)


@contextmanager
def _there(records: Records) -> Iterator[Snapshot]:
    with records.snapshot() as snapshot:
        assert snapshot is not None, "the records are created before anything is added"
        yield snapshot


class _Input:
    """Items in batches. One that fails ends them: what came before it is kept, and the failure told at the end."""

    def __init__(self, items: Iterable[Paper | Skipped]) -> None:
        self.items = items
        self.failure: Exception | None = None

    def batches(self) -> Iterator[list[Item]]:
        batch: list[Item] = []
        n_characters = 0
        items = self.items.records() if isinstance(self.items, Reading) else iter(self.items)
        while (item := self._next(items)) is not None:
            batch.append(item)
            if isinstance(item, Unread):
                n_characters += item.n_characters
            elif isinstance(item, Paper):
                n_characters += len(item.abstract)
            if len(batch) >= BATCH_PAPERS or n_characters >= BATCH_CHARACTERS:
                yield batch
                batch, n_characters = [], 0
        if batch:
            yield batch

    def _next(self, items: Iterator[Item]) -> Item | None:
        try:
            return next(items, None)
        except Exception as error:  # noqa: BLE001 - whatever ends the input must not lose what it gave before
            self.failure = error
            return None


def _chunks(planned: Plan, first_row: int) -> list[NewChunk]:
    from rag.chunks import split_each

    places = planned.changed_text
    papers = [planned.papers[position] for position in places]
    row = count(first_row)
    return [
        NewChunk(next(row), position, paper, chunk)
        for position, paper, chunks in zip(places, papers, split_each(papers), strict=True)
        for chunk in chunks
    ]


def embed_rows(embedder: Embedder, rows: Sequence[ChunkRow]) -> NewVectors:
    """The vectors of each chunk in order, and of its sentences.

    All texts go to the embedder in one call, the longest first: texts of a length share their
    batches, and none of the long ones is left to the end, when the other cores have no work.
    """
    import numpy as np

    from rag.index.texts import chunk_text_for_embedding, sentence_text_for_embedding

    texts: list[str] = []
    firsts: list[int] = []
    for row in rows:
        firsts.append(len(texts))
        texts.append(chunk_text_for_embedding(row.paper, row.chunk))
        texts += [sentence_text_for_embedding(row.paper, sentence) for sentence in row.chunk.sentences]
    order = np.argsort([-len(text) for text in texts], kind="stable")
    vectors = embedder.embed([texts[place] for place in order.tolist()])
    if len(vectors) != len(texts):
        raise EmbeddingError(
            f"the embedding returned {len(vectors)} vectors for {len(texts)} texts: check its endpoint"
        )
    resting = np.empty(vectors.shape, "<f2")
    resting[order] = vectors
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return NewVectors(vectors[places[firsts]], resting)


def _next_size(asked: int, n_embedded: int, seconds: float, embedder: Embedder) -> int:
    """As many as fit the time by the last batch's rate, and at most eight times as many as before.

    An embedder whose calls take long to begin may ask for more at a time.
    """
    wanted_seconds: float = getattr(embedder, "seconds_per_call", SECONDS_FOR_CHUNKS)
    most: int = getattr(embedder, "max_chunks_per_call", MAX_CHUNKS)
    return max(1, min(int(n_embedded * wanted_seconds / max(seconds, 1e-6)), 8 * asked, most))
