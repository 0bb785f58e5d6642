"""Loading what comes with the package: the sessions of its models, and the tokenizer that they share."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from rag.errors import EmbeddingError

TOKENIZER_FILE = Path(__file__).parent / "minilm" / "tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
TOKENIZER_BYTES = 466_247


def load_session(path: Path, n_bytes: int) -> Any:
    """The onnxruntime session of a model that comes with the package; raises EmbeddingError."""
    _check_size(path, n_bytes)
    # Read while it is imported: without it onnxruntime reports each start to its maker, and
    # switching that off through its API comes too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise EmbeddingError(f"the bundled models cannot run here, reinstall onnxruntime: {error}") from error

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # The file is already optimised: looking for more only makes a cold start slower.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # One thread per run leaves no pool whose idle threads would spin; texts run side by side instead.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # A memory plan per input shape would be kept for each text length ever seen.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@functools.cache
def load_tokenizer() -> Any:
    """The word-piece tokenizer of the bundled models; raises EmbeddingError."""
    _check_size(TOKENIZER_FILE, TOKENIZER_BYTES)
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise EmbeddingError(f"the bundled models cannot run here, reinstall tokenizers: {error}") from error

    tokenizer = Tokenizer.from_file(str(TOKENIZER_FILE))
    # The published file cuts at 128 pieces and pads to 128.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # A '[SEP]' inside a text is text: else an abstract could end itself for the models that read pairs.
    tokenizer.encode_special_tokens = True
    return tokenizer


def _check_size(path: Path, n_bytes: int) -> None:
    # The size tells a file cut short, or a large-file pointer, from the model; hashing it
    # at every start would cost as much time as loading it.
    if not path.is_file() or path.stat().st_size != n_bytes:
        raise EmbeddingError(f"the bundled model file {path} is missing or incomplete: reinstall footnoted")


def available_cores() -> int:
    """The cores this process may run on, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
