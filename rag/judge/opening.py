"""The judges by name."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rag.errors import UsageError
from rag.judge.baselines import AlwaysYes, LengthJudge, OverlapJudge
from rag.judge.by_rules import RulesJudge
from rag.judge.judgement import Judge, Judgement

JUDGE_NAMES = ("default", "rules", "linear", "overlap", "length", "always-yes")


def open_judge(name: str = "default") -> Judge:
    """The judge of that name; nothing is loaded before its first claim. Raises UsageError."""
    if name in ("default", "linear"):
        from rag.judge.linear import LinearJudge

        return LinearJudge()
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
