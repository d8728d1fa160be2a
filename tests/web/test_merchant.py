"""Uploads, clips and segments over HTTP."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shop import catalog, merchants
from shop.catalog import Product
from storage import accounts
from storage.clock import utcnow
from storage.errors import UserError
from storage.ids import new_id
from video_assembly import clips, library
from video_assembly.library import NewSegment
from web.services import Services
from web.uploads import Quarantine, receive

SignIn = Callable[..., str]
Add = Callable[..., Product]

# Enough of a head to pass as MP4 at the door; what it is worth, a worker finds out.
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(600)


@pytest.fixture
def shop_id(services: Services) -> str:
    with services.db.writing() as tx:
        return merchants.merchant_by_handle(tx, "hut") or merchants.add_merchant(tx, "hut", "Hut & Co")


@pytest.fixture
def merchant(client: TestClient, sign_in: SignIn, shop_id: str) -> TestClient:
    sign_in(client, "merchant", merchant=shop_id)
    return client


def make_ready(services: Services, clip_id: str, merchant_id: str, count: int = 2) -> list[str]:
    """Write segments for a clip as a worker does; their files are not needed here."""
    now = utcnow()
    with services.db.writing() as tx:
        made = [
            NewSegment(f"{new_id()}{number}".replace("-", ""), b"", "init", 2, 3200, 1000, 3200 * number, True)
            for number in range(count)
        ]
        ids = library.store_segments(tx, clips.clip(tx, clip_id, merchant_id), made, now)
        clips.set_state(tx, clip_id, "ready", now, duration_ms=6400)
    return ids


def upload(client: TestClient, **query: str) -> str:
    answer = client.post("/v1/clips", params={"filename": "a.mp4", **query}, content=MP4)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


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


def test_too_large_is_said_before_the_body_is_read(
    app: object, services: Services, sign_in: SignIn, shop_id: str
) -> None:
    with TestClient(app) as client:  # type: ignore[arg-type]
        sign_in(client, "merchant", merchant=shop_id)
        token = client.cookies["session"]
    read = 0
    sent: list[dict[str, object]] = []

    async def body() -> dict[str, object]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": MP4, "more_body": True}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    length = services.settings.upload_limit + 1
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/clips",
        "raw_path": b"/v1/clips",
        "query_string": b"",
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"testserver"),
            (b"sec-fetch-site", b"same-origin"),
            (b"cookie", f"session={token}".encode()),
            (b"content-length", str(length).encode()),
        ],
    }
    asyncio.run(app(scope, body, send))  # type: ignore[operator]
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["type"] == "/problems/clip-too-large"  # type: ignore[arg-type]
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


def test_only_merchants_upload_and_only_their_own_is_there(
    client: TestClient, services: Services, sign_in: SignIn, shop_id: str
) -> None:
    assert client.post("/v1/clips", content=MP4).status_code == 401
    sign_in(client, "viewer")
    assert client.post("/v1/clips", content=MP4).status_code == 403
    sign_in(client, "merchant")
    assert client.post("/v1/clips", content=MP4).json()["type"] == "/problems/no-shop"
    sign_in(client, "merchant", merchant=shop_id)
    clip_id = upload(client)
    segment_id = make_ready(services, clip_id, shop_id)[0]
    assert len(client.get(f"/v1/clips/{clip_id}").json()["segments"]) == 2

    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(client, "merchant", merchant=other)
    assert client.get(f"/v1/clips/{clip_id}").status_code == 404
    assert client.delete(f"/v1/clips/{clip_id}").status_code == 404
    assert client.post(f"/v1/clips/{clip_id}/retry").status_code == 404
    assert client.patch(f"/v1/segments/{segment_id}", json={"role": "hook"}).status_code == 404
    assert client.get("/v1/segments").json()["items"] == []


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


def test_segments_are_filtered_and_edited_alone_and_together(
    merchant: TestClient, services: Services, shop_id: str, add_product: Add
) -> None:
    product = add_product()
    first, second = make_ready(services, upload(merchant, tags="blue"), shop_id)
    changed = merchant.patch(f"/v1/segments/{first}", json={"role": "offer", "product_id": product.id}).json()
    assert (changed["role"], changed["product_id"], changed["tags"]) == ("offer", product.id, ["blue"])
    assert merchant.patch(f"/v1/segments/{first}", json={"role": None}).json()["role"] is None

    both = merchant.patch(
        "/v1/segments", json={"ids": [first, second], "change": {"role": "cta"}, "add_tags": ["sale", "blue"]}
    ).json()["items"]
    assert [(each["role"], each["tags"]) for each in both] == [("cta", ["blue", "sale"])] * 2

    merchant.patch(f"/v1/segments/{second}", json={"role": None, "tags": []})

    def found(query: str) -> list[str]:
        return [each["id"] for each in merchant.get(f"/v1/segments?{query}").json()["items"]]

    assert found("role=cta") == [first]
    assert found("role=none") == [second]
    assert found("tag=sale") == [first]
    assert found(f"product={product.id}") == [first]
    merchant.patch(f"/v1/segments/{first}", json={"archived": True})
    assert found("") == [second]
    assert set(found("archived=true")) == {first, second}


def test_a_change_for_many_is_for_all_or_for_none(merchant: TestClient, services: Services, shop_id: str) -> None:
    first, _ = make_ready(services, upload(merchant), shop_id)
    answer = merchant.patch("/v1/segments", json={"ids": [first, new_id()], "change": {"role": "hook"}})
    assert answer.status_code == 404
    assert merchant.get("/v1/segments?role=hook").json()["items"] == []
    assert merchant.patch(f"/v1/segments/{first}", json={"role": "star"}).json()["field"] == "role"
    assert merchant.patch(f"/v1/segments/{first}", json={"price": 1}).status_code == 422


def test_what_failed_by_our_fault_is_tried_again_what_is_broken_is_not(
    merchant: TestClient, services: Services, shop_id: str
) -> None:
    ours, theirs = upload(merchant), upload(merchant)
    with services.db.writing() as tx:
        clips.refuse(tx, ours, "processing-failed", "Something went wrong on our side.")
        clips.refuse(
            tx, theirs, "media-broken", "This file is damaged and cannot be played. Please export the video again."
        )
    assert merchant.get(f"/v1/clips/{ours}").json()["retryable"]
    assert merchant.post(f"/v1/clips/{ours}/retry").json()["state"] == "queued"
    assert merchant.post(f"/v1/clips/{theirs}/retry").status_code == 409
    german = merchant.get(f"/v1/clips/{theirs}?lang=de").json()
    assert german["detail"] != "This file is damaged and cannot be played. Please export the video again."


def test_segments_of_a_removed_clip_are_archived(merchant: TestClient, services: Services, shop_id: str) -> None:
    clip_id = upload(merchant)
    make_ready(services, clip_id, shop_id)
    assert merchant.delete(f"/v1/clips/{clip_id}").status_code == 204
    assert merchant.get("/v1/segments").json()["items"] == []
    assert len(merchant.get("/v1/segments?archived=true").json()["items"]) == 2


def test_the_page_shows_the_library_and_names_a_missing_package(
    merchant: TestClient, services: Services, shop_id: str
) -> None:
    clip_id = upload(merchant)
    packages = {"packages": "libgl1 libglib2.0-0"}
    notice = {
        "code": "cv2-missing",
        "message": "Install the system packages {packages} on the server.",
        "values": packages,
    }
    with services.db.writing() as tx:
        clips.set_state(tx, clip_id, "ready", utcnow(), warnings=[notice])
    page = merchant.get("/merchant")
    assert page.status_code == 200
    assert "Hut &amp; Co" in page.text
    assert "libgl1 libglib2.0-0" in page.text


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(client: TestClient) -> None:
    for path in ("/merchant", "/merchant/products", "/operator"):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


PRODUCT = {
    "title_de": "Krug Ål & Söhne",
    "title_en": "Jug",
    "description_de": "Ein Krug.",
    "brand": "Hut",
    "category": "Küche",
    "published": "1",
    "choice": ["Klein", "Groß"],
    "price": ["12,90", "1.019,00 €"],
    "stock": ["3", "0"],
    "sku": ["", "KRUG-XL"],
}


def test_a_merchant_puts_a_product_on_sale_and_counts_stock(
    merchant: TestClient, services: Services, shop_id: str
) -> None:
    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (2400, 1800), "teal").save(picture, "PNG")
    answer = merchant.post(
        "/merchant/products/new",
        data=PRODUCT,
        files={"picture": ("jug.png", picture.getvalue(), "image/png")},
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    with services.db.reading() as tx:
        [product] = catalog.list_products(tx, "de", merchant_id=shop_id)
    assert (product.title, product.category_name, product.handle) == ("Krug Ål & Söhne", "Küche", "krug-al-soehne")
    assert [(each.label, each.price.amount, each.stock, each.sku) for each in product.variants] == [
        ("Klein", 1290, 3, "krug-al-soehne-1"),
        ("Groß", 101900, 0, "KRUG-XL"),
    ]
    assert product.image is not None
    with Image.open(services.media.path(product.image)) as kept:
        assert (kept.format, kept.size) == ("WEBP", (1200, 900))
    assert list(services.media.incoming.iterdir()) == []

    small, large = product.variants
    form = {f"stock-{small.id}": "3", f"shown-{small.id}": "3", f"stock-{large.id}": "7", f"shown-{large.id}": "0"}
    assert merchant.post(f"/merchant/products/{product.id}/stock", data=form).status_code == 200
    page = merchant.get("/merchant/products").text
    assert "Krug Ål &amp; Söhne" in page or "Jug" in page
    with services.db.reading() as tx:
        assert [each.stock for each in catalog.product(tx, product.id, "de").variants] == [3, 7]
    merchant.post(f"/merchant/products/{product.id}/publish", data={"published": "0"})
    assert merchant.get(f"/products/{product.id}").status_code == 404


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title_de": "", "title_en": ""}, "Give a title of at most"),
        ({"price": ["abc", "1"]}, "Write the price like 12,90."),
        ({"stock": ["-1", "1"]}, "Write the stock as a whole number."),
        ({"choice": ["", "Groß"]}, "With several variants each one needs its own name"),
        ({"brand": ""}, "Give a brand of at most"),
    ],
)
def test_a_mistake_brings_the_form_back_as_it_was_typed(
    merchant: TestClient, change: dict[str, object], sentence: str
) -> None:
    answer = merchant.post("/merchant/products/new?lang=en", data={**PRODUCT, **change})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Ein Krug." in answer.text


def test_a_picture_that_is_none_or_a_bomb_is_refused(merchant: TestClient, services: Services) -> None:
    bomb = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + bytes(64)
    )
    for data in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", bomb, b"GIF89a" + bytes(100)):
        answer = merchant.post("/merchant/products/new", data=PRODUCT, files={"picture": ("x.png", data, "image/png")})
        assert answer.status_code == 422
    assert not services.media.path("products/x.webp").parent.exists()
    assert list(services.media.incoming.iterdir()) == []


def test_nobody_counts_the_stock_of_somebody_elses_product(
    client: TestClient, services: Services, sign_in: SignIn, add_product: Add
) -> None:
    product = add_product()
    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(client, "merchant", merchant=other)
    variant = product.variants[0]
    answer = client.post(f"/merchant/products/{product.id}/stock", data={f"stock-{variant.id}": "0"})
    assert answer.status_code == 404
    with services.db.reading() as tx:
        assert catalog.product(tx, product.id, "en").variants[0].stock == 5
