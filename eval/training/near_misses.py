"""Goes on training the bundled reranker with questions that an abstract all but answers.

    python -m eval.training.near_misses examples.pkl.gz reranker.npz --out tuned.npz

A development script that needs torch and transformers, and no accelerator: an hour on a
processor. The questions of ``NEAR_MISSES`` are read once, each beside its own abstract and
beside two of its sentences. Only the upper layers change, and examples of before are read
again with the scores that the model gave them, so that it keeps what it knows; for the same
reason half of every weight is what it was before (Wortsman et al. 2022, "Robust fine-tuning of
zero-shot models": between the two lies what is better than either).
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.training.cross_encoders import RERANKER, Losses, Pieces, pieces, student_of, teach, write
from eval.training.examples import Asked, Examples, Group, read
from eval.training.sets import NEAR_MISSES, is_fresh, is_marked, piles, sentences_of
from rag import vocabulary

N_FROZEN = 3
"""Layers that stay as they are, the lowest ones."""
RATE, HEAD_RATE, WARM_UP_STEPS = 1.2e-4, 3e-4, 20
QUESTIONS_PER_STEP = 16
SENTENCES_SHARE = 0.5
"""Weight of the loss on sentences, beside the one on whole abstracts."""
OLD_SHARE = 0.3
"""Examples of before for every new one."""
OLD_KINDS = {"answered": 0.4, "beside": 0.3, "removed": 0.1, "other": 0.2}
NEW_SHARE = 0.5
"""Of every weight, in what is written."""
NEAREST = 3
"""Of so many sentences that share most with the question, one is read beside the marked one."""


def near_misses(rng: random.Random) -> Examples:
    """A group and an abstract for every question: the sentence that answers or all but does, and one beside it."""
    examples = Examples()
    for pile in piles(NEAR_MISSES):
        papers = {paper.paper_id: paper for paper in pile.papers}
        for one in pile.wanted:
            if is_fresh(NEAR_MISSES, one.question_id):
                continue
            paper = papers[next(iter(one.paper_ids))]
            asked = vocabulary.weights(one.question)
            texts = list(sentences_of(paper))
            marked = [text for text in texts if is_marked(text, one.evidence or one.near)][:1]
            rest = sorted(
                (text for text in texts if not is_marked(text, one.evidence or one.near)),
                key=lambda text: -vocabulary.covered(asked, vocabulary.stems(text)),
            )
            beside = [rng.choice(rest[:NEAREST])] if rest else []
            positives, others = (marked, beside) if one.answerable else ([], marked + beside)
            question, title = examples.place(one.question), examples.place(paper.title)
            group = Group(question, _pairs(examples, title, positives), _pairs(examples, title, others), False, False)
            kind = "answered" if one.answerable else "beside"
            examples.groups.append(group)
            examples.asked.append(Asked(question, title, examples.places(texts), float(one.answerable), kind))
    return examples


def of_before(examples: Examples, n: int, rng: random.Random) -> Examples:
    """``n`` abstracts and ``n`` groups of what the model was trained on, groups with two sentences at most."""
    kept = Examples(examples.texts)
    for kind, share in OLD_KINDS.items():
        own = [one for one in examples.asked if one.group == kind]
        kept.asked += rng.sample(own, min(round(n * share), len(own)))
    rng.shuffle(kept.asked)
    groups = [group for group in examples.groups if not group.only_ranks and group.others]
    for group in rng.sample(groups, min(n, len(groups))):
        positives = (rng.choice(group.positives),) if group.positives else ()
        kept.groups.append(group._replace(positives=positives, others=(rng.choice(group.others[:5]),)))
    return kept


def _pairs(examples: Examples, title: int, sentences: Sequence[str]) -> tuple[tuple[int, int], ...]:
    return tuple((title, place) for place in examples.places(sentences))


def _parts(n: int, n_steps: int) -> list[list[int]]:
    return [[int(at) for at in part] for part in np.array_split(np.arange(n), n_steps)]


def train(new: Losses, old: Losses, rng: random.Random) -> None:
    """One pass over both, AdamW with a linear decay."""
    import torch

    body = [p for name, p in new.net.named_parameters() if p.requires_grad and not name.startswith("heads.")]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": RATE}, {"params": new.net.heads.parameters(), "lr": HEAD_RATE}], weight_decay=0.01
    )
    order = rng.sample(range(len(new.examples.asked)), len(new.examples.asked))
    n_steps = max(1, len(order) // QUESTIONS_PER_STEP)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / n_steps)
    )
    new.net.train()
    parts = zip(
        _parts(len(order), n_steps),
        _parts(len(old.examples.asked), n_steps),
        _parts(len(old.examples.groups), n_steps),
        strict=True,
    )
    for step, (places, old_asked, old_groups) in enumerate(parts, 1):
        drawn = [order[at] for at in places]
        of_abstracts, of_sentences = new.asked(drawn), new.groups(_whole(new.examples, drawn))
        loss = of_abstracts + SENTENCES_SHARE * of_sentences
        if old_asked and old_groups:
            kept = old.asked(old_asked) + SENTENCES_SHARE * old.groups(_whole(old.examples, old_groups))
            loss = loss + OLD_SHARE * kept
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimiser.step()
        schedule.step()
        if step % 20 == 0 or step == n_steps:
            print(f"step {step} of {n_steps}: abstracts {of_abstracts:.3f}, sentences {of_sentences:.3f}", flush=True)


def _whole(examples: Examples, drawn: Sequence[int]) -> list[tuple[int, list[int], list[int]]]:
    """The groups as ``Losses.groups`` wants them, with all their sentences."""
    return [
        (n, list(range(len(examples.groups[n].positives))), list(range(len(examples.groups[n].others)))) for n in drawn
    ]


def main() -> None:
    import torch

    from rag.models.session import load_tokenizer

    parser = argparse.ArgumentParser(description="Teach the bundled reranker questions that are nearly answered.")
    parser.add_argument("examples", type=Path, help="what eval.training.examples made")
    parser.add_argument("weights", type=Path, help="the .npz file of eval.training.cross_encoders student")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--questions", type=int, help="only so many, to try it out")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    new = near_misses(rng)
    if options.questions:
        kept = rng.sample(range(len(new.asked)), options.questions)
        new.asked, new.groups = [new.asked[n] for n in kept], [new.groups[n] for n in kept]
    old = of_before(read(options.examples), round(OLD_SHARE * len(new.asked)), rng)
    net = student_of(options.weights, N_FROZEN).to(options.device)

    def in_pieces(examples: Examples) -> Pieces:
        return pieces(examples, load_tokenizer(), first="[CLS]", last="[SEP]", n_between=1, padding=0)

    of_old = in_pieces(old)
    taught = teach(net, old, of_old, options.device)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    train(
        Losses(net, new, in_pieces(new), None, options.device),
        Losses(net, old, of_old, taught, options.device),
        rng,
    )
    after = net.state_dict()
    net.load_state_dict({name: value + NEW_SHARE * (after[name] - value) for name, value in before.items()})
    write(net, options.out, RERANKER)


if __name__ == "__main__":
    main()
