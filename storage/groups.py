"""Small writings of many threads, committed together: a disk that syncs for each of them alone is the slowest part.

Whoever comes first opens the transaction; all who come while it waits for the lock or for the disk before it are
written with the next one. Each stands alone: what fails is rolled back to its savepoint and undoes nobody else's.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar, cast

from storage.database import Database, Tx

T = TypeVar("T")

# The lock is held for as long as these take together, and others want to write too.
MOST_TOGETHER = 16


@dataclass
class _Writing:
    key: str
    work: Callable[[Tx], Any]
    done: "Future[Any]"


class Group:
    """The one writer of its kind in a process; a queue without a bound of its own, as long as there are threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[_Writing] = []
        self._lock = Lock()
        self._leader = Lock()
        self.commits = 0
        """How many transactions there were so far."""

    def write(self, key: str, work: Callable[[Tx], T]) -> T:
        """Do this work in a transaction that others may share, and return its result after the commit.

        Works of a transaction are done in the order of their keys, so that two processes lock rows in one order.
        Raises what the work raises, or what the commit does.
        """
        mine = _Writing(key, work, Future())
        with self._lock:
            self._waiting.append(mine)
        while not mine.done.done():
            # Who waits here was perhaps written by the leader of before.
            with self._leader:
                if not mine.done.done():
                    self._lead()
        return cast("T", mine.done.result())

    def _lead(self) -> None:
        some: list[_Writing] = []
        told: list[Callable[[], None]] = []
        try:
            with self._db.writing() as tx:
                # Taken only now: to get the lock may have taken a while.
                some = self._take()
                told = [_done_in(tx, each) for each in some]
        except BaseException as error:
            # Nobody was told of a success that was never committed.
            for each in some or self._take():
                each.done.set_exception(error)
            return
        self.commits += 1
        for tell in told:
            tell()

    def _take(self) -> list[_Writing]:
        with self._lock:
            some, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        return sorted(some, key=lambda each: each.key)


def _done_in(tx: Tx, writing: _Writing) -> Callable[[], None]:
    """Do one work inside a savepoint and return what tells its thread, to be called after the commit."""
    facts, rings = len(tx.facts), len(tx.rings)
    try:
        with tx.connection.begin_nested():
            result = writing.work(tx)
    except Exception as error:
        del tx.facts[facts:], tx.rings[rings:]
        raised = error
        return lambda: writing.done.set_exception(raised)
    return lambda: writing.done.set_result(result)
