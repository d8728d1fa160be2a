"""Every screen against axe's rules, in both languages, on a phone and on a desk, and without scrolling at 320 px."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.end_to_end.conftest import Running

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS = ("serious", "critical")
WIDTHS = {390: 844, 1440: 900}
SETTLED = """() => Promise.all(document.getAnimations().map((each) =>
  each.effect.getComputedTiming().iterations === Infinity ? null : each.finished.catch(() => null)))"""
# WCAG 1.4.10: content reflows down to this width.
NARROWEST = 320


@dataclass(frozen=True)
class Look:
    """How a person looks at the pages."""

    language: str
    width: int
    colours: str = "light"

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.colours}"


# Each language, width and colour scheme meets each screen; not each combination of the three.
LOOKS = [Look("de", 390), Look("en", 1440, "dark")]
BOTH = pytest.mark.parametrize("look", LOOKS, ids=str)


@pytest.fixture
def context(browser: Browser, running: Running, look: Look) -> Iterator[BrowserContext]:
    """A browser that looks so."""
    size = {"width": look.width, "height": WIDTHS[look.width]}
    one = browser.new_context(viewport=size, locale=look.language, color_scheme=look.colours, base_url=running.url)  # type: ignore[arg-type]
    one.set_default_timeout(10_000)
    yield one
    one.close()


def enter(page: Page, running: Running, who: str) -> None:
    """Become one of the demo's people as a visitor does."""
    page.goto("/sign-in")
    page.locator("button.persona", has_text=who).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def complaints(page: Page, path: str, look: Look, settled: str = "main h1") -> list[str]:
    """Open a screen and return what is wrong with it."""
    page.goto(path)
    page.locator(settled).first.wait_for(state="attached")
    assert page.locator("html").get_attribute("lang") == look.language, path
    return found_on(page, path, look)


def found_on(page: Page, path: str, look: Look) -> list[str]:
    """Return the serious findings on the page as it is, and whether it scrolls sideways."""
    # What moves is judged where it comes to rest; a film that never ends is not waited for.
    page.evaluate(SETTLED)
    answer = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response
    found = [
        f"{path}: {rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in answer["violations"]
        for node in rule["nodes"]
        if (node["impact"] or rule["impact"]) in SERIOUS
    ]
    if look.width == min(WIDTHS):
        page.set_viewport_size({"width": NARROWEST, "height": 640})
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if beyond > 0:
            found.append(f"{path}: {beyond} px beyond {NARROWEST}")
        page.set_viewport_size({"width": look.width, "height": WIDTHS[look.width]})
    return found


@BOTH
def test_the_shop(context: BrowserContext, running: Running, look: Look) -> None:
    page = context.new_page()
    found = []
    for path in (
        "/",
        "/products",
        "/products?q=nichtda",
        "/sign-in",
        "/sign-up",
        "/impressum",
        "/datenschutz",
        "/cart",
    ):
        found += complaints(page, path, look)
    found += complaints(page, "/products/nothing", look)
    product = page.request.get("/v1/products?limit=1").json()["items"][0]
    found += complaints(page, f"/products/{product['id']}", look, ".buy-actions")
    page.locator(".buy-actions .button-plain").click()
    page.locator(".toast").wait_for()
    page.locator(".buy-actions .button").first.click()
    page.locator(".buy-go .button").first.click()
    page.get_by_role("alert").wait_for()
    found += found_on(page, "the order form with mistakes", look)
    found += complaints(page, "/cart", look, ".cart-line")
    for field, value in (
        ("name", "Ada"),
        ("email", "a@example.org"),
        ("street", "Weg 1"),
        ("postcode", "12345"),
        ("city", "Ort"),
    ):
        page.fill(f"#contact-{field}", value)
    page.locator("form .button-wide").click()
    page.wait_for_url("**/orders/*")
    found += found_on(page, "the order", look)
    assert found == []


@BOTH
def test_the_viewer_s_screens(context: BrowserContext, running: Running, look: Look) -> None:
    page = context.new_page()
    found = complaints(page, "/feed", look, "#consent[open]")
    page.locator("#consent [data-personalise=no]").click()
    page.locator("video").first.wait_for(state="attached")
    found += found_on(page, "/feed", look)
    for path in ("/live", "/account"):
        found += complaints(page, path, look)
    found += complaints(page, f"/live/{running.demo['room']}", look, "main video")
    page.goto(f"/sign-in?lang={look.language}")
    enter(page, running, "Mia")
    found += complaints(page, f"/me/interests?lang={look.language}", look)
    assert found == []


@BOTH
def test_the_host_s_screens(context: BrowserContext, running: Running, look: Look) -> None:
    page = context.new_page()
    page.goto(f"/sign-in?lang={look.language}")
    enter(page, running, "Lena Brandt")
    found = []
    for path in ("/studio", "/account"):
        found += complaints(page, f"{path}?lang={look.language}", look)
    assert found == []


@BOTH
@pytest.mark.parametrize(
    ("who", "paths"),
    [
        (
            "Theo Falk",
            (
                "/merchant",
                "/merchant/products",
                "/merchant/products/new",
                "/merchant/customers",
                "/merchant/experiments",
            ),
        ),
        ("Oskar Wendt", ("/operator",)),
    ],
    ids=["merchant", "operator"],
)
def test_the_screens_of_those_who_run_it(
    context: BrowserContext, running: Running, look: Look, who: str, paths: tuple[str, ...]
) -> None:
    page = context.new_page()
    enter(page, running, who)
    found = []
    for path in paths:
        found += complaints(page, f"{path}?lang={look.language}", look)
    assert found == []
