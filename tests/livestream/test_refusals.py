"""Limits that hold against offers and against peers that shake hands wrongly (docs/live.md, limits and attacks)."""

import asyncio
import contextlib
import gc
import os
import socket
import struct
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from OpenSSL import SSL

from benchmarks.rawpeer import RawPeer
from livestream import handshake, offers
from livestream.client import MediaClient
from livestream.errors import Full, LiveError
from livestream.packets import Peer
from tests.livestream.harness import H264_DELTA, H264_KEY, Screen, Source, inside, is_live, join, until
from tests.livestream.hostile import client_hello, malformed_offers

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def work(task: Callable[[], Any]) -> int:
    """Count the lines of Python that a task runs through."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with contextlib.suppress(LiveError):
            task()
    finally:
        sys.settrace(before)
    return lines


SHAPES = {
    "sources": "a=ssrc:{n} cname:x\r\n",
    "formats": " 102",
    "feedback": "a=rtcp-fb:* {n:x}\r\n",
    "feedback of one": "a=rtcp-fb:102 {n:x}\r\n",
    "codecs": "a=rtpmap:{n} H264/90000\r\n",
    "parameters": "a=fmtp:{n} apt=1\r\n",
    "extensions": "a=extmap:{n} urn:x:{n}\r\n",
    "candidates": "a=candidate:1 1 udp 1 10.0.0.1 {n} typ host\r\n",
    "sections": "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
    "groups": "a=group:BUNDLE {n}\r\n",
    "nothing": "a=x\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_work_for_an_offer_grows_with_its_length_only(shape: str) -> None:
    """A07: twice as many lines of one sort are at most about twice the work, up to the cap, and little beyond it."""
    base = RawPeer(("h264",), "sendonly").offer()

    def offer(count: int) -> str:
        more = "".join(SHAPES[shape].format(n=n) for n in range(count))
        return base.replace("SAVPF 102", "SAVPF 102" + more) if shape == "formats" else base + more

    def effort(count: int) -> int:
        text = offer(count)
        return work(lambda: offers.accept_publish(offers.parse(text)))

    most = (offers.MAX_BYTES - len(base)) // max(len(SHAPES[shape]), 8)
    half, whole = effort(most // 2), effort(most)
    assert whole <= 2.2 * half + 1000
    assert whole <= 100_000, "more than ten milliseconds"
    assert effort(200_000) < 100, "an offer beyond the cap was read"


async def test_offers_without_an_end_do_not_stop_the_packets(media: MediaClient) -> None:
    """A07: every malformed offer, one after the other, while a show goes on that misses nothing."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("h264", 0, H264_KEY)
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    sent = 0
    refused: set[int] = set()
    for direction, call in (("sendonly", media.publish), ("recvonly", media.play)):
        for offer in malformed_offers(direction):
            source.write("h264", 3000 * sent, H264_DELTA + bytes([sent]) if sent else H264_KEY)
            sent += 1
            try:
                await media.close((await call("room" if direction == "recvonly" else "other", offer)).session)
            except LiveError as refusal:
                refused.add(refusal.status)
    await until(lambda: len({packet.body for packet in screen.of("h264")}) == sent)
    assert refused >= {413, 422}
    await source.close()
    await screen.close()


async def test_nothing_is_sent_to_the_candidates_of_an_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A08: no packet to an address that did not prove itself by a check, and no name is looked up."""
    asked: list[object] = []
    looking_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *wanted, **more: (asked.append(wanted), looking_up(*wanted))[1])
    victims = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for victim in victims:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
    ports = [victim.getsockname()[1] for victim in victims]
    extra = tuple(f"a=candidate:{p} 1 udp 2130706431 127.0.0.1 {p} typ host" for p in ports)
    extra += ("a=candidate:1 1 udp 1 victim.local 9 typ host", "a=candidate:1 1 udp 1 www.example.org 9 typ host")
    extra += ("c=IN IP4 127.0.0.1", f"a=rtcp:{ports[0]} IN IP4 127.0.0.1")
    async with inside(addresses=("127.0.0.1",)) as process:
        source, screen = Source(), Screen()
        source.accept((await process.publish("room", source.offer(extra=extra)))["sdp"])
        await source.connect()
        source.write("h264", 0, H264_KEY)
        await until(lambda: process.stats()["rooms"]["room"]["published"])
        screen.accept((await process.play("room", screen.offer(extra=extra)))["sdp"])
        await screen.connect()
        source.write("h264", 3000, H264_KEY)
        await until(lambda: screen.of("h264"))
        # One more that never checks at all.
        await process.play("room", RawPeer().offer(extra=extra))
        await asyncio.sleep(0.2)
        await source.close()
        await screen.close()
    for victim in victims:
        with pytest.raises(BlockingIOError):
            victim.recv(2048)
        victim.close()
    assert asked == []


def held() -> tuple[int, int, int]:
    """Open files, peers in memory, tasks."""
    gc.collect()
    peers = sum(isinstance(each, Peer) for each in gc.get_objects())
    return len(os.listdir("/proc/self/fd")), peers, len(asyncio.all_tasks())


async def test_flood_of_offers_leaves_nothing_behind() -> None:
    """A09: who never connects holds a place for the connect time, then no file, no task and no memory."""
    async with inside(addresses=("127.0.0.1",), connect_timeout=0.3, max_peers=40, max_viewers=40) as process:
        source = Source()
        await join(source, process.publish, "room")
        source.write("h264", 0, H264_KEY)
        await until(lambda: process.stats()["rooms"]["room"]["published"])
        before = held()
        refused = 0
        for _ in range(3):
            for number in range(100):
                try:
                    await process.play("room", RawPeer().offer())
                except Full:
                    refused += 1
                with contextlib.suppress(LiveError):
                    await process.publish(f"room-{number}", Source().offer())
            await until(lambda: process.stats()["peers"] == 1)
        assert refused >= 3 * 60
        assert list(process.stats()["rooms"]) == ["room"]
        await until(lambda: held() == before)
        await source.close()


async def come_and_go(cycles: int, silence: float) -> None:
    """Viewers join for real, get packets and leave, in turn with a goodbye and without.

    Who says nothing for `silence` seconds is taken for gone: longer than a busy machine pauses, shorter than it takes
    to fill the process with those who left without a word.
    """
    async with inside(addresses=("127.0.0.1",), viewer_silence=silence) as process:
        source = Source()
        await join(source, process.publish, "room")
        source.write("h264", 0, H264_KEY)
        await until(lambda: process.stats()["rooms"]["room"]["published"])
        before = held()
        for number in range(cycles):
            screen = Screen()
            session = await join(screen, process.play, "room")
            source.write("h264", 3000 * number, H264_KEY)
            await until(lambda screen=screen: screen.rtp_count)  # type: ignore[misc]
            if number % 3 == 2:
                await process.close(session)
            await screen.close(goodbye=number % 3 == 0)
        await until(lambda: process.stats()["peers"] == 1)
        del screen

        def forgotten() -> bool:
            # The stream makes its list of viewers anew with the next packet.
            source.write("h264", 3000 * cycles, H264_KEY)
            return held() == before

        await until(forgotten)
        await source.close()


async def test_viewers_who_come_and_go_leave_nothing_behind() -> None:
    """T18, small."""
    await come_and_go(12, 5.0)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_thousand_viewers_who_come_and_go_leave_nothing_behind() -> None:
    """T18."""
    await come_and_go(1000, 0.5)


async def failed_peers(process: Any) -> None:
    """Nobody but the publisher of `room` is left, and packets go on."""
    await until(lambda: process.stats()["peers"] == 1)


@pytest.fixture
async def show() -> Any:
    """A process with a publisher and a viewer."""
    async with inside(addresses=("127.0.0.1",), connect_timeout=2.0) as process:
        source, screen = Source(), Screen()
        await join(source, process.publish, "room")
        source.write("h264", 0, H264_KEY)
        await until(lambda: process.stats()["rooms"]["room"]["published"])
        await join(screen, process.play, "room")
        yield process, source, screen
        before = len(screen.packets)
        source.write("h264", 6000, H264_KEY)
        await until(lambda: len(screen.packets) > before)
        await source.close()
        await screen.close()


async def test_certificate_that_the_offer_did_not_name_is_refused(show: Any) -> None:
    """The handshake itself succeeds; keys are not taken from it, and the session ends (ASVS 17.2.8)."""
    process, _, _ = show
    thief = Screen()
    thief._fingerprint = ":".join(["AB"] * 32)
    thief.accept((await process.play("room", thief.offer()))["sdp"])
    with contextlib.suppress(ConnectionError):
        await thief.connect()
    await until(lambda: process.stats()["peers"] == 2)
    assert not thief.rtp_count
    await thief.close()


async def test_every_named_fingerprint_must_be_the_certificates(show: Any) -> None:
    """A right one beside a wrong one is not enough."""
    process, _, _ = show
    thief = Screen()
    wrong = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    offer = thief.offer().replace("a=rtcp-mux\r\n", f"a=rtcp-mux\r\n{wrong}\r\n")
    thief.accept((await process.play("room", offer))["sdp"])
    with contextlib.suppress(ConnectionError):
        await thief.connect()
    await until(lambda: process.stats()["peers"] == 2)
    assert not thief.rtp_count
    await thief.close()


async def test_renegotiation_is_not_answered_with_new_keys(show: Any) -> None:
    """Who asks for another handshake in the running connection keeps the old keys or loses the session."""
    process, _, _ = show
    asker = Screen()
    await join(asker, process.play, "room")
    receiving = next(v for v in process._rooms["room"].viewers.values() if asker.remote_ssrcs and v.peer.connected).peer
    keys = receiving._receiving
    connection = asker.dtls._ssl
    connection.renegotiate()
    with contextlib.suppress(SSL.Error):
        connection.do_handshake()
    sent = 0
    with contextlib.suppress(SSL.Error):
        while data := connection.bio_read(1500):
            sent += len(data)
            asker.send(data)
    assert sent > 100, "nothing was asked for"
    await asyncio.sleep(0.3)
    assert receiving._receiving in (keys, None)
    await asker.close()


async def test_flood_of_handshakes_is_bounded(show: Any) -> None:
    """A proven address that sends one ClientHello after the other fills its own short queue and nothing else."""
    process, _, _ = show
    flooder = Screen()
    flooder.accept((await process.play("room", flooder.offer()))["sdp"])
    await flooder.check()
    hello = client_hello()
    for number in range(2000):
        flooder.send(hello)
        flooder.send(hello[:13] + os.urandom(40))
        if number % 100 == 99:
            await asyncio.sleep(0)
    queues = [v.peer._datagrams.queue.qsize() for v in process._rooms["room"].viewers.values()]
    assert max(queues) <= handshake.MAX_HANDSHAKE_QUEUE
    await until(lambda: process.stats()["peers"] == 2)
    await flooder.close()


async def test_what_was_received_once_is_never_received_again(media: MediaClient) -> None:
    """The replay window of RTP (1024 packets) and of RTCP; what is older than the window is refused as well."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("h264", 0, H264_KEY)
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    sent: list[bytes] = []
    plainly = source.send
    source.send = lambda data: (sent.append(data), plainly(data))[1]  # type: ignore[method-assign]
    for number in range(1300):
        source.write("opus", 960 * number, struct.pack("!H", number))
        if number % 50 == 49:
            await media.stats()
    source.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 7))
    await until(lambda: len(screen.of("opus")) == 1300)
    before = (await media.stats())["dropped"].get("srtp", 0)
    replayed = [sent[0], sent[1], sent[700], sent[-2], sent[-1]]
    for data in replayed:
        plainly(data)

    async def refused() -> bool:
        return bool((await media.stats())["dropped"].get("srtp", 0) == before + len(replayed))

    await until(refused)
    assert len(screen.of("opus")) == 1300
    await source.close()
    await screen.close()
