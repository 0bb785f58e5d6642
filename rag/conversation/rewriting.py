"""A follow-up, or a question in another language, as one English question that stands alone: by a language model.

What the model says is only ever searched for, and only if it looks like such a question;
else the rules of ``rag.conversation.pointing`` serve.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import prompts
from rag import vocabulary
from rag.answer.citations import parse_markers
from rag.answer.refusals import is_refusal
from rag.context import budget_for, neutralise
from rag.conversation.pointing import numbered
from rag.errors import ModelError, ModelTimeout
from rag.language import language_of
from rag.llm import LanguageModel, Message
from rag.types import Turn, Usage

DEADLINE_SECONDS = 20.0
"""A 1.5B model on two cores takes about 10 s for it. The answer has to wait that long."""

MAX_TURNS, MAX_TURN_CHARACTERS, MAX_TITLES = 4, 500, 12
"""Of the conversation the last turns are shown, each cut; of its papers the titles of the first ones."""

LONGER_BY_CHARACTERS, LONGER_BY_TIMES = 300, 3
"""A title has up to 250 characters; what is longer than the question by more than this answers, or babbles."""

_LABEL = re.compile(
    r"^(?:(?:the |last |rewritten |standalone )*question(?: by itself)?|rewritten)(?:, in English)?\s*:\s*", re.I
)


class Rewriter:
    """Asks ``model``; the same question of the same history only once. Never raises ModelError."""

    def __init__(
        self,
        model: LanguageModel,
        title_of: Callable[[str], str | None],
        stopped: Callable[[], bool] = lambda: False,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.usage: tuple[Usage, ...] = ()
        """Of each request that came to its end."""
        self.problem: str | None = None
        """Why the last request came to nothing, in words."""
        self._model = model
        self._title_of = title_of
        self._stopped = stopped
        self._deadline_seconds = deadline_seconds
        self._known: dict[tuple[str, tuple[Turn, ...]], str | None] = {}

    def __call__(self, question: str, history: Sequence[Turn]) -> str | None:
        """The question standing alone, on one line; None where the model gives nothing that can be used."""
        key = question, tuple(history)
        if key not in self._known:
            self._known[key] = self._rewritten(question, history)
        return self._known[key]

    def _rewritten(self, question: str, history: Sequence[Turn]) -> str | None:
        self.problem = None
        plain = neutralise(question)
        budget = budget_for(self._model, "rewrite", plain)
        messages = prompts.load("rewrite").render(
            conversation=conversation_in_words(history, self._title_of, budget), question=plain
        )
        longest = LONGER_BY_TIMES * len(question) + LONGER_BY_CHARACTERS
        try:
            said = self._said(messages, longest)
        except ModelError as error:
            self.problem = str(error)
            return None
        found = _bare(said)
        if self._stopped():
            return None
        self.problem = _fault(found, question, history, longest)
        return found if self.problem is None else None

    def _said(self, messages: Sequence[Message], longest: int) -> str:
        said = ""
        until = time.monotonic() + self._deadline_seconds
        with self._model.stream(messages) as stream:
            for piece in stream:
                said += piece
                if self._stopped() or len(said) > 2 * longest:
                    break
                if time.monotonic() > until:
                    # Raised, not left: a reply that was broken off must not be kept as one that was read.
                    raise ModelTimeout(f"it took longer than {self._deadline_seconds:g} s")
        self.usage = (*self.usage, stream.usage)
        return said


def conversation_in_words(
    history: Sequence[Turn], title_of: Callable[[str], str | None], budget_tokens: int | None = None
) -> str:
    """The last turns and the papers that their numbers mean, as data for a prompt: every line is one text.

    What is beyond ``budget_tokens`` (o200k_base) is left out, the oldest turns first, then the papers named first.
    """
    from rag.tokens import count_tokens

    numbers = [(n, title_of(paper_id)) for n, paper_id in enumerate(numbered(history), 1)]
    titles = [f"({n}) {neutralise(title)}" for n, title in numbers[-MAX_TITLES:] if title]
    turns = [f"Question: {_cut(turn.question)}\nAnswer: {_cut(turn.answer)}" for turn in history[-MAX_TURNS:]]
    kept: list[str] = []
    left = budget_tokens
    for text in (*turns[-1:], *titles[::-1], *turns[-2::-1]):
        if left is not None:
            left -= count_tokens(text) + 1
            if left < 0:
                break
        kept.append(text)
    return "\n".join(text for text in (*titles, *turns) if text in kept) or "(none)"


def _cut(text: str) -> str:
    plain = neutralise(text[: 2 * MAX_TURN_CHARACTERS])
    return plain if len(plain) <= MAX_TURN_CHARACTERS else plain[: MAX_TURN_CHARACTERS - 1] + "…"


def _bare(said: str) -> str:
    return _LABEL.sub("", said.strip()).strip(" \"“”'`*")


def _fault(found: str, question: str, history: Sequence[Turn], longest: int) -> str | None:
    """Why ``found`` is no question that could be searched for; None if it is one."""
    if not re.search(r"\w{2}", found):
        return "it said nothing"
    if len(found.splitlines()) > 1:
        return "it wrote more than a question"
    if len(found) > longest:
        return "it wrote far more than was asked"
    if is_refusal(found) or not found.isprintable():
        return "it wrote no question"
    if parse_markers(found):
        return "it answered"
    known = " ".join([question, *(f"{turn.question} {turn.answer}" for turn in history)])
    is_translated = language_of(question) not in ("English", "unclear")
    if not is_translated and not set(vocabulary.weights(found)) & set(vocabulary.stems(known)):
        return "what it wrote has nothing to do with the question"
    return None
