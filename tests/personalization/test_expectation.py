"""The model: what is known of things alike, of the thing, of the viewer, and who gave which part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization import counts, expectation, features
from personalization.expectation import Belief
from personalization.linear import Linear


@given(st.integers(0, 50), st.integers(1, 8))
def test_what_was_seen_makes_a_prediction_surer(seed: int, seen: int) -> None:
    dice = np.random.default_rng(seed)
    rows, rewards, weights = dice.normal(size=(seen, 5)), dice.normal(size=seen), dice.uniform(0.1, 2, size=seen)
    model = Linear.prior(5, 1.0)
    model.observe(rows, rewards, weights)
    asked = dice.normal(size=5)
    (before,) = Linear.prior(5, 1.0).uncertainty(asked[None])
    (after,) = model.uncertainty(asked[None])
    assert after < before


def test_few_counts_leave_the_prior_and_many_replace_it() -> None:
    few, many = counts.mean(np.array([1.0, 1000.0]), np.array([1.0, 1000.0]), 0.1, 20.0)
    assert few == pytest.approx(3 / 21)
    assert many > 0.98


def test_a_new_thing_gets_the_rate_of_what_it_is_like() -> None:
    rows = np.c_[features.hashed(["red lamp", "red lamp tall", "green chair", "red lamp small"]), np.ones(4)]
    hits, shown = np.array([60.0, 50.0, 2.0, 0.0]), np.array([100.0, 100.0, 100.0, 0.0])
    likely = rows @ counts.likeness(rows, hits, shown, 5.0)
    assert likely[3] > 0.4 > likely[2]
    base = expectation.rate(hits, shown, likely, Belief())
    hoped = expectation.promise(0.3, shown, Belief())
    assert base[3] == pytest.approx(likely[3])
    assert hoped[3] > 5 * hoped[0]


def test_own_counts_correct_everybodys_rate() -> None:
    base = np.array([0.4, 0.04])
    assert expectation.welcome(base, np.zeros(2), np.zeros(2), Belief()).tolist() == pytest.approx(base.tolist())
    never = expectation.welcome(base, np.zeros(2), np.array([200.0, 0.0]), Belief())
    assert never[0] < never[1]


def test_surprises_become_fewer_when_all_could_be_judged() -> None:
    belief = Belief(judged=20.0, surprise=0.1)
    few, many = np.array([3.0, 30.0, 0.0]), np.array([3.0, 597.0, 0.0])
    assert expectation.unjudged(few, belief).tolist() == [True, False, True]
    assert expectation.surprises(few, belief) == pytest.approx(0.1)
    assert expectation.surprises(many, belief) == pytest.approx(0.01)


def test_words_alone_tell_what_is_alike() -> None:
    lamp, lamps, jacket, nothing = features.hashed(["Leselampe aus Messing", "Leselampen", "Regenjacke", ""])
    assert lamp @ lamps > lamp @ jacket
    assert not nothing.any()
    assert features.hashed(["x" * 10_000]).shape == (1, features.DIMENSIONS)
