"""A UDP way through a bad network inside this process: packets are lost at random, both ways, and take their time."""

import asyncio
import random
import re
from typing import Any, cast

Address = tuple[str, int]


class Way(asyncio.DatagramProtocol):
    """One socket of the detour; what arrives goes on through `forward`."""

    def __init__(self, forward: Any) -> None:
        self._forward = forward

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Pass it on."""
        self._forward(data, address)

    def error_received(self, reason: Exception) -> None:
        """The other end is gone: an event, not an error."""


class Detour:
    """Stands between browsers and the media process; `loss` is a share, `delay` the seconds of one way.

    Each datagram is lost independently of the others, connectivity checks and handshakes included.
    """

    def __init__(self, loss: float, delay: float, seed: int = 1) -> None:
        self.loss = loss
        self.delay = delay
        self.passed = self.lost = 0
        self._random = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._open: list[asyncio.DatagramTransport] = []

    async def around(self, answer: str) -> str:
        """Open a way to the first candidate of an answer and put its address in the place of all candidates."""
        lines = re.findall(r"^a=candidate:.*$", answer, re.MULTILINE)
        words = lines[0].split()
        target = (words[4], int(words[5]))
        ways: dict[Address, asyncio.DatagramTransport] = {}

        def come(data: bytes, address: Address) -> None:
            if address in ways:
                self._later(ways[address].sendto, data, target)
            else:
                self._loop.create_task(first(data, address))

        async def first(data: bytes, address: Address) -> None:
            if address not in ways:
                back = Way(lambda reply, _: self._later(front.sendto, reply, address))
                ways[address] = (await self._loop.create_datagram_endpoint(lambda: back, ("127.0.0.1", 0)))[0]
                self._open.append(ways[address])
            come(data, address)

        front, _ = await self._loop.create_datagram_endpoint(lambda: Way(come), ("127.0.0.1", 0))
        self._open.append(front)
        host, port = cast(Address, front.get_extra_info("sockname"))
        kept = re.sub(r"^a=candidate:.*\r?\n", "", answer, flags=re.MULTILINE)
        words[4:6] = [host, str(port)]
        return kept.replace("a=end-of-candidates", " ".join(words).strip() + "\r\na=end-of-candidates")

    def _later(self, send: Any, data: bytes, address: Address) -> None:
        if self._random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        self._loop.call_later(self.delay, self._quietly, send, data, address)

    @staticmethod
    def _quietly(send: Any, data: bytes, address: Address) -> None:
        if not send.__self__.is_closing():
            send(data, address)

    def close(self) -> None:
        """Close every socket."""
        for each in self._open:
            each.close()
