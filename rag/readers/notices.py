"""What a record says of itself: retracted, withdrawn, or doubted."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TITLE = re.compile(
    r"\W{0,3}(retracted|withdrawn|temporary removal|expression of concern)"
    r"(?: (?:article|paper|publication|chapter|manuscript|preprint))?\s?[:\])–—-]",
    re.IGNORECASE,
)
_WORK = r"(?:paper|article|manuscript|submission|preprint|eprint|e-print|work|note|letter|draft|comment|contribution)"
_WITHDRAWN = re.compile(
    # "withdrawn from the proceedings" is about another version, so is "an earlier version was withdrawn".
    rf"(?:^\W*withdrawn\b|\b{_WORK}\s+(?:(?:has|have|was|is)\s+)?(?:been\s+|being\s+|now\s+)?"
    r"(?:\w+ly\s+)?withdrawn\b|\bwithdrawn\s+by\s+(?:the\s+)?(?:author|arxiv)|^\W*retracted\b)(?!\s+from\b)",
    re.IGNORECASE,
)
_TYPE = re.compile(r"\bretracted\b", re.IGNORECASE)
_ABSTRACT_OPENING = 300


def notice_in(title: str, abstract: str = "", comment: str = "") -> str | None:
    """A notice that the title begins with, the abstract opens with, or arXiv's comment holds; None without one."""
    if found := _TITLE.match(title):
        return f"{found[1].lower()} (says its title)"
    if comment and (found := _WITHDRAWN.search(comment)):
        return "withdrawn: " + " ".join(comment.split())[:250]
    opening = abstract[:_ABSTRACT_OPENING]
    if "withdrawn" in opening.lower() and (found := _WITHDRAWN.search(opening)):
        return "withdrawn: " + " ".join(opening.split())[:250]
    return None


_NOTED = re.compile(r"^Notice: (\S.{0,299})$", re.MULTILINE)


def noted_notice(note: str) -> str | None:
    """From a line 'Notice: ...' of a note, where our own exports put it."""
    found = _NOTED.search(note[:5_000])
    return found[1] if found else None


def retracted_by_type(types: Iterable[str]) -> str | None:
    """From publication types such as PubMed's 'Retracted Publication'.

    'Retraction of Publication' is the type of the notice, which is not itself retracted.
    """
    return next((f"retracted ({name.strip()})" for name in types if _TYPE.search(name)), None)
