"""Names, acronyms and data sets: whatever is written with capitals or with digits inside."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.reading import Reading
from rag.judge.words import word_set

_WORD = re.compile(r"[^\W_]+(?:[-./+&'][^\W_]+)*\+*")
_LISTED = re.compile(rf"(?P<one>{_WORD.pattern})(?=(?:, and |, or |, | and | or )(?P<other>{_WORD.pattern}))")
_CALENDAR = word_set(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday i"
)
# Written large by people and not by papers, or the other way round; they name nothing in particular.
_COMMON = word_set("us uk u.s eg ie et al fig vs the we our this these it they p n")


_COINED = re.compile(r"[a-z]{2}[A-Z][a-z]")

VERY_CLOSE = 0.8
"""Share of the claim in its source's own words from which a longer change of words is a change of names too."""


def missing_names(comparison: Comparison) -> list[Finding]:
    """Names with digits, inner capitals or only capitals that no evidence sentence has: GPT-4, ImageNet, NMT."""
    return _missing(comparison, "name_missing", lambda word, first: is_code(word) and not is_coined(word))


def missing_coinages(comparison: Comparison) -> list[Finding]:
    """Names that someone coined and no evidence sentence has: what is said of GazeNet is not said of another."""
    return _missing(comparison, "coinage_missing", lambda word, first: is_coined(word))


def missing_capitals(comparison: Comparison) -> list[Finding]:
    """Words with one capital, not at the beginning, that no evidence sentence has: Gaussian, Paris."""
    return _missing(
        comparison,
        "capital_missing",
        lambda word, first: not is_code(word) and word[0].isupper() and not first and len(word) > 2,
    )


def listed_names(comparison: Comparison) -> list[Finding]:
    """A name that no evidence sentence has, in a list beside one that stands there: 'on MNIST and ImageNet'."""
    available = _available(comparison.evidence)
    for match in _LISTED.finditer(comparison.claim.text):
        one, other = match["one"], match["other"]
        if not (is_code(one) and is_code(other)):
            continue
        stand = [_stands(name, available, comparison.evidence) for name in (one, other)]
        if any(stand) and not all(stand):
            added, known = (one, other) if stand[1] else (other, one)
            return [Finding("name_listed", f"it lists '{added}' beside '{known}', which alone stands in what is cited")]
    return []


def changed_names(comparison: Comparison) -> list[Finding]:
    """The same words around another name, though both may stand in the source."""
    if not comparison.alignment.is_close:
        return []
    findings = []
    for edit in comparison.alignment.edits:
        if not edit.claim or not edit.source or len(edit.claim) > 6:
            continue
        if not (edit.tight or comparison.alignment.followed >= VERY_CLOSE):
            continue
        source = edit.source
        if edit.before is None:
            source = source[-len(edit.claim) - 1 :]
        elif edit.after is None:
            source = source[: len(edit.claim) + 1]
        elif len(source) > 8:
            continue
        text = comparison.claim.text
        mine = [t for t in edit.claim if _is_name(t.text) and not (t.start == 0 and not is_code(t.text))]
        # Names are made of several tokens: 'GPT-3' for 'GPT-4' only changes its number.
        mine += [
            t for t in edit.claim if t.text[0].isdigit() and re.search(r"[A-Za-z]-?$", text[: t.start]) is not None
        ]
        theirs = [t for t in source if _is_name(t.text) or t.text[0].isdigit()]
        if len(theirs) > 4 or not any(t.text[0].isalpha() for t in theirs):
            theirs = [] if not any(t.text[0].isdigit() for t in mine) else theirs
        if not edit.tight and any(t.key in comparison.types for t in mine):
            continue  # something else that the source speaks of, said in other words
        if any(len(t.text) == 1 and one.text.startswith(t.text) for t in theirs for one in mine):
            continue  # 'S. typhimurium'
        if mine and theirs and not {t.key for t in mine} & {t.key for t in theirs}:
            here, there = " ".join(t.text for t in mine), " ".join(t.text for t in theirs)
            if _initials(here, there) or _initials(there, here):
                continue
            findings.append(
                Finding("name_changed", f"it names '{here}' where the source names '{there}'", True, edit.sentence)
            )
    return findings


def is_coined(word: str) -> bool:
    """True for names that can only have been coined, and not a unit or a formula: GazeNet, ImageNet, not miRNA."""
    return _COINED.search(word) is not None


def is_code(word: str) -> bool:
    """True for names that cannot be ordinary words: ResNet, BERT, p53, CIFAR-10."""
    letters = [ch for ch in word if ch.isalpha()]
    if not letters or len(word) < 2:
        return False
    if any(ch.isdigit() for ch in word):
        return any(ch.isupper() for ch in letters) or re.fullmatch(r"[a-z]{1,4}-?\d+[a-z]?", word) is not None
    return any(ch.isupper() for ch in word[1:]) and not _is_spaced_title(word)


def _is_spaced_title(word: str) -> bool:
    """'Long-Term', 'State-Of-The-Art': capitals of a title, not of a name."""
    parts = re.split(r"[-/]", word)
    return len(parts) > 1 and all(part[:1].isupper() and part[1:].islower() for part in parts if part)


def _is_name(word: str) -> bool:
    return (word[0].isupper() and not word.istitle()) or (word.istitle() and word.lower() not in _CALENDAR)


def _missing(comparison: Comparison, rule: str, wanted: object) -> list[Finding]:
    assert callable(wanted)
    text = comparison.claim.text
    available = _available(comparison.evidence)
    missing = []
    for match in _WORD.finditer(text):
        word = match[0].removesuffix("'s")
        before = text[: match.start()].rstrip()
        first = not before or before[-1] in '.!?:"(['
        if word.lower() in _COMMON or word.lower() in _CALENDAR or not wanted(word, first):
            continue
        if not _stands(word, available, comparison.evidence):
            missing.append(word)
    return [Finding(rule, f"'{name}' does not stand in what is cited") for name in dict.fromkeys(missing)]


def _available(evidence: Sequence[Reading]) -> set[str]:
    found: set[str] = set()
    for reading in evidence:
        for match in _WORD.finditer(reading.text):
            whole = _bare(match[0])
            found.add(whole)
            found.update(_bare(part) for part in re.split(r"[-./+&']", match[0]) if part)
    return found


def _bare(word: str) -> str:
    return re.sub(r"[\W_]", "", word).casefold()


def _stands(word: str, available: set[str], evidence: Sequence[Reading]) -> bool:
    bare = _bare(word)
    forms = {bare, bare.removesuffix("s"), bare + "s", bare.removesuffix("es")}
    if forms & available:
        return True
    parts = [_bare(part) for part in re.split(r"[-./+&']", word) if part]
    text = " ".join(reading.text for reading in evidence)
    if len(parts) > 1 and all({part, part.removesuffix("s"), part + "s"} & available for part in parts):
        # 'GPT-4' is not there because 'GPT' and a '4' are, but 'T5-based' is where 'T5' and 'based' are.
        if not any(part.isdigit() for part in parts):
            return True
        return bare in _bare(text)
    if word.isupper() and 3 <= len(bare) <= 8 and bare.isalpha():
        return _initials(word, text)
    if len(parts) == 1 and not any(ch.isdigit() for ch in bare) and len(bare) >= 5:
        keys = set().union(*(reading.types for reading in evidence))
        from rag.judge.reading import read

        return any(key in keys for key in read(word).types)  # 'Gaussians', 'Bayesian's stem
    return False


def _initials(acronym: str, text: str) -> bool:
    """True if some words of ``text`` in a row begin with the letters of ``acronym``; 'of' and 'the' may be skipped."""
    letters = _bare(acronym).removesuffix("s") if acronym.endswith("s") else _bare(acronym)
    if len(letters) < 2 or not acronym[:2].isupper():
        return False
    words = re.findall(r"[^\W\d_]+", text.casefold())
    small = {"of", "the", "and", "for", "in", "a", "to", "with", "on"}
    initials = "".join(word[0] for word in words)
    without_small = "".join(word[0] for word in words if word not in small)
    return letters in initials or letters in without_small
