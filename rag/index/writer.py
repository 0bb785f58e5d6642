"""The write half of a library: how a batch enters its three parts, and how it leaves them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import LibraryDamaged
from rag.index.records import NewChunk, Records
from rag.index.storage import storage
from rag.index.stored import StoredChunk, at_rest, live_chunks
from rag.index.vectors import Vectors
from rag.index.words import Words, delete, document
from rag.types import Paper

if TYPE_CHECKING:
    import tantivy
    from llama_index.core.schema import TextNode

    from rag.embedding import Embedder


class Writer:
    """Changes the three parts of the library in ``folder``; to be used under its write lock.

    The indexes are opened when they are first written.
    """

    def __init__(self, folder: Path, records: Records, vectors: Vectors, words: Words) -> None:
        self._folder = folder
        self._records = records
        self._vectors = vectors
        self._words = words
        self._word_writer: tantivy.IndexWriter | None = None
        self._has_vectors = False

    def publish(
        self,
        papers: Sequence[Paper],
        stored: Sequence[StoredChunk] = (),
        *,
        embedder: Embedder | None = None,
        rewritten: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        """Index ``stored``, then make it live with ``papers``; readers see all of it or nothing.

        ``embedder`` made the vectors of ``stored``. The chunks of the papers in
        ``rewritten`` and ``removed`` are retired, and the latter's records go.
        """
        if stored:
            with storage(self._folder):
                self._records.intend([one.chunk.chunk_id for one in stored])
            with self._writing_vectors():
                self._vectors.add(_nodes(stored))
            with self._writing_words() as writer:
                _write_words(writer, stored)
        # Under the vectors' lock, or a reader thread would take this client for a stale one.
        with storage(self._folder), self._vectors.lock:
            revision = self._records.publish(
                papers,
                [NewChunk(one.chunk, at_rest(one.vector), at_rest(one.sentence_vectors)) for one in stored],
                rewritten=rewritten,
                removed=removed,
                fingerprint=embedder.fingerprint if stored and embedder else None,
                n_dims=embedder.n_dims if stored and embedder else None,
            )
            if self._has_vectors:
                self._vectors.revision = revision
        self.sweep()

    def sweep(self) -> None:
        """Take out of both indexes what was retired, or what a killed writer left there."""
        with storage(self._folder), self._records.snapshot() as snapshot:
            pending = snapshot.pending() if snapshot else []
        if not pending:
            return
        with self._writing_vectors():
            self._vectors.delete(pending)
        with self._writing_words() as writer:
            delete(writer, pending)
        with storage(self._folder):
            self._records.forget_pending(pending)

    def refresh(self, paper_ids: Sequence[str]) -> None:
        """Give llama-index's users the new details of papers whose text is unchanged."""
        with storage(self._folder), self._records.snapshot() as snapshot:
            stored = live_chunks(snapshot, snapshot.chunk_ids_of(paper_ids)) if snapshot and paper_ids else []
        if stored:
            with self._writing_vectors():
                self._vectors.refresh(_nodes(stored))

    def rebuild(self) -> None:
        """Make both indexes anew from the records, embedding nothing."""
        try:
            self._rewrite_words()
        except (LibraryDamaged, ValueError):
            # tantivy has no other name for an index that it cannot read.
            self._words.erase()
            self._rewrite_words()
        with self._vectors.lock, self._vectors.alone():
            self._rewrite_vectors()

    def close(self) -> None:
        writer, self._word_writer = self._word_writer, None
        if writer is not None:
            # Merges would otherwise go on behind the back of the next writer.
            with storage(self._folder):
                writer.wait_merging_threads()

    @contextmanager
    def _writing_vectors(self) -> Iterator[None]:
        """Alone with a Chroma that is whole; one that isn't is rebuilt first."""
        with self._vectors.lock, self._vectors.alone():
            if not self._has_vectors:
                try:
                    self._vectors.reopen(self._records.revision())
                    is_whole = self._vectors.count() >= self._n_chunks()
                except LibraryDamaged:
                    is_whole = False
                if not is_whole:
                    self._rewrite_vectors()
                self._has_vectors = True
            try:
                yield
            except BaseException:
                # What the client holds in memory may differ from its files now.
                self._vectors.release()
                self._has_vectors = False
                raise

    @contextmanager
    def _writing_words(self) -> Iterator[tantivy.IndexWriter]:
        """The word index's writer; what was written is committed at the end."""
        with storage(self._folder):
            if self._word_writer is None:
                self._word_writer = self._words.writer()
            try:
                yield self._word_writer
                self._word_writer.commit()
            except BaseException:
                # What it holds uncommitted must not go out with the next commit.
                self._word_writer = None
                raise

    def _rewrite_vectors(self) -> None:
        """Readers get their vectors from the records meanwhile."""
        with storage(self._folder):
            self._vectors.erase()
            self._vectors.reopen(self._records.revision())
            for stored in self._all_live():
                self._vectors.add(_nodes(stored))
            # Readers in other processes have loaded what is no longer there.
            self._vectors.revision = self._records.bump()
        self._has_vectors = True

    def _rewrite_words(self) -> None:
        """In one commit: readers have the old index until it is done."""
        with self._writing_words() as writer:
            writer.delete_all_documents()
            for stored in self._all_live():
                _write_words(writer, stored)

    def _all_live(self) -> Iterator[list[StoredChunk]]:
        with self._records.snapshot() as snapshot:
            if snapshot is not None:
                ids = snapshot.chunk_ids()
                for start in range(0, len(ids), 1000):
                    yield live_chunks(snapshot, ids[start : start + 1000])

    def _n_chunks(self) -> int:
        with self._records.snapshot() as snapshot:
            return snapshot.state().n_chunks if snapshot else 0


def is_text(text: str) -> bool:
    """False for lone surrogates, which no index can hold as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write_words(writer: tantivy.IndexWriter, stored: Sequence[StoredChunk]) -> None:
    for one in stored:
        writer.add_document(document(_as_text(one.paper), one.chunk))


def _nodes(stored: Sequence[StoredChunk]) -> list[TextNode]:
    """As llama-index knows them, with their embedding."""
    from rag.llama.nodes import to_nodes

    nodes = []
    for one in stored:
        (node,) = to_nodes(_as_text(one.paper), [one.chunk])
        node.embedding = one.vector.tolist()
        nodes.append(node)
    return nodes


def _as_text(paper: Paper) -> Paper:
    """``paper`` as the indexes can hold it: '?' for each lone surrogate, so that offsets stay true."""
    texts = {name: text for name in paper.__slots__ if isinstance(text := getattr(paper, name), str)}
    if is_text("".join((*texts.values(), *paper.authors))):
        return paper
    cleaned: dict[str, Any] = {name: _cleaned(text) for name, text in texts.items()}
    return replace(paper, **cleaned, authors=tuple(_cleaned(author) for author in paper.authors))


def _cleaned(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
