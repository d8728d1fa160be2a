"""A viewer whose kernel is the test: datagrams are kept as they would leave, decrypted by libsrtp, numbers checked."""

import ctypes
import errno
import itertools
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from pylibsrtp import Policy, Session

from livestream import native, rtp, srtp
from livestream.offers import Codec, Media, Section
from livestream.packets import Ingress, Peer
from livestream.stream import Stream
from livestream.viewer import Viewer
from tests.livestream.harness import H264_DELTA

PICTURE, REPAIR, SOUND = 102, 103, 111


class Message(ctypes.Structure):
    """A message of sendmmsg(2): `struct mmsghdr` of 64 bit Linux."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(ctypes.c_size_t)),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("length", ctypes.c_size_t),
    ]


def transmitter() -> Callable[..., Any]:
    """Make what stands in for sendmmsg(2): messages go to the wires that have the sockets' numbers."""

    @native.TRANSMIT
    def transmit(number: int, messages: int, count: int, flags: int) -> int:
        for place, message in enumerate((Message * count).from_address(messages)):
            data = ctypes.string_at(message.parts[0], message.parts[1])
            control = ctypes.string_at(message.control, message.control_length) if message.control else b""
            try:
                Wire.all[number].sendmsg([data], [(0, 0, control[16:18])] if control else [], flags, None)
            except OSError as reason:
                ctypes.set_errno(reason.errno or errno.EAGAIN)
                return place or -1
        return count

    made: Callable[..., Any] = transmit
    return made


class Wire:
    """What a viewer's socket does with datagrams, as much of them as it has `room` for."""

    all: dict[int, "Wire"] = {}  # noqa: RUF012
    family = socket.AF_INET
    _numbers = itertools.count(1_000_000)

    def __init__(self) -> None:
        self.room = 10**9
        #: Whether trains are split; else they are refused.
        self.splits = True
        self._number = next(self._numbers)
        self.all[self._number] = self
        self.calls: list[list[bytes]] = []

    def sendmsg(self, parts: Sequence[bytes], control: Sequence[tuple[int, int, bytes]], flags: int, to: object) -> int:
        """Split as udp(7) says: all segments but the last are of the length that `control` gives."""
        if control and not self.splits:
            raise OSError(errno.EIO, "this way out cannot split")
        data = b"".join(parts)
        size = struct.unpack("@H", control[0][2])[0] if control else len(data)
        self._take([data[start : start + size] for start in range(0, len(data), size)])
        return len(data)

    def sendto(self, data: bytes, to: object) -> int:
        self._take([data])
        return len(data)

    def fileno(self) -> int:
        return self._number

    def _take(self, datagrams: list[bytes]) -> None:
        if self.room < len(datagrams):
            raise BlockingIOError(errno.EAGAIN, "no room")
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
        if ingress.transmit is not None:
            peer.outgoing = native.Outgoing(*srtp.session_key(master))
            peer.address = ("127.0.0.1", 9)
            peer.aim(peer.socket)
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


class Room:
    """A stream with a publisher that the test plays."""

    def __init__(self, *, by_native: bool) -> None:
        self.ingress = Ingress(["127.0.0.1"])
        if by_native:
            self.ingress.transmit = transmitter()
        self.stream = Stream("room", {"video": ("h264", 90_000), "audio": ("opus", 48_000)})
        self.asked: list[str] = []
        self.now = 100.0
        #: What was put off: seconds, work, arguments.
        self.later: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []
        self.layer()

    def layer(self, rid: str = "") -> None:
        layer = self.stream.tracks["video"].layer(rid)
        layer.request_keyframe = lambda: self.asked.append(rid)

    def watcher(self, *, repairs: bool = False) -> Watcher:
        return Watcher(self.ingress, self.stream, self, repairs=repairs)

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, work: Callable[..., object], *arguments: Any) -> None:
        self.later.append((delay, work, arguments))

    def picture(
        self, number: int, body: bytes = H264_DELTA, *, stamp: int | None = None, rid: str = "", marker: bool = True
    ) -> bool:
        """Take one packet, one frame each unless a timestamp is given; False for a duplicate."""
        timestamp = number * 3000 if stamp is None else stamp
        packet = rtp.RtpPacket(96, marker, number & 0xFFFF, timestamp & 0xFFFFFFFF, 5, False, body, b"ext")
        taken = self.stream.tracks["video"].layer(rid).take(packet, self.now)
        if taken is not None:
            self.stream.forward(taken)
        return taken is not None

    def sound(self, number: int) -> None:
        packet = rtp.RtpPacket(111, False, number & 0xFFFF, number * 960 & 0xFFFFFFFF, 6, False, b"sound", b"")
        taken = self.stream.tracks["audio"].layer().take(packet, self.now)
        assert taken is not None
        self.stream.forward(taken)

    def flush(self) -> None:
        self.stream.flush(self.now)

    def send(self, number: int, body: bytes = H264_DELTA, **more: object) -> bool:
        taken = self.picture(number, body, **more)  # type: ignore[arg-type]
        self.flush()
        return taken
