"""A real OpenAI-compatible server with a real model: llama.cpp (xllamacpp) in a process of its own.

python tests/model_server.py MODEL.gguf      prints its base address, then serves until its stdin closes
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def serve(gguf: Path, context_tokens: int, n_threads: int) -> None:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf)
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = context_tokens
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = n_threads
    parameters.offline = True
    parameters.ui = False
    parameters.verbosity = 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)  # noqa: T201 - the parent process reads it
    sys.stdin.read()


@contextmanager
def model_server(gguf: Path, *, context_tokens: int = 2048, n_threads: int = 2) -> Iterator[str]:
    """The base address (``http://127.0.0.1:PORT/v1``) of a server that lives as long as the block."""
    command = [sys.executable, __file__, str(gguf), str(context_tokens), str(n_threads)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            address = next((line.strip() for line in process.stdout if line.startswith("http")), None)
            if address is None:
                raise RuntimeError(f"the model server for {gguf} ended with {process.wait()} before it listened")
            yield f"{address}/v1"
        finally:
            process.kill()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *(int(number) for number in sys.argv[2:4] or (2048, 2)))
