"""A cart that another tab has changed: the page that comes back shows it, and an order of the old one is refused."""

import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.conftest import Running

pytestmark = pytest.mark.browser

# A headless browser never hides a tab, so it is told that one came back.
COME_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


def test_a_tab_that_comes_back_shows_what_another_one_has_put_in(browser: Browser, running: Running) -> None:
    person = browser.new_context(locale="en", base_url=running.url, extra_http_headers={"Origin": running.url})
    cart = person.new_page()
    cart.goto("/cart")
    expect(cart.get_by_text("Your cart is empty.")).to_be_visible()
    product = person.request.get("/v1/products?limit=1").json()["items"][0]
    variant = person.request.get(f"/v1/products/{product['id']}").json()["variants"][0]
    put = person.request.post("/v1/cart/items", data={"variant_id": variant["id"], "quantity": 1})
    assert put.ok
    cart.evaluate(COME_BACK)
    expect(cart.locator(".cart-line output")).to_have_text("1")
    expect(cart.locator("[data-cart-count]")).to_have_text("1")
    expect(cart.get_by_text("incl. VAT and shipping")).to_be_visible()

    other = person.new_page()
    other.goto("/products")
    expect(other.locator("[data-cart-count]")).to_have_text("1")
    path = f"/v1/cart/items/{variant['id']}"
    assert person.request.put(path, data={"variant_id": variant["id"], "quantity": 2}).ok
    other.evaluate(COME_BACK)
    expect(other.locator("[data-cart-count]")).to_have_text("2")
    for field, value in (("name", "Ada"), ("email", "ada@example.org"), ("street", "Weg 1"), ("city", "Hamburg")):
        cart.fill(f"#contact-{field}", value)
    cart.fill("#contact-postcode", "ABC😀")
    cart.locator("form .button-wide").click()
    expect(cart.get_by_text("A German postcode has five digits.")).to_be_visible()
    cart.fill("#contact-postcode", "20095")
    cart.locator("form .button-wide").click()
    expect(cart.get_by_text("The total has changed. Look at it again, then order.")).to_be_visible()
    expect(cart.locator(".cart-line output")).to_have_text("2")
    cart.locator("form .button-wide").click()
    cart.wait_for_url("**/orders/*")
    person.close()
