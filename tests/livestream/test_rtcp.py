"""RTCP against aiortc's reader and writer, and arrival reports against the draft's own rules."""

import struct

from aiortc import rtp as reference
from hypothesis import given
from hypothesis import strategies as st

from livestream import rtcp


def test_what_we_write_another_implementation_reads() -> None:
    """One compound packet of everything."""
    block = rtcp.ReportBlock(ssrc=9, fraction=3, lost=-2, highest=70000, jitter=5, last_report=6, delay=7)
    data = rtcp.sender_report(1, 2**63, 90000, 10, 1000) + rtcp.source_description(1, "vitrine")
    data += rtcp.receiver_report(1, [block]) + rtcp.nack(1, 9, [65535, 0, 16, 40]) + rtcp.picture_loss(1, 9)
    sender, names, receiver, nack, loss = reference.RtcpPacket.parse(data)
    assert sender.sender_info.ntp_timestamp == 2**63
    assert (sender.sender_info.rtp_timestamp, sender.sender_info.octet_count) == (90000, 1000)
    assert names.chunks[0].items == [(1, b"vitrine")]
    report = receiver.reports[0]
    assert (report.packets_lost, report.highest_sequence, report.lsr, report.dlsr) == (-2, 70000, 6, 7)
    assert [lost & 0xFFFF for lost in nack.lost] == [65535, 0, 16, 40]
    assert (loss.fmt, loss.media_ssrc) == (1, 9)


def test_what_another_implementation_writes_we_read() -> None:
    """NACK, PLI, reports; unknown ones are left out."""
    info = reference.RtcpReceiverInfo(5, 128, 3, 4, 5, 6, 7)
    data = bytes(reference.RtcpRrPacket(ssrc=1, reports=[info]))
    data += bytes(reference.RtcpByePacket(sources=[1]))
    data += bytes(reference.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[7, 8, 30]))
    data += bytes(reference.RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=3))
    data += bytes(reference.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=struct.pack("!LL", 4, 0)))
    assert rtcp.parse(data) == [
        rtcp.LossReport(5, 128, 6, 7),
        rtcp.Nack(2, (7, 8, 30)),
        rtcp.KeyframeRequest(3),
        rtcp.KeyframeRequest(4),
    ]


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=60, unique=True))
def test_any_set_of_lost_packets_survives_the_way(lost: list[int]) -> None:
    """Whatever the order and the distances."""
    (read,) = rtcp.parse(rtcp.nack(1, 2, lost))
    assert isinstance(read, rtcp.Nack)
    assert set(read.lost) == set(lost)


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    """Nothing raises."""
    for kind in (200, 201, 205, 206):
        rtcp.parse(bytes([0x81, kind]) + data)
    rtcp.parse(data)


@given(
    st.integers(0, 65535),
    st.lists(st.tuples(st.integers(1, 20), st.integers(-3000, 90_000)), min_size=1, max_size=80),
)
def test_arrival_reports_say_when_each_packet_came(first: int, steps: list[tuple[int, int]]) -> None:
    """Read back by the draft's rules: every number's arrival is right to a quarter of a millisecond."""
    number, clock = first, 1_000_000
    arrivals = [(number, clock)]
    for distance, passed in steps:
        number, clock = (number + distance) & 0xFFFF, clock + passed
        arrivals.append((number, clock))
    data = rtcp.transport_wide(1, 2, arrivals, 300)
    words, base, count = struct.unpack_from("!H8xHH", data, 2)
    assert len(data) == 4 * words + 4
    assert base == first
    reference_time, running = int.from_bytes(data[16:19], "big"), data[19]
    assert running == 300 & 0xFF
    symbols: list[int] = []
    position = 20
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", data, position)
        assert chunk >> 14 == 0b11
        symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        position += 2
    ticks = reference_time * 256
    read = {}
    for distance, symbol in enumerate(symbols[:count]):
        if symbol:
            (delta,) = struct.unpack_from("!B" if symbol == 1 else "!h", data, position)
            position += symbol
            ticks += delta
            read[(base + distance) & 0xFFFF] = ticks * 250
    assert set(read) == {number for number, _ in arrivals}
    assert all(abs(read[number] - at) <= 250 for number, at in arrivals)


def test_estimate_of_the_bandwidth_is_read() -> None:
    """draft-alvestrand-rmcat-remb section 2.2: six bits of exponent, eighteen of mantissa."""
    body = struct.pack("!LL4sBBH", 7, 0, b"REMB", 1, 3 << 2 | 1, 0x86A0) + struct.pack("!L", 9)
    assert rtcp.parse(rtcp.packet(206, 15, body)) == [rtcp.BandwidthEstimate(7, 0x186A0 << 3)]
    assert rtcp.parse(rtcp.packet(206, 15, body[:12])) == []
