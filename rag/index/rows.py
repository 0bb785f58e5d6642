"""Papers and chunks as they lie in the records, and back."""

from __future__ import annotations

import hashlib
import json
import marshal
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from rag.types import Chunk, Paper, Span


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A live chunk with its paper and its vectors as they lie on disk: little-endian float16, b"" if not embedded."""

    row: int
    paper: Paper
    chunk: Chunk
    vector: bytes
    sentence_vectors: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A paper with its place in the records."""

    position: int
    paper: Paper


# What its library knows of a paper, and no source, has columns of its own.
_LIBRARY_OWN = ("tags", "work")
_RECORDED = tuple(name for name in Paper.__slots__ if name not in _LIBRARY_OWN)
_recorded = attrgetter(*_RECORDED)


def to_record(paper: Paper) -> str:
    """A paper as ASCII JSON, which keeps every character of its abstract; without tags and work."""
    return json.dumps(dict(zip(_RECORDED, _recorded(paper), strict=True)))


def to_paper(record: str, *, tags: tuple[str, ...] = (), work: str | None = None) -> Paper:
    return Paper(**json.loads(record), tags=tags, work=work)


def digest_of(paper: Paper) -> bytes:
    """16 bytes that differ for records that differ in anything, where they were read included."""
    # Format 2 is the newest that writes equal values equally: later ones refer back to the same objects.
    return hashlib.blake2b(marshal.dumps(_recorded(paper), 2), digest_size=16).digest()


def pack_spans(spans: Sequence[Span]) -> bytes:
    flat = array("I", [n for span in spans for n in (span.start, span.end)])
    if sys.byteorder == "big":
        flat.byteswap()
    return flat.tobytes()


def unpack_spans(data: bytes) -> tuple[Span, ...]:
    flat = array("I", data)
    if sys.byteorder == "big":
        flat.byteswap()
    return tuple(map(Span, flat[::2], flat[1::2]))


def is_text(text: str) -> bool:
    """False for lone surrogates, which no index can hold as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_utf8(text: str) -> str:
    """``text`` as indexes can hold it: '?' for each lone surrogate, so that offsets stay true."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
