"""What a run comes to, for people and machines: one HTML file that needs no network, Markdown, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eval.abstaining import Abstaining
from eval.abstaining_table import abstaining_as_json
from eval.compare import Comparison
from eval.errors import RunError
from eval.report.abstention_page import abstention_page
from eval.report.comparison_page import comparison_page
from eval.report.markdown import scores_as_markdown
from eval.report.page import run_page
from eval.runs.records import write_whole
from eval.scores import Scores, scores_as_json


def write_reports(folder: Path, scores: Scores) -> None:
    """``scores.json``, ``report.html``, ``report.md`` and ``report.json`` in the folder. Raises RunError."""
    from eval.table import run_as_json

    _write(
        folder,
        {
            "scores.json": _json(scores_as_json(scores)),
            "report.json": _json(run_as_json(scores)),
            "report.md": scores_as_markdown(scores),
            "report.html": run_page(scores),
        },
    )


def write_comparison(folder: Path, found: Comparison) -> None:
    """``compare.html``, ``compare.md`` and ``compare.json`` in the folder, made if need be. Raises RunError."""
    from eval.comparison_table import comparison_as_json, comparison_as_markdown

    _write(
        folder,
        {
            "compare.json": _json(comparison_as_json(found)),
            "compare.md": comparison_as_markdown(found) + "\n",
            "compare.html": comparison_page(found),
        },
    )


def write_abstaining(path: Path, found: Abstaining) -> None:
    """The report in one file: JSON for a name that ends in .json, else a page. Raises RunError."""
    text = _json(abstaining_as_json(found)) if path.suffix == ".json" else abstention_page(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode("utf-8", "replace"), is_synced=False)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror or error}): choose another place") from error


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text.encode("utf-8", "replace"), is_synced=False)
    except OSError as error:
        raise RunError(
            f"the report cannot be written to {folder} ({error.strerror or error}): make room; "
            "'eval rescore' writes it again from run.jsonl"
        ) from error


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, indent=1) + "\n"
