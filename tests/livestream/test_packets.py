"""The guard in front of every peer, and the private names that it holds on to."""

import asyncio
import inspect
import socket
import struct
from collections.abc import Iterator

import pytest
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from livestream import packets
from livestream.client import MediaClient
from livestream.handshake import DtlsDatagrams
from tests.livestream.harness import H264_DELTA, H264_KEY, Screen, Source, is_live, join, until
from tests.livestream.hostile import attacks

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def attack(target: tuple[str, int]) -> None:
    """Send every attack from an address that never proved anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in attacks().values():
            stranger.sendto(data, target)
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(2048)


async def test_attacks_before_and_after_the_handshake_change_nothing(media: MediaClient) -> None:
    """No peer is lost, nothing is answered to a stranger, everything is counted."""
    source, screen = Source(), Screen()
    source.accept((await media.publish("room", source.offer())).sdp)
    attack(source.remote)
    await source.check()
    attack(source.remote)
    await source.connect()
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    attack(source.remote)
    source.write("h264", 3000, H264_KEY)
    await until(lambda: len(screen.of("h264")) == 1)
    # The same from the viewer's own address, which is proven: what is not authentic is dropped.
    for name, data in attacks().items():
        if name not in ("fatal alert", "close notify", "client hello"):
            screen.send(data)
    source.write("h264", 6000, H264_DELTA)
    await until(lambda: len(screen.of("h264")) == 2)
    dropped = (await media.stats())["dropped"]
    assert set(dropped) >= {"size", "stranger", "check", "srtp"}
    assert dropped["size"] >= 3 * 3
    await source.close()
    await screen.close()


@pytest.mark.soak
async def test_a_hundred_handshakes_of_a_hundred_succeed_under_attack(media: MediaClient) -> None:
    """Strangers send first flights, alerts and rubbish before, during and after each of them; all stay connected."""
    source, screens = Source(), []
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    try:
        for _ in range(100):
            screen = Screen()
            screens.append(screen)
            screen.accept((await media.play("room", screen.offer())).sdp)
            attack(screen.remote)
            await screen.check()
            attack(screen.remote)
            shaking = asyncio.create_task(screen.connect())
            while not shaking.done():
                attack(screen.remote)
                await asyncio.sleep(0.005)
            await shaking
            attack(screen.remote)
        source.write("h264", 3000, H264_KEY)
        await until(lambda: all(screen.of("h264") for screen in screens))
        stats = await media.stats()
        assert stats["viewers"] == 100
        assert stats["dropped"]["stranger"] > 400
    finally:
        for each in (*screens, source):
            await each.close()


async def test_plaintext_alert_from_a_proven_address_does_not_end_the_peer(media: MediaClient) -> None:
    """OpenSSL drops records of epoch 0 once keys are agreed."""
    source = Source()
    await join(source, media.publish, "room")
    for name in ("fatal alert", "close notify", "client hello"):
        source.send(attacks()[name])
    source.write("h264", 0, H264_KEY)
    await until(lambda: is_live(media, "room"))
    assert (await media.stats())["peers"] == 1
    await source.close()


async def test_replayed_and_forged_packets_are_dropped(media: MediaClient) -> None:
    """A recorded packet is forwarded once; one with another byte not at all."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    sent: list[bytes] = []
    plain_send = source.send
    source.send = lambda data: (sent.append(data), plain_send(data))[1]  # type: ignore[method-assign]
    source.write("h264", 3000, H264_KEY)
    for _ in range(10):
        plain_send(sent[0])
        plain_send(sent[0][:-1] + bytes([sent[0][-1] ^ 1]))
    source.write("h264", 6000, H264_DELTA)
    await until(lambda: len(screen.of("h264")) >= 2)
    assert [packet.body for packet in screen.of("h264")] == [H264_KEY, H264_DELTA]
    assert (await media.stats())["dropped"]["srtp"] >= 20
    await source.close()
    await screen.close()


async def test_spray_of_sources_and_a_flood_are_bounded(media: MediaClient) -> None:
    """A publisher with thousands of SSRCs or ten times the bitrate is cut to size, and goes on."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    source.write("h264", 0, H264_KEY)
    await until(lambda: screen.of("h264"))
    for number in range(200):
        source.send_rtp(struct.pack("!BBHLL", 0x80, 102, 1, 1, 1000 + number) + H264_KEY)
    for number in range(1500):
        source.write("h264", 3000, H264_KEY + bytes(1150), marker=0)
        if number % 50 == 49:
            await asyncio.sleep(0)

    async def cut() -> bool:
        stats = await media.stats()
        return bool(stats["dropped"].get("sources", 0) > 100 and stats["rooms"]["room"]["dropped"] > 100)

    await until(cut)

    async def arrives() -> bool:
        source.write("h264", 6000, H264_DELTA)
        await asyncio.sleep(0.05)
        return any(packet.body == H264_DELTA for packet in screen.of("h264"))

    await until(arrives)
    assert {packet.ssrc for packet in screen.packets} <= set(screen.remote_ssrcs)
    await source.close()
    await screen.close()


async def test_check_with_a_wrong_password_gets_no_answer(media: MediaClient) -> None:
    """Only who knows the password of the answer is let in; nobody else learns that there is a peer."""
    source = Source()
    source.accept((await media.publish("room", source.offer())).sdp)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0.2)
        stranger.sendto(source.check_request(password="x" * 24), source.remote)
        with pytest.raises(TimeoutError):
            stranger.recv(2048)
        stranger.sendto(source.check_request(), source.remote)
        assert stranger.recv(2048)[:2] == b"\1\1"
    await source.close()


async def test_peer_that_moves_is_followed(media: MediaClient) -> None:
    """A viewer that checks from another address gets its packets there: a phone that leaves the Wi-Fi."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    assert screen.socket is not None
    asyncio.get_running_loop().remove_reader(screen.socket)
    screen.socket.close()
    screen._checked.clear()
    await screen.check()
    source.write("h264", 3000, H264_KEY)
    await until(lambda: len(screen.of("h264")) == 1)
    await source.close()
    await screen.close()


async def test_address_belongs_to_whom_proved_it_last(media: MediaClient) -> None:
    """Who left without a word is sent nothing more when another opens the same port: no key of theirs fits it."""
    source, gone, screen = Source(), Screen(), Screen()
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(gone, media.play, "room")
    await gone.close(goodbye=False)
    screen.port = gone.port
    await join(screen, media.play, "room")
    assert (await media.stats())["peers"] == 3, "the one who is gone is not yet missed"
    for number in range(1, 20):
        source.write("h264", 3000 * number, H264_KEY)
    await until(lambda: len(screen.of("h264")) == 19)
    assert screen.rtp_count == len(screen.packets), "what came is not what its key opens"
    await source.close()
    await screen.close()


async def test_loopback_is_offered_when_there_is_no_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop without a network still goes live."""
    monkeypatch.setattr(packets, "get_host_addresses", lambda use_ipv4, use_ipv6: [])
    ingress = packets.Ingress()
    ((address, port),) = ingress.candidates()
    assert address == "127.0.0.1"
    assert port > 0
    assert ingress.candidates() == ((address, port),)
    ingress.close()


async def test_announced_address_leads_to_a_local_socket() -> None:
    """Behind address translation the outside address is offered first, with the port of a local socket."""
    ingress = packets.Ingress(["203.0.113.7", "127.0.0.1"])
    assert [address for address, _ in ingress.candidates()] == ["203.0.113.7", "127.0.0.1"]
    assert len({port for _, port in ingress.candidates()}) == 1
    ingress.close()


def private_names() -> Iterator[tuple[object, str]]:
    """Everything without a promise that packets.py relies on."""
    certificate = RTCCertificate.generateCertificate()
    transport = RTCDtlsTransport(DtlsDatagrams(lambda data: None), [certificate])  # type: ignore[arg-type]
    for name in ("_srtp_profiles", "_set_role", "_rx_srtp", "_tx_srtp", "_task", "_recv_next", "_state"):
        yield transport, name
    any_source = Policy.SSRC_ANY_OUTBOUND
    policy = Policy(bytes(28), any_source, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    yield Session(policy), "_srtp"
    yield lib, "srtp_protect"
    yield lib, "srtp_unprotect"
    yield ffi, "buffer"


async def test_private_names_are_where_they_were() -> None:
    """Fails when a new aiortc or pylibsrtp moved what packets.py holds on to; read its changes then."""
    for holder, name in private_names():
        assert hasattr(holder, name), f"{type(holder).__name__} has no {name} any more"
    received = inspect.getsource(RTCDtlsTransport._recv_next)
    assert "self.transport._recv()" in received, "DTLS takes its datagrams from somewhere else"
    assert "self.transport._send(" in inspect.getsource(RTCDtlsTransport._write_ssl), "DTLS sends some other way"
    assert "self._srtp_profiles" in inspect.getsource(RTCDtlsTransport._setup_srtp)
    assert list(inspect.signature(RTCDtlsTransport.start).parameters) == ["self", "remoteParameters"]
    assert list(RTCDtlsParameters.__dataclass_fields__) == ["fingerprints", "role"]
    assert [profile.openssl_profile for profile in packets.PROFILES] == [
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    ]
