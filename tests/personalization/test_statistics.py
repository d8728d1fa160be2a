"""Intervals that may be looked at every day, the sample-ratio alarm, sizes, a bandit's shares."""

import math
import random

import numpy as np
import pytest

from personalization.statistics import (
    Arm,
    chi_square_tail,
    sample_ratio,
    still_needed,
    thompson_shares,
    uplift,
    width,
)

DAYS, A_DAY = 30, 500
RATE = 0.05


def counted(viewers: int, welcomed: int) -> Arm:
    return Arm.of(viewers, welcomed, welcomed)


def false_alarms(runs: int, seed: int) -> tuple[float, float]:
    """Return how many of A/A runs looked at for 30 days ever seem better or worse: by our intervals, by a z-test."""
    draws = np.random.default_rng(seed).binomial(A_DAY, RATE, size=(runs, 2, DAYS)).cumsum(axis=2)
    ours = naive = 0
    for run in draws:
        found = [
            uplift(counted(A_DAY * (day + 1), int(run[0, day])), counted(A_DAY * (day + 1), int(run[1, day])))
            for day in range(DAYS)
        ]
        ours += any(each.verdict != "open" for each in found)
        pooled = [(run[0, day] + run[1, day]) / (2 * A_DAY * (day + 1)) for day in range(DAYS)]
        spread = [math.sqrt(2 * p * (1 - p) / (A_DAY * (day + 1))) for day, p in enumerate(pooled)]
        naive += any(abs(each.difference) > 1.96 * noise for each, noise in zip(found, spread, strict=True) if noise)
    return ours / runs, naive / runs


def test_daily_looks_keep_the_promised_rate_of_false_alarms() -> None:
    ours, naive = false_alarms(1_500, seed=1)
    assert ours <= 0.05
    # what a test that may be looked at once does when it is looked at daily
    assert naive > 0.15


def test_the_interval_holds_a_planted_difference_at_every_look() -> None:
    dice = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        control = dice.binomial(A_DAY, 0.10, size=DAYS).cumsum()
        variant = dice.binomial(A_DAY, 0.12, size=DAYS).cumsum()
        found = [
            uplift(counted(A_DAY * (day + 1), int(control[day])), counted(A_DAY * (day + 1), int(variant[day])))
            for day in range(DAYS)
        ]
        missed += any(each.low is None or not each.low <= 0.02 <= (each.high or 0) for each in found)
        if not missed:
            assert found[-1].relative_low is not None
    assert missed <= 10


def test_a_large_effect_is_found_and_a_small_sample_says_nothing() -> None:
    found = uplift(counted(20_000, 1_000), counted(20_000, 1_400))
    assert (found.verdict, found.relative) == ("better", pytest.approx(0.4))
    assert found.relative_low is not None
    assert found.relative_high is not None
    assert 0 < found.relative_low < 0.4 < found.relative_high
    assert uplift(counted(20_000, 1_400), counted(20_000, 1_000)).verdict == "worse"
    assert uplift(counted(50, 10), counted(50, 40)).verdict == "open"
    assert uplift(counted(500, 0), counted(500, 0)).low is None


def test_the_width_shrinks_and_is_wider_than_one_look_would_need() -> None:
    widths = [width(1.0, viewers) for viewers in (100, 1_000, 10_000, 100_000)]
    assert widths == sorted(widths, reverse=True)
    assert all(half > 1.96 / math.sqrt(n) for half, n in zip(widths, (100, 1_000, 10_000, 100_000), strict=True))


def test_how_many_are_still_needed() -> None:
    small = still_needed(counted(1_000, 50), counted(1_000, 50), 0.05)
    assert small is not None
    more = still_needed(counted(2_000, 100), counted(2_000, 100), 0.05)
    assert more is not None
    assert small - more == pytest.approx(2_000, abs=500)
    # with that many the interval is as narrow as asked for
    half = (small + 2_000) // 2
    found = uplift(counted(half, half // 20), counted(half, half // 20))
    assert found.relative_high == pytest.approx(0.05, rel=0.02)
    assert still_needed(counted(10, 1), counted(10, 1), 0.05) is None


def test_tails_of_chi_square() -> None:
    # critical values at 5 % and 0.1 % (NIST/SEMATECH e-handbook, 1.3.6.7.4)
    for freedom, five, mille in ((1, 3.841, 10.828), (2, 5.991, 13.816), (3, 7.815, 16.266), (7, 14.067, 24.322)):
        assert chi_square_tail(five, freedom) == pytest.approx(0.05, rel=0.002)
        assert chi_square_tail(mille, freedom) == pytest.approx(0.001, rel=0.002)


def test_a_broken_split_is_noticed() -> None:
    even = {"a": 1.0, "b": 1.0}
    assert sample_ratio({"a": 5_000, "b": 5_050}, even) > 0.1
    assert sample_ratio({"a": 5_000, "b": 5_500}, even) < 0.001
    assert sample_ratio({"a": 9_000, "b": 1_000}, {"a": 0.9, "b": 0.1}) == pytest.approx(1.0)
    assert sample_ratio({}, even) == 1.0


def test_a_bandit_leans_to_the_better_and_forgets_none() -> None:
    shares = thompson_shares({"a": counted(1_000, 50), "b": counted(1_000, 100), "c": Arm(0, 0.0, 0.0)}, "1")
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["a"] == pytest.approx(0.05)
    assert shares["b"] >= 0.05
    assert shares == thompson_shares({"a": counted(1_000, 50), "b": counted(1_000, 100), "c": Arm(0, 0.0, 0.0)}, "1")


def test_arms_are_means_and_variances() -> None:
    dice = random.Random(3)
    values = [dice.expovariate(1.0) for _ in range(500)]
    arm = Arm.of(500, sum(values), sum(each * each for each in values))
    assert (arm.mean, arm.variance) == (pytest.approx(np.mean(values)), pytest.approx(np.var(values, ddof=1)))
