"""What a data set comes to: papers to add, questions to ask, claims to judge judges by; any of them may be missing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.errors import DataSetError, RunError
from eval.questions import Question, to_json
from eval.runs.records import write_whole
from rag.types import Paper
from rag.wire import paper_to_json

MAX_BYTES = 2 * 1024**3
"""Of one file; no set that is about abstracts comes near."""


@dataclass(frozen=True, slots=True)
class DataSet:
    papers: tuple[Paper, ...] = ()
    questions: tuple[Question, ...] = ()
    claims: tuple[Mapping[str, Any], ...] = field(default=())
    """As ``footnoted eval judge --data`` reads them."""
    notes: tuple[str, ...] = ()
    """What was left out, and why, in words."""


def write(folder: Path, found: DataSet) -> list[Path]:
    """``papers.jsonl``, ``questions.jsonl`` and ``claims.jsonl``, those that are not empty. Raises RunError."""
    parts: dict[str, Sequence[Mapping[str, Any]]] = {
        "papers.jsonl": [paper_to_json(paper) for paper in found.papers],
        "questions.jsonl": [to_json(question) for question in found.questions],
        "claims.jsonl": found.claims,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, rows in parts.items():
            if rows:
                text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                write_whole(folder / name, text.encode("utf-8", "backslashreplace"))
                written.append(folder / name)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror or error}): choose another folder") from error
    return written


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON or JSON lines file, plain or .gz. Raises DataSetError naming the line."""
    text = text_of(path)
    # A file of lines with one line is also one JSON value: its name decides.
    if path.name.removesuffix(".gz").endswith(".jsonl"):
        return list(_lines(path, text))
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return list(_lines(path, text))
    if isinstance(whole, dict):
        if whole and all(isinstance(row, dict) for row in whole.values()):
            return [{"_key": key, **row} for key, row in whole.items()]
        inner = [value for value in whole.values() if isinstance(value, list) and _are_objects(value)]
        whole = inner[0] if len(inner) == 1 else [whole]
    if not isinstance(whole, list) or not _are_objects(whole):
        raise DataSetError(f"{path} holds no list of objects: it is not of this format")
    return whole


def _are_objects(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _lines(path: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataSetError(f"{path}, line {number} is not JSON ({error}): mend or remove the line") from error
            if not isinstance(row, dict):
                raise DataSetError(f"{path}, line {number} is not an object: it is not of this format")
            yield row


def text_of(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataSetError(f"{path} is larger than {MAX_BYTES:,} bytes: split it first")
        return data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataSetError(f"{path} cannot be read ({error}): check the path, and that it is UTF-8") from error
