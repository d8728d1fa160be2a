"""The native part against the Python one: the same datagrams, the same answers when sockets are full."""

import asyncio
import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from livestream import egress, native, rtp, srtp
from livestream.packets import Ingress, Peer
from tests.conftest import missing
from tests.livestream.wire import Wire, transmitter

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SSRC = 0xABCD
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


@pytest.fixture(autouse=True, scope="module")
def built() -> None:
    if not native.available:
        missing("the native part is not built: it needs a C compiler and libcrypto")


def calls_of(sizes: list[int], first: int) -> list[egress.Call]:
    """A batch whose packets have bodies of these sizes."""
    items = []
    for index, size in enumerate(sizes, start=first):
        header = rtp.HEADER.pack(0x80, 102, index & 0xFFFF, 7, SSRC)
        items.append((header, bytes([index % 251]) * size, SSRC << srtp.SSRC_SHIFT | index))
    return egress.plan(items)


def peer(
    ingress: Ingress, way: object, master: bytes, *, by_native: bool, to: tuple[str, int] = ("127.0.0.1", 9)
) -> Peer:
    """A connected peer that is sent to by one of the two ways."""
    made = Peer(ingress, "remote")
    made.socket, made.address = way, to  # type: ignore[assignment]
    made.seal, made.salt = srtp.sealing(master)
    made._sending = Session(Policy(master, Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE))
    if by_native:
        made.outgoing = native.Outgoing(*srtp.session_key(master))
        made.aim(made.socket)
    return made


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 1300) | st.sampled_from([1000, 1200]), min_size=1, max_size=40),
    st.integers(0, 2**33),
    st.lists(st.integers(0, 60), min_size=1, max_size=9),
    st.booleans(),
)
async def test_both_ways_send_the_same(sizes: list[int], first: int, rooms: list[int], splits: bool) -> None:
    """Roll-overs, sockets that are full after so many datagrams, and ways out that cannot split included."""
    ingress, other = Ingress(["127.0.0.1"]), Ingress(["127.0.0.1"])
    ingress.transmit = transmitter()
    calls = calls_of(sizes, first)
    wires: list[list[Wire]] = [[], []]
    peers: list[list[Peer]] = [[], []]
    for room in rooms:
        master = os.urandom(srtp.KEY_BYTES + srtp.SALT_BYTES)
        for place, guard in enumerate((other, ingress)):
            wire = Wire()
            wire.room, wire.splits = room, splits
            wires[place].append(wire)
            peers[place].append(peer(guard, wire, master, by_native=bool(place)))
    full = [egress.Recipients(each).send(calls) for each in peers]
    assert full[0] == full[1]
    for old, new in zip(*wires, strict=True):
        assert old.calls == new.calls
    assert ingress.segments is other.segments
    assert ingress.dropped == other.dropped


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_real_sockets_get_what_libsrtp_reads(host: str) -> None:
    """More viewers and bytes than go at once; one that said goodbye gets nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ingress = Ingress([host])
    way = socket.socket(family, socket.SOCK_DGRAM)
    ends = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(30)]
    try:
        way.setblocking(False)
        viewers = []
        for end in ends:
            end.bind((host, 0))
            end.setblocking(False)
            master = os.urandom(srtp.KEY_BYTES + srtp.SALT_BYTES)
            where = end.getsockname()
            viewers.append((peer(ingress, way, master, by_native=True, to=where), end, master))
        recipients = egress.Recipients([each for each, _, _ in viewers])
        viewers[3][0].aim(None)
        sizes = [1000] * 20 + [400, 1200, 1200, 30]
        assert recipients.send(calls_of(sizes, 65_530)) == []
        for number, (_, end, master) in enumerate(viewers):
            receiver = Session(Policy(master, Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE))
            got = [receiver.unprotect(data) for data in datagrams(end)]
            assert [len(each) - 12 for each in got] == ([] if number == 3 else sizes)
            assert all(each[12:] == bytes([each[12]]) * (len(each) - 12) for each in got)
        assert not ingress.dropped
    finally:
        ingress.close()
        for each in (way, *ends):
            each.close()


def datagrams(end: socket.socket) -> Iterator[bytes]:
    """All that has come; on loopback it is there when sending returns."""
    while True:
        try:
            yield end.recv(2048)
        except BlockingIOError:
            return


async def test_viewers_outlive_those_who_hold_them() -> None:
    """A group keeps its viewers' keys in memory even when everybody else has let go of them."""
    ingress = Ingress(["127.0.0.1"])
    ingress.transmit = transmitter()
    wire = Wire()
    recipients = egress.Recipients([peer(ingress, wire, bytes(28), by_native=True) for _ in range(3)])
    await asyncio.sleep(0)
    recipients.send(calls_of([100], 1))
    assert len(wire.calls) == 3


@pytest.mark.parametrize("compiler", ["cc", "false"])
def test_package_is_built_with_a_compiler_and_without(tmp_path: Path, compiler: str) -> None:
    """Nobody's installation fails for want of one."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"CC": compiler})
    (wheel,) = tmp_path.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert "livestream/native.c" in names
    assert ("livestream/_native.so" in names) is (compiler == "cc")
    assert wheel.name.endswith("-any.whl") is (compiler != "cc")
