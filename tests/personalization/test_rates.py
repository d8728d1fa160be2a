"""Rates: counts that add up, shrink towards everybody's, and can be taken back."""

import pytest
from sqlalchemy import select

from personalization import rates
from personalization.log import Event
from storage.database import Database
from tests.personalization.conftest import NOW


def events(product: str, shown: int, completed: int) -> list[Event]:
    names = ["Video Content Started"] * shown + ["Video Content Completed"] * completed
    return [Event(f"{product}{number}", name, NOW, product) for number, name in enumerate(names)]


def test_a_rate_is_not_a_count(db: Database) -> None:
    with db.writing() as tx:
        rates.count(tx, events("often", 1000, 300) + events("well", 100, 60) + events("lucky", 1, 1))
        found = rates.current(tx)
    assert found.of("well") > found.of("lucky") > found.of("often")
    assert found.of("never") == found.overall == pytest.approx((361 + 6) / (1101 + 20))


def test_before_anything_is_known_all_are_equal(db: Database) -> None:
    with db.reading() as tx:
        assert rates.current(tx).of("any") == rates.PRIOR_RATE


def test_what_was_counted_can_be_taken_out(db: Database) -> None:
    with db.writing() as tx:
        rates.count(tx, events("lamp", 3, 1))
        before = tx.all(select(rates.product_counts))
        rates.count(tx, events("lamp", 5, 2) + events("jacket", 1, 0))
        rates.count(tx, events("jacket", 1, 0) + events("lamp", 5, 2), sign=-1)
        assert tx.all(select(rates.product_counts)) == before


def test_popular_is_what_many_welcomed(db: Database) -> None:
    with db.writing() as tx:
        assert rates.current(tx).popular == frozenset()
        rates.count(tx, events("often", 1000, 300) + events("well", 100, 60) + events("lucky", 1, 1))
        assert rates.current(tx).popular == {"well"}
