"""A person buys: on a product's page, from the cart, with the keyboard alone, and when others were quicker."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from shop import catalog, merchants
from shop.catalog import NewVariant
from shop.money import Money
from storage.clock import utcnow
from storage.database import Database
from storage.ids import new_id
from tests.end_to_end.conftest import Running

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
ADDRESS = {
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "street": "Große Elbstraße 12",
    "postcode": "22767",
    "city": "Hamburg",
}
ORDER = "Zahlungspflichtig bestellen"
Sell = Callable[..., str]


@pytest.fixture
def context(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    """A phone with a German browser that has never been here; other hosts are not asked and no script fails."""
    phone = browser.new_context(viewport=PHONE, locale="de-DE", base_url=running.url)
    phone.set_default_timeout(10_000)
    foreign: list[str] = []
    failures: list[str] = []
    phone.on("request", lambda request: foreign.append(request.url) if running.url not in request.url else None)
    phone.on("weberror", lambda error: failures.append(str(error.error)))
    phone.on(
        "console",
        lambda said: (
            failures.append(said.text) if said.type in ("error", "warning") and "status of 4" not in said.text else None
        ),
    )
    yield phone
    phone.close()
    assert [url for url in foreign if not url.startswith(("data:", "blob:"))] == []
    assert failures == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page of that phone."""
    return context.new_page()


@pytest.fixture
def sell(running: Running) -> Iterator[Sell]:
    """Put a product of its own on sale: sizes S and L in two colours, `stock` pieces of each; returns its id."""
    database = Database(f"sqlite:///{running.data_dir / 'vitrine.sqlite3'}")

    def put(title: str, stock: int) -> str:
        now = utcnow()
        colours = ({"de": "Rot", "en": "Red", "hex": "#c02040"}, {"de": "Blau", "en": "Blue", "hex": "#2040c0"})
        with database.writing() as tx:
            merchant_id = merchants.merchant_by_handle(tx, "probe") or merchants.add_merchant(tx, "probe", "Probeladen")
            return catalog.add_product(
                tx,
                merchant_id,
                new_id(),
                titles={"de": title, "en": f"{title} (en)"},
                descriptions={"de": "Zum Ausprobieren."},
                brand="Probe",
                category="kitchen",
                variants=[
                    NewVariant(new_id(), Money(price, "EUR"), {"size": size, "colour": colour}, stock)
                    for size, price in (("S", 1990), ("L", 2490))
                    for colour in colours
                ],
                now=now,
            )

    yield put
    database.dispose()


def button(page: Page, name: str | re.Pattern[str]):  # type: ignore[no-untyped-def]
    return page.get_by_role("button", name=name)


def fill_address(page: Page) -> None:
    for label, field in (
        ("Name", "name"),
        ("E-Mail-Adresse", "email"),
        ("Straße und Hausnummer", "street"),
        ("Postleitzahl", "postcode"),
        ("Ort", "city"),
    ):
        page.get_by_label(label, exact=True).fill(ADDRESS[field])


def variants_of(page: Page, product_id: str) -> dict[str, dict[str, object]]:
    answer = page.request.get(f"/v1/products/{product_id}?lang=de")
    return {variant["label"]: variant for variant in answer.json()["variants"]}


def somebody_else_buys(page: Page, running: Running, variant_id: object, pieces: int) -> None:
    persona = next(iter(running.demo["tokens"]["viewers"]))
    answer = page.request.post(
        "/v1/orders",
        data={"items": [{"variant_id": variant_id, "quantity": pieces}], "contact": ADDRESS},
        headers={**running.bearer(persona), "Idempotency-Key": new_id()},
    )
    assert answer.status == 201, answer.text()


def test_a_product_is_bought_at_once(page: Page, sell: Sell) -> None:
    product = sell("Krug", 5)
    page.goto(f"/products/{product}")
    page.get_by_role("radio", name="L", exact=True).check()
    page.get_by_role("radio", name="Blau", exact=True).check()
    expect(page.locator("[data-price]")).to_have_text("24,90 €")
    button(page, "Jetzt kaufen").click()
    expect(page.get_by_role("heading", name="Wohin?")).to_be_focused()
    expect(page.locator(".sums")).to_contain_text("29,80 €")
    button(page, ORDER).click()
    expect(page.get_by_role("alert")).to_have_text("Vervollständige deine Anschrift.")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_text("Nenn uns die Postleitzahl.")).to_be_visible()
    fill_address(page)
    button(page, ORDER).click()
    expect(page.get_by_role("heading", name=re.compile("Danke, deine Bestellung .* ist eingegangen"))).to_be_focused()
    stock = {label: variant["stock"] for label, variant in variants_of(page, product).items()}
    assert stock == {"S, Rot": 5, "S, Blau": 5, "L, Rot": 5, "L, Blau": 4}


def test_the_cart_is_changed_and_ordered(page: Page, sell: Sell) -> None:
    page.goto(f"/products/{sell('Kanne', 5)}")
    button(page, "In den Warenkorb").click()
    expect(page.get_by_role("link", name="Warenkorb (1)")).to_be_visible()
    page.goto(f"/products/{sell('Dose', 5)}")
    button(page, "In den Warenkorb").click()
    page.get_by_role("link", name="Warenkorb (2)").click()
    kanne = page.get_by_role("group", name="Menge von Kanne")
    kanne.get_by_role("button", name="Eins mehr").click()
    expect(page.get_by_role("link", name="Warenkorb (3)")).to_be_visible()
    expect(page.locator(".sum-total")).to_contain_text("59,70 €")
    expect(page.locator(".sums")).to_contain_text("kostenlos")
    page.get_by_role("group", name="Menge von Dose").get_by_role("button", name="Entfernen").click()
    expect(page.locator(".sum-total")).to_contain_text("44,70 €")
    page.reload()
    expect(page.locator(".cart-line")).to_have_count(1)
    fill_address(page)
    button(page, ORDER).click()
    page.wait_for_url("**/orders/*")
    expect(page.get_by_role("status").first).to_contain_text("Danke, deine Bestellung ist eingegangen.")
    expect(page.locator("main")).to_contain_text("Große Elbstraße 12")
    expect(page.locator(".sum-total")).to_contain_text("44,70 €")
    page.goto("/cart")
    expect(page.get_by_text("Dein Warenkorb ist leer.")).to_be_visible()
    # The next order does not ask for the address again.
    page.goto(f"/products/{sell('Tasse', 1)}")
    button(page, "Jetzt kaufen").click()
    expect(page.get_by_label("Ort", exact=True)).to_have_value("Hamburg")


def test_stock_goes_down_before_one_s_eyes(page: Page, running: Running, sell: Sell) -> None:
    product = sell("Schale", 6)
    page.goto(f"/products/{product}")
    expect(page.locator("[data-stock]")).to_have_text("Auf Lager")
    with page.expect_response("**/v1/stream"):
        page.reload()
    small_red = variants_of(page, product)["S, Rot"]["id"]
    somebody_else_buys(page, running, small_red, 4)
    expect(page.locator("[data-stock]")).to_have_text("Nur noch 2")
    somebody_else_buys(page, running, small_red, 2)
    expect(page.locator("[data-stock]")).to_have_text("Ausverkauft")
    expect(button(page, "Ausverkauft")).to_be_disabled()
    page.get_by_role("radio", name="L", exact=True).check()
    expect(button(page, "Jetzt kaufen")).to_be_enabled()


def test_who_is_too_late_hears_what_is_left(page: Page, running: Running, sell: Sell) -> None:
    product = sell("Vase", 3)
    small_red = variants_of(page, product)["S, Rot"]["id"]
    page.goto(f"/products/{product}")
    button(page, "Eins mehr").click()
    button(page, "Jetzt kaufen").click()
    fill_address(page)
    somebody_else_buys(page, running, small_red, 2)
    button(page, ORDER).click()
    expect(page.get_by_role("alert")).to_have_text("Es gibt weniger, als du möchtest. Es wurde nichts bestellt.")
    expect(page.locator(".buy-line")).to_contain_text("1 × Vase")
    somebody_else_buys(page, running, small_red, 1)
    button(page, ORDER).click()
    expect(page.get_by_role("alert")).to_have_text(
        "Etwas aus dieser Bestellung ist ausverkauft. Es wurde nichts bestellt."
    )
    expect(button(page, "Ausverkauft")).to_be_disabled()


def test_a_cart_with_too_many_pieces_offers_what_is_left(page: Page, running: Running, sell: Sell) -> None:
    product = sell("Teller", 3)
    page.goto(f"/products/{product}")
    button(page, "Eins mehr").click()
    button(page, "In den Warenkorb").click()
    page.get_by_role("link", name="Warenkorb (2)").click()
    fill_address(page)
    somebody_else_buys(page, running, variants_of(page, product)["S, Rot"]["id"], 2)
    button(page, ORDER).click()
    expect(page.get_by_role("alert")).to_contain_text("Es wurde nichts bestellt.")
    button(page, "1 nehmen").click()
    button(page, ORDER).click()
    page.wait_for_url("**/orders/*")


def test_buying_with_the_keyboard_alone(page: Page, sell: Sell) -> None:
    sell("Löffel", 5)
    page.goto("/products?q=löffel")
    reach(page, "Löffel")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Löffel")).to_be_visible()
    expect(button(page, "Jetzt kaufen")).to_be_visible()
    reach(page, "S", role="radio")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-price]")).to_have_text("24,90 €")
    reach(page, "Jetzt kaufen")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Wohin?")).to_be_focused()
    for value in ADDRESS.values():
        page.keyboard.press("Tab")
        assert_seen(page)
        page.keyboard.type(value)
    reach(page, ORDER)
    page.keyboard.press("Enter")
    # The page moves the focus when the order is there: Tab only counts from then on.
    expect(page.get_by_role("heading", name="Danke, deine Bestellung")).to_be_focused()
    reach(page, "Bestellung ansehen")
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    expect(opened.value.locator("main")).to_contain_text("24,90 €")


def test_both_languages_keep_the_place(page: Page, sell: Sell) -> None:
    path = f"/products/{sell('Becher', 5)}"
    page.goto(path)
    assert page.locator("html").get_attribute("lang") == "de"
    button(page, "English").click()
    page.wait_for_load_state()
    assert path in page.url
    expect(page.get_by_role("heading", name="Becher (en)")).to_be_visible()
    expect(page.locator("[data-price]")).to_have_text("€19.90")
    expect(page.get_by_role("group", name="Colour").get_by_text("Blue")).to_be_visible()
    button(page, "Deutsch").click()
    expect(page.locator("[data-price]")).to_have_text("19,90 €")


@pytest.fixture
def feed(browser: Browser, running: Running) -> Iterator[Page]:
    """The feed on a German touch screen."""
    phone = browser.new_context(viewport=PHONE, locale="de-DE", base_url=running.url, has_touch=True)
    page = phone.new_page()
    page.goto("/feed")
    page.click("#consent button[data-personalise=no]")
    page.wait_for_selector(".feed-item[data-current=true]")
    yield page
    phone.close()


def test_the_cart_is_one_tap_from_the_sheet_over_a_video(feed: Page) -> None:
    feed.locator("[data-current=true] .feed-card-face").click()
    sheet = feed.locator("dialog.product-sheet")
    sheet.get_by_role("button", name="In den Warenkorb").click()
    expect(sheet.get_by_role("button", name="Im Warenkorb")).to_be_visible()
    feed.get_by_role("status").get_by_role("link", name="Warenkorb").click()
    feed.wait_for_url("**/cart")
    expect(feed.locator(".cart-line")).to_have_count(1)


def test_more_in_the_feed_speaks_of_touch_and_of_languages(feed: Page) -> None:
    feed.locator("[data-current=true] .feed-action-help").click()
    sheet = feed.locator("dialog.sheet[open]")
    expect(sheet).to_contain_text("Wische nach oben")
    expect(sheet.locator(".feed-keys")).to_be_hidden()
    sheet.get_by_role("button", name="English").click()
    expect(feed.locator("html")).to_have_attribute("lang", "en")
    assert "/feed" in feed.url


def test_without_scripts_the_shop_can_be_read(browser: Browser, running: Running, sell: Sell) -> None:
    product = sell("Sieb", 5)
    plain = browser.new_context(java_script_enabled=False, locale="de-DE", base_url=running.url)
    page = plain.new_page()
    page.goto("/products?q=sieb")
    page.get_by_role("link", name="Sieb").click()
    expect(page.locator("main")).to_contain_text("ab 19,90 €")
    assert product in page.url
    plain.close()


def reach(page: Page, name: str, role: str = "", most: int = 60) -> None:
    """Press Tab until what has this name holds the focus, and see that each stop shows it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        assert_seen(page)
        at = page.evaluate(
            """() => { const at = document.activeElement; const label = at.labels?.[0] ?? at;
               return [at.getAttribute("role") ?? at.type ?? "", (at.ariaLabel || label.textContent || "").trim()]; }"""
        )
        if name in at[1] and role in at[0]:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def assert_seen(page: Page) -> None:
    """The focus has a ring and no bar lies over it (WCAG 2.4.7, 2.4.11)."""
    seen = page.evaluate(
        """() => {
          const at = document.activeElement;
          if (at === document.body) return "body";
          const ringed = at.type === "radio" ? at.nextElementSibling : at;
          const style = getComputedStyle(ringed);
          if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no ring: " + at.outerHTML;
          const box = ringed.getBoundingClientRect();
          const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
          if (top && (at.contains(top) || top.contains(at) || ringed.contains(top) || top.parentNode === at.parentNode))
            return "";
          return "covered by " + (top ? top.outerHTML.slice(0, 120) : "the edge") + ": " + at.outerHTML.slice(0, 120);
        }"""
    )
    assert seen in ("", "body"), seen
