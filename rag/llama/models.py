"""footnoted among llama-index's objects: here its language models are met."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rag.errors import ModelError, ModelInterrupted
from rag.llm import Message, ModelStream, ResolvedEvidence, resolved_evidence
from rag.llm_reply import ThoughtFilter
from rag.types import Usage

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

DEFAULT_OUTPUT_TOKENS = 700
"""For adapters that do not say how long their answers can get."""


class LlamaIndexModel:
    """Any llama-index LLM as a LanguageModel; keys, deadlines and retries stay the adapter's own."""

    def __init__(self, llm: LLM, evidence: str = "auto") -> None:
        metadata = llm.metadata
        self.llm = llm
        self.name = metadata.model_name
        self.context_tokens = metadata.context_window
        # Adapters say -1 or their whole window for "no limit", which would leave no room for sources.
        limit = metadata.num_output
        self.max_output_tokens = limit if 0 < limit < metadata.context_window // 2 else DEFAULT_OUTPUT_TOKENS
        self.evidence: ResolvedEvidence = resolved_evidence(evidence, self.context_tokens)

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        """Ask for a reply; errors come while iterating, as ModelError."""
        from llama_index.core.llms import ChatMessage

        return _LlamaIndexStream(
            self, [ChatMessage(role=message.role, content=message.content) for message in messages]
        )


class _LlamaIndexStream:
    def __init__(self, model: LlamaIndexModel, messages: list[Any]) -> None:
        self.usage = Usage()
        self.finish_reason: str | None = None
        self._pieces = self._read(model, messages)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces.close()

    def _read(self, model: LlamaIndexModel, messages: list[Any]) -> Generator[str, None, None]:
        thoughts = ThoughtFilter()
        so_far = ""
        last: Any = None
        failed: str | None = None
        replies: Any = None
        try:
            replies = model.llm.stream_chat(messages)
            for last in replies:
                whole = last.message.content or ""
                # Some adapters give no delta, and some give only the delta.
                delta = last.delta if last.delta is not None else whole[len(so_far) :]
                so_far += delta
                yield thoughts.feed(delta)
        except Exception as error:  # noqa: BLE001 - each adapter has errors of its own
            failed = f"the model '{model.name}' failed in its llama-index adapter: {_without_secrets(error)}"
        finally:
            close = getattr(replies, "close", None)
            if close is not None:
                close()
        # Raised out here, so that it does not carry the adapter's error along: that may print the request, key and all.
        if failed is not None and so_far:
            raise ModelInterrupted(f"{failed}; ask again", so_far)
        if failed is not None:
            raise ModelError(f"{failed}; check the adapter's settings")
        yield thoughts.finish()
        self.usage = _usage(last)


def _usage(reply: Any) -> Usage:
    counts = getattr(reply, "additional_kwargs", None) or {}
    numbers = [counts.get(name) for name in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (number if isinstance(number, int) else None for number in numbers)
    return Usage(prompt, completion)


def _without_secrets(error: Exception) -> str:
    text = re.sub(r"(?i)\b(bearer|basic)\s+\S+", r"\1 ***", f"{type(error).__name__}: {error}")
    text = re.sub(r"\b(sk|key|pk)-[\w*-]{4,}", "***", text)
    text = re.sub(r"://[^/@\s]*@", "://", " ".join(text.split()))
    return text if len(text) <= 200 else text[:199] + "…"
