"""Vectors in a Chroma database in the library's own folder.

Chroma loads its graph into memory at the first query and then never looks at what other
processes write, neither to read nor to write on: a client that did not see the last
change must be opened anew, and one that writes must be new. While a client loads, nobody
may write, since Chroma saves its graph file by file.

A process killed while it saves leaves a torn graph, and loading one can end the reading
process too (a segmentation fault, not an error). So whoever may change the graph's files
says so in a file beside them, and seals them with their sizes and times when it is done.
Where that was never done, they must be as the last seal has them.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, StorageFull
from rag.index.chroma import SPACE, all_ids, nearest, put, take_out
from rag.index.chroma import FloatArray as FloatArray
from rag.index.engine import Search, open_search
from rag.index.storage import nearly_full, storage

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

COLLECTION = "chunks"

_LOAD_SECONDS = 60.0

_spellings = itertools.count()


def folder_of(library: Path, generation: int) -> Path:
    return library / f"vectors-{generation}"


class EmbeddedVectors:
    """The Chroma collection in ``folder``; see ``chroma.Vectors``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock_file = folder.with_suffix(".lock")
        self._seal_file = folder.with_suffix(".seal")
        self._unsealed_file = folder.with_suffix(".unsealed")
        self._lock = threading.RLock()
        self._client: Any = None
        self._collection: Collection | None = None
        """As the client that writes has it."""
        self._search: Search | None = None
        self._revision = -1
        """Of the records that ``_search`` is known to have loaded."""
        self._unreadable_revision = -1
        self._sealed: dict[str, tuple[int, int]] | None = None

    def query(self, vector: FloatArray, k: int, *, revision: int) -> list[tuple[str, float]]:
        with self._lock:
            if self._search is not None and self._revision >= revision:
                with self._damage():
                    return self._search(vector, k)
            if revision == self._unreadable_revision:
                raise LibraryDamaged(f"the vectors in {self._folder} could not be read")
            try:
                with self._alone(), self._damage():
                    # The graph is loaded by the first query, not by opening, and may be saved by it.
                    with self._unsealed():
                        self._search = self._searchable()
                        found = self._search(vector, k)
                    self._revision = revision
            except LibraryError:
                # Not tried again with every question: the next writer rebuilds it.
                self.release()
                self._unreadable_revision = revision
                raise
            return found

    @contextmanager
    def changing(self, *, anew: bool = False) -> Iterator[None]:
        with self._lock, self._alone(), self._damage():
            try:
                if anew:
                    self._erase()
                with self._unsealed():
                    if self._collection is None:
                        self._reopen()
                    yield
            except BaseException:
                # What the client holds in memory may differ from its files now.
                self.release()
                raise

    def add(self, ids: Sequence[str], rows: FloatArray) -> None:
        put(self._opened, ids, rows, self._client.get_max_batch_size())

    def delete(self, ids: Sequence[str]) -> None:
        take_out(self._opened, ids, self._client.get_max_batch_size())

    def count(self) -> int:
        return self._opened.count()

    def ids(self) -> set[str]:
        return all_ids(self._opened, 50_000)

    def erase(self) -> None:
        with self._lock, self._alone():
            self._erase()

    def _erase(self) -> None:
        self.release()
        shutil.rmtree(self._folder, ignore_errors=True)
        for file in (self._seal_file, self._unsealed_file):
            file.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of the client; the next use opens another."""
        client, self._client, self._collection, self._search = self._client, None, None, None
        self._revision = self._unreadable_revision = -1
        if client is not None:
            client.close()

    def close(self) -> None:
        with self._lock:
            self.release()

    # -- inside

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other client loads or writes the collection meanwhile, in any process."""
        from filelock import FileLock, Timeout

        try:
            with storage(self._folder.parent), FileLock(self._lock_file, timeout=_LOAD_SECONDS):
                yield
        except Timeout as error:
            raise LibraryBusy(
                f"the vectors of {self._folder.parent} stayed locked for {_LOAD_SECONDS:.0f} s by another process: "
                "try again when it is done"
            ) from error

    def _searchable(self) -> Search:
        """A search that has seen everything written so far."""
        self.release()
        self._folder.mkdir(exist_ok=True)
        return open_search(self._folder, COLLECTION) or functools.partial(nearest, self._reopen())

    def _reopen(self) -> Collection:
        """A client that has seen everything written so far."""
        import chromadb
        from chromadb.config import Settings

        self.release()
        self._folder.mkdir(exist_ok=True)
        self._client = chromadb.PersistentClient(
            path=_spelled_anew(self._folder), settings=Settings(anonymized_telemetry=False)
        )
        self._collection = self._client.get_or_create_collection(
            COLLECTION, configuration=SPACE, embedding_function=None
        )
        return self._collection

    @property
    def _opened(self) -> Collection:
        assert self._collection is not None, "changing() comes before it"
        return self._collection

    # -- the seal

    @contextmanager
    def _unsealed(self) -> Iterator[None]:
        """The graph's files may change within; whoever is killed in here leaves word of it."""
        if not self._is_whole():
            raise LibraryDamaged(
                f"the vectors in {self._folder} are not as the last completed change left them: "
                "run 'footnoted repair', which rebuilds them from the records"
            )
        with open(self._unsealed_file, "w") as word:
            os.fsync(word.fileno())
        yield
        stamps = self._stamps()
        if stamps != self._sealed:
            scratch = self._seal_file.with_suffix(".new")
            scratch.write_text(json.dumps(stamps))
            scratch.replace(self._seal_file)
            self._sealed = stamps
        self._unsealed_file.unlink(missing_ok=True)

    def _is_whole(self) -> bool:
        try:
            seal = {name: tuple(stamp) for name, stamp in json.loads(self._seal_file.read_text()).items()}
        except FileNotFoundError:
            seal = {}
        except (ValueError, AttributeError, TypeError):
            return False
        stamps = self._stamps()
        if self._unsealed_file.exists():
            return stamps == seal
        # Copying a library gives its files other times.
        return {name: size for name, (size, _) in stamps.items()} == {name: size for name, (size, _) in seal.items()}

    def _stamps(self) -> dict[str, tuple[int, int]]:
        """Size and time of the files that Chroma would load: before it first saves, it keeps meaningless ones there."""
        saved = self._folder.glob("*/index_metadata.pickle")
        files = sorted(file for metadata in saved for file in metadata.parent.iterdir())
        return {
            file.relative_to(self._folder).as_posix(): (file.stat().st_size, file.stat().st_mtime_ns) for file in files
        }

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What Chroma cannot read becomes LibraryDamaged; failures of the disk stay what they are."""
        try:
            with storage(self._folder.parent):
                yield
        except Exception as error:
            if not _is_of_chroma(error):
                raise
            if nearly_full(self._folder.parent):
                # Chroma often says only which of its steps failed.
                raise StorageFull(
                    f"the disk of {self._folder.parent} is nearly full, and the vectors could not be written or read: "
                    "free some space and try again; what was in the library before is unchanged"
                ) from error
            raise LibraryDamaged(
                f"the vectors in {self._folder} cannot be read ({' '.join(str(error).split())[:200]}): "
                "run 'footnoted repair', which rebuilds them from the records"
            ) from error


def _is_of_chroma(error: Exception) -> bool:
    from chromadb.errors import ChromaError  # here, since it imports all of Chroma's client

    return isinstance(error, (ChromaError, ValueError, RuntimeError))


def _spelled_anew(folder: Path) -> str:
    """``folder`` as no client of this process has called it before.

    chromadb keeps one client for each path, so that a second one would be as stale as the
    first, and one that failed to open would stay broken.
    """
    return str(folder) + "".join("//." if bit == "1" else "/." for bit in f"{next(_spellings):b}")
