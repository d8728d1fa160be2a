"""Products in two languages, search and what ranking is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shop import catalog, categories, stock
from shop.money import Money
from storage.errors import Conflict, NotFound, UserError


def test_a_product_speaks_both_languages(shop) -> None:
    with shop.db.reading() as tx:
        german, english = (catalog.product(tx, shop.filter, locale) for locale in ("de", "en"))
    assert (german.title, german.category_name, german.merchant) == ("filter de", "Küche", "Stube & Herd")
    assert (english.title, english.category_name) == ("filter en", "Kitchen")
    assert english.description == "Gut.", "a text that is missing falls back to the other language"
    first = english.variants[0]
    assert first.label == "0 l, Chalk"
    assert first.options[1] == catalog.Option("colour", "Chalk", "#EFE7DA")
    assert first.price == Money(2490, "EUR")
    assert [variant.stock for variant in english.variants] == [5, 3]
    assert english.stock == 8


def test_the_shown_price_is_of_what_can_be_bought(shop) -> None:
    cheap, dear = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        assert catalog.product(tx, shop.filter, "de").price.amount == 2490
        stock.take(tx, cheap, 5, shop.now)
        assert catalog.product(tx, shop.filter, "de").price.amount == 2590
        stock.take(tx, dear, 3, shop.now)
        assert catalog.product(tx, shop.filter, "de").price.amount == 2490


def test_a_category_without_a_name_shows_its_handle(shop) -> None:
    with shop.db.writing() as tx:
        assert catalog.product(tx, shop.jacket, "de").category_name == "outdoor"
        categories.name_category(tx, "outdoor", {"en": "Outdoors"})
        assert catalog.product(tx, shop.jacket, "de").category_name == "Outdoors"
        assert categories.category_names(tx, "de") == {"kitchen": "Küche", "outdoor": "Outdoors"}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("FILTER", {"filter"}),
        ("größe", {"kettle"}),
        ("GRÖSSE teekanne", {"kettle"}),
        ("küche norrbruk", {"filter", "kettle"}),
        ("regenwerk", {"jacket"}),
        ("regenwerk küche", set()),
        ("%", set()),
        ("_", set()),
        ("  ", {"filter", "kettle", "jacket"}),
    ],
)
def test_search_asks_for_every_word(shop, q: str, found: set[str]) -> None:
    with shop.db.reading() as tx:
        assert {each.handle for each in catalog.list_products(tx, "de", q=q)} == found


def test_listing_goes_on_below_the_last_id(shop) -> None:
    with shop.db.reading() as tx:
        first = catalog.list_products(tx, "de", limit=2)
        rest = catalog.list_products(tx, "de", limit=2, after=first[-1].id)
        mine = catalog.list_products(tx, "de", merchant_id=shop.wetter)
    assert [each.handle for each in first + rest] == ["jacket", "kettle", "filter"]
    assert [each.handle for each in mine] == ["jacket"]


def test_what_is_not_published_is_its_merchants_alone(shop) -> None:
    with shop.db.writing() as tx:
        catalog.publish(tx, shop.filter, shop.herd, False)
        with pytest.raises(NotFound):
            catalog.product(tx, shop.filter, "de")
        with pytest.raises(NotFound):
            catalog.product(tx, shop.filter, "de", merchant_id=shop.wetter)
        assert catalog.product(tx, shop.filter, "de", merchant_id=shop.herd).handle == "filter"
        assert shop.filter not in catalog.facts(tx)
        assert len(catalog.list_products(tx, "de", merchant_id=shop.herd)) == 1
        assert len(catalog.list_products(tx, "de", merchant_id=shop.herd, drafts=True)) == 2
        with pytest.raises(NotFound):
            catalog.publish(tx, shop.filter, shop.wetter, True)


def test_facts_for_ranking(shop) -> None:
    with shop.db.reading() as tx:
        facts = catalog.facts(tx)
    assert facts.keys() == {shop.filter, shop.kettle, shop.jacket}
    assert facts[shop.jacket] == catalog.ProductFacts(shop.jacket, shop.wetter, "outdoor", "Regenwerk", shop.now, 4)
    assert facts[shop.filter].stock == 8


def test_many_by_id_keep_their_order_and_leave_out_the_unknown(shop) -> None:
    wanted = [shop.jacket, "nothing", shop.filter, shop.jacket]
    with shop.db.reading() as tx:
        assert list(catalog.by_id(tx, wanted, "de")) == [shop.jacket, shop.filter]
        assert catalog.products_of(tx, wanted, shop.herd) == {shop.filter}
        assert catalog.by_variant(tx, shop.variants(shop.jacket), "de").popitem()[1].id == shop.jacket


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"titles": {}}, "title"),
        ({"titles": {"de": "  "}}, "title"),
        ({"titles": {"en": "x" * 151}}, "title"),
        ({"descriptions": {"de": "x" * 5001}}, "description"),
        ({"variants": []}, "variants"),
        ({"price": -1}, "price"),
        ({"currencies": True}, "price"),
        ({"twins": True}, "variants"),
        ({"stock": -1}, "quantity"),
    ],
)
def test_bad_products_name_the_field(shop, change: dict[str, object], field: str) -> None:
    one = catalog.NewVariant("a", Money(100, "EUR"), {})
    given = {
        "titles": {"de": "Ding"},
        "descriptions": {},
        "brand": "",
        "category": "kitchen",
        "variants": [one],
        "now": shop.now + timedelta(days=1),
    }
    if "price" in change:
        change = {"variants": [replace(one, price=Money(-1, "EUR"))]}
    elif "currencies" in change:
        change = {"variants": [one, catalog.NewVariant("b", Money(100, "CHF"), {})]}
    elif "twins" in change:
        change = {"variants": [one, one]}
    elif "stock" in change:
        change = {"variants": [replace(one, stock=-1)]}
    with pytest.raises(UserError) as caught, shop.db.writing() as tx:
        catalog.add_product(tx, shop.herd, "thing", **(given | change))
    assert caught.value.extra["field"] == field
    with shop.db.reading() as tx:
        assert catalog.product_by_handle(tx, shop.herd, "thing") is None


def test_handles_are_unique_within_a_merchant(shop) -> None:
    with shop.db.writing() as tx:
        shop.add(tx, shop.wetter, "filter", [1])
        with pytest.raises(Conflict):
            shop.add(tx, shop.wetter, "filter", [1])
