"""The words of the project as values.

Everything here is frozen: a function that changes something returns a new value.
Character offsets count Python string positions in the paper's stored abstract,
so for every quote ``paper.abstract[start:end] == quote``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["answered", "abstained", "failed", "empty", "stopped"]
"""``empty`` is a model that returned no text; ``stopped`` is a person who pressed stop."""

Verdict = Literal["supported", "partial", "contradicted", "unsupported", "uncited", "unchecked"]

AbstentionReason = Literal[
    "empty_library", "nothing_near", "not_stated", "not_a_question", "model_declined", "disagreement"
]
"""Why an answer was withheld: no papers; no paper near the question; papers near it
that do not say; nothing that can be searched for; the model found nothing in its sources;
abstracts that say opposite things, which the claims then quote."""

Kind = Literal["answer", "summary", "comparison", "list", "other_side"]
"""What was asked for: an answer; what papers say about a topic; papers side by side; the
papers that ...; what in the library speaks against something."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``[start, end)`` of an abstract; ``0 <= start < end``."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as its source gave it; ``abstract`` is stored byte for byte (it may be empty)."""

    paper_id: str
    title: str
    abstract: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    venue: str | None = None
    url: str | None = None
    doi: str | None = None
    arxiv_id: str | None = None
    origin: str | None = None
    """The file or feed it was read from; not part of the content."""
    pmid: str | None = None
    keywords: tuple[str, ...] = ()
    """Subjects as the source names them: author keywords, MeSH headings, arXiv categories."""
    notice: str | None = None
    """One line that must be shown with the paper: it was retracted or withdrawn, or doubts were published."""
    origins: tuple[str, ...] = ()
    """Every origin that it was merged from, oldest first; empty for a paper from one origin."""
    tags: tuple[str, ...] = ()
    """What its library files it under, in order; no source gives it."""
    work: str | None = None
    """Held papers that report the same work (a preprint and its journal version) share this;
    its library sets it, to the id of one of them. None for a paper that is alone."""

    def __post_init__(self) -> None:
        # JSON has no tuples, and a paper with lists in it would be unequal to itself as first read.
        for name in ("authors", "keywords", "origins", "tags"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))

    @property
    def content_hash(self) -> str:
        """SHA-256 hex of what is embedded and indexed: title and abstract, unambiguously joined."""
        digest = hashlib.sha256()
        for text in (self.title, self.abstract):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Unread:
    """One record as it stands in a file. To say which one it is takes a small part of the time of reading it."""

    digest: bytes
    """16 bytes. Records with equal ones say the same, come from the same place, and are read in the same way."""
    n_characters: int
    read: Callable[[], Paper | Skipped]
    """What it says."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part of an input that is not a paper, or cannot be read as one, and why."""

    origin: str
    line: int
    """1-based line on which the part begins; 0 when the whole file is meant."""
    reason: str
    excerpt: str = ""
    """At most 80 characters of it, control characters replaced."""


Item = Paper | Skipped | Unread
"""What a reader gives."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole sentences of one abstract; a short abstract is one chunk.

    ``chunk_id`` is derived from the paper's id, its content hash and the ordinal: an
    edited abstract therefore gets new chunk ids, and an unchanged one keeps its own.
    """

    chunk_id: str
    paper_id: str
    ordinal: int
    span: Span
    sentences: tuple[Span, ...]
    """Offsets into the abstract (not into the chunk), in reading order; never empty."""
    n_tokens: int
    """tiktoken o200k_base tokens of ``span.of(abstract)``."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How one side of the search found a hit: its 1-based rank and its own score."""

    side: Literal["dense", "lexical"]
    rank: int
    score: float
    """dense: cosine similarity; lexical: BM25, and what words count for being there at all."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found; higher ``score`` is better."""

    paper: Paper
    chunk: Chunk
    score: float
    origins: tuple[Origin, ...]
    nearest: Span | None = None
    """The sentence of the chunk that is nearest to the question in meaning; None if that was not asked for."""
    sentence_vectors: Any = field(default=None, compare=False, repr=False)
    """float32 (n_sentences, n_dims), unit rows, one per ``chunk.sentences``: stored with
    the chunk so that no sentence is embedded at question time. None if not stored."""
    versions: tuple[str, ...] = ()
    """Ids of papers that report the same work and were found too, but are not shown beside this one."""

    @property
    def text(self) -> str:
        return self.chunk.span.of(self.paper.abstract)


@dataclass(frozen=True, slots=True)
class Source:
    """A hit that was put before the answerer, numbered from 1 for it alone.

    ``sentences`` are those sentences of the chunk that were shown: all of them for a
    large model, the best ones for a small one.
    """

    number: int
    hit: Hit
    sentences: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer from a claim to the exact span of a stored abstract that bears it.

    ``number`` is what the reader sees, given by first use. A marker for which no source
    exists keeps its number and has ``paper_id is None``: it is shown as bad, not dropped.
    """

    number: int
    paper_id: str | None
    title: str = ""
    chunk_id: str | None = None
    span: Span | None = None
    quote: str = ""
    needed: bool = True
    """False if the claim's other citations bear it as well without this one."""

    @property
    def exists(self) -> bool:
        return self.paper_id is not None


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer, without markers, with what it cites and how the check went."""

    text: str
    citations: tuple[Citation, ...] = ()
    verdict: Verdict = "unchecked"
    reasons: tuple[str, ...] = ()
    """In words, for people: why the verdict is what it is."""
    is_quote: bool = False
    """True when the claim is, letter for letter, its one citation's quote."""
    probability: float | None = None
    """That what is cited says all of the claim, as the check sees it; None where it gives none."""
    missing: tuple[str, ...] = ()
    """Telling words of a claim that is not borne out which stand nowhere in what is cited."""
    context: str = ""
    """For a quote that begins with 'it' or 'this': the sentence before it, shown in brackets outside the quotation."""
    elsewhere: Citation | None = None
    """For a claim that what it cites does not bear: where it does stand, in a paper that it does not cite."""


@dataclass(frozen=True, slots=True)
class Table:
    """Papers side by side; every cell is a claim of the answer, or stated nowhere in the abstract."""

    aspects: tuple[str, ...]
    """The rows: "question", "method", "data", "result", "limitation"."""
    paper_ids: tuple[str, ...]
    """The columns."""
    cells: tuple[tuple[int | None, ...], ...]
    """By row, then column: the place of the claim among the answer's, or None."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    """In the currency of the model's configured prices; None without them, or without counts."""

    def __add__(self, other: Usage) -> Usage:
        """What both took. A count is None where neither has it, the cost also where a part of it is not known."""

        def both(one: int | None, another: int | None) -> int | None:
            return None if one is None and another is None else (one or 0) + (another or 0)

        costs = [part.cost for part in (self, other) if part.is_counted or part.cost is not None]
        return Usage(
            both(self.prompt_tokens, other.prompt_tokens),
            both(self.completion_tokens, other.completion_tokens),
            sum(cost for cost in costs if cost is not None) if costs and None not in costs else None,
        )

    @property
    def is_counted(self) -> bool:
        return self.prompt_tokens is not None or self.completion_tokens is not None


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock seconds of each step of one ask."""

    search_seconds: float = 0.0
    first_token_seconds: float | None = None
    total_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``ask`` returns, whatever happened; ``outcome`` says which of the five it is."""

    question: str
    standalone_question: str
    """What was searched for; equals ``question`` unless a follow-up was rewritten."""
    outcome: Outcome
    text: str
    """For people, with ``[n]`` markers; for an abstention or a failure, the explanation."""
    claims: tuple[Claim, ...] = ()
    sources: tuple[Source, ...] = ()
    """All that was put before the answerer, cited or not; kept when the model failed."""
    model: str | None = None
    """The model's name; None in quoting mode."""
    reason: AbstentionReason | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    """Things the reader should know: a trimmed question, sentences that lost their footing."""
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    kind: Kind = "answer"
    table: Table | None = None
    """Of a comparison."""
    log_odds: float | None = None
    """That the best sentences found answer the question, as the search sees it; None where nothing was found."""
    years: tuple[int | None, int | None] | None = None
    """The first and the last year that the question asked for, and that its papers were held to; None for any."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished exchange of a conversation, as an argument to the next ask."""

    question: str
    answer: str
    paper_ids: tuple[str, ...] = ()
    """The cited papers in the order of first use: keeps ``[n]`` stable across turns, and 'it' is the first."""


# What `stream` yields, in this order: Searching, Found, then Wrote and Checked interleaved, then Finished.


@dataclass(frozen=True, slots=True)
class Searching:
    standalone_question: str
    n_papers: int


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence, before the first word of the answer."""

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    """What was read into the question, as ``Answer.notes`` will say it."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """The answer's text so far (not a delta), with ``[n]`` markers as the reader will see them."""

    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence of the answer is complete and was judged; ``index`` counts from 0."""

    index: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Finished:
    answer: Answer


Event = Searching | Found | Wrote | Checked | Finished


def cited_paper_ids(claims: Iterable[Claim]) -> tuple[str, ...]:
    """The existing papers that ``claims`` cite, in the order of their first use, each once.

    For papers that no earlier turn cited this is the order of their numbers.
    """
    return tuple(dict.fromkeys(c.paper_id for claim in claims for c in claim.citations if c.paper_id is not None))
