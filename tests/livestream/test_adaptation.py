"""Which layer a viewer gets, second by second."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from livestream.adaptation import FIRST_WAIT, Adaptation

RATES = [150_000.0, 500_000.0, 1_600_000.0]


def run(adaptation: Adaptation, seconds: int, current: int, start: float = 0.0, loss: int = 0) -> list[int]:
    """Let seconds pass with one loss report each; returns what was chosen in each."""
    chosen = []
    for second in range(seconds):
        adaptation.take_loss(loss)
        current = adaptation.choose(RATES, current, start + second)
        chosen.append(current)
    return chosen


def test_heaviest_stays_while_nothing_is_said_against_it() -> None:
    assert run(Adaptation(), 60, 2) == [2] * 60


def test_one_bad_report_is_chance_and_two_are_not() -> None:
    adaptation = Adaptation()
    assert run(adaptation, 1, 2, loss=60) == [2]
    assert run(adaptation, 1, 2, start=1, loss=60) == [1]


def test_an_estimate_leads_straight_to_what_it_carries() -> None:
    adaptation = Adaptation()
    adaptation.take_estimate(200_000, 0.0)
    assert adaptation.choose(RATES, 2, 0.5) == 0
    adaptation.take_estimate(700_000, 1.0)
    assert adaptation.choose(RATES, 2, 1.5) == 1


def test_an_old_estimate_says_nothing() -> None:
    adaptation = Adaptation()
    adaptation.take_estimate(200_000, 0.0)
    assert adaptation.choose(RATES, 2, 20.0) == 2


def test_a_calm_network_is_tried_again_and_each_failure_doubles_the_wait() -> None:
    """Up after the wait, down at once when it does not carry, then later and later."""
    adaptation = Adaptation()
    now, current, steps = 0.0, 1, []
    for _ in range(200):
        adaptation.take_loss(60 if current == 2 else 0)
        before, current = current, adaptation.choose(RATES, current, now)
        if current > before:
            steps.append(now)
        now += 1
    waits = [later - earlier for earlier, later in itertools.pairwise(steps)]
    assert steps[0] == FIRST_WAIT
    assert waits == sorted(waits)
    assert waits[-1] > 2 * waits[0]


@given(
    st.lists(st.floats(1e4, 1e7), max_size=3).map(sorted),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 255), st.floats(0, 1e7)), max_size=40),
)
def test_a_choice_is_always_one_of_the_layers(rates: list[float], current: int, said: list[tuple[int, float]]) -> None:
    adaptation = Adaptation()
    for second, (loss, estimate) in enumerate(said):
        adaptation.take_loss(loss)
        adaptation.take_estimate(estimate, second)
        chosen = adaptation.choose(rates, current, second)
        assert 0 <= chosen < len(rates) if rates else chosen == current
        current = chosen
