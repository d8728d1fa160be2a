"""Rate limits, counted in memory: web is one process, because its rooms live in it."""

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import HTTPConnection

from storage.errors import TooMany

# Requests of one kind by one client: who it is, and how many in which time.
LIMITS: dict[str, RateLimitItem] = {
    name: parse(rate)
    for name, rate in {
        "sign-in": "5/minute",
        "sign-up": "10/hour",
        "guest": "60/hour",
        "offer": "30/minute",
        # a household or an office behind one address may come to a show together
        "join": "120/minute",
        "events": "120/minute",
        "upload": "300/hour",
        "order": "30/minute",
        "write": "300/minute",
        "feed": "300/minute",
    }.items()
}


class Limiter:
    """Counts requests by kind and client in a moving window."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def take(self, kind: str, client: str) -> None:
        """Count one request; raises TooMany with the seconds to wait when there were too many."""
        limit = LIMITS[kind]
        if self._window.hit(limit, kind, client):
            return
        reset = self._window.get_window_stats(limit, kind, client).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise TooMany("too-many", "Too many requests. Try again in {retry_after} seconds.", retry_after=wait)


def client_of(connection: HTTPConnection) -> str:
    """Return whom to count: the person when there is one, else the address."""
    person = getattr(connection.state, "person", None)
    return person.id if person is not None else address_of(connection)


def address_of(connection: HTTPConnection) -> str:
    """Return the client's network address (uvicorn has put the proxy's word in its place where it is trusted)."""
    return connection.client.host if connection.client else "unknown"
