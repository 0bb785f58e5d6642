"""What a number is a number of: accuracy or AUROC, 'up to' or on average, per cent or percentage points."""

from __future__ import annotations

import re

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.quantities import Quantity, agree, quantities

_MEASURE = re.compile(
    r"\b(?P<measure>accurac(?:y|ies)|auroc|auc|precision|recall|sensitivity|specificity|f-?1|bleu|rouge|meteor|perplexity"
    r"|mse|rmse|mae|map|ndcg|miou|iou|psnr|ssim|fid|win rates?|error rates?|speed(?:-?up)?|latency|throughput|runtime"
    r"|memory|parameters|energy|regret|variance|correlation|r2|mortality|prevalence|incidence|survival|odds ratio"
    r"|hazard ratio|risk ratio)\b",
    re.IGNORECASE,
)
_FAMILIES = {"auroc": "auc", "accuracies": "accuracy", "f-1": "f1", "speedup": "speed", "speed-up": "speed"}
REACH = 45
"""Characters around a number within which its measure is named."""

_UP_TO = re.compile(r"\b(?:up to|at most|as (?:much|many|high) as|a maximum of|maximally)\W*$", re.IGNORECASE)
_BEST_CASE = re.compile(
    r"\b(?:up to|at most|as (?:much|many|high|low) as|max\w*|reach\w*|peak\w*|best|can|could|may|some|sometimes|highest"
    r"|no more than|within|under|below|less than|fewer than)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(r"% points?\b", re.IGNORECASE)
_WORDS_BETWEEN = re.compile(r"\W*(?:[a-z]+ ){0,3}")


def other_measure(comparison: Comparison) -> list[Finding]:
    """'An accuracy of 0.70' where the source has 'an AUROC of 0.70, improving accuracy by 6.6 %'."""
    for claimed in _figures(comparison.claim.text):
        mine = _measure_of(comparison.claim.text, claimed)
        given = _given(comparison, claimed)
        theirs = {(index, _measure_of(comparison.evidence[index].text, one)) for index, one in given}
        if mine is None or not theirs or any(other in (None, mine) for _, other in theirs):
            continue
        index, other = min(theirs, key=lambda pair: (pair[0], pair[1] or ""))
        reason = f"it gives {claimed.written} as {mine}, the source as {other}"
        return [Finding("other_measure", reason, contradicts=True, sentence=index)]
    return []


def best_case_dropped(comparison: Comparison) -> list[Finding]:
    """'By 80 %' or 'by 80 % on average' where the source has 'by up to 80 %'."""
    text = comparison.claim.text
    for claimed in _figures(text):
        if claimed.bound or _BEST_CASE.search(text):
            continue
        given = _given(comparison, claimed)
        if given and all(_UP_TO.search(comparison.evidence[i].text[: one.start]) for i, one in given):
            reason = f"the source says 'up to' {claimed.written}"
            return [Finding("best_case_dropped", reason, contradicts=False, sentence=given[0][0])]
    return []


def points_for_percent(comparison: Comparison) -> list[Finding]:
    """'Rose by 28 percentage points' where the source has 'a 28 % increase'."""
    if not _POINTS.search(comparison.claim.text) or any(_POINTS.search(one.text) for one in comparison.evidence):
        return []
    return [Finding("points_for_percent", "it says 'percentage points', the source only '%'")]


def _figures(text: str) -> list[Quantity]:
    return [one for one in quantities(text) if one.kind != "month" and any(ch.isdigit() for ch in one.written)]


def _given(comparison: Comparison, claimed: Quantity) -> list[tuple[int, Quantity]]:
    return [
        (index, one)
        for index, reading in enumerate(comparison.evidence)
        for one in quantities(reading.text)
        if one.kind == claimed.kind and agree(claimed, one)
    ]


def _measure_of(text: str, quantity: Quantity) -> str | None:
    """The measure named nearest before a number in its clause, or right behind it; None if there is none."""
    before = re.split(r"[,;:]\s", text[max(0, quantity.start - REACH) : quantity.start])[-1]
    named = [found["measure"] for found in _MEASURE.finditer(before)]
    if not named:
        behind = text[quantity.start + len(quantity.written) :]
        found = _WORDS_BETWEEN.match(behind)
        near = _MEASURE.search(behind[: found.end() + 15] if found else behind[:15])
        named = [near["measure"]] if near else []
    measure = named[-1].lower() if named else ""
    return _FAMILIES.get(measure, measure.removesuffix("s")) or None
