"""Asks every question through ``rag.pipeline.ask``, has every answer judged, and keeps both.

One thread reads what is finished and writes it down; the others ask. What passes its
deadline is written down as an error and left behind: a thread that waits for a library or
an endpoint cannot be ended from outside, but nobody has to wait for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import prompts
from eval.questions import Question
from eval.runs import records
from eval.runs.cache import Cache, WatchedModel
from eval.runs.fingerprint import code_sha256, model_identity, versions
from eval.runs.judged import Judged, judge_answer
from eval.runs.limit import AdaptiveLimit
from eval.runs.records import Record, Run
from rag.config import N_SOURCES
from rag.errors import FootnotedError, LibraryError, ModelRateLimited, ModelTimeout, ModelUnreachable
from rag.judge.judgement import Judge
from rag.library import Library
from rag.llm import LanguageModel
from rag.pipeline import ask
from rag.wire import answer_to_json

DEADLINE_SECONDS = 600.0
"""A 1.5B model on two cores takes about 60 s for an answer from whole abstracts."""

MAX_ATTEMPTS = 6
"""Times that a question is asked again after a 429; with the pauses between them about a minute."""

FAILURES_IN_A_ROW = 5
"""After so many the endpoint, or the judge, is taken to be gone."""

AT_ONCE = 8
"""Questions asked of an endpoint at once, at most. Quoting keeps one process busy by itself."""

Asker = Callable[[Question, LanguageModel | None], Mapping[str, Any]]
"""A question to an answer as ``ask --json`` prints it. Raises FootnotedError; LibraryError ends the run."""

Grader = Callable[[Question, Mapping[str, Any]], bool | None]
"""Whether an answer is right, by a model; None if it does not say."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Who judges, and how long that may take."""

    judge: Judge | None = None
    judge_name: str = ""
    grade: Grader | None = None
    deadline_seconds: float = DEADLINE_SECONDS

    def judged(self, question: Question, answer: Mapping[str, Any]) -> Judged | None:
        """None if there is nothing to judge or nobody to do it. Whatever goes wrong is an error of its own."""
        if self.judge is None or not answer["claims"]:
            return None
        try:
            found = judge_answer(self.judge, question, answer)
            is_correct = self.grade(question, answer) if self.grade is not None and question.reference else None
        except FootnotedError as error:
            return Judged(self.judge_name, error=str(error))
        return dataclasses.replace(found, judge=self.judge_name, is_correct=is_correct)


def run(
    library: Library,
    questions: Sequence[Question],
    *,
    model: LanguageModel | None = None,
    out: Path | None = None,
    n_sources: int = N_SOURCES,
    verified_only: bool = False,
    repair: bool = True,
    repeats: int = 1,
    scoring: Scoring | None = None,
    retry_errors: bool = False,
    deadline_seconds: float = DEADLINE_SECONDS,
    at_once: int | None = None,
    cache: Cache | None = None,
    asker: Asker | None = None,
    system: str = "footnoted",
    prices: tuple[float, float] | None = None,
    on_record: Callable[[Record, int], None] | None = None,
) -> Run:
    """Ask ``questions`` (resolved, with ids of their own) of ``library``, ``repeats`` times; the answers, in order.

    With ``out``, every answer is synced to that folder as it comes, and a run that was
    broken off there goes on: what has its answer is not asked again, save, with
    ``retry_errors``, what could not be scored or judged. The ids and expressions to judge
    by may have been edited meanwhile; those of ``questions`` count. ``on_record`` gets each
    new record and the number of those done. ``asker`` puts another system (named
    ``system``) in the place of ``ask``. ``prices`` are dollars for a million tokens, in and out.

    An error of one question is its record; after FAILURES_IN_A_ROW of them because of an
    endpoint that is gone, the run ends and says so. Errors of the library are raised, since
    every further question would meet them too; so are OtherRun and RunError for ``out``.
    """
    scoring = scoring or Scoring()
    about = describe(
        library,
        questions,
        model=model,
        n_sources=n_sources,
        verified_only=verified_only,
        repair=repair,
        repeats=repeats,
        judge=scoring.judge_name or None,
        graded=scoring.grade is not None,
        system=system,
        prices=prices,
    )

    def ask_library(question: Question, model: LanguageModel | None) -> Mapping[str, Any]:
        answer = ask(
            library,
            question.question,
            model=model,
            history=question.history,
            n_sources=n_sources,
            verified_only=verified_only,
            repair=repair,
        )
        return answer_to_json(answer)

    highest = at_once or (1 if model is None else AT_ONCE)
    with records.journal(out, about) if out is not None else nullcontext() as journal:
        asking = _Asking(
            asker or ask_library, model, scoring, deadline_seconds, cache, AdaptiveLimit(highest), on_record
        )
        for record in journal.records if journal else ():
            asking.done[record.key] = record
        waiting = [(question, repeat) for question in questions for repeat in range(repeats)]
        asking.go(waiting, journal, retry_errors)
    why = asking.stopped
    missing = f"not asked: {why}"
    kept = {one.question_id: one for one in questions}
    done = [
        dataclasses.replace(found, question=kept[question.question_id])
        if (found := asking.done.get((question.question_id, repeat))) is not None
        else Record(question, None, missing, repeat=repeat)
        for question, repeat in waiting
    ]
    return Run(about, tuple(done), why)


@dataclass
class _Item:
    """One question under way, shared by the thread that asks and the one that waits."""

    question: Question
    repeat: int
    n_attempts: int = 1
    earlier: Record | None = None
    """An answer that is only to be judged."""
    stop: threading.Event = field(default_factory=threading.Event)
    asked_at: str = ""
    started: float = 0.0
    record: Record | None = None
    """Once asked, not yet judged."""
    judging_since: float | None = None
    is_limited: bool = False
    is_unreachable: bool = False
    raised: BaseException | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.question.question_id, self.repeat


class _Asking:
    def __init__(
        self,
        asker: Asker,
        model: LanguageModel | None,
        scoring: Scoring,
        deadline_seconds: float,
        cache: Cache | None,
        limit: AdaptiveLimit,
        on_record: Callable[[Record, int], None] | None,
    ) -> None:
        self.asker = asker
        self.model = model
        self.identity = model_identity(model) or {}
        self.scoring = scoring
        self.deadline_seconds = deadline_seconds
        self.cache = cache
        self.limit = limit
        self.on_record = on_record
        self.done: dict[tuple[str, int], Record] = {}
        self.stopped: str | None = None
        self._finished: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._running: list[_Item] = []
        self._n_failed = 0
        self._n_unjudged = 0
        self._judge_is_gone = False

    def go(self, wanted: Sequence[tuple[Question, int]], journal: records.Journal | None, retry_errors: bool) -> None:
        waiting: deque[_Item] = deque()
        for question, repeat in wanted:
            kept = self.done.get((question.question_id, repeat))
            if kept is None or (retry_errors and not kept.is_scorable):
                waiting.append(_Item(question, repeat))
            elif retry_errors and kept.judged is not None and kept.judged.error:
                waiting.append(_Item(question, repeat, earlier=kept))
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.limit.current and not self.limit.seconds_to_wait:
                    self._start(waiting.popleft())
                item = self._next_finished()
                if item is None:
                    continue
                if item.is_limited and item.n_attempts < MAX_ATTEMPTS:
                    self.limit.refused()
                    waiting.appendleft(_Item(item.question, item.repeat, item.n_attempts + 1))
                    continue
                self._settle(item, journal)
                if self.stopped:
                    return
        finally:
            for item in self._running:
                item.stop.set()

    def _start(self, item: _Item) -> None:
        item.asked_at, item.started = _now(), time.perf_counter()
        self._running.append(item)
        threading.Thread(target=self._work, args=(item,), name="eval-question", daemon=True).start()

    def _next_finished(self) -> _Item | None:
        """The next item that is through or past its deadline; None to look again."""
        now = time.perf_counter()
        left = [self._seconds_left(item, now) for item in self._running]
        wait = min([*left, self.limit.seconds_to_wait or 1.0, 1.0])
        try:
            item = self._finished.get(timeout=max(wait, 0.001))
        except queue.Empty:
            now = time.perf_counter()
            late = next((one for one in self._running if self._seconds_left(one, now) <= 0), None)
            if late is not None:
                self._running.remove(late)
                late.stop.set()
            return late
        # What was left behind at its deadline may still come; it was written down already.
        if item not in self._running:
            return None
        self._running.remove(item)
        return item

    def _seconds_left(self, item: _Item, now: float) -> float:
        if item.judging_since is not None:
            return self.scoring.deadline_seconds - (now - item.judging_since)
        return self.deadline_seconds - (now - item.started)

    def _settle(self, item: _Item, journal: records.Journal | None) -> None:
        if item.raised is not None:
            raise item.raised
        record = item.record
        if record is None:
            error = f"no answer within the deadline of {self.deadline_seconds:g} s"
            seconds = time.perf_counter() - item.started
            record = Record(
                item.question, None, error, seconds, item.asked_at, item.repeat, None, False, item.n_attempts
            )
        elif record.judged is None and item.stop.is_set():
            error = f"no judgement within the deadline of {self.scoring.deadline_seconds:g} s"
            record = dataclasses.replace(record, judged=Judged(self.scoring.judge_name, error=error))
        if journal:
            journal.append(record)
        self.done[record.key] = record
        if record.is_scorable and not record.is_cached:
            self.limit.succeeded(record.seconds)
        elif item.record is None or item.is_unreachable:
            self.limit.failed()
        self._count(item, record)
        if self.on_record is not None:
            self.on_record(record, len(self.done))

    def _count(self, item: _Item, record: Record) -> None:
        is_gone = item.record is None or item.is_unreachable or item.is_limited
        self._n_failed = self._n_failed + 1 if is_gone else 0
        if self._n_failed >= FAILURES_IN_A_ROW:
            self.stopped = f"{self._n_failed} questions in a row failed; the last: {record.failure}"
        if record.judged is not None:
            self._n_unjudged = self._n_unjudged + 1 if record.judged.error else 0
            self._judge_is_gone = self._judge_is_gone or self._n_unjudged >= FAILURES_IN_A_ROW

    def _work(self, item: _Item) -> None:
        try:
            record = item.earlier or self._asked(item)
            if not item.is_limited and record.answer is not None:
                item.record = record
                item.judging_since = time.perf_counter()
                if self._judge_is_gone:
                    error = f"the judge failed {FAILURES_IN_A_ROW} times in a row and was not asked again"
                    judged: Judged | None = Judged(self.scoring.judge_name, error=error)
                else:
                    judged = self.scoring.judged(item.question, record.answer)
                record = dataclasses.replace(record, judged=judged)
            if not item.stop.is_set():
                item.record = record
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
            item.raised = error
        self._finished.put(item)

    def _asked(self, item: _Item) -> Record:
        watched = None
        if self.model is not None:
            watched = WatchedModel(self.model, self.identity, item.repeat, self.cache, item.stop)
        answer, error = None, None
        try:
            answer = self.asker(item.question, watched)
        except LibraryError:
            raise
        except FootnotedError as raised:
            error = str(raised)
        if watched is not None:
            item.is_limited = isinstance(watched.error, ModelRateLimited)
            item.is_unreachable = isinstance(watched.error, ModelUnreachable | ModelTimeout)
        return Record(
            item.question,
            answer,
            error,
            time.perf_counter() - item.started,
            item.asked_at,
            item.repeat,
            None,
            watched is not None and 0 < watched.n_calls == watched.n_cached,
            item.n_attempts,
        )


def describe(
    library: Library,
    questions: Sequence[Question],
    *,
    model: LanguageModel | None,
    n_sources: int,
    verified_only: bool,
    repair: bool,
    repeats: int = 1,
    judge: str | None = None,
    graded: bool = False,
    system: str = "footnoted",
    prices: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """All that decides what the answers will be; no keys, nothing of the user's file names."""
    asked = [(one.question_id, one.question, [dataclasses.astuple(turn) for turn in one.history]) for one in questions]
    return {
        "format": records.FORMAT,
        "system": system,
        "questions": {
            "count": len(questions),
            "sha256": hashlib.sha256(json.dumps(asked).encode()).hexdigest(),
            "ids": [one.question_id for one in questions],
        },
        "corpus": {"papers": len(library), "fingerprint": library.corpus_fingerprint},
        "embedding": library.embedder.fingerprint,
        "settings": {
            "model": model_identity(model),
            "n_sources": n_sources,
            "verified_only": verified_only,
            "repair": repair,
            "repeats": repeats,
            "judge": judge,
            "graded": graded,
        },
        "prompts": {name: prompts.load(name).sha256 for name in _prompt_names()},
        "code": code_sha256(),
        "versions": dict(versions()),
        "prices": list(prices) if prices is not None else None,
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "started": _now(),
    }


def _prompt_names() -> list[str]:
    entries = resources.files("prompts").iterdir()
    return sorted(entry.name.removesuffix(".md") for entry in entries if entry.name.endswith(".md"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
