"""Files on their way into the library: one after the other, each with its counts, while questions go on."""

from __future__ import annotations

import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import FootnotedError
from rag.readers import read_papers
from rag.types import Paper, Skipped
from ui.core import Core

if TYPE_CHECKING:
    from rag.adding import AddReport

_log = logging.getLogger(__name__)

State = Literal["waiting", "reading", "adding", "done", "cancelled", "failed"]
MAX_SHOWN_REJECTED = 50
MAX_FILES_LISTED = 200
MAX_NAME_CHARACTERS = 120
_OVER: frozenset[State] = frozenset({"done", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Coming:
    """A file that is being added, or was."""

    file_id: int
    name: str
    """As the person calls it; nothing on disk has this name."""
    owner: str
    """The id of the person who brought it."""
    state: State = "waiting"
    n_records: int = 0
    """Read so far, rejected ones too; all of them once it is being added."""
    report: AddReport | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in _OVER

    @property
    def n_done(self) -> int:
        """Records of it that are in, or were refused."""
        if self.report is None:
            return 0
        merged = getattr(self.report, "duplicates", 0)
        return self.report.added + self.report.updated + self.report.unchanged + merged + self.report.n_skipped


class Adding:
    """The files that were dropped on the page. Every method may be called from any thread."""

    def __init__(self, core: Core, *, on_change: Callable[[], None] = lambda: None) -> None:
        self._core = core
        self._on_change = on_change
        self._lock = threading.Lock()
        self._files: dict[int, Coming] = {}
        self._cancelled: dict[int, threading.Event] = {}
        self._next_id = 1
        self._jobs: queue.SimpleQueue[tuple[int, Path] | None] = queue.SimpleQueue()
        self._folder: Path | None = None
        self._thread: threading.Thread | None = None
        self.version = 0
        """Grows with every change of a file."""

    def files(self, owner: str | None = None) -> tuple[Coming, ...]:
        """Those of ``owner``, or of all, in the order in which they came."""
        with self._lock:
            return tuple(file for file in self._files.values() if owner in (None, file.owner))

    @property
    def n_under_way(self) -> int:
        return sum(not file.is_over for file in self.files())

    def room(self) -> Path:
        """A folder of its own for what is being uploaded, which nobody else can read."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="footnoted-"))
            return self._folder

    def take(self, path: Path, name: str, owner: str) -> int:
        """Add the file at ``path``, which now belongs to this, under the ``name`` that ``owner`` gave it."""
        with self._lock:
            file_id = self._next_id
            self._next_id += 1
            self._files[file_id] = Coming(file_id, shown_name(name), owner)
            self._cancelled[file_id] = threading.Event()
            for old in [one for one in self._files.values() if one.is_over][: len(self._files) - MAX_FILES_LISTED]:
                self._forget(old.file_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="footnoted-adding", daemon=True)
                self._thread.start()
        self._jobs.put((file_id, path))
        self._changed()
        return file_id

    def cancel(self, file_id: int, owner: str) -> bool:
        """What is in by then stays. False for a file that is not under way, or not ``owner``'s."""
        with self._lock:
            known = self._files.get(file_id)
            if known is None or known.is_over or known.owner != owner:
                return False
            self._cancelled[file_id].set()
            if known.state == "waiting":
                self._files[file_id] = replace(known, state="cancelled")
        self._changed()
        return True

    def dismiss(self, owner: str) -> None:
        """Forget the files of ``owner`` that are through."""
        with self._lock:
            for file in [file for file in self._files.values() if file.is_over and file.owner == owner]:
                self._forget(file.file_id)
        self._changed()

    def close(self) -> None:
        """Cancel everything and leave no file behind."""
        with self._lock:
            for event in self._cancelled.values():
                event.set()
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(10)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- inside, in the one thread that adds

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            file_id, path = job
            try:
                self._add(file_id, path)
            except FootnotedError as error:
                self._set(file_id, state="failed", error=str(error))
            except Exception as error:  # noqa: BLE001 - the next file must still get its turn
                _log.exception("adding failed")
                self._set(file_id, state="failed", error=f"footnoted itself failed ({type(error).__name__})")
            finally:
                path.unlink(missing_ok=True)

    def _add(self, file_id: int, path: Path) -> None:
        cancelled, name = self._cancelled[file_id], self._files[file_id].name
        if cancelled.is_set():
            return
        self._set(file_id, state="reading")
        n_records = 0
        for n_records, _ in enumerate(_named(path, name), 1):
            if cancelled.is_set():
                self._set(file_id, state="cancelled")
                return
            if n_records % 500 == 0:
                self._set(file_id, n_records=n_records)
        self._set(file_id, state="adding", n_records=n_records)
        report = self._core.add(
            _named(path, name), on_progress=lambda so_far: self._set(file_id, report=so_far), cancelled=cancelled
        )
        is_whole = not cancelled.is_set() or self._files[file_id].n_done >= n_records
        self._set(file_id, state="done" if is_whole else "cancelled", report=report)

    def _set(self, file_id: int, **values: object) -> None:
        with self._lock:
            if file_id in self._files:
                self._files[file_id] = replace(self._files[file_id], **values)  # type: ignore[arg-type]
        self._changed()

    def _forget(self, file_id: int) -> None:
        del self._files[file_id], self._cancelled[file_id]

    def _changed(self) -> None:
        self.version += 1
        self._on_change()


def shown_name(name: str) -> str:
    """The last part of a file's name as one printable line, shortened; never empty."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last).strip()
    if len(printable) > MAX_NAME_CHARACTERS:
        printable = f"{printable[: MAX_NAME_CHARACTERS // 2]}…{printable[-MAX_NAME_CHARACTERS // 2 + 1 :]}"
    return printable if printable.strip(".") else "file"


def _named(path: Path, name: str) -> Iterator[Paper | Skipped]:
    """What ``read_papers`` gives, as if the file had the name that its person gave it."""
    try:
        for item in read_papers(path):
            yield replace(item, origin=_renamed(item.origin, path, name))
    except FootnotedError as error:
        raise type(error)(str(error).replace(str(path), name)) from error


def _renamed(origin: str | None, path: Path, name: str) -> str:
    """Within an archive the member's name stays behind that of the archive."""
    return name if origin is None else origin.replace(str(path), name)
