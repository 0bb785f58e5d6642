"""Who writes vectors: this process, or one beside it.

Chroma builds its graph while it holds Python's one lock, about 0.3 ms for a vector. In a
long add a process of its own does that, while this one reads and embeds what comes next.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from rag.collecting import seldom_collecting
from rag.errors import FootnotedError, LibraryBusy, LibraryDamaged, LibraryError
from rag.index.chroma import FloatArray, Vectors
from rag.index.records import Records
from rag.index.storage import storage

_WAIT_SECONDS = 60.0
_END_SECONDS = 30.0


class VectorWriter(Protocol):
    """Changes one set of vectors, one change after the other."""

    def add(self, ids: Sequence[str], rows: FloatArray) -> None:
        """Begin to write; ``wait`` says when it is done."""

    def delete(self, ids: Sequence[str]) -> None:
        """Take ids out, at once."""

    def wait(self) -> None:
        """Until everything begun is done; raises what went wrong."""

    @property
    def is_busy(self) -> bool: ...

    def close(self) -> None:
        """Let go of everything; what was begun is finished."""


class LocalWriter:
    """Writes here and now.

    A collection that cannot be loaded, or lacks what the records have, is made anew from them
    at the first change. One writer at a time: one whose parent was killed may be at its last
    change still.
    """

    def __init__(self, folder: Path, records: Records, vectors: Vectors, generation: int) -> None:
        self._folder = folder
        self._records = records
        self._vectors = vectors
        self._generation = generation
        self._held = contextlib.ExitStack()
        self._is_ready = False

    def get_ready(self) -> None:
        if self._is_ready:
            return
        if not self._held_alone():
            raise LibraryBusy(
                f"a process that was killed is still at its last change of {self._folder}: try again in a minute"
            )
        try:
            with self._vectors.changing():
                is_whole = self._vectors.count() >= self._n_embedded()
        except LibraryDamaged:
            is_whole = False
        if not is_whole:
            self.rewrite()
        self._is_ready = True

    def add(self, ids: Sequence[str], rows: FloatArray) -> None:
        self.get_ready()
        with self._vectors.changing():
            self._vectors.add(ids, rows)

    def delete(self, ids: Sequence[str]) -> None:
        self.get_ready()
        with self._vectors.changing():
            self._vectors.delete(ids)

    def rewrite(self) -> None:
        """Make the collection anew from the records, embedding nothing; readers have the records meanwhile."""
        import numpy as np

        with storage(self._folder), self._vectors.changing(anew=True):
            with self._records.snapshot() as snapshot:
                for ids, data in snapshot.vectors(self._generation) if snapshot else ():
                    self._vectors.add(ids, np.frombuffer(data, "<f2").astype(np.float32).reshape(len(ids), -1))
            # Readers in other processes have loaded what is no longer there.
            self._records.vectors_changed(self._generation)

    def wait(self) -> None:
        pass

    is_busy = False

    def close(self) -> None:
        self._is_ready = False
        self._vectors.close()
        self._held.close()

    def _held_alone(self) -> bool:
        from filelock import FileLock, Timeout

        # Of this generation alone: while one is being rebuilt, a removal changes both.
        lock = FileLock(self._folder / f"vectors-{self._generation:d}.writer.lock")
        try:
            with storage(self._folder):
                lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            return False
        self._held.callback(lock.release)
        return True

    def _n_embedded(self) -> int:
        with self._records.snapshot() as snapshot:
            embeddings = snapshot.embeddings() if snapshot else []
        return next((one.n_chunks for one in embeddings if one.generation == self._generation), 0)


class ProcessWriter:
    """Hands everything to a process of its own, which ends with this one."""

    def __init__(self, folder: Path, generation: int) -> None:
        self._folder = folder
        ours, theirs = (os.pipe(), os.pipe())
        self._replies = Connection(ours[0], writable=False)
        self._orders = Connection(theirs[1], readable=False)
        package = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "rag.index.vector_writer", str(folder), str(generation)]
        self._process = subprocess.Popen(
            [*command, str(theirs[0]), str(ours[1])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs[0], ours[1]),
            env={**os.environ, "PYTHONPATH": path},
        )
        for end in (theirs[0], ours[1]):
            os.close(end)
        self._n_begun = 1  # its first reply says that it is ready

    def add(self, ids: Sequence[str], rows: FloatArray) -> None:
        self._order(("add", list(ids), rows))

    def delete(self, ids: Sequence[str]) -> None:
        self._order(("delete", list(ids)))
        self.wait()

    def wait(self) -> None:
        while self._n_begun:
            try:
                problem = self._replies.recv()
            except (EOFError, OSError) as error:
                raise self._lost() from error
            self._n_begun -= 1
            if problem is not None:
                raise problem

    @property
    def is_busy(self) -> bool:
        return self._n_begun > 0 and not self._replies.poll()

    def close(self) -> None:
        self._orders.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()

    def _order(self, order: tuple[object, ...]) -> None:
        self.wait()
        try:
            self._orders.send(order)
        except OSError as error:
            raise self._lost() from error
        self._n_begun += 1

    def _lost(self) -> LibraryError:
        self._n_begun = 0
        code = self._process.wait()
        return LibraryError(
            f"the process that writes the vectors of {self._folder} ended early (exit code {code}): "
            "run the same again, it goes on from the last batch; if it ends again, run 'footnoted check'"
        )


def can_have_process() -> bool:
    """Whether pipes can be handed to another process, as everywhere but on Windows."""
    return os.name == "posix"


def _serve(folder: Path, open_writer: Callable[[], LocalWriter], orders: Connection, replies: Connection) -> None:
    """Do what ``orders`` says until its other end is closed, and answer each with None or what went wrong."""
    with contextlib.closing(open_writer()) as writer, seldom_collecting:
        try:
            writer.get_ready()
            replies.send(None)
            for order in _received(orders):
                with storage(folder):
                    getattr(writer, order[0])(*order[1:])
                replies.send(None)
        except FootnotedError as error:
            replies.send(error)
        except BrokenPipeError:
            pass  # the one who asked was killed


def _received(orders: Connection) -> Iterator[tuple[str, Sequence[str], FloatArray]]:
    while True:
        try:
            yield orders.recv()
        except EOFError:
            return


def _main(folder: Path, generation: int, orders: int, replies: int) -> None:
    from rag.index.vectors import EmbeddedVectors, folder_of

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes; the other one ends this one
    records = Records(folder)

    def open_writer() -> LocalWriter:
        return LocalWriter(folder, records, EmbeddedVectors(folder_of(folder, generation)), generation)

    _serve(folder, open_writer, Connection(orders, writable=False), Connection(replies, readable=False))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
