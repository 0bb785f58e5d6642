"""The one seam between the page and the library: ``ui.core.Core`` over ``rag.library.Library``.

What the library does not offer yet is made up for here and nowhere else: a question of papers
chosen one by one goes through ``_Narrowed``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlsplit

from rag.adding import AddReport
from rag.config import Config
from rag.errors import UnknownPaper
from rag.index.snapshot import State
from rag.index.stored import StoredChunk
from rag.judge.opening import configured_judge
from rag.library import Candidates, Library
from rag.pipeline import stream
from rag.readable import readable
from rag.retrieval.reranker import BUNDLED
from rag.types import Event, Kind, Paper, Skipped, Turn
from ui.asking import Request
from ui.core import Row, Shelf, narrowed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rag.embedding import Embedder
    from rag.filters import Filter
    from rag.llm import LanguageModel

BATCH_PAPERS = 32
"""Papers that become visible together when they are added here: about a second of embedding, so
that progress is seen, Cancel is heard and questions get their turn."""
MAX_TAG_CHARACTERS = 60
MAX_ABOUT = 12
"""Papers chosen one by one that a summary or a table takes in whole; of more, the search takes the best."""
_ABOUT_CHOSEN: frozenset[Kind | None] = frozenset({"summary", "comparison"})
_MAX_TOLD_SKIPPED = 200


class LibraryPort:
    """The configured library and answerer. Opens the library again if its folder is replaced."""

    def __init__(
        self,
        config: Config,
        *,
        embedder: Embedder,
        model: LanguageModel | None,
        ready: Callable[[], object] = lambda: None,
    ) -> None:
        """``ready`` returns when questions can be answered, or raises why not."""
        self.name = config.library.name
        self.model = model.name if model is not None else None
        self.model_host = urlsplit(config.model.base_url).hostname if model is not None and config.model else None
        self.kinds: tuple[Kind, ...] = get_args(Kind)
        self._config = config
        self._embedder = embedder
        self._llm = model
        self._judge = configured_judge(config.judge, model)
        self._ready = ready
        self._lock = threading.RLock()
        self._folder: int | None = None
        self._library: Library | None = None
        self._shelf: Shelf | None = None

    def library(self) -> Library:
        """The library as it lies there now."""
        with self._lock:
            if self._library is None or self._is_replaced():
                self._open()
            assert self._library is not None
            return self._library

    def n_papers(self) -> int:
        return len(self.library())

    def revision(self) -> int:
        return self.library().revision

    def ask(self, question: str, history: Sequence[Turn], request: Request, stop: threading.Event) -> Iterator[Event]:
        self._ready()
        library = self.library()
        about: tuple[str, ...] = ()
        if request.only:
            allowed = narrowed(self.shelf(), request.only)
            library = cast(Library, _Narrowed(library, allowed))
            if request.kind in _ABOUT_CHOSEN and len(request.only.paper_ids) <= MAX_ABOUT:
                about = tuple(paper_id for paper_id in request.only.paper_ids if paper_id in allowed)
        return stream(
            library,
            question,
            stop=stop,
            model=self._llm,
            history=history,
            kind=request.kind,
            about=about,
            reads_years=not request.any_year,
            n_sources=self._config.n_sources,
            verified_only=self._config.verified_only,
            repair=self._config.repair,
            reranker=BUNDLED if self._config.rerank else None,
            judge=self._judge,
        )

    def shelf(self) -> Shelf:
        revision = self.revision()
        with self._lock:
            if self._shelf is not None and self._shelf.revision == revision:
                return self._shelf
        rows = tuple(_row(paper) for paper in self.library().papers())
        with self._lock:
            self._shelf = Shelf(revision, rows)
            return self._shelf

    def papers(self, paper_ids: Sequence[str]) -> Mapping[str, Paper]:
        library, held = self.library(), {}
        for paper_id in paper_ids:
            try:
                held[paper_id] = library.paper(paper_id)
            except UnknownPaper:  # removed since the list was shown
                continue
        return held

    def add(
        self,
        items: Iterable[Paper | Skipped],
        *,
        on_progress: Callable[[AddReport], None],
        cancelled: threading.Event,
    ) -> AddReport:
        library, report, remaining = self.library(), AddReport(), iter(items)
        while not cancelled.is_set() and (batch := list(islice(remaining, BATCH_PAPERS))):
            report = _sum(report, library.add(batch))
            on_progress(report)
        return report

    def remove(self, paper_ids: Sequence[str]) -> tuple[Paper, ...]:
        return self.library().remove(paper_ids)

    def tag(self, paper_ids: Sequence[str], tag: str, *, remove: bool = False) -> int:
        tag = " ".join(tag.split())[:MAX_TAG_CHARACTERS]
        held = [
            paper_id
            for paper_id, paper in self.papers(paper_ids).items()
            if remove == (tag.casefold() in (own.casefold() for own in paper.tags))
        ]
        if not tag or not held:
            return 0
        return self.library().tag(held, [tag], remove=remove)

    def vectors(self, limit: int) -> tuple[list[Paper], npt.NDArray[np.float32]]:
        import numpy as np

        library = self.library()
        embedder = library.embedder
        about = embedder.embed(["papers"])[0]
        found = library.candidates(vector=about, text=None, k=limit)
        first = {
            found.chunks[chunk_id].paper.paper_id: found.chunks[chunk_id]
            for chunk_id, _ in found.dense
            if found.chunks[chunk_id].chunk.ordinal == 0
        }
        rows = np.array([stored.vector for stored in first.values()], np.float32).reshape(len(first), len(about))
        return [stored.paper for stored in first.values()], rows

    def _open(self) -> None:
        path = self._config.library
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None
        self._library = Library.open(path, embedder=self._embedder, store=self._config.store)
        self._shelf = None
        if path.is_dir() and hasattr(os, "O_DIRECTORY"):
            # While it is open its number cannot be given to another folder.
            self._folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def _is_replaced(self) -> bool:
        path = self._config.library
        try:
            there = path.stat()
        except OSError:
            return self._folder is not None
        if self._folder is None:
            return True
        held = os.fstat(self._folder)
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)


class _Narrowed:
    """A library of which only some papers are seen: what the search reads of it, and nothing else."""

    def __init__(self, library: Library, allowed: frozenset[str]) -> None:
        self._library = library
        self._allowed = allowed

    def __len__(self) -> int:
        return len(self._allowed)

    @property
    def state(self) -> State:
        return replace(self._library.state, n_papers=len(self._allowed))

    def __contains__(self, paper_id: object) -> bool:
        return paper_id in self._allowed and paper_id in self._library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def count(self, only: Filter) -> int:
        return sum(one.paper_id in self._allowed for one in self._library.listed(only))

    def chunks_of(self, paper_ids: Sequence[str], n_dims: int) -> tuple[StoredChunk, ...]:
        return self._library.chunks_of([paper_id for paper_id in paper_ids if paper_id in self._allowed], n_dims)

    def begin(self, text: str, k: int, known: State, then: Callable[[str], object]) -> None:
        """Nothing: of how many of all papers these are the best ``k`` is not known before."""

    def candidates(
        self,
        *,
        vector: Any,
        text: str | None,
        k: int,
        only: Filter | None = None,
        known: State | None = None,
        begun: None = None,
    ) -> Candidates:
        """As the library's own, of the papers allowed: it is asked for more until there are enough.

        The state ``known`` is of these papers, so the library reads its own.
        """
        n_asked = k
        while True:
            found = self._library.candidates(vector=vector, text=text, k=n_asked, only=only)
            sides = [
                [hit for hit in side if found.chunks[hit[0]].paper.paper_id in self._allowed][:k]
                for side in (found.dense, found.lexical)
            ]
            full = (found.dense, found.lexical)
            if all(len(kept) >= k or len(side) < n_asked for kept, side in zip(sides, full, strict=True)):
                chunks = {chunk_id: found.chunks[chunk_id] for side in sides for chunk_id, _ in side}
                return Candidates(found.revision, sides[0], sides[1], chunks)
            n_asked *= 4


def _row(paper: Paper) -> Row:
    words = (paper.title, *paper.authors, paper.venue or "", str(paper.year or ""), *paper.keywords, *paper.tags)
    return Row(
        paper_id=paper.paper_id,
        title=readable(paper.title) or paper.paper_id,
        authors=paper.authors,
        year=paper.year,
        venue=paper.venue,
        sources=paper.origins or ((paper.origin,) if paper.origin else ()),
        tags=paper.tags,
        notice=paper.notice,
        has_abstract=bool(paper.abstract.strip()),
        words=readable(" ".join(words)).casefold(),
    )


def _sum(one: AddReport, other: AddReport) -> AddReport:
    """Both together: counts are added, what says how the library is comes from the later one."""
    values: dict[str, Any] = {}
    for each in fields(AddReport):
        before, after = getattr(one, each.name), getattr(other, each.name)
        says_how_it_is = each.name in ("n_papers", "n_chunks", "n_embedded")
        values[each.name] = after if says_how_it_is else before + after
    values["skipped"] = values["skipped"][:_MAX_TOLD_SKIPPED]
    return AddReport(**values)
