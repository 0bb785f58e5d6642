"""Asks every question through ``rag.pipeline.ask`` and keeps every answer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import prompts
from eval import records
from eval.questions import Question
from eval.records import Record
from rag.config import N_SOURCES, ModelConfig
from rag.errors import FootnotedError, LibraryError
from rag.library import Library
from rag.llm import LanguageModel
from rag.pipeline import ask
from rag.wire import answer_to_json

_PACKAGES = ("footnoted", "chromadb", "tantivy", "llama-index-core", "openai", "tiktoken", "onnxruntime", "numpy")
"""Those that have a part in an answer."""


@dataclass(frozen=True, slots=True)
class Run:
    about: Mapping[str, Any]
    """What ``run.json`` holds."""
    records: tuple[Record, ...]
    """One a question, in the order of the questions."""


def run(
    library: Library,
    questions: Sequence[Question],
    *,
    model: LanguageModel | None = None,
    out: Path | None = None,
    n_sources: int = N_SOURCES,
    verified_only: bool = False,
    retry_errors: bool = False,
    on_record: Callable[[Record, int], None] | None = None,
) -> Run:
    """Ask ``questions`` (resolved, with ids of their own) of ``library``; the answers, in their order.

    With ``out``, every answer is synced to that folder before the next question is asked, and
    a run that was broken off there goes on: what has its answer is not asked again, save,
    with ``retry_errors``, what could not be scored. The ids and expressions to judge by may
    have been edited meanwhile; those of ``questions`` count. ``on_record`` gets each new
    record and the number of those done.

    An error of one question is its record. Errors of the library are raised, since every
    further question would meet them too; so are OtherRun and RunError for ``out``.
    """
    about = describe(library, questions, model=model, n_sources=n_sources, verified_only=verified_only)
    done: dict[str, Record] = {}
    with records.journal(out, about) if out is not None else nullcontext() as journal:
        for record in journal.records if journal else ():
            if record.is_scorable or not retry_errors:
                done[record.question.question_id] = record
        for question in questions:
            if question.question_id in done:
                continue
            record = _asked(library, question, model, n_sources, verified_only)
            if journal:
                journal.append(record)
            done[question.question_id] = record
            if on_record is not None:
                on_record(record, len(done))
    return Run(about, tuple(dataclasses.replace(done[one.question_id], question=one) for one in questions))


def describe(
    library: Library, questions: Sequence[Question], *, model: LanguageModel | None, n_sources: int, verified_only: bool
) -> dict[str, Any]:
    """All that decides what the answers will be; no keys, nothing of the user's file names."""
    asked = [(one.question_id, one.question, [dataclasses.astuple(turn) for turn in one.history]) for one in questions]
    return {
        "format": records.FORMAT,
        "questions": {"count": len(questions), "sha256": _sha256(json.dumps(asked).encode())},
        "corpus": {"papers": len(library), "fingerprint": library.corpus_fingerprint},
        "embedding": library.embedder.fingerprint,
        "settings": {"model": _model(model), "n_sources": n_sources, "verified_only": verified_only},
        "prompts": {name: prompts.load(name).sha256 for name in _prompt_names()},
        "code": code_sha256(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "started": _now(),
    }


def code_sha256(*parts: str) -> str:
    """SHA-256 hex over the code and tables of ``rag``, or of those files and folders of it."""
    root = resources.files("rag")
    digest = hashlib.sha256()

    def read(entry: Any, path: str) -> None:
        if entry.is_dir():
            for inner in sorted(entry.iterdir(), key=lambda inner: inner.name):
                read(inner, f"{path}/{inner.name}")
        elif entry.name.endswith((".py", ".json", ".tsv")):
            data = entry.read_bytes()
            digest.update(f"{path} {len(data)}\n".encode() + data)

    for part in parts or ("",):
        read(root.joinpath(part) if part else root, part)
    return digest.hexdigest()


def _asked(
    library: Library, question: Question, model: LanguageModel | None, n_sources: int, verified_only: bool
) -> Record:
    asked_at, started = _now(), time.perf_counter()
    try:
        answer = ask(
            library,
            question.question,
            model=model,
            history=question.history,
            n_sources=n_sources,
            verified_only=verified_only,
        )
    except LibraryError:
        raise
    except FootnotedError as error:
        return Record(question, None, str(error), time.perf_counter() - started, asked_at)
    seconds = time.perf_counter() - started
    return Record(question, answer_to_json(answer), None, seconds, asked_at)


def _model(model: LanguageModel | None) -> dict[str, Any] | None:
    """None in quoting mode; of the address only what names the server, since keys can hide in the rest."""
    if model is None:
        return None
    known: dict[str, Any] = {
        "name": model.name,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
        "evidence": model.evidence,
    }
    config = getattr(model, "config", None)
    if isinstance(config, ModelConfig):
        address = urlsplit(config.base_url)
        known["endpoint"] = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
        known["temperature"] = config.temperature
    return known


def _prompt_names() -> list[str]:
    entries = resources.files("prompts").iterdir()
    return sorted(entry.name.removesuffix(".md") for entry in entries if entry.name.endswith(".md"))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # a checkout that was not installed
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
