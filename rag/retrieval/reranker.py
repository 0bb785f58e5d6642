"""A small cross-encoder: how well does this sentence answer this question, and does this abstract?

It reads the question and a text together, which a comparison of two vectors cannot, and
costs a model pass a text. So it reads only the best of what cheaper means found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.embedding import FloatArray
from rag.models.session import available_cores, load_session, load_tokenizer

MODEL_FOLDER = Path(__file__).parent.parent / "models" / "reranker"
MODEL_BYTES = 23379077
MODEL_SHA256 = "e5ccda9dacad1fc628c0a779db7628b76fd68d8471c39ac2a2c0662c3cbc1ee9"

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


Text = Candidate | Abstract


class Reranker(Protocol):
    """Judges whether sentences, and whole abstracts, answer a question."""

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        """float32 (n_texts,): log-odds that each answers ``question``, 0 meaning even.

        Of a sentence, that it is the answer; of an abstract, that it says what is asked.
        """


class BundledReranker:
    """The cross-encoder that comes with the package, in int8 on the processor; safe to share."""

    def __init__(self, n_threads: int | None = None) -> None:
        """``n_threads``: texts read side by side; by default the cores this process may use."""
        self._n_threads = n_threads or available_cores()
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        """See ``Reranker``; what exceeds the bounds above is not read."""
        self._open()
        assert self._pool is not None  # made when the model is loaded
        # The longest first, else the last one is read while the other cores have nothing to do.
        longest_first = sorted(range(len(texts)), key=lambda at: -_length(texts[at]))
        scores = np.empty(len(texts), np.float32)
        scores[longest_first] = list(self._pool.map(partial(self._read, question), (texts[at] for at in longest_first)))
        return scores

    def _read(self, question: str, text: Text) -> float:
        tokenizer, session = self._open()
        ids, types = (np.array([row], np.int64) for row in text_pieces(tokenizer, question, text))
        (scores,) = session.run(["score"], {"input_ids": ids, "token_type_ids": types})
        answers, says = scores[0]
        return float(answers if isinstance(text, Candidate) else says)

    def _open(self) -> tuple[Any, Any]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._pool = ThreadPoolExecutor(self._n_threads, "rerank")
                    session = load_session(MODEL_FOLDER / "model.onnx", MODEL_BYTES)
                    self._loaded = (load_tokenizer(), session)
        return self._loaded


def text_pieces(tokenizer: Any, question: str, text: Text) -> tuple[list[int], list[int]]:
    """What the model reads of a question and a text: the ids of its word pieces, and 0 for the question's, 1 else."""
    if isinstance(text, Candidate):
        return _paired(tokenizer, question, text.title, _pieces(tokenizer, text.sentence, MAX_PIECES), MAX_PIECES)
    read = [piece for one in text.sentences for piece in _pieces(tokenizer, one, MAX_ABSTRACT_PIECES)]
    return _paired(tokenizer, question, text.title, read, MAX_ABSTRACT_PIECES)


def _length(text: Text) -> int:
    return len(text.title) + (len(text.sentence) if isinstance(text, Candidate) else sum(map(len, text.sentences)))


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
