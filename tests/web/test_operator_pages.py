"""What the operator sees and does."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from shop import merchants
from storage import accounts, jobs
from storage.clock import utcnow
from storage.ids import new_id
from video_assembly import clips
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]


def test_only_operators_come_in(client: TestClient, sign_in: SignIn) -> None:
    for roles in (("viewer",), ("merchant",), ("host",)):
        sign_in(client, *roles)
        assert client.get("/operator").status_code == 403
        assert client.post("/operator/invitations", data={"role": "operator"}).status_code == 403
    sign_in(client, "operator")
    assert client.get("/operator").status_code == 200


def test_an_invitation_opens_once_and_makes_a_merchant_with_a_shop(
    client: TestClient, services: Services, sign_in: SignIn
) -> None:
    sign_in(client, "operator")
    page = client.post("/operator/invitations", data={"role": "merchant", "note": "Kiste & Korb"}).text
    found = re.search(r"http://testserver(/welcome/[\w-]+)", page)
    assert found is not None
    assert found[1] not in client.get("/operator").text

    client.cookies.clear()
    form = {"email": "kira@example.org", "name": "Kira", "password": "a long enough sentence"}
    assert client.post(found[1], data=form, follow_redirects=False).status_code == 303
    assert client.get("/merchant").status_code == 200
    with services.db.reading() as tx:
        [kira] = [person for person in accounts.everybody(tx) if person.name == "Kira"]
        merchant_id = merchants.merchant_of(tx, kira.id)
        assert merchant_id is not None
        assert merchants.merchant_name(tx, merchant_id) == "Kiste & Korb"
    client.cookies.clear()
    assert client.post(found[1], data=form | {"email": "b@example.org"}).status_code == 404


def test_an_invitation_needs_a_role_that_is_invited_and_a_shops_name(client: TestClient, sign_in: SignIn) -> None:
    sign_in(client, "operator")
    for form in ({"role": "viewer"}, {"role": "merchant", "note": ""}, {"role": "host", "note": "x" * 81}):
        answer = client.post("/operator/invitations", data=form)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert "/welcome/" not in answer.text


def test_jobs_that_were_given_up_are_named_by_their_clip(
    client: TestClient, services: Services, sign_in: SignIn
) -> None:
    now = utcnow()
    with services.db.writing() as tx:
        shop = merchants.add_merchant(tx, "hut", "Hut")
        clip_id = new_id()
        clips.add_clip(tx, shop, clip_id=clip_id, filename="lost-in-space.mp4", size=1, now=now)
        given_up = {"state": "failed", "reason": "OSError: no such file", "attempts": 3, "ended_at": now}
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.subject_id == clip_id).values(**given_up))
    sign_in(client, "operator")
    page = client.get("/operator").text
    assert "lost-in-space.mp4" in page
    assert "OSError: no such file" in page


def test_refused_uploads_and_the_longest_wait_are_seen(client: TestClient, services: Services, sign_in: SignIn) -> None:
    now = utcnow()
    with services.db.writing() as tx:
        shop = merchants.add_merchant(tx, "hut", "Hut & Haube")
        for name, came in (("notes.txt", now), ("long-ago.txt", now - timedelta(days=8))):
            clip_id = new_id()
            clips.add_clip(tx, shop, clip_id=clip_id, filename=name, size=1, now=came)
            clips.refuse(tx, clip_id, "longest", "The clip is longer than {most} seconds.", {"most": 90})
        tx.execute(update(jobs.jobs).values(created_at=now - timedelta(hours=3)))
    sign_in(client, "operator")
    page = client.get("/operator?lang=en").text
    assert "notes.txt" in page
    assert "Hut &amp; Haube" in page
    assert "The clip is longer than 90 seconds." in page
    assert "long-ago.txt" not in page
    assert "3 hours" in page
