"""What a run leaves behind: ``run.jsonl``, its first line what was asked of what, every further one an answer.

An answer is one line, written whole and synced before it counts as done. A run that dies
therefore loses at most the answers under way, and a last line that was cut off is dropped
when the run goes on. The file stands for itself: copied elsewhere it is a baseline.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import questions
from eval.errors import OtherRun, RunError
from eval.questions import Question
from eval.runs import judged as judging
from eval.runs.judged import Judged

FILE_NAME = "run.jsonl"
_LOCK_NAME = "run.lock"
_OUR_NAMES = (_LOCK_NAME, FILE_NAME + ".new")

FORMAT = 2

_MAY_DIFFER = ("started", "machine", "prices")
"""Entries of the first line that may change when a run goes on."""


@dataclass(frozen=True, slots=True)
class Record:
    """One question asked once."""

    question: Question
    answer: Mapping[str, Any] | None
    """As ``footnoted ask --json`` prints it; None if asking raised an error."""
    error: str | None = None
    """What asking raised; what a model did wrong stands in the answer."""
    seconds: float = 0.0
    """Wall-clock time of the whole ask, that of the last attempt."""
    asked_at: str = ""
    """ISO 8601, UTC."""
    repeat: int = 0
    """Counts from 0 the times that a question is asked."""
    judged: Judged | None = None
    """None if no judge was asked, or there is nothing to judge."""
    is_cached: bool = False
    """The model's reply came from the cache: its times are not those of a model."""
    n_attempts: int = 1

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

    @property
    def key(self) -> tuple[str, int]:
        return self.question.question_id, self.repeat


@dataclass(frozen=True, slots=True)
class Run:
    about: Mapping[str, Any]
    """The first line of ``run.jsonl``."""
    records: tuple[Record, ...]
    """In the order of the questions, of each its repeats."""
    stopped: str | None = None
    """Why the run ended before everything was asked; None if it did not. What was not asked
    is in ``records`` as an error, and not in the file."""


def to_json(record: Record) -> dict[str, Any]:
    return {
        "id": record.question.question_id,
        "repeat": record.repeat,
        "question": questions.to_json(record.question),
        "answer": record.answer,
        "judged": judging.to_json(record.judged) if record.judged is not None else None,
        "error": record.error,
        "seconds": round(record.seconds, 4),
        "asked_at": record.asked_at,
        "is_cached": record.is_cached,
        "n_attempts": record.n_attempts,
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
        judged = judging.from_json(item["judged"]) if item["judged"] is not None else None
        if judged is not None and not judged.error and answer and len(judged.claims) != len(answer["claims"]):
            raise ValueError("its verdicts are not those of its claims")
        return Record(
            questions.from_json(item["question"]),
            answer,
            item["error"],
            float(item["seconds"]),
            item["asked_at"],
            int(item["repeat"]),
            judged,
            bool(item["is_cached"]),
            int(item["n_attempts"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks or garbles {error}") from error


def path_of(place: Path) -> Path:
    """The file of a run named by its folder or by the file itself."""
    return place / FILE_NAME if place.is_dir() else place


def read(place: Path) -> Run:
    """A run from its folder or file, in the order of its questions: of what was asked again, the last record.

    A last line that was cut off is passed over. Raises RunError.
    """
    path = path_of(place)
    if not path.exists():
        raise RunError(f"{place} holds no run: there is no {FILE_NAME}; name a folder that 'eval run --out' made")
    with _reading(path):
        data = path.read_bytes()
    about, records = _parsed(path, data)
    # Answers are written as they come, and the figures must not depend on which came first.
    order = {name: place for place, name in enumerate(about["questions"]["ids"])}
    return Run(about, tuple(sorted(records, key=lambda one: (order.get(one.key[0], len(order)), one.repeat))))


def write(place: Path, run: Run) -> None:
    """The run as one file in the folder ``place`` (made if need be), whole or not at all; raises RunError."""
    with _reading(place):
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / FILE_NAME, b"".join(_line(one) for one in (run.about, *map(to_json, run.records))))


def write_whole(path: Path, data: bytes, *, is_synced: bool = True) -> None:
    """``data`` in the file, whole or not at all, and on the disk before it returns. Raises OSError.

    What can be made again need not wait for the disk (``is_synced=False``).
    """
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())
    new.replace(path)


class Journal:
    """A run's file, open for one writer."""

    def __init__(self, folder: Path, records: tuple[Record, ...], file: Any) -> None:
        self.folder = folder
        self.records = records
        """Those that were there when it was opened."""
        self._file = file
        self._n_kept = len(records)

    def append(self, record: Record) -> None:
        """Write one answer and wait until the disk has it; raises RunError."""
        try:
            self._file.write(_line(to_json(record)))
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
        path = folder / FILE_NAME
        with _reading(folder):
            if not path.exists():
                _start(folder, about)
            file = open(path, "a+b")  # noqa: SIM115 (closed below, where a full disk may speak up)
        try:
            with _reading(folder):
                file.seek(0)
                data = file.read()
                held, records = _parsed(path, data)
                different = [name for name in differences(held, about) if name.split(".")[0] not in _MAY_DIFFER]
                if different:
                    what = "; ".join(difference_in_words(name, held, about) for name in different)
                    raise OtherRun(f"{folder} holds another run ({what}): choose another folder")
                whole = data.rfind(b"\n") + 1
                if whole < len(data):
                    file.truncate(whole)
            yield Journal(folder, records, file)
        finally:
            # A disk that is full says so again here; the error that counts is already on its way.
            with contextlib.suppress(OSError):
                file.close()
    finally:
        lock.release()


def differences(one: Mapping[str, Any], other: Mapping[str, Any], within: str = "") -> list[str]:
    """The dotted names of the entries that differ, those of tables one by one."""
    names: list[str] = []
    for name in dict.fromkeys((*one, *other)):
        left, right = one.get(name), other.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            names += differences(left, right, f"{within}{name}.")
        elif left != right:
            names.append(within + name)
    return names


def difference_in_words(name: str, held: Mapping[str, Any], now: Mapping[str, Any], words: str = "there now") -> str:
    def value(about: Any) -> str:
        for part in name.split("."):
            about = about.get(part) if isinstance(about, Mapping) else None
        text = json.dumps(about, ensure_ascii=False)
        return text if len(text) <= 24 else text[:23] + "…"

    here, there = words.split()
    return f"{name}: {value(held)} {here}, {value(now)} {there}"


def _start(folder: Path, about: Mapping[str, Any]) -> None:
    others = sorted(item.name for item in folder.iterdir() if item.name not in _OUR_NAMES)
    if others:
        raise OtherRun(f"{folder} holds other files ({', '.join(others[:3])}): choose a new or an empty folder")
    write_whole(folder / FILE_NAME, _line(about))


def _line(item: Mapping[str, Any]) -> bytes:
    # What UTF-8 cannot hold becomes its JSON escape, and reads back the same.
    return json.dumps(item, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _parsed(path: Path, data: bytes) -> tuple[dict[str, Any], tuple[Record, ...]]:
    lines = data.split(b"\n")[:-1]
    try:
        about = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged in its first line ({error}): choose another folder") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or "ids" not in about.get("questions", {}):
        raise RunError(f"{path} is no run of format {FORMAT}: another version made it, or it is another file")
    return about, _records(path, lines[1:])


def _records(path: Path, lines: Sequence[bytes]) -> tuple[Record, ...]:
    records: dict[tuple[str, int], Record] = {}
    for number, line in enumerate(lines, 2):
        try:
            record = from_json(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise RunError(
                f"{path}, line {number} is not an answer of a run ({error}): "
                "take the line out to ask its question again"
            ) from error
        records[record.key] = record
    return tuple(records.values())


@contextmanager
def _reading(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"{place} cannot be used for a run ({reason}): choose another folder") from error
