"""What a person reads in a terminal: plain lines, in which no text from outside can do anything."""

from __future__ import annotations

import functools
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.adding import AddReport
    from rag.index.snapshot import Listed
    from rag.retrieval.explaining import Explanation
    from rag.saving import Differences
    from rag.types import Answer, Citation, Hit, Paper, Table

WIDTH = 100
N_NEAREST = 3
"""Papers named beside an answer that is none."""

# Inside JSON strings these are legal, but a terminal obeys some of them, and readers that
# split at every Unicode line end would break an answer in two.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printed(title: str) -> str:
    """A title as it is printed: its TeX as characters."""
    return _reader_of_tex()(title)


@functools.cache
def _reader_of_tex() -> Callable[[str], str]:
    from rag.readable import readable  # --help needs none of it

    return readable


def one_line(text: str) -> str:
    """``text`` on one line without anything that a terminal obeys: escape sequences, marks of direction."""
    if text.isprintable():
        return " ".join(text.split())
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
    if answer.table is not None:
        blocks += [*_aspects(answer, answer.table), "\n".join(_footnotes(answer, heads_only=True))]
    elif answer.outcome == "answered" and all(claim.is_quote for claim in answer.claims):
        # Only quotes: each paper leads its own, the one that answers best first.
        blocks += _footnotes(answer, by_use=True)
    else:
        text = "\n".join(paragraph(line) for line in answer.text.splitlines())
        if text and answer.outcome == "failed":
            text = f"what had come by then:\n{text}"
        blocks += [text, "\n".join(_footnotes(answer))]
    blocks.append("\n".join(_complaints(answer)))
    if answer.sources and not any(citation.exists for claim in answer.claims for citation in claim.citations):
        papers = (source.hit.paper for source in answer.sources[:N_NEAREST])
        head = "nearest papers:" if answer.outcome == "abstained" else "found for it:"
        if answer.reason == "nothing_near":
            head = "the least far, all the same:"
        blocks.append("\n".join([head, *(paragraph(_marked(paper), "    ", "  - ") for paper in papers)]))
    blocks.append("\n".join(paragraph(f"note: {note}", indent="      ", first="") for note in answer.notes))
    blocks.append(_summary(answer))
    return "\n\n".join(block for block in blocks if block)


def _aspects(answer: Answer, table: Table) -> Iterator[str]:
    """A comparison on a narrow screen: of each aspect what each paper says."""
    from rag.answer.table import NOT_STATED

    numbers: dict[str, int] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            if citation.paper_id is not None:
                numbers.setdefault(citation.paper_id, citation.number)
    for aspect, row in zip(table.aspects, table.cells, strict=True):
        lines = [aspect]
        for paper_id, place in zip(table.paper_ids, row, strict=True):
            told = None if place is None else answer.claims[place]
            text = NOT_STATED if told is None else f"“{told.text}”" if told.is_quote else told.text
            if told is not None and told.context:
                text = f"(after: {told.context}) {text}"
            head = f"  [{numbers[paper_id]}] " if paper_id in numbers else f"  {one_line(paper_id)}: "
            lines.append(paragraph(text, " " * 6, head))
        yield "\n".join(lines)


def _footnotes(answer: Answer, *, heads_only: bool = False, by_use: bool = False) -> Iterator[str]:
    """Each cited paper with its number, and below it what is quoted from it, in the order of the numbers or of use.

    What a quote that begins with 'it' or 'this' goes on from stands before it in brackets.
    """
    contexts = {claim.text: claim.context for claim in answer.claims if claim.context}
    notices = {source.hit.paper.paper_id: source.hit.paper.notice for source in answer.sources}
    cited: dict[int, dict[Citation, None]] = {}
    for claim in answer.claims:
        for citation in claim.citations:
            cited.setdefault(citation.number, {})[citation] = None
    for number in cited if by_use else sorted(cited):
        citations = list(cited[number])
        if not citations[0].exists:
            yield f"[{number}?] there is no such source"
            continue
        indent = " " * (len(str(number)) + 3)
        head = f"{printed(citations[0].title)} ({citations[0].paper_id})"
        quotes = {} if heads_only else dict.fromkeys(citation.quote for citation in citations)
        notice = notices.get(citations[0].paper_id or "")
        yield "\n".join(
            [
                paragraph(head, indent, f"[{number}] "),
                *([paragraph(f"! {notice}", indent, indent)] if notice else []),
                *(
                    paragraph(text, f"{indent} ", indent)
                    for quote in quotes
                    for text in (
                        f"(after: {contexts[quote]})" if quote in contexts else "",
                        f"“{quote}”" if quote else "",
                    )
                    if text
                ),
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


def hit_in_words(rank: int, hit: Hit, why: Explanation | None = None) -> str:
    """With ``why`` the reasons and the nearest sentence below it."""
    sides = ", ".join(f"{origin.side} {origin.rank}" for origin in hit.origins)
    lines = [
        paragraph(printed(hit.paper.title), "    ", f"{rank:2}. "),
        f"    {one_line(hit.paper.paper_id)}  {hit.score:.3f}  ({sides})",
        *([paragraph(f"! {hit.paper.notice}", "    ")] if hit.paper.notice else []),
        *([paragraph(f"also as {', '.join(hit.versions)}", "    ")] if hit.versions else []),
    ]
    if why is not None:
        lines.append(paragraph(f"why: {why.in_words()}", "    "))
        if why.nearest:
            lines.append(paragraph(f"“{why.nearest}”", "     ", "    "))
    return "\n".join(lines)


def differences_in_words(found: Differences) -> str:
    """What asking again changed, a line each."""
    lines = []
    if found.corpus_changed:
        lines.append("papers were added, edited or removed since then")
    if found.outcome:
        lines.append(f"it was {found.outcome[0]}, now it is {found.outcome[1]}")
    if found.searched:
        then, now = found.searched
        lines.append(paragraph(f"it was searched for as “{then}”, now as “{now}”", "    "))
    lines += [paragraph(f"- “{text}”", "    ", "  ") for text in found.gone]
    lines += [paragraph(f"+ “{text}”", "    ", "  ") for text in found.new]
    lines += [paragraph(f"was {then}, is {now}: “{text}”", "    ", "  ") for text, then, now in found.verdicts]
    if found.new_papers:
        lines.append("found now and not then:")
        lines += [paragraph(f"{printed(title)} ({paper_id})", "    ", "  ") for paper_id, title in found.new_papers]
    if found.nothing:
        lines.append("the same answer as then")
    return "\n".join(lines)


def titled_in_words(paper: Paper) -> str:
    """A paper of which only the title is held."""
    title = paragraph(_marked(paper), "    ", "  - ")
    return f"{title}\n    {one_line(paper.paper_id)}  no abstract: found by its title, and never quoted"


def listed_in_words(listed: Listed) -> str:
    notice = f"  [{one_line(listed.notice)[:60]}]" if listed.notice else ""
    abstract = "" if listed.has_abstract else "  [no abstract]"
    return f"{one_line(listed.paper_id)}  {one_line(printed(listed.title))}{notice}{abstract}"


def _marked(paper: Paper) -> str:
    title = printed(paper.title)
    return f"{title} [{paper.notice}]" if paper.notice else title


def report_in_words(report: AddReport, n_papers: int) -> str:
    if not report.added and not report.updated:
        changed = "nothing changed" if report.unchanged or report.duplicates else "nothing added"
    else:
        changed = f"{report.added:,} added, {report.updated:,} updated"
    parts = [changed, f"{report.unchanged:,} unchanged"] if report.unchanged else [changed]
    if report.duplicates:
        parts.append(f"{count(report.duplicates, 'duplicate')} merged")
    if report.without_abstract:
        parts.append(f"{report.without_abstract:,} without an abstract")
    if report.n_skipped:
        parts.append(f"{count(report.n_skipped, 'part')} skipped")
    if report.n_embedded < report.n_chunks:
        parts.append(f"{report.n_chunks - report.n_embedded:,} chunks not embedded yet")
    return f"{', '.join(parts)}; {count(n_papers, 'paper')} in the library"
