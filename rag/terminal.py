"""What a person reads in a terminal: plain lines, in which no text from outside can do anything."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.library import AddReport
    from rag.types import Answer, Citation, Hit

WIDTH = 100
N_NEAREST = 3
"""Papers named beside an answer that is none."""

# Inside JSON strings these are legal, but a terminal obeys some of them, and readers that
# split at every Unicode line end would break an answer in two.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """``text`` on one line without anything that a terminal obeys: escape sequences, marks of direction."""
    return " ".join("".join(_harmless(ch) for ch in text).split())


def _harmless(ch: str) -> str:
    if ch.isprintable():
        return ch
    return "" if unicodedata.category(ch) == "Cf" else " "


def harmless_json(text: str) -> str:
    """The same JSON value with the characters that a terminal obeys written as escapes."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def paragraph(text: str, indent: str = "", first: str | None = None) -> str:
    return textwrap.fill(
        one_line(text),
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def answer_in_words(answer: Answer, *, with_question: bool = False) -> str:
    """The whole answer: what was searched for, the text, the footnotes, what the check found, and how it ended."""
    blocks = []
    if with_question:
        blocks.append(paragraph(answer.question, indent="  ", first="> "))
    if answer.standalone_question != answer.question:
        blocks.append(paragraph(f"searched for: {answer.standalone_question}"))
    if answer.error:
        blocks.append(paragraph(f"failed: {answer.error}"))
    if answer.outcome == "stopped":
        blocks.append("stopped before the end")
    if answer.outcome == "answered" and all(claim.is_quote for claim in answer.claims):
        # Only quotes: each paper leads its own.
        blocks += _footnotes(answer)
    else:
        text = "\n".join(paragraph(line) for line in answer.text.splitlines())
        if text and answer.outcome == "failed":
            text = f"what had come by then:\n{text}"
        blocks += [text, "\n".join(_footnotes(answer))]
    blocks.append("\n".join(_complaints(answer)))
    if answer.sources and not answer.claims:
        titles = (source.hit.paper.title for source in answer.sources[:N_NEAREST])
        head = "nearest papers:" if answer.outcome == "abstained" else "found for it:"
        blocks.append("\n".join([head, *(paragraph(title, "    ", "  - ") for title in titles)]))
    blocks.append("\n".join(paragraph(f"note: {note}", indent="      ", first="") for note in answer.notes))
    blocks.append(_summary(answer))
    return "\n\n".join(block for block in blocks if block)


def _footnotes(answer: Answer) -> Iterator[str]:
    """Each cited paper with its number, and below it what is quoted from it, in the order of the numbers."""
    cited: dict[int, dict[Citation, None]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            cited.setdefault(citation.number, {})[citation] = None
    for number in sorted(cited):
        citations = list(cited[number])
        if not citations[0].exists:
            yield f"[{number}?] there is no such source"
            continue
        indent = " " * (len(str(number)) + 3)
        head = f"{citations[0].title} ({citations[0].paper_id})"
        quotes = dict.fromkeys(citation.quote for citation in citations)
        yield "\n".join(
            [
                paragraph(head, indent, f"[{number}] "),
                *(paragraph(f"“{quote}”", f"{indent} ", indent) for quote in quotes if quote),
            ]
        )


def _complaints(answer: Answer) -> Iterator[str]:
    for claim in answer.claims:
        if claim.verdict not in ("supported", "unchecked"):
            yield paragraph(f"! {claim.verdict}: “{claim.text}”: {'; '.join(claim.reasons)}", indent="  ", first="")


def _summary(answer: Answer) -> str:
    parts: list[str] = [answer.outcome]
    if answer.claims:
        supported = sum(claim.verdict == "supported" for claim in answer.claims)
        parts.append(f"{supported} of {count(len(answer.claims), 'sentence')} supported")
    parts.append(f"{answer.timings.total_seconds:.2f} s")
    parts.append(one_line(answer.model) if answer.model else "quoting mode")
    if answer.usage.prompt_tokens is not None and answer.usage.completion_tokens is not None:
        parts.append(f"{answer.usage.prompt_tokens + answer.usage.completion_tokens:,} tokens")
    if answer.usage.cost is not None:
        parts.append(f"{answer.usage.cost:.4f} spent")
    return " · ".join(parts)


def hit_in_words(rank: int, hit: Hit) -> str:
    sides = ", ".join(f"{origin.side} {origin.rank}" for origin in hit.origins)
    title = paragraph(hit.paper.title, "    ", f"{rank:2}. ")
    return f"{title}\n    {one_line(hit.paper.paper_id)}  {hit.score:.3f}  ({sides})"


def report_in_words(report: AddReport, n_papers: int) -> str:
    if not report.added and not report.updated:
        changed = "nothing changed" if report.unchanged else "nothing added"
    else:
        changed = f"{report.added:,} added, {report.updated:,} updated"
    parts = [changed, f"{report.unchanged:,} unchanged"] if report.unchanged else [changed]
    if report.without_abstract:
        parts.append(f"{report.without_abstract:,} without an abstract")
    if report.n_skipped:
        parts.append(f"{count(report.n_skipped, 'part')} skipped")
    return f"{', '.join(parts)}; {count(n_papers, 'paper')} in the library"
