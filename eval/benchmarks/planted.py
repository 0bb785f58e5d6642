"""Does the gate see what it should, and only that? Planted regressions, and runs of an unchanged system.

    python -m eval.benchmarks.planted [--limit N] [--judge NAME] [--runs 10] [--noise 0.03]

The model is a stand-in that copies the sentences nearest to the question from its prompt and
cites as the prompt tells it; now and then it takes the second-best, so that two runs differ
as two runs of a real model do. Prints one line a case: whether the gate is closed, and by what.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

import prompts
from eval import shipped
from eval.compare import compare
from eval.gate import bars
from eval.questions import Question, load, resolve
from eval.runs.cache import Cache, CachedJudge
from eval.runs.records import Run
from eval.runs.runner import Scoring, run
from rag.embedding import BundledEmbedder, FloatArray
from rag.judge.opening import open_judge
from rag.library import Library
from rag.llm import LanguageModel, Message, ModelStream, ResolvedEvidence
from rag.pipeline import ask
from rag.retrieval.reranker import BUNDLED, Text
from rag.sentences import split_sentences
from rag.types import Usage
from rag.wire import answer_to_json

_SOURCE = re.compile(r"^\[(\d+)\] .*\n<<<\n(.*)\n>>>$", re.MULTILINE)
_LETTERED = re.compile(r"(?:\(([a-z]{1,2})\) )?(.+)", re.DOTALL)
"""A sentence as a prompt shows it, with or without its letter."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\w)")


class CopyingModel:
    """Answers with the sentence or two of its sources that share most words with the question."""

    name = "copying"
    context_tokens = 8192
    max_output_tokens = 700
    evidence: ResolvedEvidence = "abstracts"

    def __init__(self, seed: int, *, noise: float, altered: float = 0.0) -> None:
        self._seed = seed
        self._noise = noise
        self._altered = altered

    def stream(self, messages: Sequence[Message]) -> ModelStream:
        asked = messages[-1].content
        question = asked.rpartition("Question:")[2].partition("\n")[0].strip()
        dice = random.Random(f"{self._seed} {question}")
        wanted = _words(question)
        ranked = sorted(
            (
                (-_likeness(wanted, _words(sentence)), f"{number}{letter}", sentence)
                for number, text in _SOURCE.findall(asked)
                for letter, sentence in _sentences(text)
            ),
        )
        if not ranked or ranked[0][0] > -0.12:
            return _Said("NOT IN THE SOURCES")
        first = 1 if dice.random() < self._noise and len(ranked) > 1 else 0
        cites = "source number in square brackets" in asked or "[2]" in messages[0].content
        said = []
        for _, place, sentence in ranked[first : first + 2]:
            text = _NUMBER.sub(lambda found: self._perhaps_altered(found[0], dice), sentence)
            said.append(f"{text.rstrip('.')} [{place}]." if cites else text)
        return _Said(" ".join(said))

    def _perhaps_altered(self, number: str, dice: random.Random) -> str:
        if dice.random() >= self._altered:
            return number
        return str(int(float(number)) + dice.choice((1, 2, 7, 30)))


class _Said:
    def __init__(self, text: str) -> None:
        self.usage = Usage(0, len(text.split()))
        self.finish_reason: str | None = "stop"
        self._pieces = iter([text])

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        pass


class RememberingEmbedder(BundledEmbedder):
    """Embeds a question once: nothing that is planted here changes its vector."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[str, ...], FloatArray] = {}

    def embed(self, texts: Sequence[str]) -> FloatArray:
        key = tuple(texts)
        if key not in self._known:
            self._known[key] = super().embed(texts)
        return self._known[key]


class RememberingReranker:
    """Reads a question with a sentence, or with an abstract, once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Text], float] = {}

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        new = [one for one in texts if (question, one) not in self._known]
        for one, score in zip(new, BUNDLED.scores(question, new) if new else (), strict=True):
            self._known[question, one] = float(score)
        return np.array([self._known[question, one] for one in texts], np.float32)


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence of a source after its letter ('' without), which is no part of it."""
    for span in split_sentences(text):
        found = _LETTERED.fullmatch(span.of(text))
        if found is not None:
            yield found[1] or "", found[2]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z0-9]+", text.casefold()) if len(word) > 3}


def _likeness(question: set[str], sentence: set[str]) -> float:
    return len(question & sentence) / (len(question) ** 0.5 * len(sentence) ** 0.5 or 1.0)


@contextmanager
def without_citations() -> Iterator[None]:
    """The answering prompt with nothing in it about citing."""
    real = prompts.load
    text = "\n".join(
        re.sub(r", each with its source number.*", ".", line)
        for line in real("answer").text.split("\n")
        if not re.search(r"\[2c?\]|number of the source", line)
    )
    mute = prompts.parse("answer", text)
    prompts.load = lambda name: mute if name == "answer" else real(name)
    try:
        yield
    finally:
        prompts.load = real


@contextmanager
def without_words() -> Iterator[None]:
    """A search whose lexical half finds nothing."""
    real = Library.candidates

    def half(self: Library, **how: Any) -> Any:
        return real(self, **{**how, "text": None})

    Library.candidates = half  # type: ignore[method-assign]
    try:
        yield
    finally:
        Library.candidates = real  # type: ignore[method-assign]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.planted", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--limit", type=int, help="only so many of the shipped questions, evenly taken")
    parser.add_argument("--judge", default="default")
    parser.add_argument("--runs", type=int, default=10, help="runs of the unchanged system (10)")
    parser.add_argument("--noise", type=float, default=0.03, help="how often it takes the second-best sentence (0.03)")
    options = parser.parse_args(arguments)

    cache = Cache(shipped.cache_folder())
    scoring = Scoring(CachedJudge(open_judge(options.judge), cache), options.judge)
    with shipped.open_corpus(RememberingEmbedder()) as library:
        questions = resolve(load(shipped.questions_path()), library.papers())
        if options.limit:
            questions = tuple(questions[i * len(questions) // options.limit] for i in range(options.limit))

        reranker = RememberingReranker()

        def asker(question: Question, model: LanguageModel | None) -> Any:
            return answer_to_json(
                ask(library, question.question, model=model, history=question.history, reranker=reranker)
            )

        def made(model: LanguageModel | None) -> Run:
            return run(library, questions, model=model, scoring=scoring, at_once=1, asker=asker)

        writing = made(CopyingModel(0, noise=options.noise))
        quoting = made(None)
        cases: list[tuple[str, Run, Callable[[], Run], Any]] = [
            (
                "a prompt that drops citations",
                writing,
                lambda: made(CopyingModel(1, noise=options.noise)),
                without_citations,
            ),
            (
                "a model that alters one number in five",
                writing,
                lambda: made(CopyingModel(1, noise=options.noise, altered=0.2)),
                contextlib.nullcontext,
            ),
            ("a search without its lexical half, quoting", quoting, lambda: made(None), without_words),
            (
                "a search without its lexical half, writing",
                writing,
                lambda: made(CopyingModel(1, noise=options.noise)),
                without_words,
            ),
            ("unchanged, quoting", quoting, lambda: made(None), contextlib.nullcontext),
        ]
        for name, baseline, make, planted in cases:
            with planted():
                _tell(name, baseline, make())
        n_alarms = 0
        for seed in range(1, options.runs + 1):
            n_alarms += _tell(f"unchanged, writing, run {seed}", writing, made(CopyingModel(seed, noise=options.noise)))
        print(f"{n_alarms} of {options.runs} runs of the unchanged system raise an alarm")
    cache.close()
    return 0


def _tell(name: str, baseline: Run, after: Run) -> bool:
    """Prints the case; True if the gate is closed."""
    found = bars(compare(baseline, after))
    failing = [bar for bar in found if not bar.passes]
    why = ", ".join(
        f"{one.measure.name} {one.before:.3f} to {one.after:.3f}{'' if bar.is_sure else ' (not sure)'}"
        for bar in failing
        if (one := bar.paired).before is not None and one.after is not None
    )
    print(f"{time.strftime('%H:%M:%S')}  {name:46} {'CLOSED: ' + why if failing else 'open'}")
    sys.stdout.flush()
    return bool(failing)


if __name__ == "__main__":
    raise SystemExit(main())
