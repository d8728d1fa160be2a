"""Paid boosts: of one's own products, bounded in strength, number and time, and gone when stopped."""

from datetime import timedelta

import pytest

from shop import boosts
from storage.errors import Conflict, NotFound, UserError
from tests.shop.conftest import Shop


def test_a_boost_runs_until_it_ends_or_is_stopped(shop: Shop) -> None:
    with shop.db.writing() as tx:
        boost_id = boosts.add(tx, shop.filter, 0.5, 2, shop.now, shop.herd)
        assert boosts.running(tx, shop.now) == {shop.filter: 0.5}
        assert boosts.running(tx, shop.now + timedelta(days=2)) == {}
        with pytest.raises(NotFound):
            boosts.stop(tx, boost_id, shop.now, shop.wetter)
        boosts.stop(tx, boost_id, shop.now, shop.herd)
        boosts.stop(tx, boost_id, shop.now + timedelta(days=1))
        assert boosts.running(tx, shop.now) == {}
        assert [each.ends_at for each in boosts.everything(tx, shop.herd)] == [shop.now]
        assert boosts.everything(tx, shop.wetter) == []


def test_what_is_not_allowed(shop: Shop) -> None:
    with shop.db.writing() as tx:
        with pytest.raises(NotFound):
            boosts.add(tx, shop.jacket, 0.5, 2, shop.now, shop.herd)
        for strength, days in ((2.0, 2), (0.5, 0), (0.5, 31)):
            with pytest.raises(UserError):
                boosts.add(tx, shop.filter, strength, days, shop.now)
        boosts.add(tx, shop.filter, 1.0, 2, shop.now)
        with pytest.raises(Conflict):
            boosts.add(tx, shop.filter, 1.0, 2, shop.now)
        boosts.add(tx, shop.kettle, 1.0, 2, shop.now)
        boosts.add(tx, shop.add(tx, shop.herd, "pan", [1]), 1.0, 2, shop.now)
        with pytest.raises(Conflict):
            boosts.add(tx, shop.add(tx, shop.herd, "pot", [1]), 1.0, 2, shop.now)
