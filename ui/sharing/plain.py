"""An answer as plain text with its references, for the clipboard."""

from __future__ import annotations

from rag.readable import readable
from rag.types import Answer, Paper
from ui.rendering.markup import address, papers_of


def as_plain_text(answer: Answer) -> str:
    """The sentences with their numbers, then the references, one a line.

    A sentence that is not verified says so in brackets: what is pasted elsewhere must not
    look better than it is. The same for a number that stands for nothing.
    """
    said = []
    for claim in answer.claims:
        numbers = "".join(f"[{c.number}]" if c.exists else f"[{c.number}?]" for c in claim.citations)
        words = f"“{claim.text}”" if claim.is_quote else claim.text
        note = "" if claim.verdict == "supported" else f" ({claim.verdict})"
        said.append(f"{words} {numbers}".rstrip() + note)
    lines = references(answer)
    return "\n".join([*said, "", *lines] if lines else said)


def references(answer: Answer) -> list[str]:
    """``[1] Authors: Title. Venue, Year. Address`` for each cited paper, in the order of the numbers."""
    papers = {paper.paper_id: paper for paper in papers_of(answer.sources)}
    cited = {c.number: c for claim in answer.claims for c in claim.citations if c.paper_id is not None}
    return [
        f"[{number}] {reference(papers[c.paper_id])}" if c.paper_id in papers else f"[{number}] {readable(c.title)}."
        for number, c in sorted(cited.items())
    ]


def reference(paper: Paper) -> str:
    """A paper in one line: who, what, where, when, and where it can be read."""
    authors = [readable(author) for author in paper.authors]
    names = ", ".join(authors[:3]) + (" et al." if len(authors) > 3 else "")
    title = readable(paper.title).rstrip(".")
    where = ", ".join(readable(str(part)) for part in (paper.venue, paper.year) if part)
    parts = [f"{names}: {title}." if names else f"{title}.", f"{where}." if where else "", address(paper) or ""]
    return " ".join(part for part in parts if part)
