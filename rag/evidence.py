"""Which sentences of the found chunks answer the question, and whether any does.

Nothing is embedded and nothing is read from disk here: the sentences' vectors came with
the hits, the question's vector from the search. Each sentence gets one score, a weighted
sum of about twenty plain features; the weights come from ``eval.training.evidence``.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from rag import vocabulary
from rag.reranker import Candidate, Reranker
from rag.types import Hit, Span

FloatArray = npt.NDArray[np.float32]

MAX_HITS = 3
"""Sentences of so many hits are ranked: the right paper is among the first three for 99.5 % of questions."""

MAX_HITS_OF_SEVERAL = 6
"""And of so many where several papers are wanted."""

RERANKED = 10
"""Sentences that the reranker reads: the answering one is among the best 10 for 97 % of questions."""

LINEAR_SHARE = 0.6
"""How much the plain score counts beside the reranker's."""

MAX_BEST = 3
"""Sentences of one chunk that a small model is shown."""

MAX_KNOWN_CHUNKS = 4096
"""About 20 MB."""

# What a question asks for, and what a sentence that gives it tends to contain.
_CUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(given, re.IGNORECASE))
    for asked, given in (
        (  # a number
            r"\b(how (many|much|large|big|fast|long|often|high|far|old)|by (how much|what)|percent\w*|accuracy|times"
            r"|what (percent\w*|number|fraction|share|accuracy|size|rate|speed\w*|score|factor|ratio|proportion))\b",
            r"(?<![\w-])\d[\d.,]*%?|\b(two|three|four|five|six|seven|eight|nine|ten|twice|double|half)\b",
        ),
        (  # a reason or a problem
            r"\b(why|reason|motivat\w*|problem|wrong with|challenge\w*|difficult\w*|limitation\w*|drawback\w*"
            r"|downside|trouble|issue)\b",
            r"\b(because|due to|since|however|but|limit\w*|challeng\w*|suffer\w*|difficult\w*|lack\w*|problem\w*"
            r"|fail\w*|hinder\w*|despite|although|costly|expensive|ignor\w*|neglect\w*)\b",
        ),
        (  # a way
            r"\bhow (do|does|did|is|are|was|were|can|could|to)\b",
            r"\b(by|via|through|using|uses?|leverag\w*|employ\w*|propos\w*|introduc\w*|combin\w*|consist\w*"
            r"|based on)\b",
        ),
        (  # a result
            r"\b(result\w*|outperform\w*|improv\w*|better|gain|achiev\w*|perform\w*|find|found|show\w*|effect)\b",
            r"\b(outperform\w*|improv\w*|achiev\w*|results?|show\w*|demonstrat\w*|state-of-the-art|find|found|reveal\w*"
            r"|increas\w*|reduc\w*|better|faster|gains?)\b",
        ),
        (  # data
            r"\b(dataset\w*|benchmark\w*|data set\w*|data|corpus|corpora|task\w*|environment\w*|experiment\w*|tested"
            r"|evaluat\w*)\b",
            r"\b(dataset\w*|benchmark\w*|data set\w*|experiments?|evaluat\w*|tested?|validat\w*|tasks?|simulat\w*)\b",
        ),
    )
)

# Facts about a paper that its abstract hardly ever gives: named in the question and not in
# the abstract, they mean that the abstract does not answer.
_BESIDE_THE_ABSTRACT = re.compile(
    r"\b(who (wrote|are the authors|is the author|authored|published|funded)|(names? of the|first|lead|senior) authors?"
    r"|authors? names?|affiliat\w+|universit\w+|institut\w+|fund(ed|ing)|grants?|publication (date|year|venue)"
    r"|published in|journal|conference|cited|batch sizes?|learning rates?|epochs?|hyper-?parameters?|gpus?|tpus?"
    r"|programming language|licen[cs]ed?|random seeds?|how many parameters|parameter counts?|dropout|training time"
    r"|how long (did|does|was|is) [\w\s-]*train\w*|github|carbon|cost in dollars|how much did it cost)\b",
    re.IGNORECASE,
)

# What can only be a name: two capitals, or letters and digits together, as in FBLNet-3 or MT-Bench.
_NAME = re.compile(r"\b(?=\w*[A-Z])(?:\w*[A-Z]\w*[A-Z]\w*|[A-Za-z]+\d+\w*)(?:-\w+)*|\b[A-Z]\w+-\d\w*")


_SEVERAL = re.compile(
    r"\b((which|what|any|these|the|various|other|several|different|all|both|some|two|three|many) ([\w-]+ ){0,2}"
    r"(papers|works|studies|articles|methods|approaches|alternatives|techniques|tools|ideas|solutions)"
    r"|papers|compare|each of them|each one|anything (on|about|built|using)|on offer)\b",
    re.IGNORECASE,
)


def asks_for_several(question: str) -> bool:
    """True if more than one paper seems to be wanted: 'which papers ...', 'compare ...'."""
    return _SEVERAL.search(question) is not None


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """``hit`` indexes the hits that were ranked; a higher ``score`` answers better."""

    hit: int
    span: Span
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    sentences: tuple[RankedSentence, ...]
    """Of the first MAX_HITS hits, best first."""
    log_odds: float
    """That the best sentences answer the question: above 0 more likely than not; -inf without hits."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What can be said of a chunk's sentences before any question."""

    title_stems: frozenset[str]
    all_stems: frozenset[str]
    sentence_stems: tuple[frozenset[str], ...]
    fixed: FloatArray
    """float32 (n_sentences, 4 + n_cues): first, last, place, log length, cues given."""


def rank_sentences(
    question: str, vector: FloatArray, hits: Sequence[Hit], reranker: Reranker | None = None
) -> Evidence:
    """The sentences of the best hits by how well they answer ``question``, best first.

    With a ``reranker`` the best RERANKED of them are read again, and the probability of an
    answer rests on that reading; without one, on the plain features alone.
    """
    ranked_hits = hits[: MAX_HITS_OF_SEVERAL if asks_for_several(question) else MAX_HITS]
    if not ranked_hits:
        return Evidence((), -math.inf)
    table = sentence_features(question, vector, ranked_hits)
    weights = _weights()
    scores = table @ weights.sentence
    places = [(index, span) for index, hit in enumerate(ranked_hits) for span in hit.chunk.sentences]
    features = answer_features(question, ranked_hits, table, scores)
    if reranker is None:
        log_odds = float(features @ weights.answer)
    else:
        best = to_read_again(scores, [place[0] for place in places], asks_for_several(question))
        read = reranker.scores(question, [_candidate(ranked_hits[places[row][0]], places[row][1]) for row in best])
        combined = read + LINEAR_SHARE * scores[best]
        lacks = lacks_number(question, _text_at(ranked_hits, places[best[int(combined.argmax())]]))
        log_odds = float(reranked_features(features, read, lacks) @ weights.reranked)
        # What was not read again stays behind what was, in its own order.
        scores = scores - scores.max() + combined.min() - 1.0
        scores[best] = combined
    order = np.argsort(-scores, kind="stable")
    return Evidence(
        tuple(RankedSentence(places[row][0], places[row][1], float(scores[row])) for row in order), log_odds
    )


def to_read_again(scores: FloatArray, owners: Sequence[int], several: bool) -> npt.NDArray[np.int64]:
    """The rows that the reranker reads, best first: the best RERANKED, or two of each hit for ``several``."""
    order = np.argsort(-scores, kind="stable")
    if not several:
        return order[:RERANKED]
    seen: dict[int, int] = {}
    rows = []
    for row in order:
        seen[owners[row]] = seen.get(owners[row], 0) + 1
        if seen[owners[row]] <= 2:
            rows.append(row)
    return np.array(rows[: 2 * MAX_HITS_OF_SEVERAL])


def _candidate(hit: Hit, span: Span) -> Candidate:
    return Candidate(hit.paper.title, span.of(hit.paper.abstract))


def _text_at(hits: Sequence[Hit], place: tuple[int, Span]) -> str:
    return place[1].of(hits[place[0]].paper.abstract)


def lacks_number(question: str, sentence: str) -> bool:
    """True if the question asks for a number, and the sentence has none."""
    asked, given = _CUES[0]
    return asked.search(question) is not None and given.search(sentence) is None


def reranked_features(features: FloatArray, read: FloatArray, lacks_number: bool) -> FloatArray:
    """float32 (n_features + 5,): ``answer_features``, what the reranker's scores say, and whether a
    number is asked for that the best sentence does not have."""
    ordered = np.sort(read)[::-1]
    second = ordered[1] if len(ordered) > 1 else ordered[0] - 5.0
    every = ordered[0] + math.log(float(np.exp(ordered - ordered[0]).sum()))
    said = np.array([ordered[0], second, every, ordered.mean(), float(lacks_number)], np.float32)
    return np.concatenate([features, said])


def best_spans(hits: Sequence[Hit], evidence: Evidence) -> dict[str, list[Span]]:
    """The ranked sentences of each chunk by its id, best first: at most MAX_BEST of a chunk."""
    spans: dict[str, list[Span]] = {}
    for sentence in evidence.sentences:
        own = spans.setdefault(hits[sentence.hit].chunk.chunk_id, [])
        if len(own) < MAX_BEST:
            own.append(sentence.span)
    return spans


def sentence_features(question: str, vector: FloatArray, hits: Sequence[Hit]) -> FloatArray:
    """float32 (n_sentences of all hits, n_features), in the order of hits and sentences."""
    wanted = vocabulary.weights(question)
    total = sum(wanted.values()) or 1.0
    asked = np.array([bool(asks.search(question)) for asks, _ in _CUES], np.float32)
    blocks = []
    for rank, hit in enumerate(hits):
        known = _known(hit)
        n_sentences = len(hit.chunk.sentences)
        rest = {stem: value for stem, value in wanted.items() if stem not in known.title_stems}
        similar = hit.sentence_vectors @ vector
        shared = np.array([_sum(wanted, stems) for stems in known.sentence_stems], np.float32) / total
        shared_rest = np.array([_sum(rest, stems) for stems in known.sentence_stems], np.float32) / total
        in_title = _sum(wanted, known.title_stems) / total
        dense = next((origin.score for origin in hit.origins if origin.side == "dense"), 0.0)
        whole = [
            dense,
            hit.score / hits[0].score if hits[0].score > 0 else 0.0,
            _sum(wanted, known.all_stems) / total,
            float(rank == 0),
        ]
        blocks.append(
            np.column_stack(
                [
                    similar,
                    similar - similar.max(),
                    shared,
                    shared_rest,
                    in_title + shared_rest,
                    np.tile(np.array(whole, np.float32), (n_sentences, 1)),
                    known.fixed,
                    known.fixed[:, 4:] * asked,
                ]
            )
        )
    table: FloatArray = np.concatenate(blocks).astype(np.float32)
    return table


def answer_features(question: str, hits: Sequence[Hit], table: FloatArray, scores: FloatArray) -> FloatArray:
    """float32 (n_features,): what the best sentences and the question say about there being an answer."""
    best = int(scores.argmax())
    owner = next(hit for hit, last in zip(hits, _ends(hits), strict=True) if best < last)
    paper = f"{owner.paper.title} {owner.paper.abstract}"
    ordered = np.sort(scores)[::-1]
    second = ordered[1] if len(ordered) > 1 else ordered[0] - 5.0
    wanted = vocabulary.weights(question)
    row = table[best]
    features: FloatArray = np.array(
        [
            1.0,
            ordered[0],
            ordered[0] - second,
            float(np.log(np.exp(ordered - ordered[0]).sum())),
            table[:, 0].max(),
            table[:, 5].max(),
            row[2],
            row[4],
            row[7],
            table[:, 7].max(),
            max(wanted.values(), default=0.0) / 10.0,
            math.log1p(len(wanted)),
            float(asks_beside(question, paper)),
            float(names_missing(question, paper) > 0),
        ],
        np.float32,
    )
    return features


def asks_beside(question: str, paper: str) -> bool:
    """True if the question asks for a thing that abstracts hardly ever give, and this one does not name."""
    asked = _BESIDE_THE_ABSTRACT.search(question)
    if asked is None:
        return False
    wanted = vocabulary.weights(asked.group())
    return not wanted or not set(wanted) & set(vocabulary.stems(paper))


def names_missing(question: str, paper: str) -> int:
    """How many names of the question the paper does not have, spacing, hyphens and a plural s aside."""
    text = _squeezed(paper)
    return sum(_squeezed(name).rstrip("s") not in text for name in _NAME.findall(question))


def names_held(question: str, paper: str) -> bool:
    """True if the question has names, and the paper has them all."""
    return _NAME.search(question) is not None and names_missing(question, paper) == 0


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _ends(hits: Sequence[Hit]) -> list[int]:
    """One past the last row of each hit's sentences."""
    return list(itertools.accumulate(len(hit.chunk.sentences) for hit in hits))


def _sum(wanted: dict[str, float], stems: frozenset[str]) -> float:
    return sum(value for stem, value in wanted.items() if stem in stems)


_known_chunks: dict[str, _Known] = {}


def _known(hit: Hit) -> _Known:
    """Kept by chunk id, which follows the content: a chunk is looked at once per process."""
    known = _known_chunks.get(hit.chunk.chunk_id)
    if known is None:
        if len(_known_chunks) >= MAX_KNOWN_CHUNKS:
            _known_chunks.clear()
        known = _known_chunks[hit.chunk.chunk_id] = _learn(hit)
    return known


def _learn(hit: Hit) -> _Known:
    paper = hit.paper
    texts = [sentence.of(paper.abstract) for sentence in hit.chunk.sentences]
    stems = tuple(frozenset(vocabulary.stems(text)) for text in texts)
    title = frozenset(vocabulary.stems(paper.title))
    last = max(len(texts) - 1, 1)
    fixed = np.array(
        [
            [
                float(index == 0),
                float(index == len(texts) - 1),
                index / last,
                math.log(len(text.split()) + 1),
                *(float(bool(given.search(text))) for _, given in _CUES),
            ]
            for index, text in enumerate(texts)
        ],
        np.float32,
    )
    return _Known(title, title.union(*stems), stems, fixed)


@dataclass(frozen=True, slots=True)
class _Weights:
    sentence: FloatArray
    answer: FloatArray
    reranked: FloatArray


@functools.cache
def _weights() -> _Weights:
    written = json.loads(resources.files("rag").joinpath("models/evidence.json").read_text("utf-8"))
    return _Weights(*(np.array(written[name], np.float32) for name in ("sentence", "answer", "reranked")))
