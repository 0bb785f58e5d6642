"""The answerer that writes: sources and a question go to a language model, claims come back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rag.answer.citations import DraftSentence, Numbering, SentenceStream, cited, shown
from rag.answer.refusals import is_sentinel, may_become_sentinel, sounds_like_refusal
from rag.llm import LanguageModel, Message
from rag.types import Claim, Source, Table, Usage, Wrote

MAX_CHARACTERS_PER_TOKEN = 8
"""English prose has between 4 and 5; an endpoint that sends more ignores the output limit."""

MAX_REPEATS = 2
"""A model that says the same sentence a third time will not stop by itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """How the writing ended; the last thing that ``write`` yields."""

    text: str
    """All that is to be shown, with the readers' numbers; "" for an answer that was declined."""
    declined: bool = False
    """The model said that the sources do not answer."""
    empty: bool = False
    """The model ended without a word."""
    stopped: bool = False
    """A person stopped it; an unfinished last sentence is in ``text`` but was not made a claim."""
    usage: Usage = field(default_factory=Usage)
    first_token_seconds: float | None = None
    """From the request to the first piece of text; None when none came."""
    notes: tuple[str, ...] = ()
    table: Table | None = None
    """Of a comparison."""


def write(
    messages: Sequence[Message],
    sources: Sequence[Source],
    model: LanguageModel,
    numbering: Numbering,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Wrote | Claim | Written]:
    """The model's reply to ``messages``, which show it ``sources``, as it is written.

    Yields the text so far (``Wrote``) and each finished sentence as an unchecked ``Claim``,
    interleaved, then one ``Written``. The claims of an answer that was declined are not
    yielded. ``numbering`` gives papers new numbers as they are first shown. ``stopped`` is
    asked at least five times a second. Raises ModelError, after closing the stream; what
    was yielded before stays true.
    """
    if not sources:
        raise ValueError("there are no sources to write from")
    telling = _Telling(sources, numbering)
    limit = model.max_output_tokens * MAX_CHARACTERS_PER_TOKEN
    notes: list[str] = []
    started = time.perf_counter()
    first_token_seconds: float | None = None
    is_stopped = False
    with model.stream(messages) as stream:
        for piece in stream:
            if stopped():
                is_stopped = True
                break
            if not piece:
                continue
            if first_token_seconds is None:
                first_token_seconds = time.perf_counter() - started
            yield from telling.tell(telling.sentences.feed(piece))
            if telling.declined:
                # What follows the sentinel would be thrown away: no need to wait for it.
                break
            if telling.repeats:
                notes.append("The model began to repeat itself; its answer ends before the repetition.")
                break
            if telling.sentences.n_characters > limit:
                notes.append("The model went on beyond its output limit; its answer was cut off.")
                break
            wrote = telling.wrote()
            if wrote is not None:
                yield wrote
    is_stopped = is_stopped or (stopped() and not telling.declined)
    if not is_stopped and not telling.declined:
        if not telling.repeats:
            yield from telling.tell(telling.sentences.finish())
        yield from telling.settle()
    if stream.finish_reason == "length":
        notes.append(
            f"The answer was cut off at the model's limit of {model.max_output_tokens} tokens; "
            "its last sentence may be unfinished."
        )
    elif stream.finish_reason == "content_filter":
        notes.append("The endpoint's content filter ended the answer.")
    wrote = telling.wrote()
    if wrote is not None:
        yield wrote
    text = "" if telling.declined else telling.shown_text()
    yield Written(
        text=text,
        declined=telling.declined and not is_stopped,
        empty=not text.strip() and not telling.declined and not is_stopped,
        stopped=is_stopped,
        usage=stream.usage,
        first_token_seconds=first_token_seconds,
        notes=(*notes, *telling.notes),
    )


class _Telling:
    """What of the model's words has been told to the reader."""

    def __init__(self, sources: Sequence[Source], numbering: Numbering) -> None:
        self.sentences = SentenceStream()
        self.declined = False
        self.repeats = False
        self.notes: list[str] = []
        self._sources = sources
        self._numbering = numbering
        self._said: dict[str, int] = {}
        self._waiting: list[DraftSentence] = []
        self._n_told = 0
        self._cuts: list[tuple[int, int]] = []
        self._end: int | None = None
        self._last_shown = ""

    def tell(self, drafts: Sequence[DraftSentence]) -> Iterator[Claim]:
        """The claims of ``drafts``; a sentence that may turn out to be a refusal waits for the next one."""
        for draft in drafts:
            if is_sentinel(draft.text):
                if not self._n_told and not self._waiting:
                    self.declined = True
                    return
                self._cuts.append((draft.start, draft.end))
                self.notes.append("The model also wrote that the sources do not answer the question.")
                continue
            key = " ".join(re.findall(r"\w+", draft.text.casefold()))
            self._said[key] = self._said.get(key, 0) + 1
            if self._said[key] > MAX_REPEATS:
                self.repeats = True
                self._end = draft.start
                return
            self._waiting.append(draft)
            if self._n_told or not sounds_like_refusal(draft):
                yield from self._released()

    def settle(self) -> Iterator[Claim]:
        """At the end: what still waits is nothing but refusals, if anything."""
        if self._waiting and not self._n_told:
            self.declined = True
            self._waiting.clear()
        yield from self._released()

    def shown_text(self) -> str:
        text = self.sentences.text_so_far[: self._end]
        for start, end in reversed(self._cuts):
            text = text[:start] + text[end:]
        return shown(text, self._sources, self._numbering).strip()

    def wrote(self) -> Wrote | None:
        """The text to show, if there is more of it than last time."""
        if self.declined or (not self._n_told and may_become_sentinel(self.sentences.text_so_far)):
            return None
        text = self.shown_text()
        if text == self._last_shown:
            return None
        self._last_shown = text
        return Wrote(text)

    def _released(self) -> Iterator[Claim]:
        for draft in self._waiting:
            self._n_told += 1
            yield cited(draft, self._sources, self._numbering)
        self._waiting.clear()
