"""The page and the interface of the interest profile; taking one's data along and erasing it."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from shop.catalog import Product
from storage.accounts import people
from storage.clock import utcnow
from storage.ids import new_id
from web.services import Services
from web.signing import unsign

pytestmark = pytest.mark.slow


@pytest.fixture
def mug(add_product: Callable[..., Product]) -> Product:
    return add_product("mug")


def agree(client: TestClient) -> None:
    answer = {"purposes": {"personalise": True, "measure": True}, "source": "test"}
    assert client.put("/v1/me/consent", json=answer).status_code == 200


def tell(client: TestClient, event: str, **properties: Any) -> None:
    batch = {"batch": [{"messageId": new_id(), "event": event, "properties": properties}]}
    assert client.post("/v1/batch", json=batch).json()["stored"] == 1


def patch(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.patch("/v1/me/profile", json=body, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_profile_is_told_in_words_with_its_evidence(client: TestClient, mug: Product) -> None:
    agree(client)
    tell(client, "Video Liked", product_id=mug.id)
    for locale, word in (("en", "You liked this."), ("de", "Das hat dir gefallen.")):
        found = client.get(f"/v1/me/profile?lang={locale}").json()
        assert (found["personalised"], found["events"]) == (True, 1)
        by_kind = {each["kind"]: each for each in found["interests"]}
        assert by_kind.keys() == {"product", "brand", "category"}
        assert by_kind["product"]["evidence"][0]["text"] == word
        assert mug.title[-3:] in by_kind["brand"]["evidence"][0]["text"]


def test_what_somebody_cares_less_for_says_why_and_forgets_it(client: TestClient, mug: Product) -> None:
    agree(client)
    tell(client, "Video Skipped", product_id=mug.id)
    (no,) = [each for each in client.get("/v1/me/profile?lang=en").json()["interests"] if each["kind"] == "product"]
    assert no["strength"] < 0
    assert [each["text"] for each in no["evidence"]] == ["You skipped this."]
    assert patch(client, forget_events=[no["evidence"][0]["event_id"]])["interests"] == []


def test_one_pass_through_every_change(client: TestClient, mug: Product) -> None:
    agree(client)
    tell(client, "Video Liked", product_id=mug.id)
    found = patch(client, set=[{"kind": "category", "value": "kitchen", "weight": 2}], surprise=0.8, paused=True)
    kitchen = next(each for each in found["interests"] if each["kind"] == "category")
    assert (kitchen["weight"], kitchen["stated"], kitchen["evidence"][0]["text"]) == (
        2,
        True,
        "You said that you like this.",
    )
    assert (found["surprise"], found["paused"]) == (0.8, True)
    found = patch(client, undo=[found["corrections"][0]["id"]], personalised=False)
    assert (found["personalised"], found["corrections"]) == (False, [])
    found = patch(client, forget=[{"kind": "brand", "value": "Nord"}])
    assert {each["kind"] for each in found["interests"]} == {"product", "category"}


@pytest.mark.parametrize(
    "body",
    [
        {"surprise": 2},
        {"surprise": "NaN"},
        {"set": [{"kind": "category", "value": "kitchen"}]},
        {"set": [{"kind": "category", "value": "kitchen", "weight": 99}]},
        {"set": [{"kind": "person", "value": "x", "weight": 1}]},
        {"set": [{"kind": "category", "value": "no-such", "weight": 1}]},
        {"forget": [{"kind": "brand", "value": "x" * 121}]},
        {"undo": ["x"] * 21},
        {"colour": "red"},
    ],
)
def test_what_is_no_change_is_refused(client: TestClient, mug: Product, body: Any) -> None:
    agree(client)
    answer = client.patch("/v1/me/profile", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_what_others_did_is_not_found(client: TestClient, mug: Product) -> None:
    agree(client)
    tell(client, "Video Liked", product_id=mug.id)
    event = client.get("/v1/me/profile").json()["interests"][0]["evidence"][0]["event_id"]
    client.cookies.clear()
    agree(client)
    assert client.patch("/v1/me/profile", json={"forget_events": [event]}).status_code == 404


def press(client: TestClient, act: str, **fields: str) -> str:
    answer = client.post("/me/interests?lang=en", data={"act": act, **fields})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_page_does_the_same_with_plain_forms(client: TestClient, mug: Product) -> None:
    assert "There is no profile of you" in client.get("/me/interests?lang=en").text
    agree(client)
    client.cookies.set("lang", "en")
    assert "Nothing is known yet" in client.get("/me/interests").text
    page = press(client, "add", interest="category:kitchen")
    assert "Done. You will see more of this." in page
    assert "Said by you" in page
    undo = client.get("/v1/me/profile").json()["corrections"][0]["id"]
    assert undo in page
    assert "Taken back." in press(client, "undo", correction=undo)
    tell(client, "Video Liked", product_id=mug.id)
    for act, weight in (("more", 1.5), ("less", 0.5)):
        press(client, act, kind="category", value="kitchen")
        found = client.get("/v1/me/profile").json()["interests"]
        assert next(each["weight"] for each in found if each["kind"] == "category") == pytest.approx(weight, abs=0.01)
    assert "Your profile waits here." in press(client, "profiled", to="off")
    assert "Your feed follows your interests again." in press(client, "profiled", to="on")
    assert client.post("/me/interests", data={"act": "dance"}).status_code == 422


def test_everything_about_me_comes_along(client: TestClient, mug: Product) -> None:
    agree(client)
    tell(client, "Video Liked", product_id=mug.id)
    patch(client, surprise=0.9)
    answer = client.post("/v1/me/export")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert {"account.json", "shop.json", "interests.json", "videos.json", "profile.json", "README.txt"} <= held.keys()
    kept = json.loads(held["interests.json"])
    assert (len(kept["events"]), kept["choices"]["surprise"]) == (1, 0.9)
    assert len(json.loads(held["profile.json"])["interests"]) == 3


def test_erasing_me_leaves_nothing_and_gives_a_receipt(client: TestClient, services: Services, mug: Product) -> None:
    agree(client)
    tell(client, "Video Liked", product_id=mug.id)
    with services.db.reading() as tx:
        (me,) = tx.execute(select(people.c.id)).scalars()
    receipt = client.delete("/v1/me").json()
    assert receipt["rows"]["interests.events"] == 1
    said = unsign(services.settings.secret_key(), "erasure", receipt["receipt"], utcnow())
    assert said == {"erased_at": receipt["erased_at"], "digest": receipt["digest"]}
    with services.db.reading() as tx:
        assert tx.scalar(select(people.c.id).where(people.c.id == me)) is None
    assert client.get("/v1/me/profile").json()["events"] == 0


def test_the_only_operator_cannot_leave(client: TestClient, sign_in: Callable[..., str]) -> None:
    sign_in(client, "operator")
    assert client.delete("/v1/me").status_code == 409


def test_the_form_erases_too(client: TestClient, mug: Product) -> None:
    agree(client)
    page = client.post("/me/erase?lang=en")
    assert "Everything about you is erased" in page.text
