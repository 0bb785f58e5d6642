"""What a person wants with a turn of a conversation: which question, of which papers, said how.

The pronouns are ``rag.conversation.pointing``'s; here are the turns that ask for the last answer in
another way ('shorter', 'in German'), for other papers ('without [2]'), or for one of them
('tell me more about [3]').
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.answer.kinds import kind_of, topic_of
from rag.answer.manner import AS_USUAL, Length, Manner
from rag.conversation.pointing import is_bare, last_cited, numbered, papers_meant, placed, standalone
from rag.conversation.years import years_in
from rag.filters import Filter
from rag.types import Kind, Turn

Rewrite = Callable[[str, Sequence[Turn]], str | None]
"""A question and its history to the question standing alone; None if that is not known."""

_LANGUAGES = (
    "Arabic|Bengali|Bulgarian|Catalan|Chinese|Croatian|Czech|Danish|Dutch|English|Estonian|Finnish|French|German|Greek"
    "|Hebrew|Hindi|Hungarian|Icelandic|Indonesian|Italian|Japanese|Korean|Latvian|Lithuanian|Norwegian|Persian|Polish"
    "|Portuguese|Romanian|Russian|Serbian|Slovak|Slovenian|Spanish|Swedish|Thai|Turkish|Ukrainian|Urdu|Vietnamese"
)
_LANGUAGE = re.compile(
    rf"\b(?:in|into|auf) ({_LANGUAGES})\b(?! \w*(?:patients|people|speakers|texts?|data|corp))", re.IGNORECASE
)
_SHORTER = re.compile(
    r"\b(?:shorter|more briefly|more concise(?:ly)?|in (?:a|one|1) (?:single )?sentence|in short|in a nutshell"
    r"|briefly please|(?:be|make it|keep it|more) brief|too long)\b",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"\b(?:(?:in|with|using) (?:very |more )?(?:simpler?|plain|easy|everyday|lay(?:man'?s?)?)"
    r" (?:words?|terms?|language|English)|like i(?:'|\u2019| a)?m (?:five|5)|eli5)\b(?: please\b)?(?= *(?:$|[,;:.?!]))",
    re.IGNORECASE,
)
_PLAINER = re.compile(r"\b(?:simpler|more simply|(?:more )?plainly)\b", re.IGNORECASE)
_WISH_WORDS = 6
"""'Simpler, please' asks for other words; a longer question may be about what is simpler."""
_LONGER = re.compile(r"\b(?:longer|in more detail|more details?|at (?:more|greater) length|elaborate)\b", re.IGNORECASE)
_WITHOUT = re.compile(
    r"\b(?:without|except|excluding|leave out|leaving out|ignor(?:e|ing)|other than|apart from|but not|not)\s+"
    r"((?:\[\d{1,2}\](?:\s*(?:,|and|or|&)?\s*)?)+)",
    re.IGNORECASE,
)
_PLACE = r"the (first|second|third|fourth|fifth|former|latter|last|other)(?: (?:one|paper|study|work))?"
_WITHOUT_PLACE = re.compile(
    rf"\b(?:without|except|excluding|leave out|leaving out|ignor(?:e|ing)|but not)\s+{_PLACE}\b(?=\W*(?:please\W*)?$)",
    re.IGNORECASE,
)
_MORE_ABOUT = re.compile(
    r"^\W*(?:(?:please|can you|could you) )*(?:(?:tell me|say|show me|give me|what else|i want|i(?:'d| would) like)? ?"
    r"(?:to (?:know|hear|read) )?(?:a bit |a little |something )?more(?: details?| information)? (?:about|on|of|from)"
    r"|go on (?:about|with)) (?P<what>.{1,80}?)[.?!\s]*$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"^\W*(?:(?:please|can you|could you) )*(?:(?:tell me |say |show me )?more|go on"
    r"|what else (?:does|do|did) (?:it|they|that|this|he|she|the (?:paper|authors?)) (?:say|find|show|report))"
    r"(?:\W+please)?\W*$",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"^\W*(?:and |but |so )*(?:who else|what else|(?:which|what|any) others?(?: (?:papers?|works?|studies|ones?))?"
    r"|any(?:thing|one|body) else|(?:is|are) there (?:any |some )?(?:(?:thing|one|body) )?(?:others?|else|more)"
    r"|(?:is|are) there any(?:thing|one|body) else)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
_ONLY_POINTS = re.compile(
    r"(?:\b(?:papers?|works?|studies|ones?|do|does|did|has|have|done|doing|is|are|so|the same|that|this|it|them|like|on"
    r"|about|of|with|there|here|please|topic|subject|problem|question|similar|for)\b|\W)*+$",
    re.IGNORECASE,
)
_COMPARES_PAPERS = re.compile(
    r"^\W*(?:(?:and|but|so|please)\W+)*"
    r"(?:how (?:do|does|did) (?:it|they|these|those|this|that|the two|both|\[\d{1,2}\](?: (?:and|,) \[\d{1,2}\])*)"
    r" (?:compare|differ)\b|compared (?:to|with)\b"
    r"|what (?:is|are) the differences? between (?:them|these|those|the two|both|(?:papers? )?\[\d))(?P<rest>.*)$",
    re.IGNORECASE,
)
_WITH_PAPERS = re.compile(
    r"(?:\b(?:to|with|from|and|each other|one another|the other(?: one| paper)?|papers?)\b|[\d\W])*+$",
    re.IGNORECASE,
)
_COMPARES_ONE = re.compile(
    r"^\W*(?:(?:please|can you|could you) )*(?:compare|contrast) "
    r"(?:it|this|that|them|this one|that one|the (?:paper|last one)) (?:with|to|and|against) (?:paper )?"
    r"\[\d{1,2}\]\W*$",
    re.IGNORECASE,
)
"""'Compare it with [1]' is of the paper spoken of, too."""

_ABOUT_PAPERS = re.compile(
    r"^\W*(?:(?:please|can you|could you) )*(?:summari[sz]e|sum up|compare|contrast|describe|explain)\b"
    r"(?=.*(?:\[\d|\bthe (?:two|three|first|second|last)\b|\bthem\b|\bthese\b|\bthose\b|\bboth\b))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\[(\d{1,2})\]")
_FILLERS = re.compile(
    r"\b(?:please|now|again|the same|same|is|that|this|it|answer|say|tell|me|can|could|would|you|make|do|give|write"
    r"|translate|repeat|rephrase|put|just|only|and|but|the|a|an|of|version|one|for|with|to|what|about|how)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do; all papers are ids."""

    question: str
    """Standing alone."""
    kind: Kind
    topic: str
    """The question without the words that only ask for this kind of work."""
    manner: Manner = AS_USUAL
    about: tuple[str, ...] = ()
    """The only papers that count; () for all."""
    without: tuple[str, ...] = ()
    only: Filter | None = None
    """The years that the question asks for; None for all."""


def understand(
    question: str,
    history: Sequence[Turn],
    title_of: Callable[[str], str | None],
    *,
    kind: Kind | None = None,
    rewrite: Rewrite | None = None,
) -> Wanted:
    """``title_of`` gives the title of a paper id, or None for one that is not held any more.

    ``rewrite`` says what a follow-up asks; where it does not know, or there is none, rules do.
    """
    only, rest = years_in(question)
    if only is None:
        return _understand(question, history, title_of, kind, rewrite)
    if history and not _FILLERS.sub(" ", rest).strip(" ?.!,;:'"):
        # Nothing but the years: they are wanted of the question before.
        question, history = history[-1].question, history[:-1]
    elif rest:
        question = rest
    return replace(_understand(question, history, title_of, kind, rewrite), only=only)


def _understand(
    question: str,
    history: Sequence[Turn],
    title_of: Callable[[str], str | None],
    kind: Kind | None,
    rewrite: Rewrite | None,
) -> Wanted:
    manner, rest = _manner(question)
    without, rest = _without(rest, history)
    if history and (others := _OTHERS.match(rest)) and _ONLY_POINTS.match(others["rest"]):
        before = understand(history[-1].question, history[:-1], title_of, rewrite=rewrite)
        known = (*before.without, *without, *last_cited(history[-1:]))
        topic = topic_of(before.question, before.kind)
        return Wanted(before.question, kind or "list", topic, manner, (), tuple(dict.fromkeys(known)))
    if history and (manner != AS_USUAL or without) and not _FILLERS.sub(" ", rest).strip(" ?.!,;:'"):
        # Nothing but the wish: it is about the question before.
        before = understand(history[-1].question, history[:-1], title_of, kind=kind, rewrite=rewrite)
        if before.about and set(before.about) <= set(without) and len(history) > 1:
            # 'Tell me more about [2]', then 'without [2]': the question before that is meant.
            earlier = understand(history[-2].question, history[:-2], title_of, kind=kind, rewrite=rewrite)
            return replace(earlier, manner=manner, without=(*earlier.without, *without))
        return replace(before, manner=manner, without=(*before.without, *without))
    question = rest or question
    about = _about(question, history)
    titles = [title for paper_id in about if (title := title_of(paper_id)) is not None]
    asked_kind = kind or ("comparison" if len(titles) > 1 and _is_comparison(question) else kind_of(question))
    if about and titles and _MORE.match(question):
        topic = "; ".join(titles)
        return Wanted(topic, kind or "summary", topic, manner, about, without)
    if more := _MORE_ABOUT.match(question):
        if about and titles:
            topic = "; ".join(titles)
            return Wanted(topic, kind or "summary", topic, manner, about, without)
        question = f"What is known about {more['what']}?"
    if about and titles and asked_kind in ("summary", "comparison"):
        topic = "; ".join(titles)
        return Wanted(topic, asked_kind, topic, manner, about, without)
    if about and titles and is_bare(question):
        # 'And [3]?' may ask of it what was asked before, which only a model can say.
        alone = rewrite(question, history) if rewrite is not None and not is_bare(question, led=False) else None
        if alone is not None:
            return Wanted(alone, asked_kind, topic_of(alone, asked_kind), manner, (), without)
        topic = "; ".join(titles)
        return Wanted(topic, kind or "summary", topic, manner, about, without)
    meant = papers_meant(question, history)
    if without and set(meant) <= set(without):
        return Wanted(question, asked_kind, topic_of(question, asked_kind), manner, (), without)
    spoken_of = [title for paper_id in meant if (title := title_of(paper_id)) is not None]
    alone = standalone(question, history, spoken_of or _last_question(history))
    if alone != question and rewrite is not None:
        alone = rewrite(question, history) or alone
    return Wanted(alone, asked_kind, topic_of(alone, asked_kind), manner, (), without)


def is_only_for_papers(question: str) -> bool:
    """True for 'tell me more about [3]' and 'the second one': without those papers there is nothing to search for."""
    more = _MORE_ABOUT.match(question)
    return is_bare(more["what"] if more else question)


def _last_question(history: Sequence[Turn]) -> list[str]:
    """The last question that was more than a wish for the one before it, if there is one."""
    for n, turn in reversed(list(enumerate(history))):
        if not _is_wish(turn.question, history[:n]):
            return [turn.question]
    return []


def _is_wish(question: str, history: Sequence[Turn]) -> bool:
    """True for 'shorter', 'without [2]' and 'only after 2020'."""
    manner, rest = _manner(question)
    without, rest = _without(rest, history)
    only, rest = years_in(rest)
    return (manner != AS_USUAL or bool(without) or only is not None) and not _FILLERS.sub(" ", rest).strip(" ?.!,;:'")


def _manner(question: str) -> tuple[Manner, str]:
    """How it is to be said, and the question without those words."""
    rest = question
    plain = _PLAIN.search(rest) or (_PLAINER.search(rest) if len(rest.split()) <= _WISH_WORDS else None)
    if plain is not None:
        rest = rest[: plain.start()] + rest[plain.end() :]
    language = _LANGUAGE.search(rest)
    length: Length = "usual"
    if language is not None:
        rest = rest[: language.start()] + rest[language.end() :]
    for pattern, found in ((_SHORTER, "shorter"), (_LONGER, "longer")):
        if found == "longer" and _MORE_ABOUT.match(question):
            continue  # 'more details about it' is of a paper
        if pattern.search(rest) and (len(rest.split()) <= 8 or found == "shorter"):
            length = "shorter" if found == "shorter" else "longer"
            rest = pattern.sub(" ", rest, count=1)
            break
    manner = Manner(length, language[1].capitalize() if language else None, plain is not None)
    return (manner, _tidy(rest)) if manner != AS_USUAL else (AS_USUAL, question)


def _tidy(rest: str) -> str:
    """Without the blanks and commas that stood around what was taken out: 'What is kelp, ?'"""
    return re.sub(r"^[\s,;:]+|[\s,;]+(?=[?.!]|$)", "", " ".join(rest.split()))


def _without(question: str, history: Sequence[Turn]) -> tuple[tuple[str, ...], str]:
    papers = numbered(history)
    found = _WITHOUT.search(question)
    if found is None and papers and (found_place := _WITHOUT_PLACE.search(question)):
        return placed(found_place[1], history), " ".join(question[: found_place.start()].split())
    if found is None or not papers:
        return (), question
    numbers = [int(number) for number in _NUMBER.findall(found[1])]
    ids = tuple(papers[n - 1] for n in numbers if 0 < n <= len(papers))
    return ids, _tidy(question[: found.start()] + question[found.end() :])


def _about(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """The papers that a summary, a comparison or 'more' is wanted of, as far as the question points at them."""
    if not history:
        return ()
    if _MORE.match(question):
        return last_cited(history)[:1]
    if _is_comparison(question):
        return _compared(question, history)
    if is_bare(question):
        return papers_meant(question, history)
    if not (_MORE_ABOUT.match(question) or _ABOUT_PAPERS.match(question)):
        return ()
    papers = numbered(history)
    numbers = [int(number) for number in _NUMBER.findall(question)]
    if numbers and _COMPARES_ONE.match(question):
        return _compared(question, history)
    if numbers:
        return tuple(dict.fromkeys(papers[n - 1] for n in numbers if 0 < n <= len(papers)))
    last = last_cited(history)
    if re.search(r"\b(?:them|these|those|both|the two|the three|all of)\b", question, re.IGNORECASE):
        return last
    return papers_meant(question, history)


def _is_comparison(question: str) -> bool:
    """True for 'how do they differ?' and the like, but not for 'how does it compare with other methods?'"""
    found = _COMPARES_PAPERS.match(question)
    return found is not None and _WITH_PAPERS.match(found["rest"]) is not None


def _compared(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """The papers that are to be set side by side: those named by number, or those cited last.

    One number alone is compared with the paper spoken of.
    """
    papers, last = numbered(history), last_cited(history)
    named = [papers[n - 1] for n in map(int, _NUMBER.findall(question)) if 0 < n <= len(papers)]
    if len(named) == 1:
        spoken_of = [paper_id for paper_id in last if paper_id not in named][:1]
        return (*spoken_of, *named)
    return tuple(dict.fromkeys(named)) or last
