"""The playing end of a stream: lanes to one viewer, and what the viewer says about them."""

import asyncio
from collections.abc import Sequence

from livestream import egress, rtcp
from livestream.adaptation import Adaptation
from livestream.lane import Lane
from livestream.layer import Layer
from livestream.offers import Media
from livestream.packets import Peer
from livestream.stream import Stream

#: Retransmissions to one viewer in a second; one request may name hundreds of packets.
MAX_RESENT = 512
#: Seconds in which the same packet is not sent again; repeated requests cross the first answer on the way.
RESEND_PAUSE = 0.02
#: Loss from which a retransmission is sent twice, so many seconds apart: a receiver asks again only after 100 ms.
REPEAT_LOSS, REPEAT_AFTER = 0.02, 0.01
#: What is sent again, a group or what was lost of a burst, goes in portions, so that it does not overflow the queues on
#: its way: 50 Mbit/s.
PORTION = 32
PORTION_PAUSE = 0.005


class Viewer:
    """Joins the stream when connected, answers NACKs, passes on requests for keyframes, changes layers."""

    def __init__(self, peer: Peer, stream: Stream, agreed: Sequence[Media]) -> None:
        self.peer = peer
        self.stream = stream
        self.resent = 0
        self.switches = 0
        #: Seconds to the viewer and back, None before its first report.
        self.round_trip: float | None = None
        self.lanes = {
            media.kind: Lane(peer, stream.tracks[media.kind], media.codec.payload_type, media.retransmission)
            for media in agreed
        }
        self._by_ssrc = {lane.track.ssrc: lane for lane in self.lanes.values()}
        self._loop = asyncio.get_running_loop()
        self._budget = MAX_RESENT
        self._answered: dict[tuple[int, int], float] = {}
        #: Packets sent again without a pause, and when the last of them was asked for.
        self._portion, self._resending = 0, 0.0
        self._adaptation = Adaptation()
        self._timer: asyncio.TimerHandle | None = None
        peer.on_rtcp = self.take_rtcp
        peer.on_connected = self.join

    def join(self) -> None:
        """Start reading: sound with its next packet, the picture with the last keyframe or the next."""
        now = self._loop.time()
        self.stream.flush(now)
        self.stream.outlets.append(self)
        for lane in self.lanes.values():
            if lane.track.kind == "video":
                self._join_picture(lane, now)
            else:
                layer = lane.track.layer()
                if layer.newest is None:
                    self.stream.wait(lane, None)
                else:
                    lane.begin(layer, layer.newest.sequence + 1, layer.newest.timestamp)
            lane.tell_clock(now)
        self.stream.stale = True

    def _join_picture(self, lane: Lane, now: float) -> None:
        layers = lane.track.active(now)
        group = next((found for layer in reversed(layers) if (found := layer.group(now))), None)
        if group is None:
            self.stream.wait(lane, None)
            for layer in layers[-1:] or lane.track.layers.values():
                layer.request_keyframe()
            return
        lane.begin_again(group)
        self._catch_up()

    def _catch_up(self) -> None:
        """Send the next portion of the group, then go with the others."""
        self._timer = None
        self.stream.flush(self._loop.time())
        lane = self.lanes["video"]
        span, begin = lane.span, lane.behind
        if span is None or begin is None:
            return
        end = min(begin + PORTION, span.layer.delivered + 1)
        found = [packet for number in range(begin, end) if (packet := span.layer.find(number)) is not None]
        sent = [(packet.sequence, item) for packet in found if (item := lane.item(packet)) is not None]
        calls = egress.plan([item for _, item in sent])
        lane.behind = end
        for _, place, first in egress.Recipients([self.peer]).send(calls):
            lane.behind = sent[sum(len(call.items) for call in calls[:place]) + first][0]
        if lane.behind > span.layer.delivered:
            lane.behind = None
            self.stream.stale = True
        else:
            self._timer = self._loop.call_later(PORTION_PAUSE, self._catch_up)

    def take_rtcp(self, data: bytes) -> None:
        """Handle a viewer's feedback."""
        now = self._loop.time()
        for said in rtcp.parse(data):
            if isinstance(said, rtcp.BandwidthEstimate):
                self._adaptation.take_estimate(said.bitrate, now)
                continue
            if isinstance(said, rtcp.ReferenceTime):
                self.peer.send_rtcp(rtcp.reference_answer(next(iter(self._by_ssrc)), said))
                continue
            lane = self._by_ssrc.get(said.ssrc)
            if lane is None:
                continue
            if isinstance(said, rtcp.Nack):
                self._resend(lane, said.lost, now)
            elif isinstance(said, rtcp.KeyframeRequest):
                self._request_keyframe(lane)
            elif isinstance(said, rtcp.LossReport):
                self.round_trip = lane.round_trip(said.last_report, said.delay, now) or self.round_trip
                if lane.track.kind == "video":
                    self._adaptation.take_loss(said.fraction)

    def _request_keyframe(self, lane: Lane) -> None:
        if lane.span is not None:
            lane.span.layer.request_keyframe()
        else:
            lane.track.wants_keyframe()

    def _resend(self, lane: Lane, numbers: Sequence[int], now: float) -> None:
        self.stream.flush(now)
        if len(self._answered) > MAX_RESENT:
            self._answered = {place: at for place, at in self._answered.items() if now - at < RESEND_PAUSE}
        if now - self._resending > PORTION_PAUSE:
            self._portion = 0
        for number in numbers:
            if self._budget <= 0:
                return
            mark = (lane.track.ssrc, number)
            if now - self._answered.get(mark, -1.0) < RESEND_PAUSE:
                continue
            found = lane.find(number)
            item = lane.repair(*found) if found is not None else None
            if item is not None:
                self._answered[mark] = now
                self._resending = now
                wait = self._portion // PORTION * PORTION_PAUSE
                self._portion += 1
                if wait:
                    self._loop.call_later(wait, self.peer.send_rtp, *item)
                else:
                    self.peer.send_rtp(*item)
                self._budget -= 1
                self.resent += 1
                if self._adaptation.loss > REPEAT_LOSS:
                    self._loop.call_later(REPEAT_AFTER, self._repeat, item)

    def _repeat(self, item: egress.Item) -> None:
        """Send a retransmission once more, byte for byte: the receiver drops the second one that comes."""
        if self._budget > 0:
            self._budget -= 1
            self.peer.send_rtp(*item)

    def tick(self) -> None:
        """Once a second: retransmissions are allowed again, and the layer is reconsidered."""
        self._budget = MAX_RESENT
        lane = self.lanes.get("video")
        if lane is None or lane.span is None or lane.behind is not None:
            return
        now = self._loop.time()
        layers = lane.track.active(now)
        # A step that waits for its keyframe counts as taken.
        current = lane.track.waiting.get(lane) or lane.span.layer
        if not layers or layers == [lane.span.layer]:
            return
        # One that has been switched off must be left at once, for the heaviest that is left.
        place = layers.index(current) if current in layers else len(layers) - 1
        chosen = layers[self._adaptation.choose([layer.rate for layer in layers], place, now)]
        if chosen is not lane.span.layer:
            self._switch(lane, chosen)
        else:
            lane.track.waiting.pop(lane, None)

    def _switch(self, lane: Lane, layer: Layer) -> None:
        """Go on with another layer from its next keyframe; until then the present one is sent."""
        if lane.track.waiting.get(lane) is not layer:
            self.switches += 1
            self.stream.wait(lane, layer)
        layer.request_keyframe()

    async def close(self) -> None:
        """Stop reading, say goodbye."""
        if self._timer is not None:
            self._timer.cancel()
        self.stream.leave(self)
        await self.peer.close()
