"""Viewers and a publisher that come back by the page's rules: WebSocket with heartbeat, WHIP, WHEP with resume token.

Each has a loopback address of its own, as if it sat elsewhere, and a guest's session of its own.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.rawpeer import RawPeer
from tests.livestream.harness import H264_DELTA, H264_KEY, Source

FIRST_PAUSE, LONGEST_PAUSE, SPREAD = 0.3, 7.0, 0.35
PING_SECONDS, SILENT_SECONDS = 5.0, 10.0
# A connection without a packet for so long is given up.
DEAD_SECONDS = 2.0
CONNECT_SECONDS = 6.0
SDP = {"Content-Type": "application/sdp"}


class Survivor:
    """What both have in common: an address, a browser's memory, pauses, a socket into the room."""

    def __init__(self, base: str, room: str, number: int, headers: dict[str, str] | None = None) -> None:
        self.base, self.room = base, room
        self.address = f"127.0.{1 + number // 200}.{1 + number % 200}"
        self.presence = 0
        self.state = ""
        # Loop times at which the socket was opened and at which media began, each time anew.
        self.greeted: list[float] = []
        self.moving: list[float] = []
        transport = httpx2.AsyncHTTPTransport(local_address=self.address)
        self.http = httpx2.AsyncClient(
            base_url=base, transport=transport, timeout=5, headers={"Origin": base, **(headers or {})}
        )
        self._headers = headers or {}
        self._soon = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Come in; returns when the page is there."""
        (await self.http.get(f"/live/{self.room}")).raise_for_status()
        loops = (self._stay_in_the_room, self._keep_playing)
        self._tasks = [asyncio.create_task(self._for_ever(loop)) for loop in loops]

    async def stop(self) -> None:
        """Go, like a browser whose machine is switched off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.aclose()

    def cut_socket(self) -> None:
        """Lose the WebSocket as a broken network does, without a goodbye."""
        assert self._socket is not None, "come in first"
        self._socket.transport.abort()

    async def _keep_playing(self) -> bool:
        raise NotImplementedError

    async def _for_ever(self, attempt: Callable[[], Awaitable[bool]]) -> None:
        attempts = 0
        while True:
            worked = False
            with contextlib.suppress(httpx2.HTTPError, OSError, WebSocketException, TimeoutError):
                worked = await attempt()
            attempts = 0 if worked else attempts + 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, attempts - 1)) * (1 - SPREAD * random.random())
            if attempt == self._keep_playing:
                self._soon.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._soon.wait(), pause)
                    attempts = 0
            else:
                await asyncio.sleep(pause)

    async def _stay_in_the_room(self) -> bool:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        headers = {"Cookie": cookie} if "Authorization" not in self._headers else self._headers
        url = f"{self.base.replace('http', 'ws')}/live/{self.room}/socket"
        greeted = len(self.greeted)
        async with connect(
            url,
            additional_headers=headers,
            origin=self.base,  # type: ignore[arg-type]
            local_addr=(self.address, 0),
            open_timeout=5,
            close_timeout=0.1,
            ping_interval=None,
        ) as socket:
            self._socket = socket
            pinging = asyncio.create_task(self._ping(socket))
            try:
                while True:
                    self._take(json.loads(await asyncio.wait_for(socket.recv(), SILENT_SECONDS)))
            except (WebSocketException, TimeoutError):
                return len(self.greeted) > greeted
            finally:
                pinging.cancel()

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await socket.send('{"type":"ping"}')

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "hello":
            self.greeted.append(asyncio.get_running_loop().time())
            self.presence = message["presence"]
        elif message["type"] == "presence":
            self.presence = message["viewers"]
        if message["type"] in ("hello", "state"):
            self.state = message["state"]
            if self.state == "live":
                self._soon.set()


class Viewer(Survivor):
    """Watches; comes back to its place with the token of the last session."""

    token = ""
    _peer: RawPeer | None = None

    def cut_media(self) -> None:
        """Hear and say nothing more over UDP in the connection of this moment."""
        assert self._peer is not None, "come in first"
        assert self._peer.socket is not None, "it is connected"
        asyncio.get_running_loop().remove_reader(self._peer.socket)
        self._peer.send = lambda data: None  # type: ignore[method-assign]

    async def _keep_playing(self) -> bool:
        peer = RawPeer()
        try:
            headers = SDP | ({"Vitrine-Resume": self.token} if self.token else {})
            answer = await self.http.post(f"/live/{self.room}/whep", content=peer.offer(), headers=headers)
            if answer.status_code != 201:
                return False
            self.token = answer.headers["Vitrine-Resume"]
            peer.accept(answer.text)
            await asyncio.wait_for(peer.connect(), CONNECT_SECONDS)
            return await self._watch(peer)
        finally:
            await peer.close(goodbye=False)

    async def _watch(self, peer: RawPeer) -> bool:
        self._peer = peer
        loop = asyncio.get_running_loop()
        seen, since, moved = 0, loop.time(), False
        while loop.time() - since < (DEAD_SECONDS if moved else CONNECT_SECONDS):
            if peer.rtp_count > seen:
                seen, since = peer.rtp_count, loop.time()
                if not moved:
                    self.moving.append(since)
                moved = True
            await asyncio.sleep(0.05)
        return moved


class Publisher(Survivor):
    """Publishes a picture of a few bytes at 50 packets a second."""

    async def _keep_playing(self) -> bool:
        source = Source()
        try:
            answer = await self.http.post(f"/live/{self.room}/whip", content=source.offer(), headers=SDP)
            if answer.status_code != 201:
                return False
            source.accept(answer.text)
            await asyncio.wait_for(source.connect(), CONNECT_SECONDS)
            return await self._send(source)
        finally:
            await source.close(goodbye=False)

    async def _send(self, source: Source) -> bool:
        loop = asyncio.get_running_loop()
        reports, since, timestamp = 0, loop.time(), 0
        while loop.time() - since < DEAD_SECONDS + 1.0:
            # The server reports each second what has arrived.
            if source.rtcp_count > reports:
                if not reports:
                    self.moving.append(loop.time())
                reports, since = source.rtcp_count, loop.time()
            source.write("h264", timestamp * 1800, H264_DELTA if timestamp % 10 else H264_KEY)
            timestamp += 1
            await asyncio.sleep(0.02)
        return reports > 0
