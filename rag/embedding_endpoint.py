"""Texts as unit vectors by an OpenAI-compatible endpoint that the user names."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from rag.embedding import SURROGATE, FloatArray, TextVectors, as_texts, unit_rows
from rag.errors import EmbeddingError
from rag.types import Span

if TYPE_CHECKING:
    from rag.config import EmbeddingConfig

ENDPOINT_MAX_CHARACTERS = 8_000
"""Characters of one text sent to an endpoint, about 2,000 tokens: far more than an
abstract, and under the 8,192 tokens at which hosted models refuse a request."""

BLANK = "."
"""Sent to an endpoint in place of a blank text, which most of them refuse."""


class EndpointEmbedder:
    """Any OpenAI-compatible ``/embeddings`` endpoint; retries are openai's own.

    The fingerprint names the endpoint's host and the model and never a dimension, which
    is only known after the first reply: a server that changes its model under the same
    name is noticed by the dimension, if at all.
    """

    def __init__(self, config: EmbeddingConfig, max_retries: int = 2) -> None:
        self._config = config
        self._max_retries = max_retries
        self._lock = threading.Lock()
        self._client: Any = None
        self._n_dims: int | None = None
        address = urlsplit(config.base_url)
        # Never the address itself: it may hold a user name and a password.
        self._host = (address.hostname or "") + (f":{address.port}" if address.port else "")
        self.fingerprint = f"endpoint:{self._host}/{config.name}"

    @property
    def n_dims(self) -> int:
        """The dimension of the endpoint's vectors; asks for one if none came yet."""
        if self._n_dims is None:
            self.embed([BLANK])
        assert self._n_dims is not None  # embed sets it or raises
        return self._n_dims

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """See ``Embedder``; (0, 0) for no texts before the first reply."""
        sent = [_sendable(text) for text in as_texts(texts)]
        size = self._config.batch_size
        batches = [self._embed_batch(sent[start : start + size]) for start in range(0, len(sent), size)]
        return np.concatenate(batches) if batches else np.zeros((0, self._n_dims or 0), np.float32)

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        """Each text and each span embedded as a text of its own, since an endpoint gives no token vectors."""
        if len(spans) != len(texts):
            raise ValueError(f"{len(texts)} texts with {len(spans)} lists of spans")
        parts: list[str] = []
        for text, own in zip(as_texts(texts), spans, strict=True):
            parts += [text, *(span.of(text) for span in own)]
        vectors = self.embed(parts)
        result, at = [], 0
        for own in spans:
            result.append(TextVectors(vectors[at], vectors[at + 1 : at + 1 + len(own)]))
            at += 1 + len(own)
        return result

    def _embed_batch(self, texts: list[str]) -> FloatArray:
        vectors = self._vectors(self._request(texts), len(texts))
        with self._lock:
            expected = self._n_dims = self._n_dims or vectors.shape[1]
        if vectors.shape[1] != expected:
            raise EmbeddingError(
                f"{self._what} returned vectors of {vectors.shape[1]} dimensions after {expected}: "
                "its model changed; rebuild the library"
            )
        return vectors

    @property
    def _what(self) -> str:
        return f"the embedding endpoint {self._host} (model '{self._config.name}')"

    def _request(self, texts: list[str]) -> list[Any]:
        """The entries of one reply. Raises EmbeddingError, one line for each way it can fail."""
        import openai

        try:
            reply = self._open().embeddings.create(model=self._config.name, input=texts, encoding_format="float")
            return list(reply.data or [])
        # `from None`, against the habit: openai's errors hold the request with its key, and a
        # server may echo the key in its reply, so neither may end up in a traceback.
        except openai.APITimeoutError:
            raise EmbeddingError(
                f"{self._what} gave no reply in {self._config.timeout_seconds:g} s: "
                "is it overloaded? raise timeout_seconds or lower batch_size in [embedding]"
            ) from None
        except openai.APIConnectionError as error:
            reason = type(error.__cause__).__name__ if error.__cause__ else "no connection"
            raise EmbeddingError(f"{self._what} cannot be reached ({reason}): is it running?") from None
        except openai.APIStatusError as error:
            raise EmbeddingError(f"{self._what} {self._refusal(error.status_code)}") from None
        except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
            # A reply with status 200 that is not of the protocol fails anywhere inside openai.
            raise EmbeddingError(
                f"{self._what} sent a reply that is not of the protocol ({type(error).__name__}): "
                "is its base_url the one that ends before /embeddings?"
            ) from None

    def _refusal(self, status: int) -> str:
        if status in (401, 403):
            return f"refused the key ({status}): check the variable {self._config.key_env}"
        if status == 429:
            return "has no capacity for us (429), retries included: wait, or lower batch_size in [embedding]"
        if status == 404:
            return "was not found (404): check base_url and name in [embedding]"
        if status >= 500:
            return f"failed ({status}), retries included: look at its log, then try again"
        return f"refused the request ({status}): check name and batch_size in [embedding]"

    def _vectors(self, entries: list[Any], n_texts: int) -> FloatArray:
        """float32 (n_texts, n_dims), unit rows, in the order of the request. Raises EmbeddingError."""
        if len(entries) != n_texts:
            raise EmbeddingError(f"{self._what} returned {len(entries)} vectors for {n_texts} texts")
        indexes = [getattr(entry, "index", None) for entry in entries]
        if any(index is not None for index in indexes):  # some servers leave them all out, and keep the order
            by_index = {index: entry for index, entry in zip(indexes, entries, strict=True) if type(index) is int}
            if by_index.keys() != set(range(n_texts)):
                raise EmbeddingError(f"{self._what} did not say which vector belongs to which text")
            entries = [by_index[index] for index in range(n_texts)]
        try:
            vectors = np.array([entry.embedding for entry in entries], np.float64)
        except (AttributeError, TypeError, ValueError):
            vectors = np.zeros((0,))
        if vectors.ndim != 2 or vectors.shape[1] == 0:
            raise EmbeddingError(f"{self._what} did not return rows of numbers of one length")
        if not np.isfinite(vectors).all():
            raise EmbeddingError(f"{self._what} returned numbers that are not finite")
        if not vectors.any(axis=1).all():
            raise EmbeddingError(f"{self._what} returned a vector of zeros")
        return unit_rows(vectors)

    def _open(self) -> Any:
        """The openai client, made once; the key is read here and kept nowhere else."""
        with self._lock:
            if self._client is None:
                import openai

                # Local servers ask for no key, but the client insists on one.
                key = os.environ.get(self._config.key_env, "").strip() or "none"
                if not key.isascii() or not key.isprintable():
                    raise EmbeddingError(
                        f"the key in {self._config.key_env} holds characters that no key has: set it again"
                    )
                self._client = openai.OpenAI(
                    base_url=self._config.base_url,
                    api_key=key,
                    timeout=self._config.timeout_seconds,
                    max_retries=self._max_retries,
                )
            return self._client


def _sendable(text: str) -> str:
    """``text`` as an endpoint takes it: encodable, not blank, not endless."""
    text = SURROGATE.sub("\ufffd", text[:ENDPOINT_MAX_CHARACTERS])
    return text if text.strip() else BLANK
