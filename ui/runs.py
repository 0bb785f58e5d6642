"""Answers under way: each is worked out once, by the server, and may be watched from any number of tabs.

A run outlives the tab that asked: who reloads the page finds it where it is. One that nobody
watches any more is stopped after a while, and what it had is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from rag.errors import FootnotedError
from rag.types import Answer, Event, Finished, Found
from ui.errors import ConversationsError
from ui.progress import Progress, advance, broken, stopped
from ui.texts import Texts

_log = logging.getLogger(__name__)

REFRESH_SECONDS = 0.1
"""Ten pictures a second read as a flow; events that come faster are shown together."""
HEARTBEAT_SECONDS = 2.0
"""A watcher hears from a silent run this often, so that it can be told that its tab is gone."""
SAVE_SECONDS = 1.0
"""What a killed server may lose of an answer that is being written."""
UNWATCHED_SECONDS = 60.0
"""How long a run goes on that no tab watches: long enough to reload, or to come back."""

AskStream = Callable[[threading.Event], Iterator[Event]]
"""Starts the work; closing what it gives, or setting the event, ends it."""
Save = Callable[[Answer, bool], None]
"""Keeps an answer as it is; True when it is over."""


class Run:
    """One question being answered."""

    def __init__(
        self,
        conversation_id: str,
        number: int,
        question: str,
        *,
        model: str | None,
        save: Save,
        t: Texts,
        within: str = "",
    ) -> None:
        self.conversation_id = conversation_id
        self.number = number
        self.within = within
        """The papers asked, in words; "" for all."""
        self.stopping = threading.Event()
        self.over = threading.Event()
        """Set when its answer is there, and was saved if it could be; nothing is saved after that."""
        self.not_saved: str | None = None
        """Why the answer could not be saved."""
        self._model = model
        self._save_answer = save
        self._t = t
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._saving = threading.RLock()
        self._next_save: threading.Timer | None = None
        self._progress = Progress(question)
        self._version = 0
        self._found: tuple[int, Progress] | None = None
        self._watchers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._unwatched_since = time.monotonic()

    @property
    def progress(self) -> Progress:
        return self._progress

    @property
    def n_watchers(self) -> int:
        return len(self._watchers)

    def stop(self) -> None:
        """End it now, with what has come; a silent model is not waited for."""
        self.stopping.set()
        self._end(lambda progress, seconds: stopped(progress, self._model, seconds))
        self._conclude()

    def work(self, start: AskStream) -> None:
        """Work it out to its end; raises nothing. For a thread of its own."""
        try:
            if not self.stopping.is_set():
                stream = start(self.stopping)
                try:
                    for event in stream:
                        if self._is_unwanted():
                            self.stop()
                        if self.stopping.is_set():
                            break
                        self._tell(event)
                        if isinstance(event, Found):
                            self._save()
                        else:
                            self._save_soon()
                finally:
                    close = getattr(stream, "close", None)
                    if close is not None:
                        close()
            self._break_off(self._t("failed.cut_short"))  # does nothing where the answer is there
        except FootnotedError as error:
            self._break_off(str(error))
        except Exception as error:  # noqa: BLE001 - this thread ends here, and the reader must hear why
            # A bug, not a condition: the page says so and goes on, the trace goes to the log.
            _log.exception("ask failed")
            self._break_off(self._t("failed.own_fault", kind=type(error).__name__))
        finally:
            self._conclude()

    async def watch(self) -> AsyncIterator[Progress]:
        """What is known of it, now and at every change, at most ten times a second; the last has the answer.

        What was found is shown before the first word even where both are there at once. A
        silent run repeats itself now and then.
        """
        changed = asyncio.Event()
        with self._lock:
            self._watchers[changed] = asyncio.get_running_loop()
        seen = -1
        try:
            while True:
                changed.clear()
                found, version, progress = self._found, self._version, self._progress
                if found is not None and seen < found[0] < version:
                    seen = found[0]
                    yield found[1]
                    continue
                is_over = progress.answer is not None and self.over.is_set()
                if version != seen or is_over:
                    seen = version
                    yield progress
                    if is_over:
                        return
                    if progress.text or progress.sources:
                        await self._refresh(changed)
                else:
                    try:
                        await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                    except TimeoutError:
                        yield progress
        finally:
            with self._lock:
                self._watchers.pop(changed, None)
                self._unwatched_since = time.monotonic()

    # -- inside

    async def _refresh(self, changed: asyncio.Event) -> None:
        """Until the next picture is due: REFRESH_SECONDS, but no longer than the answer takes."""
        due = time.monotonic() + REFRESH_SECONDS
        while (seconds := due - time.monotonic()) > 0:
            changed.clear()
            if self.over.is_set():
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), seconds)

    def _tell(self, event: Event) -> None:
        with self._lock:
            if self._progress.answer is not None:
                return
            self._progress = advance(self._progress, event)
            self._version += 1
            if isinstance(event, Found):
                self._found = (self._version, self._progress)
        self._wake()

    def _break_off(self, error: str) -> None:
        self._end(lambda progress, seconds: broken(progress, self._model, error, seconds))

    def _end(self, answer_of: Callable[[Progress, float], Answer]) -> None:
        with self._lock:
            if self._progress.answer is not None:
                return
            answer = answer_of(self._progress, time.monotonic() - self._began)
            self._progress = advance(self._progress, Finished(answer))
            self._version += 1
        self._wake()

    def _conclude(self) -> None:
        with self._saving:
            if not self.over.is_set():
                self._save(is_over=True)
                self.over.set()
        self._wake()

    def _save_soon(self) -> None:
        """Within SAVE_SECONDS, whether or not the stream goes on by then."""
        with self._saving:
            if self._next_save is None and not self.over.is_set():
                self._next_save = threading.Timer(SAVE_SECONDS, self._save)
                self._next_save.daemon = True
                self._next_save.start()

    def _save(self, *, is_over: bool = False) -> None:
        with self._saving:
            if self.over.is_set():
                return
            if self._next_save is not None:
                self._next_save.cancel()
                self._next_save = None
            progress = self._progress
            answer = progress.answer or stopped(progress, self._model, time.monotonic() - self._began)
            try:
                self._save_answer(answer if is_over else interrupted(answer, self._t), is_over)
                self.not_saved = None
            except ConversationsError as error:
                self.not_saved = str(error)

    def _is_unwanted(self) -> bool:
        return not self._watchers and time.monotonic() - self._unwatched_since > UNWATCHED_SECONDS

    def _wake(self) -> None:
        with self._lock:
            watchers = list(self._watchers.items())
        for changed, loop in watchers:
            try:
                loop.call_soon_threadsafe(changed.set)
            except RuntimeError:  # the server is ending, and so is its loop
                continue


def interrupted(answer: Answer, t: Texts) -> Answer:
    """A stopped answer that says that the server ended, as it is found if nothing more is saved."""
    return replace(answer, error=t("failed.interrupted"))


class Workers:
    """A few threads that take what is to be done in the order in which it came."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._n_busy = 0
        self._lock = threading.Lock()
        for number in range(n_threads):
            threading.Thread(target=self._work, name=f"footnoted-ask-{number}", daemon=True).start()

    @property
    def n_waiting(self) -> int:
        return self._jobs.qsize()

    def submit(self, job: Callable[[], None]) -> None:
        """``job`` must raise nothing."""
        self._jobs.put(job)

    def close(self) -> None:
        """What waits is done before the threads end."""
        for _ in range(self.n_threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
