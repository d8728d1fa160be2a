"""The media process: peer connections and packets, called over a unix socket.

Run as `python -m livestream.server --socket PATH`; control.py says how the socket speaks.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from livestream import answers, control, offers, rtcp
from livestream.config import Config, read_arguments
from livestream.control import Control
from livestream.errors import AlreadyPublished, Full, NobodyPublishes, OfferRefused, WatchedElsewhere
from livestream.live import Live
from livestream.load import Load
from livestream.packets import Ingress, Peer
from livestream.publisher import Publisher
from livestream.seldom import Seldom
from livestream.stream import Stream
from livestream.tap import Taps
from livestream.viewer import Viewer

logger = logging.getLogger(__name__)

#: Connections of one person who watches; a new one beyond it ends the oldest.
MAX_PER_OWNER = 2
#: Sessions that ended in this way and are remembered.
MAX_DISPLACED = 1000


@dataclass(frozen=True)
class Session:
    """One connection: since when (loop time), whose, and the login that it ends with; empty where nobody signed in."""

    room: str
    born: float
    owner: str = ""
    login: str = ""


class MediaProcess:
    """All rooms of one process; every method runs on its event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._ingress = Ingress(config.addresses, config.port)
        # Opened now, so that a port that is taken is known at the start.
        self._addresses = self._ingress.candidates()
        self._rooms: dict[str, Live] = {}
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._displaced: deque[str] = deque(maxlen=MAX_DISPLACED)
        self.control = Control(self._answer_call, self._what_is_live)
        self.load = Load()
        self._taps = Taps(config.recorder)

    async def publish(self, room: str, offer: str, login: str = "") -> dict[str, str]:
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
        self._sessions[session] = Session(room, self._loop.time(), login=login)
        peer.on_closed = lambda reason: self._publisher_gone(room, session, reason)
        if replaced is not None:
            self._run(replaced.close())
        return self._answer(session, peer, parsed, agreed, live.stream)

    async def play(
        self, room: str, offer: str, owner: str = "", login: str = "", resume: str | None = None
    ) -> dict[str, str]:
        """Answer a viewer's offer; raises OfferRefused, NobodyPublishes, Full, WatchedElsewhere.

        `resume` is the lost session whose place this one takes: it ends, and no capacity is asked for.
        """
        parsed = offers.parse(offer)
        live = self._rooms.get(room)
        if live is None or not (live.published or live.lost_at is not None):
            raise NobodyPublishes
        agreed = offers.accept_play(parsed, live.stream.codecs)
        if resume is None:
            self._check_room_for_a_viewer()
        else:
            self._leave(resume)
        mine = [session for session, made in self._sessions.items() if owner and made.owner == owner]
        if len(mine) >= MAX_PER_OWNER and resume in self._displaced:
            # Else the windows of one person would push each other out for ever.
            raise WatchedElsewhere
        for oldest in mine[: max(0, len(mine) - MAX_PER_OWNER + 1)]:
            self._displaced.append(oldest)
            self._leave(oldest)
        self._check_room_for_one_more()
        session = secrets.token_urlsafe(16)
        peer = self._peer(parsed)
        live.viewers[session] = Viewer(peer, live.stream, agreed)
        self._sessions[session] = Session(room, self._loop.time(), owner, login)
        peer.on_closed = lambda reason: self._run(self.close(session))
        return self._answer(session, peer, parsed, agreed, live.stream)

    async def close(self, session: str) -> bool:
        """End a session; a publisher's ends the stream for everybody. False when there is no such session."""
        known = self._sessions.get(session)
        live = self._rooms.get(known.room) if known is not None else None
        if known is None or live is None:
            return False
        if session == live.session:
            await self._end(known.room, live)
            return True
        viewer = self._take_out(session)
        if viewer is not None:
            await viewer.close()
        return viewer is not None

    def close_login(self, login: str) -> int:
        """End every connection of a login that is over; returns how many. A publisher counts as lost: it may return."""
        theirs = [(session, made) for session, made in self._sessions.items() if login and made.login == login]
        for session, made in theirs:
            if session == self._rooms[made.room].session:
                self._publisher_gone(made.room, session, "its login is over")
            else:
                self._leave(session)
        return len(theirs)

    def _take_out(self, session: str) -> Viewer | None:
        made = self._sessions.pop(session, None)
        live = self._rooms.get(made.room) if made is not None else None
        return live.viewers.pop(session, None) if live is not None else None

    def _leave(self, session: str) -> None:
        # Its place is free at once; the goodbye takes its time. A publisher is no viewer and stays.
        if any(live.session == session for live in self._rooms.values()):
            return
        viewer = self._take_out(session)
        if viewer is not None:
            self._run(viewer.close())

    def stats(self) -> dict[str, Any]:
        """Count peers, rooms, viewers, packets and dropped datagrams."""
        return {
            "peers": len(self._sessions),
            "max_peers": self._config.max_peers,
            "viewers": self._viewers(),
            "max_viewers": self._config.max_viewers,
            **self.load.told(),
            "rooms": {room: live.counters() for room, live in self._rooms.items()},
            "dropped": dict(self._ingress.dropped),
            "not_recorded": self._taps.dropped,
            "addresses": self._addresses,
            "cpu_seconds": sum(os.times()[:2]),
            "pid": os.getpid(),
        }

    def _viewers(self) -> int:
        return sum(len(live.viewers) for live in self._rooms.values())

    def _check_room_for_a_viewer(self) -> None:
        if self._viewers() >= self._config.max_viewers or self.load.saturated:
            raise Full

    def _check_room_for_one_more(self) -> None:
        if len(self._sessions) >= self._config.max_peers:
            raise Full

    def _peer(self, offer: offers.Offer) -> Peer:
        peer = Peer(self._ingress, offer.ufrag)
        peer.start(offer.fingerprints, answers.setup_role(offer))
        return peer

    def _answer(
        self, session: str, peer: Peer, offer: offers.Offer, agreed: tuple[offers.Media, ...], stream: Stream
    ) -> dict[str, str]:
        peer.on_connected = self.load.setup.timed(self._loop.time, peer.on_connected)
        local = answers.Local(
            ufrag=peer.ufrag,
            password=peer.password,
            fingerprint=peer.fingerprint,
            candidates=self._ingress.candidates(),
            session=str(secrets.randbits(62)),
            cname=rtcp.CNAME,
            ssrcs={kind: (track.ssrc, track.repair_ssrc) for kind, track in stream.tracks.items()},
        )
        codec = next((media.codec.name for media in agreed if media.kind == "video"), agreed[0].codec.name)
        return {"session": session, "sdp": answers.answer(offer, agreed, local), "codec": codec}

    def _media_came(self, room: str, session: str) -> None:
        live = self._rooms.get(room)
        if live is not None and live.session == session:
            live.published = True
            live.lost_at = None
            self._tell("published", room, session)
            self._tap()

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
        self.control.tell({"event": event, "room": room, "session": session})

    def _what_is_live(self) -> Iterator[control.Event]:
        for room, live in self._rooms.items():
            if live.published and live.lost_at is None:
                yield {"event": "published", "room": room, "session": live.session}

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
        self._tap()

    def _tap(self) -> None:
        self._taps.look((live.stream, live.session) for live in self._rooms.values() if live.published)

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
            born = self._sessions[session].born
            late = not viewer.peer.connected and now - born > config.connect_timeout
            if late or (viewer.peer.connected and now - viewer.peer.heard > config.viewer_silence):
                self._run(self.close(session))

    def _watch_publisher(self, room: str, live: Live, publisher: Publisher, now: float) -> None:
        born = self._sessions[live.session].born
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
        self._tap()
        await self.control.stop()
        self._ingress.close()

    async def _answer_call(self, call: dict[str, Any]) -> Any:
        match call:
            case {"call": "publish", "room": str(room), "offer": str(offer)}:
                return await self.publish(room, offer, str(call.get("login", "")))
            case {"call": "play", "room": str(room), "offer": str(offer)}:
                owner, login = str(call.get("owner", "")), str(call.get("login", ""))
                return await self.play(room, offer, owner, login, call.get("resume"))
            case {"call": "close", "session": str(session)}:
                return await self.close(session)
            case {"call": "knows", "session": str(session)}:
                return session in self._sessions
            case {"call": "close-login", "login": str(login)}:
                return self.close_login(login)
            case {"call": "stats"}:
                return self.stats()
        raise OfferRefused(422, "unknown-call", "The media process does not know this call.")


async def serve(config: Config, ready: Callable[[], None] = lambda: None) -> None:
    """Run the media process until SIGTERM or SIGINT; `ready` is called when calls are answered."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    process = MediaProcess(config)
    listening = control.listen(config.socket)
    server = await asyncio.start_unix_server(process.control.serve_client, sock=listening, limit=control.MAX_LINE)
    ready()
    try:
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1.0)
            process.load.tick(loop.time(), sum(os.times()[:2]))
            process.tick()
    finally:
        server.close()
        await process.stop()
        with contextlib.suppress(FileNotFoundError):
            config.socket.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and serve."""
    config, log_level = read_arguments(arguments)
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    # What was imported stays: without this a full collection would hold up packets for 10 ms and more.
    gc.collect()
    gc.freeze()
    try:
        asyncio.run(serve(config))
    except OSError as error:
        sys.exit(f"The media process cannot start: {error}")


if __name__ == "__main__":
    main()
