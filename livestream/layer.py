"""One encoding of a track as its publisher sends it: numbers that go on, history, and the last keyframe's group."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from livestream import rtp

if TYPE_CHECKING:
    from livestream.stream import Track

#: Packets kept for retransmission and for joiners, a power of two; at 200 packets a second 5 s.
HISTORY = 1024
#: A publisher that comes back continues this many packets later, so that its first packets cannot be taken for
#: retransmissions of what the last publisher sent.
REPUBLISH_GAP = 16
#: Seconds without a packet after which an encoding counts as switched off.
SILENCE = 1.5
#: What a joiner is sent at once: at most so many seconds and bytes since the last keyframe.
GROUP_SECONDS = 2.0
GROUP_BYTES = 1024 * 1024


class Packet:
    """One packet in the numbers of its layer, which count on beyond 16 bits; `starts` begins a keyframe."""

    __slots__ = ("body", "flags", "late", "layer", "marker", "sequence", "starts", "timestamp")

    def __init__(
        self, layer: "Layer", sequence: int, timestamp: int, marker: bool, padded: bool, body: bytes, late: bool
    ) -> None:
        self.layer = layer
        self.sequence = sequence
        self.timestamp = timestamp
        self.marker = 0x80 if marker else 0
        self.flags = 0x80 | rtp.PADDING if padded else 0x80
        self.body = body
        self.late = late
        self.starts = False

    @property
    def payload(self) -> bytes:
        """The body without its padding."""
        return self.body[: -self.body[-1]] if self.flags & rtp.PADDING else self.body

    def moved(self, shift: int) -> "Packet":
        """Copy the packet under another number, for a reader that follows more than one layer."""
        copy = Packet(self.layer, self.sequence + shift, self.timestamp, False, False, self.body, self.late)
        copy.marker, copy.flags, copy.starts = self.marker, self.flags, self.starts
        return copy

    def pad(self, size: int) -> None:
        """Lengthen the body to `size` bytes, at most 255 more (RFC 3550 section 5.1); once, before it is sent."""
        assert not self.flags & rtp.PADDING, "a packet is padded once"
        count = size - len(self.body)
        self.body += bytes(count - 1) + bytes([count])
        self.flags |= rtp.PADDING


class Layer:
    """Numbers packets, finds keyframes, remembers; `rid` names the encoding, empty where there is only one."""

    def __init__(self, track: "Track", rid: str = "") -> None:
        self.track = track
        self.rid = rid
        self.packets = 0
        self.octets = 0
        self.keyframes = 0
        #: Bit/s, smoothed over a few seconds by `tick`.
        self.rate = 0.0
        self.newest: Packet | None = None
        #: The newest packet that was handed to the viewers.
        self.delivered = -1
        #: When the newest packet came.
        self.moved = 0.0
        #: The first packet of the frame that `newest` belongs to.
        self._frame_start: int | None = None
        #: The publisher's last report: its clock (64 bit NTP), the stream's timestamp, when it came.
        self.clock: tuple[int, int, float] | None = None
        #: Asks the publisher for a keyframe of this layer.
        self.request_keyframe: Callable[[], None] = lambda: None
        self._history: list[Packet | None] = [None] * HISTORY
        self._fresh = True
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._frame_is_key = False
        self._is_keyframe = {"h264": rtp.is_h264_keyframe, "vp8": rtp.is_vp8_keyframe}.get(track.codec)
        #: The first packet of the last keyframe, when it came, and the octets before it.
        self._group: tuple[int, float, int] | None = None
        self._counted = (0, 0.0)

    def begin_source(self) -> None:
        """A publisher starts or starts again: its numbers are continued from the last ones."""
        self._fresh = True
        self._frame_start = None
        self.clock = None
        self._group = None

    def is_active(self, now: float) -> bool:
        """Tell whether the publisher sends this layer at present."""
        return not self._fresh and now - self.moved < SILENCE

    def find(self, sequence: int) -> Packet | None:
        """Look up a packet of the history."""
        packet = self._history[sequence % HISTORY]
        return packet if packet is not None and packet.sequence == sequence else None

    def map_timestamp(self, timestamp: int) -> int | None:
        """Turn a timestamp of the publisher into the stream's; None before its first packet."""
        return None if self._fresh else (timestamp + self._timestamp_offset) & 0xFFFFFFFF

    def take(self, incoming: rtp.RtpPacket, now: float) -> Packet | None:
        """Number a packet and keep it; None if it is a duplicate or too old."""
        if self._fresh:
            self._continue(incoming, now)
        sequence = (incoming.sequence + self._sequence_offset) & 0xFFFF
        newest = self.newest
        late = False
        if newest is not None:
            sequence = newest.sequence + rtp.distance(sequence, newest.sequence & 0xFFFF)
            late = sequence <= newest.sequence
            if late and (sequence <= newest.sequence - HISTORY or self.find(sequence) is not None):
                return None
        timestamp = (incoming.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        packet = Packet(self, sequence, timestamp, incoming.marker, incoming.padded, incoming.body, late)
        self._history[sequence % HISTORY] = packet
        if not late:
            if self._is_keyframe is not None:
                self._watch_frame(packet, newest, now)
            self.newest = packet
            self.moved = now
        self.packets += 1
        self.octets += len(incoming.body)
        return packet

    def _watch_frame(self, packet: Packet, newest: Packet | None, now: float) -> None:
        if newest is None or newest.timestamp != packet.timestamp or self._frame_start is None:
            self._frame_start = packet.sequence
            self._frame_is_key = False
        assert self._is_keyframe is not None, "only video has frames"
        if not self._frame_is_key and self._is_keyframe(packet.body):
            self._frame_is_key = packet.starts = True
            self.keyframes += 1
            self._group = (self._frame_start, now, self.octets)

    def _continue(self, incoming: rtp.RtpPacket, now: float) -> None:
        self._fresh = False
        if self.newest is not None:
            self._sequence_offset = self.newest.sequence + REPUBLISH_GAP - incoming.sequence
        reached = self.track.timestamp_at(now)
        if reached is not None:
            # All layers, and every publisher after the first, go on in one time.
            self._timestamp_offset = (reached - incoming.timestamp) & 0xFFFFFFFF

    def group(self, now: float) -> list[Packet]:
        """Return what was sent since the last keyframe, if it is whole, short and small enough to be sent again."""
        if self._group is None or self.newest is None:
            return []
        first, since, octets = self._group
        count = self.newest.sequence - first + 1
        if now - since > GROUP_SECONDS or self.octets - octets > GROUP_BYTES or count > HISTORY // 2:
            return []
        found = [packet for number in range(first, self.newest.sequence + 1) if (packet := self.find(number))]
        return found if len(found) == count else []

    def tick(self, now: float) -> None:
        """Measure the rate; called about once a second."""
        octets, at = self._counted
        if now - at > 0.2:
            rate = (self.octets - octets) * 8 / (now - at)
            self.rate = rate if not self.rate or not rate else self.rate + (rate - self.rate) / 3
            self._counted = (self.octets, now)
