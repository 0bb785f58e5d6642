"""footnoted: ask a pile of paper abstracts; every sentence footnoted, every footnote checked.

    from rag import Library, ask, read_papers, search

    library = Library.open("my-library")
    library.add(read_papers("papers.txt"))
    hits = search(library, "how is driver attention predicted?")
    answer = ask(library, "how is driver attention predicted?")

In the order of the way through: ``read_papers`` makes papers, ``Library`` keeps and indexes
them, ``search`` finds, ``ask`` and ``stream`` answer; ``open_model`` names a language model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.errors import FootnotedError
    from rag.library import Library
    from rag.llm import open_model
    from rag.pipeline import ask, stream
    from rag.readers import read_papers
    from rag.retrieval import search
    from rag.types import Answer, Citation, Claim, Hit, Paper, Source, Turn

_HOMES = {
    "read_papers": "rag.readers",
    "Library": "rag.library",
    "search": "rag.retrieval",
    "ask": "rag.pipeline",
    "stream": "rag.pipeline",
    "open_model": "rag.llm",
    "FootnotedError": "rag.errors",
    **dict.fromkeys(("Paper", "Hit", "Source", "Citation", "Claim", "Answer", "Turn"), "rag.types"),
}

__all__ = [
    "Answer",
    "Citation",
    "Claim",
    "FootnotedError",
    "Hit",
    "Library",
    "Paper",
    "Source",
    "Turn",
    "ask",
    "open_model",
    "read_papers",
    "search",
    "stream",
]


def __getattr__(name: str) -> Any:
    """Each name from its home at first use: importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rag' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
