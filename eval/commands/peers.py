"""``footnoted eval peers``: other systems over the same library, questions and model, in one table."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands import shared
from eval.commands.run import Ready, run_and_report
from eval.commands.shared import LAYOUT, say

if TYPE_CHECKING:
    from eval.peers.agreement import Agreement
    from eval.scores import Scores

SYSTEMS = ("footnoted", "bm25", "llama-index")

_PEERS = """\
Ask the same questions of several systems over the same library, with the same model, and
put their figures side by side, all judged by the same judge:

  footnoted     this project, as 'footnoted ask'
  bm25          plain BM25 that quotes three sentences of the best paper
  llama-index   its CitationQueryEngine, with its defaults; needs a model

With a model, llama-index's FaithfulnessEvaluator (and ragas' faithfulness, where it is
installed) looks at the same answers, and the table says how far it agrees with the judge.
"""


def add_parser(commands: Any) -> None:
    made = commands.add_parser(
        "peers",
        help="this and other systems in one table",
        description=_PEERS,
        epilog=shared.EPILOG,
        formatter_class=LAYOUT,
        parents=[shared.asking_options(), shared.running_options()],
    )
    made.add_argument("--out", metavar="DIR", type=Path, help="keep the runs here, each in a folder of its own")
    made.add_argument("--systems", metavar="NAME", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    made.add_argument("--no-evaluators", action="store_true", help="leave the other evaluators out")
    made.set_defaults(run=_run, no_correction=True, labels=None)


def _run(options: argparse.Namespace) -> int:
    from eval.side_by_side import side_by_side_as_json, side_by_side_as_markdown, side_by_side_as_text
    from rag.llm import open_model

    questions = shared.questions_of(options)
    settings = shared.config_of(options)
    model = None if options.quote else open_model(settings.model)
    cache = shared.cache_of(options)
    found: list[tuple[str, Scores]] = []
    agreements: dict[str, list[Agreement]] = {}
    with shared.library_of(options, settings) as library:
        ready = Ready(library, shared.resolved(questions, library), settings, model, cache)
        for name in options.systems:
            own = dataclasses.replace(ready, model=None) if name == "bm25" else ready
            if name == "llama-index" and model is None:
                say("llama-index is left out: its CitationQueryEngine needs a model (--base-url and --model)")
                continue
            say(f"asking {name}")
            out = options.out / name if options.out is not None else None
            found.append((name, run_and_report(options, own, out, asker=_asker(name, own), system=name)))
        if model is not None and not options.no_evaluators:
            from eval.peers.agreement import agreement

            for evaluator in _evaluators(ready):
                for name, scores in found:
                    if name != "bm25":
                        say(f"{evaluator.name} looks at the answers of {name}")
                        agreements.setdefault(name, []).append(agreement(evaluator.name, evaluator, scores.run.records))
    as_json = {
        "systems": side_by_side_as_json(found),
        "evaluators": {name: [dataclasses.asdict(one) for one in own] for name, own in agreements.items()},
    }
    lines = list(_agreement_lines(agreements))
    if options.out is not None:
        _write(options.out, side_by_side_as_markdown(found) + "\n\n" + "\n".join(lines) + "\n", as_json)
    if options.json:
        shared.out_json(as_json)
    else:
        shared.out(side_by_side_as_text(found))
        if lines:
            shared.out("\n" + "\n".join(lines))
    return 1 if any(scores.n_unscored or scores.n_unjudged for _, scores in found) else 0


def _asker(name: str, ready: Ready) -> Any:
    papers = sorted(ready.library.papers(), key=lambda paper: paper.paper_id)
    if name == "bm25":
        from eval.peers.bm25 import BM25Quoting

        return BM25Quoting(papers, ready.settings.n_sources)
    if name == "llama-index":
        from eval.peers.llama import CitationEngine

        return CitationEngine(papers, ready.library.embedder, ready.settings.n_sources)
    return None


def _evaluators(ready: Ready) -> Iterator[Any]:
    from eval.errors import PeerError
    from eval.peers.llama import LlamaFaithfulness
    from eval.peers.ragas import RagasFaithfulness
    from rag.local import LocalModel

    assert ready.model is not None
    yield LlamaFaithfulness(ready.model, ready.cache)
    endpoint = ready.model.served() if isinstance(ready.model, LocalModel) else ready.settings.model
    if endpoint is not None:
        try:
            yield RagasFaithfulness(endpoint)
        except PeerError as error:
            say(f"note: {error}")


def _agreement_lines(agreements: dict[str, list[Agreement]]) -> Iterator[str]:
    from eval.table import in_unit, interval_in_unit

    for name, own in agreements.items():
        for one in own:
            if not one.n:
                yield f"{one.evaluator} on {name}: no answer that both could look at" + _failures(one)
                continue
            kappa = "no kappa: one always says the same" if one.kappa is None else f"kappa {one.kappa:.2f}"
            yield (
                f"{one.evaluator} on {name}: passes {in_unit(one.theirs_passed, 'share')} of {one.n} answers, "
                f"the judge {in_unit(one.ours_passed, 'share')}; they agree on {in_unit(one.agreed, 'share')} "
                f"({interval_in_unit(one.interval, 'share')}), {kappa}{_failures(one)}"
            )


def _failures(one: Agreement) -> str:
    return f"; {one.n_failed} failed, the first: {one.error}" if one.n_failed else ""


def _write(folder: Path, markdown: str, as_json: dict[str, Any]) -> None:
    import json

    from eval.errors import RunError
    from eval.runs.records import write_whole

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "peers.md", markdown.encode("utf-8", "replace"))
        write_whole(folder / "peers.json", (json.dumps(as_json, ensure_ascii=True, indent=1) + "\n").encode())
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror or error}): choose another folder") from error
