"""What an attacker sends, for the tests and campaigns of this folder: datagrams of strangers, odd packets of peers."""

import os
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL

from benchmarks.rawpeer import RawPeer
from livestream import packets

SEEDS = Path(__file__).parent / "seeds"


def client_hello() -> bytes:
    """A real DTLS ClientHello."""
    connection = SSL.Connection(RTCCertificate.generateCertificate()._create_ssl_context(packets.PROFILES))
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1500)


def stun_attack(attribute: int, value: bytes) -> bytes:
    """A binding request with one attribute of the wrong size; such ones raise struct.error in aioice."""
    body = struct.pack("!HH", attribute, len(value)) + value + bytes(-len(value) % 4)
    return struct.pack("!HHL12s", 1, len(body), 0x2112A442, os.urandom(12)) + body


def attacks() -> dict[str, bytes]:
    """Datagrams that end a stock aiortc connection, or try to."""
    return {
        "empty": b"",
        "one byte": b"\x16",
        "large": b"\x80" * 3000,
        "client hello": client_hello(),
        "fatal alert": bytes([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]),
        "close notify": bytes([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0]),
        "rtp": struct.pack("!BBHLL", 0x80, 102, 7, 7, 7) + bytes(100),
        "rtcp": struct.pack("!BBHL", 0x80, 200, 6, 7) + bytes(40),
        "short priority": stun_attack(0x0024, b"\1"),
        "short controlling": stun_attack(0x802A, b"\1\2"),
        "bad address": stun_attack(0x0020, b"\0\1"),
        "garbage": b"\xff" * 60,
    }


def captured(target: str) -> list[bytes]:
    """What real peers sent of one kind."""
    return [path.read_bytes() for path in sorted((SEEDS / target).iterdir())]


def mangled(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, double or lengthen."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(changed)) if changed else 0
        match chance.randrange(5):
            case 0 if changed:
                changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 1 if changed:
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                del changed[at : at + chance.choice((1, 4, 40))]
            case 3:
                changed[at:at] = changed[at : at + chance.choice((1, 4, 40))]
            case _:
                changed += bytes(chance.choice((1, 4, 100)))
    return bytes(changed[:1300])


def datagrams(seed: int) -> Iterator[bytes]:
    """Endlessly: fixed attacks, captured checks, RTP and RTCP as they are and mangled, and noise."""
    chance = random.Random(seed)
    fixed = list(attacks().values())
    real = captured("stun") + captured("rtp") + captured("rtcp")
    while True:
        yield chance.choice(fixed)
        yield chance.choice(real)
        yield mangled(chance.choice(real), chance)
        yield mangled(chance.choice(fixed), chance)
        yield chance.randbytes(chance.choice((0, 1, 11, 12, 13, 20, 28, 100, 1200, 2048)))


class Strangers:
    """A few sockets that never proved anything."""

    def __init__(self, target: tuple[str, int], count: int = 8) -> None:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for each in self._sockets:
            each.connect(target)
            each.setblocking(False)

    def send(self, data: bytes, chance: random.Random) -> bool:
        """Send from one of them; False when the kernel did not take it."""
        try:
            chance.choice(self._sockets).send(data)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        return True

    def answers(self) -> int:
        """How many datagrams came back: none should."""
        found = 0
        for each in self._sockets:
            try:
                while True:
                    each.recv(2048)
                    found += 1
            except (BlockingIOError, ConnectionRefusedError):
                continue
        return found

    def close(self) -> None:
        """Close them."""
        for each in self._sockets:
            each.close()


def malformed_offers(direction: str) -> list[str]:
    """Offers that are refused, and some that have to be answered although they are odd."""
    good = RawPeer(("h264", "opus"), direction).offer()
    lines = good.split("\r\n")
    found = ["", "v=0", "\0" * 100, "{}", good.replace("\r\n", ""), "v=0\r\n" + "a=x\r\n" * 5000]
    found += [good + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 200, good + "a=ssrc:1 cname:x\r\n" * 10_000]
    found += [good + "a=ssrc:1 cname:x\r\n" * 200_000]
    found += [good + f"a=candidate:1 1 udp 1 10.{n % 256}.{n // 256}.1 9 typ host\r\n" for n in (0, 300)]
    found += [
        good + "".join(f"a=rtcp-fb:* {n:x}\r\n" for n in range(1500)).replace("SAVPF 102", "SAVPF" + " 102" * 999)
    ]
    found += [good.replace("H264/90000", "H264/" + "9" * 400), good.replace("a=rtpmap:102", "a=rtpmap:-1")]
    found += ["\r\n".join(lines[:at] + lines[at + 1 :]) for at in range(len(lines))]
    found += ["\r\n".join([*lines[: at + 1], *lines[at:]]) for at in range(len(lines))]
    return found
