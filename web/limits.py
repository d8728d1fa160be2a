"""Rate limits, counted in memory: web is one process, because its rooms live in it."""

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

from storage.errors import TooMany

MINUTE, HOUR = 60.0, 3600.0
# Requests of one kind by one client: how many, and in which time.
LIMITS: dict[str, tuple[int, float]] = {
    # of one address for one account, and of one address for all: passwords are tried out in both ways
    "sign-in": (5, MINUTE),
    "sign-in-anyone": (30, MINUTE),
    "sign-up": (10, HOUR),
    "guest": (60, HOUR),
    "offer": (30, MINUTE),
    # players that try, again and again where nobody is live yet; a household or an office may come to a show together
    "join": (120, MINUTE),
    # connections that came of it, of a person and of an address
    "offer-person": (6, MINUTE),
    "offer-address": (30, MINUTE),
    # of one player that comes back to its place: its pauses grow from 0.3 to 7 s
    "resume": (30, MINUTE),
    # a browser trickles a handful of candidates at most
    "patch": (300, MINUTE),
    "events": (120, MINUTE),
    "upload": (300, HOUR),
    # each keeps a core busy for seconds; guests are made freely, so their address is counted too
    "file": (20, HOUR),
    "file-address": (60, HOUR),
    "order": (30, MINUTE),
    "write": (300, MINUTE),
    "feed": (300, MINUTE),
    "export": (10, HOUR),
    "import": (20, HOUR),
}
# Clients that are remembered. Beyond it the first ones are forgotten: no flood of names fills the memory.
MOST_CLIENTS = 50_000
LONGEST_CLIENT = 320
SWEEP_SECONDS = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Limiter:
    """Counts requests by kind and client in a moving window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], list[float]] = {}
        self._swept = clock()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, kind: str, client: str) -> None:
        """Count one request; raises TooMany with the seconds to wait when there were too many."""
        most, seconds = LIMITS[kind]
        with self._lock:
            now = self._clock()
            if now - self._swept >= SWEEP_SECONDS:
                self._sweep(now)
            taken = self._taken.setdefault((kind, client[:LONGEST_CLIENT]), [])
            del taken[: bisect_right(taken, now - seconds)]
            if len(taken) < most:
                taken.append(now)
                if len(self._taken) > MOST_CLIENTS:
                    del self._taken[next(iter(self._taken))]
                return
            wait = max(1, math.ceil(taken[0] + seconds - now))
        raise TooMany("too-many", "Too many requests. Try again in {retry_after} seconds.", retry_after=wait)

    def take_all(self, counted: Sequence[tuple[str, str]]) -> None:
        """Count one request by several limits; where one raises TooMany, none has counted it."""
        for index, (kind, client) in enumerate(counted):
            try:
                self.take(kind, client)
            except TooMany:
                self.give_back(counted[:index])
                raise

    def give_back(self, counted: Sequence[tuple[str, str]]) -> None:
        """Take back the latest request of each: nothing came of it."""
        with self._lock:
            for kind, client in counted:
                taken = self._taken.get((kind, client[:LONGEST_CLIENT]))
                if taken:
                    taken.pop()
                    if not taken:
                        del self._taken[(kind, client[:LONGEST_CLIENT])]

    def _sweep(self, now: float) -> None:
        self._swept = now
        for key, taken in list(self._taken.items()):
            if taken[-1] <= now - LIMITS[key[0]][1]:
                del self._taken[key]


def client_of(connection: HTTPConnection) -> str:
    """Return whom to count: the person when there is one, else the address."""
    person = getattr(connection.state, "person", None)
    return person.id if person is not None else network_of(connection)


def address_of(connection: HTTPConnection) -> str:
    """Return the client's network address (uvicorn has put the proxy's word in its place where it is trusted)."""
    return connection.client.host if connection.client else "unknown"


def at_this_machine(connection: HTTPConnection) -> bool:
    """Tell whether somebody at this very machine asks: neither through a proxy nor under a name that leads here."""
    passed_on = any(name in connection.headers for name in ("x-forwarded-for", "forwarded", "via"))
    return address_of(connection) in LOOPBACK and connection.url.hostname in LOOPBACK and not passed_on


def network_of(connection: HTTPConnection) -> str:
    """Return the address to count by: with IPv6 one's whole /64, out of which everybody may choose at will."""
    address = address_of(connection)
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
