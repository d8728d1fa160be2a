"""The publishing end of a stream: packets in, and what their sender is told about them."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from livestream import rtcp, rtp
from livestream.layer import Layer
from livestream.offers import Media
from livestream.packets import Peer
from livestream.reception import RETRY, Reception
from livestream.stream import Stream

#: Seconds between two requests for a keyframe, however many viewers ask.
KEYFRAME_INTERVAL = 0.5
#: Sources of one publisher that are remembered; three layers and sound, each with retransmission, need eight.
MAX_SOURCES = 8
#: Seconds that the first packets of a frame wait for its last: one call then carries them all to each viewer.
LINGER = 0.001
#: Bytes a second; two and a half times what the answer allows, for bursts. Beyond it packets are dropped.
CEILING = 1_250_000
#: Seconds between reports of arrival times; senders adapt their bitrate by them.
FEEDBACK_INTERVAL = 0.1
#: One report spans fewer numbers than this, else it would not fit a datagram.
FEEDBACK_SPAN = 1000


@dataclass(slots=True)
class Source:
    """One SSRC of the publisher; `repairs` is a retransmission stream (RFC 4588)."""

    layer: Layer
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
        self._asked: dict[Layer, float] = {}
        self._wanted: set[Layer] = set()
        #: Whether what was read since the last batch ends a frame.
        self._whole = False
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        peer.on_rtp = self.take
        peer.on_rtcp = self.take_rtcp
        stream.begin_source(self._loop.time())
        for media in agreed:
            for rid in media.rids or ("",):
                layer = stream.tracks[media.kind].layer(rid)
                layer.request_keyframe = partial(self.request_keyframe, layer)

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
        taken = source.layer.take(packet, now)
        if taken is not None:
            self._whole |= self.stream.forward(taken)
            self.peer.ingress.defer(self._settle)
            if not self.moved:
                self._on_media()
            self.moved = now

    def _settle(self) -> None:
        """Send what has been read, or wait a moment for the rest of its frame."""
        if self._whole:
            self._flush()
        else:
            self._later(LINGER, self._flush)

    def _flush(self) -> None:
        self._whole = False
        timer = self._timers.pop(self._flush, None)
        if timer is not None:
            timer.cancel()
        self.stream.flush(self._loop.time())

    def _admit(self, packet: rtp.RtpPacket) -> Source | None:
        found = self._kinds.get(packet.payload_type)
        if found is None or len(self._sources) >= MAX_SOURCES:
            return None
        media, repairs = found
        rid = self._rid(packet, media, repairs)
        # Sources named in the offer are the only ones; an offer without names (OBS) is taken at its payload types.
        if rid is None or (media.section.ssrcs and packet.ssrc not in media.section.ssrcs):
            return None
        layer = self.stream.tracks[media.kind].layer(rid)
        if any(s.layer is layer and s.repairs is repairs for s in self._sources.values()):
            return None
        source = Source(
            layer,
            Reception(packet.ssrc, media.codec.clock_rate),
            repairs,
            "nack" in media.codec.feedback and not repairs,
        )
        self._sources[packet.ssrc] = source
        return source

    @staticmethod
    def _rid(packet: rtp.RtpPacket, media: Media, repairs: bool) -> str | None:
        """Return the layer that a packet says it is of (RFC 8852), "" without layers, None if it says nothing known."""
        if not media.rids:
            return ""
        wanted = media.repaired_rid if repairs else media.rid
        value = rtp.extension(packet.extensions, wanted) if wanted is not None else None
        name = value.decode("ascii", "replace") if value is not None else None
        return name if name in media.rids else None

    def _unwrap(self, packet: rtp.RtpPacket, repair: Source) -> Source | None:
        original = next((s for s in self._sources.values() if s.layer is repair.layer and not s.repairs), None)
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
            timestamp = source.layer.map_timestamp(report.timestamp)
            if timestamp is not None:
                self.stream.report(source.layer, report.ntp, timestamp, now)

    def request_keyframe(self, layer: Layer) -> None:
        """Ask for a keyframe of a layer, now or as soon as the interval allows."""
        wait = self._asked.get(layer, -KEYFRAME_INTERVAL) + KEYFRAME_INTERVAL - self._loop.time()
        self._wanted.add(layer)
        if wait <= 0:
            self._ask_keyframes()
        else:
            self._later(wait, self._ask_keyframes)

    def _ask_keyframes(self) -> None:
        now = self._loop.time()
        for ssrc, source in self._sources.items():
            layer = source.layer
            if layer not in self._wanted or source.repairs or layer.track.kind != "video":
                continue
            wait = self._asked.get(layer, -KEYFRAME_INTERVAL) + KEYFRAME_INTERVAL - now
            if wait > 0:
                self._later(wait, self._ask_keyframes)
                continue
            self._asked[layer] = now
            self._wanted.discard(layer)
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
        for track in self.stream.tracks.values():
            for layer in track.layers.values():
                layer.tick(now)
            if track.kind == "video":
                for wish in set(track.waiting.values()):
                    for layer in track.layers.values() if wish is None else (wish,):
                        layer.request_keyframe()

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
            for layer in track.layers.values():
                asks = layer.request_keyframe
                if isinstance(asks, partial) and asks.func == self.request_keyframe:
                    layer.request_keyframe = lambda: None
        await self.peer.close()
