"""Advertising: merchants start and stop their own, operators stop any, viewers switch it off."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop import catalog, merchants
from shop.catalog import NewVariant
from shop.money import Money
from storage.clock import utcnow
from web.services import Services

pytestmark = pytest.mark.slow


def add_product(services: Services, handle: str) -> tuple[str, str]:
    """A shop with one product."""
    with services.db.writing() as tx:
        merchant = merchants.add_merchant(tx, handle, handle)
        product = catalog.add_product(
            tx,
            merchant,
            handle,
            titles={"de": handle},
            descriptions={"de": "Gut."},
            brand="Norrbruk",
            category="living",
            variants=[NewVariant(handle, Money(100, "EUR"), {}, 5)],
            now=utcnow(),
        )
    return merchant, product


def test_a_merchant_advertises_what_is_theirs_and_an_operator_stops_it(
    client: TestClient, services: Services, sign_in: Callable[..., str]
) -> None:
    hut, hat = add_product(services, "hut")
    _, bag = add_product(services, "bag")
    assert client.get("/v1/promotions").status_code == 401
    sign_in(client, "merchant", merchant=hut)
    assert "Nothing is advertised." in client.get("/merchant/promotions?lang=en").text
    wish = {"product_id": hat, "strength": 0.5, "days": 7}
    assert client.post("/v1/promotions", json={**wish, "product_id": bag}).status_code == 404
    assert client.post("/v1/promotions", json={**wish, "strength": 0.3}).status_code == 422
    made = client.post("/v1/promotions", json=wish)
    assert (made.status_code, made.json()["running"], made.json()["most_added"]) == (201, True, 0.15)
    page = client.get("/merchant/promotions?lang=en").text
    assert "Stop advertising hut" in page
    form = {"act": "new", "product_id": hat, "strength": "0.5", "days": "7"}
    assert client.post("/merchant/promotions", data=form).status_code == 409
    sign_in(client, "operator", name="Op")
    assert client.delete(f"/v1/promotions/{made.json()['id']}").status_code == 204
    assert [each["running"] for each in client.get("/v1/promotions").json()["promotions"]] == [False]
    assert client.delete("/v1/promotions/nothing").status_code == 404


def test_a_viewer_wants_no_advertising(client: TestClient, sign_in: Callable[..., str]) -> None:
    sign_in(client)
    assert client.get("/v1/me/profile").json()["promoted"] is True
    page = client.post("/me/interests?lang=en", data={"act": "promoted", "to": "off"})
    assert page.url.params["done"] == "promoted-off"
    assert client.get("/v1/me/profile").json()["promoted"] is False
