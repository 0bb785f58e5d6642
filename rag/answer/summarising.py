"""A model's summary of any number of papers: read in groups, noted, and the notes made one text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import prompts
from rag.answer.citations import Numbering, marker_text
from rag.answer.manner import Manner
from rag.answer.writing import Written, write
from rag.context import MAX_NUMBERED, budget_for, neutralise, render_sources
from rag.errors import ModelError
from rag.llm import LanguageModel, Message
from rag.types import Claim, Source, Usage, Wrote

TOKENS_PER_MARKER = 6

NOT_SHORTER = "The notes on the papers could not be made one text: they are shown as they are."


def write_summary(
    topic: str,
    groups: Sequence[Sequence[Source]],
    model: LanguageModel,
    numbering: Numbering,
    manner: Manner,
    stopped: Callable[[], bool],
) -> Iterator[Wrote | Claim | Written]:
    """As ``write``. Of several groups the notes are shown as they come, and then the summary in their place.

    Every note keeps the papers that it comes from, and every sentence of the summary those
    of its notes. Stopped, or with a model that fails, the notes so far are the answer. ``Written`` then comes before
    the ModelError, with what was used by then.
    """
    if len(groups) == 1:
        messages = _messages(topic, groups[0], model, manner)
        yield from write(messages, groups[0], model, numbering, stopped=stopped)
        return
    notes: list[Claim] = []
    sources = {source.hit.paper.paper_id: source for group in groups for source in group}
    usage = Usage()
    try:
        for group in groups:
            own, ended = _drained(
                write(_messages(topic, group, model, manner), group, model, Numbering(), stopped=stopped)
            )
            notes += own
            usage += ended.usage
            if ended.stopped:
                yield from _as_they_are(notes, numbering, Written(_text(notes), stopped=True, usage=usage))
                return
            yield Wrote(_text(_numbered(notes, Numbering(numbering.paper_ids))))
        if not notes:
            yield Written("", declined=True, usage=usage)
            return
        while len(parts := _parts(notes, model, topic)) > 1:
            shorter: list[Claim] = []
            for part in parts:
                messages, of = _combining(topic, part, sources, manner)
                own, ended = _drained(write(messages, of, model, Numbering(), stopped=stopped))
                usage += ended.usage
                shorter += own
                if ended.stopped:
                    yield from _as_they_are(notes, numbering, Written(_text(notes), stopped=True, usage=usage))
                    return
            if not shorter or sum(map(_cost, shorter)) >= sum(map(_cost, notes)):
                # What does not fit together is shown part by part: no paper is left out for it.
                kept = shorter or notes
                yield from _as_they_are(kept, numbering, Written(_text(kept), usage=usage, notes=(NOT_SHORTER,)))
                return
            notes = shorter
        messages, of = _combining(topic, parts[0], sources, manner)
        for told in write(messages, of, model, numbering, stopped=stopped):
            if isinstance(told, Written):
                told = dataclasses.replace(told, usage=usage + told.usage)
            yield told
    except ModelError:
        yield from _numbered(notes, numbering)
        yield Written(_text(notes), usage=usage)
        raise


def _messages(topic: str, group: Sequence[Source], model: LanguageModel, manner: Manner) -> Sequence[Message]:
    shown = render_sources(group, lettered=model.evidence == "abstracts")
    return prompts.load("summary").render(sources=shown, topic=neutralise(topic), manner=manner.in_words("summary"))


def _combining(
    topic: str, notes: Sequence[Claim], sources: dict[str, Source], manner: Manner
) -> tuple[Sequence[Message], list[Source]]:
    """The prompt that joins the notes, their papers numbered for it, and those papers as its sources."""
    papers = list(dict.fromkeys(c.paper_id for note in notes for c in note.citations if c.paper_id))
    local = Numbering(papers)
    lines = []
    for note in _numbered(notes, local):
        marks = "".join(marker_text(c) for c in note.citations if c.exists)
        lines.append(f"{neutralise(note.text)} {marks}")
    messages = prompts.load("combine").render(
        notes="\n".join(lines), topic=neutralise(topic), manner=manner.in_words("summary")
    )
    return messages, [dataclasses.replace(sources[p], number=n, sentences=()) for n, p in enumerate(papers, 1)]


def _parts(notes: Sequence[Claim], model: LanguageModel, topic: str) -> list[list[Claim]]:
    """The notes in runs that each fit into the combining prompt, and whose papers can all have numbers there; a note
    that does not is a run alone."""
    budget = budget_for(model, "combine", topic)
    parts: list[list[Claim]] = [[]]
    left, numbered = budget, set[str]()
    for note in notes:
        cost, papers = _cost(note), {c.paper_id for c in note.citations if c.paper_id}
        if parts[-1] and (cost > left or len(numbered | papers) > MAX_NUMBERED):
            parts.append([])
            left, numbered = budget, set()
        parts[-1].append(note)
        left -= cost
        numbered |= papers
    return parts


def _cost(note: Claim) -> int:
    """About the tokens of a note and its markers."""
    from rag.tokens import count_tokens

    return count_tokens(note.text) + TOKENS_PER_MARKER * max(len(note.citations), 1)


def _drained(telling: Iterator[Wrote | Claim | Written]) -> tuple[list[Claim], Written]:
    claims: list[Claim] = []
    for told in telling:
        if isinstance(told, Claim):
            claims.append(told)
        elif isinstance(told, Written):
            # A note without a paper would be nobody's: it goes here, not into the summary.
            return [claim for claim in claims if any(c.exists for c in claim.citations)], told
    raise AssertionError("write() always ends with Written")


def _as_they_are(notes: Sequence[Claim], numbering: Numbering, ended: Written) -> Iterator[Claim | Wrote | Written]:
    numbered = _numbered(notes, numbering)
    yield Wrote(_text(numbered))
    yield from numbered
    yield dataclasses.replace(ended, text=_text(numbered))


def _numbered(notes: Sequence[Claim], numbering: Numbering) -> list[Claim]:
    return [
        dataclasses.replace(
            note,
            citations=tuple(
                dataclasses.replace(c, number=numbering.number_of(c.paper_id)) if c.paper_id else c
                for c in note.citations
            ),
        )
        for note in notes
    ]


def _text(notes: Sequence[Claim]) -> str:
    return " ".join(f"{note.text} {''.join(dict.fromkeys(map(marker_text, note.citations)))}" for note in notes)
