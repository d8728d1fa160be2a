"""The media process's unix socket: one JSON object a line, calls in, results and events out.

A call `{"id", "call", ...}` is answered by `{"id", "result"}` or `{"id", "error"}`, and every client hears
`{"event": "published" | "lost" | "ended", "room", "session"}`.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from livestream.errors import LiveError

logger = logging.getLogger(__name__)

#: One call holds an offer of 32 kB; JSON escapes lengthen it.
MAX_LINE = 256 * 1024
#: Events that a client has not read yet; a client that far behind is cut off and starts again from a snapshot.
MAX_UNREAD_BYTES = 1024 * 1024

Event = dict[str, str]


class Control:
    """Answers the calls of web processes by `answer`; `snapshot` gives the events that a new one hears first."""

    def __init__(
        self, answer: Callable[[dict[str, Any]], Awaitable[Any]], snapshot: Callable[[], Iterable[Event]]
    ) -> None:
        self._answer = answer
        self._snapshot = snapshot
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    def tell(self, event: Event) -> None:
        """Have every client hear of an event."""
        line = _line(event)
        for writer in list(self._clients):
            if writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
                self._clients.pop(writer, None)
                writer.transport.abort()
            else:
                writer.write(line)

    async def serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's calls in order until it hangs up; first it hears what is live."""
        for event in self._snapshot():
            writer.write(_line(event))
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None, "a connection is served by a task of its own"
        self._clients[writer] = task
        try:
            while line := await reader.readline():
                writer.write(_line(await self._call(line)))
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError) as reason:
            logger.warning("a client was cut off: %s", reason)
        finally:
            self._clients.pop(writer, None)
            writer.close()

    async def stop(self) -> None:
        """Hang up on every client once it has its last answer."""
        calls = list(self._clients.values())
        for writer in list(self._clients):
            writer.close()
        await asyncio.gather(*calls)

    async def _call(self, line: bytes) -> dict[str, Any]:
        number = None
        try:
            call = _read(line)
            number = call.get("id")
            return {"id": number, "result": await self._answer(call)}
        except LiveError as refusal:
            return {"id": number, "error": {"status": refusal.status, "code": refusal.code, "message": str(refusal)}}
        except Exception:
            logger.exception("a call failed")
            return {"id": number, "error": {"status": 500, "code": "fault", "message": "The media process failed."}}


def listen(path: Path, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """Bind the unix socket at `path`, for its user only; one that a dead process left is replaced."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, kind)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening


def _read(line: bytes) -> dict[str, Any]:
    """Read a call; what is none at all is one without a name, which is not known."""
    try:
        call = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return call if isinstance(call, dict) else {}


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
