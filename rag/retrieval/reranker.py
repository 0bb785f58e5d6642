"""A small cross-encoder: how well does this sentence answer this question, and does this abstract?

It reads the question and a text together, which a comparison of two vectors cannot, and
costs a model pass a text. So it reads only the best of what cheaper means found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.embedding import FloatArray
from rag.models.session import available_cores, load_session, load_tokenizer

MODEL_FOLDER = Path(__file__).parent.parent / "models" / "reranker"
MODEL_BYTES = 23377782
MODEL_SHA256 = "ee531ee733e37171410f50344ccd34f2ddf94f55dae8f660193cb6941e21103f"

MAX_QUESTION_PIECES = 48
MAX_TITLE_PIECES = 24
MAX_PIECES = 112
"""Of question, title and sentence together."""
MAX_ABSTRACT_PIECES = 320
"""Of question, title and abstract together; these four bounds are those of its training."""

_CLS, _SEP, _COLON = 101, 102, 1024


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence and the title of the paper that it stands in."""

    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Abstract:
    """A paper's title and the sentences of a chunk, in their order."""

    title: str
    sentences: tuple[str, ...]


class Reranker(Protocol):
    """Judges whether sentences, and whole abstracts, answer a question."""

    def scores(self, question: str, candidates: Sequence[Candidate]) -> FloatArray:
        """float32 (n_candidates,): log-odds that each answers ``question``, 0 meaning even."""

    def answered(self, question: str, abstracts: Sequence[Abstract]) -> FloatArray:
        """float32 (n_abstracts,): log-odds that each says what ``question`` asks."""


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
        return self._read([pair_pieces(tokenizer, question, candidate) for candidate in candidates])[:, 0]

    def answered(self, question: str, abstracts: Sequence[Abstract]) -> FloatArray:
        """See ``Reranker``; what exceeds the bounds above is not read."""
        tokenizer, _ = self._open()
        return self._read([abstract_pieces(tokenizer, question, abstract) for abstract in abstracts])[:, 1]

    def _read(self, inputs: Sequence[tuple[list[int], list[int]]]) -> FloatArray:
        """float32 (n_inputs, 2): the scores of a text as a sentence, and as an abstract."""
        assert self._pool is not None  # made when the model is loaded
        return np.array(list(self._pool.map(self._run, inputs)), np.float32).reshape(len(inputs), 2)

    def _run(self, pair: tuple[list[int], list[int]]) -> FloatArray:
        _, session = self._open()
        ids, types = (np.array([row], np.int64) for row in pair)
        (scores,) = session.run(
            ["score"], {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        )
        read: FloatArray = scores[0]
        return read

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
    sentence = _pieces(tokenizer, candidate.sentence, MAX_PIECES)
    return _paired(tokenizer, question, candidate.title, sentence, MAX_PIECES)


def abstract_pieces(tokenizer: Any, question: str, abstract: Abstract) -> tuple[list[int], list[int]]:
    """The same of a question and an abstract."""
    text = [piece for one in abstract.sentences for piece in _pieces(tokenizer, one, MAX_ABSTRACT_PIECES)]
    return _paired(tokenizer, question, abstract.title, text, MAX_ABSTRACT_PIECES)


def _paired(tokenizer: Any, question: str, title: str, text: Sequence[int], most: int) -> tuple[list[int], list[int]]:
    asked = _pieces(tokenizer, question, MAX_QUESTION_PIECES)
    read = [*_pieces(tokenizer, title, MAX_TITLE_PIECES), _COLON, *text][: most - 3 - len(asked)]
    return [_CLS, *asked, _SEP, *read, _SEP], [0] * (len(asked) + 2) + [1] * (len(read) + 1)


BUNDLED = BundledReranker()
"""The one that ``ask`` uses unless it is given another; it loads at its first question."""


def _pieces(tokenizer: Any, text: str, most: int) -> list[int]:
    # No piece is longer than a word of 100 characters; beyond that many, nothing would be read.
    text = text[: most * 101].encode("utf-8", "replace").decode("utf-8")
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids[:most]
