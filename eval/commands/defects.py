"""``footnoted eval defects``: defects planted into true sentences, and which of them a judge catches."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands import shared
from rag.errors import ReadError, UsageError

if TYPE_CHECKING:
    from eval.defects import Audited
    from rag.types import Paper


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "defects",
        help="plant defects into true sentences, and see which a judge catches",
        description=(
            "Plant one defect at a time into true sentences, and see which a judge catches, and which true ones "
            "it accuses. The sentences are those of the papers, or with --answers the supported ones of answers."
        ),
        epilog=shared.EPILOG,
    )
    made.add_argument("--library", metavar="PATH", type=Path, help="a library's folder, or any file of papers")
    made.add_argument(
        "--answers", metavar="FILE", type=Path, help="a saved answer, or the run.jsonl of a run, about those papers"
    )
    made.add_argument("--judge", metavar="NAME", default="default", help="who judges (default)")
    made.add_argument("--n", metavar="N", type=shared.positive, default=300, help="papers or answered sentences (300)")
    made.add_argument("--seed", metavar="N", type=int, default=0, help="decides what is taken and planted (0)")
    made.add_argument("--examples", metavar="N", type=int, default=2, help="mistakes to show of each kind (2)")
    made.add_argument("--json", action="store_true", help="print JSON for machines")
    made.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from eval.defects import audit, audit_table, planted, planted_in
    from rag.judge.opening import open_judge

    papers = [paper for paper in _papers(options.library) if paper.abstract]
    if not papers:
        raise UsageError("there is no abstract to plant defects into: name a library or a file of papers")
    rng = random.Random(options.seed)
    if options.answers is None:
        # Neighbours stay neighbours: a run of papers of one file is closer to one topic than a random pick.
        start = rng.randrange(max(1, len(papers) - options.n + 1))
        claims = planted(papers[start : start + options.n], rng)
    else:
        said = list(dict.fromkeys(_supported(options.answers)))
        claims = planted_in(rng.sample(said, min(options.n, len(said))), papers, rng)
    audited = audit(claims, open_judge(options.judge), options.examples)
    if not audited.made:
        raise UsageError(f"{options.answers or options.library} holds no sentence that a defect could be planted into")
    if options.json:
        shared.out_json(_as_json(audited))
        return 0
    lines = [audit_table(audited)]
    for kind, examples in audited.examples.items():
        lines += [f"\n{kind}: {claim}\n    {what}" for claim, what in examples]
    shared.out("\n".join(lines))
    return 0


def _as_json(audited: Audited) -> dict[str, Any]:
    return {
        kind: {"claims": n, "flagged": audited.flagged[kind], "contradicted": audited.contradicted[kind]}
        for kind, n in audited.made.items()
    }


def _papers(path: Path | None) -> Sequence[Paper]:
    from eval import shipped
    from rag.index.layout import FILE_NAME
    from rag.library import Library
    from rag.readers import read_papers
    from rag.types import Paper

    if path is not None and (path / FILE_NAME).exists():
        with Library.open(path) as library:
            return list(library.papers())
    return [paper for paper in read_papers(path or shipped.corpus_path()) if isinstance(paper, Paper)]


def _supported(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sentences of answers that passed the check, with the ids of the papers that they cite."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} cannot be read ({error})") from error
    try:
        # A saved answer is one object over many lines, a run one object a line.
        rows = (
            [json.loads(text)] if text.lstrip().startswith("{\n") else [json.loads(line) for line in text.splitlines()]
        )
        for row in rows:
            for claim in (row.get("answer") or {}).get("claims", ()):
                if claim["verdict"] == "supported":
                    cited = [citation["paper_id"] for citation in claim["citations"] if citation["paper_id"]]
                    yield claim["text"], tuple(dict.fromkeys(cited))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ReadError(f"{path} holds no answers: name what 'ask --save' or 'eval run --out' wrote") from error
