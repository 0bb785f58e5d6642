"""Build a bundled cross-encoder from weights that eval/training has fine-tuned.

    python -m rag.models.build_reranker weights.npz rag/models/reranker

A development script, like ``build_minilm``, whose graph and quantisation it uses. The
``.npz`` holds the encoder's tensors under their published names, and the head.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from rag.models.build_minilm import quantise, write_graph


def main() -> None:
    parser = argparse.ArgumentParser(description="Build a bundled cross-encoder from fine-tuned weights.")
    parser.add_argument("weights", type=Path, help="an .npz file written by eval.training")
    parser.add_argument("output", type=Path, help="the folder for model.onnx")
    parser.add_argument(
        "--one-by-one", action="store_true", help="for texts read one at a time: faster, without a mask"
    )
    parser.add_argument("--keep-float", type=Path, help="also keep the float32 graph here")
    options = parser.parse_args()
    tensors = {name: tensor.astype(np.float32) for name, tensor in np.load(options.weights).items()}
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        graph = options.keep_float or Path(folder) / "float32.onnx"
        write_graph(tensors, graph, one_by_one=options.one_by_one)
        quantise(graph, options.output / "model.onnx")
    data = (options.output / "model.onnx").read_bytes()
    print(f"model.onnx: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
