"""The media process with real peers: WebRTC in, WebRTC out, and every refusal."""

import asyncio
import struct
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rawpeer import RawPeer
from livestream import rtcp
from livestream.client import MediaClient
from livestream.errors import AlreadyPublished, Full, NobodyPublishes, OfferRefused
from tests.livestream.harness import (
    H264_DELTA,
    H264_KEY,
    Screen,
    Source,
    Viewer,
    inside,
    is_live,
    join,
    publish,
    running,
    until,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_two_peers_through_the_process(media: MediaClient, codec: str) -> None:
    """Frames that one aiortc peer sends are decoded by another; the stream ends for both when it is closed."""
    publisher, session = await publish(media, "room", codec)
    viewer = Viewer()
    await viewer.play(media.play, "room")
    await until(lambda: viewer.frames["video"] >= 30 and viewer.frames["audio"] >= 30)
    assert viewer.sizes == {(640, 480)}
    assert (await media.stats())["rooms"]["room"]["viewers"] == 1
    assert await media.close(session)
    await until(lambda: viewer.peer.connectionState == publisher.connectionState == "closed")
    assert not await media.close(session)
    await viewer.close()
    await publisher.close()


async def test_second_publisher_is_a_conflict_and_nobody_is_a_conflict_of_its_own(media: MediaClient) -> None:
    """409 twice, told apart by their codes."""
    with pytest.raises(NobodyPublishes) as nobody:
        await media.play("room", RawPeer().offer())
    assert (nobody.value.status, nobody.value.retry_after) == (409, 2)
    source = Source()
    await join(source, media.publish, "room")
    with pytest.raises(AlreadyPublished) as second:
        await media.publish("room", Source().offer())
    assert second.value.status == 409
    await source.close()


async def test_full_process_refuses_with_503(tmp_path: Path) -> None:
    """The limit counts publishers and viewers together."""
    async with running(tmp_path, "--max-peers", "2") as media:
        source = Source()
        await join(source, media.publish, "room")
        source.write("opus", 0, b"sound")
        await until(lambda: is_live(media, "room"))
        session = (await media.play("room", RawPeer().offer())).session
        with pytest.raises(Full) as full:
            await media.play("room", RawPeer().offer())
        assert (full.value.status, full.value.retry_after) == (503, 10)
        assert await media.close(session)
        await media.play("room", RawPeer().offer())
        await source.close()


async def test_bad_offers_are_refused_without_harm(media: MediaClient) -> None:
    """Each refusal has its status and code; the process goes on."""
    for offer, status, code in [
        ("", 422, "sdp-malformed"),
        ("v=0\r\n" + "a=x\r\n" * 10000, 413, "sdp-too-large"),
        (RawPeer().offer(), 422, "direction"),
    ]:
        with pytest.raises(OfferRefused) as refused:
            await media.publish("room", offer)
        assert (refused.value.status, refused.value.code) == (status, code)
    assert (await media.stats())["peers"] == 0


async def test_peer_that_never_connects_is_closed() -> None:
    """An offer alone holds its place for the connect time only."""
    async with inside(connect_timeout=0.2) as process:
        await process.publish("room", Source().offer())
        assert process.stats()["peers"] == 1
        await until(lambda: process.stats()["peers"] == 0)
        assert process.stats()["rooms"] == {}


async def test_lost_publisher_comes_back_without_a_jump() -> None:
    """Viewers stay through a crash of the publisher; numbers and clock go on; what nobody resumes ends."""
    told: list[tuple[str, str]] = []
    async with inside(publisher_silence=0.3, grace=1.0) as process:
        process._tell = lambda event, room, session: told.append((event, session))  # type: ignore[method-assign]
        first = Source()
        one = await join(first, process.publish, "room")
        first.write("opus", 0, b"live")
        await until(lambda: told == [("published", one)])
        screen = Screen()
        await join(screen, process.play, "room")
        first.write("h264", 93_000, H264_KEY)
        await until(lambda: len(screen.of("h264")) == 1)
        await first.close(goodbye=False)
        await until(lambda: told[1:] == [("lost", one)])
        second = Source()
        two = await join(second, process.publish, "room")
        second.write("h264", 5, H264_DELTA)
        second.write("h264", 3_005, H264_KEY)
        await until(lambda: told[2:] == [("published", two)])
        await until(lambda: len(screen.of("h264")) == 2)
        before, after = screen.of("h264")
        assert after.sequence == before.sequence + 1
        assert after.ssrc == before.ssrc
        assert 0 < after.timestamp - before.timestamp < 90_000 * 10
        assert after.body == H264_KEY
        await second.close()
        await until(lambda: told[3:] == [("lost", two), ("ended", two)])
        assert process.stats()["peers"] == 0
        await screen.close()


async def test_joiner_starts_at_a_keyframe_and_one_is_asked_for(media: MediaClient) -> None:
    """Delta frames before the first keyframe are not forwarded; sound is, at once."""
    source, screen = Source(), Screen()
    asked: list[bytes] = []
    source.on_rtcp = asked.append
    await join(source, media.publish, "room")
    source.write("h264", 0, H264_DELTA)
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    await until(lambda: keyframe_requests(asked) == [source.ssrcs["h264"]])
    source.write("h264", 3000, H264_DELTA)
    source.write("opus", 0, b"sound")
    source.write("h264", 6000, b"\x09\x10", marker=0)
    source.write("h264", 6000, H264_KEY)
    source.write("h264", 9000, H264_DELTA)
    await until(lambda: len(screen.of("h264")) == 3 and len(screen.of("opus")) == 1)
    assert [packet.body for packet in screen.of("h264")] == [b"\x09\x10", H264_KEY, H264_DELTA]
    assert {packet.ssrc for packet in screen.packets} == set(screen.remote_ssrcs)
    assert not {packet.ssrc for packet in screen.packets} & set(source.ssrcs.values())
    await source.close()
    await screen.close()


def keyframe_requests(reports: list[bytes]) -> list[int]:
    """The sources that a keyframe was asked of."""
    said = [packet for report in reports for packet in rtcp.parse(report)]
    return [packet.ssrc for packet in said if isinstance(packet, rtcp.KeyframeRequest)]


async def test_keyframe_requests_of_many_viewers_are_throttled(media: MediaClient) -> None:
    """However often viewers ask, the publisher is asked at most twice a second."""
    source = Source()
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    source.on_rtcp = lambda data: asked.extend(loop.time() for _ in keyframe_requests([data]))
    await join(source, media.publish, "room")
    source.write("h264", 0, H264_KEY)
    await until(lambda: is_live(media, "room"))
    screens = [Screen() for _ in range(3)]
    for screen in screens:
        await join(screen, media.play, "room")
    for _ in range(40):
        for screen in screens:
            screen.send_rtcp(rtcp.picture_loss(1, screen.remote_ssrcs[0]))
        await asyncio.sleep(0.02)
    await until(lambda: len(asked) >= 3)
    # The process sends them half a second apart; this process may read two late ones together.
    assert len(asked) <= 2 + (asked[-1] - asked[0]) / 0.4
    for peer in (source, *screens):
        await peer.close()


async def test_nack_is_answered_from_the_history(media: MediaClient) -> None:
    """A packet that a viewer misses comes again byte for byte, one that it never should have had does not."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    source.write("h264", 3000, H264_KEY)
    for step in range(5):
        source.write("h264", 6000 + step, H264_DELTA + bytes([step]))
    await until(lambda: len(screen.raw) == 6)
    # The screen's replay protection would drop a packet that it has: what comes is counted before decryption.
    wanted, before = screen.packets[3].sequence, screen.packets[0].sequence - 1
    screen.on_rtp = None
    screen.send_rtcp(rtcp.nack(1, screen.remote_ssrcs[0], [before & 0xFFFF, wanted]))
    await until(lambda: screen.rtp_count == 7)
    assert (await media.stats())["rooms"]["room"]["resent"] == 1
    await source.close()
    await screen.close()


async def test_lost_packet_is_asked_of_the_publisher_until_it_comes(media: MediaClient) -> None:
    """A gap on the way in is asked for at once and again, and filled for viewers who are past it."""
    source, screen = Source(), Screen()
    reports: list[bytes] = []
    source.on_rtcp = reports.append
    await join(source, media.publish, "room")
    source.write("opus", 0, b"live")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    source.write("h264", 3000, H264_KEY)
    missing = source.numbers["h264"] = source.numbers["h264"] + 1
    source.write("h264", 9000, H264_DELTA)

    def nacks() -> list[tuple[int, ...]]:
        said = [packet for report in reports for packet in rtcp.parse(report)]
        return [packet.lost for packet in said if isinstance(packet, rtcp.Nack)]

    await until(lambda: len(nacks()) >= 2)
    assert set(nacks()) == {(missing,)}
    source.write("h264", 6000, b"\x41late", number=missing)
    source.write("h264", 6000, b"\x41late", number=missing)
    source.write("h264", 12000, H264_DELTA)
    await until(lambda: len(screen.of("h264")) >= 4)
    first = screen.of("h264")[0].sequence
    assert [packet.sequence - first for packet in screen.of("h264")] == [0, 2, 1, 3]
    await source.close()
    await screen.close()


async def test_sender_reports_move_with_the_packets(media: MediaClient) -> None:
    """A viewer finds the same capture instant for a packet as its publisher meant, for sound and picture alike."""
    source, screen = Source(), Screen()
    await join(source, media.publish, "room")
    source.write("h264", 500_000, H264_KEY)
    source.write("opus", 700_000, b"sound")
    await until(lambda: is_live(media, "room"))
    await join(screen, media.play, "room")
    ntp = 0xE8000000_00000000
    for name, timestamp in (("h264", 500_000), ("opus", 700_000)):
        report = rtcp.sender_report(source.ssrcs[name], ntp, timestamp, 1, 1)
        source.send_rtcp(report + rtcp.source_description(source.ssrcs[name], "raw"))
    source.write("h264", 500_000 + 9_000, H264_KEY)
    source.write("opus", 700_000 + 4_800, b"sound")
    await until(lambda: len(screen.reports) >= 2 and screen.of("h264") and screen.of("opus"))
    said = [packet for report in screen.reports for packet in rtcp.parse(report)]
    clocks = {packet.ssrc: packet for packet in said if isinstance(packet, rtcp.SenderReport)}
    offsets = []
    for name, rate in (("h264", 90_000), ("opus", 48_000)):
        packet = screen.of(name)[-1]
        clock = clocks[packet.ssrc]
        assert clock.ntp == ntp
        offsets.append((packet.timestamp - clock.timestamp) / rate)
    assert offsets == [0.1, 0.1]
    await source.close()
    await screen.close()


async def test_publisher_hears_how_its_packets_arrive(media: MediaClient) -> None:
    """Receiver reports name both sources, the loss and the last sender report."""
    source = Source()
    reports: list[bytes] = []
    source.on_rtcp = reports.append
    await join(source, media.publish, "room")
    for step in range(10):
        source.write("h264", step * 3000, H264_KEY)
    source.numbers["h264"] += 10
    source.write("h264", 60_000, H264_KEY)
    source.write("opus", 0, b"sound")
    source.send_rtcp(rtcp.sender_report(source.ssrcs["h264"], 0x1234_5678_9ABC_DEF0, 60_000, 11, 99))

    def losses() -> dict[int, int]:
        said = [packet for report in reports for packet in rtcp.parse(report)]
        return {
            packet.ssrc: packet.fraction for packet in said if isinstance(packet, rtcp.LossReport) and packet.fraction
        }

    await until(lambda: losses() == {source.ssrcs["h264"]: 10 * 256 // 21})
    await until(lambda: any(struct.pack("!L", 0x5678_9ABC) in report for report in reports))
    await source.close()


async def test_data_channel_is_refused_and_media_goes_on(media: MediaClient) -> None:
    """`m=application` gets port 0, so that no SCTP packet is ever read."""
    source = Source()
    extra = ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:2", "a=sctp-port:5000")
    answer = await media.publish("room", source.offer(extra=extra))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer.sdp
    assert "a=group:BUNDLE 0 1\r\n" in answer.sdp
    source.accept(answer.sdp)
    await source.connect()
    source.write("opus", 0, b"sound")
    await until(lambda: is_live(media, "room"))
    await source.close()


async def test_events_tell_of_a_stream(media: MediaClient) -> None:
    """published, then ended; a client that comes later hears what is live."""
    heard: list[Any] = []

    async def listen(client: MediaClient) -> None:
        async for event in client.events():
            heard.append((event.kind, event.room, event.session))

    early = asyncio.create_task(listen(media))
    source = Source()
    session = await join(source, media.publish, "room")
    source.write("opus", 0, b"sound")
    await until(lambda: heard == [("published", "room", session)])
    late = asyncio.create_task(listen(media))
    await until(lambda: len(heard) == 2)
    assert heard[1] == heard[0]
    await media.close(session)
    await until(lambda: heard[2:] == [("ended", "room", session)] * 2)
    for task in (early, late):
        task.cancel()
    await asyncio.gather(early, late, return_exceptions=True)
    await source.close()


async def test_a_person_has_two_connections_and_a_third_ends_the_oldest(media: MediaClient) -> None:
    publisher, _ = await publish(media, "room", "vp8")
    mine = [(await media.play("room", Screen(("vp8",)).offer(), owner="mia")).session for _ in range(3)]
    other = (await media.play("room", Screen(("vp8",)).offer(), owner="ada")).session
    unknown = [(await media.play("room", Screen(("vp8",)).offer())).session for _ in range(3)]
    assert [await media.close(session) for session in mine] == [False, True, True]
    assert [await media.close(session) for session in (other, *unknown)] == [True] * 4
    await publisher.close()


async def test_who_resumes_takes_their_own_place_and_nobody_elses(tmp_path: Path) -> None:
    """A full room lets nobody in but the one who was in it; the lost session ends, the publisher's does not."""
    async with running(tmp_path, "--max-viewers", "1", "--max-peers", "3") as media:
        publisher, publishing = await publish(media, "room", "vp8")
        first = (await media.play("room", Screen(("vp8",)).offer())).session
        with pytest.raises(Full):
            await media.play("room", Screen(("vp8",)).offer())
        screen = Screen(("vp8",))
        second = await join(screen, lambda room, offer: media.play(room, offer, resume=first), "room")
        assert not await media.close(first)
        stats = await media.stats()
        assert (stats["viewers"], stats["peers"]) == (1, 2)
        await until(lambda: screen.of("vp8"))
        await media.play("room", Screen(("vp8",)).offer(), resume=publishing)
        with pytest.raises(Full):
            # The process itself has no place left, whoever asks.
            await media.play("room", Screen(("vp8",)).offer(), resume="never-was")
        assert await is_live(media, "room")
        assert await media.close(second)
        await screen.close()
        await publisher.close()


async def test_a_login_that_is_over_takes_its_connections_along(media: MediaClient) -> None:
    source = Source()
    await join(source, lambda room, offer: media.publish(room, offer, login="host"), "room")
    source.write("h264", 0, H264_KEY)
    await until(lambda: is_live(media, "room"))
    left = (await media.play("room", Screen().offer(), owner="mia", login="phone")).session
    stays = (await media.play("room", Screen().offer(), owner="mia", login="laptop")).session
    assert await media.close_login("phone") == 1
    assert await media.close_login("") == 0
    await until(lambda: _viewers(media, 1))
    assert [await media.close(session) for session in (left, stays)] == [False, True]
    assert await media.close_login("host") == 1
    # The host counts as lost: the room waits for a return.
    await until(lambda: _is_lost(media, "room"))
    await source.close()


async def _viewers(media: MediaClient, count: int) -> bool:
    return bool((await media.stats())["viewers"] == count)


async def _is_lost(media: MediaClient, room: str) -> bool:
    return bool((await media.stats())["rooms"][room]["lost"])
