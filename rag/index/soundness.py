"""Whether the three parts of a library agree."""

from __future__ import annotations

from rag.errors import LibraryError
from rag.index.chroma import Vectors
from rag.index.snapshot import Snapshot
from rag.index.words import Words


def problems(snapshot: Snapshot, vectors: Vectors | None, words: Words) -> list[str]:
    """Everything in which they disagree, one line each; to be asked while nobody writes.

    ``vectors`` are those that are searched, None if there are none yet.
    """
    found = [f"SQLite: {line}" for line in snapshot.integrity()]
    found += _in_records(snapshot)
    state = snapshot.state()
    if vectors is not None:
        live, pending = set(snapshot.chunk_ids(state.generation)), set(snapshot.pending_vectors(state.generation))
        try:
            with vectors.changing():
                held = vectors.ids()
            found += _difference("Chroma", live, pending, held)
        except LibraryError as error:
            found.append(f"Chroma: {error}")
    live = {*snapshot.chunk_ids(), *(bare_id for bare_id, _ in snapshot.bare_ids())}
    pending = set(snapshot.pending_words())
    if not live and not pending:
        return found
    try:
        ids = words.ids()
    except (ValueError, LibraryError) as error:  # ValueError is tantivy's name for a file that it cannot read
        return [*found, f"tantivy: {error}"]
    found += _difference("tantivy", live, pending, set(ids))
    if len(ids) > len(set(ids)):
        found.append(f"tantivy: {len(ids) - len(set(ids))} texts are held twice")
    return found


def _in_records(snapshot: Snapshot) -> list[str]:
    """Chunks that don't fit their paper or their vectors, papers that aren't what was indexed, counts that are off."""
    state = snapshot.state()
    n_dims = state.n_dims or 0
    found: list[str] = []
    ids = snapshot.chunk_ids()
    n_embedded = 0
    for start in range(0, len(ids), 1000):
        rows = snapshot.chunks(ids[start : start + 1000], state.generation)
        found += [f"records: chunk {i} has no paper" for i in ids[start : start + 1000] if i not in rows]
        for chunk_id, row in rows.items():
            length, spans = len(row.paper.abstract), (row.chunk.span, *row.chunk.sentences)
            if not all(0 <= span.start < span.end <= length for span in spans):
                found.append(f"records: chunk {chunk_id} reaches outside the abstract of {row.paper.paper_id}")
            n_embedded += bool(row.vector)
            if row.vector and (
                len(row.vector) != 2 * n_dims or len(row.sentence_vectors) != 2 * n_dims * len(row.chunk.sentences)
            ):
                found.append(f"records: chunk {chunk_id} and its vectors do not fit")
    hashes = snapshot.content_hashes()
    for paper in snapshot.papers():
        if paper.paper_id not in hashes:
            found.append(
                f"records: paper {paper.paper_id} is stored in another one's place, which is lost: "
                "add the files of both to a new library"
            )
        elif hashes[paper.paper_id] != paper.content_hash:
            found.append(f"records: the text of paper {paper.paper_id} is not what was indexed")
    n_bare = sum(1 for _ in snapshot.bare_ids())
    for name, counted, noted in (
        ("papers", len(hashes), state.n_papers),
        ("chunks", len(ids), state.n_chunks),
        ("papers without abstract", n_bare, state.n_bare),
        ("chunks with vectors", n_embedded, state.n_embedded),
    ):
        if counted != noted:
            found.append(f"records: there are {counted} {name}, and {noted} are noted")
    found += [f"records: {line}" for line in snapshot.strays()]
    return found


def _difference(name: str, live: set[str], pending: set[str], held: set[str]) -> list[str]:
    found = []
    if missing := live - held:
        found.append(f"{name}: {len(missing)} chunks are missing, the first is {min(missing)}")
    if strange := held - live - pending:
        found.append(f"{name}: {len(strange)} chunks belong to no record, the first is {min(strange)}")
    return found
