"""The records of a library in one SQLite file: papers, chunks, vectors, and what is under way.

This file is what counts. A chunk is live when it has a row in ``chunk``; ids in ``pending``
may or may not be in the two indexes, and are never live: they were intended by a writer
(and not yet published), or were replaced (and not yet swept).
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import threading
from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag.errors import LibraryError, LibraryMismatch
from rag.types import Chunk, Paper, Span

FILE_NAME = "library.sqlite"
LAYOUT = 1
"""Raised by every change after which older files can no longer be used as they are."""

_APPLICATION_ID = 0x466E7464  # "Fntd": tells our files from other people's SQLite files
_BUSY_SECONDS = 10.0
_MAX_PARAMETERS = 30_000  # SQLite takes 32,766 in one statement

_SCHEMA = """
CREATE TABLE state (
    layout INTEGER NOT NULL, fingerprint TEXT, n_dims INTEGER, revision INTEGER NOT NULL
);
CREATE TABLE paper (
    position INTEGER PRIMARY KEY, paper_id TEXT NOT NULL UNIQUE, content_hash TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE chunk (
    chunk_id TEXT NOT NULL UNIQUE, paper_id TEXT NOT NULL, ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, n_tokens INTEGER NOT NULL,
    sentences BLOB NOT NULL, vector BLOB NOT NULL, sentence_vectors BLOB NOT NULL
);
CREATE INDEX chunk_of_paper ON chunk (paper_id, ordinal);
CREATE TABLE pending (chunk_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class State:
    """What was true of the library when it was read; a library without a file is the default."""

    revision: int = 0
    """Grows by one with every published change."""
    fingerprint: str | None = None
    """Of the embedding that made the vectors; None before the first chunk."""
    n_dims: int | None = None
    n_chunks: int = 0
    n_pending: int = 0


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A live chunk with its paper and, little-endian float16, its vectors as they lie on disk."""

    paper: Paper
    chunk: Chunk
    vector: bytes
    sentence_vectors: bytes


@dataclass(frozen=True, slots=True)
class NewChunk:
    chunk: Chunk
    vector: bytes
    sentence_vectors: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a paper: enough to tell whether another one is news."""

    content_hash: str
    record: str


class Records:
    """The SQLite file of ``folder``; safe to use from many threads.

    Nothing is created before ``create``: until then every read answers as an empty library.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._folder = folder
        self._free: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    # -- reading

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot | None]:
        """One unchanging view of the records, None where there are none yet.

        Raises LibraryError for a file that is not ours, LibraryMismatch for a newer layout.
        """
        connection = self._take()
        if connection is None:
            yield None
            return
        try:
            connection.execute("BEGIN")
            yield Snapshot(connection)
        finally:
            connection.rollback()
            self._give(connection)

    def revision(self) -> int:
        """The revision at this moment; 0 where there are no records yet."""
        connection = self._take()
        if connection is None:
            return 0
        try:
            return int(connection.execute("SELECT revision FROM state").fetchone()[0])
        finally:
            self._give(connection)

    # -- writing: only under the library's write lock

    def create(self) -> None:
        """Make the file with its tables, if it isn't there; the folder must exist."""
        if (connection := self._take()) is not None:
            self._give(connection)
            return
        connection = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # Statement by statement: executescript would commit before the tables are there.
            connection.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute("INSERT INTO state VALUES (?, NULL, NULL, 0)", (LAYOUT,))
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute("COMMIT")
        finally:
            connection.close()

    def intend(self, chunk_ids: Collection[str]) -> None:
        """Write down which ids are about to enter the indexes, so that a crash leaves no stranger there."""
        with self._transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO pending VALUES (?)", [(i,) for i in chunk_ids])

    def publish(
        self,
        papers: Sequence[Paper],
        chunks: Sequence[NewChunk],
        *,
        rewritten: Collection[str],
        removed: Collection[str],
        fingerprint: str | None,
        n_dims: int | None,
    ) -> int:
        """Make ``papers`` and their ``chunks`` live in one step; the new revision.

        The old chunks of the papers in ``rewritten`` and ``removed`` become pending, to be
        swept; the papers in ``removed`` go. ``fingerprint`` and ``n_dims`` are recorded when
        they are given.
        """
        with self._transaction() as connection:
            old = [(paper_id,) for paper_id in (*rewritten, *removed)]
            connection.executemany("INSERT OR IGNORE INTO pending SELECT chunk_id FROM chunk WHERE paper_id = ?", old)
            connection.executemany("DELETE FROM chunk WHERE paper_id = ?", old)
            connection.executemany("DELETE FROM paper WHERE paper_id = ?", [(paper_id,) for paper_id in removed])
            connection.executemany(
                "INSERT INTO paper (paper_id, content_hash, record) VALUES (?, ?, ?) ON CONFLICT (paper_id) "
                "DO UPDATE SET content_hash = excluded.content_hash, record = excluded.record",
                [(paper.paper_id, paper.content_hash, to_record(paper)) for paper in papers],
            )
            connection.executemany(
                "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        new.chunk.chunk_id,
                        new.chunk.paper_id,
                        new.chunk.ordinal,
                        new.chunk.span.start,
                        new.chunk.span.end,
                        new.chunk.n_tokens,
                        _pack_spans(new.chunk.sentences),
                        new.vector,
                        new.sentence_vectors,
                    )
                    for new in chunks
                ],
            )
            connection.executemany("DELETE FROM pending WHERE chunk_id = ?", [(new.chunk.chunk_id,) for new in chunks])
            if fingerprint is not None:
                connection.execute("UPDATE state SET fingerprint = ?, n_dims = ?", (fingerprint, n_dims))
            connection.execute("UPDATE state SET revision = revision + 1")
            return int(connection.execute("SELECT revision FROM state").fetchone()[0])

    def bump(self) -> int:
        """A new revision without other change: readers load the indexes again."""
        with self._transaction() as connection:
            connection.execute("UPDATE state SET revision = revision + 1")
            return int(connection.execute("SELECT revision FROM state").fetchone()[0])

    def forget_pending(self, chunk_ids: Collection[str]) -> None:
        """These ids are in no index any more."""
        with self._transaction() as connection:
            connection.executemany("DELETE FROM pending WHERE chunk_id = ?", [(i,) for i in chunk_ids])

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    # -- connections: as many as threads read at once, kept for the next

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._take()
        if connection is None:
            raise LibraryError(f"{self._folder} lost its records while it was being written")
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.rollback()
            self._give(connection)

    def _take(self) -> sqlite3.Connection | None:
        with self._lock:
            if self._free:
                return self._free.pop()
        if not self._file.exists():
            return None
        connection = sqlite3.connect(
            f"{self._file.absolute().as_uri()}?{self._mode()}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if not self._is_ours(connection):
                connection.close()
                return None
            # A lost last commit would leave its ids in the indexes with nobody to answer for them.
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    def _mode(self) -> str:
        if os.access(self._file, os.W_OK) and os.access(self._folder, os.W_OK):
            return "mode=rw"
        # Where SQLite cannot make the log's index it reads nothing, unless it is promised that
        # nobody writes; a log that is there belongs to somebody who may.
        return "mode=ro" if self._file.with_name(FILE_NAME + "-wal").exists() else "mode=ro&immutable=1"

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """False for a file that a killed first add left without tables."""
        try:
            application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            n_tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error):
                raise
            application_id, n_tables = None, 1
        if n_tables == 0:
            return False
        if application_id != _APPLICATION_ID:
            raise LibraryError(f"{self._file} was not made by footnoted: choose another folder for the library")
        layout = connection.execute("SELECT layout FROM state").fetchone()[0]
        if layout != LAYOUT:
            age = "a newer version of footnoted: upgrade it" if layout > LAYOUT else "an older version of footnoted"
            raise LibraryMismatch(
                f"the library {self._folder} has layout {layout}, this version reads layout {LAYOUT}; it was made by "
                f"{age}, or add the papers to a new library"
            )
        return True

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._free.append(connection)


class Snapshot:
    """Reads within one transaction of ``Records.snapshot``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def state(self) -> State:
        row = self._connection.execute(
            "SELECT revision, fingerprint, n_dims, (SELECT count(*) FROM chunk), (SELECT count(*) FROM pending) "
            "FROM state"
        ).fetchone()
        return State(*row)

    def n_papers(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM paper").fetchone()[0])

    def papers(self) -> list[Paper]:
        """In the order in which they were first added."""
        return [to_paper(r) for (r,) in self._connection.execute("SELECT record FROM paper ORDER BY position")]

    def papers_of(self, paper_ids: Sequence[str]) -> dict[str, Paper]:
        """Those that are held."""
        return {
            paper_id: to_paper(record)
            for some in _slices(paper_ids)
            for paper_id, record in self._connection.execute(
                f"SELECT paper_id, record FROM paper WHERE paper_id IN ({_marks(some)})", some
            )
        }

    def known(self, paper_ids: Sequence[str]) -> dict[str, Known]:
        return {
            paper_id: Known(content_hash, record)
            for some in _slices(paper_ids)
            for paper_id, content_hash, record in self._connection.execute(
                f"SELECT paper_id, content_hash, record FROM paper WHERE paper_id IN ({_marks(some)})", some
            )
        }

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, ChunkRow]:
        """The live ones of ``chunk_ids`` with their papers; equal papers are one object."""
        papers: dict[str, Paper] = {}
        found: dict[str, ChunkRow] = {}
        for some in _slices(chunk_ids):
            for (
                chunk_id,
                paper_id,
                ordinal,
                start,
                end,
                n_tokens,
                sentences,
                vector,
                vectors,
                record,
            ) in self._connection.execute(
                'SELECT chunk_id, paper_id, ordinal, start, "end", n_tokens, sentences, vector, sentence_vectors, '
                f"record FROM chunk JOIN paper USING (paper_id) WHERE chunk_id IN ({_marks(some)})",
                some,
            ):
                if paper_id not in papers:
                    papers[paper_id] = to_paper(record)
                chunk = Chunk(chunk_id, paper_id, ordinal, Span(start, end), _unpack_spans(sentences), n_tokens)
                found[chunk_id] = ChunkRow(papers[paper_id], chunk, vector, vectors)
        return found

    def vectors(self) -> tuple[list[str], bytes]:
        """The ids of all live chunks, and their vectors one after the other as they lie on disk."""
        rows = self._connection.execute("SELECT chunk_id, vector FROM chunk").fetchall()
        return [chunk_id for chunk_id, _ in rows], b"".join(vector for _, vector in rows)

    def chunk_ids_of(self, paper_ids: Sequence[str]) -> list[str]:
        return [
            chunk_id
            for some in _slices(paper_ids)
            for (chunk_id,) in self._connection.execute(
                f"SELECT chunk_id FROM chunk WHERE paper_id IN ({_marks(some)})", some
            )
        ]

    def content_hashes(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT paper_id, content_hash FROM paper"))

    def chunk_ids(self) -> list[str]:
        return [i for (i,) in self._connection.execute("SELECT chunk_id FROM chunk ORDER BY rowid")]

    def pending(self) -> list[str]:
        return [i for (i,) in self._connection.execute("SELECT chunk_id FROM pending ORDER BY chunk_id")]

    def corpus_fingerprint(self) -> str:
        """SHA-256 hex over all (paper_id, content_hash), whatever the order in which they came."""
        digest = hashlib.sha256()
        for paper_id, content_hash in self._connection.execute(
            "SELECT paper_id, content_hash FROM paper ORDER BY paper_id"
        ):
            digest.update(json.dumps([paper_id, content_hash]).encode())
        return digest.hexdigest()

    def integrity(self) -> list[str]:
        """SQLite's own findings about its file; empty when it is sound."""
        return [line for (line,) in self._connection.execute("PRAGMA integrity_check") if line != "ok"]


def to_record(paper: Paper) -> str:
    """A paper as ASCII JSON, which keeps every character of its abstract."""
    return json.dumps({name: getattr(paper, name) for name in paper.__slots__})


def to_paper(record: str) -> Paper:
    values = json.loads(record)
    values["authors"] = tuple(values["authors"])
    return Paper(**values)


def _pack_spans(spans: Sequence[Span]) -> bytes:
    flat = array("I", [n for span in spans for n in (span.start, span.end)])
    if sys.byteorder == "big":
        flat.byteswap()
    return flat.tobytes()


def _unpack_spans(data: bytes) -> tuple[Span, ...]:
    flat = array("I", data)
    if sys.byteorder == "big":
        flat.byteswap()
    return tuple(map(Span, flat[::2], flat[1::2]))


def _slices(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _MAX_PARAMETERS):
        yield values[start : start + _MAX_PARAMETERS]


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))
