"""Sentences that say what a thing is, for questions that ask it. Pure."""

from __future__ import annotations

import re

_ASKS_WHAT_IT_IS = re.compile(
    r"^\W*what(?:\s(?:is|are)|['’]s)\s(?:meant by\s)?(?:an?\s|the\s)?([\w-]+(?:\s[\w-]+){0,3}?)"
    r"(?:,?\sin\s(?:simple|plain|other)\s\w+)?\W*$",
    re.IGNORECASE,
)
_KIND = r"(?:an?\s|(?:[\w-]+\s){1,3}(?:that|which|whose|where|in which)\b)"
_IS_DEFINED = (
    r"(?:\s?\([^()]{1,60}\))?(?:,\s(?:or|also|often)\s[^,]{1,60},)?"
    rf"(?:,\s{_KIND}|\s(?:is|are)\s{_KIND}|\s(?:refers?\sto|denotes?|means)\b)"
)
"""What stands behind the name of a thing in a sentence that says what it is."""


def definition_asked(question: str) -> re.Pattern[str] | None:
    """What a sentence begins with that says what the question asks for: 'Kelp is a seaweed ...' for 'What is kelp?'.

    None for a question that asks for something else.
    """
    asked = _ASKS_WHAT_IT_IS.search(question)
    if asked is None:
        return None
    what = re.escape(asked[1].strip()).replace("\\ ", r"[\s-]")
    return re.compile(rf"(?:an?\s|the\s)?{what}(?:e?s)?{_IS_DEFINED}", re.IGNORECASE)
