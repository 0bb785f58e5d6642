"""Which sentence of an abstract tells the question, the method, the data, the result, the limitation.

Each aspect is put to the reranker as a question; a sentence that it would not give as an
answer is not given here either, and the aspect is 'not stated'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Reranker
from rag.types import Hit, Span


@dataclass(frozen=True, slots=True)
class Aspect:
    name: str
    question: str
    cue: re.Pattern[str]
    """Words that sentences of this aspect tend to hold."""
    first: bool | None = None
    """Whether it stands early in an abstract (True), late (False), or anywhere."""


ASPECTS = (
    Aspect(
        "question",
        "What problem or question does the paper address?",
        re.compile(
            r"\b(?:problem|challeng\w*|however|difficult\w*|lack\w*|limit\w*|unclear|unknown|remain\w*|question|need"
            r"|whether|gap|aims?|goal|objective|suffer\w*|despite)\b",
            re.IGNORECASE,
        ),
        True,
    ),
    Aspect(
        "method",
        "What method or approach does the paper propose or use?",
        re.compile(
            r"\b(?:we|this (?:paper|work|study)|our)\b.{0,40}\b(?:propos\w*|introduc\w*|present\w*|develop\w*|design\w*"
            r"|describ\w*|us(?:e|es|ed|ing)|analy[sz]\w*|investigat\w*|review\w*|stud(?:y|ied))\b|\bmethods?\b",
            re.IGNORECASE,
        ),
    ),
    Aspect(
        "data",
        "On which data, participants, benchmarks or tasks was it studied or evaluated?",
        re.compile(
            r"\b(?:datasets?|benchmarks?|data sets?|participants|patients|subjects|corpus|corpora|samples?|tasks?"
            r"|simulat\w+|experiments? (?:on|with)|evaluat\w+ (?:on|with)|trials?|cohort)\b",
            re.IGNORECASE,
        ),
    ),
    Aspect(
        "result",
        "What are the main results or findings?",
        re.compile(
            r"\b(?:results?|show\w*|found|find(?:s|ings)?|outperform\w*|improv\w*|achiev\w*|demonstrat\w*|reveal\w*"
            r"|increas\w*|reduc\w*|conclu\w*|better|significant\w*)\b",
            re.IGNORECASE,
        ),
        False,
    ),
    Aspect(
        "limitation",
        "What limitations, drawbacks or open problems does the paper state about its own work?",
        re.compile(
            r"\b(?:limitations?|drawbacks?|caveats?|future work|remains? (?:open|to be)|further (?:work|research|study)"
            r"|not (?:yet|generali[sz]e)|only (?:applies|works)|at the (?:cost|expense))\b",
            re.IGNORECASE,
        ),
        False,
    ),
)

STATED_ABOVE = 0.0
"""Log-odds, cue and place included, from which a sentence is taken to tell an aspect."""

CUE_WORTH, PLACE_WORTH = 1.5, 0.75


def sentences_by_aspect(hit: Hit, reranker: Reranker, aspects: Sequence[Aspect] = ASPECTS) -> dict[str, Span]:
    """By aspect the one sentence of the hit that tells it best; aspects that none tells are left out.

    No sentence serves two aspects: the one that it tells best gets it.
    """
    spans = hit.chunk.sentences
    scores = np.stack([_scores(hit, spans, aspect, reranker) for aspect in aspects])
    found: dict[str, Span] = {}
    while scores.size and scores.max() >= STATED_ABOVE:
        row, column = divmod(int(scores.argmax()), len(spans))
        found[aspects[row].name] = spans[column]
        scores[row, :] = scores[:, column] = -np.inf
    return {aspect.name: found[aspect.name] for aspect in aspects if aspect.name in found}


def _scores(hit: Hit, spans: Sequence[Span], aspect: Aspect, reranker: Reranker) -> FloatArray:
    texts = [span.of(hit.paper.abstract) for span in spans]
    read = reranker.scores(aspect.question, [Candidate(hit.paper.title, text) for text in texts])
    places = np.linspace(1.0, -1.0, len(texts)) if len(texts) > 1 else np.zeros(1)
    cues = np.array([CUE_WORTH if aspect.cue.search(text) else 0.0 for text in texts])
    place = 0.0 * places if aspect.first is None else places * (PLACE_WORTH if aspect.first else -PLACE_WORTH)
    scores: FloatArray = (read + cues + place).astype(np.float32)
    return scores
