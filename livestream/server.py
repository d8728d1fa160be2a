"""The media process: peer connections and packets, called over a unix socket.

Run as `python -m livestream.server --socket PATH`. The socket speaks one JSON object a line: a call
`{"id", "call", ...}` is answered by `{"id", "result"}` or `{"id", "error"}`, and every client hears
`{"event": "published" | "lost" | "ended", "room", "session"}`.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livestream import offers, rtcp
from livestream.errors import AlreadyPublished, Full, LiveError, NobodyPublishes, OfferRefused
from livestream.packets import Ingress, Peer
from livestream.publisher import Publisher
from livestream.stream import Stream
from livestream.viewer import Viewer

logger = logging.getLogger(__name__)

#: One call holds an offer of 32 kB; JSON escapes lengthen it.
MAX_LINE = 256 * 1024
#: Events that a client has not read yet; a client that far behind is cut off and starts again from a snapshot.
MAX_UNREAD_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Config:
    """Settings of the media process; times in seconds."""

    socket: Path
    #: Addresses to offer. Local ones are bound, others announced as leading here; none means all local ones.
    addresses: tuple[str, ...] = ()
    #: The one UDP port of each address; 0 lets the system choose.
    port: int = 0
    max_peers: int = 200
    connect_timeout: float = 10.0
    #: Silence after which a publisher counts as lost, and a viewer as gone.
    publisher_silence: float = 5.0
    viewer_silence: float = 30.0
    #: How long viewers are kept while a lost publisher may come back.
    grace: float = 30.0


@dataclass
class Live:
    """The state of one room: its stream outlives a lost publisher by the grace time."""

    stream: Stream
    publisher: Publisher | None = None
    session: str = ""
    published: bool = False
    lost_at: float | None = None
    viewers: dict[str, Viewer] = field(default_factory=dict)


class MediaProcess:
    """All rooms of one process; every method runs on its event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._ingress = Ingress(config.addresses, config.port)
        self._rooms: dict[str, Live] = {}
        self._sessions: dict[str, tuple[str, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    async def publish(self, room: str, offer: str) -> dict[str, str]:
        """Answer a publisher's offer; raises OfferRefused, AlreadyPublished, Full."""
        parsed = offers.parse(offer)
        agreed = offers.accept_publish(parsed)
        live = self._rooms.get(room)
        if live is not None and live.publisher is not None and live.lost_at is None:
            raise AlreadyPublished
        self._check_room_for_one_more()
        codecs = {media.kind: (media.codec.name, media.codec.clock_rate) for media in agreed}
        replaced = live.publisher if live is not None else None
        if live is None or {kind: name for kind, (name, _) in codecs.items()} != live.stream.codecs:
            if live is not None:
                # Viewers agreed to other codecs; they must join again.
                await self._end(room, live)
                replaced = None
            live = self._rooms[room] = Live(Stream(room, codecs))
        session = secrets.token_urlsafe(16)
        peer = self._peer(parsed)
        publisher = Publisher(peer, live.stream, agreed, lambda: self._media_came(room, session))
        self._sessions.pop(live.session, None)
        live.publisher, live.session, live.published = publisher, session, False
        self._sessions[session] = (room, self._loop.time())
        peer.on_closed = lambda reason: self._publisher_gone(room, session, reason)
        if replaced is not None:
            self._run(replaced.close())
        return self._answer(session, peer, parsed, agreed, live.stream)

    async def play(self, room: str, offer: str) -> dict[str, str]:
        """Answer a viewer's offer; raises OfferRefused, NobodyPublishes, Full."""
        parsed = offers.parse(offer)
        live = self._rooms.get(room)
        if live is None or not (live.published or live.lost_at is not None):
            raise NobodyPublishes
        agreed = offers.accept_play(parsed, live.stream.codecs)
        self._check_room_for_one_more()
        session = secrets.token_urlsafe(16)
        peer = self._peer(parsed)
        live.viewers[session] = Viewer(peer, live.stream, agreed)
        self._sessions[session] = (room, self._loop.time())
        peer.on_closed = lambda reason: self._run(self.close(session))
        return self._answer(session, peer, parsed, agreed, live.stream)

    async def close(self, session: str) -> bool:
        """End a session; a publisher's ends the stream for everybody. False when there is no such session."""
        room, _ = self._sessions.get(session, ("", 0.0))
        live = self._rooms.get(room)
        if live is None:
            return False
        if session == live.session:
            await self._end(room, live)
            return True
        self._sessions.pop(session, None)
        viewer = live.viewers.pop(session, None)
        if viewer is not None:
            await viewer.close()
        return viewer is not None

    def stats(self) -> dict[str, Any]:
        """Count peers, rooms, viewers, packets and dropped datagrams."""
        rooms = {}
        for room, live in self._rooms.items():
            rooms[room] = {
                "session": live.session,
                "published": live.published and live.lost_at is None,
                "lost": live.lost_at is not None,
                "viewers": sum(viewer.peer.connected for viewer in live.viewers.values()),
                "codecs": live.stream.codecs,
                "resent": sum(viewer.resent for viewer in live.viewers.values()),
                "dropped": live.publisher.dropped if live.publisher else 0,
                "keyframe_requests": live.publisher.keyframe_requests if live.publisher else 0,
                "tracks": {
                    kind: {"packets": track.packets, "octets": track.octets, "keyframes": track.keyframes}
                    for kind, track in live.stream.tracks.items()
                },
            }
        return {
            "peers": len(self._sessions),
            "max_peers": self._config.max_peers,
            "rooms": rooms,
            "dropped": dict(self._ingress.dropped),
            "cpu_seconds": sum(os.times()[:2]),
            "pid": os.getpid(),
        }

    def _check_room_for_one_more(self) -> None:
        if len(self._sessions) >= self._config.max_peers:
            raise Full

    def _peer(self, offer: offers.Offer) -> Peer:
        peer = Peer(self._ingress, offer.ufrag)
        peer.start(offer.fingerprints, offers.setup_role(offer))
        return peer

    def _answer(
        self, session: str, peer: Peer, offer: offers.Offer, agreed: tuple[offers.Media, ...], stream: Stream
    ) -> dict[str, str]:
        local = offers.Local(
            ufrag=peer.ufrag,
            password=peer.password,
            fingerprint=peer.fingerprint,
            candidates=self._ingress.candidates(),
            session=str(secrets.randbits(62)),
            cname=rtcp.CNAME,
            ssrcs={kind: track.ssrc for kind, track in stream.tracks.items()},
        )
        codec = next((media.codec.name for media in agreed if media.kind == "video"), agreed[0].codec.name)
        return {"session": session, "sdp": offers.answer(offer, agreed, local), "codec": codec}

    def _media_came(self, room: str, session: str) -> None:
        live = self._rooms.get(room)
        if live is not None and live.session == session:
            live.published = True
            live.lost_at = None
            self._tell("published", room, session)

    def _publisher_gone(self, room: str, session: str, reason: str) -> None:
        live = self._rooms.get(room)
        if live is None or live.session != session:
            return
        logger.info("the publisher of room %s is gone: %s", room, reason)
        if not live.published and live.lost_at is None:
            self._run(self._end(room, live))
            return
        if live.publisher is not None:
            self._run(live.publisher.close())
            live.publisher = None
        self._lose(room, live)

    def _lose(self, room: str, live: Live) -> None:
        if live.lost_at is None:
            live.lost_at = self._loop.time()
            self._tell("lost", room, live.session)

    async def _end(self, room: str, live: Live) -> None:
        if self._rooms.get(room) is live:
            del self._rooms[room]
        was_heard_of = live.published or live.lost_at is not None
        for session in (live.session, *live.viewers):
            self._sessions.pop(session, None)
        ends = [viewer.close() for viewer in live.viewers.values()]
        if live.publisher is not None:
            ends.append(live.publisher.close())
        live.publisher, live.viewers = None, {}
        if was_heard_of:
            self._tell("ended", room, live.session)
        await asyncio.gather(*ends)

    def _tell(self, event: str, room: str, session: str) -> None:
        line = json.dumps({"event": event, "room": room, "session": session}).encode() + b"\n"
        for writer in list(self._clients):
            if writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
                self._clients.pop(writer, None)
                writer.transport.abort()
            else:
                writer.write(line)

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception:
            logger.exception("a session could not be closed cleanly")

    def tick(self) -> None:
        """Once a second: reports, and the ends of those that never came, fell silent or did not come back."""
        now = self._loop.time()
        for room, live in list(self._rooms.items()):
            try:
                self._tick_room(room, live, now)
            except Exception:
                # One room's fault is not the others': their packets go on.
                logger.exception("room %s could not be looked after", room)

    def _tick_room(self, room: str, live: Live, now: float) -> None:
        config = self._config
        publisher = live.publisher
        if publisher is not None:
            publisher.tick()
            self._watch_publisher(room, live, publisher, now)
        if live.lost_at is not None and now - live.lost_at > config.grace:
            self._run(self._end(room, live))
            return
        for session, viewer in list(live.viewers.items()):
            viewer.tick()
            born = self._sessions[session][1]
            late = not viewer.peer.connected and now - born > config.connect_timeout
            if late or (viewer.peer.connected and now - viewer.peer.heard > config.viewer_silence):
                self._run(self.close(session))

    def _watch_publisher(self, room: str, live: Live, publisher: Publisher, now: float) -> None:
        born = self._sessions[live.session][1]
        if not publisher.moved:
            if now - born > self._config.connect_timeout:
                self._publisher_gone(room, live.session, "it never sent anything")
        elif live.lost_at is None and now - publisher.moved > self._config.publisher_silence:
            self._lose(room, live)
        elif live.lost_at is not None and live.published and publisher.moved > live.lost_at:
            live.lost_at = None
            self._tell("published", room, live.session)

    async def stop(self) -> None:
        """End every session, let the clients hear of it, and close the sockets."""
        await asyncio.gather(*(self._end(room, live) for room, live in list(self._rooms.items())))
        if self._tasks:
            await asyncio.gather(*self._tasks)
        calls = list(self._clients.values())
        for writer in list(self._clients):
            writer.close()
        await asyncio.gather(*calls)
        self._ingress.close()

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's calls in order until it hangs up; first it hears what is live."""
        for room, live in self._rooms.items():
            if live.published and live.lost_at is None:
                event = {"event": "published", "room": room, "session": live.session}
                writer.write(json.dumps(event).encode() + b"\n")
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None, "a connection is served by a task of its own"
        self._clients[writer] = task
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._call(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError) as reason:
            logger.warning("a client was cut off: %s", reason)
        finally:
            self._clients.pop(writer, None)
            writer.close()

    async def _call(self, line: bytes) -> dict[str, Any]:
        number = None
        try:
            call = json.loads(line)
            number = call.get("id")
            match call:
                case {"call": "publish", "room": str(room), "offer": str(offer)}:
                    return {"id": number, "result": await self.publish(room, offer)}
                case {"call": "play", "room": str(room), "offer": str(offer)}:
                    return {"id": number, "result": await self.play(room, offer)}
                case {"call": "close", "session": str(session)}:
                    return {"id": number, "result": await self.close(session)}
                case {"call": "stats"}:
                    return {"id": number, "result": self.stats()}
            raise OfferRefused(422, "unknown-call", "The media process does not know this call.")
        except LiveError as refusal:
            return {"id": number, "error": {"status": refusal.status, "code": refusal.code, "message": str(refusal)}}
        except Exception:
            logger.exception("a call failed")
            return {"id": number, "error": {"status": 500, "code": "fault", "message": "The media process failed."}}


def _listen(path: Path) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening


async def serve(config: Config, ready: Callable[[], None] = lambda: None) -> None:
    """Run the media process until SIGTERM or SIGINT; `ready` is called when calls are answered."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    process = MediaProcess(config)
    listening = _listen(config.socket)
    server = await asyncio.start_unix_server(process.serve_client, sock=listening, limit=MAX_LINE)
    ready()
    try:
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1.0)
            process.tick()
    finally:
        server.close()
        await process.stop()
        with contextlib.suppress(FileNotFoundError):
            config.socket.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m livestream.server", description="The media process.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket for calls; created with mode 0600")
    parser.add_argument("--address", action="append", default=[], help="address to offer; repeat for more")
    parser.add_argument("--port", type=int, default=0, help="UDP port of every address; 0: any")
    parser.add_argument("--max-peers", type=int, default=200, help="connections of publishers and viewers together")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds that viewers wait for a lost publisher")
    parser.add_argument("--log-level", default="WARNING")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=given.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    config = Config(
        socket=given.socket,
        addresses=tuple(given.address),
        port=given.port,
        max_peers=given.max_peers,
        grace=given.grace,
    )
    asyncio.run(serve(config))


if __name__ == "__main__":
    main()
