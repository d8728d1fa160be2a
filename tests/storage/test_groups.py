"""Small writings that are committed together: all of them, once each, and none undone by another's failure."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from storage.database import Database, Tx
from storage.groups import MOST_TOGETHER, Group

things = Table("things", MetaData(), Column("id", Integer, primary_key=True))


@pytest.fixture
def db(tmp_path: Path) -> Database:
    found = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    things.metadata.create_all(found.engine)
    return found


def put(number: int, *, breaks: bool = False) -> Callable[[Tx], int]:
    def work(tx: Tx) -> int:
        tx.execute(insert(things).values(id=number))
        tx.tell("t", {"number": number})
        if breaks:
            raise ValueError(str(number))
        return number

    return work


def test_who_waits_for_the_lock_is_written_together(db: Database) -> None:
    group, count = Group(db), MOST_TOGETHER + 4
    coming = threading.Semaphore(0)

    def write(number: int) -> int:
        coming.release()
        return group.write(f"{number:03}", put(number))

    with ThreadPoolExecutor(count) as pool:
        with db.writing():
            written = [pool.submit(write, number) for number in range(count)]
            for _ in range(count):
                assert coming.acquire(timeout=60)
            while len(group._waiting) < count:
                threading.Event().wait(0.01)
        assert [each.result(60) for each in written] == list(range(count))
    assert group.commits == 2
    with db.reading() as tx:
        assert len(tx.all(select(things))) == count


def test_a_failure_is_the_own_one(db: Database) -> None:
    facts: list[object] = []
    heard = Database(db.url, publish=facts.extend)
    group = Group(heard)
    assert group.write("1", put(1)) == 1
    with pytest.raises(ValueError, match="2"):
        group.write("2", put(2, breaks=True))
    assert group.write("3", put(3)) == 3
    with db.reading() as tx:
        assert [row.id for row in tx.all(select(things))] == [1, 3]
    assert facts == [("t", {"number": 1}), ("t", {"number": 3})]
