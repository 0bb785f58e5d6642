"""Question files: JSON lines, one question with what a right answer is known by.

    {"id": "kelp-1", "question": "How fast does kelp grow?", "answerable": true,
     "relevant": ["Kelp Forests of"], "evidence": ["Kelp grows 60 cm a day."],
     "must": ["60\\\\s?cm"], "must_not": [], "reference": "60 cm a day.",
     "history": [], "tags": ["number"]}

Only ``id``, ``question`` and ``answerable`` are required; an answerable question also
needs something to judge an answer by. Blank lines are passed over.
"""

from __future__ import annotations

import difflib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.errors import QuestionFileError
from rag.types import Paper, Turn
from rag.wire import history_from_json

_TEXT_LISTS = ("relevant", "evidence", "must", "must_not", "tags")
_FIELDS = ("id", "question", "history", "answerable", *_TEXT_LISTS, "reference")
_JUDGED_BY = ("relevant", "evidence", "must", "reference")
SAMPLE_SEED = 20_240_817
_TURN_FIELDS = ("question", "answer", "paper_ids", "role", "content")


@dataclass(frozen=True, slots=True)
class Question:
    question_id: str
    """``id`` in the file."""
    question: str
    answerable: bool
    """Whether an abstract of the library answers it."""
    history: tuple[Turn, ...] = ()
    relevant: tuple[str, ...] = ()
    """The papers that answer: ids, or beginnings of titles until ``resolve`` has been through."""
    evidence: tuple[str, ...] = ()
    """The sentences of the abstracts that answer, letter for letter."""
    must: tuple[str, ...] = ()
    """Regular expressions, case ignored, that a right answer matches, every one of them."""
    must_not: tuple[str, ...] = ()
    """Likewise, none of which a right answer matches."""
    reference: str = ""
    """A right answer in words."""
    tags: tuple[str, ...] = ()


def load(path: Path) -> tuple[Question, ...]:
    """The questions of a file in its order; () if it holds none.

    Raises QuestionFileError with every problem of the file: the line, what is wrong, and
    how to mend it.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise QuestionFileError(f"the question file {path} cannot be read", [f"{reason}: check the path"]) from error
    except UnicodeDecodeError as error:
        bad_line = 1 + data.count(b"\n", 0, error.start)
        problem = f"line {bad_line}: not UTF-8 text: save the file in UTF-8"
        raise QuestionFileError(f"the question file {path} cannot be read", [problem]) from error
    questions: list[Question] = []
    problems: list[str] = []
    lines_of: dict[str, int] = {}
    # Not splitlines(): U+2028 and its like may stand inside a JSON text.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        found: list[str] = []
        item = _object(line, found)
        if item is not None:
            question = _question(item, found)
            name = item.get("id")
            if isinstance(name, str) and name in lines_of:
                found.append(f"the id '{name}' is already that of line {lines_of[name]}: give each question its own")
            elif isinstance(name, str):
                lines_of[name] = number
            if question is not None:
                questions.append(question)
        problems += [f"line {number}: {problem}" for problem in found]
    if problems:
        what = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
        raise QuestionFileError(f"the question file {path} has {what}", problems)
    return tuple(questions)


def to_json(question: Question) -> dict[str, Any]:
    """As it stands in a file, every field spelled out."""
    return {
        "id": question.question_id,
        "question": question.question,
        "history": [
            {"question": turn.question, "answer": turn.answer, "paper_ids": list(turn.paper_ids)}
            for turn in question.history
        ],
        "answerable": question.answerable,
        **{name: list(getattr(question, name)) for name in _TEXT_LISTS},
        "reference": question.reference,
    }


def from_json(item: object) -> Question:
    """Raises ValueError with every problem, joined by '; '."""
    problems: list[str] = []
    question = _question(item, problems) if isinstance(item, dict) else None
    if question is None:
        raise ValueError("; ".join(problems) or "a question must be an object")
    return question


def resolve(questions: Sequence[Question], papers: Iterable[Paper]) -> tuple[Question, ...]:
    """``questions`` with the ids of their papers in ``relevant``, each id once.

    A paper is named by its id or by the beginning of its title (case and spacing ignored).
    Raises QuestionFileError naming every name that fits no paper or several, and every
    evidence sentence that stands in none of the question's papers.
    """
    held = list(papers)
    ids = {paper.paper_id: paper for paper in held}
    titles = [(_plain(paper.title), paper) for paper in held]
    problems: list[str] = []
    resolved: list[Question] = []
    for question in questions:
        found: dict[str, Paper] = {}
        before = len(problems)
        for name in question.relevant:
            if name in ids:
                found[name] = ids[name]
                continue
            fitting = [paper for title, paper in titles if title.startswith(_plain(name))]
            exact = [paper for paper in fitting if _plain(paper.title) == _plain(name)]
            fitting = exact if len(exact) == 1 else fitting
            if len(fitting) == 1:
                found[fitting[0].paper_id] = fitting[0]
            else:
                problems.append(f"'{question.question_id}': {_unfit(name, fitting, titles)}")
        if len(problems) == before and found:
            problems += [
                f"'{question.question_id}': the evidence '{_short(sentence)}' stands in none of its papers: "
                "copy it letter for letter, or name the paper that has it"
                for sentence in question.evidence
                if not any(sentence in paper.abstract for paper in found.values())
            ]
        resolved.append(replace(question, relevant=tuple(found)))
    if problems:
        what = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
        raise QuestionFileError(f"the questions do not fit the library of {len(held):,} papers: {what}", problems)
    return tuple(resolved)


def _object(line: str, problems: list[str]) -> dict[str, Any] | None:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.extend(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
        return dict(pairs)

    try:
        item = json.loads(line, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        problems.append(f"not JSON ({error.msg}, column {error.colno}): write one whole object a line")
        return None
    except (ValueError, RecursionError) as error:
        problems.append(f"not JSON that can be read ({error}): write one whole object a line")
        return None
    if not isinstance(item, dict):
        problems.append(f"a {_kind(item)}, not an object: write {{'id': ..., 'question': ..., 'answerable': ...}}")
        return None
    problems += [f"the field '{name}' is written twice: keep one" for name in repeated]
    return item


def _question(item: Mapping[str, Any], problems: list[str]) -> Question | None:
    """None if anything was found wrong; everything that was goes to ``problems``."""
    before = len(problems)
    for name in item:
        if name not in _FIELDS:
            near = difflib.get_close_matches(name, _FIELDS, 1)
            advice = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(_FIELDS)}"
            problems.append(f"unknown field '{name}': {advice}")
    for name in ("id", "question"):
        value = item.get(name)
        if not isinstance(value, str) or not value.strip():
            problems.append(_wrong(item, name, "a text that is not blank"))
    answerable = item.get("answerable")
    if not isinstance(answerable, bool):
        problems.append(_wrong(item, "answerable", "true or false"))
    if not isinstance(item.get("reference", ""), str):
        problems.append(_wrong(item, "reference", "a text"))
    texts = {name: _texts(item, name, problems) for name in _TEXT_LISTS}
    for name in ("must", "must_not"):
        for expression in texts[name]:
            try:
                re.compile(expression, re.IGNORECASE)
            except (re.error, OverflowError, RecursionError) as error:
                problems.append(f"'{expression}' in '{name}' is not a regular expression ({error}): mend or escape it")
    if answerable is True and not any(item.get(name) for name in _JUDGED_BY):
        problems.append(f"answerable, but with nothing to judge an answer by: give one of {', '.join(_JUDGED_BY)}")
    if answerable is False:
        given = [name for name in ("relevant", "evidence", "must") if texts[name]]
        if given:
            problems.append(f"not answerable, but with '{given[0]}': leave it empty, or set 'answerable' to true")
    history = _history(item.get("history"), problems)
    if len(problems) > before:
        return None
    return Question(
        question_id=item["id"],
        question=item["question"],
        answerable=item["answerable"],
        history=history,
        reference=item.get("reference", ""),
        **texts,
    )


def _texts(item: Mapping[str, Any], name: str, problems: list[str]) -> tuple[str, ...]:
    values = item.get(name, [])
    if not isinstance(values, list):
        problems.append(_wrong(item, name, "a list of texts"))
        return ()
    bad = [value for value in values if not isinstance(value, str) or not value.strip()]
    problems += [f"'{name}' holds {value!r:.40}: every item must be a text that is not blank" for value in bad]
    return tuple(value for value in values if isinstance(value, str) and value.strip())


def _history(value: Any, problems: list[str]) -> tuple[Turn, ...]:
    try:
        turns = history_from_json(value)
    except ValueError as error:
        problems.append(f"{error}: write [{{'question': ..., 'answer': ...}}, ...]")
        return ()
    for position, turn in enumerate(value or (), 1):
        problems += [
            f"unknown field '{name}' in item {position} of 'history': known are {', '.join(_TURN_FIELDS)}"
            for name in turn
            if name not in _TURN_FIELDS
        ]
    return turns


def _wrong(item: Mapping[str, Any], name: str, wanted: str) -> str:
    if name not in item:
        return f"the field '{name}' is missing: it is {wanted}"
    return f"'{name}' is {_short(repr(item[name]))}: it must be {wanted}"


def _unfit(name: str, fitting: Sequence[Paper], titles: Sequence[tuple[str, Paper]]) -> str:
    if fitting:
        named = "', '".join(_short(paper.title) for paper in fitting[:3])
        return f"'{name}' begins the titles of {len(fitting)} papers ('{named}'): write more of the title, or its id"
    near = difflib.get_close_matches(_plain(name), [title[: len(_plain(name))] for title, _ in titles], 1)
    known = next((paper.title for title, paper in titles if near and title.startswith(near[0])), None)
    advice = f"did you mean '{_short(known)}'?" if known else "add the paper, or take the question out"
    return f"'{name}' is no id and begins no title: {advice}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _kind(value: object) -> str:
    kinds = {list: "list", str: "text", bool: "truth value", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def sampled(questions: Sequence[Question], n: int) -> tuple[Question, ...]:
    """``n`` of them, drawn at random, the same ones each time, of each kind (tags) its share.

    They are in such an order that whatever number of them comes first is such a sample too:
    of a run that is broken off, what was asked is no worse a picture than fewer questions are.
    """
    draw = random.Random(SAMPLE_SEED)
    kinds: dict[tuple[str, ...], list[Question]] = {}
    for question in questions:
        kinds.setdefault(question.tags, []).append(question)
    places: list[tuple[float, Question]] = []
    for own in kinds.values():
        draw.shuffle(own)
        offset = draw.random()
        places += [((place + offset) / len(own), question) for place, question in enumerate(own)]
    places.sort(key=lambda one: one[0])
    return tuple(question for _, question in places[:n])
