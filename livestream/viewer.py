"""The playing end of a stream: packets out to one viewer, and what the viewer says about them."""

import asyncio
from collections.abc import Sequence

from livestream import rtcp
from livestream.offers import Media
from livestream.packets import Peer
from livestream.stream import Packet, Reader, Stream, Track

#: Retransmissions to one viewer in a second; one request may name hundreds of packets.
MAX_RESENT = 512
#: Seconds in which the same packet is not sent again; repeated requests cross the first answer on the way.
RESEND_PAUSE = 0.02


class TrackReader(Reader):
    """Writes one track to a viewer's SRTP session; there is no queue of its own but the socket's."""

    def __init__(self, peer: Peer, track: Track, payload_type: int) -> None:
        super().__init__(payload_type)
        self.track = track
        self._peer = peer
        self._packets = track.packets
        self._octets = track.octets
        self._resent: dict[int, float] = {}

    def write(self, packet: Packet) -> bool:
        """Send a packet; False when the socket is full."""
        return self._peer.send_rtp(packet.wire(self.key, self.track.ssrc))

    def report(self, ntp: int, timestamp: int) -> None:
        """Send a sender report; the counts are the stream's since this viewer joined."""
        track = self.track
        packets, octets = track.packets - self._packets, track.octets - self._octets
        report = rtcp.sender_report(track.ssrc, ntp, timestamp, packets, octets)
        self._peer.send_rtcp(report + rtcp.source_description(track.ssrc))

    def resend(self, numbers: Sequence[int], now: float) -> int:
        """Answer a NACK from the history, byte for byte as sent before; return how many packets were found."""
        found = 0
        if len(self._resent) > MAX_RESENT:
            self._resent = {number: at for number, at in self._resent.items() if now - at < RESEND_PAUSE}
        for number in numbers:
            sequence = self.source_sequence(number, self.track.newest)
            packet = self.track.find(sequence)
            if packet is None or not self.has_begun_before(sequence):
                continue
            if now - self._resent.get(sequence, -1.0) < RESEND_PAUSE:
                continue
            self._resent[sequence] = now
            self.write(packet)
            found += 1
        return found


class Viewer:
    """Joins the stream when connected, answers NACKs, passes on requests for keyframes."""

    def __init__(self, peer: Peer, stream: Stream, agreed: Sequence[Media]) -> None:
        self.peer = peer
        self.stream = stream
        self.resent = 0
        self._loop = asyncio.get_running_loop()
        self._budget = MAX_RESENT
        self._readers = {
            stream.tracks[media.kind].ssrc: TrackReader(peer, stream.tracks[media.kind], media.codec.payload_type)
            for media in agreed
        }
        peer.on_rtcp = self.take_rtcp
        peer.on_connected = self.join

    def join(self) -> None:
        """Start reading."""
        for reader in self._readers.values():
            reader.track.join(reader, self._loop.time())

    def take_rtcp(self, data: bytes) -> None:
        """Handle a viewer's feedback."""
        for said in rtcp.parse(data):
            reader = self._readers.get(said.ssrc)
            if reader is None:
                continue
            if isinstance(said, rtcp.Nack) and self._budget > 0:
                sent = reader.resend(said.lost[: self._budget], self._loop.time())
                self._budget -= sent
                self.resent += sent
            elif isinstance(said, rtcp.KeyframeRequest):
                reader.track.wants_keyframe()

    def tick(self) -> None:
        """Once a second: retransmissions are allowed again."""
        self._budget = MAX_RESENT

    async def close(self) -> None:
        """Stop reading, say goodbye."""
        for reader in self._readers.values():
            reader.track.leave(reader)
        await self.peer.close()
