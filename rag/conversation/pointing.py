"""What a follow-up points back to: the paper or the topic that 'it' and 'the second one' stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import vocabulary
from rag.answer.kinds import kind_of, topic_of
from rag.types import Turn

# Tuned on 46 follow-ups and on 131 questions asked after another topic: the new words of a
# follow-up weigh 17 at most, those of a new topic 13 at least, and of the few in between
# most find their paper either way.
TOPIC_BESIDE_A_POINTER = 15.0
"""A question whose new words weigh so much names its own topic, whatever 'it' stands for in it."""

TOPIC_BESIDE_THE, TOPIC_ALONE = 8.0, 4.0
"""The same for one with no word that points back: 'What are the advantages?', 'How accurate?'"""

NAMES_ALONE = 6.5
"""One new word that weighs so much is a topic where nothing points back: 'What is RLHF?'"""

PAPERS_ON = 2.5
"""One word of this weight, said before or not, is a topic where papers on it are asked for and nothing points back:
'Which papers use diffusion models?'"""

RARE_NAME = 9.0
"""A name like 'FBLNet' or 'EF21' that fewer than 20 of 145,904 abstracts use is a topic beside any 'it'."""

_NAME = re.compile(r"\b(?:\w*[A-Z]\w*[A-Z]\w*|[A-Za-z]+-?\d+\w*)\b")
_COMPARES = re.compile(r"\b(?:compar\w*|than|differ\w*|versus|vs|against|unlike)\b", re.IGNORECASE)

# 'that' and 'those' point back where no noun stands before them, as in 'is that' or 'of those'.
_POINTS_BACK = re.compile(
    r"\b(it|its|itself|they|their|them|theirs|he|his|him|she|her|hers|this|these|such|the two|both"
    r"|the (?:paper|papers|authors?|method|model|approach|system|framework|study|work|former|latter|same|first"
    r"|second|third|other) ?(?:one|paper|method)?\b(?! ?(?:of|on|about|for|with|in|that|which)\b))\b"
    r"|(?<!\bis )(?<!\bare )\bthere\b|\bthere\W*$"
    r"|\bthat (?:kind|sort|type|one|paper|method|model|approach|system|study|work|result|case|way)\b"
    r"|(?:^|\b(?:is|was|are|were|do|does|did|of|about|with|by|for|from|to|in|on|against|than|why|how|and|but|many"
    r"|explain|rephrase|simplify|clarify)\s+)(?:that|those)\b|\bthen\W*$",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"^\s*(and|but|so|also|then|what about|how about|why|how so|which one|which ones|really|more|tell me more)\b",
    re.IGNORECASE,
)
_CHANGES_TOPIC = re.compile(
    r"^\W*(?:ok(?:ay)?\W+|now\W+|and\W+)*(?:another|a different|a new|an unrelated|new|next|different|unrelated)"
    r" (?:topic|question|subject|matter|paper)\b",
    re.IGNORECASE,
)
_OF_ANY_PAPER = (
    "drawbacks downsides limitations caveats weaknesses advantages benefits assumptions baselines accuracy datasets"
    " benchmarks experiments evaluation findings conclusions contributions implications details examples"
)
"""What every paper may have names no topic: 'Any drawbacks?'"""

_NUMBER = re.compile(r"\[(\d{1,2})\]")
_ORDINAL = re.compile(
    r"\bthe (former\b|latter\b|(?:first|second|third|fourth|fifth|last|other)"
    r"(?= (?:one|paper|study|work|article|source|method|approach|of (?:them|these|those|the))\b"
    r"| (?:do|does|did|is|was|has|had|can|use[sd]?|differ|say|work|need|compare|perform)\b|\s*(?:[?.,;!]|$)))",
    re.IGNORECASE,
)
_LEAD = r"(?:and|but|so|now|then|what about|how about)"
_BARE = re.compile(
    rf"^\W*(?P<lead>(?:{_LEAD}\W+)*)(?:(?:please|can you|could you|describe|explain|open|take)\W+)*"
    r"(?:(?:\[\d{1,2}\]\W*(?:and\W+)?)+|the (?:former|latter|first|second|third|fourth|fifth|last|other)"
    r"(?: (?:one|paper|study|work|article|source))?)\W*(?:please\W*)?$",
    re.IGNORECASE,
)
_COUNTED = ("second", "third", "fourth", "fifth")
_PLACES = {
    "first": 0,
    "former": 0,
    "second": 1,
    "latter": 1,
    "other": 1,
    "third": 2,
    "fourth": 3,
    "fifth": 4,
    "last": -1,
}


def points_back(question: str, said: str = "") -> bool:
    """True if the question seems to need what was ``said`` before to be understood.

    A question that brings enough telling words of its own, other than those of ``said``,
    stands alone even if it holds an 'it'.
    """
    if _NUMBER.search(question) or (_ORDINAL.search(question) and len(question.split()) <= 12):
        return True
    if _CHANGES_TOPIC.match(question):
        return False
    known = set(vocabulary.stems(f"{said} {_OF_ANY_PAPER}"))
    weights = vocabulary.weights(question)
    new = [weight for stem, weight in weights.items() if stem not in known]
    names = {stem for name in _NAME.findall(question) for stem in vocabulary.stems(name)} - known
    if any(weights.get(name, 0.0) >= RARE_NAME for name in names) and not _COMPARES.search(question):
        return False
    if _POINTS_BACK.search(question) or _CONTINUES.match(question):
        return sum(new) < TOPIC_BESIDE_A_POINTER
    if max(new, default=0.0) >= NAMES_ALONE or _asks_for_papers_on(question):
        return False
    has_article = re.search(r"\bthe\b", question, re.IGNORECASE) is not None
    return sum(new) < (TOPIC_BESIDE_THE if has_article else TOPIC_ALONE)


def _asks_for_papers_on(question: str) -> bool:
    """True if it asks for papers on a topic that it names: of all that are held, whatever was spoken of."""
    if kind_of(question) != "list":
        return False
    of_any = set(vocabulary.stems(_OF_ANY_PAPER))
    weights = vocabulary.weights(topic_of(question, "list"))
    return any(weight >= PAPERS_ON for stem, weight in weights.items() if stem not in of_any)


def last_topic(history: Sequence[Turn]) -> str:
    """The last turns in words, from the last question that names its topic on; "" without history."""
    words: list[str] = []
    for turn in reversed(history):
        words.insert(0, f"{turn.question} {turn.answer}".strip())
        if not points_back(turn.question):
            break
    return " ".join(words)


def papers_meant(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """The ids of the papers that a follow-up speaks of; () if nothing points to one.

    '[3]' means number 3 of the conversation; 'the second one' the second paper cited last, and so does 'the other one';
    any other pointing back means the paper cited first in the last turn that cited one.
    """
    papers = numbered(history)
    named = [int(number) for number in _NUMBER.findall(question)]
    if named:
        return tuple(dict.fromkeys(papers[n - 1] for n in named if 0 < n <= len(papers)))
    cited = last_cited(history)
    if not cited or not points_back(question, last_topic(history)):
        return ()
    ordinal = _ORDINAL.search(question)
    return placed(ordinal.group(1), history) if ordinal else cited[:1]


def placed(word: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """What 'first', 'last' or 'other' means of the papers cited last; 'second' and so on of the last turn that cited
    so many; () if there is none."""
    for turn in reversed(history):
        found = at_place(word, turn.paper_ids)
        if found or (turn.paper_ids and word.casefold() not in _COUNTED):
            return found
    return ()


def is_bare(question: str, *, led: bool = True) -> bool:
    """True if the question only points at papers: '[3]', 'the second one'; where ``led``, also 'and [3]?'"""
    found = _BARE.match(question)
    return found is not None and (led or not found["lead"])


def points_nowhere(question: str, history: Sequence[Turn]) -> str | None:
    """What to say to words that point at a paper which the conversation does not have; None if each is there."""
    papers = numbered(history)
    absent = [int(n) for n in dict.fromkeys(_NUMBER.findall(question)) if not 0 < int(n) <= len(papers)]
    if absent:
        named = " and no ".join(f"[{n}]" for n in absent)
        there = {0: "", 1: "; its only paper is [1]"}.get(len(papers), f"; its papers are [1] to [{len(papers)}]")
        return f"There is no {named} in this conversation{there}."
    ordinal = _ORDINAL.search(question)
    if ordinal is None or papers_meant(question, history) or not is_bare(question):
        return None
    n_cited = len(last_cited(history))
    cited = {0: "No paper has been cited yet", 1: "Only one paper was cited last"}
    return f"{cited.get(n_cited, f'{n_cited} papers were cited last')}: which one is “the {ordinal.group(1)}”?"


def at_place(word: str, cited: Sequence[str]) -> tuple[str, ...]:
    """What 'first', 'last' or 'other' means of the papers ``cited``; () if there are not so many."""
    place = _PLACES[word.casefold()]
    return (cited[place],) if place < len(cited) else ()


def standalone(question: str, history: Sequence[Turn], titles: Sequence[str]) -> str:
    """What to search for: the question itself, or with the topic it points back to.

    ``titles`` are those of ``papers_meant``; without one the topic is the question before.
    A '[3]' gives way to what it stands for, since numbers mean other things to a model.
    """
    if not history or not points_back(question, last_topic(history)):
        return question
    topic = "; ".join(titles) or history[-1].question
    bare = " ".join(_NUMBER.sub(" ", question).split())
    return f"{bare or 'What is it about?'} ({topic.strip()})"


def last_cited(history: Sequence[Turn]) -> tuple[str, ...]:
    """The papers of the last turn that cited any."""
    return next((turn.paper_ids for turn in reversed(history) if turn.paper_ids), ())


def numbered(history: Sequence[Turn]) -> tuple[str, ...]:
    """All papers of the conversation in the order of their numbers."""
    return tuple(dict.fromkeys(paper_id for turn in history for paper_id in turn.paper_ids))
