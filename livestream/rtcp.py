"""RTCP as bytes: what publishers and viewers say, and what is said to them (RFC 3550, 4585, 5104)."""

import functools
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206
EXTENDED_REPORT = 207
NACK = 1
TRANSPORT_WIDE = 15
PICTURE_LOSS = 1
FULL_INTRA_REQUEST = 4
APPLICATION_LAYER = 15
#: Blocks of extended reports (RFC 3611 section 4): a receiver's clock, and the answer to it.
REFERENCE_TIME, REFERENCE_DELAY = 4, 5
#: The name of every source of ours, in SDP and in reports.
CNAME = "vitrine"
#: More sequence numbers than the history holds cannot be answered.
MAX_LOST = 512
#: Packets in one compound datagram; a browser sends four at most.
MAX_PACKETS = 32


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Which RTP timestamp of `ssrc` belongs to which instant of the sender's clock (64 bit NTP)."""

    ssrc: int
    ntp: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class LossReport:
    """What one receiver says about one stream; `fraction` is lost packets of 256 since the last report.

    `last_report` is the middle of the NTP time of the last sender report that it heard, `delay` 1/65536 s since then.
    """

    ssrc: int
    fraction: int
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Nack:
    """Sequence numbers of `ssrc` that a receiver misses."""

    ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """A receiver cannot decode `ssrc` any more: a PLI or a FIR."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class BandwidthEstimate:
    """What a receiver believes its network carries, in bit/s (draft-alvestrand-rmcat-remb); `ssrc` is its own."""

    ssrc: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """The clock (64 bit NTP) of the receiver `ssrc`, which learns its round trip from the answer (RFC 3611)."""

    ssrc: int
    ntp: int


RtcpPacket = SenderReport | LossReport | Nack | KeyframeRequest | BandwidthEstimate | ReferenceTime


def parse(data: bytes) -> list[RtcpPacket]:
    """Read a compound packet; what is malformed or of no interest is left out."""
    found: list[RtcpPacket] = []
    position = 0
    for _ in range(MAX_PACKETS):
        if position + 4 > len(data):
            break
        flags, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if flags >> 6 != 2 or end > len(data):
            break
        body = data[position + 4 : end]
        if flags & 0x20 and body:
            body = body[: max(0, len(body) - body[-1])]
        _read(kind, flags & 0x1F, body, found)
        position = end
    return found


def _read(kind: int, count: int, body: bytes, found: list[RtcpPacket]) -> None:
    if kind == SENDER_REPORT and len(body) >= 24:
        ssrc, ntp, timestamp = struct.unpack_from("!LQL", body)
        found.append(SenderReport(ssrc, ntp, timestamp))
        _read_reports(body[24:], count, found)
    elif kind == RECEIVER_REPORT and len(body) >= 4:
        _read_reports(body[4:], count, found)
    elif kind == TRANSPORT_FEEDBACK and count == NACK and len(body) >= 12:
        found.append(Nack(struct.unpack_from("!L", body, 4)[0], _read_lost(body[8:])))
    elif kind == PAYLOAD_FEEDBACK and count == PICTURE_LOSS and len(body) >= 8:
        found.append(KeyframeRequest(struct.unpack_from("!L", body, 4)[0]))
    elif kind == PAYLOAD_FEEDBACK and count == FULL_INTRA_REQUEST and len(body) >= 16:
        found.append(KeyframeRequest(struct.unpack_from("!L", body, 8)[0]))
    elif kind == PAYLOAD_FEEDBACK and count == APPLICATION_LAYER and len(body) >= 16 and body[8:12] == b"REMB":
        ssrc, (high, low) = struct.unpack_from("!L", body)[0], struct.unpack_from("!BH", body, 13)
        found.append(BandwidthEstimate(ssrc, ((high & 3) << 16 | low) << (high >> 2)))
    elif kind == EXTENDED_REPORT and len(body) >= 4:
        _read_blocks(body, found)


def _read_blocks(body: bytes, found: list[RtcpPacket]) -> None:
    """Read the first clock among an extended report's blocks."""
    position = 4
    while position + 4 <= len(body):
        kind, _, words = struct.unpack_from("!BBH", body, position)
        if kind == REFERENCE_TIME and words == 2 and position + 12 <= len(body):
            (ntp,) = struct.unpack_from("!Q", body, position + 4)
            found.append(ReferenceTime(struct.unpack_from("!L", body)[0], ntp))
            return
        position += 4 + 4 * words


def _read_reports(body: bytes, count: int, found: list[RtcpPacket]) -> None:
    for position in range(0, min(24 * count, len(body) - 23), 24):
        ssrc, fraction = struct.unpack_from("!LB", body, position)
        found.append(LossReport(ssrc, fraction, *struct.unpack_from("!LL", body, position + 16)))


def _read_lost(fields: bytes) -> tuple[int, ...]:
    lost: list[int] = []
    for position in range(0, len(fields) - 3, 4):
        first, following = struct.unpack_from("!HH", fields, position)
        lost.append(first)
        lost.extend((first + 1 + bit) & 0xFFFF for bit in range(16) if following >> bit & 1)
        if len(lost) >= MAX_LOST:
            break
    return tuple(lost[:MAX_LOST])


def packet(kind: int, count: int, body: bytes) -> bytes:
    """Put the common header before `body`, whose length is a multiple of four."""
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


@functools.lru_cache(1024)
def source_description(ssrc: int, cname: str = CNAME) -> bytes:
    """Name the source; every compound packet carries one (RFC 3550 section 6.1)."""
    name = cname.encode("ascii")
    chunk = struct.pack("!LBB", ssrc, 1, len(name)) + name
    return packet(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """Build a sender report without reception blocks."""
    fields = struct.pack("!LQLLL", ssrc, ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return packet(SENDER_REPORT, 0, fields)


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """One block of a receiver report (RFC 3550 section 6.4.1); `delay` is in 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    """Tell a sender how its streams arrive."""
    body = struct.pack("!L", ssrc)
    for block in blocks:
        lost = max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF
        body += struct.pack("!LL", block.ssrc, block.fraction << 24 | lost)
        body += struct.pack("!LLLL", block.highest, block.jitter, block.last_report, block.delay)
    return packet(RECEIVER_REPORT, len(blocks), body)


def nack(ssrc: int, media: int, lost: Iterable[int]) -> bytes:
    """Ask the sender of `media` for packets again (RFC 4585 section 6.2.1)."""
    body = struct.pack("!LL", ssrc, media)
    first, following = -1, 0
    for sequence in lost:
        distance = (sequence - first - 1) & 0xFFFF
        if first >= 0 and distance < 16:
            following |= 1 << distance
            continue
        if first >= 0:
            body += struct.pack("!HH", first, following)
        first, following = sequence, 0
    if first >= 0:
        body += struct.pack("!HH", first, following)
    return packet(TRANSPORT_FEEDBACK, NACK, body)


def picture_loss(ssrc: int, media: int) -> bytes:
    """Ask the sender of `media` for a keyframe (RFC 4585 section 6.3.1)."""
    return packet(PAYLOAD_FEEDBACK, PICTURE_LOSS, struct.pack("!LL", ssrc, media))


def reference_answer(ssrc: int, said: ReferenceTime) -> bytes:
    """Give a receiver its clock back at once, in a compound that begins as RFC 3550 wants it."""
    block = struct.pack("!BBHLLL", REFERENCE_DELAY, 0, 3, said.ssrc, said.ntp >> 16 & 0xFFFFFFFF, 0)
    return receiver_report(ssrc, []) + packet(EXTENDED_REPORT, 0, struct.pack("!L", ssrc) + block)


def transport_wide(ssrc: int, media: int, arrivals: Sequence[tuple[int, int]], count: int) -> bytes:
    """Report arrival times of packets (draft-holmer-rmcat-transport-wide-cc-extensions-01).

    `arrivals` are (sequence number, microseconds), sequence ascending on the 16 bit circle and within 2 s; `count`
    is the running number of these reports.
    """
    base = arrivals[0][0]
    reference = arrivals[0][1] // 64_000
    clock = reference * 256
    symbols: list[int] = []
    deltas = b""
    for sequence, arrived in arrivals:
        symbols.extend([0] * (((sequence - base) & 0xFFFF) - len(symbols)))
        # Quarter milliseconds, counted from the rounded clock so that rounding errors do not add up.
        delta = arrived // 250 - clock
        clock += delta
        if 0 <= delta <= 255:
            symbols.append(1)
            deltas += struct.pack("!B", delta)
        else:
            symbols.append(2)
            deltas += struct.pack("!h", max(-0x8000, min(delta, 0x7FFF)))
    total = len(symbols)
    symbols.extend([0] * (-total % 7))
    chunks = b""
    for position in range(0, len(symbols), 7):
        value = 0b11
        for symbol in symbols[position : position + 7]:
            value = value << 2 | symbol
        chunks += struct.pack("!H", value)
    body = struct.pack("!LLHH", ssrc, media, base, total)
    body += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count & 0xFF]) + chunks + deltas
    # Unmarked zero bytes behind the deltas: the padding bit would need a length byte, receivers read by count.
    return packet(TRANSPORT_FEEDBACK, TRANSPORT_WIDE, body + bytes(-len(body) % 4))
