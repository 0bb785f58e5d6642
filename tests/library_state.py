"""What a library of kelp papers holds, seen from each of its sides."""

from __future__ import annotations

from hashing import HashingEmbedder

from rag.library import Library

EVERYTHING = 10_000


def reachable(library: Library) -> tuple[set[str], set[str]]:
    """The ids of all papers that each side can find; every test paper has the word 'kelp'."""
    vector = HashingEmbedder().embed(["kelp"])[0]
    found = library.candidates(vector=vector, text="kelp", k=EVERYTHING)
    return tuple({found.chunks[i].paper.paper_id for i, _ in side} for side in (found.dense, found.lexical))  # type: ignore[return-value]


def everywhere(library: Library, *paper_ids: str) -> bool:
    """Records and both indexes hold exactly these papers, and nothing is wrong with them."""
    expected = set(paper_ids)
    held = {paper.paper_id for paper in library.papers()}
    return held == expected and reachable(library) == (expected, expected) and library.verify() == []
