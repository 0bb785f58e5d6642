"""The bytes of one streamed reply in OpenAI's chat protocol, as pieces of visible text.

Knows the protocol and the ways in which servers depart from it; knows no socket.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rag.errors import ModelInterrupted, ModelServerError
from rag.types import Usage

MAX_LINE_BYTES = 4 * 1024 * 1024
"""No chunk of the protocol comes near; a reply that never ends a line must not fill the memory."""


@dataclass(frozen=True, slots=True)
class End:
    """How a reply ended."""

    usage: Usage
    finish_reason: str | None


class Rejected(Exception):
    """The stream carries an error instead of text."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Vanished(Exception):
    """The stream ended in the middle, before any text."""


class ReplyReader:
    """Turns the bytes of one reply into pieces of visible text.

    Reads the lines itself: line splitting that knows Unicode breaks a chunk apart where
    its JSON holds U+2028 or U+0085 unescaped, which some servers send.
    """

    def __init__(self, host: str) -> None:
        self.text = ""
        self._host = host
        self._usage = Usage()
        self._finish_reason: str | None = None
        self._done = False
        self._n_chunks = 0
        self._thoughts = ThoughtFilter()

    def pieces(self, blocks: Iterable[bytes]) -> Iterator[str]:
        """Pieces in order; an empty one tells that the model works though nothing is to be shown."""
        rest: list[bytes] = []
        for line in _lines(blocks, self._host):
            field, colon, value = line.partition(b":")
            if colon and field in (b"data", b"error"):
                value = value.strip()
                if value == b"[DONE]":
                    self._done = True
                    break
                if value:
                    yield from self._shown(self._chunk(self._parsed(value), field == b"error"))
            elif line and field not in (b"", b"event", b"id", b"retry"):
                rest.append(line)
        if not self._n_chunks and rest:
            # Some servers ignore `stream` and send the whole reply as one JSON object.
            yield from self._shown(self._chunk(self._parsed(b"\n".join(rest)), False))
            self._done = self._n_chunks > 0
        yield from self._shown(self._thoughts.finish() or None)

    def end(self) -> End:
        """How the reply ended; raises when it did not end but broke off."""
        if self._finish_reason is None and not self._done:
            if self.text:
                raise ModelInterrupted(broke_off(self._host), self.text)
            if self._n_chunks:
                raise Vanished
            raise self._foreign()
        return End(self._usage, self._finish_reason)

    def _shown(self, piece: str | None) -> Iterator[str]:
        if piece is not None:
            self.text += piece
            yield piece

    def _foreign(self) -> ModelServerError:
        return ModelServerError(
            f"{self._host} answered, but not in OpenAI's chat protocol: check base_url, which mostly ends in /v1"
        )

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            value = json.loads(data)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        if self.text:
            raise ModelInterrupted(f"{self._host} sent something that is not a chunk of a reply; ask again", self.text)
        raise self._foreign()

    def _chunk(self, chunk: dict[str, Any], is_error: bool) -> str | None:
        """The visible text of one chunk; None when it tells nothing of the model's work."""
        if is_error or chunk.get("error"):
            raise Rejected(said_in(chunk.get("error") or chunk) or "no details")
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            # Extra events (timings, progress) are not text; a reply made only of them is foreign.
            return None
        self._n_chunks += 1
        if not choices or not isinstance(choices[0], dict):
            return None
        choice = choices[0]
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, dict):
            return None
        content = delta.get("content")
        if isinstance(content, list):
            content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
        if isinstance(content, str) and content:
            return self._thoughts.feed(content)
        # Thinking aloud in a field of its own is work, but not answer.
        return "" if any(delta.get(name) for name in ("reasoning_content", "reasoning")) else None


class ThoughtFilter:
    """Drops ``<think>...</think>`` where a text begins with it, however the text is cut into pieces."""

    _OPENINGS = ("<think>", "<thinking>")

    def __init__(self) -> None:
        self._held = ""
        self._closing: str | None = None
        self._passing = False

    def feed(self, piece: str) -> str:
        """What of the text is now known to be visible; may be empty."""
        if self._passing:
            return piece
        self._held += piece
        if self._closing is None:
            start = self._held.lstrip()
            opening = next((tag for tag in self._OPENINGS if start.startswith(tag)), None)
            if opening is None:
                if any(tag.startswith(start) for tag in self._OPENINGS):
                    return ""
                return self._pass(self._held)
            self._closing = opening.replace("<", "</")
            self._held = start[len(opening) :]
        thought, closing, answer = self._held.partition(self._closing)
        if not closing:
            # Only as much as could be the start of the closing tag: thoughts can be long.
            self._held = thought[-(len(self._closing) - 1) :]
            return ""
        if not answer.strip():
            # The blank lines after the thought are not part of the answer, and may come later.
            self._held = self._closing
            return ""
        return self._pass(answer.lstrip())

    def finish(self) -> str:
        """The rest, at the end: a beginning that never became a tag; an unfinished thought is dropped."""
        return "" if self._passing or self._closing is not None else self._pass(self._held)

    def _pass(self, text: str) -> str:
        self._held = ""
        self._passing = True
        return text


def _lines(blocks: Iterable[bytes], host: str) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > MAX_LINE_BYTES:
            raise ModelServerError(f"{host} sent a line of more than {MAX_LINE_BYTES} bytes: check base_url")
    if rest:
        yield rest


def said_in(body: object) -> str:
    """The server's own words in an error body, wherever it put them; empty for a page of HTML."""
    if isinstance(body, Mapping):
        words = [body[name] for name in ("message", "detail", "error") if body.get(name)]
        code = body.get("code")
        text = said_in(words[0]) if words else json.dumps(dict(body), default=str)
        return f"{text} [{code}]" if isinstance(code, str) and code not in text else text
    if isinstance(body, str):
        return "" if body.lstrip().startswith("<") else body
    return "" if body is None else str(body)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def broke_off(host: str) -> str:
    return f"the model at {host} broke off in the middle of its answer: ask again"
