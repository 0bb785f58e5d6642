"""Accounts in a file, log-ins in the store, and doors that stay shut for a while after too many tries.

The file has one account a line, ``name:hash``, with bcrypt hashes as ``htpasswd -B`` or
``footnoted chat --auth-file FILE --add-account NAME`` write them.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from ui.conversations import Conversations
from ui.errors import AccountsError

SESSION_SECONDS = 14 * 86_400.0
MAX_TRIES = 5
"""Failures of one name from one address until the door is shut; five times as many of one name from anywhere."""
LOCK_SECONDS = 60.0
"""How long it stays shut the first time; twice as long each time after that, up to an hour."""
MAX_LOCK_SECONDS = 3_600.0
_MAX_REMEMBERED = 10_000
_NAME = re.compile(r"[^\s:,#][^:\n\r\x00-\x1f]{0,63}")
_HASH = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_MAX_PASSWORD_BYTES = 72
"""bcrypt reads no more."""


@dataclass(frozen=True, slots=True)
class LogIn:
    """What came of a try."""

    token: str | None = None
    """What the browser shows from now on; None if it was refused."""
    locked_seconds: float = 0.0
    """Until the next try is looked at; 0 if it was."""


class Accounts:
    """The people of an accounts file. Every method may be called from any thread."""

    def __init__(
        self, path: Path, conversations: Conversations, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises AccountsError for a file that is missing, empty, damaged or readable by everyone."""
        self._path = path
        self._kept = conversations
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()
        self._hashes = read(path)
        self._changed = path.stat().st_mtime_ns
        # Of a password that nobody has, so that an unknown name takes as long as a known one.
        self._nobody = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt())

    def log_in(self, name: str, password: str, where: str) -> LogIn:
        """``where`` is the address that the try came from."""
        name = name.strip()[:64]
        doors = [((name, where), MAX_TRIES), ((name, ""), 5 * MAX_TRIES)]
        with self._lock:
            wait = max(self._wait(door) for door, _ in doors)
        if wait > 0:
            return LogIn(locked_seconds=wait)
        known = self._known().get(name)
        is_right = _fits(password, known or self._nobody) and known is not None
        with self._lock:
            for door, most in doors:
                if is_right:
                    self._tries.pop(door, None)
                else:
                    self._count(door, most)
        if not is_right:
            return LogIn()
        token = secrets.token_urlsafe(32)
        self._kept.begin_session(_stored(token), name, time.time() + SESSION_SECONDS)
        return LogIn(token)

    def whose(self, token: str) -> str | None:
        """The name that logged in with ``token``; None if it has ended, or the account is gone."""
        name = self._kept.session(_stored(token))
        return name if name is not None and name in self._known() else None

    def log_out(self, token: str) -> None:
        self._kept.end_session(_stored(token))

    # -- inside

    def _known(self) -> dict[str, bytes]:
        """The accounts as the file has them now; those before, while it cannot be read."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._hashes, self._changed = read(self._path), changed
        except (OSError, AccountsError):
            pass
        return self._hashes

    def _wait(self, door: tuple[str, str]) -> float:
        tries = self._tries.get(door)
        return tries.shut_until - self._clock() if tries is not None else 0.0

    def _count(self, door: tuple[str, str], most: int) -> None:
        tries = self._tries.setdefault(door, _Tries())
        self._tries.move_to_end(door)
        while len(self._tries) > _MAX_REMEMBERED:
            self._tries.popitem(last=False)
        tries.n_failed += 1
        if tries.n_failed >= most:
            shut = min(LOCK_SECONDS * 2.0 ** (tries.n_failed - most), MAX_LOCK_SECONDS)
            tries.shut_until = self._clock() + shut


@dataclass(slots=True)
class _Tries:
    n_failed: int = 0
    shut_until: float = 0.0


def read(path: Path) -> dict[str, bytes]:
    """The hash of each account by its name. Raises AccountsError naming every bad line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise AccountsError(
            f"the accounts file {path} cannot be read ({error}): name another with --auth-file"
        ) from error
    if os.name == "posix" and mode & 0o004:
        raise AccountsError(f"the accounts file {path} can be read by everyone on this computer: chmod 600 {path}")
    found: dict[str, bytes] = {}
    bad = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if _NAME.fullmatch(name) and _HASH.fullmatch(hashed):
            found[name] = hashed.encode()
        else:
            bad.append(number)
    if bad:
        which = ", ".join(map(str, bad[:10]))
        raise AccountsError(
            f"line {which} of the accounts file {path} is not 'name:hash' with a bcrypt hash: "
            "write it with --add-account, or with htpasswd -B"
        )
    if not found:
        raise AccountsError(f"the accounts file {path} names nobody: add somebody with --add-account NAME")
    return found


def add_account(path: Path, name: str, password: str) -> None:
    """Write an account into the file, over one of the same name; the file is for its owner alone.

    Raises AccountsError for a name or password that cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise AccountsError(f"'{name}' cannot be a name: up to 64 characters, no colon, not blank at the start")
    if not 8 <= len(password.encode()) <= _MAX_PASSWORD_BYTES:
        raise AccountsError(f"a password needs 8 to {_MAX_PASSWORD_BYTES} bytes")
    line = f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode()}"
    try:
        kept = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        lines = [one for one in kept if one.partition(":")[0] != name]
        new = path.with_name(f"{path.name}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write("\n".join([*lines, line]) + "\n")
        new.replace(path)
    except OSError as error:
        raise AccountsError(f"the accounts file {path} cannot be written ({error}): choose another place") from error


def _fits(password: str, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(password.encode("utf-8", "replace")[:_MAX_PASSWORD_BYTES], hashed)
    except ValueError:  # a NUL inside
        return False


def _stored(token: str) -> str:
    """As it lies on disk: whoever reads the file cannot log in with it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
