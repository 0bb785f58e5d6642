"""Replies of language models and judgements, kept by content: the same request is not paid for twice.

One SQLite file, shared by threads and processes. Losing it costs time and money, never a
result, so a file that is damaged or full is left alone and the run goes on without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from eval.runs.fingerprint import code_sha256, package_sha256
from rag.errors import ModelError
from rag.judge.judgement import Judge, Judgement
from rag.llm import LanguageModel, Message, ModelStream, ResolvedEvidence
from rag.types import Usage

FILE_NAME = "replies.sqlite"


class Cache:
    """Texts by key. ``get`` and ``put`` never raise; ``trouble`` says what went wrong first."""

    def __init__(self, folder: Path) -> None:
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(folder / FILE_NAME, timeout=10.0, check_same_thread=False)
            # Nothing is lost that could not be asked again: no need to wait for the disk.
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = off")
            self._connection.execute("create table if not exists kept (key text primary key, value text not null)")
            self._connection.commit()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def get(self, key: str) -> Any | None:
        """The value, or None if there is none."""
        with self._lock:
            if self._connection is None:
                return None
            try:
                row = self._connection.execute("select value from kept where key = ?", (key,)).fetchone()
                return json.loads(row[0]) if row is not None else None
            except (sqlite3.Error, ValueError) as error:
                self._give_up(error)
                return None

    def put(self, key: str, value: Any) -> None:
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.execute("insert or replace into kept values (?, ?)", (key, json.dumps(value)))
                self._connection.commit()
            except (sqlite3.Error, ValueError) as error:
                self._give_up(error)

    def close(self) -> None:
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _give_up(self, error: Exception) -> None:
        self.trouble = self.trouble or f"the cache of replies cannot be used ({error}): everything is asked anew"
        self._connection = None


def key_of(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def reply_key(identity: Mapping[str, Any], repeat: int, messages: Sequence[Message]) -> str:
    """Of the request as it goes out: who is asked, how, and every word."""
    return key_of("reply", identity, repeat, [[one.role, one.content] for one in messages])


class WatchedModel:
    """A model for one question of a run: what it said comes from the cache or goes there, and what it did is known.

    ``repeat`` is part of what is looked up, or repeats would only repeat the first.
    Setting ``stop`` ends a reply under way; nothing of it is kept.
    """

    def __init__(
        self, model: LanguageModel, identity: Mapping[str, Any], repeat: int, cache: Cache | None, stop: threading.Event
    ) -> None:
        self.model = model
        self.name = model.name
        self.context_tokens = model.context_tokens
        self.max_output_tokens = model.max_output_tokens
        self.evidence: ResolvedEvidence = model.evidence
        self.config = getattr(model, "config", None)
        self.identity = identity
        self.repeat = repeat
        self.cache = cache
        self.stop = stop
        self.error: ModelError | None = None
        """What the last call raised."""
        self.n_calls = 0
        self.n_cached = 0

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        self.n_calls += 1
        if self.stop.is_set():
            return _Replay({"usage": (None, None), "finish_reason": None, "pieces": ()})
        key = reply_key(self.identity, self.repeat, messages)
        kept = self.cache.get(key) if self.cache is not None else None
        # Of a reply that its reader left early only that much is known: it serves the same reader.
        if kept is not None and (kept["is_whole"] or kept["reader"] == code_sha256("answer")):
            self.n_cached += 1
            return _Replay(kept)
        return _Recording(self, self.model.stream(messages), key)


class _Replay:
    def __init__(self, kept: Mapping[str, Any]) -> None:
        self.usage = Usage(*kept["usage"])
        self.finish_reason: str | None = kept["finish_reason"]
        self._pieces = iter(kept["pieces"])

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return str(next(self._pieces))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        self._pieces = iter(())


class _Recording:
    def __init__(self, watched: WatchedModel, stream: ModelStream, key: str) -> None:
        self.usage = Usage()
        self.finish_reason: str | None = None
        self._watched = watched
        self._stream = stream
        self._key = key
        self._pieces: list[str] = []
        self._is_kept = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._watched.stop.is_set():
            self._stream.close()
            raise StopIteration
        try:
            piece = next(self._stream)
        except StopIteration:
            self.usage, self.finish_reason = self._stream.usage, self._stream.finish_reason
            self._keep(is_whole=True)
            raise
        except ModelError as error:
            self._watched.error = error
            raise
        if piece:
            self._pieces.append(piece)
        return piece

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.__exit__(*error)
        if error[0] is None:
            self._keep(is_whole=False)

    def close(self) -> None:
        self._stream.close()

    def _keep(self, *, is_whole: bool) -> None:
        """What was read, to its end or to where its reader had enough; not what failed or was stopped."""
        watched = self._watched
        if self._is_kept or watched.cache is None or watched.error or watched.stop.is_set() or not self._pieces:
            return
        self._is_kept = True
        watched.cache.put(
            self._key,
            {
                "pieces": self._pieces,
                "usage": [self._stream.usage.prompt_tokens, self._stream.usage.completion_tokens],
                "finish_reason": self.finish_reason,
                "is_whole": is_whole,
                "reader": code_sha256("answer"),
            },
        )


class CachedJudge:
    """A judge whose judgements are kept for as long as neither it nor its models change."""

    def __init__(self, judge: Judge, cache: Cache, identity: str | None = None) -> None:
        self.name = judge.name
        self._judge = judge
        self._cache = cache
        self._identity = identity

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        if self._identity is None:
            self._identity = package_sha256()
        key = key_of("judgement", self.name, self._identity, claim, list(evidence))
        kept = self._cache.get(key)
        if kept is not None:
            verdict, probability, reasons, is_scorable = kept
            return Judgement(verdict, probability, reasons=tuple(reasons), scorable=is_scorable)
        found = self._judge.judge(claim, evidence)
        self._cache.put(key, [found.verdict, found.probability, list(found.reasons), found.scorable])
        return found
