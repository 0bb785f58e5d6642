"""Nearest chunks by vector: the one place that meets Chroma.

Chroma loads its graph into memory at the first query and then never looks at what other
processes write, neither to read nor to write on: a client that did not see the last
commit must be opened anew, and one that writes must be new. While a client loads, nobody
may write, since Chroma saves its graph file by file.

A process killed while it saves leaves a torn graph, and loading one can end the reading
process too (a segmentation fault, not an error). So the graph's files are sealed with
their checksums after every completed change, and loaded only if the seal fits.
"""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rag.errors import LibraryBusy, LibraryDamaged, LibraryError, StorageFull
from rag.index.storage import nearly_full, storage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from chromadb.api.models.Collection import Collection
    from llama_index.core.schema import TextNode

    FloatArray = npt.NDArray[np.float32]
else:
    FloatArray = object  # importing numpy takes 0.1 s, and listing papers needs none of it

COLLECTION = "chunks"

Item = TypeVar("Item")

# Share of the true best 50 of 10,000 that Chroma's defaults find: 65 % of random vectors, the
# worst case for such a graph, and 99.8 % of clustered ones. With these: 99 % and 100 %.
_SPACE = {"hnsw": {"space": "cosine", "ef_construction": 100, "max_neighbors": 32, "ef_search": 400}}
_LOAD_SECONDS = 60.0

_spellings = itertools.count()


class Vectors:
    """The Chroma collection in ``folder``; safe to use from many threads.

    ``lock`` guards the client and ``revision``: the revision of the records that the
    client is known to have loaded, or to have written itself.
    """

    def __init__(self, folder: Path, lock_file: Path) -> None:
        self.lock = threading.RLock()
        self.revision = -1
        self._folder = folder
        self._lock_file = lock_file
        self._seal_file = folder.with_suffix(".seal")
        self._sealed: dict[str, tuple[int, int]] | None = None
        self._unreadable_revision = -1
        self._client: Any = None
        self._collection: Collection | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
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

    def query(self, vector: FloatArray, k: int, *, revision: int) -> list[tuple[str, float]]:
        """The ``k`` nearest ids with their cosine, best first, from a client not older than ``revision``.

        Raises LibraryDamaged for a collection that cannot be read or whose seal does not
        fit, StorageFull where it cannot be opened for writing: Chroma never opens otherwise.
        """
        with self.lock:
            if self._collection is not None and self.revision >= revision:
                return self._query(self._collection, vector, k)
            if revision == self._unreadable_revision:
                raise LibraryDamaged(f"the vectors in {self._folder} could not be read")
            try:
                with self.alone():
                    collection = self.reopen(revision)
                    # The graph is loaded by the first query, not by opening.
                    found = self._query(collection, vector, k)
                    self._seal()
            except LibraryError:
                # Not tried again with every question: the next writer rebuilds it.
                self.release()
                self._unreadable_revision = revision
                raise
            return found

    def _query(self, collection: Collection, vector: FloatArray, k: int) -> list[tuple[str, float]]:
        with self._damage():
            result = collection.query(query_embeddings=vector.reshape(1, -1), n_results=k, include=["distances"])
        distances = result["distances"]
        assert distances is not None
        return [(i, 1.0 - d) for i, d in zip(result["ids"][0], distances[0], strict=True)]

    def reopen(self, revision: int) -> Collection:
        """A client that has seen everything written so far; to be called ``alone``."""
        import chromadb
        from chromadb.config import Settings

        self.release()
        with storage(self._folder.parent):
            self._folder.mkdir(exist_ok=True)
            if self._checksums() != self._read_seal():
                raise LibraryDamaged(
                    f"the vectors in {self._folder} are not as the last completed change left them: "
                    "run 'footnoted repair', which rebuilds them from the records"
                )
        with self._damage():
            self._client = chromadb.PersistentClient(
                path=_spelled_anew(self._folder), settings=Settings(anonymized_telemetry=False)
            )
            self._collection = self._client.get_or_create_collection(
                COLLECTION, configuration=_SPACE, embedding_function=None
            )
        self.revision = revision
        return self._collection

    def add(self, nodes: Sequence[TextNode]) -> None:
        """Write nodes that carry their embedding; to be called ``alone``."""
        from llama_index.vector_stores.chroma import ChromaVectorStore

        with self._damage():
            store = ChromaVectorStore(chroma_collection=self._writable())
            for some in self._batches(nodes):
                store.add(list(some))
            self._seal()

    def refresh(self, nodes: Sequence[TextNode]) -> None:
        """Write the metadata of nodes that are held already; to be called ``alone``."""
        from llama_index.core.vector_stores.utils import node_to_metadata_dict

        with self._damage():
            for some in self._batches(nodes):
                self._writable().update(
                    ids=[node.node_id for node in some],
                    metadatas=[node_to_metadata_dict(node, remove_text=True, flat_metadata=True) for node in some],
                )
            self._seal()

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Take ids out; those that are not there are no error. To be called ``alone``."""
        with self._damage():
            for some in self._batches(chunk_ids):
                self._writable().delete(ids=list(some))
            self._seal()

    def count(self) -> int:
        """How many ids are held at all, live or not; 0 where there is no client."""
        with self.lock, self._damage():
            return self._collection.count() if self._collection is not None else 0

    def erase(self) -> None:
        """Remove all of it; to be called ``alone``."""
        self.release()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._seal_file.unlink(missing_ok=True)

    def ids(self) -> set[str]:
        """All ids that are held, live or not; to be called ``alone``."""
        with self._damage():
            ids = set(self._writable().get(include=[])["ids"])
            self._seal()
        return ids

    def release(self) -> None:
        """Let go of the client; the next use opens another."""
        client, self._client, self._collection = self._client, None, None
        self.revision = self._unreadable_revision = -1
        self._sealed = None
        if client is not None:
            client.close()

    def close(self) -> None:
        with self.lock:
            self.release()

    def _batches(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        step = self._client.get_max_batch_size()
        return (items[start : start + step] for start in range(0, len(items), step))

    def _seal(self) -> None:
        """Note the graph's files as they are; nothing is written when none was saved since."""
        stamps = {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in self._graph_files()}
        if stamps == self._sealed:
            return
        scratch = self._seal_file.with_suffix(".new")
        scratch.write_text(json.dumps(self._checksums()))
        scratch.replace(self._seal_file)
        self._sealed = stamps

    def _read_seal(self) -> dict[str, int]:
        try:
            seal: dict[str, int] = json.loads(self._seal_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return seal

    def _checksums(self) -> dict[str, int]:
        """Of the content and not of the times, so that a copied library still fits its seal."""
        return {
            file.relative_to(self._folder).as_posix(): zlib.crc32(file.read_bytes()) for file in self._graph_files()
        }

    def _graph_files(self) -> list[Path]:
        """Those that Chroma would load: before it first saves, it keeps meaningless files there."""
        saved = self._folder.glob("*/index_metadata.pickle")
        return sorted(file for metadata in saved for file in metadata.parent.iterdir())

    def _writable(self) -> Collection:
        assert self._collection is not None, "reopen() comes before writing"
        return self._collection

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """What Chroma cannot read becomes LibraryDamaged; failures of the disk stay what they are."""
        from chromadb.errors import ChromaError

        try:
            with storage(self._folder.parent):
                yield
        except (ChromaError, ValueError, RuntimeError) as error:
            if nearly_full(self._folder.parent):
                # Chroma often says only which of its steps failed.
                raise StorageFull(
                    f"the disk of {self._folder.parent} is nearly full, and the vectors could not be written or read: "
                    "free some space and try again; what the library held is unchanged"
                ) from error
            raise LibraryDamaged(
                f"the vectors in {self._folder} cannot be read ({' '.join(str(error).split())[:200]}): "
                "run 'footnoted repair', which rebuilds them from the records"
            ) from error


def _spelled_anew(folder: Path) -> str:
    """``folder`` as no client of this process has called it before.

    chromadb keeps one client for each path, so that a second one would be as stale as the
    first, and one that failed to open would stay broken.
    """
    return str(folder) + "".join("//." if bit == "1" else "/." for bit in f"{next(_spellings):b}")
