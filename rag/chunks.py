"""A paper's abstract as chunks: runs of whole sentences, each small enough to embed and to send."""

from __future__ import annotations

from collections.abc import Sequence

from rag.sentences import split_sentences
from rag.tokens import count_each, count_tokens
from rag.types import Chunk, Paper, Span

LONG_SENTENCES = 2
"""A sentence of more than this many times ``max_tokens`` is cut at spaces; tables and lists look like that."""


def split_each(papers: Sequence[Paper], *, max_tokens: int = 400) -> list[tuple[Chunk, ...]]:
    """``split`` of each, in order."""
    counts = count_each([paper.abstract.strip() for paper in papers])
    return [
        _split(paper, split_sentences(paper.abstract), n_tokens, max_tokens)
        for paper, n_tokens in zip(papers, counts, strict=True)
    ]


def split(paper: Paper, *, max_tokens: int = 400) -> tuple[Chunk, ...]:
    """The abstract in reading order, in as few chunks as ``max_tokens`` allows, about equally long.

    A chunk holds at most ``max_tokens`` tokens, unless it is one sentence that alone holds
    more. A sentence over ``2 * max_tokens`` is cut at white space (where it has none,
    anywhere) into pieces of at most ``max_tokens``, which count as sentences. No chunks
    for a blank abstract. Raises ValueError for ``max_tokens < 1``.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    sentences = split_sentences(paper.abstract)
    return _split(paper, sentences, count_tokens(paper.abstract.strip()), max_tokens)


def _split(paper: Paper, sentences: Sequence[Span], n_tokens: int, max_tokens: int) -> tuple[Chunk, ...]:
    """``n_tokens``: of all sentences with what is between them."""
    if not sentences:
        return ()
    text = paper.abstract
    runs = [(sentences, n_tokens)] if n_tokens <= max_tokens else _runs(text, sentences, max_tokens)
    prefix = f"{paper.paper_id}#{paper.content_hash[:12]}"
    return tuple(
        Chunk(
            chunk_id=f"{prefix}.{ordinal}",
            paper_id=paper.paper_id,
            ordinal=ordinal,
            span=Span(run[0].start, run[-1].end),
            sentences=tuple(run),
            n_tokens=n_run_tokens,
        )
        for ordinal, (run, n_run_tokens) in enumerate(runs)
    )


def _runs(text: str, sentences: Sequence[Span], max_tokens: int) -> list[tuple[Sequence[Span], int]]:
    """The sentences in runs of at most ``max_tokens`` tokens, with the tokens of each run."""
    counts = count_each([sentence.of(text) for sentence in sentences])
    if any(count > LONG_SENTENCES * max_tokens for count in counts):
        cut: list[Span] = []
        for sentence, count in zip(sentences, counts, strict=True):
            cut += _pieces(text, sentence, max_tokens) if count > LONG_SENTENCES * max_tokens else [sentence]
        sentences, counts = cut, count_each([sentence.of(text) for sentence in cut])
    # Counts of sentences do not add up exactly to the count of their run (a break between
    # two may cost a token of its own), so runs are counted again, and cut finer if need be.
    limit = max_tokens
    while True:
        ends = _balanced(counts, limit)
        runs = [sentences[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        run_counts = count_each([text[run[0].start : run[-1].end] for run in runs])
        if limit <= 1 or all(n <= max_tokens or len(run) == 1 for run, n in zip(runs, run_counts, strict=True)):
            return list(zip(runs, run_counts, strict=True))
        limit -= max(1, limit // 20)


def _balanced(counts: Sequence[int], limit: int) -> list[int]:
    """Where each run ends: as few runs as ``limit`` allows, and of those the ones whose longest is shortest.

    Filling each run up before the next is begun would leave a stub at the end.
    """
    fewest = len(_filled(counts, limit))
    low, high = max(1, -(-sum(counts) // fewest)), max(limit, *counts)
    while low < high:
        middle = (low + high) // 2
        if len(_filled(counts, middle)) <= fewest:
            high = middle
        else:
            low = middle + 1
    return _filled(counts, low)


def _filled(counts: Sequence[int], limit: int) -> list[int]:
    """Where runs end when each takes sentences as long as they fit; a longer sentence is a run alone."""
    ends: list[int] = []
    used = 0
    for index, count in enumerate(counts):
        if used and used + count > limit:
            ends.append(index)
            used = 0
        used += count
    return [*ends, len(counts)]


def _pieces(text: str, sentence: Span, max_tokens: int) -> list[Span]:
    """The sentence in halves of halves, cut at the white space nearest to the middle."""
    done: list[Span] = []
    waiting = [sentence]
    while waiting:
        span = waiting.pop()
        if span.end - span.start == 1 or count_tokens(span.of(text)) <= max_tokens:
            done.append(span)
            continue
        middle = (span.start + span.end) // 2
        start = end = _last_space(text, span.start, middle)
        while text[start].isspace():
            start += 1
        while text[end - 1].isspace():
            end -= 1
        waiting += [Span(start, span.end), Span(span.start, end)]
    return done


def _last_space(text: str, start: int, middle: int) -> int:
    """The last white space up to ``middle``, looking back at most half way to ``start``; else ``middle``."""
    for position in range(middle, start + (middle - start) // 2, -1):
        if text[position].isspace():
            return position
    return middle
