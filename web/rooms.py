"""The rooms that somebody is in, and what they hear: facts from rows, events of the media process.

Everything here runs on web's event loop; rows are read and written through threads.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from livestream.client import MediaEvent
from livestream.room import Room
from shop import catalog, shows
from shop.shows import Show
from storage.clock import utcnow
from storage.errors import NotFound, UserError
from storage.messages import Message
from video_assembly import recordings
from web.products import product_json

if TYPE_CHECKING:
    from web.services import Services

log = logging.getLogger(__name__)

# A show without a publisher: for so long its host may come back, or else it is over.
GIVE_UP_SECONDS = 300.0
# After a start of web the media process first says who is live; who is not among them by then is lost.
SETTLE_SECONDS = 5.0
SWEEP_SECONDS = 5.0
# Facts on their way into rooms. Beyond it the oldest goes: the hello of a client that joins is the whole picture.
MOST_FACTS = 1000
# Empty rooms are kept for their chat; beyond it the ones opened first go.
MOST_ROOMS = 200
MOST_TABS = 10
# Shows of which is remembered how many people watched at most, until web starts again.
MOST_PEAKS = 1000


@dataclass
class Opened:
    """A room that somebody is or was in, with what web needs to know to feed it."""

    room: Room
    host_id: str | None
    state: str
    language: str
    product_ids: set[str]
    tabs: dict[str, int] = field(default_factory=dict)


class Rooms:
    """Registry of rooms by the id of their show."""

    def __init__(self, parts: "Services") -> None:
        self._parts = parts
        self._opened: dict[str, Opened] = {}
        self._publishers: dict[str, str] = {}
        self._peaks: dict[str, int] = {}
        # Since when (seconds of the loop's clock) a show that has begun has no publisher.
        self._lost: dict[str, float] = {}
        self._facts: asyncio.Queue[Message] = asyncio.Queue(MOST_FACTS)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen to the media process and to give up shows whose host does not come back."""
        begun = await run_in_threadpool(self._begun)
        now = asyncio.get_running_loop().time()
        self._lost = dict.fromkeys(begun, now)
        work = {"media-events": self._hear_media, "room-facts": self._spread, "room-sweep": self._sweep}
        self._tasks = [asyncio.create_task(run(), name=name) for name, run in work.items()]

    async def stop(self) -> None:
        """Send everybody away and wait for what runs."""
        for opened in self._opened.values():
            opened.room.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def open(self, show: Show) -> Room:
        """Return the room of a show, opening it for its first visitor."""
        opened = self._opened.get(show.id)
        if opened is None:
            self._make_place()
            opened = self._opened[show.id] = Opened(Room(show.id), show.host_id, show.state, show.language, set())
        opened.state = show.state
        opened.product_ids |= set(show.product_ids)
        return opened.room

    def enter(self, show_id: str, person_id: str) -> bool:
        """Count a connection of a person; False when they have too many to this room."""
        tabs = self._opened[show_id].tabs
        if tabs.get(person_id, 0) >= MOST_TABS:
            return False
        tabs[person_id] = tabs.get(person_id, 0) + 1
        return True

    def leave(self, show_id: str, person_id: str) -> None:
        """Forget a connection; the room of a show that is over goes with the last one."""
        opened = self._opened.get(show_id)
        if opened is None:
            return
        self._note_peak(show_id, opened)
        opened.tabs[person_id] = opened.tabs.get(person_id, 1) - 1
        if opened.tabs[person_id] < 1:
            del opened.tabs[person_id]
        if not opened.tabs and opened.state in shows.OVER:
            del self._opened[show_id]

    def viewers(self, show: Show) -> int:
        """Return how many different people are watching, the host not among them; nobody once the show is over."""
        opened = self._opened.get(show.id)
        return opened.room.presence if opened and not show.over else 0

    def most_viewers(self, show_id: str) -> int | None:
        """Return how many people watched at the same time at most; None where nobody noted it."""
        opened = self._opened.get(show_id)
        if opened is not None:
            self._note_peak(show_id, opened)
        return self._peaks.get(show_id)

    def publisher(self, show_id: str) -> str | None:
        """Return the media session of who publishes in a room."""
        return self._publishers.get(show_id)

    async def hang_up(self, show_id: str) -> None:
        """End the stream of a room, if there is one; raises MediaProcessGone."""
        session = self._publishers.get(show_id)
        if session is not None:
            await self._parts.media_process.close(session)

    async def set_state(self, show_id: str, state: str) -> None:
        """Move a show on; everybody hears of it as a fact. Raises NotFound, and Conflict when it cannot go there."""
        await run_in_threadpool(self._write_state, show_id, state)

    def hear(self, message: Message) -> None:
        """Take a fact: stock at once, what happens in a room in its order."""
        kind, _, show_id = message.topic.partition(":")
        if kind == "stock":
            for opened in self._opened.values():
                if message.fact["product_id"] in opened.product_ids:
                    opened.room.tell({**message.fact, "type": "stock"})
        elif kind == "room" and show_id in self._opened:
            if self._facts.full():
                self._facts.get_nowait()
            self._facts.put_nowait(message)

    async def _spread(self) -> None:
        while True:
            message = await self._facts.get()
            try:
                await self._tell(message)
            except Exception:
                # A database that is busy for once must not silence all rooms for ever.
                log.exception("could not tell %s what happened", message.topic)

    async def _tell(self, message: Message) -> None:
        show_id = message.topic.partition(":")[2]
        opened = self._opened.get(show_id)
        if opened is None:
            return
        fact = message.fact
        match fact:
            case {"type": "state", "state": str(state)}:
                opened.state = state
                opened.room.tell({"type": "state", "state": state})
            case {"type": "pin", "product_id": str(product_id)}:
                opened.product_ids.add(product_id)
                product = await run_in_threadpool(self._product, product_id, opened.language)
                if product is not None:
                    told = {"type": "pin", "product_id": product_id, "product": product, "at": fact.get("at")}
                    opened.room.tell(told)
            case {"type": "unpin", "product_id": str(product_id)}:
                opened.room.tell({"type": "unpin", "product_id": product_id, "at": fact.get("at")})

    async def _hear_media(self) -> None:
        async for event in self._parts.media_process.events():
            try:
                await self._take(event)
            except UserError as error:
                log.warning("%s of room %s changes nothing: %s", event.kind, event.room, error)
            except Exception:
                # One room's trouble must not end what all others are told.
                log.exception("could not note that room %s is %s", event.room, event.kind)

    async def _take(self, event: MediaEvent) -> None:
        if event.kind == "published":
            self._publishers[event.room] = event.session
            self._lost.pop(event.room, None)
            await self.set_state(event.room, "live")
            return
        if event.kind == "ended" and self._publishers.get(event.room) == event.session:
            del self._publishers[event.room]
        if await self._parts.media_process.elsewhere(event.room) is not None:
            # It was left behind by a show that goes on at another host.
            return
        if await run_in_threadpool(self._look_after, event.room, 0.0):
            # Whoever means to end a show says so; a stream that just stops may come back.
            self._lost.setdefault(event.room, asyncio.get_running_loop().time())

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for show_id, since in list(self._lost.items()):
                waited = loop.time() - since
                if waited < SETTLE_SECONDS:
                    continue
                try:
                    if await self._parts.media_process.elsewhere(show_id) is not None:
                        # Another host looks after it; should that one die, this one waits from then on.
                        self._lost[show_id] = loop.time() - SETTLE_SECONDS
                        continue
                    if not await run_in_threadpool(self._look_after, show_id, waited):
                        self._lost.pop(show_id, None)
                except Exception:
                    log.exception("could not look after room %s", show_id)

    def _note_peak(self, show_id: str, opened: Opened) -> None:
        self._peaks[show_id] = max(self._peaks.pop(show_id, 0), opened.room.peak)
        if len(self._peaks) > MOST_PEAKS:
            del self._peaks[next(iter(self._peaks))]

    def _make_place(self) -> None:
        empty = [show_id for show_id, opened in self._opened.items() if not opened.tabs]
        for show_id in empty[: max(0, len(self._opened) - MOST_ROOMS + 1)]:
            del self._opened[show_id]

    def _begun(self) -> list[str]:
        with self._parts.db.reading() as tx:
            return [show.id for show in shows.list_shows(tx, states=("live", "reconnecting"), limit=MOST_FACTS)]

    def _write_state(self, show_id: str, state: str) -> None:
        with self._parts.db.writing() as tx:
            now = utcnow()
            show = shows.set_state(tx, show_id, state, now)
            if state == "ended":
                recordings.note_end(tx, show, now, timedelta(days=self._parts.settings.replay_days))

    def _look_after(self, show_id: str, waited: float) -> bool:
        """Note that a show has had no publisher for `waited` seconds; False when it is not running any more."""
        with self._parts.db.reading() as tx:
            show = shows.show(tx, show_id)
        if show.state == "live":
            self._write_state(show_id, "reconnecting")
        elif show.state == "reconnecting" and waited > GIVE_UP_SECONDS and not show.demo:
            # The demo's host is a program that always comes back.
            self._write_state(show_id, "ended")
            return False
        return show.state in ("live", "reconnecting")

    def _product(self, product_id: str, locale: str) -> dict[str, Any] | None:
        try:
            with self._parts.db.reading() as tx:
                return product_json(catalog.product(tx, product_id, locale), self._parts.media)
        except NotFound:
            return None
