"""Clips, segments and the library's page."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop import merchants
from shop.catalog import Product
from storage.clock import utcnow
from storage.ids import new_id
from tests.web.uploading import MP4, upload
from video_assembly import clips, library
from video_assembly.library import NewSegment
from web.services import Services

pytestmark = pytest.mark.slow

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
    assert found("state=archived") == [first]


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
    assert len(merchant.get("/v1/segments?state=archived").json()["items"]) == 2


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


CAPTIONS = "WEBVTT\n\n00:00.200 --> 00:01.000\nHi <b>there</b>\n"


def test_each_of_several_segments_gets_back_what_it_was(merchant: TestClient, services: Services, shop_id: str) -> None:
    first, second = make_ready(services, upload(merchant), shop_id)
    merchant.patch("/v1/segments", json={"ids": [first, second], "change": {"role": "cta", "season": "winter"}})
    items = [{"id": first, "change": {"role": "hook"}}, {"id": second, "change": {"role": None, "season": None}}]
    back = merchant.patch("/v1/segments", json={"items": items}).json()["items"]
    assert [(each["role"], each["season"]) for each in back] == [("hook", "winter"), (None, None)]


def test_pages_of_the_library_are_linked(merchant: TestClient, services: Services, shop_id: str) -> None:
    ids = make_ready(services, upload(merchant), shop_id, count=5)
    first = merchant.get("/v1/segments?limit=2")
    assert first.json()["total"] == 5
    second = merchant.get(first.links["next"]["url"]).json()
    last = merchant.get("/v1/segments", params={"limit": 2, "cursor": second["next"]}).json()
    assert [each["id"] for page in (first.json(), second, last) for each in page["items"]] == ids
    assert last["next"] is None
    assert merchant.get("/v1/segments?cursor=x").status_code == 422


def test_why_no_video_is_made_of_a_segment(
    merchant: TestClient, services: Services, shop_id: str, add_product: Add
) -> None:
    product = add_product()
    first, _ = make_ready(services, upload(merchant), shop_id)

    def lacks(**change: object) -> list[str]:
        return list(merchant.patch(f"/v1/segments/{first}", json=change).json()["lacks"])

    assert lacks() == ["role", "product"]
    assert lacks(role="hook", product_id=product.id) == []
    assert lacks(speech=True) == ["captions"]
    assert lacks(uncaptioned=True) == []
    assert lacks(rights_until="2020-01-01T00:00:00Z", rights_note="Agency X") == ["rights"]
    assert lacks(rights_until=None, valid_from="2999-01-01T00:00:00Z") == ["not-yet"]
    assert lacks(archived=True) == ["archived", "not-yet"]


def test_captions_are_put_read_and_deleted_and_their_mistakes_have_lines(
    merchant: TestClient, services: Services, shop_id: str, sign_in: SignIn
) -> None:
    segment_id, _ = make_ready(services, upload(merchant), shop_id)
    place = f"/v1/segments/{segment_id}/captions/de"
    wrong = merchant.put(place, content=CAPTIONS.replace("00:01.000", "soon"))
    assert wrong.status_code == 422
    assert wrong.json()["lines"] == [{"line": 3, "detail": "Write the times like 00:01.000 --> 00:03.000."}]
    assert merchant.put(place, content=b"\xff\xfe").status_code == 415
    assert merchant.put(place, content=b"x" * 70_000).status_code == 413
    assert merchant.get(place).status_code == 404
    put = merchant.put(place, content=CAPTIONS).json()
    assert (put["captions"], put["speech"]) == (["de"], True)
    read = merchant.get(place)
    assert read.headers["content-type"].startswith("text/vtt")
    assert read.text == "WEBVTT\n\n00:00:00.200 --> 00:00:01.000\nHi there\n"
    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(merchant, "merchant", merchant=other)
    assert [merchant.get(place).status_code, merchant.put(place, content=CAPTIONS).status_code] == [404, 404]
    assert merchant.delete(place).status_code == 404
    assert merchant.get(f"/v1/segments/{segment_id}").status_code == 404
    sign_in(merchant, "merchant", merchant=shop_id)
    assert merchant.delete(place).status_code == 204
    assert merchant.get(place).status_code == 404


def test_new_edges_are_queued_for_a_worker(merchant: TestClient, services: Services, shop_id: str) -> None:
    segment_id, _ = make_ready(services, upload(merchant), shop_id)
    place = f"/v1/segments/{segment_id}"
    assert merchant.patch(place, json={"out": 2}).json()["field"] == "out"
    cut = merchant.patch(place, json={"in": 0, "out": 4.8, "role": "hook"})
    assert (cut.status_code, cut.json()["role"]) == (202, "hook")
    assert cut.json()["recut"] == {"state": "queued", "in": 0, "out": 4.8, "reason": None}
    assert merchant.patch(place, json={"in": 1.6}).status_code == 409
    whole = merchant.get(place).json()
    assert [(each["version"], each["current"]) for each in whole["versions"]] == [(1, True)]


def test_the_coverage_map_leads_to_what_is_lacking(
    merchant: TestClient, services: Services, shop_id: str, add_product: Add
) -> None:
    empty = merchant.get("/merchant/coverage").text
    assert "Add a product and put it on sale." in empty
    product = add_product()
    first, _ = make_ready(services, upload(merchant), shop_id)
    merchant.patch(f"/v1/segments/{first}", json={"role": "offer", "product_id": product.id, "language": "de"})
    page = merchant.get("/merchant/coverage").text
    assert "Call to action is missing for Cup mug in German: no video can be made." in page
    assert f"/merchant?upload=1&amp;product={product.id}&amp;role=cta&amp;language=de" in page
    assert f"/merchant?product={product.id}&amp;role=offer" in page
    assert merchant.get("/v1/coverage").json()["items"][0]["usable"] == 1
