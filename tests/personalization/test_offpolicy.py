"""Off-policy estimates: near the truth where the log speaks for the other ranking, refused where it does not."""

import random

import pytest

from personalization.offpolicy import Showing, TooLittle, doubly_robust, effective_sample, proposed, snipw

RATES = (0.2, 0.3, 0.4, 0.6)
LOGGED = (0.4, 0.3, 0.2, 0.1)
OTHER = (0.1, 0.2, 0.3, 0.4)
TRUTH = sum(chance * rate for chance, rate in zip(OTHER, RATES, strict=True))


def logged(showings: int, seed: int) -> tuple[list[float], list[float], list[float], list[int]]:
    dice = random.Random(seed)
    arms = dice.choices(range(4), LOGGED, k=showings)
    rewards = [float(dice.random() < RATES[arm]) for arm in arms]
    return rewards, [LOGGED[arm] for arm in arms], [OTHER[arm] for arm in arms], arms


def test_both_estimates_hold_the_truth() -> None:
    held = {"snipw": 0, "robust": 0, "wrong model": 0}
    for seed in range(40):
        rewards, chances, targets, arms = logged(4_000, seed)
        right = [RATES[arm] for arm in arms]
        for name, found in (
            ("snipw", snipw(rewards, chances, targets)),
            ("robust", doubly_robust(rewards, chances, targets, right, [TRUTH] * 4_000)),
            # a model that is wrong is put right by the propensities
            ("wrong model", doubly_robust(rewards, chances, targets, [0.1] * 4_000, [0.1] * 4_000)),
        ):
            held[name] += found.low <= TRUTH <= found.high
            assert found.sample > 1_000
    assert min(held.values()) >= 34, held


def test_a_good_model_narrows_the_interval() -> None:
    rewards, chances, targets, arms = logged(4_000, 1)
    plain = snipw(rewards, chances, targets)
    helped = doubly_robust(rewards, chances, targets, [RATES[arm] for arm in arms], [TRUTH] * 4_000)
    assert helped.high - helped.low < plain.high - plain.low


@pytest.mark.parametrize(
    ("rewards", "chances", "targets"),
    [
        # few showings, few clicks, and many showings of which one speaks for the other ranking
        ([1.0] * 500, [0.5] * 500, [0.5] * 500),
        ([1.0] * 50 + [0.0] * 4_950, [0.5] * 5_000, [0.5] * 5_000),
        ([1.0] * 5_000, [0.001] + [0.9] * 4_999, [0.9] + [0.0001] * 4_999),
        ([1.0] * 200 + [0.0] * 4_800, [0.5] * 5_000, [0.0] * 200 + [0.5] * 4_800),
    ],
)
def test_too_little_is_refused(rewards: list[float], chances: list[float], targets: list[float]) -> None:
    with pytest.raises(TooLittle):
        snipw(rewards, chances, targets)
    with pytest.raises(TooLittle):
        doubly_robust(rewards, chances, targets, [0.0] * len(rewards), [0.0] * len(rewards))


def test_the_effective_sample() -> None:
    assert effective_sample([2.0] * 10) == pytest.approx(10)
    assert effective_sample([1.0, 0.0, 0.0]) == pytest.approx(1)
    assert effective_sample([]) == 0


def feed(showings: int, share: float, seed: int) -> list[Showing]:
    """Places of 50 viewers, a few of whom chose no surprises: the best of 40 is welcomed at 0.4, others at 0.2."""
    dice, found = random.Random(seed), []
    for number in range(showings):
        viewer = number % 50
        own = 0.0 if viewer < 5 else share
        explored = dice.random() < own * 39 / 40
        chance = own / 40 + (0.0 if explored else 1 - own)
        found.append(Showing(str(viewer), own, 40, 1, explored, chance, dice.random() < (0.2 if explored else 0.4)))
    return found


def test_what_another_share_of_surprises_would_earn() -> None:
    held = {"snipw": 0, "robust": 0}
    for seed in range(20):
        found = proposed(feed(6_000, 0.1, seed), 0.3, 0.1)
        truth = 0.4 - 0.9 * 0.3 * 39 / 40 * 0.2
        held["snipw"] += found.snipw.low <= truth <= found.snipw.high
        held["robust"] += found.robust.low <= truth <= found.robust.high
    assert min(held.values()) >= 16, held
    same = proposed(feed(6_000, 0.1, 1), 0.1, 0.1)
    assert same.snipw.sample == pytest.approx(6_000)
    with pytest.raises(TooLittle):
        proposed(feed(500, 0.1, 1), 0.3, 0.1)
