"""Where the sentences of a text are. Rules for scientific English first, other scripts by their own full stops."""

from __future__ import annotations

import re

from rag.types import Span

# Both patterns begin with one set of characters, which the regex engine skips to quickly.
_CANDIDATE = re.compile(
    r"[.!?…。！？｡؟۔।॥\n](?:"
    r"(?<=[.!?…])[.!?…]*+(?P<closers>[\"'”’»)\]}›$]*+)"
    r"|(?<=\n)[^\S\n]*+\n\s*+"
    r"|(?<=[。！？｡؟۔।॥])[。！？｡؟۔।॥]*+[」』”’）)\"']*+)"
)
# Inside these a stop does not end the sentence around them. Every repeat is bounded and
# gives nothing back, so the scan stays linear on hostile text.
_ENCLOSED = re.compile(
    r"[$(\[{\"“`](?:"
    r"(?<=\$)(?:\$[^$]{1,600}+\$\$|(?=[^\s$])[^$]{1,300}+(?<=\S)\$(?!\d))"  # not "$5. It costs $10"
    r"|(?<=\()(?:[^()]|\([^()]{0,120}+\)){0,300}+\)"
    r"|(?<=\[)[^\[\]]{0,300}+\]|(?<=\{)[^{}]{0,300}+\}"
    r"|(?<=[\s(\[]\")(?=\S)[^\"]{1,200}+(?<=\S)\"(?!\w)|(?<![\s\S]\")(?<=\")(?=\S)[^\"]{1,200}+(?<=\S)\"(?!\w)"
    r"|(?<=“)[^“”]{1,200}+”"
    r"|(?<=`)`[^`']{1,200}+'')"
)

_VISIBLE = re.compile(r"\S")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never the last word of a sentence.
_NEVER_LAST = _words(
    "e.g i.e eg ie cf vs viz approx dr prof mr mrs ms st fig figs eq eqs eqn eqns sec sect secs ref refs tab thm "
    "prop lem def cor chap ch mt ft ca c.f w.r.t wrt et"
)
# The last word only if the next one clearly begins a sentence.
_SELDOM_LAST = _words(
    "al resp inc ltd corp co jr sr etc ph.d m.d b.sc m.sc a.m p.m dept univ proc conf symp phys rev lett math gen "
    "var subsp ser sci nat comm int assoc est max min std avg temp dim"
)
# Abbreviations only when a number follows: "No. 5", "p. 12".
_BEFORE_NUMBER = _words("no nos p pp vol vols ver art par")
# Words that often begin sentences and seldom follow an abbreviation or an initial.
_OPENERS = _words(
    "a additionally after all although an and another as at based because besides both building but by can compared "
    "consequently contrary conversely currently despite due during each empirically even existing experimental "
    "experiments extensive finally first firstly following for from further furthermore given hence here how "
    "however if importantly in indeed inspired instead interestingly is it its last lastly leveraging many moreover "
    "most motivated next no nonetheless notably nevertheless on one other our overall particularly previous rather "
    "recent recently remarkably results second secondly several similarly since so some specifically still such "
    "surprisingly that the their then there therefore these they third this those though through thus to together "
    "two typically ultimately under unfortunately unlike using various via was we what when where whereas whether "
    "which while why with within without yet you"
)
_LOWER_OPENERS = _words("we this these our however the it moreover furthermore additionally")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]{1,2}")
_JOINT = re.compile(r"[-–—/(]")
_ACRONYM = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_NAME_WITH_MARK = frozenset({"yahoo", "jeopardy"})


def split_sentences(text: str) -> tuple[Span, ...]:
    """The sentences of ``text`` in order: trimmed, not overlapping, every visible character in one.

    Empty for blank text. A stop ends a sentence where what follows can begin one; stops
    of abbreviations, initials, numbers, addresses, formulas and remarks in brackets do
    not. Closing quotes and brackets belong to the sentence they close. A blank line
    always ends one. Takes time proportional to the length of the text.
    """
    spans: list[Span] = []
    start = _next_visible(text, 0)
    enclosed = _ENCLOSED.finditer(text)
    group = next(enclosed, None)
    for candidate in _CANDIDATE.finditer(text):
        at = candidate.start()
        if at < start:
            continue
        while group is not None and group.end() <= at:
            group = next(enclosed, None)
        inside = group if group is not None and group.start() <= at else None
        end = _end_of_sentence(text, start, candidate, inside)
        if end is not None:
            spans.append(Span(start, end))
            start = _next_visible(text, end)
    if start < len(text):
        spans.append(Span(start, len(text.rstrip())))
    return tuple(spans)


def _next_visible(text: str, position: int) -> int:
    for near in (position, position + 1):  # as nearly always, and found in a third of the time
        if near < len(text) and not text[near].isspace():
            return near
    found = _VISIBLE.search(text, position)
    return found.start() if found else len(text)


def _end_of_sentence(text: str, start: int, candidate: re.Match[str], inside: re.Match[str] | None) -> int | None:
    """The end of the sentence begun at ``start``, if this candidate ends it."""
    at, end = candidate.span()
    if text[at] == "\n":
        while text[at - 1].isspace():
            at -= 1
        return at
    closers = candidate["closers"]
    if inside is not None:
        opening = inside[0][0]
        if end < inside.end():
            return None
        if opening in "([{" and inside.start() != start:
            return None  # "(as in Fig. 3.) The" still lacks the stop of its own sentence
        if opening == "$" and text[at] != ".":
            return None  # "$n!$ ways"
    elif closers and "$" in closers:
        closers, end = "", candidate.start("closers")  # a dollar that closes nothing: ".$x$ is"
    if closers is None:
        return end
    after = _next_visible(text, end)
    if after >= len(text):
        return end
    if after == end:
        return end if _begins_without_space(text, start, at, end) else None
    return end if _begins_sentence(text, start, at, text[at : end - len(closers)], after) else None


def _begins_without_space(text: str, start: int, stop_at: int, after: int) -> bool:
    """Whether a missing space hides a boundary, as in "many areas.However, the".

    Only a word that often begins sentences counts: "torch.Tensor" and "arXiv.Org" are names.
    """
    before = text[max(start, stop_at - 30) : stop_at].split()
    token = before[-1] if before else ""
    if len(token) < 2 or any(c in token for c in "./@\\_:") or not (token[-1].islower() or token[-1] in ")]%\"'”"):
        return False
    following = _WORD.match(text, after, after + 30)
    if following is None or not following[0][0].isupper():
        return False
    word = following[0]
    is_word_whole = text[following.end() : following.end() + 1] in " ,\n"
    return word.casefold() in _OPENERS and word == word.capitalize() and is_word_whole


def _begins_sentence(text: str, start: int, stop_at: int, stop: str, after: int) -> bool:
    """Whether what stands at ``after``, beyond white space, begins a sentence."""
    first = text[after]
    opener = first in "\"'“‘«([{`"
    begins_at = after + 1 if opener and after + 1 < len(text) else after
    if first == "`" and text.startswith("``", after):
        begins_at = min(after + 2, len(text) - 1)
    letter = text[begins_at]
    word_match = _WORD.match(text, begins_at, begins_at + 40)
    word = word_match[0] if word_match else ""

    if not word and not letter.isdigit() and letter in ",;:.!?%=<>+/|&)]}~^":
        return False
    if "?" in stop or "!" in stop:
        token = _token_before(text, start, stop_at)
        return not letter.islower() and token.casefold() not in _NAME_WITH_MARK
    if stop == "." and not _may_end(text, start, stop_at, word, letter, first):
        return False
    if letter.islower():
        if first in "([":
            return first == "(" and _ENUMERATOR.match(text, after) is not None
        if len(stop) > 1:
            return False
        # "mRNA", "p53", "iPSC" and "α-synuclein" begin sentences as they are written.
        rest = text[begins_at : begins_at + 12].split()[0]
        is_name = rest != rest.lower() or any(c.isdigit() for c in rest) or not letter.isascii()
        return is_name or word in _LOWER_OPENERS
    return True


def _token_before(text: str, start: int, stop_at: int) -> str:
    """What stands before the stop without white space, at most 40 characters of it, opening marks removed."""
    tokens = text[max(start, stop_at - 40) : stop_at].split()
    if not tokens or text[stop_at - 1].isspace():
        return ""
    return tokens[-1].lstrip("\"'“‘([{~")


def _may_end(text: str, start: int, stop_at: int, next_word: str, next_letter: str, next_mark: str) -> bool:
    """Whether a sentence can end at this single full stop, from the word before it and the word after."""
    token = _token_before(text, start, stop_at)
    folded = token.casefold()
    if "~" in folded:
        folded = folded.rsplit("~", 1)[1]
    last_part = folded if folded.isalnum() else _JOINT.split(folded)[-1]
    if folded in _NEVER_LAST or last_part in _NEVER_LAST:
        return False
    if stop_at - len(token) <= start + 1 and _ENUMERATOR.fullmatch(text, start, stop_at + 1):
        return False  # "1. First": the number belongs to what it counts
    if folded in _BEFORE_NUMBER and (next_letter.isdigit() or next_mark in "(["):
        return False
    is_initial = len(token) == 1 and token.isupper()
    is_doubtful = folded in _SELDOM_LAST or is_initial or ("." in token and _ACRONYM.fullmatch(token))
    return not is_doubtful or _opens(next_word)


def _opens(word: str) -> bool:
    """Whether it often begins a sentence, and is written so that it could."""
    return word.casefold() in _OPENERS and (word[0].isupper() or word in _LOWER_OPENERS)
