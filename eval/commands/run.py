"""``footnoted eval run`` and ``rescore``: ask, judge, and write down what it comes to."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.commands import shared
from eval.commands.shared import EPILOG, LAYOUT, say
from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.questions import Question
    from eval.runs.cache import Cache
    from eval.runs.records import Run
    from eval.runs.runner import Asker
    from eval.scores import Scores
    from rag.config import Config
    from rag.judge.judgement import Judge
    from rag.library import Library
    from rag.llm import LanguageModel

_RUN = """\
Ask every question as 'footnoted ask' would, have the claims judged, and print what it comes to.

Without --questions and --library, the shipped questions are asked about the shipped
papers, whose library is kept in your cache folder. With --questions alone they are asked
about your library. With --out the answers are kept in run.jsonl there as they come, with
scores.json, report.html, report.md and report.json beside it; the same command goes on
where it was broken off.
"""

_RESCORE = """\
Score a run again without asking anything again: with other expressions, another judge, or
labels of your own. The answers stay as they are; run.jsonl is written anew with what the
judge says, and the reports beside it.
"""

QUOTING = "quote"
"""The profile that asks no model."""


def add_parser(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="ask the questions and measure the answers",
        description=_RUN,
        epilog=EPILOG,
        formatter_class=LAYOUT,
        parents=[shared.asking_options(), shared.running_options(), shared.judging_options()],
    )
    run.add_argument("--out", metavar="DIR", type=Path, help="keep every answer here; repeat the command to go on")
    run.add_argument(
        "--profile",
        metavar="NAME",
        nargs="+",
        default=[],
        help="[model.NAME] profiles to run one after the other, each in a folder of its own; 'quote' asks no model",
    )
    run.add_argument("--by-tag", action="store_true", help="add a row for each tag")
    run.add_argument("--dry-run", action="store_true", help="say calls, tokens and money, and send nothing")
    run.set_defaults(run=_run)

    again = commands.add_parser(
        "rescore",
        help="score a run again without asking again",
        description=_RESCORE,
        epilog=EPILOG,
        formatter_class=LAYOUT,
        parents=[shared.judging_options()],
    )
    again.add_argument("place", metavar="DIR", type=Path, help="a folder of 'eval run --out', or its run.jsonl")
    again.add_argument("--out", metavar="DIR", type=Path, help="write the new scores here (default: where they were)")
    again.add_argument("--questions", metavar="FILE", type=Path, help="judge by these expressions and papers instead")
    again.add_argument("--judge", metavar="NAME", help="judge the claims by this one (default: keep the verdicts)")
    again.add_argument("--judge-deadline", metavar="S", type=shared.seconds, default=120.0, help="for one answer (120)")
    again.add_argument("--no-cache", action="store_true", help="ask the judge anew, and keep nothing")
    again.add_argument("--cache", metavar="DIR", type=Path, help="where judgements are kept")
    again.add_argument("--by-tag", action="store_true", help="add a row for each tag")
    again.add_argument("--failures", action="store_true", help="add two lines for each question that was missed")
    again.add_argument("--json", action="store_true", help="print JSON for machines")
    again.set_defaults(run=_rescore)


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that a run needs, opened."""

    library: Library
    questions: tuple[Question, ...]
    settings: Config
    model: LanguageModel | None
    cache: Cache | None


def _run(options: argparse.Namespace) -> int:
    if options.retry_errors and options.out is None:
        raise UsageError("--retry-errors asks again what failed in an earlier run: name its folder with --out")
    if options.profile and (options.model or options.quote or options.base_url):
        raise UsageError("--profile names the models: leave --model, --base-url and --quote out")
    found: list[tuple[str, Scores]] = []
    code = 0
    for name, ready in _profiles(options):
        out = options.out / name if options.out is not None and name else options.out
        if options.dry_run:
            _plan(options, ready, name)
            continue
        scores = run_and_report(options, ready, out)
        found.append((name, scores))
        code = max(code, _exit_code(scores))
    if options.dry_run:
        return 0
    _show(options, found)
    return code


def _profiles(options: argparse.Namespace) -> Iterator[tuple[str, Ready]]:
    """Each profile's name ('' where none is named) with everything opened for it."""
    from rag.llm import open_model

    questions = shared.questions_of(options)
    cache = shared.cache_of(options)
    try:
        for name in options.profile or [""]:
            quoting = options.quote or name == QUOTING
            settings = shared.config_of(options, None if quoting or not name else name)
            if name and not quoting and settings.model is None:
                raise UsageError(f"there is no profile [model.{name}]: write one, or name 'quote'")
            model = None if quoting else open_model(settings.model)
            if model is not None and settings.model is not None:
                say(f"asking {len(questions)} questions of {model.name} at {shared.address(settings.model.base_url)}")
            with shared.library_of(options, settings) as library:
                yield name, Ready(library, shared.resolved(questions, library), settings, model, cache)
    finally:
        if cache is not None:
            if cache.trouble:
                say(f"note: {cache.trouble}")
            cache.close()


def run_and_report(
    options: argparse.Namespace,
    ready: Ready,
    out: Path | None,
    *,
    asker: Asker | None = None,
    system: str = "footnoted",
) -> Scores:
    """The scores of one run; with ``out`` its record and its reports are there."""
    from eval.progress import Progress
    from eval.runs.runner import run

    scoring = shared.scoring_of(options, ready.cache)
    progress = Progress(len(ready.questions) * options.repeats, options.price)
    try:
        done = run(
            ready.library,
            ready.questions,
            model=ready.model,
            out=out,
            n_sources=ready.settings.n_sources,
            verified_only=ready.settings.verified_only,
            repair=ready.settings.repair,
            repeats=options.repeats,
            scoring=scoring,
            retry_errors=options.retry_errors,
            deadline_seconds=options.deadline,
            at_once=options.at_once,
            cache=ready.cache,
            asker=asker,
            system=system,
            prices=options.price,
            on_record=progress.tell,
        )
    finally:
        progress.clear()
    return _scored(options, done, scoring.judge, out)


def _scored(options: argparse.Namespace, done: Run, judge: Judge | None, out: Path | None) -> Scores:
    from eval.judge_rates import error_rates
    from eval.report import write_reports
    from eval.scores import scores_of

    is_judged = any(record.judged is not None and not record.judged.error for record in done.records)
    rates = error_rates(judge) if judge is not None and is_judged and not options.no_correction else None
    labels = _labels(options.labels) if options.labels is not None else None
    scores = scores_of(done, rates=rates, labels=labels)
    if out is not None:
        write_reports(out, scores)
    return scores


def _plan(options: argparse.Namespace, ready: Ready, name: str) -> None:
    from eval.progress import Progress
    from eval.runs.plan import plan, plan_in_words
    from rag.pipeline import ask
    from rag.wire import answer_to_json

    def asker(question: Question, model: LanguageModel | None) -> Any:
        n_sources = ready.settings.n_sources
        return answer_to_json(
            ask(ready.library, question.question, model=model, history=question.history, n_sources=n_sources)
        )

    progress = Progress(len(ready.questions))
    try:
        planned = plan(
            ready.questions, ready.model, asker, repeats=options.repeats, cache=ready.cache, on_question=progress.count
        )
    finally:
        progress.clear()
    if options.json:
        import dataclasses

        dollars = None if options.price is None else planned.dollars(options.price)
        shared.out_json({"profile": name or None, **dataclasses.asdict(planned), "dollars": dollars})
        return
    shared.out((f"{name}: " if name else "") + plan_in_words(planned, ready.model, options.price))


def _rescore(options: argparse.Namespace) -> int:
    from eval.runs import records
    from eval.runs.rescore import rescore

    held = records.read(options.place)
    cache = shared.cache_of(options)
    judge = shared.judge_of(options.judge, cache, options) if options.judge is not None else None
    questions = None
    if options.questions is not None:
        from eval.questions import load

        questions = load(options.questions)
    done = rescore(
        held,
        questions=questions,
        judge=judge,
        judge_name=options.judge if judge is not None else None,
        drop_verdicts=options.judge == shared.NO_JUDGE,
        deadline_seconds=options.judge_deadline,
    )
    out = options.out or records.path_of(options.place).parent
    records.write(out, done)
    kept = judge
    if kept is None and done.about["settings"]["judge"]:
        kept = shared.judge_of(done.about["settings"]["judge"], cache, options)
    scores = _scored(options, done, kept, out)
    _show(options, [("", scores)])
    return _exit_code(scores)


def _show(options: argparse.Namespace, found: Sequence[tuple[str, Scores]]) -> None:
    from eval.table import run_as_json, scores_as_text

    if options.json:
        as_json = [run_as_json(scores) for _, scores in found]
        if len(found) == 1:
            shared.out_json(as_json[0])
        else:
            shared.out_json({name: one for (name, _), one in zip(found, as_json, strict=True)})
    else:
        for name, scores in found:
            if name:
                shared.out(f"== {name}")
            shared.out(scores_as_text(scores, by_tag=options.by_tag, failures=options.failures))
        if len(found) > 1:
            from eval.side_by_side import side_by_side_as_text

            shared.out("\n" + side_by_side_as_text(found))
    for _, scores in found:
        failed = [record for record in scores.run.records if not record.is_scorable]
        if scores.run.stopped:
            say(f"the run was ended: {scores.run.stopped}; start the same command again with --retry-errors to go on")
        if failed:
            say(
                f"{len(failed)} of {len(scores.run.records)} questions could not be run; the first: {failed[0].failure}"
            )
        if scores.n_unjudged:
            say(f"{scores.n_unjudged} answers could not be judged; --retry-errors judges them again")


def _exit_code(scores: Scores) -> int:
    return 1 if scores.n_unscored or scores.n_unjudged else 0


def _labels(path: Path) -> dict[tuple[str, int, int], bool]:
    """Lines of ``{"id", "claim": from 0, "supported", "repeat"?}``. Raises QuestionFileError with all problems."""
    import json

    from eval.errors import QuestionFileError

    labels: dict[tuple[str, int, int], bool] = {}
    problems: list[str] = []
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionFileError(f"the labels {path} cannot be read", [f"{error}: check the path"]) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            name, claim, supported = item["id"], item["claim"], item["supported"]
            if not isinstance(name, str) or not isinstance(claim, int) or not isinstance(supported, bool):
                raise ValueError("'id' must be a text, 'claim' a number from 0, 'supported' true or false")
            labels[name, int(item.get("repeat", 0)), claim] = supported
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"line {number}: {error}: write {{'id': ..., 'claim': 0, 'supported': true}}")
    if problems:
        raise QuestionFileError(f"the labels {path} have {len(problems)} problems", problems)
    return labels
