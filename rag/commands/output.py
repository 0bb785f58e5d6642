"""Results on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from rag.terminal import harmless_json, one_line


def tell(text: str, end: str = "\n") -> None:
    """A result, at once on standard output: whoever reads it may be waiting."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def tell_all(lines: Iterable[str]) -> None:
    """Many results; written as they come, but not one by one."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A message, on one line of standard error."""
    sys.stderr.write(one_line(text) + "\n")
    sys.stderr.flush()


def print_json(value: object) -> None:
    tell(harmless_json(json.dumps(value, ensure_ascii=False, indent=2)))


def print_json_list(values: Iterable[object]) -> None:
    """One list, a value on each line, with one value in memory at a time."""
    before = "[\n  "
    for value in values:
        sys.stdout.write(before + harmless_json(json.dumps(value, ensure_ascii=False)))
        before = ",\n  "
    tell("[]" if before == "[\n  " else "\n]")
