"""The judges by name."""

from __future__ import annotations

from rag.errors import UsageError
from rag.judge.baselines import AlwaysYes, LengthJudge, OverlapJudge
from rag.judge.by_rules import RulesJudge
from rag.judge.judgement import Judge

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
