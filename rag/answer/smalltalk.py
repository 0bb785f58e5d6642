"""Greetings, thanks and 'what can you do?': a short reply, with no search and no citations."""

from __future__ import annotations

import re
import unicodedata

_GREETING = re.compile(
    r"(hi|hello|hey|hallo|good (morning|afternoon|evening|day)|greetings|howdy)( there| all| everyone| again)?",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(ok(ay)?[, ]*)?(many )?(thanks|thank you|thx|cheers)( a lot| so much| very much| again)?( for .{0,40})?"
    r"|(that|this|it|you|those|these)( ?['’]s| is| was| are| were|['’]re)? (really |very |so |quite |super |all )?"
    r"(great|nice|perfect|cool|good|helpful|useful|amazing|awesome|brilliant|interesting|clear|enough|all|it|right)"
    r"( answers?| work| job)?|(that|this) (really )?(helps|helped|will do)( me)?( a lot)?"
    r"|(great|nice|perfect|cool|ok|okay|good|excellent|awesome|wow)( job| work| answer| one)?|well done|got it|i see"
    r"|never ?mind|no worries|all right|alright|makes sense|understood",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"(bye|goodbye|see you( later| soon)?|good night|have a (nice|good|great) (day|evening|one))", re.IGNORECASE
)
_SELF = re.compile(
    r"(who|what)( exactly)? are you|what can (you|i) (do|ask)( you| here)?|how (does|do) (this|you) work|help( me)?"
    r"|how are you( doing)?( today)?|what(['’]s| is) your (name|purpose|job|favou?rite \w+)"
    r"|are you (an? |the )?(\w+ )?(human|person|robot|bot|ai|machine|real|chatgpt|there|awake|listening)"
    r"|(can you )?tell me (a joke|about yourself)"
    r"|(do|did|are|were|can|could|would|have|will) you (ever |really |actually |also |still |sometimes )*"
    r"((get|feel|been|be|felt) )?(very |so )?"
    r"(bored|tired|hungry|thirsty|sad|happy|lonely|angry|sleepy|sleep|dream|eat|laugh|cry|love me|like me|like your job"
    r"|have (any )?(feelings|friends|hobbies|emotions|a (name|family|pet|soul|life)))( (of|by) .{1,40})?( at all)?",
    re.IGNORECASE,
)
MAX_SECRETIVE = 300
"""Characters of a question that only asks for what is hidden."""

_SECRET = r"(?:prompts?|instructions|system message|(?:api[ -]?)?keys?|passwords?|secrets?|tokens?|configuration)"
_SECRETS = re.compile(
    r"(?:(?:ignore|disregard|forget) (?:all |any |of |the |your |my |previous |prior |above )*"
    r"(?:instructions|rules|prompts?)\W*)?"
    r"(?:(?:and|then|now|please|can you|could you)\W+)*"
    r"(?:(?:reveal|show|print|repeat|tell|give|output|display|leak|say|write)(?: (?:me|us|out))?"
    r"|what(?: is|'s| are| was))"
    r" (?:your|the(?= (?:system|api|hidden|secret|initial|original)\b))(?: (?:full|own|system|hidden|secret|initial"
    rf"|original|exact|complete|api))* {_SECRET}"
    rf"(?:(?:,| and| or) (?:your |the )?(?:(?:system|api|secret) )?{_SECRET})*"
    r"(?:,? (?:verbatim|word for word|above|to me|now|please|in full))*",
    re.IGNORECASE,
)
_FILLER = re.compile(r"please|so|well|and|oh|ah|hm+|but|now|you", re.IGNORECASE)
_BREAK = re.compile(r"[!?.,;:…()–—]+|\s-\s|\band\b|[\U0001F300-\U0001FAFF☀-➿]+")

_ABILITIES = (
    "I answer questions from the abstracts in this library, with a footnote on every sentence. "
    "Ask about a method, a result, a number or a problem that the papers treat."
)

_NO_SECRETS = (
    "There is nothing hidden to show: prompts are plain files that come with this program, and no key is ever put "
    "into one. " + _ABILITIES
)


def reply(question: str) -> str | None:
    """What to say to something that is no question to the papers; None if it may be one.

    An empty question and one without a single letter are met here too.
    """
    if not any(unicodedata.category(ch)[0] == "L" for ch in question):
        return "There is no question in that. " + _ABILITIES
    if len(question) <= MAX_SECRETIVE and _SECRETS.fullmatch(_plain(question)):
        return _NO_SECRETS
    phrases = [phrase for phrase in (" ".join(part.split()) for part in _BREAK.split(question)) if phrase]
    kinds = set()
    for phrase in phrases:
        if not _FILLER.fullmatch(phrase):
            kind = _kind(phrase)
            if kind is None:
                return None
            kinds.add(kind)
    for kind, said in _REPLIES.items():
        if kind in kinds:
            return said
    return None


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").split()).strip(" ?.!:;\"'")


_REPLIES = {
    "self": _ABILITIES,
    "greeting": "Hello. " + _ABILITIES,
    "farewell": "Goodbye.",
    "thanks": "You are welcome.",
}
"""The one that comes first wins, where several things are said."""


def _kind(phrase: str) -> str | None:
    for kind, pattern in (("greeting", _GREETING), ("thanks", _THANKS), ("farewell", _FAREWELL), ("self", _SELF)):
        if pattern.fullmatch(phrase):
            return kind
    return None
