"""Makes labelled claims from abstracts: ``python -m eval.training.make_claims PAPERS... --out claims.jsonl.gz``.

PAPERS are JSON lines with ``_id``, ``title`` and ``text`` (or ``id``/``paper_id`` and ``abstract``), plain,
.gz, or .zst where zstandard is installed. True claims: sentences as they are, trimmed,
joined, split, reordered, in the other voice, reworded, and the title. False ones: every
kind of planted defect (eval.planting), and sentences and titles of the papers nearest in
meaning. Lines: id, paper_id, split, claim, evidence_sentences, label (1 true), kind, what.

The split (train, dev, test: 80, 10, 10 %) hangs on the paper alone, so that no paper is in
two of them; neighbours come from the same split. Everything is decided by the seed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from eval.defects import PlantedClaim, planted
from eval.planting import is_claim
from rag.embedding import BundledEmbedder
from rag.sentences import split_sentences
from rag.types import Paper

N_NEIGHBOURS = 6
_ABOUT = ("The authors study {}.", "The paper is about {}.", "This work deals with {}.", "The paper presents {}.")


def read(path: Path) -> Iterator[Paper]:
    """Papers with at least three sentences that can be claims."""
    with _opened(path) as lines:
        for line in lines:
            row: dict[str, Any] = json.loads(line)
            text = row.get("text") or row.get("abstract") or ""
            paper_id = str(row.get("_id") or row.get("paper_id") or row.get("id"))
            if sum(is_claim(span.of(text)) for span in split_sentences(text)) >= 3:
                yield Paper(paper_id, row.get("title", ""), text)


def split_of(paper_id: str) -> str:
    """Of ten papers eight are for training, one for choosing, one for testing."""
    tenth = int(hashlib.sha256(paper_id.encode()).hexdigest(), 16) % 10
    return "test" if tenth == 0 else "dev" if tenth == 1 else "train"


def nearest(papers: Sequence[Paper], k: int = N_NEIGHBOURS) -> list[list[int]]:
    """For each paper the places of the ``k`` papers whose titles are nearest in meaning, itself left out."""
    vectors = BundledEmbedder().embed([paper.title or paper.abstract[:200] for paper in papers])
    found: list[list[int]] = []
    for start in range(0, len(papers), 1024):
        similar = vectors[start : start + 1024] @ vectors.T
        similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -1.0
        # Above 0.95 it is the same paper under another id: its sentences would not be false.
        similar[similar > 0.95] = -1.0
        k_here = min(k, similar.shape[1] - 1)
        found += [list(map(int, row)) for row in np.argsort(-similar, axis=1)[:, :k_here]]
    return found


def make(papers: Sequence[Paper], seed: int, per_paper: int = 1) -> Iterator[dict[str, Any]]:
    """The claims of all papers, one split after another."""
    for split in ("train", "dev", "test"):
        own = [paper for paper in papers if split_of(paper.paper_id) == split]
        if len(own) < 2:
            continue
        neighbours = nearest(own)
        rng = random.Random(f"{seed} {split}")
        for n, claim in enumerate(planted(own, rng, per_paper, neighbours)):
            yield _row(f"{split}-{n}", split, claim)
        for at, paper in enumerate(own):
            for claim in _from_titles(paper, own[rng.choice(neighbours[at])], rng):
                yield _row(f"{split}-title-{at}-{int(claim.true)}", split, claim)


def _from_titles(paper: Paper, other: Paper, rng: random.Random) -> Iterator[PlantedClaim]:
    evidence = tuple(span.of(paper.abstract) for span in split_sentences(paper.abstract))
    form = rng.choice(_ABOUT)
    for source, true in ((paper, True), (other, False)):
        title = " ".join(source.title.split()).rstrip(".")
        if 4 <= len(title.split()) <= 20 and "?" not in title and ":" not in title:
            small = title if title[1:2].isupper() else title[0].lower() + title[1:]
            yield PlantedClaim(paper.paper_id, form.format(small), "title" if true else "wrong_title", true, evidence)


def _row(claim_id: str, split: str, claim: PlantedClaim) -> dict[str, Any]:
    return {
        "id": claim_id,
        "paper_id": claim.paper_id,
        "split": split,
        "claim": claim.claim,
        "evidence_sentences": list(claim.evidence),
        "label": int(claim.true),
        "kind": claim.kind,
        "what": claim.what,
    }


def _opened(path: Path, mode: Literal["r", "w"] = "r") -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, f"{mode}t", encoding="utf-8")  # type: ignore[return-value]  # text, by its mode
    if path.suffix == ".zst":
        import zstandard

        return io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(open(path, "rb")), encoding="utf-8")
    return open(path, mode, encoding="utf-8")


def _sampled(papers: Iterable[Paper], n: int, seed: int) -> list[Paper]:
    """``n`` papers at random out of a stream of any length, in the stream's order."""
    rng = random.Random(seed)
    kept: list[tuple[int, Paper]] = []
    for at, paper in enumerate(papers):
        if len(kept) < n:
            kept.append((at, paper))
        elif (place := rng.randrange(at + 1)) < n:
            kept[place] = (at, paper)
    return [paper for _, paper in sorted(kept, key=lambda pair: pair[0])]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("papers", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=20_000, help="claims, about")
    parser.add_argument("--per-paper", type=int, default=1, help="sentences of each paper that claims are made from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    n_papers = max(20, int(options.n / (8 * options.per_paper)))  # one sentence makes about eight claims
    papers = _sampled((p for path in options.papers for p in read(path)), n_papers, options.seed)
    made: Counter[str] = Counter()
    with _opened(options.out, "w") as out:
        for row in make(papers, options.seed, options.per_paper):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            made[f"{row['label']} {row['kind']}"] += 1
    sys.stderr.write(f"{sum(made.values())} claims from {len(papers)} papers: {dict(sorted(made.items()))}\n")


if __name__ == "__main__":
    main()
