"""Paired differences and corrections, on numbers worked by hand."""

from __future__ import annotations

import pytest

from eval.measures.correction import ErrorRates, prediction_powered_mean, rogan_gladen
from eval.statistics import Interval, clustered_interval, mean_interval, paired_difference


def test_a_paired_difference_counts_wins_losses_and_ties() -> None:
    found = paired_difference([0.0, 0.5, 1.0, 1.0], [1.0, 0.5, 0.0, 1.0])
    assert found is not None
    assert (found.mean, found.n_better, found.n_worse, found.n_equal) == (0.0, 1, 1, 2)
    assert found.interval.low < 0 < found.interval.high
    assert found.p_value == 1.0


def test_equal_runs_differ_by_a_point() -> None:
    found = paired_difference([0.0, 1.0, 1.0], [0.0, 1.0, 1.0], ["a", "a", "b"])
    assert found is not None
    assert (found.interval, found.p_value) == (Interval(0.0, 0.0), 1.0)


def test_the_randomisation_test_swaps_whole_clusters() -> None:
    # Ten pairs that all rise: of 2^10 ways to swap them 2 are as extreme; as two clusters, 2 of 4.
    one, other = [0.0] * 10, [1.0] * 10
    alone = paired_difference(one, other)
    clustered = paired_difference(one, other, ["a"] * 5 + ["b"] * 5)
    assert alone is not None and clustered is not None
    assert alone.p_value == pytest.approx(2 / 1024, abs=0.002)
    assert clustered.p_value == pytest.approx(0.5, abs=0.02)


def test_an_interval_covers_the_mean_and_is_the_same_each_time() -> None:
    values = [1.0, 2.0, 3.0, 10.0]
    first, again = mean_interval(values), mean_interval(values)
    assert first == again
    assert first is not None and first.low < 4.0 < first.high
    assert first.low >= 1.0 and first.high <= 10.0
    assert mean_interval([]) is None
    assert mean_interval([0.25, 0.25]) == Interval(0.25, 0.25)


def test_values_in_one_cluster_tell_no_more_than_one_value() -> None:
    spread = mean_interval([0.0, 1.0] * 20)
    clumped = mean_interval([0.0] * 20 + [1.0] * 20, ["a"] * 20 + ["b"] * 20)
    assert spread is not None and clumped is not None
    assert clumped.high - clumped.low > 2 * (spread.high - spread.low)


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values are paired with 1"):
        paired_difference([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="2 values in 1 clusters"):
        clustered_interval([True, False], ["a"])


def test_rogan_and_gladen_put_a_share_right() -> None:
    # p = 0.7, Se = 0.9, Sp = 0.8: (0.7 + 0.8 - 1) / (0.9 + 0.8 - 1) = 0.714285...
    rates = ErrorRates(n_true=100, n_true_passed=90, n_false=100, n_false_flagged=80)
    found = rogan_gladen([7, 14, 21, 28], [10, 20, 30, 40], rates)
    assert found is not None
    assert found.observed == pytest.approx(0.7)
    assert found.share == pytest.approx(0.5 / 0.7)
    assert found.interval.low < found.share < found.interval.high


def test_a_judge_that_is_better_known_gives_a_narrower_interval() -> None:
    few = ErrorRates(10, 9, 10, 8)
    many = ErrorRates(10_000, 9_000, 10_000, 8_000)
    claims = [10] * 40
    passed = [6, 8] * 20
    one, other = rogan_gladen(passed, claims, few), rogan_gladen(passed, claims, many)
    assert one is not None and other is not None
    assert one.share == pytest.approx(other.share)
    assert one.interval.high - one.interval.low > 2 * (other.interval.high - other.interval.low)


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    assert rogan_gladen([1], [2], ErrorRates(10, 5, 10, 5)) is None
    assert rogan_gladen([], [], ErrorRates(10, 9, 10, 9)) is None
    assert rogan_gladen([1], [2], ErrorRates(0, 0, 10, 9)) is None


def test_labels_of_some_claims_put_the_mean_of_all_right() -> None:
    # mean(judged) = 0.75; on the labelled claims people say 0.5 where the judge says 1.0: 0.75 - 0.5.
    found = prediction_powered_mean([1.0, 1.0, 1.0, 0.0], [1.0, 1.0], [1.0, 0.0])
    assert found is not None
    assert (found.share, found.observed) == (pytest.approx(0.25), 0.75)
    # variance 0.25/4 + 0.5/2 = 0.3125, 1.96 standard errors of 0.559: held to [0, 1].
    assert found.interval == Interval(0.0, 1.0)
    exact = prediction_powered_mean([0.0, 1.0] * 200, [0.0, 1.0] * 20, [0.0, 1.0] * 20)
    assert exact is not None
    assert exact.interval.low == pytest.approx(0.5 - 1.96 * (0.25 / 400) ** 0.5, abs=1e-3)
    assert prediction_powered_mean([1.0], [1.0], [1.0]) is None
