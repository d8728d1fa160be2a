"""RTP packets as bytes: the header, the one header extension that is read, and where a keyframe begins (RFC 3550)."""

import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHLL")
PADDING = 0x20
EXTENSION = 0x10
ONE_BYTE_EXTENSIONS = 0xBEDE
H264_IDR = 5
H264_SPS = 7
H264_STAP_A = 24
H264_FU_A = 28


@dataclass(slots=True)
class RtpPacket:
    """One packet taken apart once; `body` is everything behind the header, padding included."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    padded: bool
    body: bytes
    extensions: bytes


def parse(data: bytes) -> RtpPacket | None:
    """Take a packet apart; None when it is malformed."""
    size = len(data)
    if size < 12:
        return None
    flags, kind, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if flags >> 6 != 2:
        return None
    start = 12 + 4 * (flags & 0x0F)
    extensions = b""
    if flags & EXTENSION:
        if start + 4 > size:
            return None
        profile, words = struct.unpack_from("!HH", data, start)
        begin = start + 4
        start = begin + 4 * words
        if profile == ONE_BYTE_EXTENSIONS:
            extensions = data[begin:start]
    padded = bool(flags & PADDING)
    if start > size or (padded and not 0 < data[-1] <= size - start):
        return None
    return RtpPacket(kind & 0x7F, kind >= 0x80, sequence, timestamp, ssrc, padded, data[start:], extensions)


def extension(extensions: bytes, wanted: int) -> bytes | None:
    """Find one element of the one-byte form (RFC 8285 section 4.2)."""
    position = 0
    size = len(extensions)
    while position < size:
        head = extensions[position]
        position += 1
        if head == 0:
            continue
        length = (head & 0x0F) + 1
        if head >> 4 == wanted:
            return extensions[position : position + length] if position + length <= size else None
        position += length
    return None


def newer(a: int, b: int) -> bool:
    """Tell whether sequence number `a` comes after `b` on the 16 bit circle."""
    return a != b and (a - b) & 0xFFFF < 0x8000


def distance(a: int, b: int) -> int:
    """How far sequence number `a` is ahead of `b`, the shorter way round; negative when it is behind."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def is_h264_keyframe(body: bytes) -> bool:
    """Tell whether this packet carries a parameter set or the first piece of an IDR picture (RFC 6184)."""
    if len(body) < 2:
        return False
    kind = body[0] & 0x1F
    if kind in (H264_IDR, H264_SPS):
        return True
    if kind == H264_FU_A:
        return bool(body[1] & 0x80) and body[1] & 0x1F in (H264_IDR, H264_SPS)
    if kind == H264_STAP_A:
        position = 1
        while position + 3 <= len(body):
            if body[position + 2] & 0x1F in (H264_IDR, H264_SPS):
                return True
            position += 2 + (body[position] << 8 | body[position + 1])
    return False


def is_vp8_keyframe(body: bytes) -> bool:
    """Tell whether this packet starts a VP8 key frame (RFC 7741 section 4.2 and 4.3)."""
    size = len(body)
    if not size or not body[0] & 0x10 or body[0] & 0x07:
        return False
    position = 1
    if body[0] & 0x80:
        if size < 2:
            return False
        extended = body[1]
        position = 2
        if extended & 0x80:
            if position >= size:
                return False
            position += 2 if body[position] & 0x80 else 1
        position += bool(extended & 0x40) + bool(extended & 0x30)
    return position < size and not body[position] & 0x01
