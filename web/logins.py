"""What browsers' sessions hold open beyond a request: sockets and live connections, which end with them."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from livestream.errors import LiveError
from storage.messages import Message

if TYPE_CHECKING:
    from web.services import Services

log = logging.getLogger(__name__)


class Logins:
    """Ends of what is open, by login (the hash of a session's token); everything runs on web's event loop."""

    def __init__(self, parts: "Services") -> None:
        self._parts = parts
        self._ends: dict[str, dict[object, Callable[[], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, login: str, end: Callable[[], None]) -> Callable[[], None]:
        """Have `end` called when the login ends; returns what undoes this. Without a login nothing is held."""
        if not login:
            return lambda: None
        key = object()
        self._ends.setdefault(login, {})[key] = end

        def release() -> None:
            held = self._ends.get(login, {})
            held.pop(key, None)
            if not held:
                self._ends.pop(login, None)

        return release

    def hear(self, message: Message) -> None:
        """Take a fact from the rows: `login:{hash}` ended, here or in another process."""
        kind, _, login = message.topic.partition(":")
        if kind == "login":
            self.end(login)

    def end(self, login: str) -> None:
        """End what a login holds open; twice does no harm."""
        if not login:
            return
        for end in list(self._ends.pop(login, {}).values()):
            end()
        task = asyncio.get_running_loop().create_task(self._close_connections(login), name="login-ended")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Wait for what runs; a media process that is away has no connections to be closed."""
        if not any(client.connected for client in self._parts.media_process.clients):
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _close_connections(self, login: str) -> None:
        try:
            await self._parts.media_process.close_login(login)
        except LiveError:
            # A media process that is gone has taken its connections with it.
            log.info("nobody was there to close the connections of a login that ended")
