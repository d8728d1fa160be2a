"""Merchants and the people who act for them."""

import pytest

from shop import merchants
from storage.errors import Conflict, NotFound


def test_a_person_acts_for_one_merchant_at_a_time(shop) -> None:
    with shop.db.writing() as tx:
        assert merchants.merchant_of(tx, shop.host) is None
        merchants.join_merchant(tx, shop.host, shop.herd)
        merchants.join_merchant(tx, shop.host, shop.wetter)
        assert merchants.merchant_of(tx, shop.host) == shop.wetter


def test_a_handle_is_taken_once(shop) -> None:
    with shop.db.writing() as tx, pytest.raises(Conflict) as caught:
        merchants.add_merchant(tx, "wetterseite", "Another")
    assert caught.value.code == "handle-taken"


def test_unknown_merchants(shop) -> None:
    with shop.db.reading() as tx:
        assert merchants.merchant_by_handle(tx, "nobody") is None
        with pytest.raises(NotFound):
            merchants.merchant_name(tx, "nobody")
