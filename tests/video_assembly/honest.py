"""Two hundred files as cameras and programs write them: a seeded sample of a matrix, each with what must come of it.

`python -m tests.video_assembly.honest FOLDER [COUNT]` writes them.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

SEED, COUNT = 4, 200
ENCODERS = {
    "h264": ["libx264", "-preset", "ultrafast"],
    "h264-long-gop": ["libx264", "-preset", "superfast", "-g", "600", "-bf", "3"],
    "hevc": ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=0:pools=1", "-tag:v", "hvc1"],
    "hevc-hdr": ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=0:pools=1", "-tag:v", "hvc1"],
    "vp8": ["libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"],
    "vp9": ["libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"],
    "av1": ["libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-b:v", "800k"],
}
CONTAINERS = {
    "h264": ("mp4", "mov", "mkv", "fragmented.mp4"),
    "h264-long-gop": ("mp4", "mov", "mkv"),
    "hevc": ("mp4", "mov", "mkv"),
    "hevc-hdr": ("mp4", "mov"),
    "vp8": ("webm", "mkv"),
    "vp9": ("webm", "mkv", "mp4"),
    "av1": ("mp4", "webm", "mkv"),
}
RATES = ("12", "15", "24000/1001", "24", "25", "30000/1001", "30", "50", "60", "vfr")
SIZES = (
    "320x240",
    "640x360",
    "360x640",
    "406x722",
    "480x480",
    "854x480",
    "1280x720",
    "720x1280",
    "1080x1350",
    "322x242",
)
SOUNDS = {
    "none": [],
    "mono-22k": ["-ac", "1", "-ar", "22050"],
    "mono-44k": ["-ac", "1", "-ar", "44100"],
    "stereo-48k": ["-ac", "2", "-ar", "48000"],
    "5.1": ["-ac", "6", "-ar", "48000"],
    "quiet": ["-ac", "2", "-ar", "48000", "-af", "volume=-10dB"],
}
SOUND_ENCODERS = {
    "mp4": ("aac", "libmp3lame", "ac3", "alac"),
    "fragmented.mp4": ("aac",),
    "mov": ("aac", "pcm_s16le", "pcm_s24be", "alac"),
    "mkv": ("aac", "libopus", "libvorbis", "flac", "libmp3lame", "eac3"),
    "webm": ("libopus", "libvorbis"),
}
RANGES = ("tv", "pc")
ROTATIONS = (0, 90, 180, 270)
SECONDS = (1.7, 2.4, 3.3)


@dataclass(frozen=True)
class Honest:
    """One file: its name says how it was made; `width` and `height` are as shown, turned upright."""

    name: str
    codec: str
    container: str
    rate: str
    size: str
    sound: str
    sound_encoder: str
    colours: str
    rotation: int
    seconds: float

    @property
    def width(self) -> int:
        return int(self.size.split("x")[self.rotation in (90, 270)])

    @property
    def height(self) -> int:
        return int(self.size.split("x")[self.rotation not in (90, 270)])


def matrix(count: int = COUNT, seed: int = SEED) -> list[Honest]:
    """The sample; every value of every axis is in it about equally often."""
    chance = random.Random(seed)
    decks: dict[str, list[object]] = {}

    def draw(axis: str, values: Sequence[object]) -> object:
        deck = decks.setdefault(axis, [])
        if not deck:
            deck += chance.sample(list(values), len(values))
        return deck.pop()

    found = []
    for number in range(count):
        codec = str(draw("codec", list(ENCODERS)))
        container = str(draw(f"container {codec}", CONTAINERS[codec]))
        sound = str(draw("sound", list(SOUNDS)))
        encoder = str(draw(f"sound {container}", SOUND_ENCODERS[container])) if sound != "none" else ""
        if sound == "5.1" and encoder in ("libmp3lame", "libopus"):
            encoder = "aac" if container != "webm" else "libvorbis"
        if encoder in ("ac3", "eac3") and sound.startswith("mono"):
            sound = "stereo-48k"
        if encoder == "libopus":
            sound = "stereo-48k" if sound in ("mono-22k", "mono-44k") else sound
        turns = container in ("mp4", "mov")
        found.append(
            Honest(
                name=f"{number:03}-{codec}-{sound}.{container}",
                codec=codec,
                container=container,
                rate=str(draw("rate", RATES)),
                size=str(draw("size", SIZES)),
                sound=sound,
                sound_encoder=encoder,
                colours="tv" if codec in ("hevc-hdr", "vp8") else str(draw("range", RANGES)),
                rotation=int(str(draw("rotation", ROTATIONS))) if turns else 0,
                seconds=float(str(draw("seconds", SECONDS))),
            )
        )
    return found


def write(spec: Honest, folder: Path) -> Path:
    """Draw the file: upright it is red above and blue below, with a bar that moves; its sound is a tone that swells."""
    path = folder / spec.name
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1"]
    wide, high = spec.width, spec.height
    rate = "30" if spec.rate == "vfr" else spec.rate
    drawn = (
        f"color=red:s={wide}x{high}:r={rate}:d={spec.seconds},drawbox=y={high // 2}:h={high}:color=blue:t=fill[still];"
        f"color=green:s=16x{high}:r={rate}:d={spec.seconds}[bar];[still][bar]overlay=x='mod(n*7,{wide})'"
    )
    filters: list[str] = []
    # Stored lying as a telephone stores it; the display matrix turns it back.
    filters += {0: [], 90: ["transpose=cclock"], 180: ["hflip", "vflip"], 270: ["transpose=clock"]}[spec.rotation]
    if spec.rate == "vfr":
        filters.append("select='not(mod(n\\,2))+not(mod(n\\,5))'")
    pixels = "yuv420p10le" if spec.codec == "hevc-hdr" else "yuv420p"
    filters += [f"scale=out_range={spec.colours}:out_color_matrix=bt709", f"format={pixels}"]
    command = [*program, "-f", "lavfi", "-i", drawn]
    if spec.sound != "none":
        tone = f"aevalsrc='0.1*sin(2*PI*330*t)*(0.6+0.4*sin(9*t))':s=48000:d={spec.seconds}"
        command += ["-f", "lavfi", "-i", tone]
    command += ["-vf", ",".join(filters), "-c:v", *ENCODERS[spec.codec], "-color_range", spec.colours]
    command += ["-colorspace", "bt709"] if spec.codec != "hevc-hdr" else HDR
    command += ["-fps_mode", "vfr" if spec.rate == "vfr" else "cfr"]
    if spec.sound != "none":
        command += ["-c:a", spec.sound_encoder, *SOUNDS[spec.sound]]
        command += ["-strict", "-2"] if spec.sound_encoder in ("libopus", "flac") else []
    if spec.container == "fragmented.mp4":
        command += ["-movflags", "frag_keyframe+empty_moov"]
    stored = path.with_name("stored-" + path.name) if spec.rotation else path
    _run([*command, str(stored)])
    if spec.rotation:
        turn = ["-display_rotation", str(-spec.rotation), "-i", str(stored), "-c", "copy", str(path)]
        _run([*program, *turn])
        stored.unlink()
    return path


HDR = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "arib-std-b67"]


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=300, capture_output=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for each in matrix(int(sys.argv[2]) if len(sys.argv) > 2 else COUNT):
        print(write(each, target))
