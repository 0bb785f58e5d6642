"""For users of pytest: the gate as a fixture.

    def test_answers_did_not_get_worse(footnoted_gate):
        footnoted_gate("evals/baseline.jsonl", max_drop={"faithfulness": 0.02})

It is there as soon as footnoted is installed, and loads nothing before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Gate = Callable[..., Any]


@pytest.fixture
def footnoted_gate() -> Gate:
    """A function that fails the test, with the table, where the gate would be closed; else it returns the bars.

    ``footnoted_gate(baseline, run=None, *, max_drop=None, arguments=())``: ``run`` is a
    folder or file of an earlier ``eval run``; without it the questions are asked now, with
    the same ``arguments`` that the command takes ('--library', 'papers', '--quote').
    """

    def gate(
        baseline: str | Path,
        run: str | Path | None = None,
        *,
        max_drop: Mapping[str, float] | None = None,
        arguments: tuple[str, ...] | list[str] = (),
    ) -> Any:
        __tracebackhide__ = True
        from eval.cli import parser
        from eval.commands.gate import held_up
        from eval.gate import bars_as_text
        from rag.errors import FootnotedError

        drops = [f"{name}={drop}" for name, drop in (max_drop or {}).items()]
        given = ["gate", *([str(run)] if run is not None else []), "--baseline", str(baseline), *arguments]
        options = parser().parse_args([*given, *(["--max-drop", *drops] if drops else [])])
        try:
            comparison, bars = held_up(options)
        except FootnotedError as error:
            pytest.fail(f"footnoted: {error}", pytrace=False)
        if comparison.after.stopped or not all(bar.passes for bar in bars):
            why = f"\nthe run was ended: {comparison.after.stopped}" if comparison.after.stopped else ""
            pytest.fail(bars_as_text(bars) + why, pytrace=False)
        return bars

    return gate
