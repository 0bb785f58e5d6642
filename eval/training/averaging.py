"""Averages the weights of several students of ``eval.training.cross_encoders``.

    python -m eval.training.averaging --out reranker.npz before.npz:0.2 first.npz:0.4 second.npz:0.4

Students that began from the same weights, and their beginning, can be averaged tensor by tensor: the mean knows what
each of them learnt and costs what one does (Wortsman et al. 2022, "Model soups" and "Robust fine-tuning of zero-shot
models").
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Tensors = dict[str, npt.NDArray[np.float32]]


def average(students: Sequence[Tensors], shares: Sequence[float]) -> Tensors:
    """The weighted mean of each tensor, ``shares`` adding up to 1; ValueError where the students differ in shape."""
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares add up to {sum(shares):g}, not to 1")
    shapes = [{name: tensor.shape for name, tensor in student.items()} for student in students]
    if any(other != shapes[0] for other in shapes[1:]):
        raise ValueError("these are students of different tasks or sizes")
    weighted = list(zip(students, shares, strict=True))
    return {name: np.sum([share * one[name] for one, share in weighted], 0, np.float32) for name in students[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Average the weights of several students.")
    parser.add_argument("students", nargs="+", metavar="FILE:SHARE", help="an .npz file and what it counts")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    paths, shares = zip(*(named.rsplit(":", 1) for named in options.students), strict=True)
    try:
        found = average([dict(np.load(path)) for path in paths], [float(share) for share in shares])
    except ValueError as error:
        parser.error(str(error))
    np.savez(options.out, **found)  # type: ignore[arg-type]  # names of tensors, none of them 'allow_pickle'


if __name__ == "__main__":
    main()
