"""Templates, previews for somebody imagined, variants of a campaign, and videos that are ruled out."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from shop import merchants
from shop.catalog import Product
from storage.ids import new_id
from tests.web.test_merchant import make_ready
from tests.web.uploading import upload
from video_assembly.clips import ROLES
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]


@pytest.fixture
def product(
    merchant: TestClient, services: Services, shop_id: str, add_product: Callable[..., Product]
) -> tuple[str, list[str]]:
    """A product with a segment of 3.2 s in every role and a second demonstration that is tagged `near`."""
    made = add_product()
    ids = make_ready(services, upload(merchant), shop_id, count=6)
    for segment_id, role in zip(ids, [*ROLES, "demo"], strict=True):
        change = {"role": role, "product_id": made.id, "language": "de"}
        assert merchant.patch(f"/v1/segments/{segment_id}", json=change).status_code == 200
    merchant.patch(f"/v1/segments/{ids[5]}", json={"tags": ["near"]})
    return made.id, ids


def test_three_people_get_what_suits_them_with_reasons(merchant: TestClient, product: tuple[str, list[str]]) -> None:
    product_id, ids = product

    def demo_for(**profile: object) -> tuple[str, str]:
        body = {"product_id": product_id, "profile": {"language": "de", **profile}}
        video = merchant.post("/v1/preview", json=body).json()["video"]
        assert [each["role"] for each in video["segments"]] == list(ROLES)
        assert video["duration"] == sum(each["duration"] for each in video["segments"]) == 16
        return next((each["id"], each["reason_code"]) for each in video["segments"] if each["role"] == "demo")

    assert demo_for(tastes={"near": 1}) == (ids[5], "your-interest")
    assert demo_for(tastes={"near": -1})[0] == ids[1]
    assert demo_for(seen=[ids[5]]) == (ids[1], "not-seen-lately")
    assert merchant.get(f"/v1/segments/{ids[1]}").json()["used_in"] == 0, "tried out is not used"


def test_whose_hook_opens_a_video_is_said(
    merchant: TestClient, product: tuple[str, list[str]], add_product: Callable[..., Product]
) -> None:
    product_id, ids = product
    lender = add_product("jug")
    merchant.patch(f"/v1/segments/{ids[0]}", json={"product_id": lender.id})
    video = merchant.post("/v1/preview", json={"product_id": product_id}).json()["video"]
    assert [each["lent_by"] for each in video["segments"]] == ["Cup jug", None, None, None, None]


def test_rules_that_nothing_keeps_are_explained(merchant: TestClient, product: tuple[str, list[str]]) -> None:
    product_id, ids = product

    def why_not(**rules: object) -> str:
        answer = merchant.post("/v1/preview", json={"product_id": product_id, "rules": rules}).json()
        assert answer["video"] is None
        return str(answer["detail"])

    assert why_not(shortest_ms=40_000, longest_ms=60_000).startswith("Its segments last 16.0 s together")
    assert why_not(must_tags=["blue"]).startswith("No video keeps all of these rules")
    merchant.patch(f"/v1/segments/{ids[4]}", json={"archived": True})
    assert why_not() == "A segment in the role “Call to action” is missing."
    wrong = merchant.post("/v1/preview", json={"product_id": product_id, "rules": {"order": ["intro"]}})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "order")


def test_variants_differ_and_one_that_is_ruled_out_does_not_come_again(
    merchant: TestClient, product: tuple[str, list[str]]
) -> None:
    product_id, _ = product

    def variants() -> list[tuple[str, ...]]:
        found = merchant.post("/v1/campaign", json={"product_id": product_id, "language": "de", "count": 4}).json()
        return [tuple(each["id"] for each in video["segments"]) for video in found["videos"]]

    first = variants()
    assert len(first) == len(set(first)) == 4
    veto = {"product_id": product_id, "segment_ids": first[0]}
    assert merchant.put("/v1/vetoes", json=veto).status_code == 200
    assert first[0] not in variants()
    assert merchant.put("/v1/vetoes", json={**veto, "vetoed": False}).status_code == 200
    assert first[0] in variants()
    assert merchant.post("/v1/campaign", json={"product_id": product_id, "count": 31}).status_code == 422


def test_templates_are_drafted_published_and_deleted_by_their_merchant_only(
    merchant: TestClient, services: Services, sign_in: SignIn, product: tuple[str, list[str]]
) -> None:
    product_id, ids = product
    rules = {"order": ["demo", "offer", "cta"], "shortest_ms": 9600, "must_tags": ["near"]}
    draft = merchant.post("/v1/templates", json={"name": " Short ", "rules": rules}).json()
    assert (draft["name"], draft["active"], draft["rules"]["needed"]) == ("Short", False, ["offer", "cta"])

    def told() -> list[str]:
        video = merchant.post("/v1/preview", json={"product_id": product_id}).json()["video"]
        return [each["id"] for each in video["segments"]]

    assert len(told()) == 5, "a draft holds for nobody"
    place = f"/v1/templates/{draft['id']}"
    published = merchant.put(place, json={"name": "Short", "active": True, "rules": draft["rules"]}).json()
    assert published["active"]
    assert told() == [ids[5], ids[3], ids[4]]
    assert [each["id"] for each in merchant.get("/v1/templates").json()["items"]] == [draft["id"]]
    assert "Short" in merchant.get("/merchant/templates").text

    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(merchant, "merchant", merchant=other)
    assert merchant.get("/v1/templates").json()["items"] == []
    assert merchant.put(place, json={"name": "Mine"}).status_code == 404
    assert merchant.delete(place).status_code == 404
    assert merchant.post("/v1/preview", json={"product_id": product_id}).json()["field"] == "product_id"
    assert merchant.put("/v1/vetoes", json={"product_id": product_id, "segment_ids": ids[:2]}).status_code == 404
    sign_in(merchant, "viewer")
    assert merchant.post("/v1/preview", json={"product_id": new_id()}).status_code == 403


def test_a_preview_plays_by_its_own_address_and_for_nobody_else(
    merchant: TestClient, product: tuple[str, list[str]]
) -> None:
    product_id, ids = product
    captions = "WEBVTT\n\n00:00.000 --> 00:01.000\nNear.\n"
    merchant.put(f"/v1/segments/{ids[1]}/captions/de", content=captions)
    merchant.put(f"/v1/segments/{ids[5]}/captions/de", content=captions)
    video = merchant.post("/v1/preview", json={"product_id": product_id}).json()["video"]
    words = merchant.get(video["captions"])
    assert words.text == "WEBVTT\n\n00:00:03.200 --> 00:00:04.200\nNear.\n"
    assert merchant.get(video["captions"].split("?")[0]).status_code == 404


def test_captions_reach_the_viewers_of_a_feed_and_nobody_else(
    merchant: TestClient, sign_in: SignIn, shop_id: str, product: tuple[str, list[str]]
) -> None:
    _, ids = product
    words = "WEBVTT\n\n00:00.000 --> 00:01.000\nLast word.\n"
    merchant.put(f"/v1/segments/{ids[4]}/captions/de", content=words)
    sign_in(merchant, "viewer", name="Bo")
    video = merchant.get("/v1/feed?limit=1").json()["videos"][0]
    assert video["captions"] == f"/v/{video['id']}.vtt"
    start = next(each["start"] for each in video["segments"] if each["role"] == "cta")
    found = merchant.get(video["captions"])
    assert found.headers["content-type"].startswith("text/vtt")
    assert f"00:00:{start:06.3f} --> 00:00:{start + 1:06.3f}\nLast word." in found.text
    sign_in(merchant, "viewer", name="Cleo")
    assert merchant.get(video["captions"]).status_code == 404
