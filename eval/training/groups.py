"""Makes what the reranker learns from: ``python -m eval.training.groups --out groups.jsonl.gz --libraries DIR``.

One line a question: the sentences that answer it, with their papers' titles, and those
that the search puts beside them. So the model learns to tell apart what it will be given.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.training.sets import Asked, Wanted, asked, claims_of, papers_of, questions_of, scifact_claims
from rag.retrieval.evidence import sentence_weights
from rag.retrieval.features import sentence_features

N_HITS = 10
HARDEST, EASIER = 24, 6
"""Sentences kept beside the answering ones: those that the plain score likes best, and some others."""


def group(one: Asked, rng: random.Random) -> dict[str, Any] | None:
    """None where the answer was not found, since then there is nothing to learn."""
    positives = [s for s in one.sentences if s.answers]
    if one.wanted.kind == "claim without rationale":
        # People took these papers for relevant, though no sentence settles the claim: the nearest ones are wanted.
        own = sorted((s for s in one.sentences if s.paper_id in one.wanted.paper_ids), key=lambda s: -s.similarity)
        positives = own[:1]
    elif one.wanted.answerable != bool(positives):
        return None
    if not one.hits or (one.wanted.kind == "claim without rationale" and not positives):
        return None
    scores = sentence_features(one.wanted.question, one.vector, one.hits) @ sentence_weights()
    # Other sentences of the right paper may answer too, where a claim has no rationale.
    others = [
        (score, s)
        for score, s in zip(scores, one.sentences, strict=True)
        if s not in positives
        and not (one.wanted.kind == "claim without rationale" and s.paper_id in one.wanted.paper_ids)
    ]
    others.sort(key=lambda pair: -pair[0])
    kept = others[:HARDEST] + rng.sample(others[HARDEST:], min(EASIER, len(others[HARDEST:])))
    return {
        "id": one.wanted.question_id,
        "question": one.wanted.question,
        "kind": one.wanted.kind,
        "positives": [[s.title, s.text] for s in positives],
        "others": [[s.title, s.text] for _, s in kept],
    }


def groups(wanted: Sequence[Wanted], found: Iterator[Asked], seed: int = 0) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for one in found:
        made = group(one, rng)
        if made is not None:
            yield made


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the groups of sentences that the reranker is trained on.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", required=True, help="names in eval/training/data")
    parser.add_argument("--libraries", type=Path, required=True, help="libraries are made here, or used if they are")
    parser.add_argument("--scifact", type=Path, help="SciFact's claims-train.jsonl.gz")
    parser.add_argument("--scifact-library", type=Path, help="a library of its corpus")
    options = parser.parse_args()
    wanted = [*questions_of(options.sets), *claims_of(options.sets)]
    folder = options.libraries / "-".join(options.sets)
    with gzip.open(options.out, "wt", encoding="utf-8") as out:
        made = list(groups(wanted, asked(wanted, papers_of(options.sets), folder, n_hits=N_HITS)))
        if options.scifact:
            claims = list(scifact_claims(options.scifact))
            made += groups(claims, asked(claims, None, options.scifact_library, n_hits=N_HITS))
        for one in made:
            out.write(json.dumps(one, ensure_ascii=False) + "\n")
    print(f"{len(made)} groups")


if __name__ == "__main__":
    main()
