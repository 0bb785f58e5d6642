"""What kind of work a question asks for, from its words. Where it is unclear it is a question like any other."""

from __future__ import annotations

import re

from rag.types import Kind

_PAPERS = r"(?:papers|works|studies|articles|publications|abstracts)"
_ASKING = r"^\W*(?:(?:please|kindly|now|can you|could you|i want you to|i would like you to)\W+)*"
_COMPARISON = re.compile(
    # Not "x versus y" or "how does x compare": those mostly ask for one result that one paper reports.
    rf"{_ASKING}(?:compare|contrast|(?:make |give me |write )?a comparison\b|put .{{1,80}} side by side)\b"
    r"|\bdifferences? between (?:papers? )?\[\d|\bhow (?:do|does) \[\d{1,2}\] (?:and|differ|compare)",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    rf"{_ASKING}(?:summari[sz]e|sum up|tl;?dr|(?:give me |write )?an? (?:\w+ )?(?:summary|overview) (?:of|on|over))\b"
    rf"|^\W*what (?:do|does|did) (?:the |these |all |my )*(?:\w+ )?{_PAPERS} (?:\w+ )?(?:say|report|tell)\b"
    r"|^\W*what is (?:known|said|reported) (?:about|on)\b",
    re.IGNORECASE,
)
_LIST = re.compile(
    rf"^\W*(?:(?:which|what) (?:other |of the |of these |of the other |\w+ )?{_PAPERS}\b"
    rf"|what (?:is there|has been written|is written) (?:on|about)\b"
    rf"|(?:list|find|show|name|give)(?: me)?(?: (?:all|the|some|any|of))* {_PAPERS}\b"
    rf"|(?:are|is) there (?:any |some |other |more )*(?:{_PAPERS}|work|research)\b|any(?: other)? {_PAPERS}\b"
    rf"|{_PAPERS} (?:on|about|that|which|where|using|with|involving|of|by|from)\b|anything (?:here )?(?:on|about)\b"
    r"|who (?:else )?(?:has|have) (?:looked (?:at|into)|studied|worked on|written (?:about|on)|investigated)\b)",
    re.IGNORECASE,
)
_OTHER_SIDE = re.compile(
    rf"{_ASKING}(?:find |show me |give me |what is )?(?:the other side|counter-?arguments?|counter-?evidence)\b"
    r"|^\W*(?:who|what|which \w+|does any(?:one|thing)|do any \w+|is there any\w*|are there any \w+) (?:\w+ )?"
    r"(?:(?:speaks?|argues?)(?! that\b)|disagrees?|contradicts?|disputes?|evidence against"
    r"|that (?:contradicts?|disagrees?))\b"
    r"(?! (?:for|about|of)\b)",
    re.IGNORECASE,
)
_FRAME = re.compile(
    rf"{_ASKING}(?:give me |write |make |put )?(?:an? |the )?(?:short |brief |quick )?"
    r"(?:summari[sz]e|summary of|sum up|tl;?dr:?|overview (?:of|over|on)|compare|contrast"
    r"|comparison (?:of|between)|list|find|show me|name)\s+(?:(?:the|all|these|my) )*"
    rf"(?:{_PAPERS}\b\s*)?(?:on|about|of|between|that|which)?\s*",
    re.IGNORECASE,
)
_LISTING = re.compile(
    rf"^\W*(?:(?:which|what) (?:other |of the |of these )*{_PAPERS}|(?:are|is) there (?:any |some |other |more )*"
    rf"(?:{_PAPERS}|work|research)|(?:list|find|show|name|give)?(?: me)?(?: ?(?:all|the|some|any|of|other))* ?{_PAPERS}"
    rf"|anything(?: here)?|what (?:is there|has been written|is written))\b\s*"
    r"(?:(?:(?:are|is|was|were) )?(?:on|about|that|which)\b)?\s*",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"^.*?\b(?:against|disagrees? with|contradicts?|disputes?|other side (?:of|to))\s*(?:the (?:claim|idea|statement"
    r"|view) )?(?:that |of )?",
    re.IGNORECASE,
)

_KNOWN = re.compile(
    rf"^\W*what (?:(?:do|does|did) (?:the |these |all |my )*(?:\w+ )?{_PAPERS} (?:\w+ )?(?:say|report|tell)(?: us| me)?"
    r"|is (?:known|said|reported))\s+(?:about|on|of)\s+",
    re.IGNORECASE,
)


def kind_of(question: str) -> Kind:
    """The kind of work that the words ask for; 'answer' for all else."""
    if _OTHER_SIDE.search(question):
        return "other_side"
    if _COMPARISON.search(question):
        return "comparison"
    if _SUMMARY.search(question):
        return "summary"
    if _LIST.search(question):
        return "list"
    return "answer"


def topic_of(question: str, kind: Kind) -> str:
    """The question without the words that only ask for this kind of work; itself if nothing is left."""
    if kind == "answer":
        return question
    patterns = {"other_side": (_AGAINST,), "list": (_LISTING,)}.get(kind, (_KNOWN, _FRAME))
    rest = next((pattern.sub("", question, count=1) for pattern in patterns if pattern.match(question)), question)
    rest = rest.strip(" ?.!:")
    return rest if re.search(r"\w{3}", rest) else question
