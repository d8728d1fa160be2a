"""The publishing end of a stream: packets in, and what their sender is told about them."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livestream import rtcp, rtp
from livestream.offers import Media
from livestream.packets import Peer
from livestream.reception import RETRY, Reception
from livestream.stream import Stream, Track

#: Seconds between two requests for a keyframe, however many viewers ask.
KEYFRAME_INTERVAL = 0.5
#: Sources of one publisher that are remembered; two tracks with retransmission need four.
MAX_SOURCES = 8
#: Bytes a second; two and a half times what the answer allows, for bursts. Beyond it packets are dropped.
CEILING = 1_250_000
#: Seconds between reports of arrival times; senders adapt their bitrate by them.
FEEDBACK_INTERVAL = 0.1
#: One report spans fewer numbers than this, else it would not fit a datagram.
FEEDBACK_SPAN = 1000


@dataclass(slots=True)
class Source:
    """One SSRC of the publisher; `repairs` is a retransmission stream (RFC 4588)."""

    track: Track
    reception: Reception
    repairs: bool
    nack: bool


class Publisher:
    """Takes a peer's packets apart once, hands them to the stream, asks for lost ones and for keyframes."""

    def __init__(self, peer: Peer, stream: Stream, agreed: Sequence[Media], on_media: Callable[[], None]) -> None:
        self.peer = peer
        self.stream = stream
        #: Loop time of the last packet of media; 0 before the first.
        self.moved = 0.0
        self.dropped = 0
        self.keyframe_requests = 0
        self._loop = asyncio.get_running_loop()
        self._on_media = on_media
        self._ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self._kinds: dict[int, tuple[Media, bool]] = {}
        self._allowed: dict[int, set[int]] = {}
        for media in agreed:
            self._kinds[media.codec.payload_type] = (media, False)
            if media.retransmission is not None:
                self._kinds[media.retransmission] = (media, True)
        self._sources: dict[int, Source] = {}
        self._wide = {media.codec.payload_type: media.transport_wide for media in agreed}
        self._wide |= {media.retransmission: media.transport_wide for media in agreed if media.retransmission}
        self._arrivals: dict[int, int] = {}
        self._reported: int | None = None
        self._reports = 0
        self._bytes = 0
        self._asked = 0.0
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        peer.on_rtp = self.take
        peer.on_rtcp = self.take_rtcp
        for track in stream.tracks.values():
            track.begin_source()
            track.wants_keyframe = self.request_keyframe

    def take(self, data: bytes) -> None:
        """Forward one decrypted packet; unknown payload types and surplus sources are dropped."""
        self._bytes += len(data)
        packet = rtp.parse(data)
        if packet is None or self._bytes > CEILING:
            self.dropped += 1
            return
        source = self._sources.get(packet.ssrc) or self._admit(packet)
        if source is None:
            self.dropped += 1
            return
        now = self._loop.time()
        wide = self._wide.get(packet.payload_type)
        if wide is not None and packet.extensions:
            self._note_arrival(packet, wide, now)
        lost = source.reception.take(packet.sequence, packet.timestamp, now)
        if source.repairs:
            source = self._unwrap(packet, source)
            if source is None:
                return
        elif lost and source.nack:
            self.peer.send_rtcp(rtcp.nack(self._ssrc, packet.ssrc, lost))
            self._later(RETRY, self._ask_again)
        if source.track.forward(packet, now):
            if not self.moved:
                self._on_media()
            self.moved = now

    def _admit(self, packet: rtp.RtpPacket) -> Source | None:
        found = self._kinds.get(packet.payload_type)
        if found is None or len(self._sources) >= MAX_SOURCES:
            return None
        media, repairs = found
        # Sources named in the offer are the only ones; an offer without names (OBS) is taken at its payload types.
        if media.section.ssrcs and packet.ssrc not in media.section.ssrcs:
            return None
        track = self.stream.tracks[media.kind]
        if not repairs and any(s.track is track and not s.repairs for s in self._sources.values()):
            return None
        source = Source(
            track,
            Reception(packet.ssrc, media.codec.clock_rate),
            repairs,
            "nack" in media.codec.feedback and not repairs,
        )
        self._sources[packet.ssrc] = source
        return source

    def _unwrap(self, packet: rtp.RtpPacket, repair: Source) -> Source | None:
        original = next((s for s in self._sources.values() if s.track is repair.track and not s.repairs), None)
        # A probe for bandwidth is a retransmission of nothing.
        if original is None or len(packet.body) < 3 or packet.padded:
            return None
        packet.sequence = packet.body[0] << 8 | packet.body[1]
        packet.body = packet.body[2:]
        original.reception.missing.pop(packet.sequence, None)
        return original

    def _ask_again(self) -> None:
        now = self._loop.time()
        waiting = False
        for ssrc, source in self._sources.items():
            again = source.reception.due(now) if source.nack else []
            if again:
                self.peer.send_rtcp(rtcp.nack(self._ssrc, ssrc, again))
            waiting = waiting or (source.nack and bool(source.reception.missing))
        if waiting:
            self._later(RETRY, self._ask_again)

    def _note_arrival(self, packet: rtp.RtpPacket, wide: int, now: float) -> None:
        value = rtp.extension(packet.extensions, wide)
        if value is None or len(value) != 2:
            return
        number = value[0] << 8 | value[1]
        if self._reported is None or rtp.newer(number, self._reported):
            self._arrivals[number] = int(now * 1_000_000)
            self._later(FEEDBACK_INTERVAL, self._report_arrivals)

    def _report_arrivals(self) -> None:
        if not self._arrivals:
            return
        start = (self._reported + 1) & 0xFFFF if self._reported is not None else next(iter(self._arrivals))
        arrivals = sorted(self._arrivals.items(), key=lambda pair: (pair[0] - start) & 0xFFFF)
        self._arrivals.clear()
        first = arrivals[0][0]
        arrivals = [pair for pair in arrivals if (pair[0] - first) & 0xFFFF < FEEDBACK_SPAN]
        media = next(iter(self._sources))
        self.peer.send_rtcp(rtcp.transport_wide(self._ssrc, media, arrivals, self._reports))
        self._reports += 1
        self._reported = arrivals[-1][0]

    def take_rtcp(self, data: bytes) -> None:
        """Pass the publisher's clock on to every reader, in the stream's numbers."""
        now = self._loop.time()
        for report in rtcp.parse(data):
            source = self._sources.get(report.ssrc)
            if not isinstance(report, rtcp.SenderReport) or source is None or source.repairs:
                continue
            source.reception.sender_report(report.ntp, now)
            timestamp = source.track.map_timestamp(report.timestamp)
            if timestamp is not None:
                source.track.report(report.ntp, timestamp, now)

    def request_keyframe(self) -> None:
        """Ask for a keyframe, now or as soon as the interval allows."""
        if KEYFRAME_INTERVAL + self._asked <= self._loop.time():
            self._ask_keyframe()
        else:
            self._later(self._asked + KEYFRAME_INTERVAL - self._loop.time(), self._ask_keyframe)

    def _ask_keyframe(self) -> None:
        for ssrc, source in self._sources.items():
            if source.track.kind == "video" and not source.repairs:
                self._asked = self._loop.time()
                self.keyframe_requests += 1
                self.peer.send_rtcp(rtcp.picture_loss(self._ssrc, ssrc))

    def tick(self) -> None:
        """Once a second: report reception, and ask again where a viewer still waits for its first keyframe."""
        now = self._loop.time()
        self._bytes = 0
        blocks = [source.reception.block(now) for source in self._sources.values()]
        if blocks and self.peer.connected:
            report = rtcp.receiver_report(self._ssrc, blocks)
            self.peer.send_rtcp(report + rtcp.source_description(self._ssrc))
        video = self.stream.tracks.get("video")
        if video is not None and any(reader.waiting for reader in video.readers):
            self.request_keyframe()

    def _later(self, delay: float, what: Callable[[], None]) -> None:
        if what not in self._timers:
            self._timers[what] = self._loop.call_later(delay, self._run, what)

    def _run(self, what: Callable[[], None]) -> None:
        self._timers.pop(what, None)
        what()

    async def close(self) -> None:
        """Stop asking, say goodbye."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for track in self.stream.tracks.values():
            if track.wants_keyframe == self.request_keyframe:
                track.wants_keyframe = lambda: None
        await self.peer.close()
