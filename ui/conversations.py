"""Conversations on disk, with their evidence and verdicts: one SQLite file, apart from the library.

An answer is kept whole, its sources' abstracts included, so that it reads the same after the
library has changed. A turn is written down when it is asked; whatever a killed server
leaves unfinished is found at the next start as the stopped answer that it was.
"""

from __future__ import annotations

import functools
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.types import Answer, Outcome, Verdict
from ui.errors import ConversationsError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LAYOUT = 1
MAX_TITLE_CHARACTERS = 200
MAX_LISTED = 200
"""Conversations shown in the list; the search finds the others."""
KEPT_DELETED_SECONDS = 3_600.0
"""How long a deleted conversation can be brought back."""

Mark = Literal["up", "down", "wrong_citation"]

_TABLES = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, made REAL NOT NULL, changed REAL NOT NULL,
    deleted REAL, imported INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_owner ON conversations (owner, changed);
CREATE TABLE IF NOT EXISTS turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    question TEXT NOT NULL, request TEXT NOT NULL, answer TEXT, running INTEGER NOT NULL, found_by TEXT NOT NULL,
    PRIMARY KEY (conversation, number)
);
CREATE TABLE IF NOT EXISTS marks (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE, turn INTEGER NOT NULL,
    position INTEGER NOT NULL, place INTEGER NOT NULL, mark TEXT NOT NULL, question TEXT NOT NULL,
    outcome TEXT NOT NULL, judged TEXT NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (conversation, turn, position, place, mark)
);
CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, person TEXT NOT NULL, ends REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation as the list shows it."""

    conversation_id: str
    title: str
    changed: float
    """Seconds since the epoch."""
    imported: bool = False
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class KeptTurn:
    number: int
    question: str
    request: Mapping[str, Any]
    """What was asked for beside the question, as JSON values."""
    answer: Answer | None
    """None only until the first save of a turn under way."""
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What a mark is about: a claim, the sentence that was given for it, and what the check said."""

    claim: str
    sentence: str
    """"" for a claim without a citation, or one of nothing."""
    verdict: Verdict
    paper_id: str | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a reader thought of an answer, or of one citation in it."""

    mark: Mark
    question: str
    """As it was searched for: it stands alone."""
    outcome: Outcome
    judged: tuple[Judged, ...]
    """All of the answer, or the one citation that was marked."""
    made: float


class Conversations:
    """The store; every method may be called from any thread.

    ``owner`` names whose conversation it is: nobody sees another's, and asking for one reads
    like asking for one that does not exist. Raises ConversationsError where the file cannot
    be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        """``path`` None keeps everything in memory, for as long as this lives."""
        self.path = path
        self._lock = threading.RLock()
        self._last_changed = 0.0
        self._owned = None
        with self._storage():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, timeout=10.0)
            self._db.create_function("folded", 1, str.casefold, deterministic=True)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            layout = self._db.execute("PRAGMA user_version").fetchone()[0]
            if layout > LAYOUT:
                raise ConversationsError(
                    f"{path} was written by a newer footnoted: update this one, or name another file"
                )
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version = {LAYOUT}")
            self._db.commit()
        if path is not None:
            path.chmod(0o600)
            self._owned = _lock_file(path)
        if path is None or self._owned is not None:
            # Nobody else serves these conversations, so nothing in them is under way.
            with self._changing() as db:
                db.execute("UPDATE turns SET running = 0 WHERE running = 1")
                db.execute("DELETE FROM conversations WHERE deleted IS NOT NULL")

    def close(self) -> None:
        with self._lock:
            self._db.close()
        if self._owned is not None:
            self._owned.release()

    # -- conversations

    def new(self, owner: str, title: str = "", *, imported: bool = False) -> str:
        """The id of a new conversation."""
        conversation_id = secrets.token_urlsafe(12).replace("-", "a").replace("_", "b")
        now = self._now()
        with self._changing() as db:
            db.execute(
                "INSERT INTO conversations (id, owner, title, made, changed, imported) VALUES (?, ?, ?, ?, ?, ?)",
                (conversation_id, owner, _title(title), now, now, imported),
            )
        return conversation_id

    def holds(self, owner: str, conversation_id: str) -> bool:
        return self.about(owner, conversation_id) is not None

    def about(self, owner: str, conversation_id: str) -> Listed | None:
        """None if there is no such conversation of ``owner``'s."""
        found = self._read(f"{_LISTED} WHERE id = ? AND owner = ? AND deleted IS NULL", (conversation_id, owner))
        return _listed(found[0]) if found else None

    def listed(self, owner: str, search: str = "", *, limit: int = MAX_LISTED) -> list[Listed]:
        """Those of ``owner``, last changed first; with ``search``, those that say all of its words."""
        words = search.casefold().split()[:20]
        in_turns = "EXISTS (SELECT 1 FROM turns WHERE conversation = id AND instr(found_by, ?))"
        says = f" AND (instr(folded(title), ?) OR {in_turns})"
        rows = self._read(
            f"{_LISTED} WHERE owner = ? AND deleted IS NULL{says * len(words)} ORDER BY changed DESC LIMIT ?",
            (owner, *(word for word in words for _ in range(2)), limit),
        )
        return [_listed(row) for row in rows]

    def rename(self, owner: str, conversation_id: str, title: str) -> bool:
        """False if there is no such conversation."""
        return self._change(
            "UPDATE conversations SET title = ? WHERE id = ? AND owner = ? AND deleted IS NULL",
            (_title(title), conversation_id, owner),
        )

    def delete(self, owner: str, conversation_id: str) -> bool:
        """It can be brought back for an hour, or until the server ends. False if there is none."""
        now = time.time()
        with self._changing() as db:
            db.execute("DELETE FROM conversations WHERE deleted < ?", (now - KEPT_DELETED_SECONDS,))
        return self._change(
            "UPDATE conversations SET deleted = ? WHERE id = ? AND owner = ? AND deleted IS NULL",
            (now, conversation_id, owner),
        )

    def bring_back(self, owner: str, conversation_id: str) -> bool:
        return self._change(
            "UPDATE conversations SET deleted = NULL WHERE id = ? AND owner = ?", (conversation_id, owner)
        )

    # -- turns

    def turns(self, owner: str, conversation_id: str) -> tuple[KeptTurn, ...]:
        """In order; () for a conversation that is not there."""
        if not self.holds(owner, conversation_id):
            return ()
        rows = self._read(
            "SELECT number, question, request, answer, running FROM turns WHERE conversation = ? ORDER BY number",
            (conversation_id,),
        )
        return tuple(
            KeptTurn(number, question, json.loads(request), from_json(answer) if answer else None, bool(running))
            for number, question, request, answer, running in rows
        )

    def begin(
        self, conversation_id: str, number: int, question: str, request: Mapping[str, Any], so_far: Answer
    ) -> None:
        """Write down that a turn is under way, over any later ones; ``so_far`` is what it is if nothing follows."""
        with self._changing() as db:
            db.execute("DELETE FROM turns WHERE conversation = ? AND number >= ?", (conversation_id, number))
            db.execute("DELETE FROM marks WHERE conversation = ? AND turn >= ?", (conversation_id, number))
            db.execute(
                "INSERT INTO turns (conversation, number, question, request, answer, running, found_by) "
                "VALUES (?, ?, ?, ?, ?, 1, ?)",
                (conversation_id, number, question, json.dumps(request), to_json(so_far), question.casefold()),
            )
            db.execute(
                "UPDATE conversations SET changed = ?, title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
                (self._now(), _title(question), conversation_id),
            )

    def save(self, conversation_id: str, number: int, answer: Answer, *, is_over: bool) -> None:
        """What a turn has come to. A turn that was deleted meanwhile stays so."""
        words = f"{answer.question} {answer.text}".casefold()
        with self._changing() as db:
            db.execute(
                "UPDATE turns SET answer = ?, running = ?, found_by = ? WHERE conversation = ? AND number = ?",
                (to_json(answer), not is_over, words, conversation_id, number),
            )

    # -- what readers think

    def mark(
        self, conversation_id: str, turn: int, mark: Mark, answer: Answer, *, position: int = 0, place: int = 0
    ) -> bool:
        """Note a mark, or take it back if it is there; True if it is there now.

        ``position`` and ``place`` count claims and their citations from 1; 0 means the whole answer.
        """
        judged = [asdict(one) for one in _judged(answer, position, place)]
        where = (conversation_id, turn, position, place, mark)
        with self._changing() as db:
            if db.execute(f"DELETE FROM marks WHERE {_MARKED} AND mark = ?", where).rowcount:
                return False
            if mark in ("up", "down"):
                db.execute(f"DELETE FROM marks WHERE {_MARKED}", where[:4])
            db.execute(
                "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*where, answer.standalone_question, answer.outcome, json.dumps(judged), time.time()),
            )
        return True

    def marks(self, conversation_id: str) -> dict[int, list[tuple[int, int, str]]]:
        """By turn: (position, place, mark)."""
        found: dict[int, list[tuple[int, int, str]]] = {}
        rows = self._read("SELECT turn, position, place, mark FROM marks WHERE conversation = ?", (conversation_id,))
        for turn, position, place, mark in rows:
            found.setdefault(turn, []).append((position, place, mark))
        return found

    def reported(self) -> list[Reported]:
        """Everything that readers marked, of all owners, oldest first."""
        rows = self._read("SELECT mark, question, outcome, judged, made FROM marks ORDER BY made, rowid", ())
        return [
            Reported(mark, question, outcome, tuple(Judged(**one) for one in json.loads(judged)), made)
            for mark, question, outcome, judged, made in rows
        ]

    # -- log-ins

    def begin_session(self, token: str, person: str, ends: float) -> None:
        """``token`` is kept as it is given: give a hash."""
        with self._changing() as db:
            db.execute("DELETE FROM sessions WHERE ends < ?", (time.time(),))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (token, person, ends))

    def session(self, token: str) -> str | None:
        """Who logged in with it; None if nobody did, or it has ended."""
        found = self._read("SELECT person FROM sessions WHERE token = ? AND ends >= ?", (token, time.time()))
        return found[0][0] if found else None

    def end_session(self, token: str) -> None:
        self._change("DELETE FROM sessions WHERE token = ?", (token,))

    # -- inside

    def _now(self) -> float:
        """Grows with every call, so that the order of changes is told by it."""
        with self._lock:
            self._last_changed = max(time.time(), self._last_changed + 1e-4)
            return self._last_changed

    def _read(self, query: str, values: Sequence[object]) -> list[Any]:
        with self._lock, self._storage():
            return self._db.execute(query, values).fetchall()

    def _change(self, query: str, values: Sequence[object]) -> bool:
        with self._changing() as db:
            return db.execute(query, values).rowcount > 0

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._storage():
            try:
                yield self._db
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ConversationsError(
                f"the conversations in {self.path or 'memory'} cannot be read or written ({error}): "
                "make room or allow writing there, or name another file with --conversations"
            ) from error


_MARKED = "conversation = ? AND turn = ? AND position = ? AND place = ?"

_LISTED = (
    "SELECT id, title, changed, imported, EXISTS (SELECT 1 FROM turns WHERE conversation = id AND running) "
    "FROM conversations"
)


def _listed(row: Sequence[Any]) -> Listed:
    return Listed(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def _judged(answer: Answer, position: int, place: int) -> list[Judged]:
    """The citation at these places, counted from 1; all of the answer for 0."""
    claims = answer.claims if position == 0 else answer.claims[position - 1 : position]
    return [
        Judged(claim.text, cited.quote if cited else "", claim.verdict, cited.paper_id if cited else None)
        for claim in claims
        for at, cited in enumerate(claim.citations or (None,), 1)
        if place in (0, at)
    ]


def _title(title: str) -> str:
    return " ".join(title.encode("utf-8", "replace").decode().split())[:MAX_TITLE_CHARACTERS]


@functools.cache
def _adapter() -> TypeAdapter[Answer]:
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)


def to_json(answer: Answer) -> str:
    """The whole answer, evidence included; ``from_json`` gives an equal one. Vectors must be None.

    Lone surrogates, which no text on disk can hold, become question marks.
    """
    try:
        return _adapter().dump_json(answer).decode()
    except ValueError:
        values = _adapter().dump_python(answer)
        return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace").decode()


def from_json(written: str | bytes) -> Answer:
    """Raises ValueError (pydantic's, which names every problem) for what is not an answer."""
    return _adapter().validate_json(written)


def _lock_file(path: Path) -> Any:
    """A held lock on ``path``'s neighbour; None if another process holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock
