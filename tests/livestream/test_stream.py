"""Streams on their way to viewers: numbering, batches, joiners, layers and the drop rule."""

import itertools
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream import rtcp
from livestream.layer import HISTORY, Packet
from livestream.viewer import PORTION, PORTION_PAUSE
from tests.livestream.harness import H264_DELTA, H264_KEY
from tests.livestream.wire import PICTURE, REPAIR, SOUND, Room, Watcher

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(by_native: bool) -> Iterator[Room]:
    made = Room(by_native=by_native)
    yield made
    made.ingress.close()


async def test_header_is_rewritten_and_extensions_are_left_out(room: Room) -> None:
    """Payload type and SSRC are the viewer's, marker and timestamp the packet's."""
    watcher = room.watcher()
    room.send(9, H264_KEY, stamp=8)
    (read,) = watcher.of(PICTURE)
    assert (read.ssrc, read.sequence, read.timestamp) == (room.stream.tracks["video"].ssrc, 9, 8)
    assert (read.marker, read.extensions, read.body) == (True, b"", H264_KEY)


async def test_joiner_waits_for_a_keyframe_and_gets_its_whole_frame(room: Room) -> None:
    """What stands before the parameter sets in the same frame comes along, once; those who watch see no change."""
    old = room.watcher()
    room.send(1, H264_KEY)
    room.now += 3
    new = room.watcher()
    room.send(2)
    for number, body in ((3, b"\x09\x10"), (4, b"\x06\x05"), (5, H264_KEY), (6, b"\x65more")):
        room.picture(number, body, stamp=9000, marker=number == 6)
    room.flush()
    assert [packet.sequence for packet in new.of(PICTURE)] == [3, 4, 5, 6]
    assert [packet.sequence for packet in old.of(PICTURE)] == [1, 2, 3, 4, 5, 6]
    assert room.asked


async def test_joiner_gets_the_last_group_at_once_and_ends_at_the_live_edge(room: Room) -> None:
    """Its frames are due one after the other just before the newest, whose own time it keeps; then all is as it was."""
    room.send(10, H264_KEY)
    for number in range(11, 40):
        room.now += 1 / 30
        room.send(number)
    watcher = room.watcher()
    assert room.asked == []
    got = watcher.of(PICTURE)
    assert [packet.sequence for packet in got] == list(range(10, 40))
    assert got[-1].timestamp == 39 * 3000
    assert [b.timestamp - a.timestamp for a, b in itertools.pairwise(got)] == [90] * 29
    room.send(40)
    assert watcher.of(PICTURE)[-1].timestamp == 40 * 3000
    # One that comes late belongs to a frame of the group: it is due when that is.
    watcher.viewer.take_rtcp(rtcp.nack(1, room.stream.tracks["video"].ssrc, [20]))
    assert watcher.receive() == []


@pytest.mark.parametrize("spoil", ["age", "gap", "size"])
async def test_group_that_is_old_broken_or_large_is_not_sent_again(room: Room, spoil: str) -> None:
    """The joiner waits for the next keyframe, which is asked for."""
    room.send(10, H264_KEY)
    for number in range(11, 20):
        if not (spoil == "gap" and number == 15):
            room.send(number, H264_DELTA + bytes(1000) * (120 if spoil == "size" else 1))
    room.now += 2.5 if spoil == "age" else 0.1
    room.send(20)
    watcher = room.watcher()
    assert watcher.of(PICTURE) == []
    assert room.asked == [""]
    room.send(21, H264_KEY)
    assert [packet.sequence for packet in watcher.of(PICTURE)] == [21]


async def test_full_viewer_pauses_until_the_next_keyframe_and_sees_no_gap(room: Room) -> None:
    """It asks for a keyframe; others are not held up."""
    slow, fast = room.watcher(), room.watcher()
    slow.wire.room = 3
    for number, body in enumerate([H264_KEY, *[H264_DELTA] * 5], start=10):
        room.send(number, body)
    slow.wire.room = 100
    room.send(16)
    room.send(17, H264_KEY)
    room.send(18)
    assert [packet.sequence for packet in slow.of(PICTURE)] == [10, 11, 12, 13, 14]
    assert [packet.body for packet in slow.of(PICTURE)[3:]] == [H264_KEY, H264_DELTA]
    assert [packet.sequence for packet in fast.of(PICTURE)] == list(range(10, 19))
    assert room.asked


async def test_late_packet_without_room_does_not_give_its_number_to_another(room: Room) -> None:
    watcher = room.watcher()
    for number in (1, 2, 4, 5):
        room.send(number, H264_KEY)
    watcher.wire.room = 0
    room.send(3)
    watcher.wire.room = 10
    room.send(6, H264_KEY)
    assert [packet.sequence for packet in watcher.of(PICTURE)] == [1, 2, 4, 5, 6]


async def test_late_packet_is_sent_to_those_who_are_past_it(room: Room) -> None:
    """Not to one who began behind it."""
    old = room.watcher()
    room.send(1, H264_KEY)
    room.send(3)
    room.now += 3
    new = room.watcher()
    room.send(4, H264_KEY)
    room.send(6)
    room.send(2)
    room.send(5)
    assert [packet.sequence for packet in old.of(PICTURE)] == [1, 3, 4, 6, 2, 5]
    assert [packet.sequence for packet in new.of(PICTURE)] == [4, 6, 5]


async def test_duplicates_and_ancient_packets_are_not_forwarded(room: Room) -> None:
    watcher = room.watcher()
    room.send(0, H264_KEY)
    for number in range(1, HISTORY + 10):
        room.send(number)
    assert not room.send(HISTORY)
    assert not room.send(3)
    assert len(watcher.of(PICTURE)) == HISTORY + 10
    layer = room.stream.tracks["video"].layer()
    assert layer.find(HISTORY + 9) is not None
    assert layer.find(9) is None


async def test_viewer_that_would_start_before_the_roll_over_is_moved_past_it(room: Room) -> None:
    """Its receiver counts roll-overs from zero, even if the first packets are lost."""
    watcher = room.watcher()
    room.send(65_530, H264_KEY)
    room.send(65_540)
    assert [packet.sequence for packet in watcher.of(PICTURE)] == [2042, 2052]


async def test_numbers_hold_through_roll_overs_for_old_viewers_and_new(room: Room) -> None:
    """libsrtp decrypts both, and finds what is asked for again; most packets of these hours are lost on the way in."""
    old = room.watcher()
    room.send(100, H264_KEY)
    late: Watcher | None = None
    for number in range(150, 140_000, 50):
        if number == 70_000:
            room.now += 3
            late = room.watcher()
        room.send(number, H264_KEY if number == 70_000 else H264_DELTA)
    assert late is not None
    assert len(old.of(PICTURE)) == 2798
    assert len(late.of(PICTURE)) == 1400
    for watcher in (old, late):
        found = watcher.viewer.lanes["video"].find(139_950 & 0xFFFF)
        assert found is not None
        assert found[1].sequence == 139_950


async def test_frame_goes_out_in_one_call_with_its_sound(room: Room) -> None:
    """Nearly equal packets are padded to one length; the shorter last one and sound end a call."""
    watcher = room.watcher()
    for number, length in enumerate((1000, 1003, 990, 1001), start=1):
        room.picture(number, H264_KEY + bytes(length), stamp=0, marker=number == 4)
    room.sound(1)
    room.flush()
    first, *rest = watcher.wire.calls
    assert [len(datagram) for datagram in first[:4]] == [12 + len(H264_KEY) + 1003 + 16] * 3 + [
        12 + len(H264_KEY) + 1001 + 16
    ]
    assert [len(call) for call in (first, *rest)] == [4, 1]
    assert [len(packet.body) - len(H264_KEY) for packet in watcher.of(PICTURE)] == [1000, 1003, 990, 1001]
    room.picture(5, bytes(1000))
    room.sound(2)
    room.flush()
    assert [len(datagram) for datagram in watcher.wire.calls[-1]] == [1028, 33]
    assert [packet.body for packet in watcher.of(SOUND)] == [b"sound"] * 2


async def test_nack_is_answered_by_the_same_bytes_or_in_rtx(room: Room) -> None:
    """Once within 20 ms; what was never sent is not found."""
    plain, modern = room.watcher(), room.watcher(repairs=True)
    room.send(5, H264_KEY)
    room.send(6, H264_DELTA + b"six")
    ssrc = room.stream.tracks["video"].ssrc
    for watcher in (plain, modern):
        watcher.receive()
        for _ in range(3):
            watcher.viewer.take_rtcp(rtcp.nack(1, ssrc, [4, 6, 7]))
    assert len(plain.wire.calls) == len(modern.wire.calls) == 3
    assert plain.wire.calls[2] == plain.wire.calls[1]
    (again,) = modern.of(REPAIR)
    assert again.ssrc == room.stream.tracks["video"].repair_ssrc
    assert again.timestamp == 6 * 3000
    assert again.body == (6).to_bytes(2, "big") + H264_DELTA + b"six"


async def test_repairs_are_sent_twice_on_a_lossy_way(room: Room) -> None:
    """Byte for byte, a moment later, and only while the viewer reports loss."""
    watcher = room.watcher(repairs=True)
    ssrc = room.stream.tracks["video"].ssrc
    for number in range(5, 9):
        room.send(number, H264_KEY)
    watcher.viewer.take_rtcp(rtcp.receiver_report(1, [rtcp.ReportBlock(ssrc, 20, 0, 0, 0, 0, 0)]))
    watcher.viewer.take_rtcp(rtcp.nack(1, ssrc, [6]))
    sent = list(watcher.wire.calls)
    ((delay, work, arguments),) = room.later
    assert delay < 0.02
    work(*arguments)
    assert watcher.wire.calls == [*sent, sent[-1]]
    watcher.viewer.take_rtcp(rtcp.receiver_report(1, [rtcp.ReportBlock(ssrc, 1, 0, 0, 0, 0, 0)]))
    watcher.viewer.take_rtcp(rtcp.nack(1, ssrc, [7]))
    assert len(room.later) == 1
    assert [packet.body[:2] for packet in watcher.of(REPAIR)] == [b"\0\6", b"\0\7"]


async def test_what_a_burst_lost_is_sent_again_in_portions(room: Room) -> None:
    """As a group is: what was lost by a queue that was full would be lost in it again."""
    watcher = room.watcher(repairs=True)
    ssrc = room.stream.tracks["video"].ssrc
    for number in range(5, 85):
        room.send(number, H264_KEY)
    watcher.viewer.take_rtcp(rtcp.nack(1, ssrc, range(10, 80)))
    assert len(watcher.of(REPAIR)) == PORTION
    assert [delay / PORTION_PAUSE for delay, _, _ in room.later] == [1] * PORTION + [2] * (70 - 2 * PORTION)
    for _, work, arguments in room.later:
        work(*arguments)
    assert len(watcher.of(REPAIR)) == 70


async def test_viewers_clock_is_given_back_at_once(room: Room) -> None:
    """RFC 3611: the answer names the middle of its time, and no delay; it goes into a whole compound."""
    watcher = room.watcher()
    before = len(watcher.wire.calls)
    clock = 0x0123456789ABCDEF
    asked = rtcp.packet(rtcp.EXTENDED_REPORT, 0, struct.pack("!LBBHQ", 77, rtcp.REFERENCE_TIME, 0, 2, clock))
    watcher.viewer.take_rtcp(rtcp.receiver_report(77, []) + asked)
    ((answer,),) = watcher.wire.calls[before:]
    assert answer[1] == rtcp.RECEIVER_REPORT
    plain = rtcp.reference_answer(room.stream.tracks["video"].ssrc, rtcp.ReferenceTime(77, clock))
    assert plain[-16:] == struct.pack("!BBHLLL", 5, 0, 3, 77, 0x456789AB, 0)


async def test_republish_goes_on_in_time_and_number(room: Room) -> None:
    """New numbers, new clock: viewers see neither, and begin with a keyframe."""
    watcher = room.watcher()
    room.send(65_500, H264_KEY, stamp=2**32 - 5)
    room.stream.begin_source(room.now)
    room.now += 2
    room.send(700, stamp=40)
    room.send(701, H264_KEY, stamp=3040)
    first, second = watcher.of(PICTURE)
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 2 * 90_000 + 3000
    assert second.sequence == (first.sequence + 1) & 0xFFFF
    assert second.body == H264_KEY


async def test_another_layer_goes_on_from_its_keyframe_without_a_freeze(room: Room) -> None:
    """Until then the present one is sent; numbers have no gap, time never goes back."""
    for rid in ("h", "l"):
        room.layer(rid)
    watcher = room.watcher()
    for number in range(30):
        room.now += 1 / 30
        room.picture(500 + number, H264_KEY if not number else H264_DELTA, stamp=number * 3000 + 7, rid="l")
        room.picture(number, H264_KEY if not number else H264_DELTA + b"h", stamp=number * 3000, rid="h")
        room.flush()
    lane = watcher.viewer.lanes["video"]
    layers = room.stream.tracks["video"].layers
    assert lane.span is not None
    start = lane.span.layer
    other = layers["h"] if start is layers["l"] else layers["l"]
    watcher.viewer._switch(lane, other)
    for number in range(30, 60):
        room.now += 1 / 30
        for rid, base in (("l", 500), ("h", 0)):
            room.picture(base + number, H264_KEY if number == 40 else H264_DELTA, stamp=number * 3000, rid=rid)
        room.flush()
    assert lane.span.layer is other
    got = watcher.of(PICTURE)
    assert [packet.sequence for packet in got] == list(range(got[0].sequence, got[0].sequence + len(got)))
    # At the change one instant is seen in both.
    assert len(got) in (60, 61)
    times = [packet.timestamp for packet in got]
    assert all(0 < (b - a) & 0xFFFFFFFF < 90_000 for a, b in itertools.pairwise(times))
    # What was sent of the layer before is still found under its number.
    found = lane.find(got[35].sequence)
    assert found is not None
    assert found[1].layer is start


async def test_clock_is_told_in_the_time_of_the_lane(room: Room) -> None:
    """A joiner hears it twice at once, so that lips are in time soon."""
    room.send(1, H264_KEY)
    layer = room.stream.tracks["video"].layer()
    room.stream.report(layer, 11 << 32, 3000, room.now)
    room.now += 1
    watcher = room.watcher()
    told = [call for call in watcher.wire.calls if 192 <= call[0][1] < 224]
    assert len(told) == 2
    # A viewer that names the first one 200 ms later, and held it for 150 ms, is 50 ms away and back.
    room.now += 0.2
    block = rtcp.ReportBlock(room.stream.tracks["video"].ssrc, 0, 0, 0, 0, 11 << 16, round(0.15 * 65536))
    watcher.viewer.take_rtcp(rtcp.receiver_report(1, [block]))
    assert watcher.viewer.round_trip == pytest.approx(0.05, abs=1e-4)


class Tape:
    """A reader that is no viewer."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.clocks: list[tuple[int, int]] = []

    def write(self, packet: Packet) -> None:
        self.packets.append(packet)

    def report(self, ntp: int, timestamp: int) -> None:
        self.clocks.append((ntp, timestamp))


async def test_reader_follows_the_heaviest_layer_in_numbers_that_go_on(room: Room) -> None:
    """It gets late packets too, and packets as the publisher sent them."""
    tape = Tape()
    track = room.stream.tracks["video"]
    track.join(tape, room.now)
    for number in range(3):
        room.send(number, H264_KEY, rid="l")
    room.now += 1
    for layer in track.layers.values():
        layer.tick(room.now)
    room.send(900, H264_DELTA + bytes(500), rid="h")
    room.now += 1
    for layer in track.layers.values():
        layer.tick(room.now)
    room.send(902, H264_KEY + bytes(500), rid="h")
    room.send(903, rid="h")
    room.send(4, rid="l")
    room.send(904, rid="h")
    assert [packet.sequence for packet in tape.packets] == [0, 1, 2, 3, 4, 5]
    assert tape.packets[3].payload == H264_KEY + bytes(500)


@given(
    st.integers(0, 65_535),
    st.lists(
        st.tuples(st.integers(-20, 40), st.booleans(), st.integers(0, 6), st.sampled_from("hl"), st.integers(0, 30)),
        max_size=120,
    ),
)
async def test_no_number_is_ever_used_for_two_contents(
    by_native: bool, start: int, steps: list[tuple[int, bool, int, str, int]]
) -> None:
    """With GCM the same number under the same key with other bytes would give the key stream away.

    Duplicates, reordering, roll-overs, full sockets, republishing, joiners, layers and retransmissions in any order;
    `Watcher.receive` compares everything that leaves.
    """
    room = Room(by_native=by_native)
    try:
        watchers = [room.watcher(), room.watcher(repairs=True)]
        numbers = {"h": start, "l": (start + 999) & 0xFFFF}
        for index, (step, key, space, rid, event) in enumerate(steps):
            room.now += 0.01
            numbers[rid] = (numbers[rid] + step) & 0xFFFF
            watchers[0].wire.room = space
            if event == 0:
                room.stream.begin_source(room.now)
            elif event == 1 and len(watchers) < 6:
                watchers.append(room.watcher(repairs=bool(space % 2)))
            elif event in (2, 3):
                for watcher in watchers:
                    ssrc = room.stream.tracks["video"].ssrc
                    lost = [(number - event) & 0xFFFF for number in numbers.values()]
                    watcher.viewer.take_rtcp(rtcp.nack(1, ssrc, lost))
            elif event == 4:
                for watcher in watchers:
                    watcher.viewer._switch(watcher.viewer.lanes["video"], room.stream.tracks["video"].layer(rid))
            body = (H264_KEY if key else H264_DELTA) + bytes(step % 7) + index.to_bytes(2, "big")
            room.picture(numbers[rid], body, stamp=index * 900, rid=rid, marker=bool(index % 3))
            if index % 2:
                room.sound(index)
            if event % 4:
                room.flush()
        room.flush()
        for watcher in watchers:
            watcher.receive()
    finally:
        room.ingress.close()
