"""The SQLite file of a library: its tables, and connections to it."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import LibraryError, LibraryMismatch
from rag.filters import is_among

FILE_NAME = "library.sqlite"
LAYOUT = 2
"""Raised by every change after which older files can no longer be used as they are."""

_APPLICATION_ID = 0x466E7464  # "Fntd": tells our files from other people's SQLite files
_BUSY_SECONDS = 10.0
_CACHE_KIB = 32_768  # of pages, per connection: SQLite's 2 MB make random inserts slow from 50,000 papers on

_LOG_PAGES = 8_192  # 32 MB: a batch of vectors is larger than SQLite's 4 MB, and would be written twice at once

_SCHEMA = """
CREATE TABLE state (
    layout INTEGER NOT NULL, library_id TEXT NOT NULL, store TEXT, revision INTEGER NOT NULL,
    generation INTEGER NOT NULL, n_papers INTEGER NOT NULL, n_chunks INTEGER NOT NULL, n_bare INTEGER NOT NULL
);
CREATE TABLE embedding (
    generation INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, n_dims INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL, revision INTEGER NOT NULL
);
CREATE TABLE paper (
    position INTEGER PRIMARY KEY AUTOINCREMENT, paper_id TEXT NOT NULL UNIQUE, content_hash TEXT NOT NULL,
    work TEXT, record TEXT NOT NULL
);
CREATE INDEX paper_of_work ON paper (work) WHERE work IS NOT NULL;
CREATE TABLE detail (
    position INTEGER PRIMARY KEY, paper_id TEXT NOT NULL, title TEXT NOT NULL, year INTEGER, venue TEXT NOT NULL,
    authors TEXT NOT NULL, has_abstract INTEGER NOT NULL, notice TEXT
);
CREATE INDEX detail_of_year ON detail (year);
CREATE TABLE name (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX name_of_paper ON name (position);
CREATE TABLE likeness (key TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (key, position)) WITHOUT ROWID;
CREATE TABLE source (source INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, folded TEXT NOT NULL);
CREATE TABLE seen (
    digest BLOB PRIMARY KEY, position INTEGER NOT NULL, source INTEGER NOT NULL, run INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX seen_of_paper ON seen (position, source);
CREATE TABLE part (
    position INTEGER NOT NULL, source INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (position, source)
) WITHOUT ROWID;
CREATE TABLE tag (
    folded TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (folded, position)
) WITHOUT ROWID;
CREATE INDEX tag_of_paper ON tag (position);
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY AUTOINCREMENT, chunk_id TEXT NOT NULL UNIQUE, position INTEGER NOT NULL,
    ordinal INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, n_tokens INTEGER NOT NULL,
    sentences BLOB NOT NULL
);
CREATE INDEX chunk_of_paper ON chunk (position, ordinal);
CREATE TABLE bare (bare_id TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX bare_of_paper ON bare (position);
CREATE TABLE pending_words (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pending_vectors (generation INTEGER, id TEXT, PRIMARY KEY (generation, id)) WITHOUT ROWID;
CREATE TABLE reading (digest TEXT PRIMARY KEY, report TEXT NOT NULL) WITHOUT ROWID;
"""
# state        one row: what a reader needs to know before anything else
# embedding    each set of vectors with what made it; state.generation is the one that is searched
# paper        what is held, in the order in which it came; record is JSON, the whole of it
# detail       what lists and filters look at, small enough to be looked through
# name         every identity of a paper, those of the records merged into it too
# likeness     what near-duplicates may share
# seen         the digest of every record that went into a paper, where it was read, and by which add
# part         the records of a paper from several sources, one each, from which it is merged
# bare         papers without an abstract, as the word index knows them
# pending_*    ids that may or may not be in that index, and are not live
# reading      whole files that were read to their end, and what became of them


def vector_tables(generation: int) -> str:
    """The tables of one set of vectors, little-endian float16, apart because a search of all reads but the first."""
    return f"""
        CREATE TABLE vector_{generation:d} (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
        CREATE TABLE sentences_{generation:d} (row INTEGER PRIMARY KEY, vectors BLOB NOT NULL)
    """


class _Lent:
    """A connection that goes back, its transaction undone. No generator, as ``storage`` is none."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __enter__(self) -> sqlite3.Connection | None:
        self._connection = self._connections.take()
        return self._connection

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.rollback()
            self._connections.give(self._connection)


class Connections:
    """To the SQLite file of ``folder``, as many as threads use at once; safe to use from many threads.

    Nothing is created before ``create``: until then there is no connection to be had.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / FILE_NAME
        self._free: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def connection(self) -> _Lent:
        """None where there are no records yet.

        Raises LibraryError for a file that is not ours, LibraryMismatch for another layout.
        """
        return _Lent(self)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block or nothing; for the one process that may write."""
        with self.connection() as connection:
            if connection is None:
                raise LibraryError(f"{self.folder} lost its records while it was being written")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def create(self, store: str | None) -> None:
        """Make the file with its tables, if it isn't there; the folder must exist."""
        with self.connection() as connection:
            if connection is not None:
                return
        made = sqlite3.connect(self._file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            made.execute("PRAGMA journal_mode = WAL")
            # Statement by statement: executescript would commit before the tables are there.
            made.execute("BEGIN IMMEDIATE")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                made.execute(statement)
            made.execute("INSERT INTO state VALUES (?, ?, ?, 0, 0, 0, 0, 0)", (LAYOUT, uuid.uuid4().hex[:16], store))
            made.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            made.execute("COMMIT")
        finally:
            made.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def take(self) -> sqlite3.Connection | None:
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
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            connection.create_function("is_among", 2, is_among, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def give(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._free.append(connection)

    def _mode(self) -> str:
        if os.access(self._file, os.W_OK) and os.access(self.folder, os.W_OK):
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
            way = (
                "a newer version of footnoted: upgrade it"
                if layout > LAYOUT
                else "an older version of footnoted: use that version"
            )
            raise LibraryMismatch(
                f"the library {self.folder} has layout {layout}, this version reads layout {LAYOUT}; it was made by "
                f"{way}, or add the papers to a new library"
            )
        return True
