"""Vectors on a Chroma server: one of your own, or Chroma's cloud.

Several machines may read one library this way, each with its copy of the folder: a chunk's
id changes with its text, so an older copy finds what it knows and passes over the rest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.errors import LibraryDamaged, StoreUnreachable
from rag.index.chroma import SPACE, FloatArray, all_ids, nearest, put, take_out

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

    from rag.config import StoreConfig

_CLOUD = "api.trychroma.com"
_CLOUD_PAGE = 300
"""What the cloud takes and gives at a time, by its published quotas."""
_PAGE = 10_000


class ServedVectors:
    """The collection ``name`` on the server of ``config``; see ``chroma.Vectors``."""

    def __init__(self, config: StoreConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._lock = threading.Lock()
        self._client: Any = None
        self._collection: Collection | None = None
        address = urlsplit(config.url)
        self._host = address.hostname or ""
        self._is_cloud = self._host == _CLOUD

    def query(self, vector: FloatArray, k: int, *, revision: int) -> list[tuple[str, float]]:
        with self._reaching():
            return nearest(self._opened(), vector, k)

    @contextmanager
    def changing(self, *, anew: bool = False) -> Iterator[None]:
        if anew:
            self.erase()
        with self._reaching():
            self._opened()
        yield

    def add(self, ids: Sequence[str], rows: FloatArray) -> None:
        with self._reaching():
            put(self._opened(), ids, rows, self._step())

    def delete(self, ids: Sequence[str]) -> None:
        with self._reaching():
            take_out(self._opened(), ids, self._step())

    def count(self) -> int:
        with self._reaching():
            return self._opened().count()

    def ids(self) -> set[str]:
        with self._reaching():
            return all_ids(self._opened(), _CLOUD_PAGE if self._is_cloud else _PAGE)

    def erase(self) -> None:
        from chromadb.errors import NotFoundError

        with self._reaching():
            self._opened()
            with suppress(NotFoundError):
                self._client.delete_collection(self._name)
        self._collection = None

    def close(self) -> None:
        with self._lock:
            client, self._client, self._collection = self._client, None, None
        if client is not None:
            client.close()
            # Chroma leaves its own connections and those of its inner client open, and has no public way to them.
            with suppress(AttributeError):
                client._server._session.close()
                client._admin_client._server._session.close()

    def _step(self) -> int:
        return _CLOUD_PAGE if self._is_cloud else int(self._client.get_max_batch_size())

    def _opened(self) -> Collection:
        with self._lock:
            if self._collection is None:
                import chromadb
                from chromadb.config import Settings

                address = urlsplit(self._config.url)
                is_safe = address.scheme == "https"
                key = os.environ.get(self._config.key_env, "").strip()
                if self._client is None:
                    self._client = chromadb.HttpClient(
                        host=self._host,
                        port=address.port or (443 if is_safe else 80),
                        ssl=is_safe,
                        headers={"x-chroma-token": key} if key else None,
                        tenant=self._config.tenant,
                        database=self._config.database,
                        settings=Settings(anonymized_telemetry=False),
                    )
                # The cloud knows another kind of graph, and tunes it itself.
                configuration: Any = {"spann": {"space": "cosine"}} if self._is_cloud else SPACE
                self._collection = self._client.get_or_create_collection(
                    self._name, configuration=configuration, embedding_function=None
                )
            return self._collection

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """What goes wrong on the way or at the server, in the project's own words, and never with a key."""
        import httpx
        from chromadb.errors import ChromaError, NotFoundError

        try:
            yield
        except NotFoundError as error:
            # Somebody deleted it: the next use makes it anew, and finds it empty.
            self._collection = None
            raise LibraryDamaged(
                f"the Chroma server {self._host} has no collection {self._name} any more: run 'footnoted repair', "
                "which fills it from the records"
            ) from error
        except (httpx.HTTPError, ChromaError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:120]
            key = os.environ.get(self._config.key_env, "").strip()
            if key:
                reason = reason.replace(key, "***")
            raise StoreUnreachable(
                f"the Chroma server {self._host} did not do what it was asked ({type(error).__name__}: {reason}): "
                "start it, or correct 'store' in the configuration; searches do without it meanwhile"
            ) from None
