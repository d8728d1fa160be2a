"""Batches out: packets made equal in length, sealed for each viewer, and handed to the kernel in one call a viewer.

UDP segmentation offload (UDP_SEGMENT, Linux 4.18, udp(7)) splits one call into datagrams of equal length, the last may
be shorter; that costs a third of a call for each.
"""

import errno
import socket
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from livestream import native, rtp, srtp
from livestream.layer import Packet
from livestream.packets import Peer

#: Datagrams in one call: a whole frame for most, and a burst that an ordinary queue on the way holds.
MAX_SEGMENTS = 16
#: Bytes of padding that one packet may cost to travel with its neighbours.
MOST_PADDING = 48
#: linux/udp.h; Python's socket module does not name it before 3.12.
UDP_SEGMENT = 103
#: RTP header, payload, and where it goes: SSRC above the 48 bit index.
Item = tuple[bytes, bytes, int]


@dataclass(slots=True)
class Call:
    """What one call to the kernel carries: `control` tells it the segments' length."""

    items: list[Item]
    control: list[tuple[int, int, bytes]]


def equalise(packets: Sequence[Packet]) -> None:
    """Pad packets that differ little from their neighbours; the last of a run may stay shorter."""
    start = 0
    while start < len(packets):
        low = high = len(packets[start].body)
        end = start + 1
        while end < len(packets) and end - start < MAX_SEGMENTS:
            size = len(packets[end].body)
            if max(high, size) - min(low, size) > MOST_PADDING:
                break
            low, high = min(low, size), max(high, size)
            end += 1
        for packet in packets[start : end - 1]:
            if len(packet.body) < high and not packet.flags & rtp.PADDING:
                packet.pad(high)
        start = end


def interleave(pictures: Sequence[Packet], sound: Sequence[Packet]) -> list[Packet]:
    """Put sound, in its order, where a call ends anyway: as the shorter last packet of it, or behind everything."""
    mixed: list[Packet] = []
    left = deque(sound)
    # The length of the call that is open, -1 when its shorter last packet is there, and how many it has: as in `plan`.
    size, count = -1, 0
    for packet in pictures:
        length = len(packet.body)
        if length <= size and count < MAX_SEGMENTS:
            count += 1
            size = size if length == size else -1
        else:
            if left and len(left[0].body) <= size and count < MAX_SEGMENTS:
                mixed.append(left.popleft())
            size, count = length, 1
        mixed.append(packet)
    return [*mixed, *left]


def plan(items: Sequence[Item]) -> list[Call]:
    """Group items into calls: equal lengths, a shorter one ends a call."""
    calls: list[Call] = []
    size = 0
    open_ended = False
    for item in items:
        length = len(item[1])
        if open_ended and length <= size and len(calls[-1].items) < MAX_SEGMENTS:
            calls[-1].items.append(item)
            open_ended = length == size
        else:
            calls.append(Call([item], []))
            size, open_ended = length, True
    for call in calls:
        if len(call.items) > 1:
            header, body, _ = call.items[0]
            segment = struct.pack("@H", len(header) + len(body) + srtp.TAG_BYTES)
            call.control = [(socket.IPPROTO_UDP, UDP_SEGMENT, segment)]
    return calls


class Recipients:
    """Peers that are sent the same batches: by the native part where there is one and all of them use GCM."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self.peers = peers
        outgoing = [peer.outgoing for peer in peers if peer.outgoing is not None]
        self._crowd = native.Crowd(outgoing) if outgoing and len(outgoing) == len(peers) else None

    def send(self, calls: Sequence[Call]) -> list[tuple[int, int, int]]:
        """Seal and send the calls to each of the peers.

        Returns (place in `peers`, place in `calls`, place in the call's items) of the first packet that the socket had
        no room for; nothing of it or behind it was sent to that peer.
        """
        if not calls:
            return []
        if self._crowd is None:
            return _send(calls, self.peers)
        ingress = self.peers[0].ingress
        full, ingress.segments, refused = self._crowd.send(
            [call.items for call in calls], segments=ingress.segments, transmit=ingress.transmit
        )
        if refused:
            ingress.dropped["send"] += refused
        return full


def _send(calls: Sequence[Call], peers: Sequence[Peer]) -> list[tuple[int, int, int]]:
    full: list[tuple[int, int, int]] = []
    size = srtp.SALT_BYTES
    for number, peer in enumerate(peers):
        seal, salt, address, way, ingress = peer.seal, peer.salt, peer.address, peer.socket, peer.ingress
        for place, call in enumerate(calls):
            if seal is None or way is None or not ingress.segments:
                first = _one_by_one(peer, call)
                if first is not None:
                    full.append((number, place, first))
                    break
                continue
            parts: list[bytes] = []
            for header, body, base in call.items:
                parts.append(header)
                # `srtp.nonce`, written out: this line runs for each packet of each viewer.
                parts.append(seal((salt ^ base).to_bytes(size, "big"), body, header))
            try:
                way.sendmsg(parts, call.control, 0, address)
            except BlockingIOError:
                full.append((number, place, 0))
                break
            except OSError as reason:
                if len(call.items) == 1:
                    ingress.dropped["send"] += 1
                    continue
                # EIO, EINVAL: this way out cannot split (no checksum offload, a smaller MTU): one by one, same bytes.
                ingress.segments = reason.errno not in (errno.EIO, errno.EOPNOTSUPP)
                first = _one_by_one(peer, call)
                if first is not None:
                    full.append((number, place, first))
                    break
    return full


def _one_by_one(peer: Peer, call: Call) -> int | None:
    """Send a call's packets each by itself; the place of the first without room, behind which nothing is sent."""
    return next((place for place, item in enumerate(call.items) if not peer.send_rtp(*item)), None)
