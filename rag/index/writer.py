"""The write half of a library: how texts and vectors enter its parts, and how they leave them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import LibraryDamaged
from rag.index.chroma import Vectors
from rag.index.intake import Plan
from rag.index.records import NewChunk, NewVector, Records
from rag.index.rows import ChunkRow, Held
from rag.index.storage import storage
from rag.index.stored import NewVectors
from rag.index.vector_writer import LocalWriter, ProcessWriter, VectorWriter, can_have_process
from rag.index.words import Words, bare_document, delete, document
from rag.types import Paper

if TYPE_CHECKING:
    import tantivy

_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class _Underway:
    generation: int
    vectors: Sequence[NewVector]


class Writer:
    """Changes the three parts of the library in ``folder``; to be used under its write lock.

    The indexes are opened when they are first written.
    """

    def __init__(
        self, folder: Path, records: Records, words: Words, open_vectors: Callable[[int], Vectors], *, embedded: bool
    ) -> None:
        self._folder = folder
        self._records = records
        self._words = words
        self._open_vectors = open_vectors
        self._may_have_process = embedded and can_have_process()
        self._word_writer: tantivy.IndexWriter | None = None
        self._vector_writers: dict[int, VectorWriter] = {}
        self._underway: _Underway | None = None

    # -- texts

    def publish(self, plan: Plan, chunks: Sequence[NewChunk], *, run: int, tags: Sequence[str] = ()) -> None:
        """Put the texts of ``chunks`` and of papers without abstract into the word index, then make ``plan`` true.

        Readers see all of it or nothing.
        """
        bare = {
            bare_id_of(paper): position
            for position in plan.changed_text
            if not (paper := plan.papers[position]).abstract.strip()
        }
        if chunks or bare:
            with storage(self._folder):
                self._records.intend_words([new.chunk.chunk_id for new in chunks] + list(bare))
            with self._writing_words() as writer:
                for new in chunks:
                    writer.add_document(document(new.paper, new.chunk))
                for bare_id, position in bare.items():
                    writer.add_document(bare_document(bare_id, plan.papers[position]))
        with storage(self._folder):
            self._records.publish(plan, chunks, bare, run=run, tags=tags)
        if plan.rewritten or plan.merged_away:
            self.sweep()

    def remove(self, held: Collection[Held]) -> None:
        with storage(self._folder):
            self._records.remove(held)
        self.sweep()

    # -- vectors

    def begin_vectors(self, generation: int, rows: Sequence[ChunkRow], vectors: NewVectors, *, is_long: bool) -> None:
        """Begin to write the vectors of the chunks in ``rows``; those begun before are published first.

        ``is_long`` says that enough will follow to be worth a process of its own.
        """
        self.finish_vectors()
        resting = vectors.resting.reshape(-1).view("u1").data
        width = vectors.n_dims * vectors.resting.itemsize
        new, start = [], 0
        for row in rows:
            sentences = start + width
            end = sentences + width * len(row.chunk.sentences)
            new.append(NewVector(row.row, row.chunk.chunk_id, resting[start:sentences], resting[sentences:end]))
            start = end
        ids = [row.chunk.chunk_id for row in rows]
        with storage(self._folder):
            self._records.intend_vectors(generation, ids)
            self._vector_writer(generation, is_long=is_long).add(ids, vectors.of_chunks)
        self._underway = _Underway(generation, new)

    def finish_vectors(self) -> None:
        """Until what was begun is written, and then make it live."""
        if (underway := self._underway) is None:
            return
        self._underway = None
        with storage(self._folder):
            self._vector_writer(underway.generation).wait()
            self._records.publish_vectors(underway.generation, underway.vectors)

    @property
    def is_busy(self) -> bool:
        """Whether to begin with more vectors now would mean to wait."""
        return self._underway is not None and self._vector_writer(self._underway.generation).is_busy

    def erase_vectors(self, generation: int) -> None:
        """A set of vectors that is not searched goes."""
        self._close_vectors(generation)
        with storage(self._folder), closing(self._open_vectors(generation)) as vectors:
            vectors.erase()
            self._records.drop_generation(generation)

    # -- both

    def sweep(self) -> None:
        """Take out of the indexes what was retired, or what a killed writer left there."""
        with storage(self._folder), self._records.snapshot() as snapshot:
            if snapshot is None:
                return
            words = snapshot.pending_words()
            current = snapshot.state().generation
            generations = [one.generation for one in snapshot.embeddings()]
            vectors = {g: snapshot.pending_vectors(g) for g in generations if g >= current}
        for generation in generations:
            if generation < current:  # a rebuild has made new ones
                self.erase_vectors(generation)
        if self._underway is not None:
            begun = {new.chunk_id for new in self._underway.vectors}
            vectors[self._underway.generation] = [i for i in vectors[self._underway.generation] if i not in begun]
        if words:
            with self._writing_words() as writer:
                delete(writer, words)
            with storage(self._folder):
                self._records.forget_pending_words(words)
        for generation, ids in vectors.items():
            if ids:
                with storage(self._folder):
                    self._vector_writer(generation).delete(ids)
                    self._records.forget_pending_vectors(generation, ids)

    def rebuild(self, generation: int) -> None:
        """Count the records, and make both indexes anew from them, embedding nothing."""
        with storage(self._folder):
            self._records.recount()
        try:
            self._rewrite_words()
        except (LibraryDamaged, ValueError):
            # tantivy has no other name for an index that it cannot read.
            self._words.erase()
            self._word_writer = None
            self._rewrite_words()
        if generation:
            self._close_vectors(generation)
            writer = LocalWriter(self._folder, self._records, self._open_vectors(generation), generation)
            self._vector_writers[generation] = writer
            writer.rewrite()

    def close(self) -> None:
        """Let go of everything; what was begun and not finished is left for the next sweep."""
        try:
            for generation in list(self._vector_writers):
                self._close_vectors(generation)
        finally:
            writer, self._word_writer = self._word_writer, None
            if writer is not None:
                # Merges would otherwise go on behind the back of the next writer.
                with storage(self._folder):
                    writer.wait_merging_threads()

    def _vector_writer(self, generation: int, *, is_long: bool = False) -> VectorWriter:
        if generation not in self._vector_writers:
            self._vector_writers[generation] = (
                ProcessWriter(self._folder, generation)
                if is_long and self._may_have_process
                else LocalWriter(self._folder, self._records, self._open_vectors(generation), generation)
            )
        return self._vector_writers[generation]

    def _close_vectors(self, generation: int) -> None:
        if (writer := self._vector_writers.pop(generation, None)) is not None:
            writer.close()

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

    def _rewrite_words(self) -> None:
        """In one commit: readers have the old index until it is done."""
        with self._writing_words() as writer, self._records.snapshot() as snapshot:
            writer.delete_all_documents()
            if snapshot is None:
                return
            ids = snapshot.chunk_ids()
            for start in range(0, len(ids), _BLOCK):
                for row in snapshot.chunks(ids[start : start + _BLOCK], 0).values():
                    writer.add_document(document(row.paper, row.chunk))
            bare = list(snapshot.bare_ids())
            for start in range(0, len(bare), _BLOCK):
                some = bare[start : start + _BLOCK]
                held = snapshot.held_at([position for _, position in some])
                for bare_id, position in some:
                    writer.add_document(bare_document(bare_id, held[position].paper))


def bare_id_of(paper: Paper) -> str:
    """What the word index knows a paper without an abstract by; no chunk's id looks like it."""
    return f"{paper.paper_id}#{paper.content_hash[:12]}.title"
