"""People in front of browsers of their own, who lead a show or watch it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Running

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
# What a connection says of itself is only reached through the constructor that the page used.
KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...args) { super(...args); window.connections.push(this); }
};
"""
NOTE_CLICK = """
addEventListener("click", () => sessionStorage.setItem("clicked", performance.timeOrigin + performance.now()), true);
"""
# The first picture of the page, in milliseconds since the click that led here.
FIRST_FRAME = """() => new Promise(done => {
  const video = document.querySelector(".stage-video");
  const since = () => performance.timeOrigin + performance.now() - Number(sessionStorage.getItem("clicked"));
  video.requestVideoFrameCallback(() => done(since()));
})"""
INBOUND = """async () => {
  const found = {};
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    for (const each of (await connection.getStats()).values())
      if (each.type === "inbound-rtp") found[each.kind] = { ...each };
  }
  return found;
}"""
WAIT_MS = 30_000
# The darkest that the middle of what is on screen has been since; the camera's pictures have no dark ground.
NOTE_DARKNESS = """() => {
  window.darkest = 255;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const look = () => {
    const video = document.querySelector(".stage[data-picture='true'] .stage-video[data-shown]");
    context.fillStyle = "black";
    context.fillRect(0, 0, 1, 1);
    if (video) context.drawImage(video, 0, 0, 1, 1);
    const [red, , blue] = context.getImageData(0, 0, 1, 1).data;
    window.darkest = Math.min(window.darkest, red + blue);
    requestAnimationFrame(look);
  };
  look();
}"""

SHOWS_FRAMES = """() => new Promise(done => {
  const video = document.querySelector(".stage[data-playing='true'] .stage-video[data-shown]");
  if (!video) return done(false);
  let left = FRAMES;
  const count = () => (--left > 0 ? video.requestVideoFrameCallback(count) : done(true));
  video.requestVideoFrameCallback(count);
  setTimeout(() => done(false), 15000);
})"""


@dataclass
class Person:
    """Somebody in front of a browser of their own."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)


Visit = Callable[..., Person]


def open_page(browser: Browser, running: "Running", size: dict[str, int], locale: str = "de") -> Person:
    """Open a new browser profile that notes what its console complains of."""
    context = browser.new_context(viewport=size, locale=locale, base_url=running.url)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(KEEP_CONNECTIONS + NOTE_CLICK)
    person = Person(context, context.new_page())
    person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
    person.page.on("console", lambda said: person.complaints.append(said.text) if said.type == "error" else None)
    return person


def set_up_show(page: Page, title: str, products: int = 3) -> str:
    """Fill in the studio's form; returns the room."""
    page.fill("#title", title)
    for place in range(products):
        page.locator(".chooser-item input").nth(place).check()
    page.click(".plan button.button-wide")
    page.wait_for_url("**/studio/*-*")
    return page.url.rsplit("/", 1)[1]


def go_live(page: Page) -> None:
    """Count down and be on air; the camera is on by itself where it was allowed before."""
    page.locator(".button-live:enabled").click()
    expect(page.locator(".air-bar .chip-live")).to_be_visible(timeout=WAIT_MS)


def watch(person: Person, room: str) -> float:
    """Open the room from the list; returns the milliseconds from the click to the first picture."""
    person.page.goto("/live")
    person.page.locator(f'a[href="/live/{room}"]').click()
    person.page.wait_for_selector(".stage-video")
    first: float = person.page.evaluate(FIRST_FRAME)
    expect(person.page.locator('.stage[data-playing="true"]')).to_be_visible(timeout=WAIT_MS)
    return first


def wait_until(page: Page, script: str, seconds: float = 2 * WAIT_MS / 1000) -> None:
    """Wait until a script's promise holds true; Playwright's own waiting takes any promise for true."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(script):
        assert time.monotonic() < deadline, f"it never came true: {script}"
        page.wait_for_timeout(200)


def inbound(page: Page) -> dict[str, Any]:
    """What the page's connection says of the sound and the picture that it receives."""
    found: dict[str, Any] = page.evaluate(INBOUND)
    return found


def moves(page: Page, frames: int = 5) -> None:
    """Wait until what is on screen has shown so many more frames."""
    wait_until(
        page,
        SHOWS_FRAMES.replace("FRAMES", str(frames)),
    )


def findings(page: Page) -> list[str]:
    """What axe finds serious or critical on a page."""
    page.wait_for_timeout(300)
    response = Axe().run(page).response
    return [
        f"{page.url} {each['id']} {[node['target'] for node in each['nodes']]}"
        for each in response["violations"]
        if each["impact"] in ("serious", "critical")
    ]
