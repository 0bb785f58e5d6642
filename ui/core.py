"""What the page needs of the house, as one small protocol: ``ui.library_port`` keeps it, and so may a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rag.types import Event, Kind, Paper, Skipped, Turn
from ui.asking import Narrowing, Request

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rag.adding import AddReport


@dataclass(frozen=True, slots=True)
class Row:
    """A paper as the list shows it: all but the abstract, so that a hundred thousand fit into memory."""

    paper_id: str
    title: str
    authors: tuple[str, ...]
    year: int | None
    venue: str | None
    sources: tuple[str, ...]
    """The files and feeds it came from."""
    tags: tuple[str, ...]
    notice: str | None
    has_abstract: bool
    words: str = field(repr=False)
    """What a search in the list looks through, case folded."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """All papers of one committed state, in the order in which they came."""

    revision: int
    rows: tuple[Row, ...]

    def years(self) -> tuple[int, int] | None:
        """The first and the last year that a paper has; None if none has one."""
        known = [row.year for row in self.rows if row.year is not None]
        return (min(known), max(known)) if known else None

    def tags(self) -> list[str]:
        return sorted({tag for row in self.rows for tag in row.tags}, key=str.casefold)

    def sources(self) -> list[str]:
        return sorted({source for row in self.rows for source in row.sources}, key=str.casefold)


class Core(Protocol):
    """The library and the answerer behind the page. Every method may be called from any thread."""

    name: str
    """Of the library."""
    model: str | None
    """The name of the model that writes; None in quoting mode."""
    model_host: str | None
    """Where its questions go; None in quoting mode."""
    kinds: tuple[Kind, ...]
    """Kinds of work that can be asked for; 'answer' always."""

    def n_papers(self) -> int: ...

    def revision(self) -> int:
        """Changes with every change of the papers or their tags."""
        ...

    def ask(self, question: str, history: Sequence[Turn], request: Request, stop: threading.Event) -> Iterator[Event]:
        """Closing the iterator, or setting ``stop``, ends the work behind it."""
        ...

    def shelf(self) -> Shelf: ...

    def papers(self, paper_ids: Sequence[str]) -> Mapping[str, Paper]:
        """Those of them that are held, by id."""
        ...

    def add(
        self,
        items: Iterable[Paper | Skipped],
        *,
        on_progress: Callable[[AddReport], None],
        cancelled: threading.Event,
    ) -> AddReport:
        """As ``Library.add``; ``cancelled`` ends it with what is in by then."""
        ...

    def remove(self, paper_ids: Sequence[str]) -> tuple[Paper, ...]:
        """Raises UnknownPaper naming every unknown id, and then removes nothing."""
        ...

    def tag(self, paper_ids: Sequence[str], tag: str, *, remove: bool = False) -> int:
        """How many papers it changed."""
        ...

    def vectors(self, limit: int) -> tuple[list[Paper], npt.NDArray[np.float32]]:
        """Papers and the vector of each one's first chunk, float32 (n, n_dims) unit rows; ``limit`` at most."""
        ...


def narrowed(shelf: Shelf, only: Narrowing) -> frozenset[str]:
    """The ids of the papers that ``only`` lets through."""
    chosen = frozenset(only.paper_ids)
    return frozenset(
        row.paper_id
        for row in shelf.rows
        if (only.from_year is None or (row.year is not None and row.year >= only.from_year))
        and (only.to_year is None or (row.year is not None and row.year <= only.to_year))
        and (only.tag is None or only.tag.casefold() in (tag.casefold() for tag in row.tags))
        and (only.source is None or only.source in row.sources)
        and (not chosen or row.paper_id in chosen)
    )
