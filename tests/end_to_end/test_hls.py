"""The running demo show over HLS in Chromium by hls.js: live, back to its start, and both forms through PyAV."""

import re
import subprocess
import time
from collections.abc import Callable
from typing import Any

import av
import pytest
from axe_playwright_python.sync_playwright import Axe
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import Running
from tests.end_to_end.test_accessibility import RULES, SERIOUS
from web.showcase import SHOW

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 60_000
PLAY = """async url => {
  const { default: Hls } = await import("hls.js/light");
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.05 });
  window.trial = { Hls, hls, video, problems: [], stalls: 0 };
  video.addEventListener("waiting", () => (window.trial.stalls += 1));
  hls.on(Hls.Events.MANIFEST_PARSED, () => (hls.loadLevel = hls.levels.findIndex(one => one.audioCodec === "opus")));
  hls.on(Hls.Events.ERROR, (_, problem) => window.trial.problems.push(problem.details + " " + problem.fatal));
  hls.loadSource(url);
  hls.attachMedia(video);
  await video.play();
}"""
SEEN = """() => ({
  at: trial.video.currentTime,
  width: trial.video.videoWidth,
  sound: trial.video.webkitAudioDecodedByteCount,
  codecs: trial.hls.levels.map(level => level.attrs.CODECS),
  used: trial.hls.levels[trial.hls.currentLevel]?.attrs.CODECS,
  latency: trial.hls.latency,
  start: trial.video.seekable.length ? trial.video.seekable.start(0) : -1,
  dated: trial.hls.playingDate?.toISOString(),
  old: (Date.now() - trial.hls.playingDate?.getTime()) / 1000,
  stalls: trial.stalls,
  problems: trial.problems,
})"""


def until(condition: Callable[[], bool], seconds: float = WAIT_MS / 1000) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)


def seen(page: Page) -> dict[str, Any]:
    """What the player says of itself."""
    found: dict[str, Any] = page.evaluate(SEEN)
    return found


def test_hls_js_plays_the_show_live_and_from_its_start(running: Running, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    room = running.demo["room"]
    page.goto(f"{running.url}/live")
    until(lambda: page.request.get(f"{running.url}/live/{room}/index.m3u8").ok)
    page.evaluate(PLAY, f"/live/{room}/index.m3u8")
    page.wait_for_function("() => trial.video.currentTime > 1 && trial.hls.latency > 0", timeout=WAIT_MS)
    begun = seen(page)
    page.wait_for_function("at => trial.video.currentTime > at + 6", arg=begun["at"], timeout=WAIT_MS)
    now = seen(page)
    print(now)
    # hls.js sorts them by their bitrate, which is measured and nearly the same.
    assert sorted(now["codecs"]) == [f"avc1.{now['codecs'][0][5:11]},{sound}" for sound in ("mp4a.40.2", "opus")]
    assert now["width"] > 0
    assert now["sound"] > 0
    assert now["dated"].startswith("20")
    assert not [problem for problem in now["problems"] if problem.endswith("true")]
    # The list is as old as the show; of a long one only what is new is fetched.
    page.wait_for_function("() => trial.hls.levels.some(level => level.details?.totalduration > 14)", timeout=WAIT_MS)
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').some(each => each.name.includes('_HLS_skip'))"
    )
    at = seen(page)["at"]
    page.wait_for_function("at => trial.video.currentTime > at + 4", arg=at, timeout=WAIT_MS)
    # Not to 0 itself: see EARLIEST_SECONDS of the player.
    page.evaluate("() => { trial.video.currentTime = trial.video.seekable.start(0) + 0.1; }")
    page.wait_for_function("() => trial.video.currentTime < 10 && !trial.video.seeking", timeout=WAIT_MS)
    early = seen(page)["at"]
    page.wait_for_function("at => trial.video.currentTime > at + 1", arg=early, timeout=WAIT_MS)
    assert not [problem for problem in seen(page)["problems"] if problem.endswith("true")]
    assert any("_HLS_skip=" in url for url in asked)
    # The newest came in pieces, each asked for before it was there.
    assert any("_HLS_part=" in url for url in asked)
    assert any(re.search(r"/opus-\d+\.\d+\.m4s$", url) for url in asked)
    page.close()


@pytest.mark.parametrize(("form", "codec"), [("opus", "opus"), ("aac", "aac")])
def test_pyav_plays_both_playlists_over_http(running: Running, browser: Browser, form: str, codec: str) -> None:
    url = f"{running.url}/live/{running.demo['room']}/hls/{form}.m3u8"
    context = browser.new_context()
    until(lambda: context.request.get(url).ok)
    context.close()
    with av.open(url) as container:
        assert container.streams.audio[0].codec_context.name == codec
        pictures = sounds = 0
        for frame in container.decode():
            pictures += isinstance(frame, av.VideoFrame)
            sounds += isinstance(frame, av.AudioFrame)
            if pictures >= 30 and sounds >= 40:
                break


@pytest.mark.timeout(480)
def test_a_show_that_is_over_has_a_replay_with_chapters_and_becomes_a_clip(running: Running, browser: Browser) -> None:
    """FFmpeg publishes by WHIP, products are pinned, the host ends the show; chapters are reached by keyboard."""
    host = running.bearer("host")
    api = browser.new_context(extra_http_headers=host).request
    merchant = browser.new_context(extra_http_headers=running.bearer("merchant")).request
    shown = merchant.get(f"{running.url}/v1/segments").json()["items"]
    wanted = list(dict.fromkeys(each["product_id"] for each in shown if each["product_id"]))[:2]
    made = api.post(f"{running.url}/v1/rooms", data={"title": "Two things", "product_ids": wanted, "language": "en"})
    assert made.status == 201, made.text()
    room = made.json()["id"]
    token = host["Authorization"].split()[1]
    publish = [get_ffmpeg_exe(), "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(SHOW), "-c", "copy"]
    publish += ["-f", "whip", "-authorization", token, f"{running.url}/live/{room}/whip"]
    playlist = f"{running.url}/live/{room}/hls/opus.m3u8"
    publisher = subprocess.Popen(publish)
    try:
        for place, product in enumerate(wanted):
            until(lambda place=place: api.get(playlist).text().count("#EXTINF") > 3 * place)
            assert api.post(f"{running.url}/v1/rooms/{room}/pins", data={"product_id": product}).status == 201
        until(lambda: api.get(playlist).text().count("#EXTINF") > 6)
    finally:
        assert api.post(f"{running.url}/v1/rooms/{room}/end").status == 200
        publisher.kill()
        publisher.wait()
    until(lambda: "#EXT-X-ENDLIST" in api.get(playlist).text())

    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{running.url}/live/{room}")
    chapters = page.locator(".replay-chapters button")
    expect(chapters).to_have_count(2)
    page.wait_for_function("() => document.querySelector('video').readyState >= 2", timeout=WAIT_MS)
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [each["id"] for each in found if each["impact"] in SERIOUS] == []
    chapters.nth(1).focus()
    page.keyboard.press("Enter")
    start = float(chapters.nth(1).get_attribute("data-from") or 0)
    assert start > 3
    page.wait_for_function("at => document.querySelector('video').currentTime > at + 0.5", arg=start, timeout=WAIT_MS)
    expect(chapters.nth(1)).to_have_attribute("aria-current", "true")
    tracks = page.evaluate("() => document.querySelector('video').textTracks[0].cues.length")
    assert tracks == 2
    context.close()

    def clips() -> list[dict[str, Any]]:
        listed = merchant.get(f"{running.url}/v1/clips").json()["items"]
        return [each for each in listed if each["title"] == "Two things" and each["state"] == "ready"]

    # the worker is niced below all the others
    until(lambda: len(clips()) == 1, 300)
    segments = merchant.get(f"{running.url}/v1/segments?clip={clips()[0]['id']}").json()["items"]
    assert [(each["product_id"], each["role"]) for each in segments] == [(product, "demo") for product in wanted]
