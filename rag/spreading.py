"""Embedding spread over the workers of a Ray cluster: the optional extra ``footnoted[ray]``.

Only texts and vectors travel: the library is read and written by the one process that adds,
in the same batches and commits as without Ray. Workers on other machines need footnoted
installed, and nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embedding import BundledEmbedder, FloatArray, TextVectors, open_embedder
from rag.errors import EmbeddingError
from rag.models.session import available_cores
from rag.types import Span

if TYPE_CHECKING:
    from rag.config import EmbeddingConfig

TEXTS_PER_TASK = 256
FEWEST_TEXTS = 2 * TEXTS_PER_TASK
"""Fewer are embedded here: by the time a worker has its model they are done."""


class RayEmbedder:
    """The configured embedding on ``n_workers`` workers, one core each; its vectors are the same.

    Uses the cluster that ``RAY_ADDRESS`` names, and otherwise starts one on this machine that
    listens on the loopback interface only. Raises EmbeddingError if Ray is not installed or
    a worker fails.
    """

    seconds_per_call = 60.0
    """What ``rag.adding`` should ask for at a time: a call has to start its workers."""
    max_chunks_per_call = 65_536

    def __init__(self, config: EmbeddingConfig | None, n_workers: int) -> None:
        self._config = config
        self._n_workers = n_workers
        self._here = open_embedder(config)
        self.fingerprint = self._here.fingerprint

    @property
    def n_dims(self) -> int:
        return self._here.n_dims

    def embed(self, texts: Sequence[str]) -> FloatArray:
        if len(texts) < FEWEST_TEXTS:
            return self._here.embed(texts)
        ray = _started(self._n_workers)
        # As bytes: what is no valid Unicode must reach the embedder as it is.
        rows = [{"place": place, "text": text.encode("utf-8", "surrogatepass")} for place, text in enumerate(texts)]
        n_blocks = max(self._n_workers, -(-len(rows) // TEXTS_PER_TASK))
        try:
            spread = ray.data.from_items(rows, override_num_blocks=n_blocks).map_batches(
                _Worker,
                fn_constructor_args=(self._config,),
                batch_size=TEXTS_PER_TASK,
                compute=ray.data.ActorPoolStrategy(size=self._n_workers),
                num_cpus=1,
            )
            vectors = np.zeros((len(texts), self.n_dims), np.float32)
            n_done = 0
            for batch in spread.iter_batches(batch_size=None, batch_format="numpy"):
                vectors[batch["place"]] = np.stack(list(batch["vector"]))
                n_done += len(batch["place"])
        except ray.exceptions.RayError as error:
            reason = " ".join(str(error.__cause__ or error).split())[:200]
            raise EmbeddingError(
                f"a Ray worker failed ({reason}): look at its log, or embed without --ray; what was done is kept"
            ) from error
        if n_done != len(texts):
            raise EmbeddingError(f"Ray gave {n_done} vectors for {len(texts)} texts: run the same again")
        return vectors

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[TextVectors]:
        return self._here.embed_spans(texts, spans)


class _Worker:
    def __init__(self, config: EmbeddingConfig | None) -> None:
        self._embedder = BundledEmbedder(n_threads=1) if config is None else open_embedder(config)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        texts = [bytes(text).decode("utf-8", "surrogatepass") for text in batch["text"]]
        return {"place": batch["place"], "vector": self._embedder.embed(texts)}


def _started(n_workers: int) -> Any:
    """The modules of Ray, connected."""
    is_ours = not os.environ.get("RAY_ADDRESS")
    # Read when Ray is imported. It reports its use to its makers unless this is said.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if is_ours:
        # Whatever it is called: with it Ray takes this machine for the whole cluster, and listens on loopback.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EmbeddingError("Ray is not installed: pip install 'footnoted[ray]', or leave --ray out") from error
    if not ray.is_initialized():
        # More workers than cores are possible, if slow; without the count Ray would wait for cores forever.
        ours: dict[str, Any] = (
            {"num_cpus": max(n_workers + 1, available_cores()), "include_dashboard": False} if is_ours else {}
        )
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **ours)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
