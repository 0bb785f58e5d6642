"""Whether the three parts of a library agree."""

from __future__ import annotations

from rag.errors import LibraryDamaged
from rag.index.records import Snapshot
from rag.index.vectors import Vectors
from rag.index.words import Words


def problems(snapshot: Snapshot, vectors: Vectors, words: Words) -> list[str]:
    """Everything in which they disagree, one line each; to be asked while nobody writes."""
    found = [f"SQLite: {line}" for line in snapshot.integrity()]
    found += _in_records(snapshot)
    live, pending = set(snapshot.chunk_ids()), set(snapshot.pending())
    if not live and not pending:
        return found
    try:
        with vectors.lock, vectors.alone():
            vectors.reopen(snapshot.state().revision)
            found += _difference("Chroma", live, pending, vectors.ids())
    except LibraryDamaged as error:
        found.append(f"Chroma: {error}")
    try:
        held = words.ids()
    except ValueError as error:  # tantivy's name for a file that it cannot read
        return [*found, f"tantivy: {error}"]
    found += _difference("tantivy", live, pending, set(held))
    if len(held) > len(set(held)):
        found.append(f"tantivy: {len(held) - len(set(held))} chunks are held twice")
    return found


def _in_records(snapshot: Snapshot) -> list[str]:
    """Chunks that don't fit their paper or their vectors."""
    n_dims = snapshot.state().n_dims or 0
    found: list[str] = []
    ids = snapshot.chunk_ids()
    for start in range(0, len(ids), 1000):
        rows = snapshot.chunks(ids[start : start + 1000])
        found += [f"records: chunk {i} has no paper" for i in ids[start : start + 1000] if i not in rows]
        for chunk_id, row in rows.items():
            length, spans = len(row.paper.abstract), (row.chunk.span, *row.chunk.sentences)
            if not all(0 <= span.start < span.end <= length for span in spans):
                found.append(f"records: chunk {chunk_id} reaches outside the abstract of {row.paper.paper_id}")
            if len(row.vector) != 2 * n_dims or len(row.sentence_vectors) != 2 * n_dims * len(row.chunk.sentences):
                found.append(f"records: chunk {chunk_id} and its vectors do not fit")
    known = snapshot.content_hashes()
    found += [
        f"records: the text of paper {paper.paper_id} is not what was indexed"
        for paper in snapshot.papers()
        if known[paper.paper_id] != paper.content_hash
    ]
    return found


def _difference(name: str, live: set[str], pending: set[str], held: set[str]) -> list[str]:
    found = []
    if missing := live - held:
        found.append(f"{name}: {len(missing)} chunks are missing, the first is {min(missing)}")
    if strange := held - live - pending:
        found.append(f"{name}: {len(strange)} chunks belong to no record, the first is {min(strange)}")
    return found
