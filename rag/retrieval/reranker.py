"""A small cross-encoder: how well does this sentence answer this question?

It reads question and sentence together, which a comparison of two vectors cannot, and
costs a model pass a sentence. So it reads only the best dozen that cheaper means found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.embedding import FloatArray, available_cores, load_session, load_tokenizer

MODEL_FOLDER = Path(__file__).parent.parent / "models" / "reranker"
MODEL_BYTES = 22982919
MODEL_SHA256 = "e3523f414a4965637dbae4e10dbe3a25cb5e8f8548a6b4b51fa6f50118570867"

MAX_QUESTION_PIECES = 48
MAX_TITLE_PIECES = 24
MAX_PIECES = 112
"""Of question, title and sentence together; these three bounds are those of its training."""

_CLS, _SEP, _COLON = 101, 102, 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence and the title of the paper that it stands in."""

    title: str
    sentence: str


class Reranker(Protocol):
    """Judges whether sentences answer a question."""

    def scores(self, question: str, candidates: Sequence[Candidate]) -> FloatArray:
        """float32 (n_candidates,): log-odds that each answers ``question``, 0 meaning even."""


class BundledReranker:
    """The cross-encoder that comes with the package, in int8 on the processor; safe to share."""

    def __init__(self, n_threads: int | None = None) -> None:
        """``n_threads``: sentences read side by side; by default the cores this process may use."""
        self._n_threads = n_threads or available_cores()
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def scores(self, question: str, candidates: Sequence[Candidate]) -> FloatArray:
        """See ``Reranker``; what exceeds the bounds above is not read."""
        tokenizer, _ = self._open()
        inputs = [pair_pieces(tokenizer, question, candidate) for candidate in candidates]
        assert self._pool is not None  # made when the model is loaded
        return np.array(list(self._pool.map(self._run, inputs)), np.float32)

    def _run(self, pair: tuple[list[int], list[int]]) -> float:
        _, session = self._open()
        ids, types = (np.array([row], np.int64) for row in pair)
        (score,) = session.run(
            ["score"], {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        )
        return float(score[0])

    def _open(self) -> tuple[Any, Any]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._pool = ThreadPoolExecutor(self._n_threads, "rerank")
                    session = load_session(MODEL_FOLDER / "model.onnx", MODEL_BYTES)
                    self._loaded = (load_tokenizer(), session)
        return self._loaded


def pair_pieces(tokenizer: Any, question: str, candidate: Candidate) -> tuple[list[int], list[int]]:
    """What the model reads of a pair: the ids of its word pieces, and 0 for the question's, 1 for the rest."""
    asked = _pieces(tokenizer, question, MAX_QUESTION_PIECES)
    title = _pieces(tokenizer, candidate.title, MAX_TITLE_PIECES)
    room = MAX_PIECES - 3 - len(asked)
    read = [*title, _COLON, *_pieces(tokenizer, candidate.sentence, MAX_PIECES)][:room]
    return [_CLS, *asked, _SEP, *read, _SEP], [0] * (len(asked) + 2) + [1] * (len(read) + 1)


BUNDLED = BundledReranker()
"""The one that ``ask`` uses unless it is given another; it loads at its first question."""


def _pieces(tokenizer: Any, text: str, most: int) -> list[int]:
    # No piece is longer than a word of 100 characters; beyond that many, nothing would be read.
    text = text[: most * 101].encode("utf-8", "replace").decode("utf-8")
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids[:most]
