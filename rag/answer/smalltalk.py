"""Greetings, thanks and 'what can you do?': a short reply, with no search and no citations."""

from __future__ import annotations

import re
import unicodedata

_GREETING = re.compile(
    r"(hi|hello|hey|hallo|good (morning|afternoon|evening|day)|greetings|howdy)( there| all| everyone)?", re.IGNORECASE
)
_THANKS = re.compile(
    r"(ok(ay)?[, ]*)?(many )?(thanks|thank you|thx|cheers)( a lot| so much| very much)?( for .{0,40})?"
    r"|(great|nice|perfect|cool|ok|okay|good)( job| work)?",
    re.IGNORECASE,
)
_FAREWELL = re.compile(r"(bye|goodbye|see you( later)?|good night)", re.IGNORECASE)
_SELF = re.compile(
    r"(who|what) are you|what can (you|i) (do|ask)( you| here)?|how (does|do) (this|you) work|help( me)?"
    r"|how are you( doing)?( today)?",
    re.IGNORECASE,
)

_ABILITIES = (
    "I answer questions from the abstracts in this library, with a footnote on every sentence. "
    "Ask about a method, a result, a number or a problem that the papers treat."
)


def reply(question: str) -> str | None:
    """What to say to something that is no question to the papers; None if it may be one.

    An empty question and one without a single letter are met here too.
    """
    if not any(unicodedata.category(ch)[0] == "L" for ch in question):
        return "There is no question in that. " + _ABILITIES
    said = " ".join(re.sub(r"[!?.,…]+", " ", question).split())
    if _GREETING.fullmatch(said):
        return "Hello. " + _ABILITIES
    if _THANKS.fullmatch(said):
        return "You are welcome."
    if _FAREWELL.fullmatch(said):
        return "Goodbye."
    if _SELF.fullmatch(said):
        return _ABILITIES
    return None
