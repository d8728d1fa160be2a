"""Amounts in minor units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.money import Money

amounts = st.builds(Money, st.integers(-(10**12), 10**12), st.just("EUR"))


@given(amounts, amounts, st.integers(0, 99))
def test_pieces_cost_the_same_together_as_one_by_one(first: Money, second: Money, times: int) -> None:
    assert (first + second) * times == first * times + second * times
    assert sum((first for _ in range(times)), Money(0, "EUR")) == first * times


def test_currencies_never_mix() -> None:
    with pytest.raises(AssertionError, match="EUR and CHF"):
        Money(1, "EUR") + Money(1, "CHF")


def test_json_is_the_public_form() -> None:
    assert Money(1299, "EUR").json() == {"amount": 1299, "currency": "EUR"}
