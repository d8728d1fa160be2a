"""Tracks: numbering, history, readers and the drop rule."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream import rtp
from livestream.stream import HISTORY, NEAR_ROLL_OVER, Packet, Reader, Track
from tests.livestream.harness import H264_DELTA, H264_KEY


class Shelf(Reader):
    """A reader with as much room as the test gives it."""

    def __init__(self, payload_type: int = 96) -> None:
        super().__init__(payload_type)
        self.room = 10**9
        self.wires: list[bytes] = []
        self.clocks: list[tuple[int, int]] = []

    def write(self, packet: Packet) -> bool:
        if self.room <= 0:
            return False
        self.room -= 1
        self.wires.append(packet.wire(self.key, 77))
        return True

    def report(self, ntp: int, timestamp: int) -> None:
        self.clocks.append((ntp, timestamp))

    @property
    def numbers(self) -> list[int]:
        return [struct.unpack_from("!H", wire, 2)[0] for wire in self.wires]

    @property
    def bodies(self) -> list[bytes]:
        return [wire[12:] for wire in self.wires]


def video() -> tuple[Track, list[int]]:
    """A track, and a list that grows with each request for a keyframe."""
    track = Track("video", "h264", 90_000)
    asked: list[int] = []
    track.wants_keyframe = lambda: asked.append(track.packets)
    return track, asked


def feed(track: Track, number: int, body: bytes = H264_DELTA, timestamp: int | None = None) -> bool:
    """Forward one packet; one frame each unless a timestamp is given."""
    stamp = number * 3000 if timestamp is None else timestamp
    packet = rtp.RtpPacket(102, True, number & 0xFFFF, stamp & 0xFFFFFFFF, 5, False, body, b"ext")
    return track.forward(packet, number / 30)


def test_header_is_rewritten_and_extensions_are_left_out() -> None:
    """Payload type and SSRC are the reader's, marker and padding the packet's."""
    track, _ = video()
    reader = Shelf(payload_type=120)
    track.join(reader, 0.0)
    track.forward(rtp.RtpPacket(102, True, 9, 8, 5, True, H264_KEY + b"\1", b"ext"), 0.0)
    read = rtp.parse(reader.wires[0])
    assert read is not None
    assert (read.payload_type, read.ssrc, read.sequence, read.timestamp) == (120, 77, 9, 8)
    assert (read.marker, read.padded, read.extensions, read.body) == (True, True, b"", H264_KEY + b"\1")


def test_joiner_waits_for_a_keyframe_and_gets_its_whole_frame() -> None:
    """What stands before the parameter sets in the same frame comes along, once."""
    track, asked = video()
    old, new = Shelf(), Shelf()
    track.join(old, 0.0)
    feed(track, 1, H264_KEY)
    track.join(new, 0.0)
    assert asked == [0, 1]
    feed(track, 2)
    feed(track, 3, b"\x09\x10", 9000)
    feed(track, 4, b"\x06\x05", 9000)
    feed(track, 5, H264_KEY, 9000)
    feed(track, 6, b"\x65more", 9000)
    assert new.numbers == [3, 4, 5, 6]
    assert old.numbers == [1, 2, 3, 4, 5, 6]


def test_full_reader_pauses_until_the_next_keyframe_and_sees_no_gap() -> None:
    """It asks for a keyframe; others are not held up."""
    track, asked = video()
    slow, fast = Shelf(), Shelf()
    track.join(slow, 0.0)
    track.join(fast, 0.0)
    slow.room = 3
    for number, body in enumerate([H264_KEY, *[H264_DELTA] * 5], start=10):
        feed(track, number, body)
    assert slow.numbers == [10, 11, 12]
    assert asked[2:] == [4]
    slow.room = 100
    feed(track, 16)
    feed(track, 17, H264_KEY)
    feed(track, 18)
    assert slow.numbers == [10, 11, 12, 13, 14]
    assert slow.bodies[3:] == [H264_KEY, H264_DELTA]
    assert fast.numbers == list(range(10, 19))
    assert slow.source_sequence(14, track.newest) == 18


def test_late_packet_without_room_does_not_give_its_number_to_another() -> None:
    """The pause begins behind the newest packet, not behind the late one."""
    track, _ = video()
    reader = Shelf()
    track.join(reader, 0.0)
    for number in (1, 2, 4, 5):
        feed(track, number, H264_KEY)
    reader.room = 0
    feed(track, 3)
    reader.room = 10
    feed(track, 6, H264_KEY)
    assert reader.numbers == [1, 2, 4, 5, 6]
    assert reader.source_sequence(6, track.newest) == 6


def test_late_packet_of_before_the_start_is_not_written() -> None:
    """A retransmission that arrives after somebody joined is not part of what they were given."""
    track, _ = video()
    old, new = Shelf(), Shelf()
    track.join(old, 0.0)
    feed(track, 1, H264_KEY)
    feed(track, 3)
    track.join(new, 0.0)
    feed(track, 4, H264_KEY)
    feed(track, 6)
    assert feed(track, 2)
    assert feed(track, 5)
    assert old.numbers == [1, 3, 4, 6, 2, 5]
    assert new.numbers == [4, 6, 5]


def test_duplicates_and_ancient_packets_are_not_forwarded() -> None:
    """Each number is encrypted with one content only."""
    track, _ = video()
    reader = Shelf()
    track.join(reader, 0.0)
    feed(track, 0, H264_KEY)
    for number in range(1, HISTORY + 10):
        feed(track, number)
    assert not feed(track, HISTORY)
    assert not feed(track, 3)
    assert len(reader.numbers) == len(set(reader.numbers)) == HISTORY + 10
    assert track.find(HISTORY + 9) is not None
    assert track.find(9) is None


def test_reader_that_would_start_before_the_roll_over_is_moved_past_it() -> None:
    """Its SRTP receiver counts roll-overs from zero, even if the first packets are lost."""
    track, _ = video()
    reader = Shelf()
    track.join(reader, 0.0)
    feed(track, 65530, H264_KEY)
    feed(track, 65540)
    assert reader.numbers == [(65530 + 2 * NEAR_ROLL_OVER) & 0xFFFF, (65540 + 2 * NEAR_ROLL_OVER) & 0xFFFF]
    assert reader.source_sequence(reader.numbers[1], track.newest) == 65540


def test_packet_is_found_after_any_number_of_roll_overs() -> None:
    """A reader that has been there for long is answered as the first minute."""
    track, _ = video()
    reader = Shelf()
    track.join(reader, 0.0)
    feed(track, 100, H264_KEY)
    for number in range(101, 140_000):
        if number != 139_990:
            feed(track, number)
    sequence = reader.source_sequence(139_980 & 0xFFFF, track.newest)
    assert reader.has_begun_before(sequence)
    assert track.find(sequence) is not None
    assert feed(track, 139_990)
    assert reader.numbers[-2:] == [139_999 & 0xFFFF, 139_990 & 0xFFFF]
    assert len(reader.numbers) == 139_900


@pytest.mark.parametrize("codec", ["h264", "opus"])
def test_republish_goes_on_in_time_and_number(codec: str) -> None:
    """New numbers, new clock: viewers see neither; the old history is not mistaken for the new."""
    rate = 90_000 if codec == "h264" else 48_000
    track = Track("video" if codec == "h264" else "audio", codec, rate)
    reader = Shelf()
    track.join(reader, 0.0)
    track.forward(rtp.RtpPacket(102, True, 65535, 2**32 - 5, 5, False, H264_KEY, b""), 10.0)
    track.report(1, 2, 10.0)
    track.begin_source()
    late = Shelf()
    track.join(late, 11.0)
    assert late.clocks == []
    assert track.map_timestamp(40) is None
    track.forward(rtp.RtpPacket(102, True, 700, 40, 6, False, H264_KEY, b""), 12.0)
    first, second = (rtp.parse(wire) for wire in reader.wires)
    assert first is not None
    assert second is not None
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 2 * rate
    assert 1 <= (second.sequence - first.sequence) & 0xFFFF <= 16
    assert track.map_timestamp(41) == (second.timestamp + 1) & 0xFFFFFFFF


def test_joiner_is_told_the_clock_twice_at_once() -> None:
    """Before its first packet, so that lips are in time soon; what is nearly the same is not said again."""
    track, _ = video()
    track.report(11 << 32, 2**32 - 90_000, 5.0)
    reader, early = Shelf(), Shelf()
    track.join(reader, 7.5)
    assert reader.clocks == [(11 << 32, 2**32 - 90_000), ((11 << 32) + (5 << 31), 135_000)]
    track.join(early, 5.01)
    assert early.clocks == [(11 << 32, 2**32 - 90_000)]


@given(
    st.integers(0, 65535),
    st.lists(st.tuples(st.integers(-20, 40), st.booleans(), st.integers(0, 5)), max_size=200),
    st.randoms(use_true_random=False),
)
def test_no_number_is_ever_used_for_two_contents(
    start: int, steps: list[tuple[int, bool, int]], random: object
) -> None:
    """With GCM the same number under the same key with other bytes would give the key stream away."""
    track, _ = video()
    readers = [Shelf(), Shelf()]
    for reader in readers:
        track.join(reader, 0.0)
    number = start
    for index, (step, key, room) in enumerate(steps):
        if index % 50 == 49:
            track.begin_source()
        number = (number + step) & 0xFFFF
        readers[0].room = room
        body = (H264_KEY if key else H264_DELTA) + index.to_bytes(2, "big")
        track.forward(rtp.RtpPacket(102, True, number, index, 5, False, body, b""), index / 30)
    for reader in readers:
        seen: dict[int, bytes] = {}
        for wire in reader.wires:
            (sequence,) = struct.unpack_from("!H", wire, 2)
            assert seen.setdefault(sequence, wire) == wire
