"""A viewer whom no UDP reaches watches the show as a file in pieces, goes back in it, and returns to low latency."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.rooms import (
    NOTE_DARKNESS,
    WAIT_MS,
    Person,
    Visit,
    findings,
    go_live,
    moves,
    set_up_show,
    wait_until,
    watch,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# A network that swallows UDP while `noUdp` is set: the server's port is another one there.
SWALLOW_UDP = """
window.noUdp = true;
window.RTCPeerConnection = class extends RTCPeerConnection {
  setRemoteDescription(answer) {
    const sdp = answer.sdp.replace(/^(a=candidate:\\S+ \\d+ udp \\d+ \\S+) \\d+/gim, "$1 9");
    return super.setRemoteDescription(window.noUdp ? { ...answer, sdp } : answer);
  }
};
"""
SHOWN = "document.querySelector('.stage-video[data-shown]')"


def is_on(page: Page, way: str) -> None:
    """Wait until the picture comes this way, and moves."""
    expect(page.locator(f'.way[data-way="{way}"]')).to_be_visible(timeout=2 * WAIT_MS)
    moves(page)


def test_without_udp_the_show_is_watched_the_stable_way_and_back(host: Person, visit: Visit) -> None:
    room = set_up_show(host.page, "Hinter der Firewall", 1)
    go_live(host.page)
    viewer = visit()
    page = viewer.page
    viewer.context.add_init_script(SWALLOW_UDP)
    page.goto(f"/live/{room}")
    is_on(page, "hls")
    expect(page.locator(".way")).to_have_text("Stabil")
    page.evaluate(NOTE_DARKNESS)
    page.evaluate("window.noUdp = false")
    is_on(page, "whep")
    expect(page.locator(".way")).to_have_text("Kaum Verzögerung")
    assert page.evaluate("window.darkest") > 60, "it was never black"


def test_a_viewer_chooses_and_goes_back_in_the_show(host: Person, visit: Visit) -> None:
    room = set_up_show(host.page, "Noch einmal von vorn", 1)
    go_live(host.page)
    viewer = visit()
    watch(viewer, room)
    page = viewer.page
    page.evaluate(NOTE_DARKNESS)
    is_on(page, "whep")
    # The first pieces of the show have to be there.
    for _ in range(100):
        if page.request.get(f"/live/{room}/index.m3u8").status == 200:
            break
        page.wait_for_timeout(300)
    page.get_by_role("button", name="Kaum Verzögerung. Zu „Stabil“ wechseln").focus()
    page.keyboard.press("Enter")
    is_on(page, "hls")
    page.get_by_role("button", name="In der Show zurückgehen").click()
    slider = page.get_by_role("slider", name="Stelle der Show")
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    # Nearer than three seconds to the end is live.
    wait_until(page, "Number(document.querySelector('.timeline-slider').max) > 8")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\d\d:\d\d von \d\d:\d\d$"))
    moves(page)
    assert findings(page) == []
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    page.get_by_role("button", name="Stabil. Zu „Kaum Verzögerung“ wechseln").click()
    is_on(page, "whep")

    # From low latency back in the show: the other way to the picture, until live is wanted again.
    slider.focus()
    page.keyboard.press("ArrowLeft")
    is_on(page, "hls")
    assert page.evaluate(f"({SHOWN}).played.start(0) > 0")
    page.get_by_role("button", name="Zurück zu live").click()
    is_on(page, "whep")
    expect(slider).to_have_attribute("aria-valuetext", "Live")
    assert page.evaluate("window.darkest") > 60, "it was never black"
