"""What can be read from a library's records within one transaction, all of one committed state."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from rag.filters import Filter
from rag.index.rows import ChunkRow, Held, to_paper, unpack_spans
from rag.index.selection import condition
from rag.types import Chunk, Paper, Span

_MAX_PARAMETERS = 30_000  # SQLite takes 32,766 in one statement
_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class State:
    """What was true of the library when it was read; a library without a file is the default."""

    revision: int = 0
    """Grows by one with every published change."""
    library_id: str = ""
    store: str | None = None
    """The address of the Chroma server that holds the vectors; None for the library's own folder."""
    generation: int = 0
    """Of the vectors that are searched; 0 before the first."""
    fingerprint: str | None = None
    """Of the embedding that made the vectors; None before the first chunk."""
    n_dims: int | None = None
    vectors_revision: int = 0
    """The last revision that changed the vectors: what has loaded them since is up to date."""
    n_papers: int = 0
    n_chunks: int = 0
    n_bare: int = 0
    """Papers without an abstract."""
    n_embedded: int = 0
    """Of the chunks, how many have vectors."""
    n_pending_words: int = 0
    n_pending_vectors: int = 0


class Listed(NamedTuple):
    """A paper as lists show it. A tuple, since a hundred thousand are made at a time."""

    paper_id: str
    title: str
    year: int | None
    notice: str | None
    has_abstract: bool


@dataclass(frozen=True, slots=True)
class Embedding:
    """A set of vectors and what made it."""

    generation: int
    fingerprint: str
    n_dims: int
    n_chunks: int


class Snapshot:
    """Reads within one transaction of ``Records.snapshot``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def state(self) -> State:
        row = self._connection.execute(
            "SELECT s.revision, library_id, store, s.generation, fingerprint, n_dims, coalesce(e.revision, 0), "
            "n_papers, s.n_chunks, n_bare, coalesce(e.n_chunks, 0), (SELECT count(*) FROM pending_words), "
            "(SELECT count(*) FROM pending_vectors WHERE generation = s.generation) "
            "FROM state AS s LEFT JOIN embedding AS e USING (generation)"
        ).fetchone()
        return State(*row)

    def revision_now(self) -> int:
        """That of the newest committed state: the snapshot ends with it."""
        self._connection.rollback()
        return int(self._connection.execute("SELECT revision FROM state").fetchone()[0])

    def embeddings(self) -> list[Embedding]:
        """All sets of vectors, complete or not, the oldest first."""
        rows = self._connection.execute("SELECT generation, fingerprint, n_dims, n_chunks FROM embedding ORDER BY 1")
        return [Embedding(*row) for row in rows]

    # -- papers

    def papers(self, only: Filter | None = None) -> Iterator[Paper]:
        """In the order in which they were first added; ``only`` those."""
        for held in self.held(only):
            yield held.paper

    def papers_by_title(self, only: Filter | None = None) -> Iterator[Paper]:
        sql, values = condition(only) if only else ("1", [])
        rows = self._connection.execute(f"SELECT title, paper_id, position FROM detail WHERE {sql}", values)
        places = [place for *_, place in sorted((title.casefold(), paper_id, at) for title, paper_id, at in rows)]
        for start in range(0, len(places), _BLOCK):
            some = places[start : start + _BLOCK]
            held = self.held_at(some)
            yield from (held[position].paper for position in some)

    def held(self, only: Filter | None = None) -> Iterator[Held]:
        sql, values = condition(only) if only else ("1", [])
        join = "JOIN detail USING (position) " if only else ""
        # By a cursor of its own, since the caller may read other things in between.
        rows = self._connection.cursor().execute(
            f"SELECT paper.position, record, work FROM paper {join}WHERE {sql} ORDER BY paper.position", values
        )
        while block := list(islice(rows, _BLOCK)):
            yield from self._held(block)

    def held_at(self, positions: Sequence[int]) -> dict[int, Held]:
        rows = self._in("SELECT position, record, work FROM paper WHERE position IN ({})", positions)
        return {held.position: held for held in self._held(list(rows))}

    def _held(self, rows: Sequence[tuple[int, str, str | None]]) -> Iterator[Held]:
        tags = self.tags_at([position for position, _, _ in rows])
        for position, record, work in rows:
            yield Held(position, to_paper(record, tags=tags.get(position, ()), work=work))

    def tags_at(self, positions: Sequence[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, list[str]] = defaultdict(list)
        for position, name in self._in("SELECT position, name FROM tag WHERE position IN ({})", positions):
            found[position].append(name)
        return {position: tuple(sorted(names)) for position, names in found.items()}

    def positions_of(self, names: Sequence[str]) -> dict[str, int]:
        """Where the papers known by these ids or identities are; those not held are left out."""
        return dict(self._in("SELECT name, position FROM name WHERE name IN ({})", names))

    def papers_of(self, paper_ids: Sequence[str]) -> dict[str, Paper]:
        """Those that are held, by the names asked for."""
        positions = self.positions_of(paper_ids)
        held = self.held_at(list(set(positions.values())))
        return {name: held[position].paper for name, position in positions.items()}

    def listed(self, only: Filter | None = None) -> Iterator[Listed]:
        """In no particular order."""
        sql, values = condition(only) if only else ("1", [])
        for paper_id, title, year, notice, has_abstract in self._connection.execute(
            f"SELECT paper_id, title, year, notice, has_abstract FROM detail WHERE {sql}", values
        ):
            yield Listed(paper_id, title, year, notice, bool(has_abstract))

    def selected(self, only: Filter, limit: int) -> tuple[int, list[int]]:
        """How many papers ``only`` lets through, and where they are, if they are at most ``limit``."""
        sql, values = condition(only)
        rows = self._connection.execute(f"SELECT position FROM detail WHERE {sql} LIMIT ?", [*values, limit + 1])
        places = [position for (position,) in rows]
        if len(places) <= limit:
            return len(places), places
        n_papers = self._connection.execute(f"SELECT count(*) FROM detail WHERE {sql}", values).fetchone()[0]
        return int(n_papers), []

    def passing(self, only: Filter, positions: Sequence[int]) -> set[int]:
        """Those of ``positions`` that ``only`` lets through."""
        sql, values = condition(only)
        return {
            position
            for some in _slices(positions)
            for (position,) in self._connection.execute(
                f"SELECT position FROM detail WHERE position IN ({_marks(some)}) AND {sql}", [*some, *values]
            )
        }

    # -- what an add compares its papers with

    def seen(self, digests: Sequence[bytes]) -> dict[bytes, tuple[int, str, int]]:
        """Where the records with these digests went, their source, and in which run."""
        names = dict(self._connection.execute("SELECT source, name FROM source"))
        rows = self._in("SELECT digest, position, source, run FROM seen WHERE digest IN ({})", digests)
        return {digest: (position, names[source], run) for digest, position, source, run in rows}

    def touched(self, positions: Sequence[int], run: int) -> set[tuple[int, str]]:
        """Those of the papers and sources that this run has read."""
        rows = self._in(
            "SELECT position, name, run FROM seen JOIN source USING (source) WHERE position IN ({})", positions
        )
        return {(position, name) for position, name, its_run in rows if its_run == run}

    def alike(self, keys: Sequence[str]) -> list[tuple[str, int]]:
        """Every paper that has one of ``keys``, with the key."""
        return list(self._in("SELECT key, position FROM likeness WHERE key IN ({})", keys))

    def parts_at(self, positions: Sequence[int]) -> dict[int, dict[str, Paper]]:
        """By paper, what each of its sources said, in the order in which they came; only of papers with several."""
        found: dict[int, dict[str, Paper]] = defaultdict(dict)
        sql = (
            "SELECT position, name, record FROM part JOIN source USING (source) WHERE position IN ({}) ORDER BY source"
        )
        for position, name, record in self._in(sql, positions):
            found[position][name] = to_paper(record)
        return found

    def reading(self, digest: str) -> str | None:
        """The report of a file with this digest that was read to its end, and is in the library as it was read."""
        row = self._connection.execute("SELECT report FROM reading WHERE digest = ?", (digest,)).fetchone()
        return row[0] if row else None

    # -- chunks

    def chunks(self, chunk_ids: Sequence[str], generation: int) -> dict[str, ChunkRow]:
        """The live ones of ``chunk_ids`` with their papers; equal papers are one object."""
        rows = [
            row
            for some in _slices(chunk_ids)
            for row in self._connection.execute(_chunk_rows(generation, f"chunk_id IN ({_marks(some)})"), some)
        ]
        return {row.chunk.chunk_id: row for row in self._chunk_rows(rows)}

    def unembedded(self, generation: int, after: int, limit: int) -> list[ChunkRow]:
        """The first ``limit`` chunks beyond row ``after`` that have no vector of this generation, by row."""
        # The rows alone first: to look for them among all must not touch the papers.
        lacking = f"AND NOT EXISTS (SELECT 1 FROM vector_{generation:d} AS v WHERE v.row = chunk.row)"
        among = f"SELECT row FROM chunk WHERE row > ? {lacking if generation else ''} ORDER BY row LIMIT ?"
        rows = self._connection.execute(
            f"{_chunk_rows(0, f'chunk.row IN ({among})')} ORDER BY chunk.row", (after, limit)
        ).fetchall()
        return list(self._chunk_rows(rows))

    def _chunk_rows(self, rows: Sequence[Any]) -> Iterator[ChunkRow]:
        positions = list({row[2]: None for row in rows})
        tags = self.tags_at(positions)
        papers: dict[int, Paper] = {}
        for row, chunk_id, position, ordinal, start, end, n_tokens, sentences, vector, vectors, record, work in rows:
            if position not in papers:
                papers[position] = to_paper(record, tags=tags.get(position, ()), work=work)
            paper = papers[position]
            chunk = Chunk(chunk_id, paper.paper_id, ordinal, Span(start, end), unpack_spans(sentences), n_tokens)
            yield ChunkRow(row, paper, chunk, vector or b"", vectors or b"")

    def vectors(self, generation: int, positions: Sequence[int] | None = None) -> Iterator[tuple[list[str], bytes]]:
        """Ids of embedded chunks, and their vectors one after the other as they lie on disk; in blocks.

        All of them, or those of the papers at ``positions``.
        """
        if not generation:
            return
        sql = f"SELECT chunk_id, vector FROM chunk JOIN vector_{generation:d} USING (row)"
        if positions is None:
            rows: Iterator[tuple[str, bytes]] = self._connection.cursor().execute(sql)
        else:
            rows = self._in(sql + " WHERE position IN ({})", positions)
        while block := list(islice(rows, 8 * _BLOCK)):
            yield [chunk_id for chunk_id, _ in block], b"".join(vector for _, vector in block)

    def chunks_held(self, chunk_ids: Sequence[str]) -> set[str]:
        """Those that are live."""
        return {chunk_id for (chunk_id,) in self._in("SELECT chunk_id FROM chunk WHERE chunk_id IN ({})", chunk_ids)}

    def chunks_passing(self, only: Filter, chunk_ids: Sequence[str]) -> set[str]:
        """Those of papers that ``only`` lets through."""
        places = dict(self._in("SELECT chunk_id, position FROM chunk WHERE chunk_id IN ({})", chunk_ids))
        passing = self.passing(only, list(set(places.values())))
        return {chunk_id for chunk_id, position in places.items() if position in passing}

    def embedded_among(self, generation: int, chunk_ids: Sequence[str]) -> set[str]:
        if not generation:
            return set()
        sql = f"SELECT chunk_id FROM chunk JOIN vector_{generation:d} USING (row) WHERE chunk_id IN ({{}})"
        return {chunk_id for (chunk_id,) in self._in(sql, chunk_ids)}

    def chunk_ids_at(self, positions: Sequence[int]) -> list[str]:
        return [i for (i,) in self._in("SELECT chunk_id FROM chunk WHERE position IN ({})", positions)]

    def bare(self, ids: Sequence[str]) -> dict[str, int]:
        """Of ids in the word index, those of papers without an abstract, and where these are."""
        return dict(self._in("SELECT bare_id, position FROM bare WHERE bare_id IN ({})", ids))

    def bare_ids(self) -> Iterator[tuple[str, int]]:
        yield from self._connection.cursor().execute("SELECT bare_id, position FROM bare ORDER BY position")

    # -- for checks and counts

    def chunk_ids(self, generation: int | None = None) -> list[str]:
        """All live ones, or those with a vector of this generation."""
        if generation == 0:
            return []
        join = "" if generation is None else f" JOIN vector_{generation:d} USING (row)"
        return [i for (i,) in self._connection.execute(f"SELECT chunk_id FROM chunk{join} ORDER BY chunk.row")]

    def pending_words(self) -> list[str]:
        return [i for (i,) in self._connection.execute("SELECT id FROM pending_words")]

    def pending_vectors(self, generation: int) -> list[str]:
        sql = "SELECT id FROM pending_vectors WHERE generation = ?"
        return [i for (i,) in self._connection.execute(sql, (generation,))]

    def content_hashes(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT paper_id, content_hash FROM paper"))

    def corpus_fingerprint(self) -> str:
        """SHA-256 hex over all (paper_id, content_hash), whatever the order in which they came."""
        digest = hashlib.sha256()
        for paper_id, content_hash in self._connection.execute(
            "SELECT paper_id, content_hash FROM paper ORDER BY paper_id"
        ):
            digest.update(json.dumps([paper_id, content_hash]).encode())
        return digest.hexdigest()

    def counts(self, sql: str) -> dict[str, int]:
        """``sql`` gives names and numbers."""
        return {str(name): int(n) for name, n in self._connection.execute(sql)}

    def strays(self) -> list[str]:
        """Rows that belong to no paper, and papers without what belongs to each; a line for each table."""
        found = []
        for table in ("detail", "name", "seen", "part", "tag", "chunk", "bare", "likeness"):
            sql = f"SELECT count(*) FROM {table} WHERE position NOT IN (SELECT position FROM paper)"
            if n_strays := self._connection.execute(sql).fetchone()[0]:
                found.append(f"{n_strays} rows of '{table}' belong to no paper")
        for table in ("detail", "name", "seen"):
            sql = f"SELECT count(*) FROM paper WHERE position NOT IN (SELECT position FROM {table})"
            if n_lacking := self._connection.execute(sql).fetchone()[0]:
                found.append(f"{n_lacking} papers are missing from '{table}'")
        return found

    def integrity(self) -> list[str]:
        """SQLite's own findings about its file; empty when it is sound."""
        return [line for (line,) in self._connection.execute("PRAGMA integrity_check") if line != "ok"]

    def _in(self, sql: str, values: Sequence[Any]) -> Iterator[Any]:
        """The rows of ``sql`` for all ``values``, which are put where its braces are."""
        for some in _slices(values):
            yield from self._connection.cursor().execute(sql.format(_marks(some)), some)


def _chunk_rows(generation: int, where: str) -> str:
    vector, sentences, joins = "NULL", "NULL", ""
    if generation:
        vector, sentences = "v.vector", "s.vectors"
        joins = (
            f"LEFT JOIN vector_{generation:d} AS v ON v.row = chunk.row "
            f"LEFT JOIN sentences_{generation:d} AS s ON s.row = chunk.row "
        )
    return (
        f'SELECT chunk.row, chunk_id, position, ordinal, start, "end", n_tokens, sentences, {vector}, {sentences}, '
        f"record, work FROM chunk JOIN paper USING (position) {joins}WHERE {where}"
    )


def _slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MAX_PARAMETERS):
        yield values[start : start + _MAX_PARAMETERS]


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
