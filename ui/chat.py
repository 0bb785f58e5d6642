"""``footnoted chat``: the library, the answerer and the page put together."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config
from rag.embedding import open_embedder
from rag.errors import FootnotedError, LibraryError
from rag.library import Library
from rag.llm import open_model
from rag.readers import read_papers
from rag.types import Paper

if TYPE_CHECKING:
    from rag.adding import AddReport

EXAMPLES = (
    "How is driver attention predicted from driving experience?",
    "By how much did Love Reactions rise in live A/B tests?",
    "Which papers propose alternatives to backpropagation?",
    "What batch size was used to train PyMAF-X?",
)
"""Four questions about the papers that ship; their abstracts do not answer the last one."""

WORKERS_WITH_MODEL = 16
"""Questions that wait for a model at the same time; without one they wait for the processor."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What ``footnoted chat`` was told beside the configuration; see its ``--help``."""

    quote_only: bool = False
    port: int | None = None
    open_browser: bool = True
    first_papers: Path | None = None
    """Added before the first question if the library is empty."""
    host: str = "127.0.0.1"
    root_path: str = ""
    names: tuple[str, ...] = ()
    auth_file: Path | None = None
    read_only: bool = False
    questions_per_hour: int | None = None
    max_upload_mb: int = 200
    conversations: Path | None = None


def conversations_file(config: Config, given: Path | None) -> Path:
    """Where conversations are kept: beside the library, unless another file was named."""
    library = config.library.expanduser().absolute()
    return given.expanduser() if given is not None else library.with_name(f"{library.name}-conversations.sqlite3")


def chat(config: Config, options: ChatOptions, *, say: Callable[[str], None]) -> None:
    """Open the page over the configured library and serve it until interrupted."""
    embedder = open_embedder(config.embedding)
    library = Library.open(config.library, embedder=embedder, store=config.store)
    model = None if options.quote_only else open_model(config.model)
    papers: Sequence[Paper] = tuple(library.papers())
    filling = None
    if options.first_papers is not None and not papers:
        say(f"reading the papers in {options.first_papers.name} into {config.library}, this once")
        papers = [item for item in read_papers(options.first_papers) if isinstance(item, Paper)]
        filling = _Filling(config, options.first_papers)

    # gradio alone takes seconds to import: meanwhile another process fills the library.
    from ui.accounts import Accounts
    from ui.conversations import Conversations
    from ui.desk.desk import Desk, DeskSettings
    from ui.library_port import LibraryPort
    from ui.people import Limits
    from ui.serve import Serving, serve, what_sharing_means

    def when_up() -> None:
        if filling is not None:
            say(f"{filling.wait().added} papers added")
        if papers and config.embedding is None:
            threading.Thread(target=_warm_up, args=(port.library(),), name="footnoted-warm-up", daemon=True).start()

    if filling is not None and config.embedding is None:
        library.embedder.embed(["ready"])
    elif papers and config.embedding is None:
        _ = library.embedder  # raises if another embedding made the library

    conversations = Conversations(conversations_file(config, options.conversations))
    accounts = Accounts(options.auth_file, conversations) if options.auth_file is not None else None
    port = LibraryPort(
        config,
        embedder=embedder,
        model=model,
        ready=filling.wait if filling is not None else lambda: None,
    )
    settings = DeskSettings(
        examples=EXAMPLES if _are_the_first_papers(papers) else None,
        read_only=options.read_only,
        limits=Limits(questions_per_hour=options.questions_per_hour, upload_bytes=options.max_upload_mb * 1_000_000),
        n_workers=WORKERS_WITH_MODEL if model is not None else max(2, os.cpu_count() or 2),
    )
    serving = Serving(
        host=options.host,
        port=options.port,
        root_path=options.root_path,
        names=options.names,
        is_public=options.read_only or accounts is not None,
    )
    for line in what_sharing_means(serving, has_accounts=accounts is not None, read_only=options.read_only):
        say(line)
    try:
        serve(
            Desk(port, conversations, settings), serving, accounts, open_browser=options.open_browser, when_up=when_up
        )
    finally:
        conversations.close()


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
        with Library.open(config.library, embedder=embedder, store=config.store) as library:
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
