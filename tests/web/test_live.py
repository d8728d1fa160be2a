"""Rooms as programs and browsers see them: planning, WHIP, WHEP, pins and the pages."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from storage import accounts
from storage.clock import utcnow
from tests.web.peers import SDP, Broadcast, beside, make_room, media_process, offer, until, watch
from web.services import Services

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """A player without a session and from nowhere."""
    return beside(client)


def test_a_show_is_planned_opened_and_cancelled(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]
) -> None:
    host = sign_in(client, "host", name="Lena")
    cup, bowl = add_product("cup"), add_product("bowl")
    at = (utcnow() + timedelta(days=1)).isoformat()
    room = make_room(client, bowl.id, cup.id, scheduled_for=at, language="en")  # type: ignore[attr-defined]
    assert (room["state"], room["language"], room["host"]) == ("scheduled", "en", {"id": host, "name": "Lena"})
    assert [each["title"] for each in room["products"]] == ["Cup bowl", "Cup cup"]
    assert room["scheduled_for"].endswith("Z")
    assert [each["id"] for each in client.get("/v1/rooms").json()["items"]] == [room["id"]]
    assert client.post(f"/v1/rooms/{room['id']}/start").json()["state"] == "lobby"
    assert client.post(f"/v1/rooms/{room['id']}/end").status_code == 409
    assert client.post(f"/v1/rooms/{room['id']}/cancel").json()["state"] == "cancelled"
    assert client.get("/v1/rooms").json()["items"] == []
    assert len(client.get("/v1/rooms?state=cancelled").json()["items"]) == 1
    assert client.get("/v1/rooms?state=asleep").status_code == 422
    assert client.get("/v1/rooms/unknown").status_code == 404


def test_a_show_needs_a_host_a_title_and_products(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]
) -> None:
    body = {"title": "Spring", "product_ids": [add_product().id]}  # type: ignore[attr-defined]
    assert client.post("/v1/rooms", json=body).status_code == 401
    sign_in(client, name="Guesty")
    assert client.post("/v1/rooms", json=body).status_code == 403
    sign_in(client, "host")
    for wrong, field in (
        ({"title": " "}, "title"),
        ({"product_ids": []}, "product_ids"),
        ({"scheduled_for": "2001-01-01T00:00:00Z"}, "scheduled_for"),
        ({"language": "fr"}, "language"),
    ):
        answer = client.post("/v1/rooms", json=body | wrong)
        assert answer.status_code == 422
        assert answer.json()["field"] == field
    assert client.post("/v1/rooms", json=body | {"product_ids": ["unknown"]}).status_code == 404


def test_pins_are_the_hosts(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]
) -> None:
    sign_in(client, "host", name="Lena")
    cup = add_product("cup").id  # type: ignore[attr-defined]
    room = make_room(client, cup)
    pins = f"/v1/rooms/{room['id']}/pins"
    assert client.post(pins, json={"product_id": cup}).json()["pinned"] == cup
    assert client.post(pins, json={"product_id": cup}).status_code == 201
    assert client.post(pins, json={"product_id": "unknown"}).status_code == 404
    assert client.delete(f"{pins}/{cup}").json()["pinned"] is None
    sign_in(client, "host", name="Other")
    assert client.post(pins, json={"product_id": cup}).status_code == 404
    assert client.delete(f"{pins}/{cup}").status_code == 404


def test_a_token_opens_its_room_only(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], services: Services
) -> None:
    host = sign_in(client, "host")
    cup = add_product("cup").id  # type: ignore[attr-defined]
    mine, other = make_room(client, cup)["id"], make_room(client, cup)["id"]
    with services.db.writing() as tx:
        token = accounts.add_token(tx, host, "key", frozenset({f"live:publish:{mine}"}), utcnow())
        every = accounts.add_token(tx, host, "keys", frozenset({"live:publish:*"}), utcnow())
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.post(f"/v1/rooms/{mine}/pins", json={"product_id": cup}, headers=bearer).status_code == 201
    assert client.post(f"/v1/rooms/{other}/pins", json={"product_id": cup}, headers=bearer).status_code == 403
    assert client.post(f"/live/{other}/whip", content="v=0", headers=SDP | bearer).status_code == 403
    assert client.post("/v1/rooms", json={"title": "x", "product_ids": [cup]}, headers=bearer).status_code == 403
    bearer = {"Authorization": f"Bearer {every}"}
    assert client.post(f"/v1/rooms/{other}/pins", json={"product_id": cup}, headers=bearer).status_code == 201
    wrong = {"Authorization": "Bearer nonsense"}
    answer = client.post(f"/live/{mine}/whip", content="v=0", headers=SDP | wrong)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_whip_and_whep_as_the_standards_say(
    client: TestClient,
    stranger: TestClient,
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    media_process: object,
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    nobody = stranger.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP)
    assert (nobody.status_code, nobody.json()["type"]) == (409, "/problems/nobody-publishes")
    assert int(nobody.headers["retry-after"]) > 0
    with Broadcast(client, room) as broadcast:
        assert broadcast.location.startswith(f"/live/{room}/whip/")
        second = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
        assert (second.status_code, second.json()["type"]) == (409, "/problems/already-published")
        screen, location = watch(stranger, room)
        assert location.startswith(f"/live/{room}/whep/")
        assert stranger.get(location).status_code == 204
        assert stranger.delete(location).status_code == 200
        assert stranger.delete(location).status_code == 404
        assert stranger.delete(broadcast.location).status_code == 403
        client.portal.call(screen.close)  # type: ignore[union-attr]
        assert client.delete(broadcast.location).status_code == 200
    assert client.get(f"/v1/rooms/{room}").json()["state"] == "ended"
    over = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
    assert (over.status_code, over.json()["type"]) == (409, "/problems/room-over")


def test_whep_answers_what_whip_promised(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], media_process: object
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    answer = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/sdp"
    assert answer.text.count("a=recvonly") == 2
    assert answer.text.count("a=rtcp-mux-only") == 2
    assert "a=candidate:" in answer.text
    assert client.delete(answer.headers["location"]).status_code == 200
    # It was never on air, so the show has not begun.
    assert client.get(f"/v1/rooms/{room}").json()["state"] == "lobby"


@pytest.mark.parametrize("door", ["whip", "whep"])
def test_bad_offers(
    door: str,
    client: TestClient,
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    media_process: object,
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    url = f"/live/{room}/{door}"
    assert client.post(url, content="v=0", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post(url, content="x" * 40_000, headers=SDP).status_code == 413
    assert client.post(url, content=iter([b"x" * 20_000] * 2), headers=SDP).status_code == 413
    if door == "whip":
        for wrong in ("", "v=0", "nonsense", "\xff", offer("recvonly")):
            answer = client.post(url, content=wrong.encode("latin-1"), headers=SDP)
            assert answer.status_code == 422, wrong
            assert answer.headers["content-type"] == "application/problem+json"
    assert client.post(f"/live/unknown/{door}", content=offer("sendonly"), headers=SDP).status_code == 404
    assert client.get(f"/v1/rooms/{room}").json()["state"] == "lobby"


def test_a_media_process_that_is_gone_is_said_so(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], services: Services
) -> None:
    services.media_process.clients[0]._timeout = 0.2
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    for door, direction in (("whip", "sendonly"), ("whep", "recvonly")):
        answer = client.post(f"/live/{room}/{door}", content=offer(direction), headers=SDP)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0


def test_other_sites_may_play_but_not_publish(
    client: TestClient, stranger: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    for door in ("whip", "whep"):
        for path in (f"/live/{room}/{door}", f"/live/{room}/{door}/session"):
            answer = stranger.options(path, headers={"Origin": "https://elsewhere.example"})
            assert answer.status_code == 204
            assert answer.headers["accept-post"] == "application/sdp"
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
            assert "PATCH" in answer.headers["access-control-allow-methods"]
            assert "Location" in answer.headers["access-control-expose-headers"]
            assert stranger.get(path).status_code == 204
    head = stranger.head(f"/live/{room}/whep")
    assert (head.status_code, head.headers["content-type"]) == (200, "application/sdp")
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post(f"/live/{room}/whip", content="v=0", headers=SDP | foreign).status_code == 403
    refused = stranger.post(f"/live/{room}/whep", content="v=0", headers={"Content-Type": "text/plain"} | foreign)
    assert refused.status_code == 415
    assert refused.headers["access-control-allow-origin"] == "*"


def test_the_host_ends_the_show(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], media_process: object
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    with Broadcast(client, room) as broadcast:
        assert client.post(f"/v1/rooms/{room}/end").json()["state"] == "ended"
        until(lambda: client.delete(broadcast.location).status_code == 404)
    assert client.post(f"/v1/rooms/{room}/end").status_code == 200
    assert client.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP).status_code == 409


def test_the_pages(client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]) -> None:
    empty = client.get("/live", headers={"Accept-Language": "de"})
    assert "Gerade ist niemand live." in empty.text
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    assert f'href="/live/{room}"' in client.get("/live").text
    client.cookies.clear()
    page = client.get(f"/live/{room}")
    assert page.status_code == 200
    assert "session" in client.cookies, "whoever watches is a guest with a session"
    assert "vitrine-room" in page.text
    unknown = client.get("/live/unknown", headers={"Accept": "text/html"})
    assert unknown.status_code == 404
    assert "text/html" in unknown.headers["content-type"]
