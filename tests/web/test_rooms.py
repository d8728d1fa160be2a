"""What people in a room hear: chat, pins, stock, states; and what becomes of a show whose host is lost."""

from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from livestream import room as room_rules
from shop import shows, stock
from storage.clock import utcnow
from tests.web.conftest import ORIGIN
from tests.web.peers import Broadcast, heard, make_room, media_process, until
from web import rooms
from web.services import Services

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"
BROWSER = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def guest(app: Starlette, client: TestClient) -> Iterator[TestClient]:
    """A second browser, whose person is new here."""
    browser = TestClient(app, headers=BROWSER)
    browser.portal = client.portal
    yield browser
    browser.close()


@pytest.fixture
def room(client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]) -> str:
    """A lobby of the host who is signed in at `client`, with one product."""
    sign_in(client, "host", name="Lena")
    return str(make_room(client, add_product("cup").id)["id"])  # type: ignore[attr-defined]


def test_a_visitor_is_told_everything_and_talks(client: TestClient, guest: TestClient, room: str) -> None:
    guest.get(f"/live/{room}")
    with (
        client.websocket_connect(f"/live/{room}/socket") as host,
        guest.websocket_connect(f"/live/{room}/socket") as me,
    ):
        hello = heard(me, "hello")
        assert (hello["state"], hello["pins"], hello["you"]["role"]) == ("lobby", [], "viewer")
        assert hello["presence"] == 1, "the host does not count"
        assert [each["stock"] for each in hello["products"]] == [10]
        assert heard(host, "hello")["you"]["role"] == "host"
        me.send_json({"type": "chat", "text": "hello"})
        assert heard(me, "error")["code"] == "name-missing"
        me.send_json({"type": "chat", "text": "hello", "name": "LENA"})
        assert heard(me, "error")["code"] == "name-taken"
        me.send_json({"type": "chat", "text": "hello", "name": " Mia\u202e "})
        line = heard(host, "chat")
        assert (line["person"]["name"], line["text"]) == ("Mia", "hello")
        me.send_json({"type": "chat", "text": "again"})
        assert heard(host, "chat")["person"]["name"] == "Mia"
        host.send_json({"type": "reaction", "kind": "heart"})
        assert heard(me, "reaction")["count"] == 1
        me.send_json({"type": "ping"})
        assert heard(me, "pong")["at"]
        me.send_bytes(b"\x00\x01")
        assert heard(me, "error")["code"] == "bad-message"
        assert client.get(f"/v1/rooms/{room}").json()["viewers"] == 1
        client.post(f"/v1/rooms/{room}/cancel")
        assert client.get(f"/v1/rooms/{room}").json()["viewers"] == 0, "nobody watches what is over"
    until(lambda: client.get(f"/v1/rooms/{room}").json()["viewers"] == 0)


def test_pins_stock_and_states_arrive(
    client: TestClient, guest: TestClient, room: str, services: Services, add_product: Callable[..., object]
) -> None:
    guest.get(f"/live/{room}")
    bowl = add_product("bowl")
    with guest.websocket_connect(f"/live/{room}/socket") as me:
        heard(me, "hello")
        client.post(f"/v1/rooms/{room}/pins", json={"product_id": bowl.id})  # type: ignore[attr-defined]
        pinned = heard(me, "pin")
        assert pinned["product_id"] == pinned["product"]["id"] == bowl.id  # type: ignore[attr-defined]
        assert pinned["product"]["price"] == {"amount": 1990, "currency": "EUR"}
        variant = bowl.variants[0].id  # type: ignore[attr-defined]
        with services.db.writing() as tx:
            stock.take(tx, variant, 2, utcnow())
        told = heard(me, "stock")
        assert (told["variant_id"], told["stock"], told["product_stock"]) == (variant, 3, 8)
        client.delete(f"/v1/rooms/{room}/pins/{bowl.id}")  # type: ignore[attr-defined]
        assert heard(me, "unpin")["product_id"] == bowl.id  # type: ignore[attr-defined]
        client.post(f"/v1/rooms/{room}/cancel")
        assert heard(me, "state")["state"] == "cancelled"


def test_who_may_not_come_in(client: TestClient, app: Starlette, room: str) -> None:
    nobody = TestClient(app, headers=BROWSER)
    nobody.portal = client.portal
    with nobody.websocket_connect(f"/live/{room}/socket") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == 4401
    with client.websocket_connect("/live/unknown/socket") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == 4404
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect(f"/live/{room}/socket", headers=foreign),
    ):
        raise AssertionError("a foreign page came in")
    assert closed.value.code == 4403


def test_one_person_has_a_bounded_number_of_tabs(
    client: TestClient, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_TABS", 1)
    path = f"/live/{room}/socket"
    with client.websocket_connect(path) as first:
        heard(first, "hello")
        with client.websocket_connect(path) as second, pytest.raises(WebSocketDisconnect) as closed:
            second.receive_json()
        assert closed.value.code == 4429


def test_a_full_room_says_so_and_lets_its_host_in(
    client: TestClient, guest: TestClient, app: Starlette, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_rules, "MOST_CLIENTS", 1)
    path = f"/live/{room}/socket"
    late = TestClient(app, headers=BROWSER)
    late.portal = client.portal
    for browser in (guest, late):
        browser.get(f"/live/{room}")
    with guest.websocket_connect(path) as first:
        heard(first, "hello")
        with late.websocket_connect(path) as second:
            assert heard(second, "error")["code"] == "room-full"
            with pytest.raises(WebSocketDisconnect) as closed:
                second.receive_json()
            assert closed.value.code == 4503
        with client.websocket_connect(path) as host:
            assert heard(host, "hello")["you"]["role"] == "host"
    late.close()


def test_a_fact_that_cannot_be_told_does_not_silence_the_room(
    client: TestClient,
    guest: TestClient,
    room: str,
    add_product: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find, asked = rooms.Rooms._product, []

    def stumble(self: rooms.Rooms, product_id: str, locale: str) -> object:
        asked.append(product_id)
        if len(asked) == 1:
            raise RuntimeError("database is locked")
        return find(self, product_id, locale)

    monkeypatch.setattr(rooms.Rooms, "_product", stumble)
    bowl, jug = add_product("bowl").id, add_product("jug").id  # type: ignore[attr-defined]
    guest.get(f"/live/{room}")
    with guest.websocket_connect(f"/live/{room}/socket") as me:
        heard(me, "hello")
        for each in (bowl, jug):
            assert client.post(f"/v1/rooms/{room}/pins", json={"product_id": each}).status_code == 201
        assert heard(me, "pin")["product_id"] == jug
    assert asked == [bowl, jug]


def test_a_stream_key_does_not_speak_as_the_host(client: TestClient, app: Starlette, room: str) -> None:
    key = client.post(f"/v1/rooms/{room}/key").json()["token"]
    encoder = TestClient(app, headers=BROWSER | {"Authorization": f"Bearer {key}"})
    encoder.portal = client.portal
    with encoder.websocket_connect(f"/live/{room}/socket") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == 4403
    encoder.close()


def test_a_lost_host_comes_back(client: TestClient, guest: TestClient, room: str, media_process: object) -> None:
    guest.get(f"/live/{room}")
    with guest.websocket_connect(f"/live/{room}/socket") as me:
        heard(me, "hello")
        broadcast = Broadcast(client, room)
        assert heard(me, "state")["state"] == "live"
        broadcast.close()
        assert heard(me, "state")["state"] == "reconnecting"
        with Broadcast(client, room):
            assert heard(me, "state")["state"] == "live"
            started = client.get(f"/v1/rooms/{room}").json()["started_at"]
            assert client.post(f"/v1/rooms/{room}/end").json()["started_at"] == started
            assert heard(me, "state")["state"] == "ended"


def test_a_host_who_stays_away_is_given_up(
    client: TestClient, room: str, media_process: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"GIVE_UP_SECONDS": 0.0, "SETTLE_SECONDS": 0.0, "SWEEP_SECONDS": 0.05}.items():
        monkeypatch.setattr(rooms, name, seconds)
    Broadcast(client, room).close()
    until(lambda: client.get(f"/v1/rooms/{room}").json()["state"] == "ended")


def test_a_show_that_ran_before_the_restart_is_lost_until_its_host_is_heard(
    app: Starlette,
    services: Services,
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(rooms, "SWEEP_SECONDS", 0.05)
    person, product = sign_in(TestClient(app), "host"), add_product()
    with services.db.writing() as tx:
        show = shows.plan(tx, person, "Before", [product.id], utcnow())  # type: ignore[attr-defined]
        shows.set_state(tx, show.id, "live", utcnow())
    with TestClient(app, headers=BROWSER) as browser:
        until(lambda: browser.get(f"/v1/rooms/{show.id}").json()["state"] == "reconnecting")
