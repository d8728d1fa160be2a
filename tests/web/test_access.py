"""Every route with an id in its address, asked by those whose id it is not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from shop import merchants, shows, stock
from storage.clock import utcnow
from tests.web.conftest import ORIGIN
from tests.web.showing import feed, open_demo_shop
from video_assembly import clips, library
from web.app import ROUTES
from web.services import Services

pytestmark = pytest.mark.slow

BROWSER = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
# What everybody may see or end who knows its address, and what is about nothing but the asking person.
FOR_EVERYBODY = {
    "GET /feed/{video}",
    "GET /products/{id}",
    "GET /v1/products/{id}",
    "GET /v1/rooms/{id}",
    "GET /live/{room}",
    "GET /media/{key:path}",
    "GET /i18n/{locale}.js",
    "GET /live/{room}/whip",
    "GET /live/{room}/whep",
    "GET /live/{room}/whip/{session}",
    "GET /live/{room}/whep/{session}",
    "POST /live/{room}/whep",
    "DELETE /live/{room}/whep/{session}",
    "PATCH /live/{room}/whep/{session}",
    "POST /welcome/{token}",
    "DELETE /v1/cart/items/{variant}",
}
REFUSALS = {401, 403, 404}
TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "0",
    "Content-Type": "application/offset+octet-stream",
    "X-HTTP-Method-Override": "PATCH",
}


@pytest.mark.parametrize("roles", [(), ("viewer",), ("merchant",), ("host",), ("operator",)])
def test_nobody_reaches_what_belongs_to_others(
    client: TestClient,
    app: Starlette,
    services: Services,
    sign_in: Callable[..., str],
    demo_files: Path,
    roles: tuple[str, ...],
) -> None:
    open_demo_shop(services, demo_files)
    owner = sign_in(client, "host", name="Owner")
    video = feed(client)["videos"][0]
    variant = video["product"]["variants"][0]
    contact = {"name": "O", "email": "o@example.org", "street": "S 1", "postcode": "10115", "city": "C"}
    order = client.post(
        "/v1/orders",
        json={"items": [{"variant_id": variant["id"], "quantity": 1}], "contact": contact},
        headers={"Idempotency-Key": "one"},
    )
    assert order.status_code == 201, order.text
    with services.db.writing() as tx:
        clip_id = tx.scalar(select(clips.clips.c.id))
        segment_id = tx.scalar(select(library.segments.c.id))
        room = shows.plan(tx, owner, "Spring", [video["product"]["id"]], utcnow()).id
        other = merchants.add_merchant(tx, "other", "Other")
        before = [tuple(row) for table in (clips.clips, library.segments, shows.shows) for row in tx.all(select(table))]
        levels = tx.all(select(stock.stock))
    ids = {
        "/v1/clips": clip_id,
        "/v1/segments": segment_id,
        "/v1/orders": order.json()["id"],
        "/orders": order.json()["id"],
        "/v1/rooms": room,
        "/merchant/products": video["product"]["id"],
        "/v": video["id"],
        "/v1/videos": video["id"],
    }
    stranger = TestClient(app, headers=BROWSER)
    stranger.portal = client.portal
    if roles:
        sign_in(stranger, *roles, name="Stranger", merchant=other if "merchant" in roles else None)
    bodies = {
        "/v1/segments/{id}": {"archived": True},
        "/v1/templates/{id}": {"name": "Theirs"},
        "/v1/rooms/{id}/pins": {"product_id": video["product"]["id"]},
        "/v1/cart/items/{variant}": {"variant_id": variant["id"], "quantity": 1},
    }
    asked = 0
    for route in ROUTES:
        if not isinstance(route, Route) or "{" not in route.path:
            continue
        prefix = route.path.split("/{")[0]
        address = re.sub(r"\{(room)\}", room, route.path).replace("{act}", "stop")
        address = re.sub(r"\{[^}]+\}", str(ids.get(prefix, "x")), address)
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            if f"{method} {route.path}" in FOR_EVERYBODY:
                continue
            body = bodies.get(route.path, {})
            answer = stranger.request(
                method,
                address,
                json=body if method != "GET" else None,
                headers=TUS if prefix == "/v1/uploads" else {},
                follow_redirects=False,
            )
            away = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            assert away or answer.status_code in REFUSALS, (method, address, answer.status_code, answer.text[:200])
            asked += 1
    many = {"ids": [segment_id], "change": {"archived": True}}
    assert stranger.patch("/v1/segments", json=many).status_code in REFUSALS
    assert asked > 20
    with services.db.reading() as tx:
        after = [tuple(row) for table in (clips.clips, library.segments, shows.shows) for row in tx.all(select(table))]
        assert (after, tx.all(select(stock.stock))) == (before, levels)
    stranger.close()
