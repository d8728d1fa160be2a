"""The feed over HTTP: its shape, what reactions do to it, and its page."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from shop import shows
from storage import costs
from storage.clock import utcnow
from storage.ids import new_id
from tests.web.conftest import ORIGIN
from tests.web.showing import agree, feed, open_demo_shop, token_of, told
from web import demo
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]


@pytest.fixture
def shop(services: Services, demo_files: Path) -> None:
    open_demo_shop(services, demo_files)


@pytest.fixture
def other(app: Starlette, client: TestClient) -> TestClient:
    """A second browser at the same running application."""
    return TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})


def of_page(client: TestClient, path: str = "/feed") -> Any:
    """Return what a page of the feed begins with."""
    page = client.get(path)
    assert page.status_code == 200
    found = re.search(r'data-first="([^"]*)"', page.text)
    assert found
    return json.loads(unescape(found[1]))


@pytest.mark.usefixtures("shop")
def test_a_feed_has_the_contract_s_shape(client: TestClient) -> None:
    page = feed(client, "limit=4")
    assert len(page["videos"]) == 4
    assert (page["rooms"], page["personalized"]) == ([], False)
    for video in page["videos"]:
        assert {"id", "mp4", "hls", "poster", "captions", "duration", "segments"} <= set(video)
        assert video["language"] == "de"
        assert 12 <= video["duration"] <= 30
        at = 0.0
        for segment in video["segments"]:
            assert {"id", "clip_id", "product", "role", "start", "duration", "reason", "propensity"} <= set(segment)
            assert segment["start"] == pytest.approx(at)
            assert 0 < segment["propensity"] <= 1
            at += segment["duration"]
        assert at == pytest.approx(video["duration"])
        roles = [segment["role"] for segment in video["segments"]]
        assert roles[-2:] == ["offer", "cta"]
        assert set(video["segments"][-1]["product"]) == {"id", "title", "price", "stock"}
        assert client.get(video["poster"]).status_code == 200


@pytest.mark.usefixtures("shop")
def test_pages_follow_each_other_and_repeat_exactly(client: TestClient, services: Services) -> None:
    first = feed(client, "limit=3")
    second = feed(client, f"limit=3&after={first['cursor']}")
    assert feed(client, "limit=6")["videos"] == first["videos"] + second["videos"]
    assert feed(client, "limit=3") == first
    with services.db.reading() as tx:
        (booked,) = costs.totals(tx)
    assert (booked.kind, booked.videos) == ("assemble", 6), "what web does for the worker is on the meter"


@pytest.mark.usefixtures("shop")
def test_a_live_room_is_listed(client: TestClient, services: Services) -> None:
    with services.db.writing() as tx:
        room = demo.running_room(tx, utcnow())
        shows.set_state(tx, room, "live", utcnow())
    (listed,) = feed(client)["rooms"]
    assert (listed["id"], listed["state"], listed["url"]) == (room, "live", f"/live/{room}")


def test_an_empty_shop_has_an_empty_feed(client: TestClient) -> None:
    page = feed(client)
    assert (page["videos"], page["cursor"]) == ([], None)
    assert of_page(client)["videos"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=51", "limit=x", "limit=²", "limit=" + "9" * 5000])
def test_an_odd_limit_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/v1/feed?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


@pytest.mark.usefixtures("shop")
def test_only_operators_choose_the_seed(client: TestClient, services: Services) -> None:
    assert client.get("/v1/feed?seed=a").status_code == 403
    operator = next(each["handle"] for each in demo.catalogue()["people"] if "operator" in each["roles"])
    bearer = token_of(services, operator, "operate")

    def ids(seed: str) -> list[str]:
        page = client.get(f"/v1/feed?limit=10&seed={seed}", headers=bearer).json()
        return [segment["id"] for video in page["videos"] for segment in video["segments"]]

    assert ids("a") == ids("a")
    assert len({tuple(ids(seed)) for seed in "abcdef"}) > 1


@pytest.mark.usefixtures("shop")
def test_before_consent_nothing_is_stored_and_the_counts_say_so(client: TestClient) -> None:
    before = feed(client)
    video = before["videos"][0]
    counts = told(client, "Video Content Completed", video_id=video["id"])
    assert (counts["accepted"], counts["stored"], counts["version"]) == (1, 0, None)
    assert feed(client) == before
    assert not feed(client)["videos"][0]["liked"]


@pytest.mark.usefixtures("shop")
def test_a_message_counts_once(client: TestClient) -> None:
    agree(client)
    video = feed(client)["videos"][0]
    message = {"messageId": new_id(), "event": "Video Liked", "properties": {"video_id": video["id"]}}
    first = client.post("/v1/batch", json={"batch": [message]}).json()
    second = client.post("/v1/batch", json={"batch": [message]}).json()
    assert (first["stored"], first["duplicate"]) == (1, 0)
    assert (second["stored"], second["duplicate"]) == (0, 1)


@pytest.mark.usefixtures("shop")
def test_three_completions_raise_the_category_and_why_names_one(client: TestClient) -> None:
    agree(client)
    before = feed(client)["videos"]
    category = before[0]["product"]["category"]

    def share(videos: list[Any]) -> int:
        return sum(video["product"]["category"] == category for video in videos)

    products = list(dict.fromkeys(v["product"]["id"] for v in before if v["product"]["category"] == category))
    titles = {v["product"]["id"]: v["product"]["title"] for v in before}
    for number in range(3):
        about = products[number % len(products)]
        video = next(each for each in before if each["product"]["id"] == about)
        assert told(client, "Video Content Completed", video_id=video["id"])["version"] is not None
    after = feed(client)["videos"]
    assert share(after) >= share(before) + 2
    named = [why for video in after for why in video["why"] if why["code"] == "because-completed"]
    assert named
    assert {why["product_id"] for why in named} <= set(products)
    of_another = [why for why in named if why["about"] != "product"]
    assert all(titles[why["product_id"]] in why["text"] for why in of_another)
    assert {why["text"] for why in named if why["about"] == "product"} <= {"Das hast du bis zum Ende gesehen."}
    assert named[0]["at"]


@pytest.mark.usefixtures("shop")
def test_not_interested_in_a_brand_takes_it_away(client: TestClient) -> None:
    agree(client)
    video = feed(client)["videos"][0]
    brand = video["product"]["brand"]
    told(client, "Not Interested", video_id=video["id"], scope="brand")
    assert brand not in {each["product"]["brand"] for each in feed(client)["videos"]}


@pytest.mark.usefixtures("shop")
def test_an_order_reaches_the_feed_and_its_reasons(client: TestClient) -> None:
    agree(client)
    shown = feed(client)["videos"]
    product = shown[0]["product"]
    variant = client.get(f"/v1/products/{product['id']}").json()["variants"][0]["id"]
    told(client, "Product Added", product_id=product["id"])
    contact = {"name": "Ada", "email": "ada@example.org", "street": "Weg 1", "postcode": "20095", "city": "Hamburg"}
    body = {"items": [{"variant_id": variant, "quantity": 1}], "contact": contact}
    for status in (201, 200):
        placed = client.post("/v1/orders", json=body, headers={"Idempotency-Key": "k"})
        assert placed.status_code == status
    after = feed(client, "limit=20")["videos"]
    assert after[0]["product"]["id"] != product["id"]
    why = [(video["product"]["id"], each) for video in after for each in video["why"]]
    cited = {each["code"] for _, each in why if each.get("product_id") == product["id"]}
    assert cited == {"because-bought"}
    for shown_id, each in why:
        if each.get("product_id"):
            assert (each["about"] == "product") == (each["product_id"] == shown_id)
            assert (product["title"] in each["text"]) == (shown_id != product["id"])


@pytest.mark.usefixtures("shop")
def test_a_like_is_remembered_until_it_is_taken_back(client: TestClient) -> None:
    agree(client)
    video = feed(client)["videos"][0]["id"]
    told(client, "Video Liked", video_id=video)
    assert of_page(client, f"/feed/{video}")["videos"]
    assert _liked(client, video)
    told(client, "Video Unliked", video_id=video)
    assert not _liked(client, video)


def _liked(client: TestClient, video: str) -> bool:
    shown = {each["id"]: each["liked"] for each in of_page(client, f"/feed/{video}")["videos"]}
    return bool(shown[video])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b'{"batch": 3}', 422),
        (b"\xff", 422),
        (b'{"batch": [' + b"1," * 100 + b"1]}", 413),
        (b'{"batch": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_what_is_no_batch_is_refused(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/v1/batch", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("shop")
def test_odd_events_are_counted_and_named(client: TestClient) -> None:
    agree(client)
    good = {"messageId": "a", "event": "Cart Viewed"}
    odd = {"messageId": "b", "event": "Mind Read"}
    counts = client.post("/v1/batch", json={"batch": [good, odd, 7]}).json()
    assert (counts["accepted"], counts["rejected"]) == (1, 2)
    assert [(each["index"], each["code"]) for each in counts["rejections"]] == [
        (1, "event-unknown"),
        (2, "event-malformed"),
    ]
    assert counts["unknown"] == {"Mind Read": 1}


@pytest.mark.usefixtures("shop")
def test_the_page_begins_with_the_video_of_its_address(client: TestClient) -> None:
    page = of_page(client)
    assert len(page["videos"]) == 10
    last = page["videos"][-1]["id"]
    later = feed(client, f"limit=10&after={page['cursor']}")["videos"]
    unknown = next(each["id"] for each in later if each["id"] not in {video["id"] for video in page["videos"]})
    assert [video["id"] for video in of_page(client, f"/feed/{last}")["videos"]] == [v["id"] for v in page["videos"]]
    begun = of_page(client, f"/feed/{unknown}")["videos"]
    assert (begun[0]["id"], begun[0]["why"][0]["code"]) == (unknown, "again")
    assert 'data-gone="yes"' in client.get(f"/feed/{new_id()}").text


@pytest.mark.usefixtures("shop")
def test_a_shared_video_comes_first_for_somebody_else(client: TestClient, other: TestClient) -> None:
    agree(client)
    told(client, "Not Interested", product_id=feed(client)["videos"][0]["product"]["id"], scope="item")
    mine = feed(client, "limit=30")["videos"]
    foreign = next(each["id"] for each in mine if each["id"] not in {v["id"] for v in feed(other)["videos"]})
    link = client.post(f"/v1/videos/{foreign}/share").json()
    path = link["url"].removeprefix(ORIGIN)
    begun = of_page(other, path)["videos"]
    assert (begun[0]["id"], begun[0]["shared"], begun[0]["why"][0]["code"]) == (foreign, True, "shared")
    assert other.get(begun[0]["mp4"]).status_code == 200
    assert other.get(f"/v/{foreign}.mp4").status_code == 404
    assert of_page(other, f"/feed/{foreign}?share=1.x")["videos"][0]["id"] != foreign


@pytest.mark.usefixtures("shop")
def test_consent_is_asked_once(client: TestClient) -> None:
    assert 'id="consent"' in client.get("/feed").text
    client.put("/v1/me/consent", json={"purposes": {"personalise": False}})
    assert 'id="consent"' not in client.get("/feed").text


@pytest.mark.usefixtures("shop")
def test_personas_have_different_feeds(client: TestClient, services: Services) -> None:
    feeds = []
    for persona in demo.catalogue()["personas"]:
        page = client.get("/v1/feed?limit=10", headers=token_of(services, persona["handle"], "viewer")).json()
        assert page["personalized"]
        feeds.append([video["product"]["id"] for video in page["videos"]])
    assert len({tuple(each) for each in feeds}) == len(feeds)


@pytest.mark.usefixtures("shop")
def test_what_is_hidden_is_listed_and_shown_again(client: TestClient) -> None:
    agree(client)
    video = feed(client)["videos"][0]
    brand = video["product"]["brand"]
    told(client, "Not Interested", video_id=video["id"], scope="brand")
    told(client, "Not Interested", video_id=video["id"], scope="item")
    page = client.get("/account?lang=en").text
    assert page.count("Show again") == 2
    assert video["product"]["title"] in unescape(client.get("/account").text)
    for kind, value in (("brand", brand), ("product", video["product"]["id"]), ("brand", brand), ("odd", "")):
        answer = client.post("/account/hidden", data={"kind": kind, "value": value}, follow_redirects=False)
        assert answer.headers["location"] == "/account#privacy"
    assert "Show again" not in client.get("/account?lang=en").text
    assert brand in {each["product"]["brand"] for each in feed(client, "limit=30")["videos"]}


@pytest.mark.usefixtures("shop")
def test_the_room_that_shows_what_a_viewer_likes_comes_first(client: TestClient, services: Services) -> None:
    agree(client)
    by_category = {each["product"]["category"]: each["product"]["id"] for each in feed(client)["videos"]}
    other, liked = list(by_category.values())[:2]
    rooms = {}
    with services.db.writing() as tx:
        host = next(iter(demo.people(tx).values()))
        for product in (liked, other):
            rooms[product] = shows.plan(tx, host, product, [product], utcnow()).id
            shows.set_state(tx, rooms[product], "live", utcnow())
    for _ in range(3):
        told(client, "Product Clicked", product_id=liked)
    assert [each["id"] for each in feed(client)["rooms"]] == [rooms[liked], rooms[other]]
    told(client, "Not Interested", product_id=liked, scope="item")
    assert [each["id"] for each in feed(client)["rooms"]] == [rooms[other], rooms[liked]]
