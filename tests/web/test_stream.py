"""Facts on their way to people: who hears what, and that nothing silences all of them."""

import asyncio
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.messages import Message
from web import stream
from web.app import create_app
from web.media_processes import MediaProcesses
from web.rooms import Rooms
from web.services import Services

PATIENCE_SECONDS = 20


def request(services: Services, app: Any, address: str, person: Person | None = None) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/v1/stream",
            "headers": [],
            "client": (address, 1),
            "app": app,
            "state": {"person": person},
        }
    )


def test_visitors_without_a_session_do_not_end_each_others_streams(services: Services) -> None:
    async def visit() -> int:
        app = create_app(services)
        for each in range(3 * stream.MOST_STREAMS_PER_PERSON):
            await stream.stream(request(services, app, f"203.0.113.{each}"))
        for _ in range(2 * stream.MOST_STREAMS_PER_NETWORK):
            await stream.stream(request(services, app, "198.51.100.7"))
        return len(services.stream._listeners)

    found = asyncio.run(visit())
    assert found == 3 * stream.MOST_STREAMS_PER_PERSON + stream.MOST_STREAMS_PER_NETWORK


def test_an_encoders_key_hears_nothing_of_its_person(services: Services) -> None:
    with services.db.writing() as tx:
        person_id = accounts.sign_up(tx, "lena@example.org", "Lena", "!", "en", utcnow(), role="host")
    key = Person(person_id, "Lena", None, "en", False, frozenset({"host"}), frozenset({"live:publish:x"}))
    fact = Message("1-0", f"viewer:{person_id}", {"type": "feed-changed"})

    async def hears(person: Person) -> bool:
        app = create_app(services)
        await stream.stream(request(services, app, "203.0.113.1", person))
        (listener,) = services.stream._listeners
        return listener.wants(fact)

    assert not asyncio.run(hears(key))
    assert asyncio.run(hears(replace(key, scopes=frozenset({"viewer"}))))
    assert asyncio.run(hears(replace(key, scopes=None)))


def test_one_odd_fact_does_not_silence_the_rest(services: Services, monkeypatch: Any) -> None:
    hear = Rooms.hear

    def stumble(self: Rooms, message: Message) -> None:
        if message.topic == "stock" and "odd" in message.fact:
            raise KeyError("product_id")
        hear(self, message)

    monkeypatch.setattr(Rooms, "hear", stumble)

    async def listen() -> dict[str, Any]:
        again = replace(services, media_process=MediaProcesses(services.settings.media_sockets))
        app = create_app(again)
        async with app.router.lifespan_context(app):
            listener = again.stream.listen("me", lambda message: True)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    again.messages.publish([("stock", {"odd": 1}), ("stock", {"product_id": "p", "fine": 1})])
                    try:
                        async with asyncio.timeout(0.5):
                            while (message := await listener.queue.get()) is not None:
                                if "fine" in message.fact:
                                    return message.fact
                    except TimeoutError:
                        continue
        raise AssertionError("the stream ended")

    assert asyncio.run(listen()) == {"product_id": "p", "fine": 1}
