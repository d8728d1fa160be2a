"""What a process keeps in memory between requests, so much of it and no more."""

import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

# One process serves one database; tests open many.
DATABASES = 4

K = TypeVar("K")
V = TypeVar("V")


def settle() -> None:
    """Look for garbage among all that is in memory, and leave what stays out of further collections until then.

    A library of 40,000 segments is half a million objects: a collection that looks at them all takes a tenth of a
    second and would otherwise come in the middle of some request. Called beside requests every few minutes.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Kept(Generic[K, V]):
    """The last things that were asked for, the one that was asked for longest ago is forgotten first.

    With `idle` also what nobody has asked for in so many seconds, as soon as anything is asked for or kept.
    """

    def __init__(self, most: int, idle: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._idle, self._clock, self._lock = most, idle, clock, threading.Lock()
        self._kept: OrderedDict[K, V] = OrderedDict()
        # When each was asked for last, in the same order.
        self._asked: dict[K, float] = {}

    def find(self, key: K) -> V | None:
        """Return what is kept under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            self._touch(key if found is not None else None)
            return found

    def keep(self, key: K, value: V) -> None:
        """Keep one more."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            self._touch(key)
            while len(self._kept) > self._most:
                self._asked.pop(self._kept.popitem(last=False)[0], None)

    def drop(self, key: K) -> None:
        """Forget one."""
        with self._lock:
            self._kept.pop(key, None)
            self._asked.pop(key, None)

    def items(self) -> list[tuple[K, V]]:
        """Return all, the one that was asked for longest ago first."""
        with self._lock:
            return list(self._kept.items())

    def _touch(self, key: K | None) -> None:
        """Note that a key was asked for, and forget what was not for too long."""
        if self._idle is None:
            return
        now = self._clock()
        if key is not None:
            self._asked[key] = now
        while self._kept and now - self._asked[oldest := next(iter(self._kept))] > self._idle:
            del self._kept[oldest], self._asked[oldest]

    def __len__(self) -> int:
        return len(self._kept)
