"""`POST /v1/clips`: what is taken, and what is refused before it does harm."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shop.catalog import Product
from storage import accounts
from storage.clock import utcnow
from storage.errors import UserError
from storage.ids import new_id
from tests.web.uploading import MP4, upload
from video_assembly import clips
from web.services import Services
from web.uploads import Quarantine, receive

SignIn = Callable[..., str]
Add = Callable[..., Product]


def test_a_raw_upload_is_kept_under_a_private_name_and_queued(
    merchant: TestClient, services: Services, shop_id: str, add_product: Add
) -> None:
    product = add_product()
    answer = merchant.post(
        "/v1/clips",
        params={"filename": "../../etc/Küche.mp4", "product_ids": product.id, "role": "demo", "tags": "blue, new"},
        content=MP4,
        headers={"Content-Type": "video/mp4"},
    )
    assert answer.status_code == 201
    clip = answer.json()
    assert answer.headers["location"] == f"/v1/clips/{clip['id']}"
    assert (clip["state"], clip["filename"], clip["role"]) == ("queued", "Küche.mp4", "demo")
    assert (clip["tags"], clip["product_ids"], clip["bytes"]) == (["blue", "new"], [product.id], len(MP4))
    path = services.media.path(clips.upload_key(clip["id"]))
    assert path.read_bytes() == MP4
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(services.media.incoming.iterdir()) == []
    assert merchant.get(f"/media/uploads/{clip['id']}").status_code == 404
    assert merchant.get("/v1/clips").json()["items"][0]["id"] == clip["id"]


def test_a_form_with_a_file_is_the_same(merchant: TestClient, services: Services) -> None:
    answer = merchant.post(
        "/v1/clips",
        files={"file": ("Löffel.mov", io.BytesIO(MP4), "video/quicktime")},
        data={"role": "hook", "tags": ["a", "b"]},
    )
    assert answer.status_code == 201, answer.text
    clip = answer.json()
    assert (clip["filename"], clip["role"], clip["tags"]) == ("Löffel.mov", "hook", ["a", "b"])
    assert services.media.path(clips.upload_key(clip["id"])).read_bytes() == MP4


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"#!/bin/sh\necho " + bytes(500), {}, 415, "media-not-video"),
        (b"#EXTM3U\nfile:///etc/passwd", {}, 415, "media-not-video"),
        (b"", {}, 415, "media-empty"),
        (b"--x\r\nbroken", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "form-broken"),
        (b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, 422, "file-missing"),
        (MP4, {"Content-Type": "multipart/form-data"}, 400, "form-broken"),
    ],
)
def test_what_is_no_clip_leaves_nothing_behind(
    merchant: TestClient, services: Services, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = merchant.post("/v1/clips", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{code}"
    assert list(services.media.incoming.iterdir()) == []
    assert merchant.get("/v1/clips").json()["items"] == []


def test_too_large_is_said_before_the_body_is_read(merchant: TestClient, services: Services) -> None:
    read = 0
    sent: list[MutableMapping[str, Any]] = []

    async def receive_never() -> MutableMapping[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = {
        "host": "testserver",
        "sec-fetch-site": "same-origin",
        "cookie": f"session={merchant.cookies['session']}",
        "content-length": str(services.settings.upload_limit + 1),
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/clips",
        "query_string": b"",
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    assert merchant.portal is not None
    merchant.portal.call(merchant.app, scope, receive_never, send)
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["type"] == "/problems/clip-too-large"
    assert read == 0


def test_too_large_without_a_length_ends_while_it_streams(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield MP4
        while True:
            yield bytes(65_536)

    quarantine = Quarantine(tmp_path / "part", 1_000_000)
    with pytest.raises(UserError) as raised:
        asyncio.run(receive(endless(), quarantine))
    assert (raised.value.status, raised.value.code) == (413, "clip-too-large")
    quarantine.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_stops_coming_is_not_waited_for(tmp_path: Path) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield MP4
        await asyncio.Event().wait()

    quarantine = Quarantine(tmp_path / "part", 1_000_000)
    with pytest.raises(UserError) as raised:
        asyncio.run(receive(stalled(), quarantine, idle=0.05))
    assert (raised.value.status, raised.value.code) == (408, "upload-stalled")
    quarantine.drop()


def test_the_merchants_share_of_the_disk_is_kept_and_freed(
    merchant: TestClient, services: Services, shop_id: str
) -> None:
    clip_id = upload(merchant)
    services.settings = services.settings.model_copy(update={"upload_quota": len(MP4) + 10})
    full = merchant.post("/v1/clips", params={"filename": "b.mp4"}, content=MP4)
    assert (full.status_code, full.json()["type"]) == (507, "/problems/quota-used-up")
    assert merchant.delete(f"/v1/clips/{clip_id}").status_code == 204
    assert not services.media.exists(clips.upload_key(clip_id))
    assert upload(merchant)


def test_a_full_disk_is_said_before_harm(merchant: TestClient, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"disk_reserve": 1 << 60})
    answer = merchant.post("/v1/clips", content=MP4)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/disk-full")
    assert int(answer.headers["retry-after"]) > 0


def test_mistakes_in_what_is_said_are_named(merchant: TestClient) -> None:
    for query, field in (
        ({"role": "star"}, "role"),
        ({"product_ids": new_id()}, "product_ids"),
        ({"rights_until": "x"}, "rights_until"),
    ):
        answer = merchant.post("/v1/clips", params=query, content=MP4)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert merchant.get("/v1/clips").json()["items"] == []


def test_a_program_uploads_with_a_token_of_the_right_scope(
    client: TestClient, services: Services, sign_in: SignIn, shop_id: str
) -> None:
    person_id = sign_in(client, "merchant", merchant=shop_id)
    client.cookies.clear()
    with services.db.writing() as tx:
        right = accounts.add_token(tx, person_id, "cli", frozenset({"clips:write"}), utcnow())
        wrong = accounts.add_token(tx, person_id, "obs", frozenset({"live:publish:x"}), utcnow())
    assert client.post("/v1/clips", content=MP4, headers={"Authorization": f"Bearer {right}"}).status_code == 201
    assert client.post("/v1/clips", content=MP4, headers={"Authorization": f"Bearer {wrong}"}).status_code == 403
