"""Whether a model's answer is no answer: the agreed words, or others to the same end.

The prompt asks for ``NOT IN THE SOURCES``, which small models can say, but they also say
it in their own words. A real answer taken for a refusal would be lost, so where it is
unclear a sentence counts as an answer: the check then judges it.
"""

from __future__ import annotations

import re

from rag.answer.citations import DraftSentence, split_marked

SENTINEL = "NOT IN THE SOURCES"

_SENTINEL_START = re.compile(
    r"\W*(?:answer:?\W*)?not in (?:the|any of the) sources\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)

_GIVEN = r"(?:provided|given|available|numbered|above|listed|retrieved)"
_SOURCES = rf"(?:the |these |those |any of the )?(?:{_GIVEN} )?(?:sources?|abstracts)(?: {_GIVEN})?"
_TEXTS = (
    rf"(?:the |these |those |any of the )?(?:{_GIVEN} )?"
    rf"(?:sources?|abstracts|documents|passages|excerpts|texts?|context|information)(?: {_GIVEN})?"
)
_DO_NOT = r"(?:do(?:es)?|did|can|could)(?: ?not|n't)(?: (?:directly|explicitly|specifically|actually|seem to))*"
_INFORMATION = (
    r"(?:(?:any|enough|sufficient|the|an?|specific|relevant|direct|explicit) )*"
    r"(?:information|details?|answers?|mentions?|data|evidence|explanation|description)\b"
)
_GIVE = r"(?:contain|provide|include|give|offer|have|hold|present)"
_TELL = r"(?:say|mention|state|specify|discuss|answer|address|cover|describe|explain|report|indicate|provide|contain)"
_STATED = (
    r"(?:answered|found|given|stated|mentioned|provided|contained|addressed|specified|determined|included|present)"
)
_IS_NOT = r"(?:is|are|was|can|could)(?: ?not|n't)(?: be)?"

_REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "The sources do not contain information about X."
        rf"{_SOURCES} {_DO_NOT} (?:{_GIVE} {_INFORMATION}|answer (?:the|this|your) question).*",
        rf"none of {_SOURCES} (?:directly |explicitly |specifically )?"
        rf"(?:{_GIVE}s? {_INFORMATION}|answers? (?:the|this|your) question).*",
        # "There is no information about X in the sources."
        rf"(?:there (?:is|are) )?no(?:t enough)? {_INFORMATION}.*\b(?:in|from) {_SOURCES}",
        # "This cannot be answered from the sources."
        rf"(?:it|this|that|the (?:answer|information|question)|this (?:information|question))\b.{{0,80}}? "
        rf"{_IS_NOT} (?:\w+ )?{_STATED} (?:in|by|from|with|using|based on) {_SOURCES}",
    )
)
# Only where the sentence cites nothing: with markers, each of these can be a finding of a
# paper ("The texts do not contain explicit mentions of emotion [1]").
_UNCITED_REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_TEXTS} {_DO_NOT} (?:{_GIVE} {_INFORMATION}|"
        rf"{_TELL}\b).*",
        rf"none of {_TEXTS} (?:directly |explicitly |specifically )?{_TELL}s?\b.*",
        rf"(?:there (?:is|are) )?no(?:t enough)? {_INFORMATION}.*\b(?:in|from) {_TEXTS}",
        rf"the (?:answer|information)\b.{{0,80}}? is(?: ?not|n't) (?:\w+ )?{_STATED}",
        rf"(?:it|this|that|the (?:answer|information|question))\b.{{0,80}}? "
        rf"{_IS_NOT} (?:\w+ )?{_STATED} (?:in|by|from|with|using|based on) {_TEXTS}",
        rf"(?:i|we)(?: am| are)?(?: ?can(?: ?not|'t)| could(?: not|n't)| do(?: not|n't)| unable to| not able to) "
        rf"(?:answer|find|know|determine|say|tell|provide)\b.{{0,80}}\b(?:question|answer|{_TEXTS}).*",
        # "I'm sorry, but I can't help with that."
        r"(?:i|we)(?:'m| am| are)?(?: ?can(?: ?not|'t)| could(?: not|n't)| won't| will not| unable to| not able to) "
        r"(?:help|assist|comply|fulfil+|do (?:that|this)|engage|continue|discuss|share|reveal|disclose)\b.{0,80}",
    )
)
_TURNS = re.compile(r"\b(?:but|however|although|though|while|whereas|instead|except|yet|nevertheless)\b", re.IGNORECASE)
_OPENER = re.compile(
    r"(?:(?:unfortunately|sorry|i'm sorry|i am sorry|i apologi[sz]e|as an ai[^,]*|based on[^,]*"
    r"|according to[^,]*),?\s+(?:but\s+)?)+",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """True if ``text``, a whole answer, only says that the sources do not answer.

    That is: it begins with the sentinel, or each of its sentences is a refusal in the
    model's own words. An answer that also says something else is no refusal.
    """
    drafts = split_marked(text)
    if not drafts:
        return False
    return is_sentinel(drafts[0].text) or all(sounds_like_refusal(draft) for draft in drafts)


def is_sentinel(sentence: str) -> bool:
    """True if ``sentence`` is the sentinel, alone or with something behind a mark."""
    found = _SENTINEL_START.fullmatch(sentence)
    if found is None:
        return False
    # "Not in the sources of noise but ..." is a sentence like any other: the sentinel is in
    # capitals, or nothing but a mark follows it.
    rest = found["rest"].strip()
    return SENTINEL in sentence or not rest or not rest[0].isalnum()


def sounds_like_refusal(draft: DraftSentence) -> bool:
    """True if the sentence only says, in the model's own words, that the sources do not answer."""
    text = draft.text.replace("’", "'").strip(" *_\"'")
    text = _OPENER.sub("", text, count=1).rstrip(" .!")
    if _TURNS.search(text):
        return False
    return any(pattern.fullmatch(text) for pattern in (_REFUSALS if draft.numbers else _REFUSALS + _UNCITED_REFUSALS))


def may_become_sentinel(text: str) -> bool:
    """True while the beginning ``text`` of an answer could still turn into the sentinel."""
    letters = re.sub(r"[^a-z]", "", text.casefold()).removeprefix("answer")
    wanted = re.sub(r"[^a-z]", "", SENTINEL.casefold())
    return letters.startswith(wanted) or wanted.startswith(letters)
