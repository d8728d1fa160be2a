"""Levels never fall below nothing, and the ledger adds up to them."""

import threading
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import stock
from storage.database import Database
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

pytestmark = pytest.mark.slow


def test_taking_says_what_is_left_and_tells_it(shop) -> None:
    first, second = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        assert stock.take(tx, first, 2, shop.now, order_id="o") == 3
    assert tx.facts == [
        ("stock", {"variant_id": first, "product_id": shop.filter, "stock": 3, "product_stock": 6}),
    ]
    with shop.db.reading() as tx:
        assert stock.levels(tx, [shop.filter, "nothing"]) == {shop.filter: {first: 3, second: 3}, "nothing": {}}
        assert [(move.delta, move.reason, move.order_id) for move in stock.moves(tx, first)] == [
            (5, "opening", None),
            (-2, "order", "o"),
        ]


def test_more_than_there_is(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    with shop.db.writing() as tx:
        with pytest.raises(Conflict) as few:
            stock.take(tx, kettle, 3, shop.now)
        stock.take(tx, kettle, 2, shop.now)
        with pytest.raises(Conflict) as none:
            stock.take(tx, kettle, 1, shop.now)
    assert (few.value.code, few.value.extra["left"], str(few.value)) == ("too-few", 2, "Only 2 left of this.")
    assert (none.value.code, none.value.extra["left"]) == ("sold-out", 0)


def test_unknown_variants_and_odd_quantities(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    with shop.db.writing() as tx:
        for change in (stock.take, stock.put, stock.count):
            with pytest.raises(NotFound):
                change(tx, "nothing", 1, shop.now)
            with pytest.raises(UserError):
                change(tx, kettle, -1, shop.now)
            with pytest.raises(UserError):
                change(tx, kettle, stock.MOST + 1, shop.now)
        with pytest.raises(UserError):
            stock.put(tx, kettle, stock.MOST, shop.now)
        assert stock.level(tx, kettle) == 2


def test_what_was_rolled_back_is_neither_taken_nor_told(shop) -> None:
    heard: list[object] = []
    db = Database(shop.db.url, publish=heard.extend)
    (kettle,) = shop.variants(shop.kettle)

    def take_and_fail() -> None:
        with db.writing() as tx:
            stock.take(tx, kettle, 1, shop.now)
            stock.take(tx, kettle, 2, shop.now)

    with pytest.raises(Conflict):
        take_and_fail()
    with db.reading() as tx:
        assert stock.level(tx, kettle) == 2
    assert heard == []
    db.dispose()


moves = st.tuples(st.sampled_from(["take", "put", "count"]), st.integers(0, 12))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opening=st.integers(0, 20), plan=st.lists(moves, max_size=12))
def test_the_ledger_adds_up_to_the_level(shop, opening: int, plan: list[tuple[str, int]]) -> None:
    with shop.db.writing() as tx:
        product_id = shop.add(tx, shop.herd, new_id(), [opening, 7])
    variant_id = shop.variants(product_id)[0]
    expected = opening
    with shop.db.writing() as tx:
        for kind, quantity in plan:
            change = partial(getattr(stock, kind), tx, variant_id, quantity, shop.now)
            if quantity == 0 and kind != "count":
                with pytest.raises(UserError):
                    change()
            elif kind == "take" and quantity > expected:
                with pytest.raises(Conflict) as caught:
                    change()
                assert caught.value.extra["left"] == expected
            else:
                expected = {"take": expected - quantity, "put": expected + quantity, "count": quantity}[kind]
                assert change() == expected
                assert all(fact["product_stock"] == fact["stock"] + 7 for _, fact in tx.facts)
        assert stock.level(tx, variant_id) == expected == sum(move.delta for move in stock.moves(tx, variant_id))


def test_many_threads_take_the_last_pieces(shop) -> None:
    with shop.db.writing() as tx:
        product_id = shop.add(tx, shop.herd, "last", [20])
    (variant_id,) = shop.variants(product_id)
    taken: list[int] = []
    refused: list[int] = []
    start = threading.Barrier(12)

    def buy() -> None:
        start.wait()
        for _ in range(4):
            try:
                with shop.db.writing() as tx:
                    left = stock.take(tx, variant_id, 1, shop.now)
                taken.append(left)
            except Conflict as conflict:
                refused.append(conflict.extra["left"])

    threads = [threading.Thread(target=buy) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(20)), "each level from 19 to 0 was seen by exactly one buyer"
    assert refused == [0] * 28
