"""What a library holds, in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.terminal import count, one_line

if TYPE_CHECKING:
    from rag.library import Library

_SHOWN = 12
"""Years and sources that are printed in words, the largest of them; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Stats:
    n_papers: int
    n_without_abstract: int
    n_with_notice: int
    """Retracted, withdrawn or doubted."""
    n_with_versions: int
    """Papers that another held paper reports too."""
    by_year: dict[str, int]
    """'unknown' among them, where there are such."""
    by_source: dict[str, int]
    """A paper from two sources counts for both; '' is none."""
    by_tag: dict[str, int]
    n_chunks: int
    n_embedded: int
    embedding: str | None
    """The fingerprint of what made the vectors that are searched."""
    rebuilding: dict[str, int]
    """New sets of vectors under way, by fingerprint: how many chunks they have."""
    store: str | None
    """The Chroma server that holds the vectors; None for the folder itself."""
    bytes_on_disk: dict[str, int]
    """Of records, words and vectors in the folder."""

    @property
    def coverage(self) -> float:
        return self.n_embedded / self.n_chunks if self.n_chunks else 1.0


def stats_of(library: Library) -> Stats:
    """All of one committed state, but for the sizes."""
    with library.snapshot() as snapshot:
        if snapshot is None:
            return Stats(0, 0, 0, 0, {}, {}, {}, 0, 0, None, {}, None, {})
        state = snapshot.state()
        counts = snapshot.counts(
            "SELECT 'notice', count(*) FROM detail WHERE notice IS NOT NULL "
            "UNION ALL SELECT 'versions', count(*) FROM paper WHERE work IS NOT NULL"
        )
        return Stats(
            n_papers=state.n_papers,
            n_without_abstract=state.n_bare,
            n_with_notice=counts["notice"],
            n_with_versions=counts["versions"],
            by_year=snapshot.counts(
                "SELECT coalesce(year, 'unknown'), count(*) FROM detail GROUP BY year ORDER BY year"
            ),
            by_source=snapshot.counts(
                "SELECT name, count(DISTINCT position) FROM seen JOIN source USING (source) "
                "GROUP BY source ORDER BY 2 DESC"
            ),
            by_tag=snapshot.counts("SELECT min(name), count(*) FROM tag GROUP BY folded"),
            n_chunks=state.n_chunks,
            n_embedded=state.n_embedded,
            embedding=state.fingerprint,
            rebuilding={
                one.fingerprint: one.n_chunks for one in snapshot.embeddings() if one.generation > state.generation
            },
            store=state.store,
            bytes_on_disk=_sizes(library.path),
        )


def _sizes(folder: Path) -> dict[str, int]:
    sizes = {"records": 0, "words": 0, "vectors": 0}
    for file in folder.rglob("*"):
        part = file.relative_to(folder).parts[0]
        kind = "vectors" if part.startswith("vectors") else "words" if part == "words" else "records"
        try:
            sizes[kind] += file.stat().st_size if file.is_file() else 0
        except OSError:  # a file that a writer has just replaced
            continue
    return sizes


def in_words(stats: Stats) -> Iterator[str]:
    yield (
        f"papers      {stats.n_papers:,}: {stats.n_without_abstract:,} without an abstract, "
        f"{stats.n_with_notice:,} retracted, withdrawn or doubted, {stats.n_with_versions:,} with other versions here"
    )
    missing = "" if stats.coverage == 1 else ", the others by their words only ('footnoted embed' goes on)"
    yield f"chunks      {stats.n_chunks:,}: {stats.coverage:.0%} found by their meaning{missing}"
    yield f"embedding   {one_line(stats.embedding or 'none yet')}"
    for fingerprint, n_chunks in stats.rebuilding.items():
        yield f"rebuilding  {n_chunks:,} chunks so far with {one_line(fingerprint)} ('footnoted rebuild' goes on)"
    sizes = ", ".join(f"{name} {n_bytes / 1e6:,.1f} MB" for name, n_bytes in stats.bytes_on_disk.items())
    yield f"on disk     {sizes}" + (f"; vectors on {stats.store}" if stats.store else "")
    for name, counts in (("years", stats.by_year), ("sources", stats.by_source), ("tags", stats.by_tag)):
        most = sorted(counts.items(), key=lambda pair: -pair[1])[:_SHOWN]
        shown = sorted(most) if name == "years" else most
        rest = len(counts) - len(most)
        for place, (label, n) in enumerate(shown):
            yield f"{name if place == 0 else '':10}{n:10,}  {one_line(label) or 'no source'}"
        if rest:
            yield f"{'':10}{'':10}  and {count(rest, 'other')}; --json has all"
