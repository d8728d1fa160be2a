"""Editing a product: ids, stock and what was ordered stay, everything else may change."""

from typing import Any

import pytest

from shop import carts, catalog, editing, orders, stock
from shop.catalog import NewVariant
from shop.editing import EditedVariant
from shop.money import Money
from storage.errors import Conflict, NotFound, UserError


def variant(variant_id: str | None, label: str, sku: str, price: int = 990, pieces: int = 0) -> EditedVariant:
    return EditedVariant(variant_id, label, NewVariant(sku, Money(price, "EUR"), {"variant": label}, pieces))


def edit(shop, held: list[EditedVariant], **more: Any) -> str | None:
    given = {
        "titles": {"de": "Filterhalter", "en": "Dripper"},
        "descriptions": {"en": "Better."},
        "brand": "Isental",
        "category": "kitchen",
        "published": True,
        "locale": "de",
        "now": shop.now,
    }
    product_id, merchant_id = more.pop("product", shop.filter), more.pop("merchant", shop.herd)
    with shop.db.writing() as tx:
        return editing.edit_product(tx, product_id, merchant_id, held=held, **(given | more))


def test_texts_prices_and_order_change_and_ids_and_stock_stay(shop) -> None:
    first, second = shop.variants(shop.filter)
    # the two exchange their SKUs
    assert (
        edit(shop, [variant(second, "1 l, Kreide", "filter-0", 500), variant(first, "2 l, Kreide", "filter-1")]) is None
    )
    with shop.db.reading() as tx:
        german, english = (catalog.product(tx, shop.filter, locale) for locale in catalog.LOCALES)
        kept = editing.editable(tx, shop.filter, shop.herd, "en")
        assert [each.id for each in catalog.list_products(tx, "de", q="filterhalter isental")] == [shop.filter]
        assert catalog.list_products(tx, "de", q="filter norrbruk") == []
    assert (german.title, english.title, german.description, german.brand) == (
        "Filterhalter",
        "Dripper",
        "Better.",
        "Isental",
    )
    assert [(each.id, each.label, each.sku, each.price.amount, each.stock) for each in english.variants] == [
        (second, "1 l, Chalk", "filter-0", 500, 3),
        (first, "2 l, Chalk", "filter-1", 990, 5),
    ]
    assert english.variants[1].options[1].hex == "#EFE7DA"
    assert (kept.titles, kept.descriptions) == ({"de": "Filterhalter", "en": "Dripper"}, {"en": "Better."})


def test_variants_come_and_go(shop) -> None:
    first, second = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, second, 1, shop.now)
    edit(shop, [variant(first, "0 l, Kreide", "filter-0"), variant(None, "3 l, Chalk", "new", pieces=7)])
    with shop.db.reading() as tx:
        product = catalog.product(tx, shop.filter, "de")
        assert carts.cart(tx, shop.viewer, "de").lines == ()
    assert [(each.label, each.stock) for each in product.variants] == [("0 l, Kreide", 5), ("3 l, Kreide", 7)]


def test_what_was_ordered_cannot_be_removed(shop) -> None:
    first, second = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        order = orders.place(tx, shop.viewer, "k", "d", shop.contact, shop.now, lines={second: 1})
    with pytest.raises(Conflict) as caught:
        edit(shop, [variant(first, "0 l, Kreide", "filter-0")])
    assert (caught.value.code, caught.value.extra["variant"]) == ("variant-ordered", "1 l, Kreide")
    edit(shop, [variant(first, "0 l, Kreide", "a"), variant(second, "9 l, Kreide", "b", 1)])
    with shop.db.reading() as tx:
        assert orders.order(tx, shop.viewer, order.id) == order
        assert stock.level(tx, second) == 2


def test_mistakes_change_nothing(shop) -> None:
    first, second = shop.variants(shop.filter)
    good = [variant(first, "0 l, Kreide", "a"), variant(second, "1 l, Kreide", "b")]
    with shop.db.reading() as tx:
        before = catalog.product(tx, shop.filter, "de")
    for held, more, code in (
        (good, {"titles": {}}, "title"),
        ([], {}, "variants"),
        ([*good, good[0]], {}, "variants"),
        ([variant(first, "0 l", "a"), good[1]], {}, "options"),
        ([good[0], variant(second, "1 l, Kreide", "a")], {}, "variants"),
    ):
        with pytest.raises(UserError) as caught:
            edit(shop, held, **more)
        assert caught.value.code == code
    with shop.db.reading() as tx:
        assert catalog.product(tx, shop.filter, "de") == before


def test_products_and_variants_of_somebody_else_are_not_there(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    for more in ({"merchant": shop.wetter}, {"product": "nothing"}):
        with pytest.raises(NotFound):
            edit(shop, [variant(None, "x", "x")], **more)
    with pytest.raises(NotFound):
        edit(shop, [variant(kettle, "x", "x")])
    with shop.db.reading() as tx, pytest.raises(NotFound):
        editing.editable(tx, shop.filter, shop.wetter, "de")


def test_a_new_picture_gives_the_old_one_back(shop) -> None:
    first, second = shop.variants(shop.filter)
    held = [variant(first, "0 l, Kreide", "a"), variant(second, "1 l, Kreide", "b")]
    assert edit(shop, held, image="products/one.webp") is None
    assert edit(shop, held) is None
    assert edit(shop, held, image="products/two.webp") == "products/one.webp"
