"""Facts on their way to people: one subscriber on the loop feeds the rooms and every server-sent event stream."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route

from shop import merchants
from storage.accounts import Person
from storage.messages import Message
from web.limits import network_of
from web.services import Services, services

log = logging.getLogger(__name__)

# A browser that does not read loses its stream after this many facts and comes back with Last-Event-ID.
QUEUE_BOUND = 200
PING_SECONDS = 15
CANCEL_SECONDS = 0.2
MOST_STREAMS_PER_PERSON = 8
# Tokens with one of these hear facts about their person.
SCOPES = frozenset({"viewer", "operate", "clips:write"})
# Who has no session yet is known by an address, behind which there may be many.
MOST_STREAMS_PER_NETWORK = 64


@dataclass(eq=False)
class Listener:
    """One open stream: which facts it may see, and the queue it reads them from."""

    wants: Callable[[Message], bool]
    queue: asyncio.Queue[Message | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_BOUND))


class Stream:
    """Reads the stream of facts once and hands each fact to everybody who may see it."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._listeners: dict[Listener, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._read(), name="facts")

    async def stop(self) -> None:
        """Stop reading and end every open stream."""
        for listener in list(self._listeners):
            self._end(listener)
        # redis-py swallows a cancellation that meets it while it connects, so one is not always enough.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def listen(self, owner: str, wants: Callable[[Message], bool], most: int = MOST_STREAMS_PER_PERSON) -> Listener:
        """Open a stream for a person or a network; the oldest of theirs ends when there are more than `most`."""
        mine = [listener for listener, whose in self._listeners.items() if whose == owner]
        for oldest in mine[: max(0, len(mine) - most + 1)]:
            self._end(oldest)
        listener = Listener(wants)
        self._listeners[listener] = owner
        return listener

    def leave(self, listener: Listener) -> None:
        """Close a stream; closing twice is fine."""
        self._listeners.pop(listener, None)

    def _end(self, listener: Listener) -> None:
        self.leave(listener)
        while listener.queue.full():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)

    async def _read(self) -> None:
        async for message in self._parts.messages.subscribe():
            try:
                self._hand_out(message)
            except Exception:
                # One odd fact must not end what everybody is told from then on.
                log.exception("could not hand out a fact about %s", message.topic)

    def _hand_out(self, message: Message) -> None:
        self._parts.rooms.hear(message)
        self._parts.logins.hear(message)
        for listener in list(self._listeners):
            if not listener.wants(message):
                continue
            if listener.queue.full():
                self._end(listener)
            else:
                listener.queue.put_nowait(message)


def visible_to(person: Person | None, merchant_id: str | None) -> Callable[[Message], bool]:
    """Return which facts a person may see: all stock and rooms, one's own feed and files, one's own shop's clips."""

    def wants(message: Message) -> bool:
        kind, _, subject = message.topic.partition(":")
        if kind in ("stock", "room"):
            return True
        if kind in ("viewer", "export"):
            return person is not None and subject == person.id
        if kind == "clip":
            return merchant_id is not None and message.fact.get("merchant_id") == merchant_id
        return False

    return wants


def as_event(message: Message) -> ServerSentEvent:
    """Write a fact as a server-sent event: its topic's first word is the event's name."""
    kind, _, subject = message.topic.partition(":")
    body: dict[str, Any] = {"id": subject, **message.fact} if subject else message.fact
    return ServerSentEvent(json.dumps(body), event=kind, id=message.id)


async def stream(request: Request) -> EventSourceResponse:
    """`GET /v1/stream`: facts as they happen; `Last-Event-ID` first gets what was missed."""
    parts = services(request)
    person: Person | None = request.state.person
    if person is not None and person.scopes is not None and not person.scopes & SCOPES:
        # A key for one thing, like an encoder's, hears what everybody hears.
        person = None
    merchant_id = await run_in_threadpool(_merchant_of, parts, person)
    wants = visible_to(person, merchant_id)
    listener = (
        parts.stream.listen(person.id, wants)
        if person is not None
        else parts.stream.listen(network_of(request), wants, MOST_STREAMS_PER_NETWORK)
    )
    last_id = request.headers.get("last-event-id", "")

    async def events() -> AsyncIterator[ServerSentEvent]:
        try:
            if last_id:
                for missed in await parts.messages.since(last_id):
                    if wants(missed):
                        yield as_event(missed)
            while (message := await listener.queue.get()) is not None:
                yield as_event(message)
        finally:
            parts.stream.leave(listener)

    return EventSourceResponse(events(), ping=PING_SECONDS, headers={"X-Accel-Buffering": "no"})


def _merchant_of(parts: Services, person: Person | None) -> str | None:
    if person is None or person.guest:
        return None
    with parts.db.reading() as tx:
        return merchants.merchant_of(tx, person.id)


routes = [Route("/v1/stream", stream)]
