"""Runs ``ask`` in a thread of its own, so that Stop is heard while a model is silent."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from rag.errors import FootnotedError
from rag.types import Event

_log = logging.getLogger(__name__)

REFRESH_SECONDS = 0.1
"""Ten pictures a second read as a flow; events that come faster are shown together."""
HEARTBEAT_SECONDS = 0.5
"""A batch without events is yielded this often: a generator can be closed only at a yield."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person pressed Stop."""


@dataclass(frozen=True, slots=True)
class Broken:
    """``ask`` raised, or ended before its last event; ``message`` is one line for a person."""

    message: str


End = Stopped | Broken
_OVER = object()


def batches(start: Callable[[], Iterator[Event]], stop: threading.Event) -> Generator[tuple[Event | End, ...]]:
    """The events of ``start()`` as they come, at most ten batches a second, some of them empty.

    ``stop``, or closing this generator, closes the one behind it at its next event. A
    Stopped or Broken comes last and only if the stream did not end by itself; nothing
    that ``start`` raises is raised here.
    """
    box: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_fill, args=(box, start, stop), name="footnoted-ask", daemon=True).start()
    last_yield = time.monotonic()
    try:
        while True:
            batch, over = _taken(box)
            if stop.is_set():
                yield (*batch, Stopped())
                return
            now = time.monotonic()
            if batch or over or now - last_yield >= HEARTBEAT_SECONDS:
                last_yield = now
                yield batch
            if over:
                return
            stop.wait(REFRESH_SECONDS if batch else 0)
    finally:
        stop.set()


def _taken(box: queue.SimpleQueue[object]) -> tuple[tuple[Event | End, ...], bool]:
    """All that lies in ``box``, waiting a moment for the first; True when nothing will follow."""
    batch: list[Event | End] = []
    timeout: float | None = REFRESH_SECONDS
    while True:
        try:
            item = box.get(timeout=timeout) if timeout else box.get_nowait()
        except queue.Empty:
            return tuple(batch), False
        if item is _OVER:
            return tuple(batch), True
        batch.append(item)  # type: ignore[arg-type]  # _fill puts nothing else
        timeout = None


def _fill(box: queue.SimpleQueue[object], start: Callable[[], Iterator[Event]], stop: threading.Event) -> None:
    try:
        stream = start()
        try:
            for event in stream:
                if stop.is_set():
                    break
                box.put(event)
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()
    except FootnotedError as error:
        box.put(Broken(str(error)))
    except Exception as error:  # noqa: BLE001 - this thread ends here, and the reader must hear why
        # A bug, not a condition: the page says so and goes on, the trace goes to the log.
        _log.exception("ask failed")
        box.put(Broken(f"footnoted itself failed ({type(error).__name__}); the details are in its log"))
    finally:
        box.put(_OVER)
