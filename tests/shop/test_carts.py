"""Carts: 1 to 99 pieces a line, several merchants, prices of now."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import carts, catalog
from shop.carts import Shipping
from shop.money import Money
from storage.errors import Conflict, NotFound, UserError


def test_a_cart_adds_up_over_merchants(shop) -> None:
    (jacket,), (first, _) = shop.variants(shop.jacket), shop.variants(shop.filter)
    with shop.db.writing() as tx:
        assert carts.add(tx, shop.viewer, first, 2, shop.now) == 2
        assert carts.add(tx, shop.viewer, first, 1, shop.now) == 3
        cart = carts.cart(tx, shop.viewer, "de")
        assert (cart.goods.amount, cart.shipping.amount, cart.total.amount) == (7470, 0, 7470)
        carts.set_quantity(tx, shop.viewer, first, 1)
        cart = carts.cart(tx, shop.viewer, "de")
        assert (cart.goods.amount, cart.shipping.amount, cart.total.amount) == (2490, 490, 2980)
        carts.add(tx, shop.viewer, jacket, 5, shop.now)
        cart = carts.cart(tx, shop.viewer, "en")
    assert [(line.product.merchant, line.quantity, line.short) for line in cart.lines] == [
        ("Stube & Herd", 1, False),
        ("Wetterseite", 5, True),
    ]
    assert cart.pieces == 6


def test_an_empty_cart_costs_nothing(shop) -> None:
    with shop.db.reading() as tx:
        assert carts.cart(tx, shop.viewer, "de").total == Money(0, "EUR")


@pytest.mark.parametrize(("goods", "cost"), [(0, 0), (1, 300), (999, 300), (1000, 0)])
def test_shipping(goods: int, cost: int) -> None:
    assert Shipping(flat=300, free_from=1000).cost(Money(goods, "EUR")) == Money(cost, "EUR")


@pytest.mark.parametrize("quantity", [-1, 0, 100, 10**12])
def test_odd_quantities(shop, quantity: int) -> None:
    first, second = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, first, 99, shop.now)
        for change in (
            lambda: carts.add(tx, shop.viewer, second, quantity, shop.now),
            lambda: carts.set_quantity(tx, shop.viewer, first, quantity),
            lambda: carts.add(tx, shop.viewer, first, 1, shop.now),
        ):
            with pytest.raises(UserError) as caught:
                change()
            assert caught.value.code == "quantity-range"
        assert [line.quantity for line in carts.cart(tx, shop.viewer, "de").lines] == [99]


def test_what_is_not_on_sale_cannot_be_added(shop) -> None:
    (kettle,), (jacket,) = shop.variants(shop.kettle), shop.variants(shop.jacket)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, jacket, 1, shop.now)
        catalog.publish(tx, shop.kettle, shop.herd, False)
        catalog.publish(tx, shop.jacket, shop.wetter, False)
        for unknown in ("nothing", kettle):
            with pytest.raises(NotFound):
                carts.add(tx, shop.viewer, unknown, 1, shop.now)
        with pytest.raises(NotFound):
            carts.set_quantity(tx, shop.viewer, kettle, 1)
        assert carts.cart(tx, shop.viewer, "de").lines == ()


def test_one_currency_a_cart(shop) -> None:
    with shop.db.writing() as tx:
        swiss = shop.add(tx, shop.wetter, "swiss", [1], currency="CHF")
    (jacket,), (franc,) = shop.variants(shop.jacket), shop.variants(swiss)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, jacket, 1, shop.now)
        with pytest.raises(Conflict):
            carts.add(tx, shop.viewer, franc, 1, shop.now)
        carts.remove(tx, shop.viewer, jacket)
        carts.add(tx, shop.viewer, franc, 1, shop.now)
        assert carts.cart(tx, shop.viewer, "de").goods.currency == "CHF"


def test_a_full_cart(shop) -> None:
    with shop.db.writing() as tx:
        many = [shop.add(tx, shop.herd, f"many-{n}", [1] * 51) for n in range(2)]
    variants = [variant for product_id in many for variant in shop.variants(product_id)]
    with shop.db.writing() as tx:
        for variant in variants[: carts.MOST_LINES]:
            carts.add(tx, shop.viewer, variant, 1, shop.now)
        with pytest.raises(UserError) as caught:
            carts.add(tx, shop.viewer, variants[-1], 1, shop.now)
        assert caught.value.code == "lines"
        assert carts.add(tx, shop.viewer, variants[0], 1, shop.now) == 2


lines = st.dictionaries(st.integers(0, 2), st.integers(1, 99))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(guests=lines, own=lines)
def test_merging_loses_nothing_below_the_limit(shop, guests: dict[int, int], own: dict[int, int]) -> None:
    variants = [*shop.variants(shop.filter), *shop.variants(shop.kettle)]
    with shop.db.writing() as tx:
        carts.erase(tx, shop.viewer)
        for person_id, wanted in ((shop.guest, guests), (shop.viewer, own)):
            for place, quantity in wanted.items():
                carts.add(tx, person_id, variants[place], quantity, shop.now)
        carts.merge_carts(tx, shop.guest, shop.viewer)
        carts.merge_carts(tx, shop.viewer, shop.viewer)
        merged = {line.variant.id: line.quantity for line in carts.cart(tx, shop.viewer, "de").lines}
        assert carts.cart(tx, shop.guest, "de").lines == ()
    assert merged == {
        variants[place]: min(99, guests.get(place, 0) + own.get(place, 0)) for place in guests.keys() | own.keys()
    }
