"""RTP against aiortc's own writer, and keyframes against real encoders."""

from fractions import Fraction

import av
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtp import RtpPacket as Reference
from hypothesis import given
from hypothesis import strategies as st

from livestream import rtp


def test_packet_of_another_implementation_is_taken_apart() -> None:
    """CSRCs and padding included."""
    packet = Reference(payload_type=102, marker=1, sequence_number=65535, timestamp=2**32 - 1, ssrc=7, payload=b"abc")
    packet.csrc = [1, 2]
    packet.padding_size = 4
    read = rtp.parse(packet.serialize())
    assert read is not None
    assert (read.payload_type, read.marker, read.sequence, read.timestamp, read.ssrc) == (
        102,
        True,
        65535,
        2**32 - 1,
        7,
    )
    assert read.padded
    assert read.body[:3] == b"abc"
    assert len(read.body) == 7


def test_header_extension_is_found() -> None:
    """The one-byte form, padding between elements."""
    data = rtp.HEADER.pack(0x90, 102, 1, 2, 3) + b"\xbe\xde\0\2" + b"\x10\xaa\0\x31\x01\x02\0\0" + b"body"
    read = rtp.parse(data)
    assert read is not None
    assert rtp.extension(read.extensions, 3) == b"\1\2"
    assert rtp.extension(read.extensions, 1) == b"\xaa"
    assert rtp.extension(read.extensions, 4) is None
    assert rtp.extension(b"\x3f\1", 3) is None
    assert read.body == b"body"


@given(st.binary(max_size=100), st.integers(1, 14))
def test_any_bytes_are_read_or_refused(data: bytes, number: int) -> None:
    """Nothing raises, whatever an authentic but odd publisher sends."""
    for flags in (data, b"\x90" + data, b"\xbf" + data):
        packet = rtp.parse(flags)
        if packet is not None:
            rtp.extension(packet.extensions, number)
    rtp.is_h264_keyframe(data)
    rtp.is_vp8_keyframe(data)


@pytest.mark.parametrize(
    ("encoder", "test"), [(H264Encoder(), rtp.is_h264_keyframe), (Vp8Encoder(), rtp.is_vp8_keyframe)]
)
def test_keyframes_of_real_encoders_are_seen(encoder: H264Encoder | Vp8Encoder, test: object) -> None:
    """The first frame and the forced ones, no other."""
    assert callable(test)
    seen = []
    for number in range(6):
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([number * 7]) * plane.buffer_size)
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90000)
        payloads, _ = encoder.encode(frame, force_keyframe=number == 3)
        seen.append(any(test(payload) for payload in payloads))
    assert seen == [True, False, False, True, False, False]


def test_numbers_are_compared_on_a_circle() -> None:
    """Across the roll-over too."""
    assert rtp.newer(0, 65535)
    assert not rtp.newer(65535, 0)
    assert not rtp.newer(5, 5)
