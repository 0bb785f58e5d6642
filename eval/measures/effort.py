"""What an answer costs its reader and its owner: words, seconds, money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.measures.answers import said
from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.records import Record


def n_words(record: Record) -> Value:
    """Words of an answer that was given, markers apart."""
    assert record.answer is not None
    return float(len(said(record.answer).split())) if record.answer["outcome"] == "answered" else None


def first_token_seconds(record: Record) -> Value:
    """From the question to the first word; a reply from the cache took no model's time and is left out."""
    assert record.answer is not None
    seconds = (record.answer.get("timings") or {}).get("first_token_seconds")
    return None if record.is_cached or seconds is None else float(seconds)


def total_seconds(record: Record) -> Value:
    """Of the whole ask; a reply from the cache is left out."""
    return None if record.is_cached else record.seconds


def cost(usage: Mapping[str, Any], prices: Sequence[float]) -> float | None:
    """Dollars: tokens in and out times their prices for a million; None where the endpoint counted none."""
    n_in, n_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if n_in is None or n_out is None:
        return None
    return (float(n_in) * prices[0] + float(n_out) * prices[1]) / 1e6


def cost_at(prices: Sequence[float]) -> Measure:
    """Dollars for an answer at these prices, as if nothing came from the cache."""

    def value(record: Record) -> Value:
        assert record.answer is not None
        return cost(record.answer.get("usage") or {}, prices)

    return Measure("cost", "dollars an answer", _every, value, is_good=False, unit="dollars")


def _every(question: Question) -> bool:
    return True


def _measure(name: str, words: str, value: Callable[[Record], Value], unit: Any) -> Measure:
    return Measure(name, words, _every, value, is_good=False, unit=unit)


LENGTH = _measure("words", "words an answer", n_words, "words")
FIRST_TOKEN = _measure("first_token_seconds", "seconds to the first word", first_token_seconds, "seconds")
SECONDS = _measure("seconds", "seconds an answer", total_seconds, "seconds")

TIMES = (FIRST_TOKEN, SECONDS)
"""Measures that differ from run to run although nothing changed."""
