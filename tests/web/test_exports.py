"""Exports over HTTP: who may have which file, how it is asked for, watched, downloaded and cancelled."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from storage.clock import utcnow
from storage.ids import new_id
from storage.messages import Message
from tests.web.conftest import ORIGIN
from tests.web.showing import feed, open_demo_shop, token_of
from video_assembly import downloads
from web.services import Services
from web.stream import visible_to

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shop(services: Services, demo_files: Path) -> None:
    open_demo_shop(services, demo_files)


@pytest.fixture
def stranger(app: Starlette, client: TestClient) -> TestClient:
    return TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})


def asked(client: TestClient, video_id: str, **wish: object) -> Any:
    answer = client.post(f"/v1/videos/{video_id}/export", json=wish)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/exports/{answer.json()['id']}"
    return answer.json()


def make(services: Services, export_id: str, content: bytes = b"0123456789") -> None:
    """Put a file in place as the worker does."""
    path = services.media.path(downloads.key_of(export_id))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with services.db.writing() as tx:
        assert downloads.done(tx, export_id, len(content), {"signed": False}, utcnow())


def test_a_viewer_asks_watches_and_downloads(client: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]
    found = asked(client, video["id"], form="1:1", cards=True)
    assert (found["state"], found["file"], found["form"], found["cards"]) == ("queued", None, "1:1", True)
    assert client.get(f"/v1/exports/{found['id']}/file").status_code == 409

    make(services, found["id"])

    ready = client.get(f"/v1/exports/{found['id']}").json()
    assert (ready["state"], ready["progress"], ready["bytes"]) == ("ready", 1.0, 10)
    assert ready["provenance"] == {"signed": False}
    assert ready["expires_at"] is not None
    part = client.get(ready["file"], headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-disposition"].endswith('-1x1.mp4"')
    assert part.headers["cache-control"] == "private, no-store"
    assert [each["id"] for each in client.get(f"/v1/exports?video={video['id']}").json()["items"]] == [found["id"]]
    # No key of the media folder leads there.
    assert client.get(f"/media/{downloads.key_of(found['id'])}").status_code == 404


def test_asking_again_is_the_same_file_until_it_is_over(client: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]["id"]
    first = asked(client, video)
    assert asked(client, video)["id"] == first["id"]
    assert asked(client, video, crossfades=True)["id"] != first["id"]
    make(services, first["id"])
    over = utcnow() - downloads.KEPT_FOR - timedelta(seconds=1)
    with services.db.writing() as tx:
        tx.execute(update(downloads.exports).where(downloads.exports.c.id == first["id"]).values(ended_at=over))
    assert client.get(f"/v1/exports/{first['id']}").status_code == 404
    assert client.get(f"/v1/exports/{first['id']}/file").status_code == 404
    assert asked(client, video)["id"] != first["id"]


def test_what_is_somebody_else_s_is_not_there(client: TestClient, stranger: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]["id"]
    found = asked(client, video)
    make(services, found["id"])
    feed(stranger)
    assert stranger.get(f"/v1/exports/{found['id']}").status_code == 404
    assert stranger.get(f"/v1/exports/{found['id']}/file").status_code == 404
    assert stranger.delete(f"/v1/exports/{found['id']}").status_code == 404
    assert stranger.get("/v1/exports").json()["items"] == []
    assert client.post(f"/v1/videos/{new_id()}/export", json={}).status_code == 404
    link = client.post(f"/v1/videos/{video}/share").json()["url"]
    shared = stranger.post(f"/v1/videos/{video}/export?{link.partition('?')[2]}", json={})
    assert shared.status_code in (202, 404), "a share link is for watching"
    assert (shared.status_code == 202) == (video in {each["id"] for each in feed(stranger)["videos"]})


def test_a_merchant_may_have_the_videos_of_the_own_shop(
    app: Starlette, client: TestClient, sign_in: Callable[..., str], services: Services
) -> None:
    videos = feed(client, "limit=20")["videos"]
    with services.db.reading() as tx:
        owners = {each["id"]: downloads_owner(tx, each["id"]) for each in videos}
    mine = next(iter(owners.values()))
    seller = TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})
    sign_in(seller, "merchant", merchant=mine)
    for video_id, owner in owners.items():
        expected = 202 if owner == mine else 404
        answer = seller.post(f"/v1/videos/{video_id}/export", json={})
        assert answer.status_code == expected, (owner, answer.text)
        if expected == 202:
            assert seller.delete(answer.headers["location"]).status_code == 204
    assert set(owners.values()) != {mine}, "the demo has two shops"


def downloads_owner(tx: Any, video_id: str) -> str:
    from video_assembly.recipes import by_id

    return by_id(tx, [video_id])[video_id].merchant_id


def test_cancelling_takes_the_file_along(client: TestClient, services: Services) -> None:
    found = asked(client, feed(client)["videos"][0]["id"])
    make(services, found["id"])
    assert client.delete(f"/v1/exports/{found['id']}").status_code == 204
    assert client.get(f"/v1/exports/{found['id']}").status_code == 404
    assert not services.media.exists(downloads.key_of(found["id"]))


def test_what_cannot_be_made_is_said(client: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]["id"]
    for body in ({"form": "4:3"}, {"colour": "red"}, {"cards": "perhaps"}):
        answer = client.post(f"/v1/videos/{video}/export", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    key = token_of(services, "mia", "live:publish:room")
    assert client.post(f"/v1/videos/{video}/export", json={}, headers=key).status_code == 403


def test_few_at_a_time(client: TestClient) -> None:
    first, second = (each["id"] for each in feed(client)["videos"][:2])
    for form in ("9:16", "1:1", "16:9"):
        asked(client, first, form=form)
    answer = client.post(f"/v1/videos/{second}/export", json={})
    assert answer.status_code == 429
    assert answer.headers["retry-after"]


def test_progress_is_told_to_its_person_only(client: TestClient, services: Services) -> None:
    found = asked(client, feed(client)["videos"][0]["id"])
    with services.db.writing() as tx:
        assert downloads.report(tx, found["id"], 0.5)
        told = tx.facts
    topic, fact = told[0]
    assert fact == {"id": found["id"], "state": "rendering", "progress": 0.5}
    with services.db.reading() as tx:
        owner = downloads.for_rendering(tx, found["id"])
        assert owner is not None
    message = Message("1-0", topic, fact)
    assert topic == f"export:{owner.person_id}"
    assert not visible_to(None, None)(message)
    assert client.get(f"/v1/exports/{found['id']}").json()["progress"] == 0.5
