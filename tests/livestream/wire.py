"""A viewer whose kernel is the test: datagrams are kept as they would leave, decrypted by libsrtp, numbers checked."""

import os
import struct
from collections.abc import Sequence

from pylibsrtp import Policy, Session

from livestream import rtp, srtp
from livestream.offers import Codec, Media, Section
from livestream.packets import Ingress, Peer
from livestream.stream import Stream
from livestream.viewer import Viewer

PICTURE, REPAIR, SOUND = 102, 103, 111


class Wire:
    """What a viewer's socket does with datagrams, as much of them as it has `room` for."""

    def __init__(self) -> None:
        self.room = 10**9
        self.calls: list[list[bytes]] = []

    def sendmsg(self, parts: Sequence[bytes], control: Sequence[tuple[int, int, bytes]], flags: int, to: object) -> int:
        """Split as udp(7) says: all segments but the last are of the length that `control` gives."""
        data = b"".join(parts)
        size = struct.unpack("@H", control[0][2])[0] if control else len(data)
        self._take([data[start : start + size] for start in range(0, len(data), size)])
        return len(data)

    def sendto(self, data: bytes, to: object) -> int:
        self._take([data])
        return len(data)

    def _take(self, datagrams: list[bytes]) -> None:
        if self.room < len(datagrams):
            raise BlockingIOError
        self.room -= len(datagrams)
        self.calls.append(datagrams)


class Watcher:
    """A viewer of a stream, connected by a `Wire`; what arrives is decrypted once and kept."""

    def __init__(self, ingress: Ingress, stream: Stream, clock: object, *, repairs: bool = False) -> None:
        self.wire = Wire()
        self.seen: dict[tuple[int, int], bytes] = {}
        self.packets: list[rtp.RtpPacket] = []
        self._highest: dict[int, int] = {}
        self._read = 0
        master = os.urandom(srtp.KEY_BYTES + srtp.SALT_BYTES)
        profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        self._receiver = Session(Policy(master, Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        peer = Peer(ingress, "remote")
        peer.socket = self.wire  # type: ignore[assignment]
        peer.seal, peer.salt = srtp.sealing(master)
        peer._sending = Session(Policy(master, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        agreed = [media(kind, track.codec, repairs) for kind, track in stream.tracks.items()]
        self.viewer = Viewer(peer, stream, agreed)
        self.viewer._loop = clock  # type: ignore[assignment]
        self.viewer.join()

    def receive(self) -> list[rtp.RtpPacket]:
        """Decrypt what came since; asserts that no number was ever used for two contents."""
        new: list[rtp.RtpPacket] = []
        for call in self.wire.calls[self._read :]:
            for datagram in call:
                if not 192 <= datagram[1] < 224:
                    new += self._decrypt(datagram)
        self._read = len(self.wire.calls)
        self.packets += new
        return new

    def _decrypt(self, datagram: bytes) -> list[rtp.RtpPacket]:
        number, _, ssrc = struct.unpack_from("!HLL", datagram, 2)
        highest = self._highest.setdefault(ssrc, number)
        index = highest + rtp.distance(number, highest & 0xFFFF)
        self._highest[ssrc] = max(highest, index)
        known = self.seen.setdefault((ssrc, index), datagram)
        assert known == datagram, f"number {index} of {ssrc} was used for two contents"
        if known is not datagram:
            return []
        packet = rtp.parse(self._receiver.unprotect(datagram))
        assert packet is not None, "what is sent is well-formed"
        if packet.padded:
            packet.body = packet.body[: -packet.body[-1]]
        return [packet]

    def of(self, payload_type: int) -> list[rtp.RtpPacket]:
        """Everything of one payload type so far."""
        self.receive()
        return [packet for packet in self.packets if packet.payload_type == payload_type]


def media(kind: str, codec: str, repairs: bool) -> Media:
    """What an offer for this kind of media would have led to."""
    number = PICTURE if kind == "video" else SOUND
    said = Codec(number, codec, 90_000 if kind == "video" else 48_000, {}, frozenset({"nack"}))
    section = Section(kind, "", "", kind, "recvonly", (said,), {}, (), True, True)
    return Media(section, said, "sendonly", REPAIR if repairs and kind == "video" else None)
