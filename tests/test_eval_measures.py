"""Measures and intervals on numbers worked by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from eval.measures import (
    ABSTENTION,
    DETAIL,
    FACT,
    FALSE_REFUSAL,
    FOOTNOTES_WRITTEN,
    FOUND_BOTH_WAYS,
    HEADLINE,
    RIGHT_PAPER,
    UNSCORED,
    Measure,
    fault,
    figure,
    is_answering,
    matches,
    score,
)
from eval.questions import Question
from eval.runs.records import Record
from eval.statistics import Interval, clustered_interval, wilson
from rag.answer.repairing import CORRECTED, FOUND

KELP = Question("kelp", "How fast?", True, relevant=("p1",), evidence=("Kelp grows 60 cm a day.",), must=(r"60\s?cm",))
MOON = Question("moon", "How far is the moon?", False)

A_RIGHT_QUOTE = ("p1", "Kelp grows 60 cm a day.")
A_WRONG_QUOTE = ("p1", "It likes cold water.")
A_STRANGE_QUOTE = ("p2", "Reefs are warm.")


def answer(*quotes: tuple[str | None, str], outcome: str = "answered", found: tuple[str, ...] = ("p1", "p2")) -> Any:
    claims = [
        {"text": f"So: {quote}", "citations": [{"paper_id": paper_id, "title": "", "quote": quote}]}
        for paper_id, quote in quotes
    ]
    sources = [{"paper_id": paper_id, "title": paper_id} for paper_id in found]
    return {"outcome": outcome, "claims": claims, "sources": sources, "error": None, "reason": None}


ABSTAINED = answer(outcome="abstained")
FAILED = answer(outcome="failed")


def detail(name: str) -> Measure:
    return next(measure for measure in DETAIL if measure.name == name)


def test_the_four_promises_on_ten_records_counted_by_hand() -> None:
    records = [
        Record(KELP, answer(A_RIGHT_QUOTE)),
        Record(KELP, answer(A_WRONG_QUOTE, A_RIGHT_QUOTE)),
        Record(KELP, answer(A_WRONG_QUOTE)),
        Record(KELP, answer(A_STRANGE_QUOTE, A_RIGHT_QUOTE)),
        Record(KELP, ABSTAINED),
        Record(KELP, FAILED),
        Record(MOON, ABSTAINED),
        Record(MOON, answer(A_RIGHT_QUOTE)),
        Record(MOON, ABSTAINED),
        Record(MOON, None, "the embedding endpoint refused"),
    ]

    def counts(measure: Measure) -> tuple[int, int, int]:
        one = figure(measure, records)
        return int(one.total), one.n_scored, one.n_unscored

    assert counts(RIGHT_PAPER) == (3, 5, 1)
    assert counts(FACT) == (3, 5, 1)
    assert counts(ABSTENTION) == (2, 3, 1)
    assert counts(FALSE_REFUSAL) == (1, 5, 1)
    assert counts(detail("right_paper_first_if_answered")) == (3, 4, 1)
    assert counts(detail("answer_cited_first")) == (1, 5, 1)
    assert counts(detail("answer_cited")) == (3, 5, 1)
    assert counts(detail("right_paper_found_first")) == (5, 5, 1)


def test_a_failure_is_neither_right_nor_wrong_and_widens_the_bounds() -> None:
    records = [Record(KELP, answer(A_RIGHT_QUOTE))] * 3 + [Record(KELP, FAILED)]
    one = figure(RIGHT_PAPER, records)
    assert one.mean == 1.0
    assert one.bounds == Interval(0.75, 1.0)
    assert one.meets_target is False  # it might be 75 %
    assert figure(FALSE_REFUSAL, records).meets_target is False  # the fourth might have been one
    for outcome in ("failed", "empty", "stopped"):
        assert score(FALSE_REFUSAL, Record(KELP, answer(outcome=outcome))) == UNSCORED
        assert fault(Record(KELP, answer(outcome=outcome))) == "error"


def test_without_a_question_to_score_there_is_no_figure() -> None:
    for records in ([], [Record(MOON, ABSTAINED)]):
        one = figure(RIGHT_PAPER, records)
        assert (one.mean, one.interval, one.bounds, one.meets_target) == (None, None, None, None)
    only_failed = figure(RIGHT_PAPER, [Record(KELP, FAILED)])
    assert only_failed.mean is None
    assert only_failed.bounds == Interval(0.0, 1.0)


def test_a_first_citation_of_nothing_is_not_the_right_paper() -> None:
    assert score(RIGHT_PAPER, Record(KELP, answer((None, ""), A_RIGHT_QUOTE))) is False
    assert score(RIGHT_PAPER, Record(KELP, answer())) is False


def test_the_fact_may_be_spread_over_quotes_but_not_said_without_one() -> None:
    both = Question("b", "?", True, relevant=("p1",), must=("60 cm", "cold"), must_not=("warm",))
    assert score(FACT, Record(both, answer(A_RIGHT_QUOTE, A_WRONG_QUOTE))) is True
    assert score(FACT, Record(both, answer(A_RIGHT_QUOTE))) is False
    assert score(FACT, Record(both, answer(A_RIGHT_QUOTE, A_WRONG_QUOTE, A_STRANGE_QUOTE))) is False
    said = answer(A_STRANGE_QUOTE)
    said["claims"][0]["text"] = "Kelp grows 60 cm a day."
    assert score(FACT, Record(KELP, said)) is False
    assert score(detail("fact_said"), Record(KELP, said)) is True


def test_expressions_ignore_case_and_line_breaks() -> None:
    assert matches(Question("x", "?", True, must=("sixty cm a",)), "Sixty\n  CM a day")


def test_a_sentence_answers_if_it_holds_the_marked_one_or_most_of_it_in_the_right_paper() -> None:
    assert is_answering(KELP, "p1", "Kelp grows\n60 cm a day.")
    assert is_answering(KELP, "p1", "Indeed: Kelp grows 60 cm a day. It likes cold water.")
    assert is_answering(KELP, "p1", "grows 60 cm a day.")
    assert not is_answering(KELP, "p1", "a day.")
    assert not is_answering(KELP, "p2", "Kelp grows 60 cm a day.")
    assert not is_answering(KELP, "p1", " ")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(KELP, answer(A_RIGHT_QUOTE)), None),
        (Record(MOON, ABSTAINED), None),
        (Record(MOON, answer(A_RIGHT_QUOTE)), "not refused"),
        (Record(KELP, ABSTAINED), "refused"),
        (Record(KELP, answer(outcome="abstained", found=("p2", "p3", "p4", "p1"))), "search"),
        (Record(KELP, answer(A_STRANGE_QUOTE, found=("p2", "p1"))), "search"),
        (Record(KELP, answer(A_STRANGE_QUOTE, found=("p1", "p2"))), "sentences"),
        (Record(KELP, answer(A_WRONG_QUOTE)), "sentences"),
        (Record(Question("t", "?", True, ("",), ("p1",), KELP.evidence, ("typo",)), answer(A_RIGHT_QUOTE)), "question"),
    ],
)
def test_a_miss_names_where_to_look_first(record: Record, expected: str | None) -> None:
    assert fault(record) == expected


def test_a_half_of_the_search_and_forgotten_footnotes_are_seen_where_the_answer_is_as_good() -> None:
    def found(*sides: str) -> Record:
        source = {"paper_id": "p1", "title": "p1", "found_by": [{"side": side} for side in sides]}
        return Record(KELP, {**answer(A_RIGHT_QUOTE), "sources": [source]})

    records = [found("lexical", "dense"), found("dense", "lexical"), found("dense"), Record(KELP, answer(found=()))]
    both = figure(FOUND_BOTH_WAYS, records)
    assert (both.total, both.n_scored) == (2, 3), "an answer without sources says nothing about the search"

    def written(model: str | None, *reasons: str) -> Record:
        claims = [{**claim, "reasons": [reason]} for claim in answer(A_RIGHT_QUOTE)["claims"] for reason in reasons]
        return Record(KELP, {**answer(), "claims": claims, "model": model})

    own = figure(FOOTNOTES_WRITTEN, [written("m", "read", "read"), written("m", FOUND, CORRECTED, "read", "read")])
    assert (own.total, own.n_scored) == (1.5, 2)
    assert figure(FOOTNOTES_WRITTEN, [written(None, FOUND), written("m")]).n_scored == 0, "quotes, and nothing cited"


def test_every_headline_measure_has_a_target_and_a_direction() -> None:
    assert [(one.target, one.is_good) for one in HEADLINE] == [(0.97, True), (0.85, True), (0.8, True), (0.05, False)]


# -- intervals


def test_wilson_gives_the_published_bounds() -> None:
    # Newcombe 1998, table I, and its extremes: n/(n + z²) with z² = 3.8415.
    assert wilson(81 / 263, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81 / 263, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(1.0, 10).low == pytest.approx(10 / 13.8415, abs=1e-5)
    assert wilson(0.0, 10).high == pytest.approx(3.8415 / 13.8415, abs=1e-5)
    assert wilson(0.0, 0) == Interval(0.0, 1.0)


def test_the_bootstrap_of_three_papers_is_that_of_all_27_draws() -> None:
    # Papers with 2 of 2, 0 of 1 and 1 of 2 right: every draw of three is equally likely.
    sums, sizes = (2, 0, 1), (2, 1, 2)
    means = sorted(sum(sums[i] for i in draw) / sum(sizes[i] for i in draw) for draw in product(range(3), repeat=3))
    assert (means[0], means[-1]) == (0.0, 1.0)  # 1 of 27 each, more than 2.5 %
    found = clustered_interval([True, True, False, True, False], ["a", "a", "b", "c", "c"])
    assert found == Interval(0.0, 1.0)
    many = clustered_interval([1, 0] * 50, [n // 2 for n in range(100)])
    assert many == Interval(0.5, 0.5)  # whichever papers are drawn, half is right


def test_questions_about_one_paper_count_less_than_as_many_about_many() -> None:
    values = [n < 50 for n in range(100)]
    apart = clustered_interval(values, list(range(100)))
    together = clustered_interval(values, [n // 10 for n in range(100)])
    assert apart is not None and together is not None
    # sqrt(0.5 * 0.5 / 100) * 1.96 = 0.098; with ten papers of one kind each sqrt(0.25 / 10) * 1.96 = 0.31
    assert apart.high - apart.low == pytest.approx(0.196, abs=0.02)
    assert together.high - together.low == pytest.approx(0.62, abs=0.05)


def test_values_that_all_agree_still_have_an_interval_and_it_counts_papers() -> None:
    assert clustered_interval([True] * 30, [n // 3 for n in range(30)]) == wilson(1.0, 10)
    assert clustered_interval([True, False], ["a", "a"]) == wilson(0.5, 1)
    assert clustered_interval([], []) is None


def test_the_same_seed_gives_the_same_bounds() -> None:
    values, clusters = [n % 3 == 0 for n in range(60)], [n // 4 for n in range(60)]
    assert clustered_interval(values, clusters) == clustered_interval(values, clusters)
    with pytest.raises(ValueError, match="2 values in 1 clusters"):
        clustered_interval([1, 0], ["a"])
