"""The studio's pages and the stream key."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop.catalog import Product
from tests.web.peers import SDP, Broadcast, make_room, media_process
from tests.web.test_checkout import order

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"


def test_the_studio_is_for_hosts(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product]
) -> None:
    answer = client.get("/studio", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/studio")
    sign_in(client, name="Viewer")
    assert client.get("/studio").status_code == 403
    sign_in(client, "host")
    product = add_product()
    page = client.get("/studio", headers={"Accept-Language": "de"})
    assert page.status_code == 200
    assert f'<input type="checkbox" value="{product.id}">' in page.text, "the form is there before its script"
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


def test_the_host_reads_what_a_show_came_to(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product], media_process: object
) -> None:
    sign_in(client, "host", name="Lena")
    product = add_product()
    room = make_room(client, product.id)["id"]
    url = f"/v1/rooms/{room}/summary"
    nothing = {"duration_seconds": None, "most_viewers": None, "orders": 0, "pieces": 0}
    assert client.get(url).json() == nothing
    with client.websocket_connect(f"/live/{room}/socket"), Broadcast(client, room):
        for key, variant in enumerate(product.variants):
            assert order(client, str(key), variant.id, 2, source=f"room:{room}").status_code == 201
        assert order(client, "elsewhere", product.variants[0].id, source="feed").status_code == 201
        client.post(f"/v1/rooms/{room}/end")
    body = client.get(url).json()
    assert (body["orders"], body["pieces"], body["most_viewers"]) == (2, 4, 0)
    assert body["duration_seconds"] >= 0
    sign_in(client, "host", name="Other")
    assert client.get(url).status_code == 404


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
