"""The web process's side of the media process: calls with time limits, events, and a connection that comes back."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from livestream.errors import BY_CODE, LiveError, MediaProcessGone, OfferRefused

#: Seconds for one call; the media process answers in milliseconds or is gone.
CALL_TIMEOUT = 5.0
#: Seconds between attempts to reach a media process that is away.
RETRY = 0.2
MAX_LINE = 1024 * 1024
#: Events nobody took yet; beyond it the oldest is dropped, `stats()` tells the state of every room.
MAX_EVENTS = 1000
#: What reading a line raises that the media process never wrote like this.
BROKEN = (ValueError, LookupError, TypeError, RecursionError)


@dataclass(frozen=True)
class Answer:
    """An answered offer: the session's id (a secret of its owner), the SDP, and the codec of the video."""

    session: str
    sdp: str
    codec: str


@dataclass(frozen=True)
class MediaEvent:
    """What happened to the publisher `session` of `room`."""

    kind: Literal["published", "lost", "ended"]
    room: str
    session: str


class MediaClient:
    """Calls the media process; `async with MediaClient(path)` or `aclose()` at the end.

    When the media process goes away, calls raise MediaProcessGone and every room that was live is reported `lost`;
    when it is back, calls work again and it reports what is live then.
    """

    def __init__(self, socket_path: str | Path, timeout: float = CALL_TIMEOUT) -> None:
        self._path = str(socket_path)
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listeners: set[asyncio.Queue[MediaEvent | None]] = set()
        self._live: dict[str, MediaEvent] = {}

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def connected(self) -> bool:
        """Whether the media process can be called at this moment."""
        return self._connected.is_set()

    async def publish(self, room: str, offer_sdp: str, *, login: str = "") -> Answer:
        """Start publishing, until `login` ends; raises OfferRefused, AlreadyPublished, Full, MediaProcessGone."""
        call = {"call": "publish", "room": room, "offer": offer_sdp, "login": login}
        return Answer(**await self._call(call))

    async def play(
        self, room: str, offer_sdp: str, *, owner: str = "", login: str = "", resume: str | None = None
    ) -> Answer:
        """Start playing; raises OfferRefused, NobodyPublishes, Full, WatchedElsewhere, MediaProcessGone.

        An `owner` has two connections at most, those of a `login` end with it, and `resume` is the lost session whose
        place this one takes.
        """
        call = {"call": "play", "room": room, "offer": offer_sdp, "owner": owner, "login": login, "resume": resume}
        return Answer(**await self._call(call))

    async def close(self, session: str) -> bool:
        """End a session; False when there is no such session (any more). Raises MediaProcessGone."""
        return bool(await self._call({"call": "close", "session": session}))

    async def knows(self, session: str) -> bool:
        """Tell whether a session goes on. Raises MediaProcessGone."""
        return bool(await self._call({"call": "knows", "session": session}))

    async def close_login(self, login: str) -> int:
        """End every session of a login; returns how many there were. Raises MediaProcessGone."""
        return int(await self._call({"call": "close-login", "login": login}))

    async def stats(self) -> dict[str, Any]:
        """Read the counters of the media process; raises MediaProcessGone."""
        return dict(await self._call({"call": "stats"}))

    async def events(self) -> AsyncIterator[MediaEvent]:
        """Hear what happens to publishers, starting with what is live, until `aclose`."""
        self._start()
        queue: asyncio.Queue[MediaEvent | None] = asyncio.Queue(MAX_EVENTS)
        for event in self._live.values():
            queue.put_nowait(event)
        self._listeners.add(queue)
        try:
            while (heard := await queue.get()) is not None:
                yield heard
        finally:
            self._listeners.discard(queue)

    async def aclose(self) -> None:
        """Hang up, end the listeners, and wait for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        for queue in self._listeners:
            self._offer(queue, None)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._stay_connected())

    async def _call(self, call: dict[str, Any]) -> Any:
        self._start()
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout):
                await self._connected.wait()
                assert self._writer is not None, "connected means there is a writer"
                self._waiting[number] = future
                self._writer.write(json.dumps({"id": number, **call}).encode() + b"\n")
                reply = await future
        except (TimeoutError, ConnectionError):
            raise MediaProcessGone from None
        finally:
            self._waiting.pop(number, None)
        if "error" in reply:
            raise _refusal(reply["error"])
        return reply["result"]

    async def _stay_connected(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=MAX_LINE)
            except OSError:
                await asyncio.sleep(RETRY)
                continue
            self._writer = writer
            self._connected.set()
            try:
                while line := await reader.readline():
                    self._take(json.loads(line))
            except (ConnectionError, *BROKEN):
                # A broken line means that nothing after it can be trusted either: connect again.
                continue
            finally:
                self._hang_up(writer)
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        self._connected.clear()
        self._writer = None
        writer.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError())
        for event in list(self._live.values()):
            self._spread(MediaEvent("lost", event.room, event.session))

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._spread(MediaEvent(message["event"], message["room"], message["session"]))
            return
        future = self._waiting.get(message["id"])
        if future is not None and not future.done():
            future.set_result(message)

    def _spread(self, event: MediaEvent) -> None:
        if event.kind == "published":
            self._live[event.room] = event
        else:
            self._live.pop(event.room, None)
        for queue in self._listeners:
            self._offer(queue, event)

    @staticmethod
    def _offer(queue: asyncio.Queue[MediaEvent | None], event: MediaEvent | None) -> None:
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(event)


def _refusal(error: dict[str, Any]) -> LiveError:
    known = BY_CODE.get(error["code"])
    return known() if known else OfferRefused(error["status"], error["code"], error["message"])
