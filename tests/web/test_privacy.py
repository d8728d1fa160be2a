"""Consent: asked, given, withdrawn."""

from pathlib import Path

from sqlalchemy import func, select
from starlette.testclient import TestClient

from personalization import log
from tests.web.showing import agree, feed, open_demo_shop, told
from video_assembly import slots
from web.services import Services

PATH = "/v1/me/consent"


def test_before_an_answer_nothing_is_agreed_to(client: TestClient) -> None:
    assert client.get(PATH).json() == {"asked": False, "purposes": {"personalise": False, "measure": False}}


def test_what_is_left_out_stays(client: TestClient) -> None:
    client.put(PATH, json={"purposes": {"measure": True}})
    answer = client.put(PATH, json={"purposes": {"personalise": True}}).json()
    assert answer == {"asked": True, "purposes": {"personalise": True, "measure": True}}
    assert client.get(PATH).json() == answer


def test_a_no_is_an_answer(client: TestClient) -> None:
    client.put(PATH, json={"purposes": {"personalise": False}})
    assert client.get(PATH).json()["asked"] is True


def test_withdrawing_deletes_what_was_learnt(client: TestClient, services: Services, demo_files: Path) -> None:
    open_demo_shop(services, demo_files)
    agree(client)
    video = feed(client)["videos"][0]["id"]
    told(client, "Video Liked", video_id=video)

    def kept() -> int:
        with services.db.reading() as tx:
            return int(tx.scalar(select(func.count()).where(log.events.c.video_id == video)))

    def explained() -> int:
        with services.db.reading() as tx:
            return int(tx.scalar(select(func.count()).where(slots.slots.c.profile_version >= 0)))

    assert (kept(), feed(client)["personalized"], explained() > 0) == (1, True, True)
    client.put(PATH, json={"purposes": {"personalise": False}})
    # why each video was chosen tells what was learnt; who has one open may go on
    assert (kept(), explained(), client.get(f"/v/{video}.mp4").status_code) == (0, 0, 200)
    assert feed(client)["personalized"] is False


def test_odd_answers_are_refused(client: TestClient) -> None:
    for body in (
        {},
        {"purposes": {"spy": True}},
        {"purposes": {}, "source": "<b>"},
        {"purposes": {"measure": "maybe"}},
    ):
        assert client.put(PATH, json=body).status_code == 422, body
    assert client.put(PATH, json={"purposes": {}}, headers={"Origin": "http://evil"}).status_code == 403


def test_the_account_page_shows_the_switches(client: TestClient) -> None:
    agree(client)
    page = client.get("/account?lang=en").text
    personal = page[page.index('data-purpose="personalise"') :]
    assert "checked" in personal[: personal.index(">")]
    counted = page[page.index('data-purpose="measure"') :]
    assert "checked" not in counted[: counted.index(">")]
    assert "You are here as a guest" in page
    assert "Du bist als Gast hier" in client.get("/account?lang=de").text
