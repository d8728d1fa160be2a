"""The people of one room: presence, chat, reactions, and what everybody is told. Messages: PROTOCOL.md.

Pure of sockets and clocks: the web process feeds it with what clients say and sends what their queues hold.
"""

import asyncio
import json
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

#: Messages that wait for one client. Beyond it the oldest chat line or reaction goes; a client that cannot even take
#: what must not be lost (pins, stock, states) is cut off with TOO_SLOW, joins again and gets the whole picture.
QUEUE = 100
HISTORY = 50
#: Connections to one room at once; whoever comes later is asked to come back.
MOST_CLIENTS = 1000
MAX_TEXT = 500
MAX_MESSAGE = 4096
PRESENCE_INTERVAL = timedelta(seconds=1)
#: Different numbers are known to different clients.
UNKNOWN = -1
REACTIONS = frozenset({"heart", "like", "clap", "wow", "laugh", "fire"})
#: Close codes of the WebSocket.
TOO_SLOW = 4408
ROOM_CLOSED = 4410
ROOM_FULL = 4503

Message = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Who is at the other end; `may_chat` is false for guests where the shop wants a sign-in."""

    id: str
    name: str
    role: str = "viewer"
    may_chat: bool = True

    @property
    def moderates(self) -> bool:
        """Hosts and operators are exempt from slow mode."""
        return self.role in ("host", "operator")


@dataclass
class Allowance:
    """A token bucket: `rate` a second, `burst` at once."""

    rate: float
    burst: float
    _left: float = -1.0
    _at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Use one token if there is one."""
        if self._at is None:
            self._left = self.burst
        else:
            self._left = min(self.burst, self._left + (now - self._at).total_seconds() * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class Limits:
    """What one person may do, counted over all of their tabs."""

    said: Allowance = field(default_factory=lambda: Allowance(rate=10, burst=20))
    chat: Allowance = field(default_factory=lambda: Allowance(rate=1, burst=5))
    reactions: Allowance = field(default_factory=lambda: Allowance(rate=5, burst=10))
    last_chat: datetime | None = None
    tabs: int = 0
    hosts: bool = False


class Client:
    """One connection to the room, with its bounded queue."""

    def __init__(self, person: Person) -> None:
        self.person = person
        #: Set when the connection must be closed: the close code of the WebSocket.
        self.close_code: int | None = None
        self._queue: deque[Message] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, message: Message) -> None:
        """Queue a message, merged with a waiting one where only the latest or the sum matters."""
        if self.close_code is not None or self._merge(message):
            return
        if len(self._queue) >= QUEUE and not self._drop():
            self.cut_off(TOO_SLOW)
            return
        self._queue.append(message)
        self._filled.set()

    def cut_off(self, code: int) -> None:
        """End the connection; what waits is not sent any more."""
        self.close_code = code
        self._queue.clear()
        self._filled.set()

    def take(self) -> Message | None:
        """Remove the next message; None when there is none."""
        return self._queue.popleft() if self._queue else None

    async def next(self) -> Message | None:
        """Wait for the next message; None means: close with `close_code`."""
        while not self._queue and self.close_code is None:
            self._filled.clear()
            await self._filled.wait()
        return self.take()

    def _merge(self, message: Message) -> bool:
        kind = message["type"]
        if kind not in ("presence", "reaction", "stock"):
            return False
        for index, waiting in enumerate(self._queue):
            if waiting["type"] != kind:
                continue
            if kind == "reaction" and waiting["kind"] == message["kind"]:
                self._queue[index] = {**waiting, "count": waiting["count"] + message["count"]}
                return True
            if kind == "presence" or (kind == "stock" and waiting.get("variant_id") == message.get("variant_id")):
                self._queue[index] = message
                return True
        return False

    def _drop(self) -> bool:
        for index, waiting in enumerate(self._queue):
            if waiting["type"] in ("chat", "reaction", "presence", "pong", "error"):
                del self._queue[index]
                return True
        return False


class Room:
    """Everybody in one room; every method returns at once."""

    def __init__(self, room_id: str, slow_seconds: float = 0.0) -> None:
        self.id = room_id
        #: Least time between two chat messages of one person, on top of the rate limit; 0 switches slow mode off.
        self.slow_seconds = slow_seconds
        self._clients: set[Client] = set()
        self._limits: dict[str, Limits] = {}
        self._history: deque[Message] = deque(maxlen=HISTORY)
        self._next_chat = 1
        self._told_presence: tuple[int, datetime] | None = None
        #: The highest presence so far.
        self.peak = 0

    @property
    def presence(self) -> int:
        """How many different people are watching: everybody but the host."""
        return sum(limits.tabs > 0 and not limits.hosts for limits in self._limits.values())

    @property
    def full(self) -> bool:
        """Whether a viewer has to come back later; there is always room for who leads the show."""
        return len(self._clients) >= MOST_CLIENTS

    def join(self, person: Person, facts: Message, now: datetime) -> Client:
        """Let somebody in; `facts` (state, pins, stock: whatever the page needs) become part of their hello."""
        client = Client(person)
        self._clients.add(client)
        limits = self._limits.setdefault(person.id, Limits())
        limits.tabs += 1
        limits.hosts = person.role == "host"
        self.peak = max(self.peak, self.presence)
        you = {"id": person.id, "name": person.name, "role": person.role, "may_chat": person.may_chat}
        hello = {"type": "hello", "room": self.id, "you": you, "presence": self.presence}
        client.put({**facts, **hello, "slow_seconds": self.slow_seconds, "at": now.isoformat()})
        if self._told_presence is not None and self._told_presence[0] != self.presence:
            # Not everybody knows the number told last any more: it is told again even if it is the same by then.
            self._told_presence = (UNKNOWN, self._told_presence[1])
        if self._history:
            client.put({"type": "chat-history", "messages": list(self._history)})
        self._tell_presence(now)
        return client

    def leave(self, client: Client, now: datetime) -> None:
        """Let somebody out; doing it twice does no harm."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        limits = self._limits[client.person.id]
        limits.tabs -= 1
        self._forget(now)
        self._tell_presence(now)

    def tell(self, message: Message) -> None:
        """Tell everybody; `message` has a `type` and is not changed afterwards."""
        for client in self._clients:
            client.put(message)

    def close(self) -> None:
        """Cut everybody off: the room is gone."""
        for client in self._clients:
            client.cut_off(ROOM_CLOSED)

    def receive(self, client: Client, text: str, now: datetime) -> None:
        """Handle one message of a client; what is wrong with it, only that client hears."""
        limits = self._limits[client.person.id]
        self._tell_presence(now)
        if not limits.said.take(now):
            self._refuse(client, "too-fast", "You are sending too much. Wait a moment.")
            return
        try:
            said = json.loads(text) if len(text) <= MAX_MESSAGE else None
        except (ValueError, RecursionError):
            said = None
        match said:
            case {"type": "ping"}:
                client.put({"type": "pong", "at": now.isoformat()})
            case {"type": "chat", "text": str(line)}:
                self._chat(client, limits, line, now)
            case {"type": "reaction", "kind": str(kind)} if kind in REACTIONS:
                if limits.reactions.take(now):
                    self.tell({"type": "reaction", "kind": kind, "count": 1})
            case _:
                self._refuse(client, "bad-message", "This message was not understood.")

    def _chat(self, client: Client, limits: Limits, line: str, now: datetime) -> None:
        person = client.person
        text = clean(line)
        if not person.may_chat:
            self._refuse(client, "sign-in-to-chat", "Sign in to take part in the chat.")
        elif not text:
            self._refuse(client, "empty", "Write something first.")
        elif len(text) > MAX_TEXT:
            self._refuse(client, "too-long", "A message can have 500 characters at most.")
        elif not person.moderates and self._too_soon(limits, now):
            self._refuse(client, "slow-mode", "Slow mode is on. Wait a little before the next message.")
        elif not limits.chat.take(now):
            self._refuse(client, "too-fast", "You are sending too much. Wait a moment.")
        else:
            limits.last_chat = now
            sender = {"id": person.id, "name": person.name, "role": person.role}
            message = {"type": "chat", "id": self._next_chat, "person": sender, "text": text, "at": now.isoformat()}
            self._next_chat += 1
            self._history.append(message)
            self.tell(message)

    def _too_soon(self, limits: Limits, now: datetime) -> bool:
        last = limits.last_chat
        return last is not None and (now - last).total_seconds() < self.slow_seconds

    @staticmethod
    def _refuse(client: Client, code: str, sentence: str) -> None:
        client.put({"type": "error", "code": code, "message": sentence})

    def _tell_presence(self, now: datetime) -> None:
        # At most once a second, else a thousand arrivals would be a million messages; what is held back goes out
        # with the next arrival, departure or ping.
        count = self.presence
        if self._told_presence is not None:
            told, at = self._told_presence
            if told == count or now - at < PRESENCE_INTERVAL:
                return
        self._told_presence = (count, now)
        self.tell({"type": "presence", "viewers": count})

    def _forget(self, now: datetime) -> None:
        # Limits outlive a reload, so that leaving and coming back gains nothing; a minute is enough for that.
        keep = max(60.0, self.slow_seconds)
        for person_id, limits in list(self._limits.items()):
            last = limits.last_chat
            if limits.tabs <= 0 and (last is None or (now - last).total_seconds() > keep):
                del self._limits[person_id]


def clean(text: str) -> str:
    """Normalise a chat line: composed characters, one line, no control or direction characters."""
    composed = unicodedata.normalize("NFC", text[: 4 * MAX_TEXT])
    kept = (" " if char in "\n\r\t" else char for char in composed)
    # U+200D joins emoji; everything else of these categories is invisible or turns the line around.
    visible = (char for char in kept if char == "\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co"))
    return " ".join("".join(visible).split())
