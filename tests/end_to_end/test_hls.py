"""The running demo show over HLS in Chromium by hls.js: live, back to its start, and both forms through PyAV."""

from typing import Any

import av
import pytest
from playwright.sync_api import Browser, Page

from tests.end_to_end.conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 60_000
PLAY = """async url => {
  const { default: Hls } = await import("hls.js/light");
  const video = document.createElement("video");
  video.muted = true;
  document.body.append(video);
  const hls = new Hls({ lowLatencyMode: true });
  window.trial = { Hls, hls, video, problems: [] };
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
  problems: trial.problems,
})"""


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
    page.wait_for_function(
        "url => fetch(url).then(answer => answer.ok)", arg=f"/live/{room}/index.m3u8", timeout=WAIT_MS
    )
    page.evaluate(PLAY, f"/live/{room}/index.m3u8")
    page.wait_for_function("() => trial.video.currentTime > 1 && trial.hls.latency > 0", timeout=WAIT_MS)
    begun = seen(page)
    page.wait_for_function("at => trial.video.currentTime > at + 6", arg=begun["at"], timeout=WAIT_MS)
    now = seen(page)
    print(now)
    assert now["codecs"] == [f"avc1.{now['codecs'][0][5:11]},opus", f"avc1.{now['codecs'][0][5:11]},mp4a.40.2"]
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
    page.evaluate("() => { trial.video.currentTime = trial.video.seekable.start(0); }")
    page.wait_for_function("() => trial.video.currentTime < 10 && !trial.video.seeking", timeout=WAIT_MS)
    early = seen(page)["at"]
    page.wait_for_function("at => trial.video.currentTime > at + 1", arg=early, timeout=WAIT_MS)
    assert not [problem for problem in seen(page)["problems"] if problem.endswith("true")]
    assert any("_HLS_skip=" in url for url in asked)
    page.close()


@pytest.mark.parametrize(("form", "codec"), [("opus", "opus"), ("aac", "aac")])
def test_pyav_plays_both_playlists_over_http(running: Running, browser: Browser, form: str, codec: str) -> None:
    page = browser.new_page()
    page.goto(f"{running.url}/live")
    url = f"{running.url}/live/{running.demo['room']}/hls/{form}.m3u8"
    page.wait_for_function("url => fetch(url).then(answer => answer.ok)", arg=url, timeout=WAIT_MS)
    page.close()
    with av.open(url) as container:
        assert container.streams.audio[0].codec_context.name == codec
        pictures = sounds = 0
        for frame in container.decode():
            pictures += isinstance(frame, av.VideoFrame)
            sounds += isinstance(frame, av.AudioFrame)
            if pictures >= 30 and sounds >= 40:
                break
