"""Asking: search, ask, summarize, compare, and what was answered before: verify, replay."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rag.commands.common import config_of, filter_of, open_library, say_coverage
from rag.commands.output import print_json, say, tell
from rag.errors import UsageError
from rag.terminal import count, differences_in_words, harmless_json, paragraph

if TYPE_CHECKING:
    from rag.library import Library
    from rag.pipeline import How
    from rag.types import Turn

MAX_CHOSEN = 200
"""Papers that one summary reads."""

EXIT_CODES = {"answered": 0, "abstained": 3, "failed": 1, "empty": 1, "stopped": 1}


def search(options: argparse.Namespace) -> int:
    from rag.lexical import fitting_titles, look_by_words
    from rag.retrieval import look
    from rag.retrieval.explaining import explain
    from rag.terminal import hit_in_words, titled_in_words
    from rag.wire import hit_to_json, titled_to_json

    settings = config_of(options)
    only = filter_of(options)
    with open_library(options, settings) as library:
        if options.lexical:
            found = look_by_words(library, options.question, k=options.k, only=only)
        else:
            from rag.retrieval.reranker import BUNDLED

            reranker = BUNDLED if settings.rerank and not options.no_rerank else None
            found = look(library, options.question, k=options.k, reranker=reranker, only=only, evidence=False)
            say_coverage(library)
        asked = found.asked
        titled = fitting_titles(library, asked.text, asked.only)
        n_papers = len(library)
    for note in asked.notes:
        say(f"note: {note}")
    if options.json:
        hits = [
            hit_to_json(hit, explain(asked.text, hit, asked.read_as) if options.explain else None, asked.read_as)
            for hit in found.hits
        ]
        print_json([*hits, *(titled_to_json(paper, score) for paper, score in titled)])
        return 0
    for rank, hit in enumerate(found.hits, 1):
        tell(hit_in_words(rank, hit, explain(asked.text, hit, asked.read_as) if options.explain else None))
    for paper, _ in titled:
        tell(titled_in_words(paper))
    if not found.hits and not titled:
        what = f"nothing found {only.describe()}" if only else "nothing found"
        say(what if n_papers else "the library is empty: footnoted add FILE brings papers in")
    return 0


def ask(options: argparse.Namespace) -> int:
    is_many = options.question == "-"
    if is_many and options.save:
        raise UsageError("--save keeps one answer: ask one question, or read the answers from --json")
    worst = 0
    with _asking(options) as (library, how):
        how["kind"] = options.kind
        for question, history, named in _questions(options.question):
            code = _told(library, question, {**how, "history": history}, options, named, with_question=is_many)
            worst = code if worst == 0 or code == 1 else worst
    return worst


def summarize(options: argparse.Namespace) -> int:
    with _asking(options) as (library, how):
        how["kind"] = "summary"
        if options.topic is None and not how["about"]:
            if how["only"] is None:
                raise UsageError("name a topic, or choose papers: --about ID, or a filter such as --tag TAG")
            how["about"] = tuple(one.paper_id for one in library.listed(how["only"]))[:MAX_CHOSEN]
            if not how["about"]:
                say(f"nothing to summarise {how['only'].describe()}")
                return 3
        return _told(library, options.topic or "Summarise these papers", how, options)


def compare(options: argparse.Namespace) -> int:
    with _asking(options) as (library, how):
        how["kind"] = "comparison"
        if len(options.papers) > 1 and all(paper_id in library for paper_id in options.papers):
            how["about"] = tuple(options.papers)
            return _told(library, "Compare these papers", how, options)
        if len(options.papers) > 1:
            unknown = [paper_id for paper_id in options.papers if paper_id not in library]
            raise UsageError(f"no paper here has the id {unknown[0]}: 'footnoted papers' lists them")
        return _told(library, options.papers[0], how, options)


def verify(options: argparse.Namespace) -> int:
    from rag.saving import load, verify

    saved = load(options.file)
    with open_library(options) as library:
        proofs = verify(saved, library)
        same_corpus = saved.corpus_fingerprint == library.corpus_fingerprint
    n_holding = sum(proof.holds for proof in proofs)
    if options.json:
        print_json({"quotes": [dataclasses.asdict(proof) for proof in proofs], "same_library": same_corpus})
    else:
        for proof in proofs:
            if not proof.holds:
                tell(paragraph(f"! {proof.problem}: “{proof.quote}” ({proof.paper_id})", indent="  ", first=""))
        tell(f"{n_holding} of {count(len(proofs), 'quote')} stand where they stood")
        if not same_corpus:
            say("note: papers were added, edited or removed since then")
    return 0 if n_holding == len(proofs) else 1


def replay(options: argparse.Namespace) -> int:
    from rag.pipeline import ask as ask_library
    from rag.saving import differences, load
    from rag.wire import answer_to_json

    saved = load(options.file)
    with _asking(options) as (library, how):
        asked = saved.asked
        held = tuple(paper_id for paper_id in asked["about"] or () if paper_id in library)
        if asked["about"] and not held:
            say("none of the papers that it was asked of is in the library any more")
            return 3
        how = {
            **how,
            **asked,
            "about": held,
            "verified_only": how["verified_only"] or asked["verified_only"],
            "repair": how["repair"] and asked["repair"],
            "reranker": how["reranker"] and asked["reranker"],
        }
        answer = ask_library(library, str(saved.answer["question"]), **how)
        found = differences(saved, answer, library)
    if options.json:
        print_json({"differences": dataclasses.asdict(found), "answer": answer_to_json(answer)})
    else:
        tell(differences_in_words(found))
    return EXIT_CODES[answer.outcome]


@contextlib.contextmanager
def _asking(options: argparse.Namespace) -> Iterator[tuple[Library, How]]:
    """The library, and how to ask it as the options and the configuration say."""
    from rag.judge.opening import configured_judge
    from rag.llm import open_model
    from rag.retrieval.reranker import BUNDLED

    settings = config_of(options)
    model = None if options.quote else open_model(settings.model)
    how: How = {
        "model": model,
        # Quotes need no model to judge them, and '--quote' sends nothing anywhere.
        "judge": configured_judge("default" if options.quote else settings.judge, model),
        "n_sources": settings.n_sources,
        "verified_only": settings.verified_only,
        "repair": settings.repair and not options.no_repair,
        "reranker": BUNDLED if settings.rerank and not options.no_rerank else None,
        "only": filter_of(options) if hasattr(options, "author") else None,
        "about": tuple(getattr(options, "about", None) or ()),
        "without": tuple(getattr(options, "without", None) or ()),
    }
    with open_library(options, settings) as library:
        for paper_id in how["about"]:
            if paper_id not in library:
                raise UsageError(f"no paper here has the id {paper_id}: 'footnoted papers' lists them")
        say_coverage(library)
        yield library, how


def _told(
    library: Library,
    question: str,
    how: How,
    options: argparse.Namespace,
    named: dict[str, Any] | None = None,
    *,
    with_question: bool = False,
) -> int:
    """Ask, print what came of it, keep it where that is wanted; the exit code."""
    from rag.pipeline import ask as ask_library
    from rag.terminal import answer_in_words
    from rag.wire import answer_to_json

    answer = ask_library(library, question, **how)
    if options.json:
        tell(harmless_json(json.dumps({**(named or {}), **answer_to_json(answer)}, ensure_ascii=False)))
    else:
        tell(answer_in_words(answer, with_question=with_question), end="\n\n" if with_question else "\n")
    if options.save:
        from rag.saving import save

        save(options.save, answer, how, library)
        say(f"saved to {options.save}: 'footnoted verify {options.save}' proves its quotes again")
    return EXIT_CODES[answer.outcome]


def _questions(argument: str) -> Iterator[tuple[str, tuple[Turn, ...], dict[str, Any]]]:
    """The question of the command line, or those of standard input, each with its history and ``id``.

    A line that cannot be read ends it: the answers to the lines before it stand.
    """
    from rag.wire import question_from_json

    if argument != "-":
        yield argument, (), {}
        return
    # As bytes, where there are bytes: a line that is not UTF-8 must be named, not crash the decoder.
    lines: Iterable[bytes | str] = getattr(sys.stdin, "buffer", sys.stdin)
    for number, line in enumerate(lines, 1):
        try:
            text = (line if isinstance(line, str) else line.decode("utf-8")).removeprefix("\ufeff").strip()
            if text.startswith("{"):
                yield question_from_json(text)
            elif text:
                yield text, (), {}
        except UnicodeDecodeError as error:
            raise UsageError(f"standard input, line {number}: it is not UTF-8; convert it first") from error
        except ValueError as error:
            raise UsageError(f"standard input, line {number}: {error}") from error
