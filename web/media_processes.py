"""The media processes of this host as if they were one: each room is on one of them, the least loaded of those alive.

A room stays where it is while that process lives. A dead one's rooms are nowhere: the publisher's next attempt lands on
another process, and the viewers' follow. Rooms of other hosts: registry.py.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from livestream.client import CALL_TIMEOUT, Answer, MediaClient, MediaEvent
from livestream.errors import LiveError
from web.registry import Registry

log = logging.getLogger(__name__)

# Often enough for a share of new viewers, rare enough to cost nothing.
SURVEY_SECONDS = 2.0
# Events nobody took yet; beyond it the oldest is dropped, as in each client.
MOST_EVENTS = 1000


@dataclass(eq=False)
class Process:
    """One media process, and what the last survey and the calls since then say about it."""

    number: int
    client: MediaClient
    # Room -> loop time since when it is known to be here.
    rooms: dict[str, float] = field(default_factory=dict)
    viewers: int = 0
    saturated: bool = False

    @property
    def load(self) -> tuple[bool, int, int, int]:
        """What a new room compares; the smallest takes it."""
        return (self.saturated, self.viewers, len(self.rooms), self.number)


class MediaProcesses:
    """Calls the process that a room is on; has the interface of livestream's MediaClient."""

    def __init__(
        self, sockets: Sequence[Path], registry: Registry | None = None, timeout: float = CALL_TIMEOUT
    ) -> None:
        self._processes = [Process(number, MediaClient(path, timeout)) for number, path in enumerate(sockets)]
        self._registry = registry
        self._queues: set[asyncio.Queue[MediaEvent | None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def clients(self) -> list[MediaClient]:
        """The processes, each by itself."""
        return [process.client for process in self._processes]

    async def elsewhere(self, room: str, *, claim: bool = False) -> str | None:
        """Return the URL of the host that has the room, None where it is this one; `claim` takes a room of nobody."""
        if self._registry is None or self._process_of(room) is not None:
            return None
        return await self._registry.elsewhere(room, claim=claim)

    @property
    def hosts(self) -> frozenset[str]:
        """The URLs of the other hosts that are known."""
        return self._registry.hosts if self._registry is not None else frozenset()

    async def use_once(self, name: str, seconds: float) -> bool:
        """Tell whether a one-use token is used for the first time."""
        assert self._registry is not None, "only a host among others gives out such tokens"
        return await self._registry.use_once(name, seconds)

    async def publish(self, room: str, offer_sdp: str, *, login: str = "") -> Answer:
        """Start publishing where the room is, else on the least loaded process; raises as MediaClient does."""
        process = self._process_of(room) or self._least_loaded()
        answer = await process.client.publish(room, offer_sdp, login=login)
        process.rooms.setdefault(room, asyncio.get_running_loop().time())
        return replace(answer, session=_named(process, answer.session))

    async def play(
        self, room: str, offer_sdp: str, *, owner: str = "", login: str = "", resume: str | None = None
    ) -> Answer:
        """Start playing; raises as MediaClient does. A lost session on another process ends there."""
        process = self._process_of(room) or self._least_loaded()
        if resume is not None:
            before, resume = self._parse(resume)
            if before is not process and before is not None and before.client.connected:
                with contextlib.suppress(LiveError):
                    await before.client.close(resume)
        answer = await process.client.play(room, offer_sdp, owner=owner, login=login, resume=resume)
        process.viewers += 1
        return replace(answer, session=_named(process, answer.session))

    async def close(self, session: str) -> bool:
        """End a session; False when there is no such session (any more). Raises MediaProcessGone."""
        process, its_name = self._parse(session)
        return process is not None and await process.client.close(its_name)

    async def knows(self, session: str) -> bool:
        """Tell whether a session goes on. Raises MediaProcessGone."""
        process, its_name = self._parse(session)
        return process is not None and await process.client.knows(its_name)

    async def close_login(self, login: str) -> int:
        """End every session of a login; returns how many there were. Raises MediaProcessGone when none is alive."""
        alive = [process for process in self._processes if process.client.connected] or self._processes[:1]
        return sum(await asyncio.gather(*(process.client.close_login(login) for process in alive)))

    async def stats(self) -> dict[str, Any]:
        """Read the counters of all processes, summed; `processes` has each by itself, None for one that is away.

        Raises MediaProcessGone when one does not answer.
        """
        answers = await asyncio.gather(*(each.client.stats() for each in self._processes))
        return together(answers)

    async def events(self) -> AsyncIterator[MediaEvent]:
        """Hear what happens to publishers, starting with what is live, until `aclose`."""
        queue: asyncio.Queue[MediaEvent | None] = asyncio.Queue(MOST_EVENTS)
        self._queues.add(queue)
        # Streams of events of the clients begin with what is live, so they begin when somebody listens.
        pumps = [asyncio.create_task(self._pump(process, queue)) for process in self._processes]
        self._start()
        try:
            while (heard := await queue.get()) is not None:
                yield heard
        finally:
            self._queues.discard(queue)
            await _end(pumps)

    async def aclose(self) -> None:
        """Hang up on all and wait for it."""
        await _end(self._tasks)
        self._tasks = []
        for queue in self._queues:
            _put(queue, None)
        await asyncio.gather(*(process.client.aclose() for process in self._processes))
        if self._registry is not None:
            await self._registry.aclose()

    async def survey(self) -> None:
        """Ask each process what it has and how busy it is, and tell the other hosts."""
        await asyncio.gather(*(self._ask(process) for process in self._processes))
        if self._registry is not None:
            await self._registry.renew([room for process in self._processes for room in process.rooms])

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep_surveying(), name="media-survey")]

    async def _keep_surveying(self) -> None:
        while True:
            try:
                await self.survey()
            except Exception:
                log.exception("could not survey the media processes")
            await asyncio.sleep(SURVEY_SECONDS)

    async def _ask(self, process: Process) -> None:
        asked = asyncio.get_running_loop().time()
        stats = None
        # A call would wait for one that is away, and the others' leases with it.
        if process.client.connected:
            with contextlib.suppress(LiveError):
                stats = await process.client.stats()
        if stats is None:
            process.rooms.clear()
            process.viewers, process.saturated = 0, False
            return
        known = {room: at for room, at in process.rooms.items() if room in stats["rooms"] or at >= asked}
        process.rooms = dict.fromkeys(stats["rooms"], asked) | known
        process.viewers, process.saturated = stats["viewers"], stats["saturated"]

    async def _pump(self, process: Process, queue: asyncio.Queue[MediaEvent | None]) -> None:
        async for event in process.client.events():
            if event.kind == "published":
                process.rooms.setdefault(event.room, asyncio.get_running_loop().time())
            elif event.kind == "ended" or not process.client.connected:
                process.rooms.pop(event.room, None)
            if self._process_of(event.room) in (None, process):
                _put(queue, replace(event, session=_named(process, event.session)))

    def _process_of(self, room: str) -> Process | None:
        having = (each for each in self._processes if room in each.rooms and each.client.connected)
        return next(having, None)

    def _least_loaded(self) -> Process:
        alive = [process for process in self._processes if process.client.connected]
        return min(alive or self._processes, key=lambda process: process.load)

    def _parse(self, session: str) -> tuple[Process | None, str]:
        number, dot, name = session.rpartition(".")
        if not dot:
            return self._processes[0], session
        index = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else -1
        return (self._processes[index] if 0 <= index < len(self._processes) else None), name


def together(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum the counters of several processes; with one, its own."""
    total: dict[str, Any] = {}
    for answer in answers:
        for name, value in answer.items():
            before = total.get(name)
            if before is None:
                total[name] = value
            elif isinstance(value, dict):
                total[name] = {**before, **value} if name == "rooms" else _sums(before, value)
            elif isinstance(value, list):
                total[name] = [*before, *value]
            elif name in ("lag_seconds", "busy"):
                total[name] = max(before, value)
            elif isinstance(value, bool):
                # Saturated is a host whose every process is.
                total[name] = before and value
            elif isinstance(value, int | float) and name != "pid":
                total[name] = before + value
    total["processes"] = list(answers)
    return total


def _sums(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    # Counters by name; what is no number is the first one's.
    numbers = {name for each in (one, other) for name, value in each.items() if isinstance(value, int | float)}
    return {**other, **one} | {name: one.get(name, 0) + other.get(name, 0) for name in numbers}


def _named(process: Process, session: str) -> str:
    # The first one's sessions have no mark, as if there were no others; media names them without dots.
    return f"{process.number}.{session}" if process.number else session


def _put(queue: asyncio.Queue[MediaEvent | None], event: MediaEvent | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
