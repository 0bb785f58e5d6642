"""What readers marked, as questions for the measuring: thumbs and wrong citations become a question file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from ui.conversations import Conversations, Reported


def save_marks(conversations: Path, file: Path) -> int:
    """Write the questions of all marks to ``file``; how many. Raises UsageError where there is nothing or no room."""
    if not conversations.exists():
        raise UsageError(f"there are no conversations in {conversations}: name their file with --conversations")
    store = Conversations(conversations)
    try:
        lines = [json.dumps(question, ensure_ascii=False) for question in questions(store.reported())]
    finally:
        store.close()
    try:
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written ({error.strerror}): choose another place") from error
    return len(lines)


def questions(reported: Iterable[Reported]) -> list[dict[str, Any]]:
    """One line for each mark, in the form that ``footnoted eval run --questions`` reads.

    A good answer becomes a question that must find the same papers and sentences again, a
    good refusal one without an answer. A bad answer, a bad refusal and a wrong citation become
    questions that must be answered, and must not be answered with those words.
    """
    lines: dict[str, dict[str, Any]] = {}
    for one in reported:
        name = f"{one.mark}-{hashlib.sha256(json.dumps(asdict(one)['judged']).encode()).hexdigest()[:8]}"
        line: dict[str, Any] = {
            "id": f"{name}-{hashlib.sha256(one.question.encode()).hexdigest()[:8]}",
            "question": one.question,
            "answerable": True,
            "tags": [f"marked:{one.mark}"],
        }
        if one.mark == "up" and one.outcome == "abstained":
            line["answerable"] = False
        elif one.mark == "up" and one.judged:
            line["relevant"] = list(dict.fromkeys(each.paper_id for each in one.judged if each.paper_id))
            line["evidence"] = list(dict.fromkeys(each.sentence for each in one.judged if each.sentence))
            line["reference"] = " ".join(dict.fromkeys(each.claim for each in one.judged))
        else:
            line["must"] = [r"\w"]
            line["must_not"] = list(dict.fromkeys(_words(each.claim) for each in one.judged if each.claim.strip()))
        lines[line["id"]] = line
    return list(lines.values())


def _words(claim: str) -> str:
    """A regular expression for the same words, whatever stands between them."""
    return r"\W+".join(re.escape(word) for word in re.findall(r"\w+", claim)) or re.escape(claim)
