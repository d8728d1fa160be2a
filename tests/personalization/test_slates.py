"""Slates: exact chances, exact replay, diversity above a floor."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization import slates

pytestmark = pytest.mark.slow

SCORES = np.array([0.9, 0.5, 0.5, 0.2])


@given(st.text(max_size=8), st.floats(0, 1), st.sampled_from([0.0, 0.05, 0.5]))
def test_the_same_arguments_replay_the_slate(seed: str, surprise: float, spread: float) -> None:
    slate = slates.draw(SCORES, 3, seed, surprise=surprise, spread=spread, candidates="c")
    assert slate == slates.draw(SCORES.copy(), 3, seed, surprise=surprise, spread=spread, candidates="c")
    assert len(set(slate.chosen)) == 3
    assert 0 < slate.propensity <= 1


@pytest.mark.parametrize(("spread", "reserved"), [(0.0, None), (0.3, None), (0.0, [False, False, True, True])])
def test_the_propensity_is_the_frequency(spread: float, reserved: list[bool] | None) -> None:
    trials = 20_000
    some = None if reserved is None else np.array(reserved)
    drawn = [slates.draw(SCORES, 2, str(n), surprise=0.3, spread=spread, reserved=some) for n in range(trials)]
    seen = Counter(each.chosen for each in drawn)
    chance = {each.chosen: each.propensity for each in drawn}
    assert sum(chance.values()) == pytest.approx(1)
    for chosen, expected in chance.items():
        deviation = (expected * (1 - expected) / trials) ** 0.5
        assert abs(seen[chosen] / trials - expected) < 5 * deviation


def test_surprises_are_for_the_reserved_while_there_are_some() -> None:
    some = np.array([False, False, False, True])
    for number in range(50):
        slate = slates.draw(SCORES, 2, str(number), surprise=1.0, reserved=some)
        assert slate.chosen[0] == 3
        assert slate.chances == pytest.approx((1.0, 1 / 3))


def test_a_hash_tells_candidates_and_scores_apart() -> None:
    known = slates.digest(["a", "b"], np.array([1.0, 2.0]))
    assert known == slates.digest(["a", "b"], np.array([1.0, 2.0]))
    assert known != slates.digest(["b", "a"], np.array([1.0, 2.0]))
    assert known != slates.digest(["a", "b"], np.array([1.0, 2.1]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(1, 6), st.integers(0, 9))
def test_diverse_orders_stay_above_the_floor(found: list[float], length: int, seed: int) -> None:
    scores = np.array(found)
    rows = np.random.default_rng(seed).normal(size=(len(found), 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for order in (
        slates.diverse(scores, rows, length, floor=0.5),
        slates.determinantal(scores, rows, length, floor=0.5),
    ):
        assert len(order) == len(set(order)) == min(length, len(found))
        above = int((scores >= 0.5 * scores.max()).sum())
        if above >= length:
            assert scores[order].min() >= 0.5 * scores.max() - 1e-12


def test_the_second_is_no_copy_of_the_first() -> None:
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    scores = np.array([1.0, 0.99, 0.9])
    assert slates.diverse(scores, rows, 2) == [0, 2]
    assert slates.determinantal(scores, rows, 2) == [0, 2]
