"""A model that grades: does an answer say what the reference answer says?"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

import prompts
from eval.measures.answers import said
from eval.questions import Question
from eval.runs.cache import Cache, WatchedModel
from eval.runs.fingerprint import model_identity
from rag.context import neutralise
from rag.llm import LanguageModel

_VERDICT = re.compile(r"^\W*VERDICT\W+(RIGHT|WRONG)\W*$", re.MULTILINE)


class ModelGrader:
    """Asks a model; its replies are kept in the cache. Raises ModelError where the model fails."""

    def __init__(self, model: LanguageModel, cache: Cache | None) -> None:
        self._model = model
        self._cache = cache

    def __call__(self, question: Question, answer: Mapping[str, Any]) -> bool | None:
        """None if the reply holds no verdict."""
        messages = prompts.load("grade_answer").render(
            question=neutralise(question.question),
            reference=neutralise(question.reference),
            answer=neutralise(said(answer)),
        )
        watched = WatchedModel(self._model, model_identity(self._model) or {}, 0, self._cache, threading.Event())
        with watched.stream(messages) as stream:
            return verdict_in("".join(stream))


def verdict_in(reply: str) -> bool | None:
    """The last verdict on a line of its own; None without one."""
    found = _VERDICT.findall(reply)
    return found[-1] == "RIGHT" if found else None
