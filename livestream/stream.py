"""One influencer's audio and video: history for retransmission, readers, and the drop rule."""

import secrets
from collections.abc import Callable

from livestream import rtp

#: Packets kept for retransmission, a power of two; at 200 packets a second 2.5 s.
HISTORY = 512
#: libsrtp's receivers start at roll-over count zero: who joins this close before a roll-over and loses the first
#: packets would never decrypt again, so such a reader is moved past it.
NEAR_ROLL_OVER = 1024
#: Seconds between two reports below which the second would say nothing about the clock's rate.
CLOCK_STEP = 0.1
#: A publisher that comes back continues this many packets later, so that its first packets cannot be taken for
#: retransmissions of what the last publisher sent.
REPUBLISH_GAP = 16


class Packet:
    """One packet in the numbers of the stream, which count on beyond 16 bits.

    `wires` keeps it serialised once for each way it is numbered.
    """

    __slots__ = ("body", "flags", "late", "marker", "sequence", "timestamp", "wires")

    def __init__(self, sequence: int, timestamp: int, marker: bool, padded: bool, body: bytes, late: bool) -> None:
        self.sequence = sequence
        self.timestamp = timestamp
        self.marker = 0x80 if marker else 0
        self.flags = 0x80 | rtp.PADDING if padded else 0x80
        self.body = body
        self.late = late
        self.wires: dict[tuple[int, int], bytes] = {}

    def wire(self, key: tuple[int, int], ssrc: int) -> bytes:
        """Serialise for readers whose (payload type, sequence offset) is `key`; no header extension is forwarded."""
        found = self.wires.get(key)
        if found is None:
            header = rtp.HEADER.pack(
                self.flags, self.marker | key[0], (self.sequence + key[1]) & 0xFFFF, self.timestamp, ssrc
            )
            found = self.wires[key] = header + self.body
        return found


class Reader:
    """Somebody who reads one track: a viewer now, a recorder or a packager as well.

    The queue of a viewer is the socket's buffer: `write` answers False when it is full. Then nothing more is written
    until the next keyframe, from which the reader continues without a gap in its numbers.
    """

    def __init__(self, payload_type: int) -> None:
        self.waiting = True
        self.key = (payload_type, 0)
        self._first = 0
        self._next: int | None = None

    def write(self, packet: Packet) -> bool:
        """Take a packet or refuse it for want of room; must not block."""
        raise NotImplementedError

    def report(self, ntp: int, timestamp: int) -> None:
        """Take the publisher's clock: `timestamp` of the track was at `ntp`."""

    def begin(self, sequence: int) -> None:
        """Start, or start again, with the stream's packet `sequence`."""
        offset = 0 if self._next is None else (self._next - sequence) & 0xFFFF
        if self._next is None and sequence & 0xFFFF > 0xFFFF - NEAR_ROLL_OVER:
            offset = 2 * NEAR_ROLL_OVER
        self.key = (self.key[0], offset)
        self._first = sequence
        self.waiting = False

    def has_begun_before(self, sequence: int) -> bool:
        """Tell whether the stream's packet `sequence` belongs to what this reader was given."""
        return not self.waiting and sequence >= self._first

    def pause(self, sequence: int) -> None:
        """Wait for the next keyframe; the stream's packet `sequence` was not written, and none after it."""
        self._next = sequence + self.key[1]
        self.waiting = True

    def source_sequence(self, number: int, newest: int) -> int:
        """Turn a 16 bit number that this reader saw into the stream's, near its packet `newest`."""
        return newest + rtp.distance((number - self.key[1]) & 0xFFFF, newest & 0xFFFF)


class Track:
    """One kind of media of a stream, in numbers of its own that go on when a publisher comes back."""

    def __init__(self, kind: str, codec: str, clock_rate: int) -> None:
        self.kind = kind
        self.codec = codec
        self.clock_rate = clock_rate
        self.ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self.readers: list[Reader] = []
        self.packets = 0
        self.octets = 0
        self.keyframes = 0
        #: The publisher's last report: its clock (64 bit NTP), the stream's timestamp, when it came.
        self._clock: tuple[int, int, float] | None = None
        #: Called when a reader cannot go on without a keyframe.
        self.wants_keyframe: Callable[[], None] = lambda: None
        self._history: list[Packet | None] = [None] * HISTORY
        self._newest: Packet | None = None
        self._fresh = True
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._moved = 0.0
        self._frame_start: int | None = None
        self._frame_is_key = False
        self._is_keyframe = {"h264": rtp.is_h264_keyframe, "vp8": rtp.is_vp8_keyframe}.get(codec)

    def begin_source(self) -> None:
        """A publisher starts or starts again: its numbers are continued from the last ones."""
        self._fresh = True
        self._frame_start = None
        self._clock = None
        if self._is_keyframe is not None and self._newest is not None:
            for reader in self.readers:
                if not reader.waiting:
                    reader.pause(self._newest.sequence + 1)

    def join(self, reader: Reader, now: float) -> None:
        """Add a reader; of video it gets nothing before a keyframe, which is asked for.

        The clock it gets at once, and twice: browsers keep lips in time from the second report on, and publishers
        report sound every five seconds only.
        """
        self.readers.append(reader)
        if self._clock is not None:
            ntp, timestamp, at = self._clock
            reader.report(ntp, timestamp)
            passed = now - at
            if passed > CLOCK_STEP:
                later = (timestamp + round(passed * self.clock_rate)) & 0xFFFFFFFF
                reader.report(ntp + round(passed * 2**32), later)
        if self._is_keyframe is not None:
            self.wants_keyframe()

    def leave(self, reader: Reader) -> None:
        """Remove a reader."""
        if reader in self.readers:
            self.readers.remove(reader)

    @property
    def newest(self) -> int:
        """The number of the newest packet; 0 before the first."""
        return self._newest.sequence if self._newest is not None else 0

    def find(self, sequence: int) -> Packet | None:
        """Look up a packet of the history by the stream's number."""
        packet = self._history[sequence % HISTORY]
        return packet if packet is not None and packet.sequence == sequence else None

    def report(self, ntp: int, timestamp: int, now: float) -> None:
        """Tell every reader which of the stream's timestamps belongs to which instant of the publisher's clock."""
        self._clock = (ntp, timestamp, now)
        for reader in self.readers:
            reader.report(ntp, timestamp)

    def map_timestamp(self, timestamp: int) -> int | None:
        """Turn a timestamp of the publisher into the stream's; None before its first packet."""
        return None if self._fresh else (timestamp + self._timestamp_offset) & 0xFFFFFFFF

    def forward(self, incoming: rtp.RtpPacket, now: float) -> bool:
        """Number a packet, keep it and write it to every reader; False if it is a duplicate or too old."""
        if self._fresh:
            self._continue(incoming, now)
        sequence = (incoming.sequence + self._sequence_offset) & 0xFFFF
        newest = self._newest
        late = False
        if newest is not None:
            sequence = newest.sequence + rtp.distance(sequence, newest.sequence & 0xFFFF)
            late = sequence <= newest.sequence
            if late and (sequence <= newest.sequence - HISTORY or self.find(sequence) is not None):
                return False
        packet = Packet(
            sequence,
            (incoming.timestamp + self._timestamp_offset) & 0xFFFFFFFF,
            incoming.marker,
            incoming.padded,
            incoming.body,
            late,
        )
        self._history[sequence % HISTORY] = packet
        self.packets += 1
        self.octets += len(incoming.body)
        starts = self._is_keyframe is None
        if not late:
            if self._is_keyframe is not None:
                starts = self._watch_frame(packet, newest)
            self._newest = packet
            self._moved = now
        self._write(packet, starts)
        return True

    def _watch_frame(self, packet: Packet, newest: Packet | None) -> bool:
        if newest is None or newest.timestamp != packet.timestamp or self._frame_start is None:
            self._frame_start = packet.sequence
            self._frame_is_key = False
        assert self._is_keyframe is not None, "only video has frames"
        if self._frame_is_key or not self._is_keyframe(packet.body):
            return False
        self._frame_is_key = True
        self.keyframes += 1
        return True

    def _write(self, packet: Packet, starts: bool) -> None:
        sequence = packet.sequence
        for reader in self.readers:
            if reader.waiting:
                if not starts:
                    continue
                first = sequence if self._frame_start is None else self._frame_start
                reader.begin(first)
                # The parameter sets may have a delimiter or a message before them in the same frame.
                for number in range(first, sequence):
                    earlier = self.find(number)
                    if earlier is not None:
                        reader.write(earlier)
            elif packet.late and not reader.has_begun_before(sequence):
                continue
            if not reader.write(packet):
                reader.pause(self.newest + 1 if packet.late else sequence)
                if self._is_keyframe is not None:
                    self.wants_keyframe()

    def _continue(self, incoming: rtp.RtpPacket, now: float) -> None:
        self._fresh = False
        if self._newest is None:
            return
        follow = self._newest.sequence + REPUBLISH_GAP
        passed = round((now - self._moved) * self.clock_rate)
        self._sequence_offset = follow - incoming.sequence
        self._timestamp_offset = (self._newest.timestamp + max(passed, 1) - incoming.timestamp) & 0xFFFFFFFF


class Stream:
    """What is live in one room: its tracks stay while a publisher is away, so that viewers need not join again."""

    def __init__(self, room: str, codecs: dict[str, tuple[str, int]]) -> None:
        self.room = room
        self.tracks = {kind: Track(kind, codec, rate) for kind, (codec, rate) in codecs.items()}

    @property
    def codecs(self) -> dict[str, str]:
        """Codec names by kind, as offers spell them in lower case."""
        return {kind: track.codec for kind, track in self.tracks.items()}
