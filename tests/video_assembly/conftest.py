"""Clips that the tests of this package draw for themselves, each the way some camera or program would write it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

Draw = Callable[..., Path]


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Runs the FFmpeg program, which shares no code with the libraries under test."""
    program = imageio_ffmpeg.get_ffmpeg_exe()

    def run(*arguments: object) -> None:
        subprocess.run(
            [program, "-v", "error", "-nostdin", "-y", *map(str, arguments)],
            check=True,
            timeout=170,
            capture_output=True,
        )

    return run


def _picture(size: str, rate: str, seconds: float) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def _tone(seconds: float, hertz: int = 440, rate: int = 48000) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=f={hertz}:r={rate}:d={seconds}"]


X264 = ["-c:v", "libx264", "-preset", "ultrafast"]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> dict[str, Path]:
    """Clips by name, about 3.3 s each: colour tags, ranges, rates, rotations, containers, codecs, channel counts."""
    folder = tmp_path_factory.mktemp("clips")

    def clip(name: str) -> Path:
        return folder / name

    ffmpeg(
        *_picture("640x480", "25", 3.3), *_tone(3.3, rate=22050), *X264, "-pix_fmt", "yuv420p",
        "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-color_range", "tv",
        "-c:a", "aac", "-ac", "1", "-shortest", clip("bt601.mp4"),
    )  # fmt: skip
    ffmpeg(
        *_picture("1280x720", "60", 3.3), "-vf", "select='not(mod(n\\,7))+not(mod(n\\,11))',scale=out_range=full",
        "-fps_mode", "vfr", *X264, "-pix_fmt", "yuvj420p", "-color_range", "pc", "-an", clip("full-range-vfr.mp4"),
    )  # fmt: skip
    ffmpeg(
        *_picture("1280x720", "30", 3.3), *_tone(3.3, rate=44100), "-c:v", "libx265", "-preset", "ultrafast",
        "-x265-params", "log-level=0", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", "-colorspace", "bt2020nc",
        "-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-c:a", "aac", "-ac", "1", clip("upright.mov"),
    )  # fmt: skip
    ffmpeg("-display_rotation", "-90", "-i", clip("upright.mov"), "-c", "copy", clip("phone-hdr-rotated.mov"))
    ffmpeg(
        *_picture("322x242", "24000/1001", 3.3), *_tone(3.3), "-c:v", "libvpx-vp9", "-deadline", "realtime",
        "-cpu-used", "8", "-pix_fmt", "yuv444p", "-c:a", "libopus", clip("vp9-444.webm"),
    )  # fmt: skip
    ffmpeg(
        *_picture("405x721", "15", 3.3), *_tone(3.3), "-vf", "crop=405:721:0:0,format=yuv444p", *X264,
        "-c:a", "aac", "-ac", "6", clip("odd-5.1.mkv"),
    )  # fmt: skip
    return {path.name: path for path in sorted(folder.iterdir())}
