"""Texts as unit vectors: the model that comes with the package, or an endpoint the user names.

``open_embedder`` picks one. Both are safe to share between threads, open nothing before
their first use, and give the same text the same vector every time (the endpoint as far
as its server does).
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rag.models.session import TOKENIZER_SHA256, available_cores, load_session, load_tokenizer
from rag.types import Span

if TYPE_CHECKING:
    from rag.config import EmbeddingConfig

FloatArray = npt.NDArray[np.float32]

MODEL_FOLDER = Path(__file__).parent / "models" / "minilm"
MODEL_SHA256 = "14ecbad9859a33214e636df3d9b0c18ca424001ff7fd0543ed981b6b7e8ba865"
MODEL_BYTES = 22_979_850

MAX_PIECES = 256
"""Word pieces of one text that the bundled model reads, [CLS] and [SEP] included: its
published maximum, and the length of its position table. English takes about 5.3
characters a piece, so that is 1,300 characters: fewer than most abstracts have today
(the seed page's have 309 pieces in the median, 372 at most)."""

MAX_CHARACTERS = 26_000
"""Characters of one text that are tokenised. A word of more than 100 characters is one
unknown piece to this tokenizer, so 254 pieces of text with single spaces are at most
254 * 101 characters; whatever follows could not reach the model, but would cost time."""

WINDOW_OVERLAP = 64
"""Pieces that neighbouring windows of a long text share, so that each piece is read with
at least 32 pieces of context on either side."""

SURROGATE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which neither a tokenizer nor a request can hold."""

_CLS, _SEP = 101, 102

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class TextVectors:
    """One text as a whole, and parts of it."""

    whole: FloatArray
    """float32 (n_dims,), unit length: equal to what ``embed`` gives for the text."""
    spans: FloatArray
    """float32 (n_spans, n_dims), unit rows, in the order of the spans asked for; n_spans may be 0."""


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The word pieces of one text, without [CLS] and [SEP]."""

    vectors: FloatArray
    """float32 (n_pieces, n_dims), as the last layer leaves them: not unit rows; n_pieces may be 0."""
    offsets: npt.NDArray[np.int64]
    """int64 (n_pieces, 2): each piece's ``[start, end)`` characters of the text."""


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their similarity."""

    @property
    def fingerprint(self) -> str:
        """Everything that makes the vectors; equal fingerprints mean comparable vectors."""

    @property
    def n_dims(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """float32 (n_texts, n_dims), unit rows, in the order of ``texts``; n_texts may be 0.

        Any string is taken, the empty one too. Raises EmbeddingError.
        """

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """Each text's vector and one for each of its spans (characters of that text)."""


def open_embedder(config: EmbeddingConfig | None = None) -> Embedder:
    """The endpoint that ``config`` names, or the bundled model; nothing is loaded or called yet."""
    if config is None:
        return BundledEmbedder()
    from rag.embedding_endpoint import EndpointEmbedder

    return EndpointEmbedder(config)


class BundledEmbedder:
    """all-MiniLM-L6-v2 in int8 on the processor; no network, no key.

    Each text runs through the model alone, on one thread, and several texts run side by
    side. Quantised activations share one scale per run, so in a batch a text's vector
    would depend on its neighbours; alone it is the same to the last bit wherever and
    whenever the text is embedded. It is also not slower: on two AVX2 cores this reads
    more abstracts per second than batches spread over both do, pads nothing, and
    answers a single question as fast.
    """

    n_dims = 384
    fingerprint = (
        f"all-MiniLM-L6-v2/int8 model={MODEL_SHA256[:16]} tokenizer={TOKENIZER_SHA256[:16]} "
        f"pooling=mean norm=l2 max_pieces={MAX_PIECES}"
    )

    def __init__(self, n_threads: int | None = None) -> None:
        """``n_threads``: texts embedded side by side; by default the cores this process may use."""
        self._n_threads = n_threads or available_cores()
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """See ``Embedder``; what follows a text's first 254 word pieces has no effect.

        The empty text has a vector like any other, the one of [CLS] and [SEP] alone.
        """
        rows = self._side_by_side(self._embed_one, as_texts(texts))
        return np.stack(rows) if rows else np.zeros((0, self.n_dims), np.float32)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The contextual vectors of each text's first 254 word pieces, and where they stand."""
        return self._side_by_side(self._embed_tokens_one, as_texts(texts))

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """Each text and its spans out of one pass over the text: a span costs next to nothing.

        A span's vector is the normalised mean of the contextual vectors of the pieces that
        touch it, so a sentence is read with its abstract around it. A text of more than
        254 pieces is read in overlapping windows, as far as its spans need them: no span
        is lost to truncation, while ``whole`` remains what ``embed`` gives. A span that
        touches no piece (blank, or outside the text) has the vector of the empty text.
        """
        if len(spans) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(spans)} lists of spans")
        return self._side_by_side(self._embed_spans_one, list(zip(as_texts(texts), spans, strict=True)))

    def _embed_one(self, text: str) -> FloatArray:
        pieces, _ = self._pieces(text[:MAX_CHARACTERS])
        (rows,) = self._run(pieces[: MAX_PIECES - 2], ["sentence_embedding"])
        vector: FloatArray = rows[0]
        return vector

    def _embed_tokens_one(self, text: str) -> TokenVectors:
        pieces, offsets = self._pieces(text[:MAX_CHARACTERS])
        (rows,) = self._run(pieces[: MAX_PIECES - 2], ["token_embeddings"])
        return TokenVectors(rows[0, 1:-1], offsets[: MAX_PIECES - 2])

    def _embed_spans_one(self, asked: tuple[str, Sequence[Span]]) -> TextVectors:
        text, spans = asked
        pieces, offsets = self._pieces(text)
        first, last = _pieces_of(spans, offsets)
        sums = np.zeros((len(spans), self.n_dims), np.float32)  # means, once they are normalised
        whole: FloatArray | None = None
        for window in _windows(len(pieces)):
            begins, ends = np.maximum(first, window.keep.start), np.minimum(last, window.keep.stop)
            touched = np.flatnonzero(begins < ends)
            read = pieces[window.start : window.start + MAX_PIECES - 2]
            if window.start == 0:
                whole_rows, token_rows = self._run(read, ["sentence_embedding", "token_embeddings"])
                whole = whole_rows[0]
            elif len(touched):
                (token_rows,) = self._run(read, ["token_embeddings"])
            for row in touched:
                shift = 1 - window.start  # [CLS] stands before the window's first piece
                sums[row] += token_rows[0, begins[row] + shift : ends[row] + shift].sum(axis=0)
        assert whole is not None  # even an empty text has a first window
        without = first >= last
        if without.any():
            sums[without] = self._embed_one("")
        return TextVectors(whole, unit_rows(sums))

    def _pieces(self, text: str) -> tuple[list[int], npt.NDArray[np.int64]]:
        """The ids of a text's word pieces and their offsets, int64 (n_pieces, 2)."""
        tokenizer, _ = self._open()
        # One character for one character, or the offsets would no longer be those of the text.
        encoding = tokenizer.encode(SURROGATE.sub("\ufffd", text), add_special_tokens=False)
        return encoding.ids, np.array(encoding.offsets, np.int64).reshape(-1, 2)

    def _run(self, pieces: Sequence[int], outputs: list[str]) -> list[FloatArray]:
        _, session = self._open()
        ids = np.array([[_CLS, *pieces, _SEP]], np.int64)
        results: list[FloatArray] = session.run(outputs, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return results

    def _side_by_side(self, function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
        """``function`` of each item, in order, on as many threads as there are cores."""
        self._open()
        if len(items) < 2 or self._n_threads < 2:
            return [function(item) for item in items]
        with ThreadPoolExecutor(min(self._n_threads, len(items)), "embed") as pool:
            # When this thread is interrupted, map cancels what has not begun.
            return list(pool.map(function, items))

    def _open(self) -> tuple[Any, Any]:
        """The tokenizer and the onnxruntime session, loaded once."""
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    session = load_session(MODEL_FOLDER / "model.onnx", MODEL_BYTES)
                    self._loaded = (load_tokenizer(), session)
        return self._loaded


@dataclass(frozen=True, slots=True)
class _Window:
    """Pieces ``[start, start + 254)`` of a text; of these, ``keep`` are taken from this window."""

    start: int
    keep: slice


def _windows(n_pieces: int) -> list[_Window]:
    """Windows that together keep each piece exactly once, each from where it has most context.

    Neighbours share WINDOW_OVERLAP pieces and meet in the middle of them; an empty text
    has one empty window.
    """
    size = MAX_PIECES - 2
    step = size - WINDOW_OVERLAP
    starts = [0] + [index * step for index in range(1, math.ceil((n_pieces - WINDOW_OVERLAP) / step))]
    cuts = [0] + [start + WINDOW_OVERLAP // 2 for start in starts[1:]] + [n_pieces]
    return [_Window(start, slice(cuts[index], cuts[index + 1])) for index, start in enumerate(starts)]


def _pieces_of(
    spans: Sequence[Span], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each span the pieces ``[first, last)`` that share a character with it; first >= last: none."""
    starts = np.array([span.start for span in spans], np.int64)
    ends = np.array([span.end for span in spans], np.int64)
    first = np.searchsorted(offsets[:, 1], starts, side="right")
    last = np.searchsorted(offsets[:, 0], ends, side="left")
    return first.astype(np.int64), last.astype(np.int64)


def as_texts(texts: Sequence[str]) -> Sequence[str]:
    if isinstance(texts, str):  # it is a sequence of strings too, one per letter
        raise TypeError("a list of texts is embedded, not a string")
    return texts


def unit_rows(vectors: npt.NDArray[Any]) -> FloatArray:
    """Each row divided by its length, in float64 so that huge and tiny rows survive; no row may be zero."""
    if not len(vectors):
        return vectors.astype(np.float32)
    rows = vectors.astype(np.float64)
    rows /= np.abs(rows).max(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)
