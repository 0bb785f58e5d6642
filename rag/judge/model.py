"""Rung 1: a small cross-encoder, which reads a claim and its evidence together.

It gives three probabilities: the evidence says the claim, says otherwise, or does not say.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.judge.pairing import pair_pieces
from rag.models.session import available_cores, load_session, load_tokenizer

FloatArray = npt.NDArray[np.float32]

MODEL_FOLDER = Path(__file__).parent.parent / "models" / "judge"
MODEL_BYTES = 23379322
MODEL_SHA256 = "b2e333633b08ca5417ac6a88166cba8617ecafac1ba3ba68c9e9415780eafafc"


@dataclass(frozen=True, slots=True)
class Belief:
    """Probabilities as the model gives them, not yet calibrated; they add up to 1."""

    supported: float
    contradicted: float
    not_stated: float


class ClaimModel:
    """The cross-encoder that comes with the package, in int8 on the processor; safe to share."""

    def __init__(self, n_threads: int | None = None) -> None:
        """``n_threads``: pairs read side by side; by default the cores this process may use."""
        self._n_threads = n_threads or available_cores()
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, ThreadPoolExecutor] | None = None

    def beliefs(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Belief]:
        """For each claim with its evidence sentences; what exceeds the bounds of ``pair_pieces`` is not read."""
        tokenizer, _, pool = self._open()
        inputs = [pair_pieces(tokenizer, claim, evidence) for claim, evidence in pairs]
        if len(inputs) == 1:
            return [self._run(inputs[0])]
        return list(pool.map(self._run, inputs))

    def _run(self, pair: tuple[list[int], list[int]]) -> Belief:
        _, session, _ = self._open()
        ids, types = (np.array([row], np.int64) for row in pair)
        (logits,) = session.run(
            ["score"], {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        )
        likely = np.exp(logits[0] - logits[0].max())
        return Belief(*(likely / likely.sum()).tolist())

    def _open(self) -> tuple[Any, Any, ThreadPoolExecutor]:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    session = load_session(MODEL_FOLDER / "model.onnx", MODEL_BYTES)
                    self._loaded = (load_tokenizer(), session, ThreadPoolExecutor(self._n_threads, "judge"))
        return self._loaded


BUNDLED = ClaimModel()
"""Shared by all judges; it loads at its first claim."""
