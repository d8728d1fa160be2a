"""What goes through Redis besides jobs: facts from rows back up to people, and leases on names.

Facts are in a stream, written after each commit and read by web's one subscriber.
A stream rather than a channel, because `Last-Event-ID` of server-sent events can then be answered from it.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.database import Fact

log = logging.getLogger(__name__)

STREAM = "vitrine:facts"
# A few minutes of a busy shop; a browser that was away longer loads the page anew.
KEPT_FACTS = 10_000
# Facts that one reader gets again: all of them would keep the event loop busy for as long as anybody likes.
MOST_REPLAYED = 500
PUBLISH_TIMEOUT = 0.2
PING_TIMEOUT = 2.0
LEASE_TIMEOUT = 0.5
BLOCK_MILLISECONDS = 5_000


@dataclass(frozen=True)
class Message:
    """One fact as it was published: its place in the stream, its topic and its content."""

    id: str
    topic: str
    fact: dict[str, Any]


def lists_of(queue: str) -> tuple[str, ...]:
    """Return the lists in which kombu keeps a queue's messages, one for each priority, the most urgent first."""
    return queue, *(f"{queue}\x06\x16{priority}" for priority in (3, 6, 9))


class Messages:
    """The stream of facts at a Redis URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Web's threads publish after a commit: a silent broker must cost them 0.2 s at most, not redis-py's retries.
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=PUBLISH_TIMEOUT,
            socket_connect_timeout=PUBLISH_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def publish(self, facts: Sequence[Fact]) -> None:
        """Append facts to the stream; raises redis.RedisError when the broker does not answer within 0.2 s."""
        with self._client.pipeline(transaction=False) as pipeline:
            for topic, fact in facts:
                pipeline.xadd(STREAM, {"topic": topic, "fact": json.dumps(fact)}, maxlen=KEPT_FACTS, approximate=True)
            pipeline.execute()

    def ping(self) -> bool:
        """Tell whether the broker answers within two seconds: a busy machine is not a broken one."""
        try:
            with redis.Redis.from_url(
                self.url, socket_timeout=PING_TIMEOUT, socket_connect_timeout=PING_TIMEOUT
            ) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def keeps_writes(self) -> bool:
        """Tell whether the broker appends every write to a file; raises redis.RedisError."""
        with self._patient_client() as client:
            return bool(client.info("persistence").get("aof_enabled"))

    def queue_lengths(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many messages wait in each Celery queue; empty when the broker does not answer."""
        try:
            return {name: sum(int(self._client.llen(each)) for each in lists_of(name)) for name in names}
        except redis.RedisError:
            return {}

    def _patient_client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=PING_TIMEOUT, socket_connect_timeout=PING_TIMEOUT)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    async def since(self, last_id: str, most: int = MOST_REPLAYED) -> list[Message]:
        """Return the newest `most` of the messages after `last_id`; nothing when it is no id of this stream."""
        client = self._async_client()
        try:
            entries = await client.xrevrange(STREAM, max="+", min=f"({last_id}", count=most)
        except redis.RedisError:
            return []
        finally:
            await client.aclose()
        return [_message(entry_id, fields) for entry_id, fields in reversed(entries)]

    async def subscribe(self) -> AsyncIterator[Message]:
        """Yield every message from now on, for ever; waits out a broker that is gone."""
        client = self._async_client()
        last_id = "$"
        try:
            while True:
                try:
                    if last_id == "$":
                        newest = await client.xrevrange(STREAM, count=1)
                        last_id = newest[0][0] if newest else "0-0"
                    answer = await client.xread({STREAM: last_id}, block=BLOCK_MILLISECONDS, count=500)
                except redis.exceptions.RedisError:
                    log.warning("the broker does not answer; trying again")
                    await asyncio.sleep(0.5)
                    continue
                for _stream, entries in answer.items() if isinstance(answer, dict) else answer:
                    for entry_id, fields in _flat(entries):
                        last_id = entry_id
                        yield _message(entry_id, fields)
        finally:
            await client.aclose()

    def _async_client(self) -> Any:
        return redis.asyncio.Redis.from_url(
            self.url, socket_timeout=BLOCK_MILLISECONDS / 1000 + 5, socket_connect_timeout=2, decode_responses=True
        )


class BrokerGone(Exception):
    """The broker does not answer."""


class Leases:
    """Names with a value that end by themselves unless they are renewed; every method raises BrokerGone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connected: Any = None

    async def hold(self, name: str, value: str, seconds: float) -> str:
        """Give a name a value if it has none; returns the value that it has now."""
        for _ in range(2):
            if await self.hold_new(name, value, seconds):
                return value
            held = await self.find(name)
            # It may have ended between the two questions.
            if held is not None:
                return held
        return value

    async def hold_new(self, name: str, value: str, seconds: float) -> bool:
        """Give a name a value; False when it has one."""
        return bool(await self._ask("SET", name, value, "PX", int(seconds * 1000), "NX"))

    async def find(self, name: str) -> str | None:
        """Return the value of a name."""
        found = await self._ask("GET", name)
        return None if found is None else str(found)

    async def renew(self, held: Mapping[str, str], seconds: float) -> None:
        """Prolong names that have these values or none; what is somebody else's by now stays theirs."""
        if not held:
            return
        found = await self._ask("MGET", *held)
        for (name, value), current in zip(held.items(), found, strict=True):
            if current in (None, value):
                await self._ask("SET", name, value, "PX", int(seconds * 1000))

    async def gather(self, group: str, member: str, seconds: float) -> list[str]:
        """Be in a group for some seconds more; returns who is."""
        now = time.time()
        await self._ask("ZADD", group, now + seconds, member)
        await self._ask("ZREMRANGEBYSCORE", group, "-inf", now)
        return [str(each) for each in await self._ask("ZRANGE", group, 0, -1)]

    async def aclose(self) -> None:
        """Close the connections."""
        if self._connected is not None:
            await self._connected.aclose()
            self._connected = None

    async def _ask(self, *command: str | float) -> Any:
        if self._connected is None:
            # A viewer waits for the answer: no retries, and no connection of another event loop.
            self._connected = redis.asyncio.Redis.from_url(
                self._url,
                socket_timeout=LEASE_TIMEOUT,
                socket_connect_timeout=LEASE_TIMEOUT,
                retry=redis.asyncio.retry.Retry(NoBackoff(), 0),
                decode_responses=True,
            )
        try:
            return await self._connected.execute_command(*command)
        except redis.RedisError as error:
            raise BrokerGone(str(error)) from error


def _flat(entries: Any) -> list[tuple[str, dict[str, str]]]:
    # RESP3 wraps the entries of a stream in one more list than RESP2
    if entries and isinstance(entries[0], list):
        return [entry for group in entries for entry in group]
    return list(entries)


def _message(entry_id: str, fields: dict[str, str]) -> Message:
    return Message(entry_id, fields["topic"], json.loads(fields["fact"]))
