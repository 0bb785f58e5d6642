"""Authors' names as bibliographic formats want them."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"(?:jr|sr|ii|iii|iv)\.?", re.IGNORECASE)
_GROUP = re.compile(
    r"\b(?:collaborations?|consortium|group|team|investigators|network|committee|society|association|institute|"
    r"university|study|project|centers?|department|organi[sz]ation|for|of|the|and|et)\b",
    re.IGNORECASE,
)


def is_group(name: str) -> bool:
    """Whether it names no person, so that it has no family name to be put first."""
    return " " not in name.strip() or "," in name or _GROUP.search(name) is not None


def inverted(name: str) -> str:
    """'Ada Lovelace' as 'Lovelace, Ada', which ``records.natural_name`` turns back; what is no person's stays."""
    if is_group(name):
        return name
    words = name.split()
    if _SUFFIX.fullmatch(words[-1]):
        if len(words) < 3:
            return name
        return f"{words[-2]}, {' '.join(words[:-2])}, {words[-1]}"
    return f"{words[-1]}, {' '.join(words[:-1])}"


def parts(name: str) -> tuple[str, str]:
    """Given name and family name of a person; ("", name) for a group."""
    if is_group(name) or _SUFFIX.fullmatch(name.split()[-1]):
        return "", name
    *given, family = name.split()
    return " ".join(given), family
