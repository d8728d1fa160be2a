"""Packets in their order again: what came too early waits, within bounds, for what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass

#: Seconds that a gap may take to close. Eight requests for a lost packet, 50 ms apart, and a way there and back.
WAIT = 1.0
#: Packets that wait at most: of 4 Mbit/s two seconds.
MOST_HELD = 1024


@dataclass(slots=True)
class Arrived:
    """A packet of one track as the recorder got it; `ticks` count on beyond 32 bits, `at` is seconds of its clock."""

    sequence: int
    ticks: int
    marker: bool
    body: bytes
    at: float


class Reorder:
    """Gives packets on in the order of their numbers, and tells where some are missing for good."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, Arrived] = {}

    def push(self, packet: Arrived) -> Iterator[tuple[Arrived, bool]]:
        """Take a packet; yield those whose turn it is, each with whether packets before it are lost."""
        if self._next is None:
            self._next = packet.sequence
        if packet.sequence == self._next and not self._held:
            self._next += 1
            yield packet, False
            return
        if packet.sequence >= self._next:
            self._held.setdefault(packet.sequence, packet)
        yield from self.due(packet.at)

    def due(self, now: float) -> Iterator[tuple[Arrived, bool]]:
        """Yield the packets whose turn it is at `now`, some because what they waited for will not come."""
        while self._held:
            assert self._next is not None, "the first packet has set it"
            packet = self._held.pop(self._next, None)
            lost = packet is None
            if packet is None:
                first = min(self._held)
                oldest = min(held.at for held in self._held.values())
                if now - oldest < WAIT and len(self._held) <= MOST_HELD:
                    return
                packet = self._held.pop(first)
            self._next = packet.sequence + 1
            yield packet, lost
