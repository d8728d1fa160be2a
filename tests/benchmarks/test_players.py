"""Videos in Chromium, as MP4 and through hls.js: to their end, with every frame, without waiting once buffered."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.players import HLS_JS, WAYS, Video, demo_segments, play, served, videos
from tests.conftest import missing


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    if not HLS_JS.is_file():
        missing("hls.js is not installed: scripts/install")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        opened = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield opened
        opened.close()


def check(browser: Any, video: Video, way: str) -> None:
    with served(video.stitched, video.file) as address:
        played = play(browser, address, "whole", way)
    assert played["seen"] == ["ended"], way
    assert played["duration"] == pytest.approx(video.frames / 30, abs=0.001)
    assert abs(played["frames"] - video.frames) <= 2, way


@pytest.mark.browser
@pytest.mark.parametrize("way", WAYS)
def test_a_video_of_three_segments_plays_to_its_end(browser: Any, way: str) -> None:
    # Two units each; the second is of another product, as a borrowed hook is.
    short = sorted(demo_segments(), key=lambda each: (each["units"], each["product"], each["role"]))
    check(browser, Video([short[0], short[-1], short[1]]), way)


@pytest.mark.browser
@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_twenty_random_videos_play_to_their_end(browser: Any) -> None:
    for video in videos(20):
        for way in WAYS:
            check(browser, video, way)
    print("20 random videos played to their end as MP4 and through hls.js, every frame decoded")
