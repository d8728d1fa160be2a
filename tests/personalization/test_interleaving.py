"""Team drafts: fair to both rankings, and a sign test over viewers that may be looked at again and again."""

import random
from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from personalization.interleaving import preference, turn


@given(st.text(max_size=5), st.integers(0, 100))
def test_each_ranking_fills_one_of_two_places(seed: str, pair: int) -> None:
    assert {turn(seed, 2 * pair + 1), turn(seed, 2 * pair + 2)} == {0, 1}
    assert turn(seed, 2 * pair + 1) == turn(seed, 2 * pair + 1)


def test_each_ranking_begins_as_often() -> None:
    begins = Counter(turn(str(seed), 1) for seed in range(1_000))
    assert 400 < begins[0] < 600


def test_preferences() -> None:
    found = preference([(1, 0)] * 9 + [(0, 1)] + [(2, 2)] * 5)
    assert (found.first, found.second, found.equal) == (9, 1, 5)
    assert found.chance == pytest.approx(2 * (1 + 10) / 1024)
    assert found.always == pytest.approx(11 * 10 / 1024)
    assert found.verdict == "open"
    assert preference([]).chance == preference([]).always == 1.0
    assert preference([(1, 0), (0, 1)]).chance == 1.0
    assert preference([(0, 1)] * 20 + [(1, 0)] * 2).verdict == "second"
    assert preference([(1, 0)] * 3_000 + [(0, 1)] * 2_000).chance < 1e-9


def test_looking_again_and_again_raises_no_more_false_alarms_than_promised() -> None:
    alarms = 0
    for seed in range(200):
        dice, votes = random.Random(seed), []
        for _ in range(20):
            votes += [(1, 0) if dice.random() < 0.5 else (0, 1) for _ in range(20)]
            if preference(votes).verdict != "open":
                alarms += 1
                break
    assert alarms <= 200 * 0.05 + 8


def test_what_is_needed_is_enough() -> None:
    needed = preference([]).needed
    found = preference([(1, 0)] * round(needed * 0.55) + [(0, 1)] * (needed - round(needed * 0.55)))
    assert found.verdict == "first"
    assert found.needed == 0
