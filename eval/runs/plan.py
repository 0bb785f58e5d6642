"""What a run would cost, before anything is sent: the searches are made, the prompts built, and nobody is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eval.questions import Question
from eval.runs.cache import Cache, reply_key
from eval.runs.fingerprint import model_identity
from eval.runs.runner import Asker
from rag.llm import LanguageModel, Message, ModelStream, ResolvedEvidence
from rag.types import Usage

EXPECTED_TOKENS = 90
"""Of an answer: 1 to 3 short sentences with markers are 40 to 130 tokens of o200k_base."""


@dataclass(frozen=True, slots=True)
class Plan:
    n_asks: int
    n_calls: int
    """Requests to the model: less than asks where the search already says no."""
    n_cached: int
    """Further requests that the cache answers."""
    prompt_tokens: int
    """Of the calls, as o200k_base counts them; other tokenizers differ by up to 15 %."""
    completion_tokens: int
    """As answers of the usual length would need."""
    most_completion_tokens: int
    """If every answer went to the output limit."""

    def dollars(self, prices: tuple[float, float], *, at_most: bool = False) -> float:
        tokens = self.most_completion_tokens if at_most else self.completion_tokens
        return (self.prompt_tokens * prices[0] + tokens * prices[1]) / 1e6


def plan(
    questions: Sequence[Question],
    model: LanguageModel | None,
    asker: Asker,
    *,
    repeats: int = 1,
    cache: Cache | None = None,
    on_question: Callable[[int], None] | None = None,
) -> Plan:
    """The plan of asking ``questions`` of ``model``; all zeros but the asks in quoting mode, where nobody is asked."""
    from rag.tokens import count_tokens

    n_asks = len(questions) * repeats
    if model is None:
        return Plan(n_asks, 0, 0, 0, 0, 0)
    identity = model_identity(model) or {}
    n_calls = n_cached = n_tokens = 0
    for number, question in enumerate(questions, 1):
        silent = _Silent(model)
        asker(question, silent)
        for messages in silent.asked:
            known = [
                cache is not None and cache.get(reply_key(identity, n, messages)) is not None for n in range(repeats)
            ]
            n_cached += sum(known)
            n_calls += repeats - sum(known)
            # Four tokens a message go to the marks of the chat template.
            n_tokens += (repeats - sum(known)) * sum(count_tokens(one.content) + 4 for one in messages)
        if on_question is not None:
            on_question(number)
    return Plan(n_asks, n_calls, n_cached, n_tokens, n_calls * EXPECTED_TOKENS, n_calls * model.max_output_tokens)


def plan_in_words(one: Plan, model: LanguageModel | None, prices: tuple[float, float] | None) -> str:
    lines = [f"{one.n_asks} answers"]
    if model is None:
        return lines[0] + ", quoting: no model is called, nothing is sent, nothing is paid"
    lines.append(
        f"{one.n_calls} calls of {model.name}" + (f", {one.n_cached} more from the cache" if one.n_cached else "")
    )
    lines.append(
        f"{one.prompt_tokens:,} tokens in, about {one.completion_tokens:,} out (at most {one.most_completion_tokens:,})"
    )
    if prices is None:
        lines.append("money: no price is known; give dollars for a million tokens with --price IN,OUT")
    else:
        lines.append(f"about $ {one.dollars(prices):.4f}, at most $ {one.dollars(prices, at_most=True):.4f}")
    return "\n".join(lines)


class _Silent:
    """A model with the limits of another that remembers what it was asked and says nothing."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = model.name
        self.context_tokens = model.context_tokens
        self.max_output_tokens = model.max_output_tokens
        self.evidence: ResolvedEvidence = model.evidence
        self.config = getattr(model, "config", None)
        self.asked: list[Sequence[Message]] = []

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        self.asked.append(messages)
        return _Silence()


class _Silence:
    usage = Usage()
    finish_reason: str | None = "stop"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        pass
