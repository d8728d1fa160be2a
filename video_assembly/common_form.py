"""The one form that every segment has, so that any two of them can stand next to each other in one file.

720x1280 H.264 High at 30 frames a second and AAC-LC 48 kHz stereo, cut into units of 1.6 s: the shortest time in which
both a whole number of video frames (48) and of AAC frames (75) fit. Each segment exists once more at 360x640, cut at
the same places with the same sound, for slow connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rendition:
    """A size in which every segment exists, with what its encoder is told; `peak` is in kbit/s."""

    width: int
    height: int
    level: str
    crf: int
    peak: int
    threads: int
    """A fixed number: the bytes x264 makes depend on it, and equal clips should give equal digests everywhere."""


LARGE = Rendition(720, 1280, "3.1", 23, 3000, 2)
SMALL = Rendition(360, 640, "3.0", 24, 700, 1)
WIDTH, HEIGHT = LARGE.width, LARGE.height
FRAME_RATE = 30
SAMPLE_RATE = 48_000
AAC_FRAME = 1024
"""Audio samples in one AAC frame."""

UNIT_VIDEO_FRAMES = 48
UNIT_AUDIO_FRAMES = 75
UNIT_TICKS = UNIT_AUDIO_FRAMES * AAC_FRAME
"""Length of a unit in ticks of 1/48,000 s; video and audio share this time scale."""
UNIT_SECONDS = UNIT_TICKS / SAMPLE_RATE
UNIT_MS = 1600
MOST_HELD_SECONDS = 0.3
"""How long the last frame may stand still to fill a unit."""

AUDIO_BIT_RATE = 128_000
_X264 = (
    "stitchable=1:keyint=48:min-keyint=48:scenecut=0:open-gop=0:bframes=0:ref=2:weightp=1:cabac=1:8x8dct=1"
    ":interlaced=0:slices=1:nal-hrd=none:vbv-maxrate={peak}:vbv-bufsize={peak}:rc-lookahead=24"
)
_NAL_SEPARATOR = re.compile(rb"\x00\x00\x01")
_SEI, _SPS, _PPS, _AUD = 6, 7, 8, 9


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes (ITU-T H.264 B.1)."""
    for part in _NAL_SEPARATOR.split(annex_b)[1:]:
        unit = part.rstrip(b"\x00")
        if unit:
            yield unit


class VideoEncoder:
    """Turns yuv420p frames of a rendition's size into length-prefixed access units, a key frame every 48th."""

    def __init__(self, rendition: Rendition = LARGE) -> None:
        context: Any = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = rendition.width, rendition.height, "yuv420p"
        context.time_base = Fraction(1, FRAME_RATE)
        context.framerate = Fraction(FRAME_RATE)
        context.sample_aspect_ratio = Fraction(1)
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        context.gop_size = UNIT_VIDEO_FRAMES
        context.max_b_frames = 0
        context.thread_count = rendition.threads
        context.flags |= Flags.global_header | Flags.closed_gop
        context.options = {
            "preset": "veryfast",
            "crf": str(rendition.crf),
            "profile": "high",
            "level": rendition.level,
            "x264-params": _X264.format(peak=rendition.peak),
        }
        context.open()
        self._context = context
        self._count = 0
        sps = [unit for unit in nal_units(context.extradata) if unit[0] & 31 == _SPS]
        pps = [unit for unit in nal_units(context.extradata) if unit[0] & 31 == _PPS]
        assert len(sps) == len(pps) == 1, "x264 describes this form with one SPS and one PPS"
        self.sps, self.pps = sps[0], pps[0]

    def encode(self, frame: av.VideoFrame) -> list[bytes]:
        """The access units that are ready after one more frame (x264 looks ahead, so often none)."""
        frame.pts = self._count
        frame.time_base = Fraction(1, FRAME_RATE)
        frame.pict_type = 0
        self._count += 1
        return [self._access_unit(packet) for packet in self._context.encode(frame)]

    def finish(self) -> list[bytes]:
        """What the encoder still holds."""
        return [self._access_unit(packet) for packet in self._context.encode(None)]

    @staticmethod
    def _access_unit(packet: Any) -> bytes:
        kept = [unit for unit in nal_units(bytes(packet)) if unit[0] & 31 not in (_SEI, _SPS, _PPS, _AUD)]
        return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)


def encode_audio(pcm: NDArray[np.float32]) -> list[bytes]:
    """AAC frames of one segment's sound, shape (2, units * 76,800), without the encoder's priming frame.

    The first 1,024 samples must be silence: whoever stands before this segment has then nothing to overlap with.
    """
    assert pcm.shape[0] == 2, "the common form is stereo"
    assert pcm.shape[1] % UNIT_TICKS == 0, "a segment is whole units long"
    context: Any = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "stereo", "fltp"
    context.bit_rate = AUDIO_BIT_RATE
    context.time_base = Fraction(1, SAMPLE_RATE)
    # Noise substitution and intensity stereo save bits by inventing sound; joins must decode to what went in.
    # FFmpeg calls this coder better above 64 kbit/s: chords come back 16 dB nearer than through the default one.
    context.options = {"profile": "aac_low", "aac_coder": "fast", "aac_pns": "0", "aac_is": "0"}
    context.open()
    packets: list[bytes] = []
    for start in range(0, pcm.shape[1], AAC_FRAME):
        block = np.ascontiguousarray(pcm[:, start : start + AAC_FRAME], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        packets += [bytes(packet) for packet in context.encode(frame)]
    packets += [bytes(packet) for packet in context.encode(None)]
    wanted = pcm.shape[1] // AAC_FRAME
    assert len(packets) >= wanted + 1, "the encoder delays by one frame"
    return packets[1 : wanted + 1]
