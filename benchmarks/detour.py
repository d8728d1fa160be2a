"""A UDP way through a bad network inside this process: packets are lost, doubled and overtaken, and take their time."""

import asyncio
import random
import re
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Weather:
    """What befalls datagrams: shares of them, and seconds.

    `loss` is independent of one datagram to the next. In a burst everything is lost (Gilbert's model): bursts last
    `burst` on average and begin `calm` after the last one on average.
    """

    loss: float = 0.0
    delay: float = 0.0
    burst: float = 0.0
    calm: float = 1.0
    doubled: float = 0.0
    late: float = 0.0
    #: By how much those that are late are overtaken.
    lateness: float = 0.02


class Detour:
    """Stands between browsers and the media process; connectivity checks and handshakes suffer as media does."""

    def __init__(self, weather: Weather, seed: int = 1) -> None:
        self.weather = weather
        self.passed = self.lost = self.doubled = self.late = self.bursts = 0
        self._turns = float("inf")
        self._bad = False
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

    def _is_burst(self) -> bool:
        """Let bursts begin and end, both ways at once."""
        weather, now = self.weather, self._loop.time()
        if not weather.burst:
            return False
        if self._turns == float("inf"):
            self._turns = now + self._random.expovariate(1 / weather.calm)
        while now >= self._turns:
            self._bad = not self._bad
            self.bursts += self._bad
            self._turns += self._random.expovariate(1 / (weather.burst if self._bad else weather.calm))
        return self._bad

    def _later(self, send: Any, data: bytes, address: Address) -> None:
        weather = self.weather
        if self._is_burst() or self._random.random() < weather.loss:
            self.lost += 1
            return
        self.passed += 1
        late = self._random.random() < weather.late
        self.late += late
        delay = weather.delay + late * weather.lateness
        self._loop.call_later(delay, self._quietly, send, data, address)
        if self._random.random() < weather.doubled:
            self.doubled += 1
            self._loop.call_later(delay, self._quietly, send, data, address)

    @staticmethod
    def _quietly(send: Any, data: bytes, address: Address) -> None:
        if not send.__self__.is_closing():
            send(data, address)

    def close(self) -> None:
        """Close every socket."""
        for each in self._open:
            each.close()
