"""Clips, segments and the library's page."""

from collections.abc import Callable

from starlette.testclient import TestClient

from shop import merchants
from shop.catalog import Product
from storage.clock import utcnow
from storage.ids import new_id
from tests.web.uploading import MP4, upload
from video_assembly import clips, library
from video_assembly.library import NewSegment
from web.services import Services

SignIn = Callable[..., str]
Add = Callable[..., Product]


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
