"""The rules of a room: who hears what, how much may be said, what a slow client loses."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream import room as rooms
from livestream.room import Client, Person, Room, clean

NOW = datetime(2026, 11, 1, 20, tzinfo=UTC)
ANNA, BEN = Person("a", "Anna"), Person("b", "Ben")


def heard(client: Client) -> list[dict[str, Any]]:
    """Everything that waits for a client."""
    messages = []
    while (message := client.take()) is not None:
        messages.append(message)
    return messages


def kinds(client: Client) -> list[str]:
    """The types of everything that waits for a client."""
    return [message["type"] for message in heard(client)]


def chat(text: str) -> str:
    """A chat message of a client."""
    return json.dumps({"type": "chat", "text": text})


def later(seconds: float) -> datetime:
    """Some time after the start."""
    return NOW + timedelta(seconds=seconds)


def test_hello_comes_first_with_the_facts_of_the_page() -> None:
    """Then the history, if there is one."""
    room = Room("r")
    anna = room.join(ANNA, {"state": "live", "pins": ["p"]}, NOW)
    hello = heard(anna)[0]
    assert (hello["type"], hello["state"], hello["pins"], hello["presence"]) == ("hello", "live", ["p"], 1)
    assert hello["you"] == {"id": "a", "name": "Anna", "role": "viewer", "may_chat": True}
    room.receive(anna, chat("first"), NOW)
    ben = room.join(BEN, {}, later(2))
    first, second, *_ = heard(ben)
    assert (first["type"], second["type"]) == ("hello", "chat-history")
    assert [message["text"] for message in second["messages"]] == ["first"]


def test_chat_reaches_everybody_with_its_sender() -> None:
    """Also the sender, who sees in it that it arrived."""
    room = Room("r")
    anna, ben = room.join(ANNA, {}, NOW), room.join(BEN, {}, NOW)
    heard(anna), heard(ben)
    room.receive(anna, chat("  Grüße \n an\talle\u202e  "), NOW)
    (line,) = heard(ben)
    assert line == heard(anna)[0]
    assert (line["text"], line["person"]["name"], line["id"]) == ("Grüße an alle", "Anna", 1)


def test_chat_is_limited_to_five_at_once_and_one_a_second_over_all_tabs() -> None:
    """A second tab of the same person has no allowance of its own, and neither has a reload."""
    room = Room("r")
    one, two = room.join(ANNA, {}, NOW), room.join(ANNA, {}, NOW)
    heard(one), heard(two)
    for number in range(3):
        room.receive(one, chat(str(number)), NOW)
        room.receive(two, chat(str(number)), NOW)
    assert kinds(one) == ["chat"] * 5
    assert kinds(two)[-1] == "error"
    room.leave(one, later(0.5))
    room.leave(two, later(0.5))
    again = room.join(ANNA, {}, later(0.5))
    heard(again)
    room.receive(again, chat("x"), later(0.9))
    assert kinds(again) == ["error"]
    room.receive(again, chat("y"), later(1.6))
    assert kinds(again) == ["chat"]


def test_slow_mode_holds_viewers_and_not_the_host() -> None:
    """The pause is between messages of one person."""
    room = Room("r", slow_seconds=30)
    anna = room.join(ANNA, {}, NOW)
    host = room.join(Person("h", "Host", "host"), {}, NOW)
    heard(anna), heard(host)
    for client in (anna, host):
        room.receive(client, chat("one"), NOW)
        heard(anna), heard(host)
        room.receive(client, chat("two"), later(10))
    assert [message.get("code") for message in heard(anna)] == [None]
    assert kinds(host) == ["chat"]
    room.receive(anna, chat("three"), later(11))
    assert heard(anna)[0]["code"] == "slow-mode"
    room.receive(anna, chat("four"), later(31))
    assert kinds(anna) == ["chat"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (chat("x" * 501), "too-long"),
        (chat(" \u200b\n"), "empty"),
        ("not json", "bad-message"),
        ("[" * 4000, "bad-message"),
        (json.dumps({"type": "chat", "text": 7}), "bad-message"),
        (json.dumps({"type": "reaction", "kind": "bomb"}), "bad-message"),
        (json.dumps({"type": "pin", "product_id": "p"}), "bad-message"),
        (chat("x" * 5000), "bad-message"),
    ],
)
def test_what_is_wrong_only_its_sender_hears(said: str, code: str) -> None:
    """A code for programs, a sentence for people."""
    room = Room("r")
    anna, ben = room.join(ANNA, {}, NOW), room.join(BEN, {}, NOW)
    heard(anna), heard(ben)
    room.receive(anna, said, NOW)
    (error,) = heard(anna)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"].endswith(".")
    assert heard(ben) == []


def test_guest_is_asked_to_sign_in_where_the_shop_wants_it() -> None:
    """Reactions stay open to them."""
    room = Room("r")
    guest = room.join(Person("g", "Guest", may_chat=False), {}, NOW)
    heard(guest)
    room.receive(guest, chat("hello"), NOW)
    room.receive(guest, json.dumps({"type": "reaction", "kind": "heart"}), NOW)
    error, reaction = heard(guest)
    assert error["code"] == "sign-in-to-chat"
    assert reaction == {"type": "reaction", "kind": "heart", "count": 1}


def test_who_joins_while_the_number_is_held_back_hears_it_even_if_it_is_the_old_one_again() -> None:
    """Two lose their sockets and come back within the second in which nothing is told."""
    room = Room("r")
    anna, ben, cleo = (room.join(Person(name, name), {}, NOW) for name in "abc")
    room.receive(cleo, '{"type": "ping"}', later(2))
    assert [each["viewers"] for each in heard(cleo) if each["type"] == "presence"][-1] == 3
    room.leave(anna, later(2.1))
    room.leave(ben, later(2.1))
    anna = room.join(Person("a", "a"), {}, later(2.4))
    assert heard(anna)[0]["presence"] == 2
    room.join(Person("b", "b"), {}, later(2.5))
    room.receive(cleo, '{"type": "ping"}', later(7))
    assert [each["viewers"] for each in heard(anna)] == [3]


def test_presence_counts_people_and_is_told_once_a_second() -> None:
    """What is held back goes out with the next sign of life."""
    room = Room("r")
    anna = room.join(ANNA, {}, NOW)
    room.join(ANNA, {}, NOW)
    assert room.presence == 1
    heard(anna)
    people = [room.join(Person(str(n), "x"), {}, later(0.1)) for n in range(10)]
    assert kinds(anna) == []
    room.receive(anna, json.dumps({"type": "ping"}), later(1.5))
    assert [message for message in heard(anna) if message["type"] == "presence"] == [
        {"type": "presence", "viewers": 11}
    ]
    for client in people:
        room.leave(client, later(3))
        room.leave(client, later(3))
    assert room.presence == 1


def test_host_is_not_a_viewer_and_the_peak_stays() -> None:
    """Whoever leads the show does not watch it; an operator who looks in does."""
    room = Room("r")
    host = room.join(Person("h", "Host", "host"), {}, NOW)
    assert heard(host)[0]["presence"] == 0
    people = [room.join(each, {}, NOW) for each in (ANNA, BEN, Person("o", "Olga", "operator"))]
    assert heard(people[-1])[0]["presence"] == room.presence == 3
    for client in people:
        room.leave(client, later(2))
    assert (room.presence, room.peak) == (0, 3)


def test_room_is_full_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections count, not people, because connections are what costs."""
    monkeypatch.setattr(rooms, "MOST_CLIENTS", 2)
    room = Room("r")
    first = room.join(ANNA, {}, NOW)
    assert not room.full
    room.join(ANNA, {}, NOW)
    assert room.full
    room.leave(first, NOW)
    assert not room.full


def test_slow_client_loses_small_talk_and_nothing_else() -> None:
    """Reactions add up, presence and stock are replaced, chat goes first, pins stay."""
    room = Room("r")
    slow = room.join(ANNA, {}, NOW)
    room.tell({"type": "pin", "product": {"id": "p"}})
    for number in range(300):
        room.tell({"type": "chat", "id": number})
        room.tell({"type": "reaction", "kind": "heart", "count": 1})
        room.tell({"type": "stock", "variant_id": "v", "stock": 300 - number})
        room.tell({"type": "presence", "viewers": number})
    messages = heard(slow)
    assert len(messages) <= rooms.QUEUE
    assert [message["type"] for message in messages[:2]] == ["hello", "pin"]
    assert [message["stock"] for message in messages if message["type"] == "stock"] == [1]
    assert [message["id"] for message in messages if message["type"] == "chat"][-1] == 299
    assert slow.close_code is None


def test_client_that_cannot_take_what_must_not_be_lost_is_cut_off() -> None:
    """It joins again and gets the whole picture."""
    room = Room("r")
    slow = room.join(ANNA, {}, NOW)
    for number in range(rooms.QUEUE + 1):
        room.tell({"type": "pin", "product": {"id": number}})
    assert slow.close_code == rooms.TOO_SLOW
    assert asyncio.run(slow.next()) is None


def test_history_keeps_the_last_fifty() -> None:
    """Oldest first."""
    room = Room("r")
    for number in range(60):
        talker = room.join(Person(str(number), "x"), {}, NOW)
        room.receive(talker, chat(str(number)), NOW)
    history = heard(room.join(BEN, {}, NOW))[1]["messages"]
    assert [message["text"] for message in history] == [str(number) for number in range(10, 60)]


def test_closed_room_cuts_everybody_off() -> None:
    """Waiting for a message ends."""

    async def scenario() -> None:
        room = Room("r")
        anna = room.join(ANNA, {}, NOW)
        heard(anna)
        waiting = asyncio.create_task(anna.next())
        await asyncio.sleep(0)
        room.close()
        assert await waiting is None
        assert anna.close_code == rooms.ROOM_CLOSED

    asyncio.run(scenario())


@given(st.text(max_size=600))
def test_cleaned_text_is_one_visible_line(text: str) -> None:
    """Cleaning twice changes nothing more."""
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert cleaned == cleaned.strip()
    assert not any(char in cleaned for char in "\n\r\t\0\u202e\u200b")


@given(st.text(max_size=300))
def test_any_text_of_a_client_is_handled(text: str) -> None:
    """Nothing a client sends raises."""
    room = Room("r")
    room.receive(room.join(ANNA, {}, NOW), text, NOW)
