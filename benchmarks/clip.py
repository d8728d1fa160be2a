"""The file that every server under test forwards: H.264 720p30 at 1.6 Mbit/s and Opus, as RTP payloads."""

import fractions
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import av
import imageio_ffmpeg
import numpy

FPS = 30
SOUNDS_PER_SECOND = 50
#: RTP payload bytes, as browsers choose them.
PAYLOAD = 1180


@dataclass(frozen=True)
class Clip:
    """Encoded once, sent over and over; `frames` holds the payloads (RFC 6184) of each picture."""

    frames: list[list[bytes]]
    sounds: list[bytes]


def encode(seconds: int) -> Clip:
    """Encode a moving picture with a keyframe a second, three slices a frame, and a tone."""
    return Clip(encode_pictures(seconds), list(encode_sound(seconds)))


def encode_pictures(seconds: int) -> list[list[bytes]]:
    """Run x264 and split its stream into RTP payloads, frame by frame."""
    source = f"testsrc2=size=1280x720:rate={FPS}:duration={seconds},noise=alls=8:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i", source]
    command += ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-tune", "zerolatency"]
    command += ["-pix_fmt", "yuv420p", "-b:v", "1600k", "-maxrate", "1600k", "-bufsize", "800k", "-g", str(FPS)]
    command += ["-x264-params", "aud=1:slices=3", "-f", "h264", "pipe:1"]
    stream = subprocess.run(command, check=True, capture_output=True).stdout
    frames: list[list[bytes]] = []
    for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]:
        if unit[0] & 0x1F == 9:
            frames.append([])
        else:
            frames[-1].extend(packetise(unit))
    return frames


def packetise(unit: bytes) -> Iterator[bytes]:
    """Split one NAL unit into RTP payloads."""
    if len(unit) <= PAYLOAD:
        yield unit
        return
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    for start in range(1, len(unit), PAYLOAD - 2):
        first, last = start == 1, start + PAYLOAD - 2 >= len(unit)
        yield bytes([indicator, kind | first << 7 | last << 6]) + unit[start : start + PAYLOAD - 2]


def encode_sound(seconds: int) -> Iterator[bytes]:
    """Encode a tone with some noise, so that no two packets are equal."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext), "Opus is sound"
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "stereo", "s16"
    encoder.bit_rate, encoder.time_base = 48_000, fractions.Fraction(1, 48000)
    noise = numpy.random.default_rng(1)
    for index in range(seconds * SOUNDS_PER_SECOND):
        at = (numpy.arange(960) + 960 * index) / 48000
        wave = 6000 * numpy.sin(at * 2 * numpy.pi * 330) + noise.normal(0, 300, 960)
        frame = av.AudioFrame.from_ndarray(numpy.repeat(wave.astype("<i2"), 2)[None, :], "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 960 * index, encoder.time_base
        yield from (bytes(packet) for packet in encoder.encode(frame))
