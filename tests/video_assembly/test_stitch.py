"""Stitching: the ranges of a video are its bytes, and independent players play it to the end."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.players import served
from video_assembly import mp4
from video_assembly.common_form import AAC_FRAME, UNIT_AUDIO_FRAMES, UNIT_TICKS, UNIT_VIDEO_FRAMES
from video_assembly.normalise import NormalisedSegment, normalise
from video_assembly.stitch import BLOCK, SegmentDamaged, SegmentSource, Stitched, UnequalInits

pytestmark = pytest.mark.slow

AVCC = mp4.avc_configuration(b"\x67\x64\x00\x1f" + bytes(20), b"\x68\xee\x3c\x80")


def drawn_segment(folder: Path, seed: int, count: int, largest: int = 300) -> SegmentSource:
    """A segment file of random bytes with a true index: enough for everything but decoding."""
    random = np.random.default_rng(seed)
    data = mp4.init_segment(AVCC)
    rows = np.zeros(count, mp4.UNIT_DTYPE)
    for number in range(count):
        audio = [random.bytes(int(size)) for size in random.integers(1, 50, UNIT_AUDIO_FRAMES)]
        video = [random.bytes(int(size)) for size in random.integers(1, largest, UNIT_VIDEO_FRAMES)]
        part, at = mp4.fragment(number, video, audio)
        rows[number] = (len(data) + at, [len(s) for s in audio], [len(s) for s in video])
        data += part
    path = folder / f"{seed}.mp4"
    path.write_bytes(data)
    return SegmentSource(path, mp4.SegmentIndex(AVCC, rows).pack(), "init", hashlib.sha256(data).hexdigest())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[SegmentSource]:
    folder = tmp_path_factory.mktemp("drawn")
    return [drawn_segment(folder, seed, count) for seed, count in enumerate((1, 3, 2, 4))]


@pytest.fixture(scope="module")
def whole(drawn: list[SegmentSource]) -> tuple[Stitched, bytes]:
    stitched = Stitched(drawn)
    return stitched, b"".join(stitched.read())


@given(st.data())
@settings(max_examples=300)
def test_any_range_is_the_same_bytes_as_in_the_whole(whole: tuple[Stitched, bytes], data: st.DataObject) -> None:
    stitched, everything = whole
    assert len(everything) == stitched.size
    near = st.sampled_from([0, len(stitched.header), stitched.size]).flatmap(
        lambda edge: st.integers(max(0, edge - 3), edge + 3)
    )
    place = st.one_of(near, st.integers(0, stitched.size + 10))
    start, stop = data.draw(place), data.draw(place)
    blocks = list(stitched.read(start, stop))
    assert b"".join(blocks) == everything[start:stop]
    assert all(0 < len(block) <= BLOCK for block in blocks)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
@settings(max_examples=40)
def test_any_order_carries_each_segments_samples(drawn: list[SegmentSource], order: list[int]) -> None:
    stitched = Stitched([drawn[number] for number in order])
    expected = b""
    for number in order:
        data = drawn[number].path.read_bytes()
        for row in mp4.SegmentIndex.unpack(drawn[number].index).units:
            size = int(row["audio"].sum()) + int(row["video"].sum())
            expected += data[int(row["offset"]) :][:size]
    assert b"".join(stitched.read()) == stitched.header + expected
    assert stitched.duration_ms == 1600 * sum((1, 3, 2, 4)[number] for number in order)


def test_a_saved_video_is_what_is_read(drawn: list[SegmentSource], tmp_path: Path) -> None:
    stitched = Stitched([drawn[number % 4] for number in range(150)])
    stitched.save(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes() == b"".join(stitched.read())
    damaged = drawn_segment(tmp_path, 5, 2)
    os.truncate(damaged.path, damaged.path.stat().st_size - 10)
    with pytest.raises(SegmentDamaged):
        Stitched([damaged]).save(tmp_path / "video.mp4")


def test_large_units_come_in_blocks(tmp_path: Path) -> None:
    stitched = Stitched([drawn_segment(tmp_path, 1, 1, largest=60_000)])
    blocks = list(stitched.read())
    assert max(map(len, blocks)) == BLOCK
    assert sum(map(len, blocks)) == stitched.size


def test_the_entity_tag_is_the_recipes(drawn: list[SegmentSource]) -> None:
    assert Stitched(drawn).etag == Stitched(drawn).etag
    assert Stitched(drawn).etag != Stitched(drawn[::-1]).etag
    other = SegmentSource(drawn[0].path, drawn[0].index, drawn[0].init_digest, "0" * 64)
    assert Stitched([other, *drawn[1:]]).etag != Stitched(drawn).etag
    assert Stitched(drawn).etag.strip('"').isalnum()


def test_unequal_inits_never_meet(drawn: list[SegmentSource]) -> None:
    stranger = SegmentSource(drawn[1].path, drawn[1].index, "another", drawn[1].digest)
    with pytest.raises(UnequalInits):
        Stitched([drawn[0], stranger])


def test_a_video_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Stitched([])


def test_a_segment_cut_short_is_noticed(tmp_path: Path) -> None:
    segment = drawn_segment(tmp_path, 3, 2)
    os.truncate(segment.path, segment.path.stat().st_size - 10)
    with pytest.raises(SegmentDamaged):
        list(Stitched([segment]).read())


def test_an_unfinished_read_leaves_no_file_open(drawn: list[SegmentSource]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        blocks = Stitched(drawn).read(2000)
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    assert len(os.listdir("/proc/self/fd")) == before


def source(segment: NormalisedSegment) -> SegmentSource:
    return SegmentSource(segment.path, segment.index, segment.init_digest, segment.digest)


@pytest.fixture(scope="module")
def video(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Stitched, Path, int]:
    """A real video of segments from clips of different cameras, its file, its units."""
    folder = tmp_path_factory.mktemp("video")
    made = [segment for name in ("bt601.mp4", "odd-5.1.mkv") for segment in normalise(clips[name], folder)]
    stitched = Stitched([source(segment) for segment in (made[0], made[1], made[0])])
    path = folder / "video.mp4"
    path.write_bytes(b"".join(stitched.read()))
    return stitched, path, 6


def test_every_frame_decodes_in_time(video: tuple[Stitched, Path, int]) -> None:
    _, path, units = video
    with av.open(str(path)) as container:
        assert container.duration == units * 1_600_000
        pictures = [frame.time for frame in container.decode(video=0)]
    assert pictures == pytest.approx([number / 30 for number in range(units * UNIT_VIDEO_FRAMES)])
    with av.open(str(path)) as container:
        expected = 0
        for frame in container.decode(audio=0):
            assert (frame.pts, frame.samples) == (expected, AAC_FRAME)
            expected += frame.samples
    assert expected == units * UNIT_TICKS


def test_another_ffmpeg_finds_nothing_to_complain_of(
    video: tuple[Stitched, Path, int], ffmpeg: Callable[..., None]
) -> None:
    ffmpeg("-xerror", "-err_detect", "explode", "-i", video[1], "-f", "null", "-")


def test_seeking_lands_on_every_unit(video: tuple[Stitched, Path, int]) -> None:
    _, path, units = video
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        for unit in reversed(range(units)):
            container.seek(unit * UNIT_TICKS, stream=stream)
            frame = next(container.decode(stream))
            assert (frame.pts, frame.key_frame) == (unit * UNIT_TICKS, True)


def page(path: str) -> tuple[str, bytes]:
    """A page with nothing but the video."""
    if path != "/":
        raise LookupError(path)
    return "text/html", b"<!doctype html><video src='/v.mp4' preload='auto' playsinline></video>"


PLAY = """() => new Promise((done) => {
  const video = document.querySelector('video');
  const seen = [];
  for (const kind of ['waiting', 'stalled', 'error', 'ended']) video.addEventListener(kind, () => {
    seen.push(kind);
    if (kind !== 'ended' && kind !== 'error') return;
    const quality = video.getVideoPlaybackQuality();
    done({seen, duration: video.duration, frames: quality.totalVideoFrames, error: video.error && video.error.message,
          width: video.videoWidth, height: video.videoHeight});
  });
  const whole = () => {
    if (!video.buffered.length || video.buffered.end(0) < video.duration - 0.1) return setTimeout(whole, 20);
    video.play();
  };
  whole();
})"""


@pytest.mark.browser
def test_chromium_plays_it_to_the_end(chromium_path: str, video: tuple[Stitched, Path, int]) -> None:
    from playwright.sync_api import sync_playwright

    stitched, _, units = video
    with served(stitched, page) as address, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        try:
            tab = browser.new_page()
            tab.goto(address)
            played = tab.evaluate(PLAY)
        finally:
            browser.close()
    assert (played["seen"], played["error"]) == (["ended"], None)
    assert played["duration"] == pytest.approx(units * 1.6, abs=0.001)
    assert (played["width"], played["height"]) == (720, 1280)
    assert abs(played["frames"] - units * UNIT_VIDEO_FRAMES) <= 2
