"""A video saved as a file in a real browser: asked for, made by the worker, downloaded; another one cancelled."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import Running

pytestmark = pytest.mark.browser

PATIENCE = 120_000


@pytest.fixture(params=[("de", 390, 844), ("en", 1440, 900)], ids=["phone", "desk"])
def feed(running: Running, browser: Browser, request: Any) -> Iterator[Page]:
    language, width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale=language, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: pytest.fail(f"the page broke: {error}"))
    page.goto(f"{running.url}/feed?lang={language}")
    page.click("#consent button[data-personalise=no]")
    page.wait_for_selector(".feed-item[data-current=true]")
    yield page
    context.close()


def test_a_video_is_saved(feed: Page, tmp_path: Path) -> None:
    feed.click(".feed-item[data-current=true] .feed-action-help")
    feed.locator("dialog .feed-menu button").click()
    sheet = feed.locator("dialog:has(.save)")
    expect(sheet).to_be_visible()
    sheet.locator("input[name=crossfades]").uncheck()
    sheet.locator("form .button").click()

    ready = sheet.locator("[data-export][data-state=ready]")
    expect(ready).to_have_count(1, timeout=PATIENCE)
    with feed.expect_download() as waiting:
        ready.locator("a[download]").click()
    target = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(target)
    assert target.name.endswith("-9x16.mp4")
    with av.open(io.BytesIO(target.read_bytes()), options={"export_xmp": "1"}) as container:
        assert container.streams.video[0].height == 1280
        assert "compositeCapture" in container.metadata["xmp"]

    # Choosing by keyboard, and changing one's mind.
    sheet.locator("input[value='9:16']").focus()
    feed.keyboard.press("ArrowRight")
    feed.keyboard.press("ArrowRight")
    expect(sheet.locator("input[value='16:9']")).to_be_checked()
    sheet.locator("input[name=cards]").check()
    sheet.locator("form .button").click()
    waits = sheet.locator("[data-export]:not([data-state=ready])")
    expect(waits).to_have_count(1)
    serious = [
        violation["id"]
        for violation in Axe().run(feed).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
    waits.locator("button").click()
    expect(sheet.locator("[data-export]")).to_have_count(1)
