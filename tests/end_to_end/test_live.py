"""A host goes live in Chromium, viewers watch, talk and buy in Chromium; FFmpeg publishes with a key."""

import re
import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end import timecode
from tests.end_to_end.conftest import Running
from tests.end_to_end.rooms import (
    DESK,
    INBOUND,
    PHONE,
    WAIT_MS,
    Person,
    Visit,
    findings,
    go_live,
    inbound,
    open_page,
    set_up_show,
    wait_until,
    watch,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BACKDROP_IS_DRAWN = """() => {
  const canvas = document.querySelector(".stage-backdrop");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(pixels).size > 8;
}"""


def lip_distance(page: Page) -> float:
    """Return the median of |sound - picture| on the publisher's clock, in milliseconds, over three seconds."""
    found = []
    for _ in range(12):
        page.wait_for_timeout(250)
        now = inbound(page)
        sound, picture = (now[kind].get("estimatedPlayoutTimestamp") for kind in ("audio", "video"))
        if sound and picture:
            found.append(abs(sound - picture))
    return statistics.median(found) if found else float("inf")


def test_camera_to_screen(host: Person, visit: Visit, record_property: Callable[[str, object], None]) -> None:
    room = set_up_show(host.page, "Zeitprobe")
    go_live(host.page)
    host.page.evaluate(timecode.WATCH, ".preview")
    viewer = visit()
    first = watch(viewer, room)
    viewer.page.evaluate(timecode.WATCH, ".stage-video")
    before = inbound(viewer.page)
    # Chromium settles within seconds; where others keep the machine busy a later window counts.
    for _ in range(12):
        apart = lip_distance(viewer.page)
        after = inbound(viewer.page)
        late = timecode.delays(host.page.evaluate("window.seen"), viewer.page.evaluate("window.seen"))
        if apart < 45 and len(late) >= 60:
            break
    assert after["video"]["framesDecoded"] - before["video"]["framesDecoded"] >= 60
    assert after["audio"]["totalSamplesReceived"] > before["audio"]["totalSamplesReceived"]
    assert len(late) >= 60
    figures = {
        "first_frame_ms": round(first),
        "delay_ms": round(statistics.median(late)),
        "audio_video_ms": round(apart, 1),
    }
    print(figures)
    for name, value in figures.items():
        record_property(name, value)
    assert figures["audio_video_ms"] < 45
    # benchmarks/rooms.py measures against the goals; here others may be at work, and these only tell alive from stuck.
    assert figures["first_frame_ms"] < 20_000
    assert figures["delay_ms"] < 5_000
    host.page.locator(".controls .button-danger").click()
    host.page.locator("dialog .button-danger").click()
    expect(viewer.page.locator(".stage-say")).to_have_text("Die Show ist vorbei", timeout=WAIT_MS)
    expect(viewer.page.locator(".stage-badges")).to_have_text("")
    expect(host.page.locator(".summary-figures")).to_contain_text("Höchste Zuschauerzahl")
    expect(host.page.locator(".rail-pin, #chat-text")).to_have_count(0)


def test_a_viewer_talks_and_buys_while_the_picture_runs(host: Person, visit: Visit, running: Running) -> None:
    room = set_up_show(host.page, "Frühling auf dem Tisch")
    go_live(host.page)
    viewer, other = visit(), visit(DESK, "en")
    watch(viewer, room)
    watch(other, room)
    page = viewer.page
    page.evaluate(
        """() => { window.pinned = 0; new MutationObserver(() => {
          if (window.pinned || !document.querySelector(".pinned")) return;
          window.pinned = performance.timeOrigin + performance.now();
        }).observe(document.body, { childList: true, subtree: true }); }"""
    )
    host.page.locator("h1").click()
    pressed = host.page.evaluate("performance.timeOrigin + performance.now()")
    host.page.keyboard.press("1")
    expect(page.locator(".pinned")).to_be_visible(timeout=WAIT_MS)
    print({"pin_to_card_ms": round(page.evaluate("window.pinned") - pressed)})
    assert page.evaluate("window.pinned") - pressed < 10_000

    page.fill("#chat-text", "Hallo Lena!")
    page.press("#chat-text", "Enter")
    page.fill("#chat-name", "Mia")
    page.press("#chat-name", "Enter")
    expect(host.page.locator(".line", has_text="Hallo Lena!")).to_contain_text("Mia")
    host.page.fill("#chat-text", "Hallo Mia!")
    host.page.press("#chat-text", "Enter")
    expect(page.locator(".line-host", has_text="Hallo Mia!")).to_be_visible()
    other.page.click(".heart-button")
    expect(page.locator(".heart").first).to_be_attached()

    product = page.locator(".pinned").get_attribute("data-pinned")
    stock = other.page.request.get(f"/v1/products/{product}").json()["stock"]
    expect(host.page.locator(".rail-pinned")).to_contain_text(f"noch {stock}")
    frames = inbound(page)["video"]["framesDecoded"]
    page.locator(".pinned .button").click()
    sheet = page.locator("dialog.room-sheet")
    sheet.get_by_role("button", name="Jetzt kaufen").click()
    for name, value in {
        "name": "Mia Muster",
        "email": "mia@example.org",
        "street": "Weg 1",
        "postcode": "10115",
        "city": "Berlin",
    }.items():
        sheet.locator(f'input[id$="{name}"]').fill(value)
    sheet.get_by_role("button", name="Zahlungspflichtig bestellen").click()
    expect(sheet.locator(".notice-good")).to_be_visible()
    expect(host.page.locator(".rail-pinned")).to_contain_text(f"noch {stock - 1}")
    assert other.page.request.get(f"/v1/products/{product}").json()["stock"] == stock - 1
    assert inbound(page)["video"]["framesDecoded"] > frames, "the picture ran on"
    page.keyboard.press("Escape")
    host.page.keyboard.press("Escape")
    host.page.get_by_role("button", name="lösen").click()
    expect(page.locator(".pinned")).to_have_count(0)


def test_a_reload_of_the_studio_is_a_short_interruption(host: Person, visit: Visit) -> None:
    room = set_up_show(host.page, "Wackelkontakt")
    go_live(host.page)
    viewer = visit()
    watch(viewer, room)
    host.page.once("dialog", lambda dialog: dialog.accept())
    host.page.reload()
    expect(viewer.page.locator(".stage-say")).to_have_text("Gleich zurück …", timeout=WAIT_MS)
    host.page.get_by_role("button", name="Show fortsetzen").click()
    expect(viewer.page.locator('.stage[data-playing="true"]')).to_be_visible(timeout=WAIT_MS)
    frames = inbound(viewer.page)["video"]["framesDecoded"]
    wait_until(viewer.page, f"({INBOUND})().then(found => found.video.framesDecoded > {frames + 10})")


def test_ffmpeg_publishes_with_a_key(host: Person, visit: Visit, tmp_path: Path) -> None:
    room = set_up_show(host.page, "Aus dem Encoder", 1)
    host.page.click("#tab-encoder")
    host.page.locator(".encoder .button-plain").click()
    url, key = host.page.input_value("#whip-url"), host.page.input_value("#whip-token")
    assert url.endswith(f"/live/{room}/whip")
    viewer = visit(DESK)
    viewer.page.goto(f"/live/{room}")
    expect(viewer.page.locator(".stage-say")).to_contain_text("gleich da")
    sources = ("-re", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-re", "-f", "lavfi", "-i", "sine=440:r=48000")
    video = "-c:v libx264 -profile:v baseline -pix_fmt yuv420p -preset ultrafast -tune zerolatency -g 25 -b:v 800k"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *sources, *video.split()]
    command += ["-c:a", "libopus", "-ac", "2", "-t", "60", "-f", "whip", "-authorization", key, url]
    with (tmp_path / "ffmpeg.log").open("wb") as log:
        encoder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
    try:
        expect(host.page.locator(".notice-good", has_text="Ihr Encoder ist live")).to_be_visible(timeout=WAIT_MS)
        expect(viewer.page.locator('.stage[data-playing="true"]')).to_be_visible(timeout=WAIT_MS)
        wait_until(viewer.page, f"({INBOUND})().then(found => found.video?.framesDecoded > 25)")
        assert inbound(viewer.page)["video"]["frameWidth"] == 640
        viewer.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        expect(viewer.page.locator('.stage[data-shape="landscape"]')).to_be_visible()
        viewer.page.wait_for_function(BACKDROP_IS_DRAWN)
        host.page.wait_for_function("() => document.querySelector('.monitor')?.videoWidth === 640")
        host.page.reload()
        host.page.wait_for_function("() => document.querySelector('.monitor')?.videoWidth === 640")
        expect(host.page.locator(".notice-good", has_text="Ihr Encoder ist live")).to_be_visible()
        expect(host.page.locator(".switch, .level, .button-live")).to_have_count(0)
        for page, place in ((host.page, ".air-bar"), (viewer.page, ".stage-badges")):
            expect(page.locator(place)).to_contain_text(re.compile(r"\b1$"))
    finally:
        encoder.terminate()
        encoder.wait(10)
    # FFmpeg says goodbye with DELETE, which ends the show.
    expect(viewer.page.locator(".stage-say")).to_have_text("Die Show ist vorbei", timeout=WAIT_MS)


def test_without_a_secure_context_the_studio_says_what_to_do(camera_browser: Browser, running: Running) -> None:
    person = open_page(camera_browser, running, PHONE)
    person.context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page = person.page
    page.goto("/sign-in?next=/studio")
    page.locator(".persona", has_text="Lena").first.click()
    set_up_show(page, "Unsicher", 1)
    expect(page.locator(".insecure")).to_contain_text("https://")
    expect(page.locator(".button-live")).to_be_disabled()
    person.context.close()
    assert person.complaints == []


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_an_incomplete_show_is_explained_where_it_is_wrong(host: Person, size: dict[str, int]) -> None:
    page = host.page
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.wait_for_selector(".chooser-item")
    page.click(".plan button.button-wide")
    expect(page.locator("#title")).to_be_focused()
    expect(page.locator("#title")).to_be_in_viewport()
    expect(page.locator("#title")).to_have_accessible_description("Geben Sie einen Titel mit höchstens 120 Zeichen an.")
    expect(page.locator("#plan-errors a")).to_have_count(2)
    page.fill("#title", "Titel")
    expect(page.locator("#title")).not_to_have_attribute("aria-invalid", "true")
    page.locator("#plan-errors a").click()
    expect(page.locator("#product-search")).to_be_focused()
    page.locator(".chooser-item input").first.check()
    page.get_by_label("Später").check()
    page.click(".plan button.button-wide")
    expect(page.locator("#at")).to_be_focused()
    expect(page.locator("#at")).to_have_accessible_description("Wählen Sie eine Zeit in der Zukunft.")


@pytest.mark.parametrize(("size", "locale"), [(PHONE, "de"), (DESK, "en")])
def test_rooms_and_studio_are_for_everybody(
    host: Person, visit: Visit, running: Running, size: dict[str, int], locale: str
) -> None:
    """No serious finding of axe on the pages of this family."""
    viewer = visit(size, locale)
    host.page.set_viewport_size(size)  # type: ignore[arg-type]
    host.context.add_cookies([{"name": "lang", "value": locale, "url": running.url}])
    host.page.reload()
    host.page.wait_for_selector(".chooser-item")
    found = findings(host.page)
    room = set_up_show(host.page, "Für alle")
    host.page.locator(".button-live:enabled").wait_for()
    found += findings(host.page)
    host.page.click("#tab-encoder")
    found += findings(host.page)
    viewer.page.goto("/live")
    viewer.page.wait_for_selector(".show-card")
    found += findings(viewer.page)
    viewer.page.goto(f"/live/{room}")
    viewer.page.wait_for_selector(".stage-say")
    found += findings(viewer.page)
    host.page.locator("h1").click()
    host.page.keyboard.press("2")
    viewer.page.locator(".pinned .button").click()
    viewer.page.wait_for_selector("dialog.room-sheet .button")
    found += findings(viewer.page)
    assert found == []
    viewer.page.keyboard.press("Escape")
    expect(viewer.page.locator(".pinned .button")).to_be_focused()
