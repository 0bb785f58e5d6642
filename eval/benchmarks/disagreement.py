"""Is the other side found, and is agreement left in peace?

    python -m eval.benchmarks.disagreement [--parts F14- G5-] [--limit 60] [--shipped] [--failures]

1. The pairs of `eval/data/disagreements.jsonl`: two abstracts on one question, of which half say opposite things.
   Each question is put to a library of all of them: is 'the abstracts disagree' said, are both sides cited, and how
   often is it said of two that agree? On the first 32 the rules of `rag.answer.opposing` were chosen, on the 20
   fresh ones nothing was.
2. Statements about real abstracts, of the parts of `eval/training/data` that the judge has not seen: of each,
   'what disagrees with the claim that ...?' Does it find the abstract that contradicts it, and what does it quote
   against those that are true, or of which nothing is said? `--limit` statements of each part and kind are asked.
3. With `--shipped`, the questions that ship: no two of those abstracts say opposite things about one.

Quoting mode. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.statistics import Share, share_of
from eval.training.sets import DATA, lines, papers_of
from rag.library import Library
from rag.pipeline import ask
from rag.readers import read_papers
from rag.types import Answer, Paper, cited_paper_ids

ROOT = Path(__file__).parents[2]
PAIRS = ROOT / "eval" / "data" / "disagreements.jsonl"
SET_OF_PART = {"E7-": "mixed-e", "F14-": "mixed-f", "G5-": "arxiv-g"}
SEED = 5


@dataclass(frozen=True, slots=True)
class Pair:
    question: str
    disagree: bool
    is_fresh: bool
    """True if nothing was chosen on it."""
    papers: tuple[Paper, Paper]


def pairs() -> Iterator[Pair]:
    for row in map(json.loads, PAIRS.read_text("utf-8").splitlines()):
        one, other = (Paper(f"{row['id']}-{n}", **paper) for n, paper in enumerate(row["papers"], 1))
        yield Pair(row["question"], row["disagree"], not row["chosen_on"], (one, other))


def is_told(answer: Answer) -> bool:
    return answer.reason == "disagreement"


def of_pairs(folder: Path, chosen: Sequence[Pair], *, failures: bool) -> tuple[Share, ...]:
    told: dict[tuple[bool, bool], list[bool]] = {}
    with Library.open(folder) as library:
        library.add([paper for pair in chosen for paper in pair.papers])
        for pair in chosen:
            answer = ask(library, pair.question)
            both = set(cited_paper_ids(answer.claims)) == {paper.paper_id for paper in pair.papers}
            as_such = is_told(answer) and (both or not pair.disagree)
            told.setdefault((pair.is_fresh, pair.disagree), []).append(as_such)
            if failures and as_such != pair.disagree:
                print(f"  {'not told' if pair.disagree else 'told'}: {pair.question}\n    {answer.text}")
    return tuple(
        _share(
            f"{which} pairs that {'disagree: said so, both sides cited' if disagree else 'agree: said to disagree'}",
            own,
        )
        for is_fresh, which in ((False, "known"), (True, "fresh"))
        for disagree in (True, False)
        if (own := told.get((is_fresh, disagree)))
    )


def of_part(folder: Path, part: str, limit: int, *, failures: bool) -> tuple[Share, ...]:
    name = SET_OF_PART[part]
    rows = [row for row in lines(DATA / f"{name}-claims.jsonl.gz") if row["id"].startswith(part)]
    random.Random(SEED).shuffle(rows)
    held = {row["paper_id"] for row in rows}
    shares = []
    with Library.open(folder) as library:
        library.add([paper for paper in papers_of([name]) if paper.paper_id in held])
        for label in ("contradicted", "supported", "not stated"):
            own = [row for row in rows if row["label"] == label][:limit]
            quoted, right = [], []
            for row in own:
                statement = row["claim"].rstrip(".")
                answer = ask(library, f"What disagrees with the claim that {statement}?", kind="other_side")
                quoted.append(answer.outcome == "answered")
                right.append(row["paper_id"] in cited_paper_ids(answer.claims))
                if failures and (right[-1] if label == "contradicted" else not quoted[-1]) is False:
                    print(f"  {label}: {statement}\n    {answer.text}")
            clusters = [row["paper_id"] for row in own]
            shares.append(share_of(f"{part} {label}: something quoted against it", quoted, clusters))
            if label == "contradicted":
                shares.append(share_of(f"{part} {label}: the abstract that contradicts it", right, clusters))
    return tuple(shares)


def of_shipped(folder: Path) -> Share:
    rows = [json.loads(line) for line in (ROOT / "eval/data/seed_questions.jsonl").read_text("utf-8").splitlines()]
    with Library.open(folder) as library:
        library.add(read_papers(ROOT / "rag" / "data" / "daily_papers.txt"))
        told = [is_told(ask(library, row["question"])) for row in rows]
    return _share("questions that ship: said to disagree", told)


def _share(words: str, values: Sequence[bool]) -> Share:
    return share_of(words, values, range(len(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="*", default=["F14-", "G5-"], choices=list(SET_OF_PART), metavar="PART")
    parser.add_argument("--limit", type=int, default=60, help="statements of each part and kind")
    parser.add_argument("--shipped", action="store_true", help="ask the questions that ship too")
    parser.add_argument("--failures", action="store_true", help="print what was missed or wrongly told")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        shares = list(of_pairs(Path(temporary) / "pairs", list(pairs()), failures=options.failures))
        for part in options.parts:
            shares += of_part(Path(temporary) / part, part, options.limit, failures=options.failures)
        if options.shipped:
            shares.append(of_shipped(Path(temporary) / "shipped"))
    for share in shares:
        interval = f" ({share.interval.low:.1%} to {share.interval.high:.1%})" if share.interval else ""
        print(f"{share.words:<64} {share.n_true:>3} of {share.n:>3}  {share.share or 0:.1%}{interval}")


if __name__ == "__main__":
    main()
