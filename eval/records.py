"""What a run leaves behind: ``run.json`` says what was asked of what, ``answers.jsonl`` holds the answers.

One answer is one line, written whole and synced before the next question is asked. A run
that dies therefore loses at most the answer under way, and a last line that was cut off
is dropped when the run goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import questions
from eval.errors import OtherRun, RunError
from eval.questions import Question

ABOUT_NAME = "run.json"
ANSWERS_NAME = "answers.jsonl"
_LOCK_NAME = "run.lock"

FORMAT = 1

_MAY_DIFFER = ("started", "machine")
"""Entries of ``run.json`` that may change when a run goes on."""


@dataclass(frozen=True, slots=True)
class Record:
    """One question asked once."""

    question: Question
    answer: Mapping[str, Any] | None
    """As ``footnoted ask --json`` prints it; None if asking raised an error."""
    error: str | None = None
    """What asking raised; what a model did wrong stands in the answer."""
    seconds: float = 0.0
    """Wall-clock time of the whole ask."""
    asked_at: str = ""
    """ISO 8601, UTC."""

    @property
    def is_scorable(self) -> bool:
        """False where nothing can be said about right or wrong: an error, a model that said nothing, a stop."""
        return self.answer is not None and self.answer["outcome"] in ("answered", "abstained")

    @property
    def failure(self) -> str | None:
        """Why it is not scorable, in words; None if it is."""
        if self.is_scorable:
            return None
        if self.answer is None:
            return self.error or "no answer"
        return self.answer.get("error") or f"the outcome is '{self.answer['outcome']}'"


def to_json(record: Record) -> dict[str, Any]:
    return {
        "id": record.question.question_id,
        "question": questions.to_json(record.question),
        "answer": record.answer,
        "error": record.error,
        "seconds": round(record.seconds, 4),
        "asked_at": record.asked_at,
    }


def from_json(item: Any) -> Record:
    """Raises ValueError for anything that ``to_json`` did not make."""
    try:
        answer = item["answer"]
        if answer is not None:
            cited = [citation for claim in answer["claims"] for citation in claim["citations"]]
            listed = [(citation["paper_id"], citation["quote"]) for citation in cited]
            listed += [(source["paper_id"], source["title"]) for source in answer["sources"]]
            texts = [answer["outcome"], *(text for _, text in listed), *(claim["text"] for claim in answer["claims"])]
            if not all(isinstance(text, str) for text in texts):
                raise ValueError("its answer is not one of 'footnoted ask --json'")
        return Record(
            questions.from_json(item["question"]), answer, item["error"], float(item["seconds"]), item["asked_at"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks or garbles {error}") from error


def read(folder: Path) -> tuple[dict[str, Any], tuple[Record, ...]]:
    """What a run was and its records, one a question: the last one where a question was asked again.

    A last line that was cut off is passed over. Raises RunError.
    """
    about = _about(folder)
    if about is None:
        raise RunError(f"{folder} holds no run: there is no {ABOUT_NAME} in it")
    with _reading(folder):
        path = folder / ANSWERS_NAME
        data = path.read_bytes() if path.exists() else b""
    return about, _records(path, data)


class Journal:
    """A run's folder, open for one writer."""

    def __init__(self, folder: Path, records: tuple[Record, ...], file: Any) -> None:
        self.folder = folder
        self.records = records
        """Those that were there when it was opened."""
        self._file = file
        self._n_kept = len(records)

    def append(self, record: Record) -> None:
        """Write one answer and wait until the disk has it; raises RunError."""
        line = json.dumps(to_json(record), ensure_ascii=False)
        # What UTF-8 cannot hold becomes its JSON escape, and reads back the same.
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError(
                f"{self.folder} cannot be written ({error.strerror}): free some space and start the same command "
                f"again; the {self._n_kept} answers so far are kept"
            ) from error
        self._n_kept += 1


@contextmanager
def journal(folder: Path, about: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of the run ``about`` in ``folder``: a new one, or the one that was broken off.

    Raises OtherRun if the folder holds another run (with the differences) or other files,
    RunError if another process is writing there, or the disk does not let us.
    """
    from filelock import FileLock, Timeout

    with _reading(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK_NAME)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RunError(f"another process is writing to {folder}: wait for it, or choose another folder") from error
    try:
        held = _about(folder)
        if held is None:
            _start(folder, about)
        else:
            differences = [name for name in _differences(held, about) if name.split(".")[0] not in _MAY_DIFFER]
            if differences:
                what = "; ".join(_difference(name, held, about) for name in differences)
                raise OtherRun(f"{folder} holds another run ({what}): choose another folder")
        path = folder / ANSWERS_NAME
        with _reading(folder):
            file = open(path, "a+b")  # noqa: SIM115 (closed below, where a full disk may speak up)
        try:
            with _reading(folder):
                file.seek(0)
                data = file.read()
                whole = data.rfind(b"\n") + 1
                records = _records(path, data)
                if whole < len(data):
                    file.truncate(whole)
            yield Journal(folder, records, file)
        finally:
            # A disk that is full says so again here; the error that counts is already on its way.
            with contextlib.suppress(OSError):
                file.close()
    finally:
        lock.release()


def _start(folder: Path, about: Mapping[str, Any]) -> None:
    with _reading(folder):
        others = sorted(item.name for item in folder.iterdir() if item.name not in (_LOCK_NAME, ABOUT_NAME + ".new"))
        if others:
            raise OtherRun(f"{folder} holds other files ({', '.join(others[:3])}): choose a new or an empty folder")
        new = folder / (ABOUT_NAME + ".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump(about, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / ABOUT_NAME)


def _about(folder: Path) -> dict[str, Any] | None:
    path = folder / ABOUT_NAME
    with _reading(folder):
        if not path.exists():
            return None
        data = path.read_bytes()
    try:
        about = json.loads(data)
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}): choose another folder") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise RunError(f"{path} is not of format {FORMAT}: it was made by another version; choose another folder")
    return about


def _records(path: Path, data: bytes) -> tuple[Record, ...]:
    records: dict[str, Record] = {}
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            record = from_json(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise RunError(
                f"{path}, line {number} is not an answer of a run ({error}): "
                "take the line out to ask its question again"
            ) from error
        records[record.question.question_id] = record
    return tuple(records.values())


def _differences(one: Mapping[str, Any], other: Mapping[str, Any], within: str = "") -> list[str]:
    """The dotted names of the entries that differ, those of tables one by one."""
    names: list[str] = []
    for name in dict.fromkeys((*one, *other)):
        left, right = one.get(name), other.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            names += _differences(left, right, f"{within}{name}.")
        elif left != right:
            names.append(within + name)
    return names


def _difference(name: str, held: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    def value(about: Any) -> str:
        for part in name.split("."):
            about = about.get(part) if isinstance(about, Mapping) else None
        text = json.dumps(about, ensure_ascii=False)
        return text if len(text) <= 24 else text[:23] + "…"

    return f"{name}: {value(held)} there, {value(now)} now"


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"{folder} cannot be used for a run ({reason}): choose another folder") from error
