"""Transactions, instants, media and messages."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, Table, insert, select, update

from storage import broker
from storage.database import Database, Instant, metadata
from storage.ids import is_id, new_id
from storage.media import Media
from storage.messages import MOST_REPLAYED, Message, Messages
from storage.settings import Settings

counters = Table("test_counters", metadata, Column("id", Integer, primary_key=True), Column("n", Integer))


def test_writers_wait_for_one_another_and_lose_nothing(db: Database) -> None:
    with db.writing() as tx:
        tx.execute(insert(counters).values(id=1, n=0))

    def add() -> None:
        for _ in range(25):
            with db.writing() as tx:
                now = tx.scalar(select(counters.c.n))
                tx.execute(update(counters).values(n=now + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as tx:
        assert tx.scalar(select(counters.c.n)) == 100


def test_a_failed_transaction_says_and_writes_nothing(db: Database) -> None:
    told: list[object] = []
    voice = Database(db.url, publish=told.extend)
    with pytest.raises(ZeroDivisionError), voice.writing() as tx:
        tx.execute(insert(counters).values(id=1, n=0))
        tx.tell("stock", {"left": 0})
        1 / 0  # noqa: B018
    with voice.reading() as tx:
        assert tx.all(select(counters)) == []
    assert told == []
    voice.dispose()


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_instants_come_back_as_they_were_to_the_millisecond(at: datetime) -> None:
    kind = Instant()
    back = kind.process_result_value(kind.process_bind_param(at, None), None)  # type: ignore[arg-type]
    assert back is not None
    assert timedelta(0) <= at - back < timedelta(milliseconds=1)


def test_a_naive_time_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Instant().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001


def test_ids_sort_by_creation_and_are_recognised() -> None:
    ids = [new_id() for _ in range(100)]
    assert ids == sorted(ids)
    assert all(map(is_id, ids))
    assert not is_id("../../etc/passwd")


def test_media_puts_whole_files_and_stays_in_its_folder(tmp_path: Path) -> None:
    media = Media(tmp_path / "media")
    source = tmp_path / "a.mp4"
    source.write_bytes(b"one")
    media.put("segments/a.mp4", source)
    source.write_bytes(b"two")
    media.put("segments/a.mp4", source)
    assert media.path("segments/a.mp4").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "media" / "segments").iterdir()] == ["a.mp4"]
    for wrong in ("../a", "/etc/passwd", "segments/../../a", "segments/.hidden", "a"):
        with pytest.raises(AssertionError):
            media.path(wrong)
    media.delete("segments/a.mp4")
    assert not media.exists("segments/a.mp4")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    settings = Settings(data_dir=tmp_path)
    process = subprocess.Popen(broker.command(settings), stdout=subprocess.DEVNULL)
    try:
        messages = Messages(broker.url(settings))
        while not messages.ping():
            assert process.poll() is None
        messages.close()
        yield broker.url(settings)
    finally:
        process.terminate()
        process.wait()


def test_facts_reach_subscribers_and_can_be_read_again(valkey: str) -> None:
    messages = Messages(valkey)
    messages.publish([("stock", {"left": 9})])

    async def listen() -> list[Message]:
        heard = []
        subscription = messages.subscribe()
        reader = asyncio.ensure_future(anext(subscription))
        while not reader.done():
            await asyncio.to_thread(messages.publish, [("room:1", {"type": "pin"}), ("stock", {"left": 8})])
            await asyncio.wait([reader], timeout=0.2)
        heard.append(reader.result())
        heard.append(await anext(subscription))
        await subscription.aclose()  # type: ignore[attr-defined]
        return heard

    first, second = asyncio.run(listen())
    assert (first.topic, first.fact) == ("room:1", {"type": "pin"})
    assert (second.topic, second.fact) == ("stock", {"left": 8})
    again = asyncio.run(messages.since(first.id))
    assert again[0] == second
    assert asyncio.run(messages.since("no id")) == []
    messages.publish([("stock", {"left": left}) for left in range(MOST_REPLAYED + 50)])
    replayed = [each.fact["left"] for each in asyncio.run(messages.since(first.id))]
    assert replayed == list(range(50, MOST_REPLAYED + 50))
    messages.close()


def test_a_silent_broker_costs_little_and_is_an_error(tmp_path: Path) -> None:
    messages = Messages(f"unix://{tmp_path / 'nobody.sock'}")
    assert not messages.ping()
    with pytest.raises(Exception, match=r"nobody\.sock"):
        messages.publish([("stock", {})])
    messages.close()


def test_settings_come_from_the_environment_and_cannot_change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VITRINE_PORT", "8123")
    monkeypatch.setenv("REDIS_URL", "redis://broker:6379/3")
    settings = Settings(data_dir=tmp_path)
    assert (settings.port, settings.redis_url) == (8123, "redis://broker:6379/3")
    with pytest.raises(Exception, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_a_deep_data_directory_still_has_usable_sockets(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / ("d" * 120))
    assert len(str(settings.media_socket)) <= 107


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    key = settings.secret_key()
    assert len(key) == 32
    assert Settings(data_dir=tmp_path).secret_key() == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
