"""One influencer's audio and video: tracks with their layers, who reads them, and batches on their way out."""

import secrets
from collections.abc import Iterable
from typing import Protocol

from livestream import egress
from livestream.lane import Lane
from livestream.layer import Layer, Packet
from livestream.packets import Peer

#: Packets of one stream that wait for the end of their frame; more are sent at once.
MAX_PENDING = 64
#: Packets of a frame before its parameter sets.
MAX_BEFORE_KEYFRAME = 8


class Reader(Protocol):
    """Somebody else than a viewer who reads a track: the recorder. It gets every packet, late ones too."""

    def write(self, packet: Packet) -> object:
        """Take a packet at once; must not block, what it has no room for it drops itself."""

    def report(self, ntp: int, timestamp: int) -> None:
        """Take the publisher's clock: `timestamp` of the track was at `ntp`."""


class Track:
    """One kind of media of a stream; its layers stay while a publisher is away."""

    def __init__(self, kind: str, codec: str, clock_rate: int) -> None:
        self.kind = kind
        self.codec = codec
        self.clock_rate = clock_rate
        self.ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self.repair_ssrc = secrets.randbelow(0xFFFFFFFE) + 1
        self.layers: dict[str, Layer] = {}
        #: Lanes that wait for a keyframe, and of which layer; None takes any.
        self.waiting: dict[Lane, Layer | None] = {}
        self.readers: list[Reader] = []
        self._read: Layer | None = None
        self._shift = 0
        self._last: int | None = None

    def layer(self, rid: str = "") -> Layer:
        """Return the layer of this name, new if need be."""
        if rid not in self.layers:
            self.layers[rid] = Layer(self, rid)
        return self.layers[rid]

    @property
    def packets(self) -> int:
        """How many came in."""
        return sum(layer.packets for layer in self.layers.values())

    @property
    def octets(self) -> int:
        """How many bytes of payload came in."""
        return sum(layer.octets for layer in self.layers.values())

    @property
    def keyframes(self) -> int:
        """How many keyframes came in."""
        return sum(layer.keyframes for layer in self.layers.values())

    def active(self, now: float) -> list[Layer]:
        """The layers that are sent at present, the lightest first."""
        return sorted((layer for layer in self.layers.values() if layer.is_active(now)), key=lambda one: one.rate)

    def timestamp_at(self, now: float) -> int | None:
        """Return which of the stream's timestamps it is; None before the first packet."""
        known = [layer for layer in self.layers.values() if layer.newest is not None]
        if not known:
            return None
        last = max(known, key=lambda layer: layer.moved)
        assert last.newest is not None, "only such layers were kept"
        return last.newest.timestamp + max(round((now - last.moved) * self.clock_rate), 1)

    def wants_keyframe(self) -> None:
        """Ask for a keyframe of what the readers are given."""
        for layer in self.layers.values():
            layer.request_keyframe()

    def join(self, reader: Reader, now: float) -> None:
        """Add a reader."""
        self.readers.append(reader)
        for layer in self.active(now):
            if layer.clock is not None:
                reader.report(*layer.clock[:2])
        self.wants_keyframe()

    def leave(self, reader: Reader) -> None:
        """Remove a reader."""
        if reader in self.readers:
            self.readers.remove(reader)

    def read(self, packet: Packet, now: float) -> None:
        """Give a packet to the readers if it is of the layer that they follow: the heaviest that is sent."""
        layer = packet.layer
        if layer is not self._read:
            if packet.late or not self._should_follow(layer, packet, now):
                return
            self._read = layer
            self._shift = 0 if self._last is None else self._last + 1 - packet.sequence
        if self._shift:
            packet = packet.moved(self._shift)
        if not packet.late:
            self._last = packet.sequence
        for reader in self.readers:
            reader.write(packet)

    def _should_follow(self, layer: Layer, packet: Packet, now: float) -> bool:
        if self._read is None or self.kind != "video":
            return True
        if not packet.starts:
            return False
        return not self._read.is_active(now) or layer.rate > self._read.rate

    def report(self, layer: Layer, ntp: int, timestamp: int) -> None:
        """Pass the publisher's clock on to the readers."""
        if layer is self._read:
            for reader in self.readers:
                reader.report(ntp, timestamp)


class Outlet(Protocol):
    """A viewer as the stream sees it."""

    peer: Peer
    lanes: dict[str, Lane]


class Stream:
    """What is live in one room: its tracks stay while a publisher is away, so that viewers need not join again."""

    def __init__(self, room: str, codecs: dict[str, tuple[str, int]]) -> None:
        self.room = room
        self.tracks = {kind: Track(kind, codec, rate) for kind, (codec, rate) in codecs.items()}
        self.outlets: list[Outlet] = []
        #: Whether somebody began, stopped or moved since viewers were grouped last.
        self.stale = True
        self._pending: list[Packet] = []
        self._groups: list[tuple[dict[Layer, Lane], list[Outlet], egress.Recipients]] = []

    @property
    def codecs(self) -> dict[str, str]:
        """Codec names by kind, as offers spell them in lower case."""
        return {kind: track.codec for kind, track in self.tracks.items()}

    def forward(self, packet: Packet) -> bool:
        """Take a packet for the next batch; True when its frame is whole or the batch full: time to flush."""
        self._pending.append(packet)
        return bool(packet.marker) or packet.layer.track.kind == "audio" or len(self._pending) >= MAX_PENDING

    def flush(self, now: float) -> None:
        """Send what waits to every reader and viewer, in order."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        run = self._in_order(pending)
        start = 0
        for place, packet in enumerate(run):
            if packet.late:
                self._deliver(run[start:place])
                self._deliver_late(packet)
                start = place + 1
            elif (packet.starts or packet.layer.track.kind == "audio") and packet.layer.track.waiting:
                self._deliver(run[start:place])
                self._begin(packet, now)
                start = place
        self._deliver(run[start:])
        # The recorder has time, viewers have none.
        for packet in pending:
            track = packet.layer.track
            if track.readers:
                track.read(packet, now)

    def _in_order(self, pending: list[Packet]) -> list[Packet]:
        """Pad what travels together, and let sound be the shorter last packet of a call."""
        layers = dict.fromkeys(packet.layer for packet in pending)
        for layer in layers:
            if layer.track.kind == "video":
                egress.equalise([packet for packet in pending if packet.layer is layer and not packet.late])
        if len(layers) == 1:
            return pending
        sound = [packet for packet in pending if packet.layer.track.kind == "audio"]
        return egress.interleave([packet for packet in pending if packet.layer.track.kind != "audio"], sound)

    def _begin(self, packet: Packet, now: float) -> None:
        """Start those who wait for a keyframe of this layer, with what stands before it in its frame."""
        layer, track = packet.layer, packet.layer.track
        frame = [packet]
        # The parameter sets may have a delimiter or a message before them.
        while track.kind == "video" and len(frame) <= MAX_BEFORE_KEYFRAME:
            found = layer.find(frame[0].sequence - 1)
            if found is None or found.timestamp != packet.timestamp:
                break
            frame.insert(0, found)
        for lane, wish in list(track.waiting.items()):
            if wish is None or wish is layer:
                del track.waiting[lane]
                lane.begin(layer, frame[0].sequence, packet.timestamp)
                lane.tell_clock(now)
                for before in frame[:-1]:
                    self.send(lane, before)
                self.stale = True

    def send(self, lane: Lane, packet: Packet) -> bool:
        """Send one packet to one viewer."""
        item = lane.item(packet)
        return item is None or lane.peer.send_rtp(*item)

    def _deliver_late(self, packet: Packet) -> None:
        for outlet in self.outlets:
            lane = outlet.lanes.get(packet.layer.track.kind)
            if lane is not None and lane.covers(packet):
                self.send(lane, packet)

    def _deliver(self, run: list[Packet]) -> None:
        if not run:
            return
        if self.stale:
            self._regroup()
        for lanes, outlets, recipients in self._groups:
            sent: list[Packet] = []
            items: list[egress.Item] = []
            for packet in run:
                lane = lanes.get(packet.layer)
                item = lane.item(packet) if lane is not None else None
                if item is not None:
                    sent.append(packet)
                    items.append(item)
            calls = egress.plan(items)
            for number, place, first in recipients.send(calls):
                done = sum(len(call.items) for call in calls[:place]) + first
                self._pause(outlets[number], sent[done:])
        for packet in run:
            packet.layer.delivered = packet.sequence

    def _pause(self, outlet: Outlet, unsent: Iterable[Packet]) -> None:
        """Let a viewer whose packets the socket had no room for go on at the next keyframe, without a gap."""
        for packet in unsent:
            track = packet.layer.track
            if track.kind == "video":
                lane = outlet.lanes["video"]
                lane.stop(packet.sequence)
                self.wait(lane, None)
                packet.layer.request_keyframe()
                return

    def wait(self, lane: Lane, layer: Layer | None) -> None:
        """Let a lane begin at the next keyframe of `layer`, or of any."""
        lane.track.waiting[lane] = layer
        self.stale = True

    def _regroup(self) -> None:
        self.stale = False
        groups: dict[object, tuple[dict[Layer, Lane], list[Outlet]]] = {}
        for outlet in self.outlets:
            keys = {key: lane for lane in outlet.lanes.values() if (key := lane.key) is not None}
            if keys:
                # Who has the same keys is sent the same headers: one of them builds them for all.
                mark = (outlet.peer.seal is None, tuple(keys))
                lanes = {key[0]: lane for key, lane in keys.items()}
                groups.setdefault(mark, (lanes, []))[1].append(outlet)
        self._groups = [
            (lanes, outlets, egress.Recipients([outlet.peer for outlet in outlets]))
            for lanes, outlets in groups.values()
        ]

    def begin_source(self, now: float) -> None:
        """A publisher starts or starts again: pictures wait for its first keyframe."""
        self.flush(now)
        for track in self.tracks.values():
            for layer in track.layers.values():
                layer.begin_source()
            if track.kind == "video":
                for outlet in self.outlets:
                    lane = outlet.lanes.get("video")
                    if lane is not None:
                        lane.stop()
                        self.wait(lane, None)

    def leave(self, outlet: Outlet) -> None:
        """Forget a viewer."""
        if outlet in self.outlets:
            self.outlets.remove(outlet)
        for lane in outlet.lanes.values():
            lane.track.waiting.pop(lane, None)
        self.stale = True

    def report(self, layer: Layer, ntp: int, timestamp: int, now: float) -> None:
        """Tell everybody which of the stream's timestamps belongs to which instant of the publisher's clock."""
        layer.clock = (ntp, timestamp, now)
        kind = layer.track.kind
        for outlet in self.outlets:
            lane = outlet.lanes.get(kind)
            if lane is not None:
                lane.report(layer, ntp, timestamp, now)
        layer.track.report(layer, ntp, timestamp)
