"""Which sentence of an abstract tells the question, the method, the data, the result, the limitation.

Words and place decide: abstracts say what is missing, then 'we propose', then what was found. The
reranker, to which each aspect is put as a question, decides between sentences that have both. An
aspect that no sentence tells is 'not stated'. Every number here was chosen on every other abstract
of ``eval.training.aspects``, which prints how often the cells are right on them and on the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Reranker
from rag.types import Hit, Span

Place = Literal["before", "from", "after"]
"""Where a sentence belongs, as seen from the one that says what the paper does: before it (or in it),
in it or after it, after it."""


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Aspect:
    name: str
    question: str
    """As it is put to the reranker."""
    cue: re.Pattern[str]
    """Words that sentences of this aspect hold."""
    strong: re.Pattern[str]
    """Words that hardly any other sentence holds."""
    weak: re.Pattern[str]
    """Words of sentences that only seem to tell it."""
    place: Place
    slope: float = 0.0
    """What the last sentence gains over the first."""
    needs_cue: bool = False
    """Whether a sentence without any of the cue's words never tells it, however it is read."""


_AIMS = (
    r"^(?:\(i\) )?to (?:evaluate|assess|examine|investigate|determine|establish|clarify|explore|study|test|compare"
    r"|identify|understand)\b"
)
_DOES = _words(
    r"\b(?:we|this (?:paper|work|study|article|review|position paper)|the (?:paper|article|study)"
    r"|our (?:paper|work|method|approach|framework|study))\b.{0,40}?\b(?:propos|introduc|present|develop|describ|review"
    r"|investigat|study|studie|provid|offer|address|design|devis|examin|explor|analy[sz]|consider|conduct|compar"
    r"|construct|initiat|evaluat|measur|take up|deals? with|aim|assess|build|create|derive|report)",
    _AIMS,
    r"^(?:the (?:purpose|aim|objective|goal) of|first, to)\b",
    r"\bwas (?:performed|conducted|carried out) to\b",
    r"\bwere (?:retrospectively |prospectively )?(?:reviewed|examined|enrolled|collected|constructed|analy[sz]ed"
    r"|proposed)\b",
)
"""A sentence that says what the paper does."""

_FINDS = (
    r"^(?:our )?(?:\w+ )?(?:results|findings|experiments?)\b",
    r"\b(?:outperform|demonstrates? that|results (?:show|reveal|demonstrate|suggest))",
    r"\bwe (?:found|find|observed?|show|prove|conclude|demonstrate|anticipate)\b",
)
_ANSWERS_IT = r"^(?:to (?:address|overcome|tackle|mitigate|bridge|fill|solve|this end)|(?:building|based) on)\b"
_ELSEWHERE = r"https?://|\bgithub\b|\bproject page\b|\bcode is\b|\bavailable at\b|\bpublicly available\b"

ASPECTS = (
    Aspect(
        "question",
        "What problem or question does the paper address?",
        _words(
            r"\b(?:problems?|challeng\w*|however|difficult\w*|lack\w*|limit(?:s|ed|ing|ations?)|unclear|unknown"
            r"|remains?"
            r"|under-?explored|questions?|need(?:s|ed)?|whether|gaps?|suffer\w*|despite|although|elusive|overlook\w*"
            r"|neglect\w*|insufficient|scarcity|invasive|susceptible|fail(?:s|ed)?|not (?:been|fully|yet|guaranteed)"
            r"|cannot|issues?|obstacles?|costly|time-consuming|traditional(?:ly)?|conventional(?:ly)?|critical"
            r"|essential)\b",
            _AIMS,
            r"^(?:the )?(?:purpose|aim|objective|goal)s?\b|^first, to\b",
            r"\bwe (?:aim|ask|are interested)\b",
            r"\bto (?:measure|evaluate|examine|clarify|investigate) (?:how|whether|if|the)\b",
        ),
        _words(
            r"^(?:to|the (?:purpose|aim|objective))\b|^however\b|\bwe (?:aim|ask|are interested)\b"
            r"|\bunder-?explored\b|\bremains?\b"
        ),
        _words(*_FINDS, _ANSWERS_IT, _ELSEWHERE),
        "before",
        slope=-1.0,
    ),
    Aspect(
        "method",
        "What method or approach does the paper propose or use?",
        _words(
            r"\b(?:we|this (?:paper|work|study)|our|here)\b.{0,60}?\b(?:propos\w*|introduc\w*|present\w*|develop\w*"
            r"|design\w*|describ\w*|us(?:e|es|ed|ing)|analy[sz]\w*|review\w*|construct\w*|employ\w*|combin\w*"
            r"|leverag\w*"
            r"|formulat\w*|compar\w*|adopt\w*|implement\w*|appl(?:y|ied)|extend\w*|examin\w*|consider\w*|conduct\w*"
            r"|explor\w*|initiat\w*|measur\w*|studie\w*|study)\b",
            r"\b(?:methods?|algorithm|framework|approach|model)\b.{0,50}\b(?:is|are|uses?|combin\w*|integrat\w*"
            r"|employs?"
            r"|leverag\w*|extends?|incorporat\w*)\b",
            r"\bwere (?:\w+ )?(?:assessed|measured|collected|recorded|divided|estimated|constructed|evaluated"
            r"|reconstructed|analy[sz]ed|tested|proposed|optimized)\b|\b(?:questionnaire|regression|survey) ",
        ),
        _DOES,
        _words(*_FINDS, _ELSEWHERE),
        "from",
    ),
    Aspect(
        "data",
        "On which data, participants, benchmarks or tasks was it studied or evaluated?",
        _words(
            r"\b(?:data ?sets?|benchmarks?|participants|patients|subjects|corpus|corpora|samples|respondents|students"
            r"|infants|adults|cohort|trials?|images|trajector\w+|simulations?|index|records|repositor\w+|admissions"
            r"|practices"
            r"|case study|use case|questionnaires?|sentences spanning|papers published)\b",
            r"\b(?:real-world|synthetic|experimental) (?:data|problems?|scenarios?|matrices)\b",
            r"\bexperiments (?:on|with)\b|\b(?:evaluate[sd]?|tested|validated?)\b.{0,40}?\b(?:on|across)\b"
            r"|\btasks? (?:on|from|over)\b",
        ),
        _words(
            r"\b(?:\d[\d,.]*(?: million)?|one|two|three|four|five|six|eight|nine|ten|several|multiple) (?:[\w-]+ ){0,4}"
            r"(?:data ?sets?|benchmarks?|patients|participants|adults|infants|students|images|sites|tasks|sentences"
            r"|documents|languages|language editions|articles|repository|repositories|practices|clinics|subjects|users"
            r"|papers|samples|tokens|admissions|respondents|agents|questions|trials|records|institutions|pairs)\b"
        ),
        _words(_ELSEWHERE),
        "from",
    ),
    Aspect(
        "result",
        "What are the main results or findings?",
        _words(
            r"\b(?:results?|show(?:s|ed|ing)?|found|find(?:s|ings?)?|outperform\w*|improv(?:es|ed|ement\w*|ing)"
            r"|achiev\w*|demonstrat\w*|reveal\w*|increas\w*|decreas\w*|rais(?:es|ed)|lower(?:s|ed)|reduc(?:es|ed|ing"
            r"|tion)"
            r"|conclu\w*|better|significant\w*|observ\w*|prov(?:e|es|ed)|establish(?:es)?|superior|faster|accura\w*"
            r"|confirm\w*|exhibit\w*|consistently|(?:does|did|do) not|compared (?:with|to)|differ(?:ed|ence)|associated"
            r"|suggests?|highlights?|up to|more likely|efficacy|performed?)\b|\bp ?[<=]|\d ?%"
        ),
        _words(
            r"\b(?:results?|findings|experiments?|we (?:find|found|show|prove|observe|conclude)\w*|outperform\w*"
            r"|demonstrat\w*|reveal\w*)\b"
        ),
        _words(
            r"\b(?:findings|results|study|work)\b.{0,20}\b(?:highlight|emphasi[sz]e|underscore|offer|provide"
            r"|illustrat)",
            r"^we (?:report|evaluate|validate)\b|\b(?:is|are) evaluated through\b",
            _ELSEWHERE,
        ),
        "after",
        slope=0.7,
    ),
    Aspect(
        "limitation",
        "What limitations, drawbacks or open problems does the paper state about its own work?",
        _words(
            r"\blimitations? of (?:our|this|the (?:present|current|proposed)|the study)\b|\b(?:main|one) limitation\b",
            r"\b(?:our|this|the) (?:\w+ )?(?:study|work|method|approach|analysis|model) (?:is|are|was) limited\b",
            r"\bcaveats?\b|(?<!for )\bfuture (?:work|research|studies)\b(?! (?:aimed|on)\b)"
            r"|\bfurther (?:work|research(?:es)?|stud(?:y|ies)|investigations?)\b",
            r"\bremains? (?:open|unclear|unknown|to be)\b|\bopen (?:questions?|problems?|challenges?|issues?)\b"
            r"|\bquestions remain\b|\bstill needs?\b",
            r"\b(?:with|great|some|needs?) caution\b|\bcaution (?:is|should|must)\b|\bat the (?:cost|expense) of\b"
            r"|\bdrawbacks?\b|\bnot (?:yet )?(?:generali[sz]e|support)\b|\bfocus(?:es)? on simplified\b",
            r"\b(?:while|although) (?:our|this|the) (?:study|work|method|approach|framework|analysis)\b"
            r"|\bonly (?:applies|works|considers?)\b",
        ),
        _words(r"\bour (?:study|work|method|approach|analysis|framework)\b|^(?:future|further)\b"),
        _words(
            r"\b(?:existing|previous|prior|current|traditional|conventional|recent) (?:\w+ ){0,2}(?:methods?|approaches"
            r"|works?|studies|research|benchmarks?|techniques|systems|models)\b|\baddress (?:these|this|the)\b",
            _ELSEWHERE,
        ),
        "after",
        needs_cue=True,
    ),
)

TOLD_ABOVE = 1.0
"""Scores from which a sentence is taken to tell an aspect."""

CUE_WORTH, STRONG_WORTH, WEAK_COST, MISPLACED_COST = 2.0, 0.7, 1.5, 2.0

READ_WORTH = 0.2
"""Of the log-odds by which the reranker prefers another sentence of the abstract."""

LIKELY_WORTH, MAX_LIKELY, SURELY_NOT = 0.5, 2.0, -7.0
"""Of log-odds above even, up to a bound; a sentence below the last is never taken."""

_DISTINCT = ("question", "method", "result")


def sentences_by_aspect(hit: Hit, reranker: Reranker, aspects: Sequence[Aspect] = ASPECTS) -> dict[str, Span]:
    """By aspect the one sentence of the hit that tells it best; aspects that none tells are left out.

    Question, method and result are told by different sentences: the one that a sentence tells best
    gets it. What was studied, and what limits it, often stands in one of these, and may be quoted again.
    """
    spans = hit.chunk.sentences
    if not spans:
        return {}
    texts = [" ".join(span.of(hit.paper.abstract).split()) for span in spans]
    does = next((place for place, text in enumerate(texts) if _DOES.search(text)), None)
    told = {aspect.name: _scores(hit.paper.title, texts, does, aspect, reranker) - TOLD_ABOVE for aspect in aspects}
    found: dict[str, Span] = {}
    names = [name for name in told if name in _DISTINCT]
    scores = np.stack([told[name] for name in names]) if names else np.empty((0, 0))
    while scores.size and scores.max() >= 0:
        row, column = divmod(int(scores.argmax()), len(spans))
        found[names[row]] = spans[column]
        scores[row, :] = scores[:, column] = -np.inf
    for name, own in told.items():
        if name not in _DISTINCT and own.max() >= 0:
            found[name] = spans[int(own.argmax())]
    return {aspect.name: found[aspect.name] for aspect in aspects if aspect.name in found}


def _scores(title: str, texts: Sequence[str], does: int | None, aspect: Aspect, reranker: Reranker) -> FloatArray:
    read = reranker.scores(aspect.question, [Candidate(title, text) for text in texts])
    scores = READ_WORTH * (read - read.max()) + LIKELY_WORTH * np.clip(read, 0.0, MAX_LIKELY)
    scores += aspect.slope * np.linspace(0.0, 1.0, len(texts))
    for place, text in enumerate(texts):
        scores[place] += CUE_WORTH * (aspect.cue.search(text) is not None)
        scores[place] += STRONG_WORTH * (aspect.strong.search(text) is not None)
        scores[place] -= WEAK_COST * (aspect.weak.search(text) is not None)
        scores[place] -= MISPLACED_COST * _is_misplaced(place, does, aspect.place)
        if aspect.needs_cue and not aspect.cue.search(text):
            scores[place] = -np.inf
    scores[read < SURELY_NOT] = -np.inf
    told: FloatArray = scores.astype(np.float32)
    return told


def _is_misplaced(place: int, does: int | None, wanted: Place) -> bool:
    if does is None:
        return False
    return {"before": place > does, "from": place < does, "after": place <= does}[wanted]
