"""What the harness costs beside what it measures: its share of a run's wall time, in quoting mode.

    python -m eval.benchmarks.harness [--limit 120] [--judge default]

Asks the shipped questions one at a time with no cache, judges, scores, and writes all
reports. Everything that is neither asking nor judging counts as the harness's own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from eval import shipped
from eval.judge_rates import error_rates
from eval.questions import load, resolve
from eval.report import write_reports
from eval.runs.runner import Scoring, run
from eval.scores import scores_of
from rag.embedding import BundledEmbedder
from rag.judge.opening import open_judge
from rag.pipeline import ask


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.harness", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--limit", type=int, default=120, help="questions, evenly taken (120)")
    parser.add_argument("--judge", default="default")
    options = parser.parse_args(arguments)
    judge = open_judge(options.judge)
    with shipped.open_corpus(BundledEmbedder()) as library, tempfile.TemporaryDirectory() as folder:
        questions = resolve(load(shipped.questions_path()), library.papers())
        questions = tuple(questions[i * len(questions) // options.limit] for i in range(options.limit))
        # Loading the models is neither asking nor the harness.
        ask(library, questions[0].question)
        judge.judge("A claim about models.", ["A claim about models and papers."])
        started = time.perf_counter()
        done = run(library, questions, out=Path(folder), scoring=Scoring(judge, options.judge), at_once=1)
        ran = time.perf_counter() - started
        asking = sum(record.seconds for record in done.records)
        judging = sum(record.judged.seconds for record in done.records if record.judged is not None)
        started = time.perf_counter()
        rates = error_rates(judge)
        measuring_judge = time.perf_counter() - started
        started = time.perf_counter()
        scores = scores_of(done, rates=rates)
        scoring = time.perf_counter() - started
        started = time.perf_counter()
        write_reports(Path(folder), scores)
        writing = time.perf_counter() - started
    wall = ran + measuring_judge + scoring + writing
    own = wall - asking - judging - measuring_judge
    print(f"{len(questions)} questions, judge '{options.judge}': {wall:.1f} s in all")
    print(f"  asking            {asking:8.2f} s")
    print(f"  judging           {judging:8.2f} s")
    print(f"  the judge's errors{measuring_judge:8.2f} s")
    print(f"  scoring           {scoring:8.2f} s")
    print(f"  writing reports   {writing:8.2f} s")
    print(f"  the rest          {ran - asking - judging:8.2f} s")
    print(f"own share: {own / wall:.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
