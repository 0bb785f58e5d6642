"""The two forms of a cross-encoder's graph, on weights of chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from rag.models.build_minilm import N_DIMS, N_LAYERS, write_graph
from rag.retrieval.features import FloatArray

N_WORDS, N_INNER = 50, 64


def random_weights(seed: int = 7) -> dict[str, FloatArray]:
    chance = np.random.default_rng(seed)

    def some(*shape: int) -> FloatArray:
        return (chance.standard_normal(shape) * 0.1).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(N_WORDS, N_DIMS),
        "embeddings.position_embeddings.weight": some(512, N_DIMS),
        "embeddings.token_type_embeddings.weight": some(2, N_DIMS),
        "head.weight": some(2, N_DIMS),
        "head.bias": some(2),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{at}" for at in range(N_LAYERS)):
        inner = {f"{layer}.intermediate.dense": (N_INNER, N_DIMS), f"{layer}.output.dense": (N_DIMS, N_INNER)}
        square = [f"{layer}.attention.self.{which}" for which in ("query", "key", "value")]
        square.append(f"{layer}.attention.output.dense")
        for name, shape in (inner | dict.fromkeys(square, (N_DIMS, N_DIMS))).items():
            weights |= {f"{name}.weight": some(*shape), f"{name}.bias": some(shape[0])}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    for name in norms:
        weights |= {f"{name}.weight": some(N_DIMS) + 1, f"{name}.bias": some(N_DIMS)}
    return weights


def test_the_graph_for_one_text_at_a_time_computes_the_same_scores(tmp_path: Path) -> None:
    weights = random_weights()
    write_graph(weights, tmp_path / "masked.onnx")
    write_graph(weights, tmp_path / "alone.onnx", one_by_one=True)
    masked, alone = (
        onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        for name in ("masked.onnx", "alone.onnx")
    )
    assert {one.name for one in alone.get_inputs()} == {"input_ids", "token_type_ids"}
    scores = []
    for n_pieces in (1, 5, 40):
        ids = np.arange(n_pieces)[None] % N_WORDS
        read = {"input_ids": ids, "token_type_ids": (ids > 3).astype(np.int64)}
        (score,) = alone.run(["score"], read)
        # What stands behind the text, masked, changes nothing.
        behind = {name: np.pad(row, ((0, 0), (0, 3)), constant_values=1) for name, row in read.items()}
        mask = np.pad(np.ones_like(ids), ((0, 0), (0, 3)))
        for more in ({**read, "attention_mask": np.ones_like(ids)}, {**behind, "attention_mask": mask}):
            np.testing.assert_allclose(masked.run(["score"], more)[0], score, atol=2e-4)
        scores.append(score)
    assert np.ptp(np.concatenate(scores)) > 0.1
