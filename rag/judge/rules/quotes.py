"""Exact and near quotes: what is said letter for letter is said, unless what was cut off takes it back."""

from __future__ import annotations

import re

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding

# Right before the quoted words, these take them back or leave them open.
_TAKES_BACK = re.compile(
    r"\b(?:not|no|never|n't|neither|nor|without|whether|if|unless|fails? to|failed to|unable to|deny|denies|denied|"
    r"false that|unlikely|unclear|hypothesi\w+|conjectur\w+|wonder|ask|contrary to|rather than|instead of|mistaken\w*|"
    r"reject\w*|refut\w*|suppose|assum\w+|may|might|could|would|should|expect\w*|believed?|claim(?:s|ed)?)\b"
    r"[^,;:.]{0,60}$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(?<!\\)\"([^\"]{8,400})\"")
MIN_QUOTE_CHARACTERS = 20
"""A shorter run of letters may stand anywhere by chance."""


def exact_quote(comparison: Comparison) -> tuple[int, str] | None:
    """(sentence, what takes it back or '') if the claim stands letter for letter in the evidence, else None.

    Spacing, quotation marks around it, the case of its first letter and its stop are set
    aside. A quote may run over several evidence sentences in a row.
    """
    wanted = _plain(comparison.claim.text)
    if len(wanted) < MIN_QUOTE_CHARACTERS:
        return None
    for index, reading in enumerate(comparison.evidence):
        found = _find(wanted, reading.text)
        if found is not None:
            return index, found
    whole = " ".join(reading.text for reading in comparison.evidence)
    found = _find(wanted, whole)
    if found is None:
        return None
    return max(comparison.alignment.nearest, 0), found


def misquoted(comparison: Comparison) -> list[Finding]:
    """Words that the claim puts in quotation marks and the evidence does not have so."""
    whole = _folded(" ".join(reading.text for reading in comparison.evidence))
    findings = []
    for match in _QUOTED.finditer(comparison.claim.text):
        if len(match[1].split()) > 2 and _folded(_plain(match[1])) not in whole:
            findings.append(Finding("misquoted", f"the words in quotation marks do not stand there: '{match[1][:80]}'"))
    return findings


def _find(wanted: str, text: str) -> str | None:
    """None if ``wanted`` is not in ``text``; else what right before it takes it back, or ''."""
    folded_wanted, folded = _folded(wanted), _folded(text)
    at = folded.find(folded_wanted)
    while at >= 0:
        before, end = folded[:at], at + len(folded_wanted)
        whole_words = not (before[-1:].isalnum() or folded[end : end + 1].isalnum())
        # '2.5 kg' is not quoted by '5 kg', nor '1,000' by '1'.
        if whole_words and not re.search(r"\d[.,]$", before) and not re.match(r"[.,]\d", folded[end:]):
            taken_back = _TAKES_BACK.search(re.split(r"[.!?]\s", before)[-1])
            return taken_back[0].strip() if taken_back else ""
        at = folded.find(folded_wanted, at + 1)
    return None


def _plain(text: str) -> str:
    return text.strip("\"'“”‘’ ").rstrip(".!").strip("\"' ")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
