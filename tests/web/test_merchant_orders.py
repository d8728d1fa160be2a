"""The merchant's orders: the newest first, page by page, and nothing of other shops."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop import catalog, merchants, orders
from shop.catalog import NewVariant, Product
from shop.contacts import Contact
from shop.money import Money
from storage import accounts
from storage.clock import utcnow
from web import merchant_orders
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]
Add = Callable[..., Product]
CONTACT = Contact("Ada <b>Byron</b>", "ada@example.org", "Weg 1", "20095", "Hamburg")


def buy(services: Services, person_id: str, key: str, lines: dict[str, int]) -> orders.Order:
    with services.db.writing() as tx:
        return orders.place(tx, person_id, key, key, CONTACT, utcnow(), lines=lines, locale="en")


def test_a_merchant_sees_what_it_has_to_send_and_no_more(
    merchant: TestClient, services: Services, add_product: Add
) -> None:
    assert "Nobody has ordered from your shop yet." in merchant.get("/merchant/orders?lang=en").text
    product, now = add_product(), utcnow()
    with services.db.writing() as tx:
        buyer = accounts.add_guest(tx, "de", now)
        other = merchants.add_merchant(tx, "other", "Other")
        lamp = catalog.add_product(
            tx,
            other,
            "lamp",
            titles={"en": "Lamp of another shop"},
            descriptions={},
            brand="X",
            category="living",
            variants=[NewVariant("lamp", Money(7700, "EUR"), {}, 9)],
            now=now,
        )
        lamp_variant = catalog.product(tx, lamp, "en").variants[0].id
    small, large = product.variants
    order = buy(services, buyer, "k", {small.id: 2, lamp_variant: 1, large.id: 1})
    foreign = buy(services, buyer, "l", {lamp_variant: 1})
    page = merchant.get("/merchant/orders?lang=en").text
    for words in (order.number, "Ada &lt;b&gt;Byron", "20095 Hamburg", "Germany", "Cup mug", "2 ×", "€39.80", "€64.70"):
        assert words in page, words
    for words in ("Lamp of another shop", "77.00", foreign.number):
        assert words not in page, words
    assert merchant.post(f"/merchant/orders/{foreign.id}/sent", data={"sent": "1"}).status_code == 404
    page = merchant.post(f"/merchant/orders/{order.id}/sent", data={"sent": "1", "state": "open"}).text
    assert f"Order {order.number} is marked as sent" in page
    assert "Nothing is waiting to be sent" in page
    page = merchant.get("/merchant/orders?state=sent&lang=de").text
    assert "Becher mug" in page
    assert "Als verschickt markieren" not in page
    with services.db.writing() as tx:
        orders.erase(tx, buyer)
    page = merchant.get("/merchant/orders?lang=en&state=sent").text
    assert "the address with it" in page
    assert "Ada" not in page.split("sold-orders")[1]


def test_older_orders_are_on_the_next_page(merchant: TestClient, services: Services, add_product: Add) -> None:
    product = add_product(stock=50)
    with services.db.writing() as tx:
        buyer = accounts.add_guest(tx, "de", utcnow())
    count = merchant_orders.PAGE + 1
    numbers = [buy(services, buyer, str(each), {product.variants[0].id: 1}) for each in range(count)]
    page = merchant.get("/merchant/orders").text
    assert [page.index(each.number) for each in numbers[:0:-1]] == sorted(
        page.index(each.number) for each in numbers[1:]
    )
    assert numbers[0].number not in page
    path = f"/merchant/orders?state=open&after={numbers[1].id}"
    assert path.replace("&", "&amp;") in page
    older = merchant.get(path).text
    assert numbers[0].number in older
    assert numbers[1].number not in older
    assert "after=" not in older


def test_only_merchants_see_orders(client: TestClient, sign_in: SignIn) -> None:
    sign_in(client, "viewer")
    assert client.get("/merchant/orders").status_code == 403
