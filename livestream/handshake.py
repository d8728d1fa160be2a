"""The datagrams of one DTLS handshake, between the guarded sockets and aiortc's transport."""

import asyncio
from collections.abc import Callable

#: Datagrams of one handshake; a flight has at most six.
MAX_HANDSHAKE_QUEUE = 32


class DtlsDatagrams:
    """What aiortc's DTLS transport takes for its ICE transport: a bounded queue in, the peer's address out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_HANDSHAKE_QUEUE)

    async def _recv(self) -> bytes:
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self._out(data)
