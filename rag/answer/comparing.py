"""Papers side by side, written by a model: one request a paper, one line an aspect, each cell cited by code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import prompts
from rag.answer.aspects import ASPECTS
from rag.answer.citations import DraftSentence, Numbering, cited, parse_markers
from rag.answer.manner import AS_USUAL, Manner
from rag.answer.table import table_as_text
from rag.answer.writing import Written
from rag.context import render_sources
from rag.errors import ModelError
from rag.llm import LanguageModel
from rag.types import Claim, Source, Table, Usage, Wrote

_NOTHING = re.compile(
    r"\W*(?:not (?:stated|mentioned|given|specified|reported)|none|n/?a|unknown|unclear)\b", re.IGNORECASE
)
NO_TABLE = "Nothing that the model wrote could be read as a row of the table."

_MAX_REPLY_CHARACTERS = 6_000


def write_comparison(
    sources: Sequence[Source],
    model: LanguageModel,
    numbering: Numbering,
    stopped: Callable[[], bool],
    manner: Manner = AS_USUAL,
) -> Iterator[Wrote | Claim | Written]:
    """The cells as claims, paper by paper, and the table so far; ``Written.table`` is the whole.

    A cell rests on the one paper that was shown for it, whatever number the model writes. Raises ModelError, after a
    ``Written`` with the table so far and what was used by then.
    """
    names = [aspect.name for aspect in ASPECTS]
    claims: list[Claim] = []
    cells: list[list[int | None]] = [[] for _ in names]
    usage = Usage()
    done: list[Source] = []
    wrote = False
    for source in sources:
        messages = prompts.load("aspects").render(
            source=render_sources([source]), aspects=", ".join(names), manner=manner.in_words("comparison")
        )
        reply = ""
        try:
            with model.stream(messages) as stream:
                for piece in stream:
                    reply += piece
                    if stopped() or len(reply) > _MAX_REPLY_CHARACTERS:
                        break
        except ModelError:
            if done:
                so_far = _table(names, done, cells)
                yield Written(_as_text(names, done, cells, claims), usage=usage, table=so_far)
            raise
        usage += stream.usage
        if stopped():
            break
        wrote = wrote or bool(reply.strip())
        said = _lines_of(reply, names)
        numbering.number_of(source.hit.paper.paper_id)
        for row, name in enumerate(names):
            if name not in said:
                cells[row].append(None)
                continue
            draft = DraftSentence(said[name], (source.number,), 0, len(said[name]))
            claim = cited(draft, [source], numbering)
            cells[row].append(len(claims))
            claims.append(claim)
            yield claim
        done.append(source)
        yield Wrote(_as_text(names, done, cells, claims))
    table = _table(names, done, cells)
    yield Written(
        text=_as_text(names, done, cells, claims) if done else "",
        empty=not claims and not stopped(),
        notes=(NO_TABLE,) if wrote and not claims and not stopped() else (),
        stopped=stopped(),
        usage=usage,
        table=table if done else None,
    )


def _lines_of(reply: str, names: Sequence[str]) -> dict[str, str]:
    """What the reply says of each aspect; those that it says nothing of are left out."""
    found: dict[str, str] = {}
    for line in reply.splitlines():
        match = re.match(rf"\W*({'|'.join(names)})s?\W{{0,4}}[:：-]\W{{0,4}}(.*)", line, re.IGNORECASE)
        if match is None or match[1].lower() in found:
            continue
        text = match[2]
        for marker in reversed(parse_markers(text)):
            text = text[: marker.start] + text[marker.end :]
        text = re.sub(r"\s+(?=[.,;:])", "", " ".join(text.strip(" *|").split()))
        if re.search(r"\w", text) and not _NOTHING.match(text):
            found[match[1].lower()] = text
    return found


def _table(names: Sequence[str], sources: Sequence[Source], cells: Sequence[Sequence[int | None]]) -> Table:
    return Table(tuple(names), tuple(s.hit.paper.paper_id for s in sources), tuple(map(tuple, cells)))


def _as_text(
    names: Sequence[str], sources: Sequence[Source], cells: Sequence[Sequence[int | None]], claims: Sequence[Claim]
) -> str:
    return table_as_text(_table(names, sources, cells), [s.hit.paper.title for s in sources], claims)
