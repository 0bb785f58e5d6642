"""The judges by name."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.judge.baselines import AlwaysYes, LengthJudge, OverlapJudge
from rag.judge.by_rules import RulesJudge
from rag.judge.judgement import Judge, Judgement

if TYPE_CHECKING:
    from rag.llm import LanguageModel

JUDGE_NAMES = ("default", "rules", "model", "llm", "default+llm", "overlap", "length", "always-yes")
"""Rules and the bundled model; each alone; a language model alone, or for what the default is not sure of;
and three that only show what a judge is worth."""


def open_judge(name: str = "default", model: LanguageModel | None = None, repeats: int = 1) -> Judge:
    """The judge of that name; nothing is loaded before its first claim.

    ``model`` judges in 'llm' and 'default+llm', asked ``repeats`` times about each claim.
    Raises UsageError for an unknown name, and for these two without a model.
    """
    if name == "default":
        from rag.judge.trained import TrainedJudge

        return TrainedJudge()
    if name == "model":
        from rag.judge.trained import ModelAlone

        return ModelAlone()
    if name in ("llm", "default+llm"):
        from rag.judge.by_model import ModelJudge
        from rag.judge.trained import TrainedJudge

        if model is None:
            raise UsageError(f"the judge '{name}' needs a language model: configure one, or choose another judge")
        asked = ModelJudge(model, repeats)
        return asked if name == "llm" else TrainedJudge(second=asked, name=f"default, then {asked.name}")
    if name == "rules":
        return RulesJudge()
    if name == "overlap":
        return OverlapJudge()
    if name == "length":
        return LengthJudge()
    if name == "always-yes":
        return AlwaysYes()
    raise UsageError(f"there is no judge '{name}': it must be one of {', '.join(JUDGE_NAMES)}")


class _OpenedLater:
    """The judge of that name, made when the first claim comes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._judge: Judge | None = None

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        if self._judge is None:
            with self._lock:
                self._judge = self._judge or open_judge(self.name)
        return self._judge.judge(claim, evidence)


DEFAULT_JUDGE: Judge = _OpenedLater("default")
"""The one that ``ask`` uses unless it is given another."""


def configured_judge(name: str, model: LanguageModel | None) -> Judge:
    """As ``open_judge``, with the one default judge of the process for 'default'."""
    return DEFAULT_JUDGE if name == "default" else open_judge(name, model)
