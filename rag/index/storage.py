"""Failures of the disk, told apart from failures of the code, in the project's own words."""

from __future__ import annotations

import errno
import re
import shutil
import sqlite3
from pathlib import Path
from types import TracebackType

from rag.errors import FootnotedError, LibraryBusy, LibraryDamaged, StorageFull

_BATCH_BYTES = 16 * 2**20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
# Chroma and tantivy report the system's error as text inside errors of their own, and
# SQLite (Chroma holds one too) calls a write beyond a quota a disk I/O error.
_FULL_TEXT = re.compile(
    r"no space left|disk is full|disk i/o error|file too large|quota exceeded|\(code: 13\)|os error (?:28|27|122)\b",
    re.IGNORECASE,
)
_REFUSED_TEXT = re.compile(
    r"read-?only|permission denied|not permitted|unable to open database|os error (?:30|13|1)\b", re.IGNORECASE
)


class storage:
    """Run a block that reads or writes below ``folder``; its disk failures become LibraryErrors.

    Entered several times with every question, and so no generator, which would take three times as long.
    Raises StorageFull (full, read-only or forbidden), LibraryBusy (SQLite stayed locked) or
    LibraryDamaged (a file is not what it was). Every other error passes unchanged.
    """

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, FootnotedError):
            return
        translated = _translate(error, self._folder)
        if translated is not None:
            raise translated from error


def nearly_full(folder: Path) -> bool:
    """True where the next batch could not be written: the likely reason when none is given."""
    return shutil.disk_usage(folder).free < _BATCH_BYTES


def _translate(error: Exception, folder: Path) -> FootnotedError | None:
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or _FULL_TEXT.search(text):
        return StorageFull(
            f"the disk of {folder} is full ({_line(text)}): free some space and add again; "
            "what was in the library before is unchanged"
        )
    if number in _REFUSED or _REFUSED_TEXT.search(text):
        return StorageFull(
            f"{folder} cannot be written ({_line(text)}): make it writable or choose "
            "another library folder; what it holds is unchanged"
        )
    if isinstance(error, sqlite3.OperationalError) and "locked" in text:
        return LibraryBusy(f"the library {folder} is locked by another program: try again in a moment")
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text):
        return LibraryDamaged(
            f"the records of {folder} cannot be read ({_line(text)}): restore them from a copy, "
            "or add the papers to a new library"
        )
    return None


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
