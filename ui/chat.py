"""``footnoted chat``: the library, the answerer and the page put together."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config
from rag.embedding import open_embedder
from rag.errors import FootnotedError, LibraryError
from rag.library import Library
from rag.llm import open_model
from rag.pipeline import stream
from rag.readers import read_papers
from rag.types import Event, Paper, Turn

if TYPE_CHECKING:
    from rag.library import AddReport

EXAMPLES = (
    "How is driver attention predicted from driving experience?",
    "By how much did Love Reactions rise in live A/B tests?",
    "Which papers propose alternatives to backpropagation?",
    "What batch size was used to train PyMAF-X?",
)
"""Four questions about the papers that ship; their abstracts do not answer the last one."""


def chat(
    config: Config,
    *,
    quote_only: bool,
    port: int | None,
    open_browser: bool,
    first_papers: Path | None,
    say: Callable[[str], None],
) -> None:
    """Open the page over the configured library and serve it until interrupted.

    ``first_papers`` are added before the first question if the library is empty.
    """
    library = Library.open(config.library, embedder=open_embedder(config.embedding))
    model = None if quote_only else open_model(config.model)
    papers: Sequence[Paper] = tuple(library.papers())
    filling = None
    if first_papers is not None and not papers:
        say(f"reading the papers in {first_papers.name} into {config.library}, this once")
        papers = [item for item in read_papers(first_papers) if isinstance(item, Paper)]
        filling = _Filling(config, first_papers)

    def ask(question: str, history: Sequence[Turn]) -> Iterator[Event]:
        if filling is not None:
            filling.wait()
        return stream(
            library,
            question,
            model=model,
            history=history,
            n_sources=config.n_sources,
            verified_only=config.verified_only,
        )

    # gradio alone takes seconds to import: meanwhile another process fills the library.
    from ui.page import build
    from ui.rendering import LibraryInfo
    from ui.serve import serve

    def when_up() -> None:
        if filling is not None:
            say(f"{filling.wait().added} papers added")
        if papers and config.embedding is None:
            threading.Thread(target=_warm_up, args=(library,), name="footnoted-warm-up", daemon=True).start()

    if filling is not None:
        import chromadb  # noqa: F401 - the first question needs it, and the library is not there yet

        if config.embedding is None:
            library.embedder.embed(["ready"])
    elif papers and config.embedding is None:
        _ = library.embedder  # raises if another embedding made the library
    page = build(
        ask,
        LibraryInfo(n_papers=len(papers), name=config.library.name, model=model.name if model else None),
        EXAMPLES if _are_the_first_papers(papers) else (),
    )
    serve(page, port, open_browser, when_up=when_up)


class _Filling:
    """Papers on their way into an empty library, in a process of their own.

    It ends with this one, and leaves nothing that a reader sees if it is cut short.
    """

    def __init__(self, config: Config, papers: Path) -> None:
        # "spawn": this process has threads, which a fork would copy in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_fill, args=(config, papers, sender), daemon=True)
        self._process.start()
        sender.close()
        self._lock = threading.Lock()
        self._result: AddReport | FootnotedError | None = None

    def wait(self) -> AddReport:
        """Until the papers are in; raises what went wrong. From any thread, any number of times."""
        with self._lock:
            if self._result is None:
                self._result = self._receive()
        if isinstance(self._result, FootnotedError):
            raise self._result
        return self._result

    def _receive(self) -> AddReport | FootnotedError:
        try:
            result: AddReport | FootnotedError = self._receiver.recv()
        except EOFError:
            self._process.join()
            return LibraryError(
                f"the process that read the first papers ended early (exit code {self._process.exitcode}): "
                "run 'footnoted add FILE' to see why"
            )
        return result


def _fill(config: Config, papers: Path, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one ends this one
    try:
        embedder = open_embedder(config.embedding)
        if config.embedding is None:
            embedder.embed(["ready"])
        threading.Thread(target=_import_indexes, name="footnoted-imports", daemon=True).start()
        with Library.open(config.library, embedder=embedder) as library:
            result: AddReport | FootnotedError = library.add(read_papers(papers))
    except FootnotedError as error:
        result = error
    with contextlib.suppress(BrokenPipeError):  # nobody waits any more
        sender.send(result)


def _import_indexes() -> None:
    """What writing to the library imports, while the embedding, outside Python, uses the other core."""
    import chromadb  # noqa: F401

    import rag.llama.nodes  # noqa: F401


def _warm_up(library: Library) -> None:
    """Loads what the first question needs while the page is being opened."""
    from rag.retrieval import search

    with contextlib.suppress(FootnotedError):  # the first question will say it
        search(library, "ready", k=1)


def _are_the_first_papers(papers: Sequence[Paper]) -> bool:
    """True if the papers that the examples ask about are among them."""
    titles = [paper.title for paper in papers]
    return any(title.startswith("FBLNet") for title in titles) and any(title.startswith("PyMAF-X") for title in titles)
