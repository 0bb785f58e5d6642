"""What cannot be judged, and why: better said than guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.judge.reading import Reading, cleaned
from rag.judge.words import word_set
from rag.language import language_of

MAX_CLAIM_WORDS = 300
"""One sentence of an answer has 10 to 60 words; what is longer has to be split by the caller."""

MAX_EVIDENCE_CHARACTERS = 400_000
"""A long book chapter; more than that is not 'what a sentence cites', and would take seconds."""

MAX_HEADING_WORDS = 10

_QUESTION = re.compile(r"\?[\"')\]]*(?:\s+(?:yes|no|indeed|maybe|perhaps)\b[.!,]?)?$", re.IGNORECASE)
_ASKED_WITHOUT_MARK = re.compile(
    r"(?:(?:what|how|why|when|where|whom?|how (?:many|much|often|long|far|well|fast)(?: \w+)?) (?:does|did|do)(?! not)"
    r"|does|did|is|are|was|can|could)(?= [^,]+$) ",
    re.IGNORECASE,
)
"""'What does it do', 'Is it fast': begun as a question is, and no statement begins so."""

_MATHEMATICAL = word_set(
    "mathcal mathbb mathrm mathbf operatorname text frac sqrt sum prod int log exp sin cos tan max min arg argmax "
    "argmin inf sup lim det dim mod alpha beta gamma delta epsilon theta lambda sigma omega rho phi psi tau eta "
    "kappa left right cdot times leq geq infty partial nabla quad"
)
"""Words that a formula holds, spelled out or in TeX."""

_ADDRESSES_JUDGE = re.compile(
    r"\b(?:this|the (?:above|preceding|following|previous)|every|each) (?:sentence|claim|statement|answer|assertion)"
    r"(?: above| below)? (?:is|are|was|must be|should be|has been|can be)(?: \w+ly)? (?:\w+ )?"
    r"(?:supported|correct|true|verified|entailed|proven|accurate|labell?ed|judged|marked|rated|considered)"
    r"|\b(?:ignore|disregard|forget) (?:all |any )?(?:previous|prior|the above|your|these)\b"
    r"|\b(?:verdict|label|judg(?:e)?ment|score|rating)\s*[:=]\s*(?:supported|entail\w*|true|correct|yes|1)\b"
    r"|\b(?:answer|respond|reply|output|say) (?:with )?[\"']?(?:supported|yes|true)\b",
    re.IGNORECASE,
)
_LIST_LINE = re.compile(r"^\s*(?:[-*•‣·]|\(?\d{1,2}[.)])\s+\S")


def why_unscorable(claim: Reading, evidence: Sequence[Reading], original: str = "") -> str | None:
    """The reason why this claim cannot be judged against this evidence, or None if it can."""
    reason = why_no_claim(claim)
    if reason:
        return reason
    words = [token for reading in evidence for token in reading.tokens]
    if not any(token.text[0].isalpha() for token in words):
        return "there is no text to judge it against" if not words else "what is cited holds no words"
    if sum(len(reading.text) for reading in evidence) > MAX_EVIDENCE_CHARACTERS:
        return "what is cited is too long to be judged at once"
    claim_language, evidence_language = language_of(claim.text), language_of(" ".join(r.text for r in evidence))
    if claim_language != evidence_language and "unclear" not in (claim_language, evidence_language):
        return "the claim and what it cites are in different languages"
    if claim_language not in ("English", "unclear"):
        return "only English is judged, unless it is quoted letter for letter"
    return None


def why_no_claim(claim: Reading) -> str | None:
    text = claim.text
    words = [token for token in claim.tokens if token.text[0].isalpha()]
    if not text:
        return "the claim is empty"
    if not words:
        return "not a claim: it holds no words"
    if len(claim.tokens) > MAX_CLAIM_WORDS:
        return f"the claim has {len(claim.tokens):,} words; one sentence at a time is judged"
    if _QUESTION.search(text) or _ASKED_WITHOUT_MARK.match(text):
        return "not a claim: it is a question"
    lines = [line for line in text.splitlines() if line.strip()]
    if sum(bool(_LIST_LINE.match(line)) for line in lines) > 1:
        return "not one claim: it is a list"
    if text.count("|") > 2 or any(line.count("\t") > 1 for line in lines):
        return "not a claim: it is a table"
    letters = sum(ch.isalpha() for ch in text)
    has_words = sum(len(token.text) > 2 and token.lower not in _MATHEMATICAL for token in words) > 1
    if letters < 0.4 * len(text.replace(" ", "")) or (not has_words and re.search(r"[=^_<>+]", text)):
        return "not a claim: it is mostly figures or a formula"
    if len(words) < 2:
        return "not a claim: it is a single word"
    if len(words) <= MAX_HEADING_WORDS and (text.startswith("#") or text.endswith(":") or _is_heading(text)):
        return "not a claim: it is a heading"
    return None


def addresses_judge(claim: Reading) -> bool:
    """True if it speaks of its own support, or gives orders, instead of saying what a source says."""
    return _ADDRESSES_JUDGE.search(claim.text) is not None


def _is_heading(text: str) -> bool:
    """A few words, all large ones capitalised, and no stop: 'Results and Discussion'."""
    if text[-1] in ".!;,)" or re.search(r"\d", text):
        return False
    words = text.split()
    small = {"a", "an", "the", "of", "and", "or", "in", "on", "for", "to", "with", "by", "from", "at"}
    large = [word for word in words if word.lower() not in small]
    return 0 < len(large) == sum(word[0].isupper() for word in large) and not re.search(
        r"\b(?:Is|Are|Was|Were|Has|Have|Can|May|Will|Does|Do)\b", text
    )


def is_blank(text: str) -> bool:
    return not cleaned(text)[0]
