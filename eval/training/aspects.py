"""Measures which sentences become the cells of a comparison, on 50 abstracts labelled by hand.

    python -m eval.training.aspects [--misses]

For each aspect ``data/aspects.jsonl.gz`` names the sentences that tell it; none where the abstract
does not. A cell is right if it is one of these; a cell that is filled though none tells it is wrong.
Precision is right cells of those filled, recall right cells of those that could be. The cues of
``rag.answer.aspects`` were chosen on every other abstract; on the rest nothing was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.training.sets import DATA, lines
from rag.answer.aspects import ASPECTS, sentences_by_aspect
from rag.chunks import split
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.types import Hit, Paper

FILE = "aspects.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Labelled:
    hit: Hit
    telling: Mapping[str, tuple[str, ...]]
    """By aspect the sentences that tell it, letter for letter; () where none does."""


@dataclass(frozen=True, slots=True)
class Cells:
    n_filled: int
    n_told: int
    """Cells that could be filled."""
    n_right: int

    @property
    def precision(self) -> float:
        """0 where nothing is filled."""
        return self.n_right / self.n_filled if self.n_filled else 0.0

    @property
    def recall(self) -> float:
        """0 where there is nothing to fill."""
        return self.n_right / self.n_told if self.n_told else 0.0


def labelled() -> tuple[Labelled, ...]:
    rows = list(lines(DATA / FILE))
    papers = {
        (name, row["paper_id"]): Paper(**row)
        for name in sorted({row["set"] for row in rows})
        for row in lines(DATA / f"{name}-papers.jsonl.gz")
    }
    found = []
    for row in rows:
        paper = papers[row["set"], row["paper_id"]]
        (chunk,) = split(paper, max_tokens=100_000)  # an abstract is compared whole
        telling = {name: tuple(sentences) for name, sentences in row["aspects"].items()}
        found.append(Labelled(Hit(paper, chunk, 1.0, ()), telling))
    return tuple(found)


def chosen(one: Labelled, reranker: Reranker = BUNDLED) -> dict[str, str]:
    """By aspect the sentence that becomes its cell."""
    abstract = one.hit.paper.abstract
    return {name: span.of(abstract) for name, span in sentences_by_aspect(one.hit, reranker).items()}


def cells(pairs: Iterable[tuple[Labelled, Mapping[str, str]]], names: Sequence[str]) -> Cells:
    """Over all aspects of ``names``."""
    n_filled = n_told = n_right = 0
    for one, cell in pairs:
        for name in names:
            n_filled += name in cell
            n_told += bool(one.telling[name])
            n_right += cell.get(name) in one.telling[name]
    return Cells(n_filled, n_told, n_right)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="print each wrong or missing cell")
    options = parser.parse_args()
    pairs = [(one, chosen(one)) for one in labelled()]
    names = [aspect.name for aspect in ASPECTS]
    for words, half in (("cues chosen on", pairs[::2]), ("kept apart", pairs[1::2])):
        print(f"{words} ({len(half)} abstracts)")
        for row in (*([name] for name in names), names):
            found = cells(half, row)
            label = row[0] if len(row) == 1 else "all"
            counts = f"{found.n_right} right of {found.n_filled} filled, {found.n_told} told"
            print(f"  {label:12} precision {found.precision:6.1%}   recall {found.recall:6.1%}   {counts}")
    if options.misses:
        for one, cell in pairs:
            for name in names:
                if cell.get(name, None) not in (one.telling[name] or (None,)):
                    print(f"{one.hit.paper.title[:50]} | {name} | {cell.get(name, '(nothing)')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
