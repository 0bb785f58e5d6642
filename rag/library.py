"""The library on disk: papers go in, and both sides of the search read one committed state.

A change is made in four steps. (1) The ids that are about to enter an index are written
down in the records; (2) the texts enter tantivy, or the vectors Chroma, where nobody sees
them yet; (3) one SQLite transaction makes them live, retires what they replace and raises
the revision; (4) retired ids leave the indexes. A reader takes a snapshot of the records,
asks both indexes, keeps what is live in its snapshot, and asks again if the revision moved
meanwhile. Whatever a killed writer leaves behind is therefore invisible, and the next
writer clears it away.

Texts come first, vectors follow: a chunk can be found by its words as soon as it is stored,
and by its meaning once it is embedded; ``coverage`` says how far that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rag.errors import LibraryBusy, LibraryError, LibraryMismatch, UnknownPaper
from rag.index.layout import FILE_NAME
from rag.index.reader import Begun as Begun
from rag.index.reader import Candidates as Candidates
from rag.index.reader import Reader, coverage_of
from rag.index.records import Records
from rag.index.snapshot import Listed, Snapshot, State
from rag.index.storage import storage
from rag.index.words import Words
from rag.types import Paper, Skipped

if TYPE_CHECKING:
    from rag.adding import AddReport
    from rag.config import StoreConfig
    from rag.embedding import Embedder
    from rag.filters import Filter
    from rag.index.chroma import FloatArray, Vectors
    from rag.index.stored import StoredChunk
    from rag.index.writer import Writer

_LOCK_NAME = "write.lock"


class Library:
    """Papers, their chunks and both indexes in one folder.

    One library may be used from many threads. Any number of processes may read while one
    writes. A folder that doesn't exist reads as an empty library and is made by the first
    add.
    """

    def __init__(self, path: Path, embedder: Embedder | None, store: StoreConfig | None = None) -> None:
        self.path = path
        self._given_embedder = embedder
        self._store = store
        self._records = Records(path)
        self._words = Words(path / "words")
        self._opened: dict[int, Vectors] = {}
        self._reader = Reader(path, self._records, self._words, self._open_vectors)

    @classmethod
    def open(cls, path: Path | str, *, embedder: Embedder | None = None, store: StoreConfig | None = None) -> Library:
        """The library in the folder ``path``; without ``embedder``, the bundled one, when it is needed.

        ``store`` names the Chroma server that a new library keeps its vectors on, and that
        one made so must be given again. Raises LibraryError if ``path`` is a file or a
        folder of other things, LibraryMismatch for another layout. Nothing is written.
        """
        path = Path(path).expanduser()
        with storage(path):
            if path.exists() and not path.is_dir():
                raise LibraryError(f"{path} is a file: a library is a folder, choose another path")
            if path.is_dir() and not (path / FILE_NAME).exists():
                others = sorted(item.name for item in path.iterdir() if item.name != _LOCK_NAME)
                if others:
                    raise LibraryError(
                        f"{path} is not a library: it holds other files ({', '.join(others[:3])}); "
                        "choose a new or an empty folder"
                    )
            library = cls(path, embedder, store)
            library._records.revision()
        return library

    # -- papers: SQLite alone, no index is opened

    def papers(self, only: Filter | None = None, *, by_title: bool = False) -> Iterator[Paper]:
        """All papers, or ``only`` those, as they are at this moment, in the order in which they were first added.

        ``by_title``: in the order of their titles, whatever the case.
        """
        with self.snapshot() as snapshot:
            if snapshot is not None:
                yield from snapshot.papers_by_title(only) if by_title else snapshot.papers(only)

    def listed(self, only: Filter | None = None) -> list[Listed]:
        """The same for a list: without abstracts, in no particular order, and many times faster."""
        with self.snapshot() as snapshot:
            return list(snapshot.listed(only)) if snapshot else []

    def paper(self, paper_id: str) -> Paper:
        """By its id, or by another name it is known by (``doi:...``). Raises UnknownPaper."""
        with self.snapshot() as snapshot:
            held = snapshot.papers_of([paper_id]) if snapshot else {}
        if paper_id not in held:
            raise self._unknown([paper_id])
        return held[paper_id]

    def __contains__(self, paper_id: object) -> bool:
        with self.snapshot() as snapshot:
            return isinstance(paper_id, str) and snapshot is not None and bool(snapshot.positions_of([paper_id]))

    def __len__(self) -> int:
        return self.state.n_papers

    @property
    def state(self) -> State:
        """Its counts, and what made its vectors, as they are at this moment."""
        with storage(self.path):
            return self._records.state()

    @property
    def revision(self) -> int:
        """Grows with every published change; 0 for a library that doesn't exist yet."""
        with storage(self.path):
            return self._records.revision()

    @property
    def fingerprint(self) -> str | None:
        """Of the embedding that made the vectors; None before the first chunk."""
        return self.state.fingerprint

    @property
    def coverage(self) -> float:
        """The share of the chunks that have vectors; 1 for a library without chunks."""
        return coverage_of(self.state)

    @property
    def corpus_fingerprint(self) -> str:
        """SHA-256 hex over the ids and content hashes of all papers, in no order; equal means equal content."""
        with self.snapshot() as snapshot:
            return snapshot.corpus_fingerprint() if snapshot else ""

    @property
    def embedder(self) -> Embedder:
        """The embedder that questions must go through; raises LibraryMismatch if another made the vectors."""
        return self.embedder_at(self.state)

    def embedder_at(self, state: State) -> Embedder:
        """The same for a ``state`` that was just read."""
        embedder = self._embedder()
        self._check_embedding(state, embedder)
        return embedder

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot | None]:
        """One committed state, for whoever asks for several things at once; None for a library without a file."""
        with storage(self.path), self._records.snapshot() as snapshot:
            yield snapshot

    # -- search

    def candidates(
        self,
        *,
        vector: FloatArray | None,
        text: str | None,
        k: int,
        only: Filter | None = None,
        known: State | None = None,
        begun: Begun | None = None,
    ) -> Candidates:
        """The ``k`` best chunks of each side, and the chunks themselves, all of one committed state.

        ``vector``: float32 (n_dims,), from ``embedder``; None leaves the dense side empty,
        as ``text=None`` does with the lexical one. ``only``: of those papers alone. Fewer
        than ``k`` come back where fewer are held (on the dense side: and embedded), and on
        the lexical side where fewer share a word with ``text``. Papers without an abstract
        are never among them: ``titled`` finds those. ``known``: the state, if it was just read,
        and ``begun`` what ``begin`` gave for it; both are left aside where something else is true by now.
        Raises LibraryMismatch for a vector of another length, LibraryDamaged, LibraryBusy.
        """
        return self._reader.candidates(vector, text, k, only, known, begun)

    def begin(self, text: str, k: int, known: State, then: Callable[[str], object] | None = None) -> Begun:
        """Begin with the lexical side of ``candidates`` on another core while there is no vector yet.

        ``known`` is the state, just read. For a search without a filter. ``then`` is called with the text there too.
        """
        return self._reader.begin(text, k, known, then)

    def titled(self, text: str, k: int, only: Filter | None = None) -> list[tuple[Paper, float]]:
        """The ``k`` best papers without an abstract whose titles share a word with ``text``, and how well they fit."""
        return self._reader.titled(text, k, only)

    def in_a_row(self, text: str, k: int, *, titles_only: bool = False) -> list[Paper]:
        """Papers in whose title, or title or abstract, the words of ``text`` stand in a row, whatever their endings.

        Of the ``k`` best chunks, so there may be fewer; best first.
        """
        return self._reader.in_a_row(text, k, titles_only=titles_only)

    @property
    def words(self) -> Words:
        """The word index itself, for whoever asks which words there are."""
        return self._words

    def count(self, only: Filter) -> int:
        """How many papers meet its conditions."""
        with self.snapshot() as snapshot:
            return snapshot.selected(only, 0)[0] if snapshot else 0

    def chunks_of(self, paper_ids: Sequence[str], n_dims: int) -> tuple[StoredChunk, ...]:
        """The chunks of these papers, in the order of the papers and of their text; unknown ids have none.

        ``n_dims``: of the question's vector. Chunks that are not embedded yet have zeros.
        """
        return self._reader.chunks_of(paper_ids, n_dims)

    # -- change

    def add(
        self,
        items: Iterable[Paper | Skipped],
        *,
        tags: Sequence[str] = (),
        on_progress: Callable[[AddReport], None] | None = None,
        on_skipped: Callable[[Skipped], None] | None = None,
        wait_seconds: float = 10.0,
        on_wait: Callable[[], None] | None = None,
        embed: bool = True,
    ) -> AddReport:
        """Add or update ``items``, batch by batch, and then embed what has no vectors yet.

        Records that share an identity (arXiv id, DOI, PMID, else the title) become one
        paper; a record read again from the same source replaces what that source said.
        Papers of one work are linked. All papers that the input speaks of get ``tags``.
        Skipped items are only reported, each to ``on_skipped`` too. ``on_progress`` gets the report so far after every
        batch; ``on_wait`` is called once if another process is writing. With ``embed=False``
        the texts are stored and can be found by their words; the next add, or ``embed``,
        goes on. An add that dies keeps its finished batches: add the same input again and
        it goes on.
        Raises LibraryBusy after ``wait_seconds``, LibraryMismatch, StorageFull,
        EmbeddingError; batches before the error stay, the one with the error leaves no trace.
        """
        from rag.adding import Adding

        with self._writing(wait_seconds, on_wait, create=True) as writer:
            if embed:
                self._check_embedding(self.state, self._embedder())
            adding = Adding(self._records, writer, self._embedder, tags, on_progress, on_skipped)
            return adding.run(items, embed=embed)

    def embed(
        self,
        *,
        on_progress: Callable[[AddReport], None] | None = None,
        wait_seconds: float = 10.0,
        on_wait: Callable[[], None] | None = None,
    ) -> AddReport:
        """Embed what has no vectors yet; errors as with ``add``."""
        return self.add((), on_progress=on_progress, wait_seconds=wait_seconds, on_wait=on_wait)

    def rebuild(
        self,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        wait_seconds: float = 10.0,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        """Embed everything anew with the embedder given to ``open``, beside the old vectors, and switch in one step.

        Until then everybody searches the old ones, and papers can be added with the old
        embedding. Killed, it goes on where it stopped. ``on_progress`` gets the chunks done
        and all of them. Errors as with ``add``.
        """
        from rag.rebuilding import Rebuilding

        if self.state.n_chunks:
            Rebuilding(self._records, self._embedder(), lambda: self._writing(wait_seconds, on_wait), on_progress).run()

    def remove(
        self,
        paper_ids: Sequence[str],
        *,
        wait_seconds: float = 10.0,
        on_wait: Callable[[], None] | None = None,
    ) -> tuple[Paper, ...]:
        """Take papers out of the records and both indexes; the papers, in the order asked for.

        Raises UnknownPaper naming every unknown id, and then removes nothing; LibraryBusy
        and StorageFull as ``add`` does.
        """
        wanted = list(dict.fromkeys(paper_ids))
        self._check_known(wanted)
        if not wanted:
            return ()
        with self._writing(wait_seconds, on_wait) as writer:
            # Another process may have removed some while we waited.
            positions = self._check_known(wanted)
            with self.snapshot() as snapshot:
                held = snapshot.held_at(list(set(positions.values()))) if snapshot else {}
            writer.remove(list(held.values()))
        return tuple(held[position].paper for position in dict.fromkeys(positions[name] for name in wanted))

    def tag(self, paper_ids: Sequence[str], tags: Sequence[str], *, remove: bool = False) -> int:
        """Give papers ``tags``, or take these away; how many papers. Raises UnknownPaper, LibraryBusy, StorageFull."""
        with self._writing(10.0, None):
            positions = set(self._check_known(paper_ids).values())
            with storage(self.path):
                (self._records.untag if remove else self._records.tag)(positions, tags)
        return len(positions)

    def verify(self) -> list[str]:
        """Everything in which the parts of the library disagree, one line each; [] when it is sound.

        Waits for a writer to finish: between its steps the parts may rightly differ.
        """
        if not (self.path / FILE_NAME).exists():
            return []
        from rag.index.soundness import problems

        with self._locked(10.0, None), self.snapshot() as snapshot:
            if snapshot is None:
                return []
            generation = snapshot.state().generation
            if not generation:
                return problems(snapshot, None, self._words)
            with closing(self._new_vectors(generation)) as vectors:
                return problems(snapshot, vectors, self._words)

    def repair(self) -> list[str]:
        """Rebuild both indexes from the records, embedding nothing; what ``verify`` then still finds."""
        if not (self.path / FILE_NAME).exists():
            return []
        with self._writing(10.0, None, sweep=False) as writer:
            writer.rebuild(self.state.generation)
        return self.verify()

    def close(self) -> None:
        self._reader.close()
        for vectors in self._opened.values():
            vectors.close()
        self._words.close()
        self._records.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- inside

    def _embedder(self) -> Embedder:
        if self._given_embedder is None:
            from rag.embedding import open_embedder

            self._given_embedder = open_embedder(None)
        return self._given_embedder

    def _check_embedding(self, state: State, embedder: Embedder) -> None:
        if state.fingerprint is not None and state.fingerprint != embedder.fingerprint:
            raise LibraryMismatch(
                f"the library {self.path} was made with the embedding '{state.fingerprint}', but "
                f"'{embedder.fingerprint}' is configured now: restore the old setting, "
                "run 'footnoted rebuild' to embed everything anew, or add the papers to a new library"
            )

    def _open_vectors(self, generation: int) -> Vectors:
        """Those that this object reads; a writer opens its own."""
        vectors = self._opened.get(generation)
        if vectors is None:
            vectors = self._new_vectors(generation)
            # After a rebuild the old ones are not asked for again.
            before, self._opened = self._opened, {generation: vectors}
            for old in before.values():
                old.close()
        return vectors

    @property
    def _vectors(self) -> Vectors:
        """Those that are searched, for whoever measures a part by itself."""
        return self._open_vectors(self.state.generation)

    def _new_vectors(self, generation: int) -> Vectors:
        state = self.state
        if state.store is None:
            from rag.index.vectors import EmbeddedVectors, folder_of

            return EmbeddedVectors(folder_of(self.path, generation))
        from rag.index.served import ServedVectors

        if self._store is None or self._store.address != state.store:
            raise LibraryMismatch(
                f"the library {self.path} keeps its vectors on the Chroma server {state.store}: "
                "name it with --store or as 'store' in the configuration, since questions are sent there"
            )
        return ServedVectors(self._store, f"footnoted-{state.library_id}-{generation}")

    @contextmanager
    def _writing(
        self, wait_seconds: float, on_wait: Callable[[], None] | None, *, create: bool = False, sweep: bool = True
    ) -> Iterator[Writer]:
        """The write lock, a library that exists, and no left-overs of a killed writer."""
        from rag.index.writer import Writer  # here, since most commands only read

        if create:
            with storage(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
        with self._locked(wait_seconds, on_wait):
            address = self._store.address if self._store else None
            if create:
                with storage(self.path):
                    self._records.create(address)
            if address is not None and self.state.store != address:
                raise LibraryMismatch(
                    f"the library {self.path} keeps its vectors {self.state.store or 'in its folder'}, "
                    f"not on {address}: leave --store out, or add the papers to a new library"
                )
            embedded = self.state.store is None
            writer = Writer(self.path, self._records, self._words, self._new_vectors, embedded=embedded)
            try:
                if sweep:
                    writer.sweep()
                yield writer
            finally:
                writer.close()

    @contextmanager
    def _locked(self, wait_seconds: float, on_wait: Callable[[], None] | None) -> Iterator[None]:
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / _LOCK_NAME)
        with storage(self.path):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if on_wait is not None:
                    on_wait()
                try:
                    lock.acquire(timeout=wait_seconds)
                except Timeout as error:
                    raise LibraryBusy(
                        f"another process is writing to {self.path} (waited {wait_seconds:.0f} s): "
                        "try again when it is done; searching and asking work meanwhile"
                    ) from error
        try:
            yield
        finally:
            lock.release()

    def _check_known(self, paper_ids: Sequence[str]) -> dict[str, int]:
        with self.snapshot() as snapshot:
            positions = snapshot.positions_of(paper_ids) if snapshot else {}
        if unknown := [paper_id for paper_id in paper_ids if paper_id not in positions]:
            raise self._unknown(unknown)
        return positions

    def _unknown(self, paper_ids: Sequence[str]) -> UnknownPaper:
        ids = ", ".join(f"'{paper_id}'" for paper_id in paper_ids)
        return UnknownPaper(f"the library {self.path} holds no paper {ids}: 'footnoted papers' lists what it holds")
