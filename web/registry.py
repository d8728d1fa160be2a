"""Which host has which room, said in Redis under leases: who dies lets go of all by itself.

Without Redis a host keeps its last knowledge, and what nobody is known to have is its own.
"""

import asyncio
import logging
from collections.abc import Sequence

from storage.messages import BrokerGone, Leases

log = logging.getLogger(__name__)

# Twice as long as a restart of web takes; renewed at each survey of the media processes, every two seconds.
LEASE_SECONDS = 10.0
# Rooms of other hosts and used tokens that are remembered for when Redis is away.
MOST_REMEMBERED = 10_000
ROOM, TOKEN, HOSTS = "vitrine:room:", "vitrine:used:", "vitrine:hosts"


class Registry:
    """This host's view of all hosts; a host's name is its public URL."""

    def __init__(self, leases: Leases, own_url: str) -> None:
        self._leases = leases
        self._own = own_url
        self._places: dict[str, str] = {}
        self._used: dict[str, float] = {}
        self.hosts: frozenset[str] = frozenset()

    async def elsewhere(self, room: str, *, claim: bool = False) -> str | None:
        """Return the URL of the other host that has a room; `claim` takes it for this one if nobody has it."""
        try:
            if claim:
                host: str | None = await self._leases.hold(ROOM + room, self._own, LEASE_SECONDS)
            else:
                host = await self._leases.find(ROOM + room)
        except BrokerGone:
            host = self._places.get(room)
        self._remember(room, host)
        return host if host != self._own else None

    async def renew(self, rooms: Sequence[str]) -> None:
        """Say that this host lives and has these rooms."""
        try:
            hosts = await self._leases.gather(HOSTS, self._own, LEASE_SECONDS)
            await self._leases.renew({ROOM + room: self._own for room in rooms}, LEASE_SECONDS)
        except BrokerGone:
            log.warning("the registry of rooms does not answer; this host goes on with what it knows")
            return
        self.hosts = frozenset(hosts) - {self._own}
        for room in rooms:
            self._remember(room, self._own)

    async def use_once(self, name: str, seconds: float) -> bool:
        """Tell whether `name` is used for the first time within `seconds`; here without Redis, else anywhere."""
        now = asyncio.get_running_loop().time()
        self._used = {used: until for used, until in self._used.items() if until > now}
        if name in self._used or len(self._used) >= MOST_REMEMBERED:
            return False
        self._used[name] = now + seconds
        try:
            return await self._leases.hold_new(TOKEN + name, self._own, seconds)
        except BrokerGone:
            # Such a token names the host that takes it, and this process remembers what it took.
            return True

    async def aclose(self) -> None:
        """Close the connections; the leases end by themselves."""
        await self._leases.aclose()

    def _remember(self, room: str, host: str | None) -> None:
        self._places.pop(room, None)
        if host is not None:
            self._places[room] = host
            if len(self._places) > MOST_REMEMBERED:
                del self._places[next(iter(self._places))]
