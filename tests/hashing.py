"""A stand-in embedding that needs no model: signed feature hashing of words, the same everywhere."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rag.types import Paper


class HashingEmbedder:
    """Remembers its calls; can be slow or fail on demand."""

    def __init__(self, fingerprint: str = "hashing/1", n_dims: int = 64, seconds_per_text: float = 0.0) -> None:
        self.fingerprint = fingerprint
        self.n_dims = n_dims
        self.calls: list[list[str]] = []
        self.fail = False
        self._seconds_per_text = seconds_per_text

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self.fail:
            raise RuntimeError("no embedding today")
        self.calls.append(list(texts))
        time.sleep(self._seconds_per_text * len(texts))
        rows = np.zeros((len(texts), self.n_dims), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
                row[digest[0] % self.n_dims] += 1 if digest[1] % 2 else -1
            row[0] += 0.01  # a text without words still has a direction
        unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def kelp_paper(n: int) -> Paper:
    return Paper(f"p{n}", f"Title {n}", f"Kelp grows fast. It was measured in {n} seas. Running is word{n}.")
