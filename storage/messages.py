"""Facts from rows back up to people: a Redis stream, written after each commit and read by web's one subscriber.

A stream rather than a channel, because `Last-Event-ID` of server-sent events can then be answered from it.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
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
BLOCK_MILLISECONDS = 5_000


@dataclass(frozen=True)
class Message:
    """One fact as it was published: its place in the stream, its topic and its content."""

    id: str
    topic: str
    fact: dict[str, Any]


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
            return {name: int(self._client.llen(name)) for name in names}
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


def _flat(entries: Any) -> list[tuple[str, dict[str, str]]]:
    # RESP3 wraps the entries of a stream in one more list than RESP2
    if entries and isinstance(entries[0], list):
        return [entry for group in entries for entry in group]
    return list(entries)


def _message(entry_id: str, fields: dict[str, str]) -> Message:
    return Message(entry_id, fields["topic"], json.loads(fields["fact"]))
