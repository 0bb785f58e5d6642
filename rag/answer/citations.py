"""From a model's text to sentences that point to exact spans. Pure: no files, no network, no model.

A marker is ``[1]``, ``[1, 3]``, ``[1-3]``, ``[2b]``, ``[Source 2]`` or ``【1】``: brackets that
hold only source numbers from 1 to 99, each with the letter of a sentence or without.
Brackets that hold anything else, a 0 or a year, are text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rag import vocabulary
from rag.types import Citation, Claim, Source, Span, Turn

MAX_MARKER_CHARACTERS = 80
MAX_SENTENCE_CHARACTERS = 2_000
"""An unfinished sentence is cut here, so that a model that never ends one costs no more per word than another."""

LONG_CHARACTERS, LOOK_AGAIN_CHARACTERS = 400, 100
"""A sentence is rarely longer than the first; the second is what a look at a longer one waits for."""

LONGEST_ENCLOSED_CHARACTERS = 300
"""Sentences are not ended inside brackets up to this long (see rag.sentences)."""

_NUMBER = r"(?:(?:sources?|refs?\.?)\s*)?[#^]?\s*\d{1,2}(?:[a-z](?![a-z])(?:\s*[–-]\s*[a-z](?![a-z]))?)?"
_MARKER = re.compile(
    rf"[\[【]\s*{_NUMBER}(?:\s*(?:[,;&–—-]|and\b)\s*{_NUMBER}|\s+\d{{1,2}})*\s*(?:†[^\]】\n]{{0,40}})?[\]】]",
    re.IGNORECASE | re.ASCII,
)
# What may still become a marker when more text comes.
_UNFINISHED = re.compile(r"[\[【][\s\d,;&#^.–—a-z-]*(?:†[^\]】\n]*)?$", re.IGNORECASE | re.ASCII)
_MARKER_WORDS = re.compile(r"[a-z]+", re.IGNORECASE)
_RANGE = re.compile(
    r"(\d{1,2})([a-z](?![a-z]))?(?:\s*[–—-]\s*(?:([a-z])(?![a-z])|\D{0,10}?(\d{1,2})([a-z](?![a-z]))?))?",
    re.ASCII | re.IGNORECASE,
)
_BULLET = re.compile(r"(?:[-*•–]|#{1,6}|\(?\d{1,2}[.)])\s+")
_MAY_END = re.compile(r"[.!?…。！？｡؟۔।॥\n]")
_JOINS_MARKERS = re.compile(r"[ \t]*(?:[,;&]|and)?[ \t]*")
_LEFT_EMPTY = re.compile(r"\s*(?:\(\s*(?:see|cf\.?|sources?)?[\s,;]*\)|\[(?:sources?)?\s*\])", re.IGNORECASE)
_LOOKS_NUMBERED = re.compile(r"\[(\d+)\]")
_REPEATED_MARK = re.compile(r"(\[\d+\??\])(?:\s?\1)+")

FIGURE_WEIGHT = 2.0
"""A figure of the claim says more about where it comes from than a word of the same rarity."""

NEEDED_GAIN = 0.25
"""Share of the claim that a neighbouring sentence must add before two are cited instead of one."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The characters ``[start, end)`` of a text that cite; ``numbers`` in order, each once, never empty."""

    start: int
    end: int
    numbers: tuple[int, ...]
    sentences: tuple[tuple[int, int], ...] = ()
    """(source number, place of the sentence from 0) for each letter: ``[2b]`` names (2, 1)."""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence as the model wrote it: ``text`` without markers, ``numbers`` as the model numbered them."""

    text: str
    numbers: tuple[int, ...]
    start: int
    end: int
    """Characters ``[start, end)`` of the whole output, markers and white space around it included."""
    sentences: tuple[tuple[int, int], ...] = ()
    """Those that its markers name by letter, as in ``Marker``."""


def parse_markers(text: str) -> tuple[Marker, ...]:
    """All markers of ``text`` in order; they do not overlap."""
    markers = []
    for found in _MARKER.finditer(text):
        inside = found[0].partition("†")[0]
        numbers: dict[int, None] = {}
        sentences: dict[tuple[int, int], None] = {}
        for first, letter, to_letter, last, last_letter in _RANGE.findall(inside):
            low, high = sorted((int(first), int(last or first)))
            numbers.update(dict.fromkeys(range(low, high + 1)))
            places = [_place(one) for one in (letter, to_letter or letter) if one]
            sentences.update(
                dict.fromkeys((low, at) for at in range(min(places, default=0), max(places, default=-1) + 1))
            )
            if last_letter:
                sentences[high, _place(last_letter)] = None
        if 0 not in numbers and len(found[0]) <= MAX_MARKER_CHARACTERS:
            markers.append(Marker(found.start(), found.end(), tuple(numbers), tuple(sentences)))
    return tuple(markers)


def letter_of(place: int) -> str:
    """The letter by which a sentence can be cited: a for the first; '' beyond z."""
    return chr(ord("a") + place) if place < 26 else ""


def _place(letter: str) -> int:
    return ord(letter.lower()) - ord("a")


def shown_length(text: str) -> int:
    """How much of an unfinished ``text`` can be shown: up to a bracket that may still become a marker."""
    opening = max(text.rfind("["), text.rfind("【"))
    if opening < 0 or len(text) - opening > MAX_MARKER_CHARACTERS or not _UNFINISHED.match(text, opening):
        return len(text)
    words = _MARKER_WORDS.findall(text[opening:].partition("†")[0])
    if all(any(word.casefold() in whole[: len(word)] for whole in ("sources", "refs", "and")) for word in words):
        return opening
    return len(text)


class SentenceStream:
    """Text in pieces, sentences out as soon as each is complete with its markers.

    A sentence is complete when the next one has begun, since markers after the full stop
    still belong to it. Every line is at least one sentence. A piece costs time in
    proportion to the unfinished sentence, not to all that came before.
    """

    def __init__(self) -> None:
        self._finished: list[str] = []
        self._finished_length = 0
        self._tail = ""
        self._at_line_start = True
        self._next_look = 0

    @property
    def text_so_far(self) -> str:
        """All that came, as it came, without a marker that is not closed yet."""
        return "".join(self._finished) + self._tail[: shown_length(self._tail)]

    @property
    def n_characters(self) -> int:
        return self._finished_length + len(self._tail)

    def feed(self, piece: str) -> list[DraftSentence]:
        """The sentences that ``piece`` completed, in order."""
        self._tail += piece
        done: list[DraftSentence] = []
        # A sentence can only have been completed where a word ended, after the end of another sentence.
        if (
            len(self._tail) >= self._next_look
            and any(ch.isspace() for ch in piece)
            and _MAY_END.search(self._tail.lstrip())
        ):
            done += self._complete()
            # A long one that has not ended is looked at again only when it has grown: "e.g. e.g. e.g. ..."
            self._next_look = len(self._tail) + (LOOK_AGAIN_CHARACTERS if len(self._tail) > LONG_CHARACTERS else 0)
        while len(self._tail) > MAX_SENTENCE_CHARACTERS:
            head = self._tail[:MAX_SENTENCE_CHARACTERS]
            length = head.rfind(" ", 0, shown_length(head)) + 1 or len(head)
            done += self._take(length, self._split(head[:length]))
            self._next_look = 0
        return done

    def finish(self) -> list[DraftSentence]:
        """The rest, complete or not."""
        return self._take(len(self._tail), self._split(self._tail))

    def _complete(self) -> list[DraftSentence]:
        sentences = self._split(self._tail[: shown_length(self._tail)])
        # Whether a sentence ends can depend on the first word of the next, so that must be whole.
        while len(sentences) > 1:
            next_one = sentences.pop()
            begun = self._tail[next_one.start :].lstrip()
            first_word_is_whole = any(ch.isspace() for ch in _without_leading_marker(begun))
            if first_word_is_whole and not _is_open(self._tail[: next_one.start]):
                return self._take(next_one.start, sentences)
        return []

    def _split(self, text: str) -> list[DraftSentence]:
        return split_marked(text, at_line_start=self._at_line_start)

    def _take(self, length: int, sentences: Sequence[DraftSentence]) -> list[DraftSentence]:
        """Move ``length`` characters from the tail to what is finished; their sentences, with offsets in the whole."""
        offset = self._finished_length
        taken, self._tail = self._tail[:length], self._tail[length:]
        if taken:
            self._finished.append(taken)
            self._finished_length += length
            self._at_line_start = taken.endswith("\n")
        return [dataclasses.replace(s, start=offset + s.start, end=offset + s.end) for s in sentences]


def split_marked(text: str, *, at_line_start: bool = True) -> list[DraftSentence]:
    """The sentences of ``text`` with their markers, in order; those without a letter or digit are left out.

    A marker belongs to the sentence it stands in or behind. At the start of a line it
    belongs to the sentence that follows if the one before has markers already (the model
    writes them in front), or if there is none before.
    """
    from rag.sentences import split_sentences

    plain = _Plain(text)
    sentences: list[tuple[int, int]] = []
    line_start = 0
    for line in plain.text.split("\n"):
        bullet = _BULLET.match(line) if at_line_start or line_start > 0 else None
        inset = bullet.end() if bullet else 0
        for span in split_sentences(line[inset:]):
            if any(ch.isalnum() for ch in span.of(line[inset:])):
                sentences.append((line_start + inset + span.start, line_start + inset + span.end))
        line_start += len(line) + 1

    owned: list[list[tuple[Marker, int]]] = [[] for _ in sentences]
    for marker, position in plain.markers if sentences else ():
        owner = max((index for index, (start, _) in enumerate(sentences) if start < position), default=0)
        end_of_line = plain.text.find("\n", sentences[owner][1], position)
        if end_of_line >= 0 and owner + 1 < len(sentences):
            same_line = plain.text.find("\n", position, sentences[owner + 1][0]) < 0
            if same_line and any(earlier <= end_of_line for _, earlier in owned[owner]):
                owner += 1
        owned[owner].append((marker, position))

    drafts = []
    for (start, end), marks in zip(sentences, owned, strict=True):
        markers = [marker for marker, _ in marks]
        numbers = tuple(dict.fromkeys(number for marker in markers for number in marker.numbers))
        raw_start = min([plain.raw[start], *(marker.start for marker in markers)])
        raw_end = max([plain.raw[end - 1] + 1, *(marker.end for marker in markers)])
        named = tuple(dict.fromkeys(one for marker in markers for one in marker.sentences))
        drafts.append(DraftSentence(_tidied(plain.text[start:end]), numbers, raw_start, raw_end, named))
    return drafts


class _Plain:
    """``text`` without its markers; ``raw[i]`` is where character ``i`` stood, ``markers`` where each was cut out."""

    def __init__(self, text: str) -> None:
        found = parse_markers(text)
        pieces: list[str] = []
        self.raw: list[int] = []
        self.markers: list[tuple[Marker, int]] = []
        begin = 0
        for marker in found:
            between = text[begin : marker.start]
            # "[1], [2]" and "[1] and [2]": what only joins two markers goes with them.
            kept = "" if self.markers and _JOINS_MARKERS.fullmatch(between) else between.rstrip(" \t")
            pieces.append(kept)
            self.raw.extend(range(begin, begin + len(kept)))
            self.markers.append((marker, len(self.raw)))
            begin = marker.end
            if text[begin : begin + 1].isalnum():
                # "grows.[1]Next": without a space the two sentences would run into one word.
                pieces.append(" ")
                self.raw.append(begin)
        pieces.append(text[begin:])
        self.raw.extend(range(begin, len(text)))
        self.text = "".join(pieces)


class Numbering:
    """The numbers that readers see: one per paper, given by first use, for a whole conversation.

    The only thing here that changes: asking for a paper's number gives it one.
    """

    def __init__(self, paper_ids: Iterable[str] = ()) -> None:
        self._numbers = {paper_id: number for number, paper_id in enumerate(dict.fromkeys(paper_ids), 1)}

    @classmethod
    def after(cls, history: Iterable[Turn]) -> Numbering:
        """Goes on where the conversation's earlier turns ended."""
        return cls(paper_id for turn in history for paper_id in turn.paper_ids)

    @property
    def paper_ids(self) -> tuple[str, ...]:
        """In the order of their numbers, which begin at 1."""
        return tuple(self._numbers)

    def number_of(self, paper_id: str) -> int:
        return self._numbers.setdefault(paper_id, len(self._numbers) + 1)


def marker_text(citation: Citation) -> str:
    """``[3]`` for a paper, ``[9?]`` for a number that no source has: ``[n]`` always means a paper."""
    return f"[{citation.number}]" if citation.exists else f"[{citation.number}?]"


def shown(text: str, sources: Sequence[Source], numbering: Numbering) -> str:
    """The model's text with its source numbers replaced by the readers' numbers, in place.

    Brackets around other bare numbers, as in ``[2023]``, become round: they must not look
    like a citation.
    """
    by_number = {source.number: source for source in sources}
    parts: list[str] = []
    begin = 0
    for marker in parse_markers(text):
        parts.append(_LOOKS_NUMBERED.sub(r"(\1)", text[begin : marker.start]))
        marks = [_bare_citation(number, by_number.get(number), numbering) for number in marker.numbers]
        parts.append("".join(dict.fromkeys(marker_text(citation) for citation in marks)))
        begin = marker.end
    parts.append(_LOOKS_NUMBERED.sub(r"(\1)", text[begin:]))
    return _REPEATED_MARK.sub(r"\1", "".join(parts))


def cited(
    draft: DraftSentence,
    sources: Sequence[Source],
    numbering: Numbering,
    claim_vector: Any = None,
) -> Claim:
    """The claim of ``draft``, unchecked: each of its markers as a citation of an exact span.

    A number without a source stays, as a citation that does not exist.
    """
    by_number = {source.number: source for source in sources}
    citations: dict[Citation, None] = {}
    for number in draft.numbers:
        source = by_number.get(number)
        citation = _bare_citation(number, source, numbering)
        if source is not None:
            span = _named(draft, source) or locate(draft.text, source, claim_vector)
            citation = dataclasses.replace(
                citation,
                title=source.hit.paper.title,
                chunk_id=source.hit.chunk.chunk_id,
                span=span,
                quote=span.of(source.hit.paper.abstract),
            )
        citations[citation] = None
    is_quote = len(citations) == 1 and next(iter(citations)).quote == draft.text
    return Claim(draft.text, tuple(citations), is_quote=is_quote)


def _named(draft: DraftSentence, source: Source) -> Span | None:
    """The sentences that the draft names by letter, if they stand in a row and were shown."""
    spans = source.hit.chunk.sentences
    places = sorted(place for number, place in draft.sentences if number == source.number)
    if not places or places[-1] >= len(spans) or places != list(range(places[0], places[-1] + 1)):
        return None
    if source.sentences and not set(spans[places[0] : places[-1] + 1]) <= set(source.sentences):
        return None
    return Span(spans[places[0]].start, spans[places[-1]].end)


def locate(claim_text: str, source: Source, claim_vector: Any = None) -> Span:
    """The sentence of ``source`` that bears the claim best, or two neighbours if it needs both.

    Sentences are scored by the share of the claim's words that they hold, rare words and
    figures counting more; where ``claim_vector`` (float32, (n_dims,), unit) and the hit's
    sentence vectors are given, half their cosine is added. The first sentence where nothing
    matches. Only sentences that were shown are looked at.
    """
    chunk, abstract = source.hit.chunk, source.hit.paper.abstract
    wanted = {
        stem: value * (FIGURE_WEIGHT if stem.isdecimal() else 1.0)
        for stem, value in vocabulary.weights(claim_text).items()
    }
    shown_ones = set(source.sentences)
    candidates = [index for index, span in enumerate(chunk.sentences) if span in shown_ones or not shown_ones]
    words = {index: set(vocabulary.stems(chunk.sentences[index].of(abstract))) for index in candidates}
    vectors = source.hit.sentence_vectors

    def share(present: set[str]) -> float:
        return vocabulary.covered(wanted, present) if wanted else 0.0

    def score(index: int) -> float:
        alike = 0.0 if claim_vector is None or vectors is None else 0.5 * float(vectors[index] @ claim_vector)
        return share(words[index]) + alike

    # max takes the first of equals, so a tie goes to the earlier sentence.
    best = max(candidates, key=score)
    neighbours = [index for index in (best - 1, best + 1) if index in words]
    partner = max(neighbours, key=lambda index: share(words[best] | words[index]), default=best)
    if share(words[best] | words[partner]) - share(words[best]) >= NEEDED_GAIN:
        first, last = sorted((best, partner))
        return Span(chunk.sentences[first].start, chunk.sentences[last].end)
    return chunk.sentences[best]


def _bare_citation(number: int, source: Source | None, numbering: Numbering) -> Citation:
    if source is None:
        return Citation(number, None)
    paper_id = source.hit.paper.paper_id
    return Citation(numbering.number_of(paper_id), paper_id)


def _is_open(text: str) -> bool:
    """True where a bracket, quote or formula begun in ``text`` may still close: a stop inside ends no sentence."""
    near = text[-LONGEST_ENCLOSED_CHARACTERS:]
    return any(near.count(opening) > near.count(closing) for opening, closing in ("()", "[]", "{}", "“”")) or any(
        near.count(mark) % 2 for mark in '"$'
    )


def _without_leading_marker(text: str) -> str:
    while (found := _MARKER.match(text)) is not None:
        text = text[found.end() :].lstrip()
    return text


def _tidied(text: str) -> str:
    """One line, without what markers leave behind: empty brackets, a space before the full stop."""
    text = _LEFT_EMPTY.sub("", text)
    text = " ".join(text.split())
    return re.sub(r" (?=[.,;:!?](?:\s|$))", "", text)
