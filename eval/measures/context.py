"""Were the right papers put before the answerer, and were they first? Measures of ranked lists."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.records import Record


def average_precision(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """The mean, over the relevant papers that are there, of the precision down to each.

    sum_k precision@k · rel(k) / (relevant ones among ``ranked``): the context precision of
    RAGAS (Es et al. 2023; Manning et al. 2008, section 8.4, cut at what was retrieved).
    0.0 if none is there.
    """
    n_right, total = 0, 0.0
    for rank, paper in enumerate(dict.fromkeys(ranked), 1):
        if paper in relevant:
            n_right += 1
            total += n_right / rank
    return total / n_right if n_right else 0.0


def recall(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """Relevant papers that are there / relevant papers. Raises ValueError for none."""
    if not relevant:
        raise ValueError("no paper is relevant")
    return len(set(ranked) & set(relevant)) / len(set(relevant))


def ndcg(ranked: Sequence[str], relevant: Collection[str], k: int = 10) -> float:
    """Discounted gain of the first ``k`` over the best possible (Järvelin and Kekäläinen 2002), gains 0 or 1.

    sum_{r<=k} rel(r) / log2(r + 1), divided by the same for all relevant papers first. 0.0
    if none is relevant.
    """
    places = [rank for rank, paper in enumerate(list(dict.fromkeys(ranked))[:k], 1) if paper in relevant]
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(set(relevant)), k) + 1))
    return sum(1 / math.log2(rank + 1) for rank in places) / best if best else 0.0


def _ranked(record: Record) -> list[str]:
    assert record.answer is not None
    return [source["paper_id"] for source in record.answer["sources"]]


def _precision(record: Record) -> Value:
    return average_precision(_ranked(record), record.question.relevant)


def _recall(record: Record) -> Value:
    return recall(_ranked(record), record.question.relevant)


def _ndcg(record: Record) -> Value:
    return ndcg(_ranked(record), record.question.relevant)


def _has_paper(question: Question) -> bool:
    return question.answerable and bool(question.relevant)


CONTEXT_PRECISION = Measure("context_precision", "context precision", _has_paper, _precision)
CONTEXT_RECALL = Measure("context_recall", "context recall", _has_paper, _recall)
NDCG = Measure("ndcg_at_10", "nDCG@10 of the sources", _has_paper, _ndcg)
