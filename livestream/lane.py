"""One track on its way to one viewer: which layer it gets, under which numbers, and what was sent under each.

Whoever uses a number twice under one key gives the key stream away (RFC 7714 section 9.1): numbers only go up, and each
belongs to one packet of one layer for ever.
"""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livestream import rtcp, rtp, srtp
from livestream.layer import Layer, Packet
from livestream.packets import Peer

if TYPE_CHECKING:
    from livestream.egress import Item
    from livestream.stream import Track

#: A receiver's roll-over count starts at zero: who begins this close before a roll-over and loses the first packets
#: would never decrypt again, so such a lane is moved past it.
NEAR_ROLL_OVER = 1024
#: Ticks between the frames of a group that is sent again: distinct, and so close that all are due at once.
RETIMED_STEP = 90
#: Ticks by which the first frame of another layer comes after the last one: a screen at 100 Hz.
LEAST_STEP = 900
#: Seconds between two reports below which the second would say nothing about the clock's rate.
CLOCK_STEP = 0.1
#: Layers and pauses that are remembered for retransmission.
MAX_SPANS = 16
#: Everything that is the same for all viewers who can be sent the same headers.
Key = tuple[Layer, int, int, int]


@dataclass(slots=True)
class Span:
    """A stretch of one layer without a break: index = sequence + shift from the layer's packet `sequence` on."""

    layer: Layer
    sequence: int
    shift: int
    time_shift: int = 0
    #: New timestamps of frames that were sent again to a joiner, for packets before `live_from`.
    retimed: dict[int, int] = field(default_factory=dict)
    live_from: int = 0

    def timestamp(self, packet: Packet) -> int | None:
        """Return when the packet is due; None for one of a frame that the joiner was not given."""
        if packet.sequence < self.live_from:
            return self.retimed.get(packet.timestamp)
        return (packet.timestamp + self.time_shift) & 0xFFFFFFFF


class Lane:
    """Numbers a track's packets for one viewer; `span` is the stretch being sent, None while it waits."""

    def __init__(self, peer: Peer, track: "Track", payload_type: int, repair_type: int | None = None) -> None:
        self.peer = peer
        self.track = track
        self.payload_type = payload_type
        #: RTX (RFC 4588); without it a lost packet is sent again as it was.
        self.repair_type = repair_type
        self.span: Span | None = None
        #: The next packet of the group that is sent again, None when the lane goes with the others.
        self.behind: int | None = None
        self._spans: deque[Span] = deque(maxlen=MAX_SPANS)
        self._next: int | None = None
        self._last_timestamp: int | None = None
        self._repairs = secrets.randbelow(0x4000)
        self._counted = [0, 0]
        self._mark = (0, 0)
        self._reported: deque[tuple[int, float]] = deque(maxlen=4)

    @property
    def key(self) -> Key | None:
        """What decides whether two viewers can be sent the same headers; None while it goes alone or waits."""
        span = self.span
        if span is None or self.behind is not None:
            return None
        return (span.layer, self.payload_type, span.shift, span.time_shift)

    def begin(self, layer: Layer, sequence: int, timestamp: int) -> Span:
        """Start, or start again, with the packet `sequence` of `layer`, whose frame is at `timestamp`."""
        self.stop()
        if self._next is None:
            first = sequence & 0xFFFF
            if first > 0xFFFF - NEAR_ROLL_OVER:
                first = (first + 2 * NEAR_ROLL_OVER) & 0xFFFF
        else:
            first = self._next
        span = Span(layer, sequence, first - sequence)
        if self._last_timestamp is not None:
            ahead = ((timestamp - self._last_timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            if ahead <= 0:
                span.time_shift = LEAST_STEP - ahead
        self.span = span
        self._spans.append(span)
        self._mark = (layer.packets, layer.octets)
        return span

    def begin_again(self, group: Sequence[Packet]) -> None:
        """Start with a group from the history, its frames due at once and the newest when it is due anyway."""
        span = self.begin(group[0].layer, group[0].sequence, group[-1].timestamp)
        stamps = list(dict.fromkeys(packet.timestamp for packet in group))
        newest = stamps[-1]
        for age, stamp in enumerate(reversed(stamps)):
            span.retimed[stamp] = (newest + span.time_shift - age * RETIMED_STEP) & 0xFFFFFFFF
        span.live_from = group[-1].sequence + 1
        self.behind = span.sequence

    def stop(self, sequence: int | None = None) -> None:
        """Send nothing more of this stretch; `sequence` is its first packet that was not sent, if that is known."""
        span = self.span
        if span is None:
            return
        end = sequence if sequence is not None else self._end(span)
        self._next = max(end, span.sequence) + span.shift
        last = span.layer.find(end - 1)
        stamp = span.timestamp(last) if last is not None else None
        if stamp is not None:
            self._last_timestamp = stamp
        self._counted = list(self.counts)
        self.span = self.behind = None

    def _end(self, span: Span) -> int:
        return self.behind if self.behind is not None else span.layer.delivered + 1

    @property
    def counts(self) -> tuple[int, int]:
        """Packets and octets sent, for sender reports."""
        packets, octets = self._counted
        if self.span is None:
            return packets, octets
        layer = self.span.layer
        return packets + layer.packets - self._mark[0], octets + layer.octets - self._mark[1]

    def covers(self, packet: Packet) -> bool:
        """Tell whether this late packet belongs to what has been sent."""
        span = self.span
        return (
            span is not None
            and packet.layer is span.layer
            and packet.sequence >= span.sequence
            and packet.sequence < self._end(span)
        )

    def item(self, packet: Packet, span: Span | None = None) -> "Item | None":
        """Build what is sent for a packet; None for one that this viewer is not given."""
        span = span or self.span
        assert span is not None, "a lane that waits sends nothing"
        timestamp = span.timestamp(packet)
        if timestamp is None:
            return None
        index = packet.sequence + span.shift
        ssrc = self.track.ssrc
        kind = packet.marker | self.payload_type
        header = rtp.HEADER.pack(packet.flags, kind, index & 0xFFFF, timestamp, ssrc)
        return header, packet.body, ssrc << srtp.SSRC_SHIFT | index

    def find(self, number: int) -> tuple[Span, Packet] | None:
        """Look up what was sent under the 16 bit `number`."""
        if not self._spans:
            return None
        span = self.span
        newest = self._end(span) - 1 + span.shift if span is not None else (self._next or 1) - 1
        index = newest + rtp.distance(number, newest & 0xFFFF)
        if index > newest:
            return None
        for earlier in reversed(self._spans):
            sequence = index - earlier.shift
            if sequence >= earlier.sequence:
                packet = earlier.layer.find(sequence)
                return (earlier, packet) if packet is not None else None
        return None

    def repair(self, span: Span, packet: Packet) -> "Item | None":
        """Build the answer to a NACK: the original in RTX, or the same bytes again."""
        original = self.item(packet, span)
        if original is None or self.repair_type is None:
            return original
        header, body, _ = original
        index = self._repairs
        self._repairs += 1
        flags, kind, number, timestamp, _ = rtp.HEADER.unpack(header)
        ssrc = self.track.repair_ssrc
        head = rtp.HEADER.pack(flags, (kind & 0x80) | self.repair_type, index & 0xFFFF, timestamp, ssrc)
        return head, number.to_bytes(2, "big") + body, ssrc << srtp.SSRC_SHIFT | index

    def tell_clock(self, now: float) -> None:
        """Tell a joiner the clock at once, and twice.

        Browsers keep lips in time from the second report on, and publishers report sound every five seconds only.
        """
        if self.span is None or self.span.layer.clock is None:
            return
        layer = self.span.layer
        ntp, timestamp, at = self.span.layer.clock
        self.report(layer, ntp, timestamp, now)
        passed = now - at
        if passed > CLOCK_STEP:
            later = (timestamp + round(passed * self.track.clock_rate)) & 0xFFFFFFFF
            self.report(layer, ntp + round(passed * 2**32), later, now)

    def round_trip(self, last_report: int, delay: int, now: float) -> float | None:
        """Compute the seconds to the viewer and back from its report (RFC 3550 section 6.4.1)."""
        sent = next((at for middle, at in self._reported if middle == last_report), None)
        return max(0.0, now - sent - delay / 65536) if sent is not None else None

    def report(self, layer: Layer, ntp: int, timestamp: int, now: float) -> None:
        """Pass the publisher's clock on: `timestamp` of `layer` was at `ntp`."""
        span = self.span
        if span is None or span.layer is not layer:
            return
        ssrc = self.track.ssrc
        shifted = (timestamp + span.time_shift) & 0xFFFFFFFF
        report = rtcp.sender_report(ssrc, ntp, shifted, *self.counts)
        self._reported.append((ntp >> 16 & 0xFFFFFFFF, now))
        self.peer.send_rtcp(report + rtcp.source_description(ssrc))
