"""What the subcommands share: options, opening what they name, and saying what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import UsageError

if TYPE_CHECKING:
    from eval.questions import Question
    from eval.runs.cache import Cache
    from eval.runs.runner import Scoring
    from rag.config import Config
    from rag.judge.judgement import Judge
    from rag.library import Library

LAYOUT = argparse.RawDescriptionHelpFormatter
EPILOG = "exit codes: 0 measured, 1 some question could not be run, 2 wrong usage"

NO_JUDGE = "none"


def asking_options() -> argparse.ArgumentParser:
    """Which questions are asked of which library."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--questions", metavar="FILE", type=Path, help="JSON lines, see docs/evaluation.md")
    made.add_argument("--library", metavar="DIR", help="the library that is asked")
    made.add_argument("--config", metavar="FILE", type=Path, help="a footnoted.toml other than your own")
    made.add_argument("--limit", metavar="N", type=positive, help="only N questions, taken evenly from the file")
    made.add_argument(
        "--sample", metavar="N", type=positive, help="only N questions, drawn at random, of each kind its share"
    )
    made.add_argument("--failures", action="store_true", help="add two lines for each question that was missed")
    made.add_argument("--json", action="store_true", help="print JSON for machines")
    return made


def running_options() -> argparse.ArgumentParser:
    """How they are asked, and who judges."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint (or OPENAI_BASE_URL)")
    made.add_argument("--model", metavar="NAME", help="the model there, or a [model.NAME] profile (or FOOTNOTED_MODEL)")
    made.add_argument("--quote", action="store_true", help="quote only, whatever model is configured")
    made.add_argument("--verified-only", action="store_true", help="leave out sentences that fail the check")
    made.add_argument("--no-repair", action="store_true", help="leave sentences as the model wrote them")
    made.add_argument("--repeats", metavar="K", type=positive, default=1, help="ask each question K times (1)")
    made.add_argument("--judge", metavar="NAME", default="default", help="who judges the claims; 'none' for nobody")
    made.add_argument("--grader", metavar="NAME", help="a [model.NAME] profile that compares answers with references")
    made.add_argument("--deadline", metavar="S", type=seconds, default=600.0, help="seconds for one answer (600)")
    made.add_argument("--judge-deadline", metavar="S", type=seconds, default=120.0, help="for judging it (120)")
    made.add_argument("--at-once", metavar="N", type=positive, help="questions at once, at most (8 of a model, else 1)")
    made.add_argument("--no-cache", action="store_true", help="ask the model and the judge anew, and keep nothing")
    made.add_argument("--cache", metavar="DIR", type=Path, help="where replies are kept (else in your cache folder)")
    made.add_argument("--price", metavar="IN,OUT", type=prices, help="dollars for a million tokens in and out")
    made.add_argument("--retry-errors", action="store_true", help="ask again what failed in --out before")
    return made


def judging_options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--no-correction", action="store_true", help="do not measure the judge on the answers that ship")
    made.add_argument("--labels", metavar="FILE", type=Path, help="people's labels of claims, to correct the judge")
    return made


def questions_of(options: argparse.Namespace) -> tuple[Question, ...]:
    from eval import shipped
    from eval.questions import load, sampled

    path = options.questions or shipped.questions_path()
    questions = load(path)
    if not questions:
        raise UsageError(f"the question file {path} holds no question: write one JSON object a line")
    if options.limit is not None and options.limit < len(questions):
        questions = tuple(questions[i * len(questions) // options.limit] for i in range(options.limit))
    if options.sample is not None:
        questions = sampled(questions, options.sample)
    return questions


def library_of(options: argparse.Namespace, settings: Config) -> Library:
    from eval import shipped
    from rag.embedding import open_embedder
    from rag.library import Library

    embedder = open_embedder(settings.embedding)
    if options.questions is None and options.library is None:
        return shipped.open_corpus(embedder)
    return Library.open(settings.library, embedder=embedder, store=settings.store)


def resolved(questions: tuple[Question, ...], library: Library) -> tuple[Question, ...]:
    from eval.questions import resolve

    if len(library) == 0:
        raise UsageError(f"the library {library.path} is empty: add papers first, or name another with --library")
    return resolve(questions, library.papers())


def config_of(options: argparse.Namespace, model: str | None = None) -> Config:
    from rag import config

    settings = config.load(
        library=getattr(options, "library", None),
        base_url=getattr(options, "base_url", None),
        model=model or getattr(options, "model", None),
        file=getattr(options, "config", None),
        verified_only=getattr(options, "verified_only", False) or None,
        repair=False if getattr(options, "no_repair", False) else None,
    )
    for warning in settings.warnings:
        say(f"note: {warning}")
    return settings


def cache_of(options: argparse.Namespace) -> Cache | None:
    if options.no_cache:
        return None
    from eval import shipped
    from eval.runs.cache import Cache

    return Cache(options.cache or shipped.cache_folder())


def judge_of(name: str, cache: Cache | None, options: argparse.Namespace) -> Judge | None:
    from rag.judge.opening import open_judge
    from rag.llm import open_model

    if name == NO_JUDGE:
        return None
    from eval.runs.cache import CachedJudge

    judge = open_judge(name, open_model(config_of(options).model) if "llm" in name else None)
    return CachedJudge(judge, cache) if cache is not None else judge


def scoring_of(options: argparse.Namespace, cache: Cache | None) -> Scoring:
    from eval.runs.runner import Scoring

    judge = judge_of(options.judge, cache, options)
    grade = None
    if options.grader is not None:
        from eval.grading import ModelGrader
        from rag.llm import open_model

        model = open_model(config_of(options, options.grader).model)
        if model is None:
            raise UsageError(
                f"no model is configured under '{options.grader}': write a [model.{options.grader}] profile"
            )
        if judge is None:
            raise UsageError("a grader needs a judge beside it: leave --judge none out")
        grade = ModelGrader(model, cache)
    return Scoring(judge, options.judge if judge is not None else "", grade, options.judge_deadline)


def address(url: str) -> str:
    """Host and port only: keys can hide in the rest."""
    from urllib.parse import urlsplit

    return urlsplit(url).netloc.rpartition("@")[2]


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def prices(text: str) -> tuple[float, float]:
    one, _, other = text.partition(",")
    found = float(one), float(other or one)
    if not all(0 <= price < float("inf") for price in found):
        raise ValueError
    return found


def out(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def out_json(value: Mapping[str, Any]) -> None:
    from rag.terminal import harmless_json

    out(harmless_json(json.dumps(value, ensure_ascii=False, indent=2)))


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
