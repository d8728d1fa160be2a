"""The studio's pages and the stream key."""

from collections.abc import Callable

from starlette.testclient import TestClient

from tests.web.peers import SDP, Broadcast, make_room, media_process

assert media_process, "a fixture of the tests below"


def test_the_studio_is_for_hosts(client: TestClient, sign_in: Callable[..., str]) -> None:
    answer = client.get("/studio", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/studio")
    sign_in(client, name="Viewer")
    assert client.get("/studio").status_code == 403
    sign_in(client, "host")
    page = client.get("/studio", headers={"Accept-Language": "de"})
    assert page.status_code == 200
    assert "vitrine-plan" in page.text
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "camera=()" in client.get("/live").headers["permissions-policy"]


def test_a_hosts_shows_are_listed_and_others_are_unknown(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object]
) -> None:
    sign_in(client, "host", name="Lena")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    assert f'href="/studio/{room}"' in client.get("/studio").text
    page = client.get(f"/studio/{room}")
    assert page.status_code == 200
    assert 'data-key="false"' in page.text
    sign_in(client, "host", name="Other")
    assert room not in client.get("/studio").text
    assert client.get(f"/studio/{room}").status_code == 404
    assert client.post(f"/v1/rooms/{room}/key").status_code == 404


def test_a_new_stream_key_ends_the_old_one(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], media_process: object
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    first = client.post(f"/v1/rooms/{room}/key")
    assert first.status_code == 201
    assert first.headers["cache-control"] == "no-store"
    assert first.json()["url"] == f"http://testserver/live/{room}/whip"
    assert 'data-key="true"' in client.get(f"/studio/{room}").text
    second = client.post(f"/v1/rooms/{room}/key").json()["token"]
    client.cookies.clear()
    old = {"Authorization": f"Bearer {first.json()['token']}"}
    assert client.post(f"/live/{room}/whip", content="v=0", headers=SDP | old).status_code == 401
    new = {"Authorization": f"Bearer {second}"}
    with Broadcast(client, room, new) as broadcast:
        assert client.delete(broadcast.location, headers=new).status_code == 200
    assert client.post(f"/v1/rooms/{room}/key", headers=new).status_code == 403
