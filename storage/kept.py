"""What a process keeps in memory between requests, so much of it and no more."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

# One process serves one database; tests open many.
DATABASES = 4

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The last things that were asked for, the one that was asked for longest ago is forgotten first."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[K, V] = OrderedDict()

    def find(self, key: K) -> V | None:
        """Return what is kept under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: K, value: V) -> None:
        """Keep one more."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget one."""
        with self._lock:
            self._kept.pop(key, None)

    def items(self) -> list[tuple[K, V]]:
        """Return all, the one that was asked for longest ago first."""
        with self._lock:
            return list(self._kept.items())

    def __len__(self) -> int:
        return len(self._kept)
