"""The first page: new things for everybody, the best for who has a profile and wants it."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop.catalog import Product
from storage.ids import new_id

pytestmark = pytest.mark.slow


def test_the_first_page_follows_the_interests_of_who_wants_that(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product]
) -> None:
    lamp = add_product("lamp", category="living", brand="Licht")
    for number in range(3):
        add_product(f"mug{number}")

    def page() -> str:
        return client.get("/?lang=en").text

    assert "New in the shops" in page()
    sign_in(client)
    assert "New in the shops" in page()
    client.put("/v1/me/consent", json={"purposes": {"personalise": True}, "source": "test"})
    for name in ("Product Viewed", "Video Liked", "Product Clicked"):
        event = {"messageId": new_id(), "event": name, "properties": {"product_id": lamp.id}}
        client.post("/v1/batch", json={"batch": [event]})
    text = page()
    assert "Chosen for you" in text
    assert 'href="/me/interests"' in text
    listed = text[text.index('class="product-grid"') :]
    assert listed.index("Cup lamp") < listed.index("Cup mug")
    assert text.index('id="products-title"') < text.index('id="rooms-title"')
    client.patch("/v1/me/profile", json={"personalised": False})
    assert "New in the shops" in page()
