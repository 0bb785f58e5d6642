"""What the commands share: the configuration, the library, the filter."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rag import config
from rag.commands.output import say
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.config import Config
    from rag.filters import Filter
    from rag.library import Library


def config_of(options: argparse.Namespace) -> Config:
    settings = config.load(
        library=options.library,
        base_url=getattr(options, "base_url", None),
        model=getattr(options, "model", None),
        store=options.store,
        file=options.config,
        verified_only=getattr(options, "verified_only", False) or None,
    )
    for warning in settings.warnings:
        say(f"note: {warning}")
    return settings


def open_library(options: argparse.Namespace, settings: Config | None = None) -> Library:
    """The configured library, with the configured embedding where the command needs one."""
    from rag.library import Library

    settings = settings or config_of(options)
    embedder: Any = _Later(options, settings)
    return Library.open(settings.library, embedder=embedder, store=settings.store)


def filter_of(options: argparse.Namespace) -> Filter | None:
    """None where all papers count."""
    from rag.filters import Filter

    if options.year is not None and (options.from_year is not None or options.to_year is not None):
        raise UsageError("--year is one year: leave --from and --to out, or name the years with them alone")
    only = Filter(
        from_year=options.year if options.year is not None else options.from_year,
        to_year=options.year if options.year is not None else options.to_year,
        author=options.author,
        venue=options.venue,
        tags=tuple(options.tag or ()),
        source=options.source,
    )
    return only if only else None


def say_coverage(library: Library) -> None:
    """That the vectors do not cover everything yet, where they don't."""
    state = library.state
    if state.n_embedded < state.n_chunks:
        say(
            f"note: the search by meaning covers {state.n_embedded / state.n_chunks:.0%} of the library so far; "
            "the search by words covers all of it ('footnoted embed' goes on)"
        )


class _Later:
    """The configured embedder, opened at its first use: its module imports numpy, and lists need none of it."""

    def __init__(self, options: argparse.Namespace, settings: Config) -> None:
        self._n_workers = getattr(options, "ray", None)
        self._settings = settings
        self._embedder: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._embedder is None:
            if self._n_workers:
                from rag.spreading import RayEmbedder

                self._embedder = RayEmbedder(self._settings.embedding, self._n_workers)
            else:
                from rag.embedding import open_embedder

                self._embedder = open_embedder(self._settings.embedding)
        return getattr(self._embedder, name)
