"""Chroma's engine, asked without the Python client around it.

To import that client takes a second of processor time, more than all the rest of a first search,
and its checks and conversions take a fifth of every query. But it is the engine's only documented
door. So here nothing is written, and where the engine is not as this module knows it, None says so
and whoever asks goes through the client.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from rag.index.chroma import FloatArray

Search: TypeAlias = "Callable[[FloatArray, int], list[tuple[str, float]]]"
"""The nearest ids to a vector with their cosine, best first, so many at most."""

_TENANT, _DATABASE = "default_tenant", "default_database"
_FILES_OPEN = 64
"""Collections whose files may be open at once; there is one."""


def open_search(folder: Path, collection: str) -> Search | None:
    """A search of ``collection`` in the Chroma database in ``folder``; None for an engine that is not known here.

    Raises what Chroma does: its own errors, ValueError, RuntimeError.
    """
    try:
        import chromadb_rust_bindings as engine

        database = engine.SqliteDBConfig(
            hash_type=engine.MigrationHash.MD5,
            migration_mode=engine.MigrationMode.Apply,
            url=str(folder / "chroma.sqlite3"),
        )
        bindings = engine.Bindings(
            allow_reset=False, sqlite_db_config=database, hnsw_cache_size=_FILES_OPEN, persist_path=str(folder)
        )
        found = bindings.get_collection(collection, _TENANT, _DATABASE)
        search = _search(bindings, str(found.id))
        search([0.0] * found.dimension, 1)  # loads the graph, and shows that this is how to ask it
    except (ImportError, AttributeError, TypeError):
        return None
    return lambda vector, k: search(vector.tolist(), k)


def _search(bindings: Any, collection_id: str) -> Callable[[list[float], int], list[tuple[str, float]]]:
    def search(vector: list[float], k: int) -> list[tuple[str, float]]:
        found = bindings.query(collection_id, None, [vector], k, None, None, ["distances"], _TENANT, _DATABASE)
        return [(i, 1.0 - d) for i, d in zip(found.ids[0], found.distances[0], strict=True)]

    return search
