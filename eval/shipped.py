"""What ships with the project to measure it by: questions, and the papers they are about."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from eval.runs.fingerprint import code_sha256
from rag.embedding import Embedder
from rag.errors import FootnotedError
from rag.library import Library
from rag.readers import read_papers

MAKES_CHUNKS = (
    "readers",
    "index",
    "papers.py",
    "sentences.py",
    "chunks.py",
    "tokens.py",
    "embedding.py",
    "library.py",
    "wording.py",
)
"""The parts of ``rag`` that decide what a library holds: another version of them gets another folder."""


def questions_path() -> Path:
    return Path(str(resources.files("eval").joinpath("data/seed_questions.jsonl")))


def follow_ups_path() -> Path:
    return Path(str(resources.files("eval").joinpath("data/follow_ups.jsonl")))


def corpus_path() -> Path:
    return Path(str(resources.files("rag").joinpath("data/daily_papers.txt")))


def cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("footnoted", appauthor=False)) / "eval"


def open_corpus(embedder: Embedder, cache: Path | None = None) -> Library:
    """A library of the shipped papers in the user's cache folder, made there the first time (some seconds).

    Raises LibraryError where the folder cannot be written.
    """
    key = hashlib.sha256(corpus_path().read_bytes())
    key.update(f"\n{embedder.fingerprint}\n{code_sha256(*MAKES_CHUNKS)}".encode())
    folder = (cache or cache_folder()) / f"daily-papers-{key.hexdigest()[:16]}"
    library = Library.open(folder, embedder=embedder)
    try:
        # Adding the same again changes nothing, and goes on where a killed process stopped.
        library.add(read_papers(corpus_path()), wait_seconds=120.0)
    except FootnotedError:
        library.close()
        raise
    return library
