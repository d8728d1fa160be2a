"""Who may do what in a room, door by door and message by message; and that nobody learns where another one is."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from starlette.applications import Starlette
from starlette.testclient import TestClient

from livestream.room import QUEUE, Client, Person, Room
from storage import accounts
from storage.clock import utcnow
from tests.web.conftest import ORIGIN
from tests.web.peers import SDP, Broadcast, heard, make_room, media_process, offer, watch
from web.services import Services

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"

#: An IPv4 address, an IPv6 address, or what an SDP or a candidate is made of.
PLACE = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?:[0-9a-f]{1,4}:){3,}|testclient|candidate|ice-ufrag")


@pytest.fixture
def room(client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]) -> str:
    """A lobby of the host who is signed in at `client`."""
    sign_in(client, "host", name="Lena")
    return str(make_room(client, add_product("cup").id)["id"])  # type: ignore[attr-defined]


@pytest.fixture
def person(app: Starlette, client: TestClient, sign_in: Callable[..., str]) -> Iterator[Callable[..., TestClient]]:
    """Another browser with somebody of these roles in it; without any, a guest."""
    opened: list[TestClient] = []

    def make(*roles: str) -> TestClient:
        browser = TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
        browser.portal = client.portal
        if roles:
            sign_in(browser, *(role for role in roles if role != "viewer"), name="Mia")
        opened.append(browser)
        return browser

    yield make
    for browser in opened:
        browser.close()


@pytest.mark.parametrize(
    ("roles", "status"), [((), {401, 403}), (("viewer",), {403}), (("merchant",), {403}), (("host",), {404})]
)
def test_only_its_host_publishes_pins_and_ends(
    client: TestClient, person: Callable[..., TestClient], room: str, roles: tuple[str, ...], status: set[int]
) -> None:
    """A10: whoever else asks is refused, before the show, during it and after it; nothing changes."""
    other = person(*roles)
    other.get(f"/live/{room}")
    doors = (
        lambda: other.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP),
        lambda: other.delete(f"/live/{room}/whip/anything"),
        lambda: other.post(f"/v1/rooms/{room}/pins", json={"product_id": "x"}),
        lambda: other.post(f"/v1/rooms/{room}/start"),
        lambda: other.post(f"/v1/rooms/{room}/end"),
        lambda: other.post(f"/v1/rooms/{room}/cancel"),
    )
    for state in ("lobby", "cancelled"):
        assert [door().status_code in status for door in doors] == [True] * len(doors)
        assert client.get(f"/v1/rooms/{room}").json()["state"] == state
        client.post(f"/v1/rooms/{room}/cancel")


def test_a_viewers_token_does_not_publish(client: TestClient, room: str, services: Services) -> None:
    """A10: neither the host's own token for watching, nor one of somebody else for this room."""
    with services.db.writing() as tx:
        host = accounts.sign_up(tx, "eve@example.org", "Eve", "!", "en", utcnow())
        accounts.grant(tx, host, "host")
        forged = accounts.add_token(tx, host, "key", frozenset({f"live:publish:{room}"}), utcnow())
        watching = accounts.add_token(tx, host, "watch", frozenset({"viewer"}), utcnow())
    client.cookies.clear()
    for token, status in ((forged, 404), (watching, 403), ("nonsense", 401)):
        bearer = {"Authorization": f"Bearer {token}"}
        answer = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP | bearer)
        assert answer.status_code == status


def test_no_message_of_a_viewer_speaks_as_the_room(
    client: TestClient, person: Callable[..., TestClient], room: str
) -> None:
    """What the room says, nobody else can have it say: each such message is an error for its sender alone."""
    other = person("viewer")
    with (
        client.websocket_connect(f"/live/{room}/socket") as host,
        other.websocket_connect(f"/live/{room}/socket") as me,
    ):
        heard(host, "hello")
        heard(me, "hello")
        for kind in ("hello", "pin", "unpin", "stock", "state", "presence", "chat-history", "error", "pong", "publish"):
            me.send_json({"type": kind, "state": "ended", "product_id": "x", "offer": offer("sendonly")})
            assert heard(me, "error")["code"] == "bad-message"
        me.send_json(
            {"type": "chat", "text": "that was all", "role": "host", "person": {"name": "Lena", "role": "host"}}
        )
        said: list[dict[str, object]] = []
        while not said or said[-1]["type"] != "chat":
            said.append(host.receive_json())
        assert {message["type"] for message in said} <= {"presence", "chat"}
        assert said[-1]["person"]["role"] == "viewer"  # type: ignore[index]
        assert said[-1]["person"]["name"] == "Mia"  # type: ignore[index]


def test_no_address_of_anybody_is_told(
    client: TestClient, person: Callable[..., TestClient], room: str, media_process: object
) -> None:
    """A34: neither in a frame of the socket nor in what the API says of a room, while one publishes and one plays."""
    other = person("viewer")
    frames: list[str] = []
    with (
        client.websocket_connect(f"/live/{room}/socket") as host,
        other.websocket_connect(f"/live/{room}/socket") as me,
        Broadcast(client, room),
    ):
        screen, location = watch(other, room)
        me.send_json({"type": "chat", "text": "where are you?"})
        host.send_json({"type": "reaction", "kind": "heart"})
        for socket in (host, me):
            while not frames or json.loads(frames[-1])["type"] != "pong":
                if frames and json.loads(frames[-1])["type"] == "reaction":
                    socket.send_json({"type": "ping"})
                frames.append(socket.receive_text())
            frames.append('{"type": "next"}')
        client.portal.call(screen.close)  # type: ignore[union-attr]
        other.delete(location)
    frames += [other.get("/v1/rooms").text, other.get(f"/v1/rooms/{room}").text]
    assert {"hello", "chat", "reaction", "state", "pong"} <= {json.loads(frame).get("type") for frame in frames}
    assert [frame for frame in frames if PLACE.search(frame)] == []


TYPES = ("ping", "chat", "reaction", "pin", "unpin", "stock", "state", "hello", "presence", "error", "x", "")
HEARD_OF_OTHERS = {"presence", "chat", "reaction"}


class RoomOfMany(RuleBasedStateMachine):
    """T19: whatever people of every role do in whatever order, the room stays the one that speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.room = Room("room")
        self.here: list[Client] = []

    @rule(role=st.sampled_from(("viewer", "host", "operator")), who=st.integers(0, 3), may_chat=st.booleans())
    def join(self, role: str, who: int, may_chat: bool) -> None:
        person = Person(f"{role}-{who}", f"{role} {who}", role, may_chat)
        client = self.room.join(person, {"state": "lobby"}, self.now)
        self.here.append(client)
        hello = client.take()
        assert hello is not None
        assert hello["type"] == "hello"
        assert hello["you"]["role"] == role

    @rule(place=st.integers(0, 9))
    def leave(self, place: int) -> None:
        if place < len(self.here):
            self.room.leave(self.here.pop(place), self.now)

    @rule(
        place=st.integers(0, 9),
        kind=st.sampled_from(TYPES),
        text=st.text(max_size=600),
        more=st.dictionaries(st.sampled_from(("kind", "person", "role", "id", "at")), st.text(max_size=9), max_size=3),
    )
    def say(self, place: int, kind: str, text: str, more: dict[str, str]) -> None:
        if place >= len(self.here):
            return
        for client in self.here:
            while client.take() is not None:
                pass
        speaker = self.here[place]
        self.room.receive(speaker, json.dumps({**more, "type": kind, "text": text}), self.now)
        for client in self.here:
            while (message := client.take()) is not None:
                assert client is speaker or message["type"] in HEARD_OF_OTHERS
                if message["type"] == "chat":
                    assert speaker.person.may_chat
                    assert kind == "chat"
                    assert message["person"]["id"] == speaker.person.id
                    assert message["person"]["role"] == speaker.person.role
                assert message["type"] != "reaction" or kind == "reaction"

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def counted(self) -> None:
        hosts = {client.person.id for client in self.here if client.person.role == "host"}
        assert self.room.presence == len({client.person.id for client in self.here} - hosts)
        assert all(len(client) <= QUEUE for client in self.here)


TestRoomOfMany = RoomOfMany.TestCase
TestRoomOfMany.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
