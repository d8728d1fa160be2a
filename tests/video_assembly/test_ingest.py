"""Uploads from strangers: what is accepted becomes segments, what is not ends with a code, a sentence, and soon."""

from __future__ import annotations

import json
import random
import shutil
import string
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from video_assembly import ingest
from video_assembly.ingest import Limits, Refused
from video_assembly.refusals import SENTENCES

pytestmark = pytest.mark.slow

X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
Run = Callable[..., None]


def colour(size: str = "320x240", rate: str = "30", seconds: float = 2.0) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def code_of(path: Path) -> str:
    """How an upload is refused, with its sentence complete."""
    with pytest.raises(Refused) as refused:
        ingest.prepare(path, path.parent / "out", filename=path.name)
    assert "{" not in str(refused.value)
    assert str(refused.value).endswith(".")
    return refused.value.code


def test_an_upload_becomes_segments(clips: dict[str, Path], tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    prepared = ingest.prepare(
        clips["phone-hdr-rotated.mov"], tmp_path, progress=lambda step, fraction: told.append((step, fraction))
    )
    found = prepared.probe
    assert (found.container, found.video_codec, found.audio_codec, found.channels) == ("mov", "hevc", "aac", 1)
    assert (found.width, found.height, found.rotation) == (720, 1280, 90)
    assert (found.rate, found.duration) == pytest.approx((30, 3.3), abs=0.05)
    [segment] = prepared.segments
    assert (segment.units, segment.has_sound) == (2, True)
    assert {segment.path.exists(), segment.poster.exists(), segment.thumbnail.exists()} == {True}
    assert prepared.warnings == []
    steps = ["probing", "normalising", "analysing"]
    assert told == sorted(told, key=lambda at: (steps.index(at[0]), at[1]))
    assert {step for step, fraction in told if fraction == 1.0} == set(steps)


def test_a_clip_without_sound_and_one_of_silence(ffmpeg: Run, tmp_path: Path) -> None:
    ffmpeg(*colour(), "-f", "lavfi", "-i", "anullsrc=d=2", *X264, "-c:a", "aac", tmp_path / "silent.mp4")
    prepared = ingest.prepare(tmp_path / "silent.mp4", tmp_path / "out")
    assert [notice.code for notice in prepared.warnings] == ["sound-silent"]
    assert not prepared.segments[0].has_sound


def test_sound_that_cannot_be_read_is_left_out_and_said(ffmpeg: Run, tmp_path: Path) -> None:
    ffmpeg(*colour(), "-f", "lavfi", "-i", "sine=d=2", *X264, "-c:a", "adpcm_ima_qt", tmp_path / "odd.mov")
    prepared = ingest.prepare(tmp_path / "odd.mov", tmp_path / "out")
    assert [(notice.code, notice.extra) for notice in prepared.warnings] == [
        ("sound-dropped", {"codec": "adpcm_ima_qt"})
    ]


def test_what_a_telephone_adds_is_no_reason_to_refuse(ffmpeg: Run, tmp_path: Path) -> None:
    """A time code track, a cover picture, and where the clip was taken: accepted, and left behind."""
    plain, phone = tmp_path / "plain.mp4", tmp_path / "phone.mov"
    ffmpeg(*colour(), *X264, "-timecode", "01:00:00:00", plain)
    ffmpeg(*colour("64x64", "1", 1), "-frames:v", "1", tmp_path / "cover.jpg")
    ffmpeg(
        "-i", plain, "-i", tmp_path / "cover.jpg", "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1",
        "attached_pic", "-metadata", "location=+52.5200+013.4050/", "-movflags", "use_metadata_tags", phone,
    )  # fmt: skip
    assert b"+52.5200" in phone.read_bytes()
    [segment] = ingest.prepare(phone, tmp_path / "out").segments
    assert b"52.5200" not in segment.path.read_bytes()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("browser.webm", ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-live", "1"]),
        ("browser.mp4", [*X264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    ],
)
def test_a_recording_that_does_not_say_how_long_it_is(
    ffmpeg: Run, tmp_path: Path, name: str, options: list[str]
) -> None:
    ffmpeg(*colour(), "-f", "lavfi", "-i", "sine=d=2", *options, tmp_path / name)
    prepared = ingest.prepare(tmp_path / name, tmp_path / "out")
    assert prepared.probe.duration == pytest.approx(2.0, abs=0.1)
    assert [(segment.units, segment.has_sound) for segment in prepared.segments] == [(1, True)]


def test_a_picture_that_changes_its_size_is_followed(ffmpeg: Run, tmp_path: Path) -> None:
    """Browsers record like this when the network of a call gets worse: one track, two sizes."""
    with av.open(str(tmp_path / "change.webm"), "w") as out:
        track: Any = None
        for number, size in enumerate(("640x480", "320x240")):
            part = tmp_path / f"{size}.webm"
            ffmpeg(*colour(size, seconds=1.0), "-c:v", "libvpx", "-deadline", "realtime", part)
            with av.open(str(part)) as container:
                track = track or out.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.pts is not None:
                        packet.pts += 1000 * number
                        packet.dts = packet.pts
                        packet.stream = track
                        out.mux(packet)
    prepared = ingest.prepare(tmp_path / "change.webm", tmp_path / "out")
    assert [segment.units for segment in prepared.segments] == [1]


@pytest.mark.parametrize(
    "name",
    ["амулет; rm -rf.mp4", "-i.mp4", "concat:a|b.mp4", "http:__example.mp4", "%d.mp4"],
)
def test_a_name_is_only_a_name(ffmpeg: Run, tmp_path: Path, name: str) -> None:
    ffmpeg(*colour(), *X264, tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4").rename(tmp_path / name)
    assert ingest.probe(tmp_path / name).frames == 60


TEXTS = {
    "empty": (b"", "media-empty"),
    "hls": (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "media-not-video"),
    "ffconcat": (b"ffconcat version 1.0\nfile sibling.mp4\n", "media-not-video"),
    "sdp": (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "media-not-video"),
    "html": (b"<html><script>alert(1)</script></html>", "media-not-video"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "media-not-video"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "media-not-video"),
    "avi": (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(100), "media-not-video"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100), "media-not-video"),
    "mkv-like": (b"\x1a\x45\xdf\xa3\x88\x42\x82\x85other" + bytes(100), "media-not-video"),
    "ftyp-only": (b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00isom", "media-broken"),
    "ftyp-noise": (b"\x00\x00\x00\x14ftypisom\x00\x00\x00\x00isom" + random.Random(1).randbytes(9000), "media-broken"),
    "ebml-noise": (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + random.Random(2).randbytes(9000), "media-broken"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_a_video_is_refused(tmp_path: Path, name: str) -> None:
    data, expected = TEXTS[name]
    path = tmp_path / f"{name}.mp4"
    path.write_bytes(data)
    assert code_of(path) == expected


def test_a_page_in_front_of_a_video_is_not_a_video(ffmpeg: Run, tmp_path: Path) -> None:
    ffmpeg(*colour(), *X264, tmp_path / "clip.mp4")
    path = tmp_path / "page.mp4"
    path.write_bytes(b"<html>" + (tmp_path / "clip.mp4").read_bytes())
    assert code_of(path) == "media-not-video"


@pytest.mark.parametrize(
    ("name", "options", "share", "expected"),
    [
        ("moov-last.mp4", [], 0.7, "media-truncated"),
        ("moov-first.mp4", ["-movflags", "+faststart"], 0.5, "media-truncated"),
        ("moov-first.mov", ["-movflags", "+faststart"], 0.8, "media-truncated"),
        ("clip.mkv", [], 0.6, "media-truncated"),
    ],
)
def test_a_file_cut_short_is_refused(
    ffmpeg: Run, tmp_path: Path, name: str, options: list[str], share: float, expected: str
) -> None:
    path = tmp_path / name
    ffmpeg(*colour(seconds=5), *X264, *options, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert code_of(path) == expected


REFUSED = {
    "media-no-picture": (["-f", "lavfi", "-i", "sine=d=3", "-c:a", "aac"], "mp4"),
    "media-codec": ([*colour(), "-c:v", "magicyuv"], "mov"),
    "media-dimensions": ([*colour("8192x8192", "1", 3), *X264], "mp4"),
    "media-frame-rate": ([*colour("32x32", "1000", 2), *X264], "mp4"),
    "media-too-long": ([*colour("32x32", "1", 200), *X264], "mp4"),
    "media-too-short": ([*colour(seconds=1.0), *X264], "mp4"),
    "media-too-many-tracks": ([*colour(), *(["-map", "0:v"] * 6), *X264], "mp4"),
}


@pytest.mark.parametrize("expected", REFUSED)
def test_what_goes_beyond_a_limit_is_refused(ffmpeg: Run, tmp_path: Path, expected: str) -> None:
    arguments, suffix = REFUSED[expected]
    path = tmp_path / f"clip.{suffix}"
    ffmpeg(*arguments, path)
    assert code_of(path) == expected


def test_hundreds_of_tracks_are_refused(ffmpeg: Run, tmp_path: Path) -> None:
    ffmpeg(
        *colour("32x32", "5", 2), *(["-map", "0:v"] * 200), "-c:v", "libx264", "-threads", "1", "-preset", "ultrafast",
        "-x264-params", "rc-lookahead=0", tmp_path / "many.mkv",
    )  # fmt: skip
    assert code_of(tmp_path / "many.mkv") in ("media-too-many-tracks", "media-broken")


def test_hours_in_a_few_frames_are_refused(ffmpeg: Run, tmp_path: Path) -> None:
    ffmpeg(*colour("32x32", "1", 3), "-vf", "setpts=N*100000/TB", "-fps_mode", "vfr", *X264, tmp_path / "long.mp4")
    assert code_of(tmp_path / "long.mp4") == "media-too-long"


def test_a_picture_larger_than_its_container_says_is_refused(ffmpeg: Run, tmp_path: Path) -> None:
    """The track header and sample entry lie; the limit holds where the decoder would allocate."""
    path = tmp_path / "lies.mp4"
    ffmpeg(*colour("8192x4320", "2", 2), *X264, path)
    data = path.read_bytes()
    data = data.replace(struct.pack(">II", 8192 << 16, 4320 << 16), struct.pack(">II", 640 << 16, 360 << 16))
    data = data.replace(
        struct.pack(">HHII", 8192, 4320, 0x480000, 0x480000), struct.pack(">HHII", 640, 360, 0x480000, 0x480000)
    )
    path.write_bytes(data)
    assert code_of(path) in ("media-dimensions", "media-broken")


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(201 * 1024 * 1024)
    assert code_of(path) == "media-too-large"


def test_mutated_files_end_with_an_answer(ffmpeg: Run, tmp_path: Path) -> None:
    """Whatever byte is wrong, the answer is a probe or a refusal, never a fault of ours."""
    answers = mutants(ffmpeg, tmp_path, count=12)
    assert sum(answers.values()) == 12
    assert set(answers) <= {"accepted", *SENTENCES}


@pytest.mark.soak
def test_a_thousand_mutated_files_end_with_an_answer(ffmpeg: Run, tmp_path: Path) -> None:
    answers = mutants(ffmpeg, tmp_path, count=1000)
    print(json.dumps(answers, indent=1))
    assert set(answers) <= {"accepted", *SENTENCES}


def mutants(ffmpeg: Run, folder: Path, count: int) -> dict[str, int]:
    originals = [folder / "clip.mp4", folder / "clip.mov", folder / "clip.mkv"]
    for path in originals:
        ffmpeg(*colour("64x64"), "-f", "lavfi", "-i", "sine=d=2", *X264, "-c:a", "aac", path)
    chance = random.Random(7)
    answers: dict[str, int] = {}
    for number in range(count):
        data = bytearray(originals[number % 3].read_bytes())
        for _ in range(chance.choice((1, 4, 32))):
            data[chance.randrange(16, len(data))] = chance.randrange(256)
        path = folder / "mutant.mp4"
        path.write_bytes(data)
        try:
            ingest.probe(path)
            answer = "accepted"
        except Refused as refused:
            answer = refused.code
        answers[answer] = answers.get(answer, 0) + 1
    return answers


def test_damage_inside_the_picture_data_is_an_answer_too(clips: dict[str, Path], tmp_path: Path) -> None:
    """Headers intact, every sixth kilobyte of pictures overwritten: played with gaps or refused as broken."""
    data = bytearray(clips["bt601.mp4"].read_bytes())
    start = data.index(b"mdat") + 4
    chance = random.Random(3)
    for at in range(start + 2000, len(data) * 3 // 4, 6144):
        data[at : at + 1024] = chance.randbytes(1024)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    try:
        answer = "accepted" if ingest.prepare(path, tmp_path / "out").segments else "nothing"
    except Refused as refused:
        answer = refused.code
    assert answer in ("accepted", "media-broken", "media-truncated")


def test_every_sentence_can_be_filled() -> None:
    for code, sentence in SENTENCES.items():
        names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name]
        assert str(Refused(code, **dict.fromkeys(names, 1))).endswith(".")


WITHOUT_OPENCV = """
import json, sys
sys.modules["cv2"] = None
from video_assembly import ingest
from dataclasses import asdict
answer = ingest.segments_task(sys.argv[1], sys.argv[2], asdict(ingest.Limits()), None, lambda step, fraction: None)
print(json.dumps(answer))
"""


def test_without_opencv_a_clip_is_still_cut(clips: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_OPENCV, str(clips["bt601.mp4"]), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert answer["scenes_missing"] is True
    assert [row["units"] for row in answer["segments"]] == [2]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jpg", ".mp4", ".mp4", ".webp"]


def test_limits_can_be_stricter(clips: dict[str, Path]) -> None:
    with pytest.raises(Refused) as refused:
        ingest.probe(clips["bt601.mp4"], limits=Limits(seconds=3.0))
    assert (refused.value.code, refused.value.extra["most"]) == ("media-too-long", 3)


@pytest.mark.slow
def test_real_footage_is_accepted(shared_media: Path, tmp_path: Path) -> None:
    videos = sorted((shared_media / "videos").iterdir())
    assert len(videos) > 20
    inits = set()
    for path in videos:
        found = ingest.probe(path)
        assert found.duration > 1.3
        if found.duration < 3.1:
            prepared = ingest.prepare(path, tmp_path / path.stem)
            inits |= {segment.init_digest for segment in prepared.segments}
            shutil.rmtree(tmp_path / path.stem)
    assert len(inits) == 1
