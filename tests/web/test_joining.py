"""Viewers who come, come back and leave: limits, resume tokens, and what ends with a sign-out."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from storage import accounts
from storage.errors import TooMany
from tests.web.conftest import ORIGIN
from tests.web.peers import SDP, Broadcast, beside, heard, make_room, media_process, offer, until, watch
from web.limits import Limiter
from web.services import Services

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"


@pytest.fixture
def on_air(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], media_process: object
) -> Iterator[str]:
    """A room whose host, signed in at `client`, is live."""
    sign_in(client, "host", name="Lena")
    room = str(make_room(client, add_product().id)["id"])  # type: ignore[attr-defined]
    with Broadcast(client, room):
        yield room


@pytest.fixture
def browse(client: TestClient) -> Iterator[Callable[[], TestClient]]:
    """Makes browsers of new people on the application's loop."""
    opened = []

    def make() -> TestClient:
        browser = beside(client, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
        opened.append(browser)
        return browser

    yield make
    for browser in opened:
        browser.close()


def media(client: TestClient, services: Services) -> dict[str, object]:
    assert client.portal is not None
    return dict(client.portal.call(services.media_process.stats))


def join(browser: TestClient, room: str, token: str = "") -> str:
    """Take a place that nobody will connect to; returns the token for the next time."""
    headers = SDP | ({"Vitrine-Resume": token} if token else {})
    answer = browser.post(f"/live/{room}/whep", content=offer("recvonly"), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["vitrine-resume"])


def test_who_comes_back_takes_the_own_place(
    client: TestClient, browse: Callable[[], TestClient], services: Services, on_air: str
) -> None:
    """The old session ends, nobody is counted twice, and no limit of newcomers applies."""
    me = browse()
    me.get(f"/live/{on_air}")
    token = join(me, on_air)
    for _ in range(10):
        token = join(me, on_air, token)
    assert media(client, services)["viewers"] == 1
    answers = [me.post(f"/live/{on_air}/whep", content=offer("recvonly"), headers=SDP).status_code for _ in range(6)]
    assert answers == [201] * 5 + [429]
    assert media(client, services)["viewers"] == 2, "a person has two connections at most"


def test_a_token_is_its_persons_and_its_rooms(
    client: TestClient, browse: Callable[[], TestClient], services: Services, on_air: str
) -> None:
    mia, ada = browse(), browse()
    for browser in (mia, ada):
        browser.get(f"/live/{on_air}")
    token = join(mia, on_air)
    join(ada, on_air, token)
    assert media(client, services)["viewers"] == 2, "somebody else's token ends nobody's session"
    foreign = browse().post(f"/live/{on_air}/whep", content=offer("recvonly"), headers=SDP | {"Vitrine-Resume": "x.y"})
    assert foreign.status_code == 201
    nobody = browse()
    first = join(nobody, on_air)
    join(nobody, on_air, first)
    assert media(client, services)["viewers"] == 4, "who has no session resumes by the token alone"


def test_the_third_window_ends_the_first_and_the_first_stays_out(
    client: TestClient, browse: Callable[[], TestClient], services: Services, on_air: str
) -> None:
    me = browse()
    me.get(f"/live/{on_air}")
    tokens = [join(me, on_air) for _ in range(3)]
    headers = SDP | {"Vitrine-Resume": tokens[0]}
    displaced = me.post(f"/live/{on_air}/whep", content=offer("recvonly"), headers=headers)
    assert (displaced.status_code, displaced.json()["type"]) == (403, "/problems/watched-elsewhere")
    join(me, on_air, tokens[2])
    assert media(client, services)["viewers"] == 2


def test_who_is_refused_may_try_again(
    client: TestClient,
    browse: Callable[[], TestClient],
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    media_process: object,
) -> None:
    """A player that waits for a host does not use up its connections."""
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    me = browse()
    me.get(f"/live/{room}")
    refused = [me.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP).status_code for _ in range(8)]
    assert refused == [409] * 8


def test_one_network_cannot_fill_the_server_with_newcomers(services: Services) -> None:
    limiter = Limiter(lambda: 1.0)
    for number in range(30):
        limiter.take_all([("offer-person", f"person-{number}"), ("offer-address", "192.0.2.1")])
    with pytest.raises(TooMany):
        limiter.take_all([("offer-person", "late"), ("offer-address", "192.0.2.1")])
    limiter.give_back([("offer-address", "192.0.2.1")])
    limiter.take_all([("offer-person", "late"), ("offer-address", "192.0.2.1")])


def test_a_sign_out_ends_sockets_and_connections(
    client: TestClient,
    browse: Callable[[], TestClient],
    sign_in: Callable[..., str],
    services: Services,
    on_air: str,
) -> None:
    me, other = browse(), browse()
    sign_in(me, name="Mia")
    other.get(f"/live/{on_air}")
    mine, _ = watch(me, on_air)
    theirs, _ = watch(other, on_air)
    with me.websocket_connect(f"/live/{on_air}/socket") as socket:
        heard(socket, "hello")
        assert me.post("/sign-out", follow_redirects=False).status_code == 303
        with pytest.raises(WebSocketDisconnect) as closed:
            heard(socket, "never")
        assert closed.value.code == 4409
    until(lambda: media(client, services)["viewers"] == 1)
    assert client.portal is not None
    for screen in (mine, theirs):
        client.portal.call(screen.close)


def test_a_session_that_another_process_ended_ends_here_too(
    client: TestClient, browse: Callable[[], TestClient], sign_in: Callable[..., str], services: Services, on_air: str
) -> None:
    """The row's fact is enough: here nobody called this web process."""

    me = browse()
    sign_in(me, name="Mia")
    with me.websocket_connect(f"/live/{on_air}/socket") as socket:
        heard(socket, "hello")
        with services.db.writing() as tx:
            accounts.close_session(tx, me.cookies["session"])
        with pytest.raises(WebSocketDisconnect) as closed:
            heard(socket, "never")
        assert closed.value.code == 4409


def test_a_sign_out_of_the_host_lets_the_room_wait(client: TestClient, services: Services, on_air: str) -> None:
    client.post("/sign-out", follow_redirects=False)

    def waits() -> bool:
        rooms = media(client, services)["rooms"]
        assert isinstance(rooms, dict)
        return bool(rooms.get(on_air, {}).get("lost"))

    until(waits)
    until(lambda: client.get(f"/v1/rooms/{on_air}").json()["state"] == "reconnecting")
