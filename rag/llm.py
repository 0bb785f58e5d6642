"""The seam to language models: messages in, pieces of text out.

The rest of the project sees a name, two limits and an iterator. There is no default endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Protocol, Self
from urllib.parse import urlsplit

from rag.config import ModelConfig
from rag.types import Usage

SMALL_CONTEXT_TOKENS = 8000
"""Below this, ``auto`` evidence means sentences: small models refuse when given whole abstracts."""

ResolvedEvidence = Literal["abstracts", "sentences"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


class ModelStream(Protocol):
    """A reply as it comes: iterate inside ``with``; leaving it closes the connection.

    A piece may be empty: nothing came for a moment, and the reader may look whether a
    person pressed stop. ``usage`` and ``finish_reason`` are filled when the iteration has
    ended; they stay empty where the endpoint does not say. Iterating raises ModelError.
    """

    usage: Usage
    finish_reason: str | None
    """``stop``, ``length`` (cut off at the output limit), ``content_filter`` or what else the endpoint says."""

    def __iter__(self) -> Iterator[str]: ...
    def __next__(self) -> str: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """End the reply now, from any thread; the iteration then just ends."""
        ...


class LanguageModel(Protocol):
    """Anything that can continue a conversation. Read-only attributes; safe to share between threads."""

    @property
    def name(self) -> str: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def max_output_tokens(self) -> int: ...
    @property
    def evidence(self) -> ResolvedEvidence: ...

    def stream(self, messages: Sequence[Message]) -> ModelStream: ...


def open_model(config: ModelConfig | None) -> LanguageModel | None:
    """The configured model, or None where none is configured; connects to nothing and loads nothing yet."""
    if config is not None and config.gguf is not None:
        from rag.local import LocalModel

        return LocalModel(config)
    if config is None:
        return None
    from rag.llm_http import OpenAICompatibleModel

    return OpenAICompatibleModel(config)


def resolved_evidence(evidence: str, context_tokens: int) -> ResolvedEvidence:
    if evidence == "abstracts":
        return "abstracts"
    if evidence == "sentences" or context_tokens < SMALL_CONTEXT_TOKENS:
        return "sentences"
    return "abstracts"


def rewrites(model: LanguageModel) -> bool:
    """Whether the model is asked what a follow-up stands for: unless its configuration says no."""
    config = getattr(model, "config", None)
    return config.rewrite if isinstance(config, ModelConfig) else True


def priced(usage: Usage, model: LanguageModel) -> Usage:
    """The usage with what it cost, if the model's configuration has prices and the endpoint counted."""
    config = getattr(model, "config", None)
    if not isinstance(config, ModelConfig) or config.price_in is None or config.price_out is None:
        return usage
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return usage
    cost = (usage.prompt_tokens * config.price_in + usage.completion_tokens * config.price_out) / 1_000_000
    return replace(usage, cost=cost)


def host_of(base_url: str) -> str:
    """The host and port of an address, for messages: no credentials, no path."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the configured address"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port is not None else host or "the configured address"


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine's own."""
    return bool(re.match(r"https?://([^/@]*@)?(localhost|127(\.\d+){3}|\[::1\])([:/]|$)", base_url, re.IGNORECASE))
