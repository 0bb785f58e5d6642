"""The records of a library in one SQLite file: papers, chunks, vectors, and what is under way.

This file is what counts. A chunk is live when it has a row in ``chunk``, and has a vector
when there is one in the records; ids that are pending may or may not be in the indexes, and
are never live: they were intended by a writer (and not yet published), or were replaced
(and not yet swept).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.filters import folded_authors, spaced
from rag.index.layout import Connections, vector_tables
from rag.index.rows import Held, as_utf8, pack_spans, to_record
from rag.index.snapshot import Snapshot, State
from rag.papers import near_duplicate_keys
from rag.types import Chunk, Paper

if TYPE_CHECKING:
    from rag.index.intake import Plan


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk with the paper that it is of, and where both stand in the records."""

    row: int
    position: int
    paper: Paper
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class NewVector:
    """The vectors of the chunk in ``row``, little-endian float16; views, since copies of a batch take 100 MB."""

    row: int
    chunk_id: str
    vector: memoryview
    sentence_vectors: memoryview


class Records:
    """The SQLite file of ``folder``; safe to use from many threads.

    Nothing is created before ``create``: until then every read answers as an empty library.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connections = Connections(folder)

    # -- reading

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot | None]:
        """One unchanging view of the records, None where there are none yet.

        Raises LibraryError for a file that is not ours, LibraryMismatch for another layout.
        """
        with self._connections.connection() as connection:
            if connection is None:
                yield None
                return
            connection.execute("BEGIN")
            yield Snapshot(connection)

    def state(self) -> State:
        """Read in one statement, which needs no transaction around it: it is asked for with every question."""
        with self._connections.connection() as connection:
            return Snapshot(connection).state() if connection else State()

    def revision(self) -> int:
        """The revision at this moment; 0 where there are no records yet."""
        with self._connections.connection() as connection:
            return int(connection.execute("SELECT revision FROM state").fetchone()[0]) if connection else 0

    def close(self) -> None:
        self._connections.close()

    # -- writing: only under the library's write lock

    def create(self, store: str | None) -> None:
        """Make the file with its tables, if it isn't there; the folder must exist."""
        self._connections.create(store)

    def next_numbers(self) -> tuple[int, int]:
        """The first position and the first row that no paper and no chunk ever had."""
        with self._connections.connection() as connection:
            assert connection is not None, "create() comes before adding"
            last = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
        return last.get("paper", 0) + 1, last.get("chunk", 0) + 1

    def intend_words(self, ids: Collection[str]) -> None:
        """Write down which ids are about to enter the word index, so that a crash leaves no stranger there."""
        with self._connections.transaction() as connection:
            connection.executemany("INSERT OR IGNORE INTO pending_words VALUES (?)", [(i,) for i in ids])

    def intend_vectors(self, generation: int, ids: Collection[str]) -> None:
        """The same for Chroma."""
        with self._connections.transaction() as connection:
            rows = [(generation, i) for i in ids]
            connection.executemany("INSERT OR IGNORE INTO pending_vectors VALUES (?, ?)", rows)

    def publish(
        self,
        plan: Plan,
        chunks: Sequence[NewChunk],
        bare: Mapping[str, int],
        *,
        run: int,
        tags: Sequence[str] = (),
    ) -> int:
        """Make what ``plan`` says true in one step, and ``chunks`` live with it; the new revision.

        ``bare`` are ids of papers without an abstract, and where these are.
        The old chunks of rewritten papers become pending, to be swept.
        """
        with self._connections.transaction() as connection:
            n_chunks, n_bare = _retire(connection, [*plan.rewritten, *plan.merged_away])
            connection.executemany("DELETE FROM likeness WHERE key = ? AND position = ?", plan.no_longer_like)
            for old, new in plan.merged_away.items():
                _merge_away(connection, old, new)
            _put_papers(connection, plan)
            sources = _sources(connection, plan)
            connection.executemany(
                "DELETE FROM seen WHERE position = ? AND source = ?",
                [(position, sources[name]) for position, name in plan.forgotten],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
                [(digest, position, sources[name], run) for digest, (position, name) in sorted(plan.seen.items())],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO part VALUES (?, ?, ?)",
                [
                    (position, sources[name], to_record(paper))
                    for position, parts in plan.parts.items()
                    for name, paper in parts.items()
                ],
            )
            _tag(connection, plan.mentioned, tags)
            _link(connection, plan)
            _put_chunks(connection, chunks, bare)
            return _bump(
                connection,
                n_papers=len(plan.new) - len(plan.merged_away),
                n_chunks=len(chunks) - n_chunks,
                n_bare=len(bare) - n_bare,
            )

    def remove(self, held: Collection[Held]) -> int:
        """Papers and all that belongs to them go in one step; their chunks become pending. The new revision."""
        with self._connections.transaction() as connection:
            positions = [one.position for one in held]
            n_chunks, n_bare = _retire(connection, positions)
            for table in ("paper", "detail", "name", "seen", "part", "tag"):
                connection.executemany(f"DELETE FROM {table} WHERE position = ?", [(i,) for i in positions])
            connection.executemany(
                "DELETE FROM likeness WHERE key = ? AND position = ?",
                [(key, one.position) for one in held for key in near_duplicate_keys(one.paper)],
            )
            _leave_alone(connection, {one.paper.work for one in held if one.paper.work})
            # A file that was read to its end must be read again to bring them back.
            connection.execute("DELETE FROM reading")
            return _bump(connection, n_papers=-len(positions), n_chunks=-n_chunks, n_bare=-n_bare)

    def tag(self, positions: Collection[int], names: Sequence[str]) -> int:
        with self._connections.transaction() as connection:
            _tag(connection, positions, names)
            return _bump(connection)

    def untag(self, positions: Collection[int], names: Sequence[str]) -> int:
        with self._connections.transaction() as connection:
            rows = [(name.casefold(), position) for name in names for position in positions]
            connection.executemany("DELETE FROM tag WHERE folded = ? AND position = ?", rows)
            # Their files' readings are remembered with their tags.
            connection.execute("DELETE FROM reading")
            return _bump(connection)

    def remember(self, digest: str | None, report: str, *, forget: bool) -> None:
        """That a file was read to its end; ``forget`` others: what they gave is no longer all as it was."""
        with self._connections.transaction() as connection:
            if forget:
                connection.execute("DELETE FROM reading")
            if digest is not None:
                connection.execute("INSERT OR REPLACE INTO reading VALUES (?, ?)", (digest, report))

    # -- vectors

    def begin_generation(self, fingerprint: str, n_dims: int) -> int:
        """A new, empty set of vectors; its number. The first one is searched at once."""
        with self._connections.transaction() as connection:
            generation = int(connection.execute("SELECT coalesce(max(generation), 0) + 1 FROM embedding").fetchone()[0])
            for statement in vector_tables(generation).split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO embedding VALUES (?, ?, ?, 0, 0)", (generation, fingerprint, n_dims))
            connection.execute("UPDATE state SET generation = ? WHERE generation = 0", (generation,))
            return generation

    def publish_vectors(self, generation: int, vectors: Sequence[NewVector]) -> int:
        """Make the vectors of chunks that are live part of ``generation`` in one step; the new revision."""
        with self._connections.transaction() as connection:
            live = _live_rows(connection, vectors)
            kept = [new for new in vectors if live.get(new.row) == new.chunk_id]
            connection.executemany(
                f"INSERT INTO vector_{generation:d} VALUES (?, ?)", [(new.row, new.vector) for new in kept]
            )
            connection.executemany(
                f"INSERT INTO sentences_{generation:d} VALUES (?, ?)",
                [(new.row, new.sentence_vectors) for new in kept],
            )
            connection.executemany(
                "DELETE FROM pending_vectors WHERE generation = ? AND id = ?",
                [(generation, new.chunk_id) for new in kept],
            )
            revision = _bump(connection)
            connection.execute(
                "UPDATE embedding SET n_chunks = n_chunks + ?, revision = ? WHERE generation = ?",
                (len(kept), revision, generation),
            )
            return revision

    def vectors_changed(self, generation: int) -> int:
        """A new revision without other change: readers load the vectors again."""
        with self._connections.transaction() as connection:
            revision = _bump(connection)
            connection.execute("UPDATE embedding SET revision = ? WHERE generation = ?", (revision, generation))
            return revision

    def recount(self) -> None:
        """Note how many papers, chunks and vectors there are, whatever was noted before."""
        with self._connections.transaction() as connection:
            connection.execute(
                "UPDATE state SET n_papers = (SELECT count(*) FROM paper), n_chunks = (SELECT count(*) FROM chunk), "
                "n_bare = (SELECT count(*) FROM bare)"
            )
            for (generation,) in connection.execute("SELECT generation FROM embedding").fetchall():
                n_vectors = f"SELECT count(*) FROM chunk JOIN vector_{generation:d} USING (row)"
                connection.execute(f"UPDATE embedding SET n_chunks = ({n_vectors}) WHERE generation = ?", (generation,))
            _bump(connection)

    def switch(self, generation: int) -> int:
        """From now on this set of vectors is searched; the new revision."""
        with self._connections.transaction() as connection:
            connection.execute("UPDATE state SET generation = ?", (generation,))
            return _bump(connection)

    def drop_generation(self, generation: int) -> None:
        """Forget a set of vectors that is not searched."""
        with self._connections.transaction() as connection:
            for table in (f"vector_{generation:d}", f"sentences_{generation:d}"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.execute("DELETE FROM pending_vectors WHERE generation = ?", (generation,))
            connection.execute("DELETE FROM embedding WHERE generation = ?", (generation,))

    def forget_pending_words(self, ids: Collection[str]) -> None:
        """These ids are in the word index no more."""
        with self._connections.transaction() as connection:
            connection.executemany("DELETE FROM pending_words WHERE id = ?", [(i,) for i in ids])

    def forget_pending_vectors(self, generation: int, ids: Collection[str]) -> None:
        """These ids are in that Chroma collection no more."""
        with self._connections.transaction() as connection:
            rows = [(generation, i) for i in ids]
            connection.executemany("DELETE FROM pending_vectors WHERE generation = ? AND id = ?", rows)


# What follows happens inside a transaction.


def _live_rows(connection: sqlite3.Connection, vectors: Sequence[NewVector]) -> dict[int, str]:
    """The chunks that are still where these vectors were made for them."""
    marks = ",".join("?" * len(vectors))
    rows = [new.row for new in vectors]
    return dict(connection.execute(f"SELECT row, chunk_id FROM chunk WHERE row IN ({marks})", rows))


def _bump(connection: sqlite3.Connection, n_papers: int = 0, n_chunks: int = 0, n_bare: int = 0) -> int:
    connection.execute(
        "UPDATE state SET revision = revision + 1, "
        "n_papers = n_papers + ?, n_chunks = n_chunks + ?, n_bare = n_bare + ?",
        (n_papers, n_chunks, n_bare),
    )
    return int(connection.execute("SELECT revision FROM state").fetchone()[0])


def _retire(connection: sqlite3.Connection, positions: Sequence[int]) -> tuple[int, int]:
    """What is live of these papers becomes pending in every index; how many chunks, and bare papers, that were."""
    rows = [(position,) for position in positions]
    if not rows:
        return 0, 0
    for generation in [g for (g,) in connection.execute("SELECT generation FROM embedding").fetchall()]:
        n_vectors = 0
        for place in rows:
            of_paper = "(SELECT row FROM chunk WHERE position = ?)"
            connection.execute(
                f"INSERT OR IGNORE INTO pending_vectors SELECT {generation:d}, chunk_id FROM chunk "
                f"JOIN vector_{generation:d} USING (row) WHERE position = ?",
                place,
            )
            n_vectors += connection.execute(
                f"DELETE FROM vector_{generation:d} WHERE row IN {of_paper}", place
            ).rowcount
            connection.execute(f"DELETE FROM sentences_{generation:d} WHERE row IN {of_paper}", place)
        connection.execute("UPDATE embedding SET n_chunks = n_chunks - ? WHERE generation = ?", (n_vectors, generation))
    for table, column in (("chunk", "chunk_id"), ("bare", "bare_id")):
        connection.executemany(
            f"INSERT OR IGNORE INTO pending_words SELECT {column} FROM {table} WHERE position = ?", rows
        )
    n_chunks = connection.executemany("DELETE FROM chunk WHERE position = ?", rows).rowcount
    n_bare = connection.executemany("DELETE FROM bare WHERE position = ?", rows).rowcount
    return n_chunks, n_bare


def _merge_away(connection: sqlite3.Connection, old: int, new: int) -> None:
    """Everything that is known of a held paper belongs to another one from now on."""
    connection.execute("UPDATE name SET position = ? WHERE position = ?", (new, old))
    connection.execute("UPDATE seen SET position = ? WHERE position = ?", (new, old))
    connection.execute("UPDATE OR IGNORE tag SET position = ? WHERE position = ?", (new, old))
    works = {w for (w,) in connection.execute("SELECT work FROM paper WHERE position = ?", (old,)) if w}
    for table in ("tag", "part", "detail", "paper"):
        connection.execute(f"DELETE FROM {table} WHERE position = ?", (old,))
    _leave_alone(connection, works)


def _put_papers(connection: sqlite3.Connection, plan: Plan) -> None:
    # An insertion never replaces: two papers at one position would be one of them lost.
    connection.executemany(
        "INSERT INTO paper (content_hash, record, position, paper_id) VALUES (?, ?, ?, ?)",
        [(*_stored(plan.papers[position]), position, plan.papers[position].paper_id) for position in sorted(plan.new)],
    )
    connection.executemany(
        "UPDATE paper SET content_hash = ?, record = ? WHERE position = ?",
        [(*_stored(plan.papers[position]), position) for position in sorted(plan.papers.keys() - plan.new)],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO detail VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [_detail(position, paper) for position, paper in sorted(plan.papers.items())],
    )
    # In the tables' own order, so that what goes to one page goes there together.
    connection.executemany("INSERT OR IGNORE INTO name VALUES (?, ?)", sorted(plan.names.items()))
    connection.executemany("INSERT OR IGNORE INTO likeness VALUES (?, ?)", sorted(plan.likeness))


def _stored(paper: Paper) -> tuple[str, str]:
    return paper.content_hash, to_record(paper)


def _detail(position: int, paper: Paper) -> tuple[int, str, str, int | None, str, str, bool, str | None]:
    notice = None if paper.notice is None else as_utf8(paper.notice)
    venue = spaced(paper.venue) if paper.venue else "  "
    authors = folded_authors(paper.authors)
    has_abstract = bool(paper.abstract.strip())
    title = as_utf8(paper.title)
    return position, paper.paper_id, title, paper.year, as_utf8(venue), as_utf8(authors), has_abstract, notice


def _sources(connection: sqlite3.Connection, plan: Plan) -> dict[str, int]:
    """The number of every source that the plan names; new ones get one."""
    names = {name for _, name in plan.seen.values()} | {name for _, name in plan.forgotten}
    names |= {name for parts in plan.parts.values() for name in parts}
    numbers: dict[str, int] = {}
    for name in sorted(names):
        held = as_utf8(name)
        connection.execute("INSERT OR IGNORE INTO source (name, folded) VALUES (?, ?)", (held, held.casefold()))
        (numbers[name],) = connection.execute("SELECT source FROM source WHERE name = ?", (held,)).fetchone()
    return numbers


def _tag(connection: sqlite3.Connection, positions: Collection[int], names: Sequence[str]) -> None:
    rows = [(name.casefold(), position, name) for name in names for position in positions]
    connection.executemany("INSERT OR IGNORE INTO tag VALUES (?, ?, ?)", rows)


def _link(connection: sqlite3.Connection, plan: Plan) -> None:
    connection.executemany("UPDATE paper SET work = ? WHERE work = ?", [(new, old) for old, new in plan.joined_works])
    connection.executemany(
        "UPDATE paper SET work = ? WHERE position = ?", [(work, position) for position, work in plan.works.items()]
    )


def _leave_alone(connection: sqlite3.Connection, works: Collection[str]) -> None:
    """A paper whose other versions are gone is alone again."""
    for work in works:
        connection.execute(
            "UPDATE paper SET work = NULL WHERE work = ? AND (SELECT count(*) FROM paper WHERE work = ?) = 1",
            (work, work),
        )


def _put_chunks(connection: sqlite3.Connection, chunks: Sequence[NewChunk], bare: Mapping[str, int]) -> None:
    connection.executemany(
        "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                new.row,
                new.chunk.chunk_id,
                new.position,
                new.chunk.ordinal,
                new.chunk.span.start,
                new.chunk.span.end,
                new.chunk.n_tokens,
                pack_spans(new.chunk.sentences),
            )
            for new in chunks
        ],
    )
    connection.executemany("INSERT INTO bare VALUES (?, ?)", bare.items())
    live = [(new.chunk.chunk_id,) for new in chunks] + [(bare_id,) for bare_id in bare]
    connection.executemany("DELETE FROM pending_words WHERE id = ?", live)
