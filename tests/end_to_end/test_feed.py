"""The feed in a real browser, over the demo shop."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from storage.ids import new_id
from tests.end_to_end.conftest import Running

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
CURRENT = ".feed-item[data-current=true]"
FRAMES_A_SECOND = 30
Open = Callable[..., Page]


@pytest.fixture
def visit(running: Running, browser: Browser) -> Iterator[Open]:
    """Open the feed in a browser of its own, English, with the question of consent answered."""
    contexts = []

    def open_feed(answer: str = "yes", path: str = "/feed?lang=en", viewport: Any = PHONE, **options: Any) -> Page:
        context = browser.new_context(viewport=viewport, locale="en", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: pytest.fail(f"the page broke: {error}"))
        page.on("request", lambda request: _stays_here(request.url, running.url))
        page.goto(running.url + path)
        if answer:
            page.click(f"#consent button[data-personalise={answer}]")
            expect(page.locator("#consent")).to_be_hidden()
        page.wait_for_selector(CURRENT)
        return page

    yield open_feed
    for context in contexts:
        context.close()


def _stays_here(url: str, home: str) -> None:
    assert url.startswith((home, "data:", "blob:")), f"{url} is somebody else's"


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true; Playwright's own wait evaluates in the page, which our policy forbids."""
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never became true: {expression}")


def plays(page: Page) -> None:
    """Wait until the video in view runs."""
    until(page, f"document.querySelector('{CURRENT} video')?.currentTime > 0.3")


def categories_ahead(page: Page) -> list[str]:
    """Return the categories of the videos after the one in view."""
    found: list[str] = page.evaluate(
        f"[...document.querySelectorAll('{CURRENT} ~ .feed-item')].map((item) => item.dataset.category)"
    )
    return found


def finish(page: Page) -> None:
    """Let the video in view come to its end, jumping over its middle, and wait until the service has heard of it."""
    plays(page)
    with page.expect_response(lambda response: _tells(response.request, "Video Content Completed")):
        page.evaluate(
            f"""() => {{
                const video = document.querySelector('{CURRENT} video');
                video.currentTime = video.duration - 0.4;
            }}"""
        )


def _tells(request: Any, event: str) -> bool:
    return request.url.endswith("/v1/batch") and event in (request.post_data or "")


def _renews(response: Any) -> bool:
    # Asked for one video the page wants to know of live rooms only.
    return "/v1/feed?" in response.url and "after=" not in response.url and not response.url.endswith("limit=1")


def go_on(page: Page) -> None:
    """Go to the next video by keyboard and wait until it is in its place: a click on the way would hit another one."""
    before = page.get_attribute(CURRENT, "data-place")
    page.keyboard.press("ArrowDown")
    top = "querySelector('.feed-scroller').getBoundingClientRect().top"
    arrived = f"Math.abs(now.getBoundingClientRect().top - document.{top}) < 2"
    until(page, f"(now => now.dataset.place !== '{before}' && {arrived})(document.querySelector('{CURRENT}'))")


def test_a_video_plays_to_its_end_with_every_frame(visit: Open) -> None:
    page = visit()
    plays(page)
    result = page.evaluate(
        f"""() => new Promise((done) => {{
            const video = document.querySelector('{CURRENT} video');
            let waited = 0;
            const whole = () => video.buffered.length > 0 && video.buffered.end(0) >= video.duration - 0.1;
            video.addEventListener('waiting', () => whole() && waited++);
            video.addEventListener('error', () => done({{ error: video.error?.message }}));
            video.addEventListener('ended', () => done({{
                frames: video.getVideoPlaybackQuality().totalVideoFrames, seconds: video.duration, waited,
            }}), {{ capture: true, once: true }});
        }})"""
    )
    assert result.get("error") is None
    assert abs(result["frames"] - result["seconds"] * FRAMES_A_SECOND) <= 2
    assert result["waited"] == 0
    # It begins again
    until(
        page,
        f"(() => {{ const v = document.querySelector('{CURRENT} video'); return !v.paused && v.currentTime < 5 }})()",
    )


def test_consent_is_asked_once_with_equal_buttons(visit: Open) -> None:
    page = visit(answer="")
    buttons = page.locator("#consent button")
    boxes = [buttons.nth(number).bounding_box() for number in range(2)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
    styles = "(each) => { const s = getComputedStyle(each); return [s.backgroundColor, s.color, s.fontWeight]; }"
    assert buttons.nth(0).evaluate(styles) == buttons.nth(1).evaluate(styles)
    page.get_by_role("button", name="No thanks").click()
    expect(page.locator("a.feed-note")).to_have_text("Not personalised")
    page.reload()
    page.wait_for_selector(CURRENT)
    assert page.locator("#consent").count() == 0
    plays(page)


def test_without_consent_no_event_leaves_the_browser(visit: Open) -> None:
    page = visit(answer="no")
    sent: list[str] = []
    page.on("request", lambda request: request.url.endswith("/v1/batch") and sent.append(request.url))
    plays(page)
    page.keyboard.press("l")
    go_on(page)
    page.wait_for_timeout(300)
    assert sent == []


def test_the_card_and_the_reason_are_there(visit: Open) -> None:
    page = visit()
    card = page.locator(f"{CURRENT} .feed-card")
    expect(card).to_contain_text("incl. VAT, plus shipping")
    expect(card).to_contain_text("€")
    expect(card.get_by_role("button", name="Add to cart")).to_be_enabled()
    page.locator(f"{CURRENT} .feed-rail").get_by_role("button", name="Why?").click()
    sheet = page.get_by_role("dialog", name="Why am I seeing this?")
    expect(sheet.locator(".feed-reasons li").first).not_to_be_empty()
    expect(sheet).to_contain_text("What comes next")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_three_completions_raise_the_category_on_the_page(visit: Open) -> None:
    page = visit()
    category = page.get_attribute(CURRENT, "data-category")
    before = categories_ahead(page)[:10].count(category or "")
    for _ in range(3):
        # The same ten may well come again in a small shop: that they are asked for anew is what each completion brings.
        with page.expect_response(_renews):
            finish(page)
        for _ in range(12):
            go_on(page)
            if page.get_attribute(CURRENT, "data-category") == category:
                break
    until(
        page,
        f"""() => [...document.querySelectorAll('{CURRENT} ~ .feed-item')].slice(0, 10)
            .filter((item) => item.dataset.category === '{category}').length >= {before} + 2""",
    )
    page.locator(f"{CURRENT} .feed-rail").get_by_role("button", name="Why?").click()
    expect(page.locator(".feed-reasons")).to_contain_text(re.compile("You watched (“.+”|this) to the end"))
    expect(page.locator(".feed-mix dt").first).to_be_visible()


def test_not_interested_in_a_brand_takes_it_away(visit: Open) -> None:
    page = visit()
    brand = page.get_attribute(CURRENT, "data-brand")
    page.locator(f"{CURRENT} .feed-rail").get_by_role("button", name="Not for me").click()
    with page.expect_response(lambda response: "/v1/feed" in response.url):
        page.get_by_role("button", name="Nothing of this brand").click()
    gone = f"![...document.querySelectorAll('.feed-item')].some((item) => item.dataset.brand === {json.dumps(brand)})"
    until(page, gone)
    plays(page)
    for _ in range(3):
        go_on(page)
    assert page.evaluate(gone)


def test_not_interested_is_taken_back(visit: Open) -> None:
    page = visit()
    plays(page)
    video = page.get_attribute(CURRENT, "data-video-id")
    page.locator(f"{CURRENT} .feed-rail").get_by_role("button", name="Not for me").click()
    page.get_by_role("button", name="Nothing of this brand").click()
    until(page, f"document.querySelector('{CURRENT}').dataset.videoId !== '{video}'")
    with page.expect_response(lambda response: _tells(response.request, '"event":"Interested"')):
        page.get_by_role("button", name="Undo").click()
    until(page, f"document.querySelector('{CURRENT}').dataset.videoId === '{video}'")
    plays(page)


def test_everything_works_by_keyboard(visit: Open) -> None:
    page = visit(viewport=DESK)
    plays(page)
    first = page.get_attribute(CURRENT, "data-video-id")
    page.keyboard.press("Space")
    until(page, f"document.querySelector('{CURRENT} video').paused")
    page.keyboard.press("k")
    until(page, f"!document.querySelector('{CURRENT} video').paused")
    page.keyboard.press("m")
    until(page, f"!document.querySelector('{CURRENT} video').muted")
    like = page.locator(f"{CURRENT} .feed-action").first
    page.keyboard.press("l")
    expect(like).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('{CURRENT} video').currentTime > 5")
    go_on(page)
    plays(page)
    assert page.evaluate(f"document.querySelector('{CURRENT} video').muted") is False, "the sound is remembered"
    page.keyboard.press("PageUp")
    until(page, f"document.querySelector('{CURRENT}').dataset.videoId === '{first}'")
    expect(like).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help and choices")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("p")
    sheet = page.locator("dialog.product-sheet")
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Add to cart").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-cart-count]").first).to_have_text("1")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_double_tap_likes_and_one_tap_pauses(visit: Open) -> None:
    page = visit()
    plays(page)
    surface = page.locator(f"{CURRENT} .feed-surface")
    surface.dblclick(position={"x": 150, "y": 250})
    expect(page.locator(f"{CURRENT} .feed-action").first).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(f"!document.querySelector('{CURRENT} video').paused")
    surface.click(position={"x": 150, "y": 250})
    until(page, f"document.querySelector('{CURRENT} video').paused")


def test_bought_over_the_video_without_leaving(visit: Open, running: Running) -> None:
    page = visit()
    plays(page)
    page.locator(f"{CURRENT} .feed-card-face").click()
    sheet = page.locator("dialog.product-sheet")
    sheet.get_by_role("button", name="Buy now").click()
    for name, value in {"Name": "Ada", "E-mail": "ada@example.org", "Street": "Weg 1"}.items():
        sheet.get_by_label(name).first.fill(value)
    sheet.get_by_label("Postcode").fill("20095")
    sheet.get_by_label(re.compile("Town|City")).fill("Hamburg")
    sheet.get_by_role("button", name="Order with obligation to pay").click()
    expect(sheet).to_contain_text("is placed")
    assert "/feed/" in page.url
    assert page.evaluate(f"!document.querySelector('{CURRENT} video').paused")


def test_stock_is_live(visit: Open, running: Running) -> None:
    products = [each for each in _json(running, "GET", "/v1/products")["items"] if each["stock"] >= 2]
    scarce = min(products, key=lambda each: each["stock"])
    page = visit()
    coming = page.evaluate("fetch('/v1/feed?limit=30').then((answer) => answer.json())")["videos"]
    video = next(each["id"] for each in coming if each["product"]["id"] == scarce["id"])
    with page.expect_response("**/v1/stream"):
        page.goto(f"{running.url}/feed/{video}")
    page.wait_for_selector(f"{CURRENT} [data-product-id='{scarce['id']}']")
    # Somebody else buys
    left, contact = (
        scarce["stock"],
        {"name": "A", "email": "a@example.org", "street": "W 1", "postcode": "12345", "city": "B"},
    )
    for variant in scarce["variants"]:
        take = min(variant["stock"], max(left - 4, left == scarce["stock"]))
        if take > 0:
            items = [{"variant_id": variant["id"], "quantity": take}]
            _json(running, "POST", "/v1/orders", {"items": items, "contact": contact})
            left -= take
    expect(page.locator(f"{CURRENT} .feed-stock")).to_have_text(f"Only {left} left")


def _json(running: Running, method: str, path: str, body: Any = None) -> Any:
    persona = next(iter(running.demo["tokens"]["viewers"]))
    headers = {**running.bearer(persona), "Content-Type": "application/json", "Idempotency-Key": new_id()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(running.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_coming_back_finds_the_same_place(visit: Open, running: Running) -> None:
    page = visit()
    go_on(page)
    go_on(page)
    video = page.get_attribute(CURRENT, "data-video-id")
    assert page.url == f"{running.url}/feed/{video}"
    page.get_by_role("link", name="Products").click()
    page.wait_for_url("**/products")
    page.go_back()
    page.wait_for_selector(CURRENT)
    until(page, f"document.querySelector('{CURRENT}').dataset.videoId === '{video}'")
    assert page.get_attribute(CURRENT, "data-place") == "2"
    page.keyboard.press("ArrowUp")
    until(page, f"document.querySelector('{CURRENT}').dataset.place === '1'")


def test_who_wants_no_motion_starts_the_video(visit: Open) -> None:
    page = visit(reduced_motion="reduce")
    play = page.locator(CURRENT).get_by_role("button", name="Play", exact=True)
    expect(play).to_be_visible()
    assert page.evaluate(f"document.querySelector('{CURRENT} video').paused")
    play.click()
    plays(page)


def test_a_video_that_fails_says_so_and_the_next_one_plays(visit: Open) -> None:
    page = visit()
    plays(page)
    # All of them: which one is next may still change
    page.route("**/v/*.mp4", lambda route: route.abort())
    page.evaluate(f"document.querySelectorAll('video').forEach((v) => v.closest('{CURRENT}') || v.load())")
    go_on(page)
    expect(page.locator(f"{CURRENT} .feed-broken")).to_contain_text("could not be played")
    page.unroute_all()
    page.locator(CURRENT).get_by_role("button", name="Try again").click()
    plays(page)


def test_without_a_network_it_says_so_and_goes_on_by_itself(visit: Open) -> None:
    page = visit()
    plays(page)
    # Icons under an address that the browser keeps
    assert page.evaluate("[...document.querySelectorAll('use')].every((each) => each.href.baseVal.includes('?v='))")
    page.route("**/v/*.mp4", lambda route: route.abort())
    page.context.set_offline(True)
    page.locator(f"{CURRENT} .feed-card-add").click()
    expect(page.locator(".toast", has_text="Check the network")).to_be_visible()
    page.evaluate(f"document.querySelector('{CURRENT} video').load()")
    expect(page.locator(f"{CURRENT} .feed-broken")).to_contain_text("The feed goes on when it is back.")
    page.unroute_all()
    page.context.set_offline(False)
    plays(page)


@pytest.mark.parametrize("viewport", [PHONE, DESK, {"width": 320, "height": 640}])
def test_no_serious_barrier(visit: Open, viewport: Any) -> None:
    page = visit(answer="", viewport=viewport)
    _check(page, "#consent")
    page.get_by_role("button", name="No thanks").click()
    expect(page.locator("#consent")).to_be_hidden()
    plays(page)
    _check(page, "feed")
    for name in ("Why?", "Not for me"):
        page.locator(f"{CURRENT} .feed-rail").get_by_role("button", name=name).click()
        _check(page, name)
        page.keyboard.press("Escape")
    page.goto(page.url.split("/feed")[0] + "/account")
    _check(page, "account")


def _check(page: Page, where: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == [], where
