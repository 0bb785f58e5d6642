"""What takes part in a search, and the numbers it was tuned to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """At least one of ``dense`` and ``lexical``; the default is what ``search`` and ``ask`` use."""

    dense: bool = True
    """Compare the question's vector with those of chunks and sentences."""
    lexical: bool = True
    """Look up the question's words."""
    rerank: bool = True
    """Let the cross-encoder read the best sentences of the best papers beside the question."""


DEFAULT = SearchSettings()

CONFIGURATIONS: Mapping[str, SearchSettings] = {
    "lexical": SearchSettings(dense=False, rerank=False),
    "dense": SearchSettings(lexical=False, rerank=False),
    "hybrid": SearchSettings(rerank=False),
    "default": DEFAULT,
}
"""By the names that ``footnoted eval retrieval --configs`` takes."""
