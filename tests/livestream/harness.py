"""A media process and real peers for the tests of this folder."""

import asyncio
import contextlib
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack

from benchmarks.rawpeer import CODECS, RawPeer
from livestream import rtp
from livestream.client import MediaClient
from livestream.config import Config
from livestream.server import MediaProcess

H264_KEY = bytes([0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE])
H264_DELTA = bytes([0x41, 0x9A, 0x01])


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for a condition, sync or async, and return what it gave."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)


def start(path: Path, *arguments: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start a media process of its own."""
    command = [sys.executable, "-m", "livestream.server", "--socket", str(path), *arguments]
    return subprocess.Popen(command, stderr=stderr)


@contextlib.asynccontextmanager
async def running(folder: Path, *arguments: str) -> AsyncIterator[MediaClient]:
    """A media process and a client of it; it must end cleanly on SIGTERM."""
    process = start(folder / "media.sock", *arguments)
    try:
        async with MediaClient(folder / "media.sock", timeout=20) as client:
            yield client
    finally:
        process.terminate()
        assert process.wait(10) == 0
        assert not (folder / "media.sock").exists()


@contextlib.asynccontextmanager
async def inside(**settings: Any) -> AsyncIterator[MediaProcess]:
    """The media process inside this one, with its clock ticking fast, for settings that the command line lacks."""
    process = MediaProcess(Config(socket=Path("unused"), **settings))

    async def tick() -> None:
        while True:
            process.tick()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(tick())
    try:
        yield process
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await process.stop()


class Viewer:
    """An aiortc peer that plays and counts decoded frames."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: Counter[str] = Counter()
        self.sizes: set[tuple[int, int]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.peer.on("track", self._take)

    def _take(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._count(track)))

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self.frames[track.kind] += 1
                if track.kind == "video":
                    self.sizes.add((frame.width, frame.height))

    async def play(self, call: Callable[[str, str], Awaitable[Any]], room: str) -> str:
        """Negotiate; returns the session."""
        for kind in ("audio", "video"):
            self.peer.addTransceiver(kind, direction="recvonly")
        return await negotiate(self.peer, call, room)

    async def close(self) -> None:
        """Hang up."""
        await self.peer.close()
        await asyncio.gather(*self._tasks)


async def negotiate(peer: RTCPeerConnection, call: Callable[[str, str], Awaitable[Any]], room: str) -> str:
    """Offer, hand the answer back; returns the session."""
    await peer.setLocalDescription(await peer.createOffer())
    answer = await call(room, peer.localDescription.sdp)
    await peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
    return str(answer.session)


async def publish(client: MediaClient, room: str, codec: str) -> tuple[RTCPeerConnection, str]:
    """Publish a test picture and silence by aiortc; returns when it is live."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(VideoStreamTrack())
    peer.addTrack(AudioStreamTrack())
    for transceiver in peer.getTransceivers():
        transceiver.direction = "sendonly"
        if transceiver.kind == "video":
            known = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([c for c in known if c.mimeType.lower() == f"video/{codec}"])
    session = await negotiate(peer, client.publish, room)
    await until(lambda: is_live(client, room))
    return peer, session


async def is_live(client: MediaClient, room: str) -> bool:
    """Tell whether media of a publisher arrives."""
    found = (await client.stats())["rooms"].get(room)
    return bool(found and found["published"])


class Source(RawPeer):
    """A raw publisher whose every packet the test writes."""

    def __init__(self, codecs: tuple[str, ...] = ("h264", "opus")) -> None:
        super().__init__(codecs, "sendonly")
        self.numbers = dict.fromkeys(codecs, 100)

    def write(self, codec: str, timestamp: int, payload: bytes, *, number: int | None = None, marker: int = 1) -> int:
        """Send one packet, numbered on unless `number` says otherwise; returns its number."""
        if number is None:
            number = self.numbers[codec] = (self.numbers[codec] + 1) & 0xFFFF
        kind = CODECS[codec][1] | marker << 7
        self.send_rtp(rtp.HEADER.pack(0x80, kind, number, timestamp & 0xFFFFFFFF, self.ssrcs[codec]) + payload)
        return number


class Screen(RawPeer):
    """A raw viewer that keeps every packet it is sent."""

    def __init__(self, codecs: tuple[str, ...] = ("h264", "opus")) -> None:
        super().__init__(codecs)
        self.packets: list[rtp.RtpPacket] = []
        self.raw: list[bytes] = []
        self.reports: list[bytes] = []
        self.on_rtp = self._keep
        self.on_rtcp = self.reports.append

    def _keep(self, data: bytes) -> None:
        packet = rtp.parse(data)
        assert packet is not None, "a forwarded packet must be well-formed"
        if packet.padded:
            packet.body = packet.body[: -packet.body[-1]]
        self.packets.append(packet)
        self.raw.append(data)

    def of(self, codec: str) -> list[rtp.RtpPacket]:
        """The packets of one track."""
        return [packet for packet in self.packets if packet.payload_type == CODECS[codec][1]]


async def join(peer: RawPeer, call: Callable[[str, str], Awaitable[Any]], room: str) -> str:
    """Negotiate and connect a raw peer; returns the session."""
    answer = await call(room, peer.offer())
    if isinstance(answer, dict):
        peer.accept(answer["sdp"])
        session = answer["session"]
    else:
        peer.accept(answer.sdp)
        session = answer.session
    await peer.connect()
    return str(session)
