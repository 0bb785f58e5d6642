"""Hits become the sources that fit into a model's prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from rag.answer.citations import letter_of, parse_markers
from rag.llm import LanguageModel
from rag.types import Hit, Source, Span

TOKENIZER_MARGIN = 0.15
"""Tokens are counted with o200k_base; other models' tokenizers need up to this share more for English prose."""

QUESTION_TOKENS = 200
"""Kept free for the question and for the chat template's own marks, at least."""

TEMPLATE_TOKENS = 80
"""Beside a longer question: the template's marks, and how it is to be answered."""

HEADER_TOKENS = 12
"""What a source costs beside its title and sentences: number, fence, line ends."""

LETTER_TOKENS = 3

N_SENTENCES_UNRANKED = 2
"""How many first sentences stand in for the best ones where nobody ranked them."""

OPENING, CLOSING = "<<<", ">>>"

# What chat templates read as the end of a turn. Many local servers read these also where
# they stand in a message's text.
_TEMPLATE_MARKS = re.compile(
    r"<(?=[|｜])|(?<=[|｜])>|<(?=/?(?:s|think|thinking|start_of_turn|end_of_turn|bos|eos)>)|<<(?=/?SYS>>)",
    re.IGNORECASE,
)
_INSTRUCTION_MARK = re.compile(r"\[(/?INST)\]", re.IGNORECASE)


def fit(
    hits: Sequence[Hit],
    *,
    budget_tokens: int,
    max_sources: int,
    evidence: Literal["abstracts", "sentences"],
    best_sentences: Mapping[str, Sequence[Span]] | None = None,
    lettered: bool = False,
) -> tuple[Source, ...]:
    """The first ``max_sources`` hits as sources numbered from 1, in the hits' order.

    ``best_sentences`` maps chunk ids to sentences of the chunk, best first. Every source
    first gets its best sentence (without a ranking, its first), then the earlier hits are
    filled up: with ``abstracts`` to the whole chunk while ``budget_tokens`` (o200k_base)
    lasts, with ``sentences`` to the best ones. Sentences are never cut; a hit none of whose
    sentences fits is left out. Each source's sentences are in reading order. Empty when
    nothing fits. ``lettered`` as in ``render_sources``.

    Raises ValueError for a best sentence that is not one of its chunk's.
    """
    from rag.tokens import count_tokens

    unique = list({hit.chunk.chunk_id: hit for hit in hits}.values())[: max(0, max_sources)]
    left = budget_tokens
    chosen: dict[str, list[Span]] = {}
    waiting: dict[str, list[Span]] = {}
    costs: dict[str, dict[Span, int]] = {}

    for hit in unique:
        chunk = hit.chunk
        wanted = _in_order_of_use(hit, evidence, (best_sentences or {}).get(chunk.chunk_id, ()))
        # One token for the space between two sentences, and what their letters cost.
        more = 1 + (LETTER_TOKENS if lettered else 0)
        costs[chunk.chunk_id] = {span: count_tokens(span.of(hit.paper.abstract)) + more for span in wanted}
        header = count_tokens(neutralise(hit.paper.title)) + HEADER_TOKENS
        first = next((span for span in wanted if header + costs[chunk.chunk_id][span] <= left), None)
        if first is None:
            continue
        left -= header + costs[chunk.chunk_id][first]
        chosen[chunk.chunk_id] = [first]
        waiting[chunk.chunk_id] = [span for span in wanted if span != first]

    for chunk_id, sentences in waiting.items():
        for span in sentences:
            if costs[chunk_id][span] <= left:
                left -= costs[chunk_id][span]
                chosen[chunk_id].append(span)

    kept = [hit for hit in unique if hit.chunk.chunk_id in chosen]
    return tuple(
        Source(number, hit, tuple(sorted(chosen[hit.chunk.chunk_id], key=lambda span: span.start)))
        for number, hit in enumerate(kept, 1)
    )


MAX_NUMBERED = 99
"""So many sources can have numbers in one prompt: a marker has two digits."""


def groups_of(
    hits: Sequence[Hit],
    *,
    budget_tokens: int,
    evidence: Literal["abstracts", "sentences"],
    best_sentences: Mapping[str, Sequence[Span]] | None = None,
    lettered: bool = False,
) -> tuple[tuple[Source, ...], ...]:
    """All the hits as sources in as few groups as fit the budget, in their order, each numbered from 1.

    No group has more than ``MAX_NUMBERED``. No source loses sentences to make room for another; only one that
    does not fit alone
    is cut, as ``fit`` cuts. A hit none of whose sentences fits is left out.
    """

    def whole(some: Sequence[Hit]) -> tuple[Source, ...] | None:
        fitted = fit(
            some,
            budget_tokens=budget_tokens,
            max_sources=len(some),
            evidence=evidence,
            best_sentences=best_sentences,
            lettered=lettered,
        )
        wanted = sum(len(_in_order_of_use(h, evidence, (best_sentences or {}).get(h.chunk.chunk_id, ()))) for h in some)
        return fitted if sum(len(source.sentences) for source in fitted) == wanted else None

    groups: list[tuple[Source, ...]] = []
    current: list[Hit] = []
    fitting: tuple[Source, ...] | None = None
    for hit in hits:
        longer = whole([*current, hit]) if len(current) < MAX_NUMBERED else None
        if longer is not None:
            current, fitting = [*current, hit], longer
            continue
        groups += [fitting] if fitting else []
        current, fitting = [hit], whole([hit])
        if fitting is None:
            alone = fit(
                [hit],
                budget_tokens=budget_tokens,
                max_sources=1,
                evidence=evidence,
                best_sentences=best_sentences,
                lettered=lettered,
            )
            groups += [alone] if alone else []
            current = []
    return tuple([*groups, fitting] if fitting else groups)


def render_sources(sources: Iterable[Source], *, lettered: bool = False) -> str:
    """The sources as the prompt shows them: number and title, then the text between fences.

    Each text is one line, with ``...`` where sentences were left out. With ``lettered``
    every sentence has a letter, so that ``[2c]`` can name it. The prompt's copy of title
    and text is neutralised; the stored abstract, and so every quote, stays as it is.
    """
    blocks = []
    for source in sources:
        text = _shown_text(source, lettered)
        blocks.append(f"[{source.number}] {neutralise(source.hit.paper.title)}\n{OPENING}\n{text}\n{CLOSING}")
    return "\n\n".join(blocks)


def budget_for(model: LanguageModel, prompt: str = "answer", question: str = "") -> int:
    """Tokens that the sources may take: the context less the answer, the prompt and the question (or what else stands
    beside them), with a margin for a tokenizer that is not ours. 0 where nothing is left."""
    import prompts
    from rag.tokens import count_tokens

    overhead = count_tokens(prompts.load(prompt).text) + max(QUESTION_TOKENS, count_tokens(question) + TEMPLATE_TOKENS)
    left = model.context_tokens - model.max_output_tokens - overhead
    return max(0, int(left * (1 - TOKENIZER_MARGIN)))


def neutralise(text: str) -> str:
    """``text`` for a prompt: on one line, and without anything that would be read as more than text.

    What would be read as a citation marker gets round brackets (``[7]`` becomes ``(7)``,
    ``P[Love]`` stays); fences and chat-template marks are taken apart; a fake header cannot
    begin a line, because there is only one.
    """
    characters = list("".join(ch if ch.isprintable() else " " for ch in text))
    for marker in parse_markers("".join(characters)):
        characters[marker.start], characters[marker.end - 1] = "(", ")"
    text = " ".join("".join(characters).split())
    text = _TEMPLATE_MARKS.sub(lambda found: " ".join(found[0]) + " " if "<" in found[0] else " >", text)
    text = _INSTRUCTION_MARK.sub(r"(\1)", text)
    return re.sub(r"<{3,}|>{3,}", lambda run: " ".join(run[0]), text)


def _in_order_of_use(hit: Hit, evidence: str, best: Sequence[Span]) -> list[Span]:
    foreign = [span for span in best if span not in hit.chunk.sentences]
    if foreign:
        raise ValueError(f"{foreign[0]} is not a sentence of chunk {hit.chunk.chunk_id}")
    if evidence == "abstracts":
        return list(dict.fromkeys((*best, *hit.chunk.sentences)))
    return list(dict.fromkeys(best or hit.chunk.sentences[:N_SENTENCES_UNRANKED]))


def _shown_text(source: Source, lettered: bool) -> str:
    """Neighbouring sentences joined as they stand in the abstract, gaps marked."""
    abstract, chunk = source.hit.paper.abstract, source.hit.chunk
    ordinals = {span: index for index, span in enumerate(chunk.sentences)}
    parts: list[str] = []
    previous: Span | None = None
    for span in source.sentences:
        if previous is not None:
            parts.append(" " if ordinals[span] == ordinals[previous] + 1 else " ... ")
        letter = letter_of(ordinals[span]) if lettered else ""
        parts.append(f"({letter}) {span.of(abstract)}" if letter else span.of(abstract))
        previous = span
    return neutralise("".join(parts))
