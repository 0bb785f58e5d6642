"""Whose it is: what a source says of other methods is not said of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.judge.comparison import Comparison, words
from rag.judge.judgement import Finding
from rag.judge.reading import Reading, Token
from rag.judge.rules.names import is_code
from rag.judge.rules.negation import denials
from rag.judge.words import word_set

OTHERS = word_set("existing current previous prior earlier traditional conventional classical other most past")
_OWN = word_set("our ours this proposed new novel")
_WORK = word_set("method model approach algorithm framework network system technique procedure scheme")
FOLLOWED = 0.6
"""As ``Alignment.is_close``, of what is said about the subject."""

MAX_SUBJECT_WORDS = 12
"""Between the beginning of a clause and what it says; more hold a clause of their own."""


def of_others(comparison: Comparison) -> list[Finding]:
    """'The method requires labels' for 'existing methods require labels': the same words, said of its own work."""
    for edit in comparison.alignment.edits:
        if edit.before is not None or edit.after is None or not 0 < len(edit.claim) <= MAX_SUBJECT_WORDS:
            continue
        theirs = _clause(comparison.evidence[edit.sentence], edit.source)
        if not theirs or any(token.lower in OTHERS for token in edit.claim):
            continue
        said = _followed(comparison, len(edit.claim), edit.sentence)
        if said is None or len(denials(comparison.claim.tokens)) % 2 != len(denials([*theirs, *said])) % 2:
            continue  # what is new may well lack what others have
        of_other_work = [token for token in theirs if token.lower in OTHERS]
        keys = {token.key for token in theirs}
        # Of 'the method' and 'existing methods' the second word is shared.
        subject = [*edit.claim, edit.after] if edit.after.lower in _WORK else edit.claim
        if of_other_work and _is_own(subject) and not any(is_code(t.text) and t.key in keys for t in edit.claim):
            at = theirs.index(of_other_work[0])
            said_of = words([*theirs, edit.after][at : at + 3])
            reason = f"the source says it of '{said_of}', the claim of '{words(subject)}'"
            return [Finding("of_others", reason, contradicts=True, sentence=edit.sentence)]
    return []


def _followed(comparison: Comparison, start: int, sentence: int) -> Sequence[Token] | None:
    """What the sentence says where the claim follows it from that token on; None if it hardly does."""
    rest = range(start, len(comparison.claim.tokens))
    weight = sum(comparison.claim.tokens[at].weight for at in rest)
    shared = [(at, place[1]) for at in rest if (place := comparison.alignment.places[at]) and place[0] == sentence]
    if sum(comparison.claim.tokens[at].weight for at, _ in shared) < FOLLOWED * max(weight, 1e-9):
        return None
    there = [place for _, place in shared]
    return comparison.evidence[sentence].tokens[min(there) : max(there) + 1]


def _is_own(subject: Sequence[Token]) -> bool:
    """A name, 'we', 'our method', 'the proposed model': one particular work, and not methods at large."""
    names = [token.lower for token in subject]
    if any(is_code(token.text) for token in subject) or "we" in names:
        return True
    return any(word in _WORK for word in names) and bool({"the", *_OWN} & set(names))


def _clause(sentence: Reading, before: Sequence[Token]) -> Sequence[Token]:
    """Of the words before the shared ones, those of the same clause; none if there are too many."""
    start = 0
    for at in range(1, len(before)):
        gap = sentence.text[before[at - 1].start + len(before[at - 1].text) : before[at].start]
        if re.search(r"[,;:.]", gap):
            start = at
    own = before[start:]
    return own if len(own) <= MAX_SUBJECT_WORDS else ()
