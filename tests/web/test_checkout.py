"""Products, cart and orders over HTTP."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop import shows
from shop.carts import SHIPPING
from shop.catalog import Product
from storage.clock import utcnow
from web.services import Services

CONTACT = {"name": "Ada", "email": "ada@example.org", "street": "Weg 1", "postcode": "20095", "city": "Hamburg"}
Add = Callable[..., Product]


def order(client: TestClient, key: str, variant_id: str, quantity: int = 1, **extra: object):  # type: ignore[no-untyped-def]
    body = {"items": [{"variant_id": variant_id, "quantity": quantity}], "contact": CONTACT, **extra}
    return client.post("/v1/orders", json=body, headers={"Idempotency-Key": key})


def test_products_are_listed_searched_and_shown(client: TestClient, add_product: Add) -> None:
    mug, lamp = add_product("mug"), add_product("lamp", category="living")
    found = client.get("/v1/products?limit=1").json()
    assert [item["id"] for item in found["items"]] == [lamp.id]
    assert [item["id"] for item in client.get(f"/v1/products?after={found['next']}").json()["items"]] == [mug.id]
    assert [item["title"] for item in client.get("/v1/products?q=becher+mug").json()["items"]] == ["Becher mug"]
    one = client.get(f"/v1/products/{mug.id}").json()
    assert one["price"] == {"amount": 1990, "currency": "EUR"}
    assert [variant["stock"] for variant in one["variants"]] == [5, 5]
    assert client.get("/v1/products?limit=1000").status_code == 422
    for path in ("/products", f"/products/{mug.id}", "/", "/cart", "/impressum", "/datenschutz"):
        page = client.get(path)
        assert page.status_code == 200, path
    assert "19,90" in client.get(f"/products/{mug.id}").text
    assert "inkl.\u00a0MwSt., zzgl." in client.get(f"/products/{mug.id}").text


def test_reading_the_cart_makes_no_session(client: TestClient) -> None:
    assert client.get("/v1/cart/items").json()["count"] == 0
    assert "set-cookie" not in client.get("/v1/cart/items").headers


def test_a_cart_is_filled_changed_and_emptied(client: TestClient, add_product: Add) -> None:
    variant = add_product().variants[0].id
    path = f"/v1/cart/items/{variant}"
    assert client.post("/v1/cart/items", json={"variant_id": variant, "quantity": 2}).json()["count"] == 2
    cart = client.put(path, json={"variant_id": variant, "quantity": 3}).json()
    assert (cart["goods"]["amount"], cart["shipping"]["amount"], cart["total"]["amount"]) == (5970, 0, 5970)
    assert client.put(path, json={"variant_id": variant, "quantity": 0}).status_code == 422
    assert client.delete(path).json()["count"] == 0


def test_one_key_is_one_order(client: TestClient, add_product: Add) -> None:
    product = add_product()
    first = order(client, "k1", product.variants[0].id, 2)
    second = order(client, "k1", product.variants[0].id, 2)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert client.get(f"/v1/products/{product.id}").json()["variants"][0]["stock"] == 3
    other = order(client, "k1", product.variants[0].id, 1)
    assert other.status_code == 409
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    page = client.get(f"/orders/{first.json()['id']}?placed")
    assert "Danke" in page.text


def test_an_order_without_a_key_is_refused(client: TestClient, add_product: Add) -> None:
    body = {"items": [{"variant_id": add_product().variants[0].id}], "contact": CONTACT}
    assert client.post("/v1/orders", json=body).status_code == 400


def test_more_than_there_is_says_what_is_left(client: TestClient, add_product: Add) -> None:
    variant = add_product(stock=3).variants[0].id
    answer = order(client, "k", variant, 4)
    assert answer.status_code == 409
    assert answer.json()["left"] == 3
    assert answer.json()["lines"][0]["wanted"] == 4
    assert order(client, "k2", variant, 3).status_code == 201
    sold_out = order(client, "k3", variant, 1)
    assert (sold_out.status_code, sold_out.json()["type"]) == (409, "/problems/sold-out")


def test_the_total_that_was_seen_is_the_total_that_is_ordered(client: TestClient, add_product: Add) -> None:
    variant = add_product().variants[0].id
    answer = order(client, "k", variant, 1, total={"amount": 1, "currency": "EUR"})
    assert answer.status_code == 409
    assert answer.json()["total"] == {"amount": 2480, "currency": "EUR"}
    assert order(client, "k", variant, 1, total=answer.json()["total"]).status_code == 201


def test_a_missing_address_is_named_field_by_field(client: TestClient, add_product: Add) -> None:
    body = {"items": [{"variant_id": add_product().variants[0].id}], "contact": {"name": "Ada"}}
    answer = client.post("/v1/orders", json=body, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert set(answer.json()["fields"]) == {"email", "street", "postcode", "city"}


def test_orders_are_one_s_own(client: TestClient, add_product: Add, app: object) -> None:
    placed = order(client, "k", add_product().variants[0].id).json()["id"]
    assert [each["id"] for each in client.get("/v1/orders").json()["items"]] == [placed]
    client.cookies.clear()
    assert client.get(f"/v1/orders/{placed}").status_code == 404


def test_nonsense_is_a_clear_error(client: TestClient) -> None:
    for content in (b"{", b"[]", b"null", b'{"quantity": 1}', b"\xff"):
        answer = client.post("/v1/cart/items", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.json()["detail"]
    assert client.post("/v1/cart/items", content=b"<a/>", headers={"Content-Type": "text/xml"}).status_code == 415


def test_an_address_is_not_written_twice(client: TestClient, add_product: Add) -> None:
    assert client.get("/v1/me/contact").json()["city"] == ""
    order(client, "k", add_product().variants[0].id)
    assert client.get("/v1/me/contact").json() == {**CONTACT, "country": "DE"}
    client.cookies.clear()
    assert client.get("/v1/me/contact").json()["city"] == ""


def test_shipping_is_told_from_its_one_rule(client: TestClient, add_product: Add) -> None:
    product = client.get(f"/v1/products/{add_product().id}").json()
    assert product["shipping"] == {
        "flat": {"amount": SHIPPING.flat, "currency": "EUR"},
        "free_from": {"amount": SHIPPING.free_from, "currency": "EUR"},
    }
    for path in ("/impressum", f"/products/{product['id']}"):
        german, english = client.get(f"{path}?lang=de").text, client.get(f"{path}?lang=en").text
        assert "4,90\xa0€" in german, path
        assert "50,00\xa0€" in german, path
        assert "€4.90" in english, path


def test_a_product_is_shown_with_others_and_its_live_room(
    client: TestClient, services: Services, add_product: Add, sign_in: Callable[..., str]
) -> None:
    mug, lamp = add_product("mug"), add_product("lamp", category="living")
    host_id = sign_in(client, "host", name="Lena")
    with services.db.writing() as tx:
        show = shows.plan(tx, host_id, "Mugs", [mug.id], utcnow())
        shows.set_state(tx, show.id, "live", utcnow())
    page = client.get(f"/products/{mug.id}").text
    assert f'href="/live/{show.id}"' in page
    assert f'href="/products/{lamp.id}"' in page
    assert f'href="/live/{show.id}"' not in client.get(f"/products/{lamp.id}").text
    assert f'href="/live/{show.id}"' in client.get("/").text


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1" * 5000])
def test_an_odd_number_of_products_is_refused(client: TestClient, limit: str) -> None:
    assert client.get(f"/v1/products?limit={limit}").status_code == 422
