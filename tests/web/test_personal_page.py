"""The merchant's page about personal segments: switched on, what is drawn is queued; a new price is drawn anew."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient

from storage import jobs
from storage.clock import utcnow
from video_assembly import inserts, personal
from video_assembly.personal import Drawn, Switches, personal_segments
from web.services import Services

PAGE = "/merchant/personal"


def waiting(services: Services) -> list[str]:
    with services.db.reading() as tx:
        rows = select(jobs.jobs.c.subject_id).where(jobs.jobs.c.kind == personal.JOB)
        return list(tx.execute(rows).scalars())


def test_only_merchants_come_in(client: TestClient, sign_in: Callable[..., str]) -> None:
    sign_in(client, "host")
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, data={"prices": "on"}).status_code == 403


def test_prices_are_drawn_as_soon_as_they_are_wanted(
    merchant: TestClient, services: Services, add_product: Callable[..., Any], shop_id: str
) -> None:
    product = add_product()
    assert 'name="prices" checked' not in merchant.get(PAGE).text
    assert waiting(services) == []

    assert merchant.post(PAGE, data={"prices": "on"}, follow_redirects=False).status_code == 303
    queued = waiting(services)
    assert len(queued) == 2, "one in each language"
    page = merchant.get(PAGE).text
    assert page.count('data-state="queued"') == 2
    assert 'name="prices" checked' in page
    assert 'name="names" checked' not in page

    with services.db.writing() as tx:
        assert personal.done(tx, queued[0], Drawn("d" * 64, b"i", "init", "e" * 64, b"s", "small", 2, 3200, 9))
    page = merchant.get(PAGE).text
    assert f"/media/posters/{'d' * 64}.jpg" in page
    assert page.count('data-state="ready"') == 1

    with services.db.writing() as tx:
        assert inserts.prepare(tx, [product.id], utcnow()) == 1, "what is drawn is not drawn again"
    assert len(waiting(services)) == 2

    merchant.post(PAGE, data={})
    with services.db.reading() as tx:
        assert personal.allowed(tx, [shop_id]) == {shop_id: Switches()}
        ids = list(tx.execute(select(personal_segments.c.id)).scalars())
        assert personal.holding(tx, ids, utcnow()) == {}
    assert "personal-cards" not in merchant.get(PAGE).text
