"""Shows: a fixed table of states, one pin at a time, the host alone decides."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from shop import catalog, shows
from storage.errors import Conflict, Forbidden, NotFound, UserError


def plan(shop, **more) -> shows.Show:
    with shop.db.writing() as tx:
        return shows.plan(tx, shop.host, " Sonntags  mit Lena ", [shop.filter, shop.kettle], shop.now, **more)


def test_planning(shop) -> None:
    now, later = plan(shop), plan(shop, scheduled_for=shop.now + timedelta(days=1), language="en")
    assert (now.state, now.title, now.host) == ("lobby", "Sonntags mit Lena", "Lena")
    assert now.product_ids == (shop.filter, shop.kettle)
    assert (later.state, later.scheduled_for, later.language) == ("scheduled", shop.now + timedelta(days=1), "en")
    with shop.db.reading() as tx:
        assert shows.list_shows(tx) == [later, now]
        assert shows.list_shows(tx, states=["lobby"], host_id=shop.host) == [now]
        assert shows.list_shows(tx, host_id=shop.viewer) == []
        with pytest.raises(NotFound):
            shows.show(tx, "nothing")


@pytest.mark.parametrize(
    ("title", "products", "minutes", "code"),
    [
        ("  ", "filter", None, "title"),
        ("x" * 121, "filter", None, "title"),
        ("Show", "", None, "products"),
        ("Show", "filter", 0, "past"),
        ("Show", "unknown", None, "product-unknown"),
        ("Show", "draft", None, "product-unknown"),
    ],
)
def test_bad_plans(shop, title: str, products: str, minutes: int | None, code: str) -> None:
    ids = {"filter": [shop.filter], "": [], "unknown": [shop.filter, "x"], "draft": [shop.jacket]}[products]
    with shop.db.writing() as tx:
        catalog.publish(tx, shop.jacket, shop.wetter, False)
        at = None if minutes is None else shop.now + timedelta(minutes=minutes)
        with pytest.raises(UserError) as caught:
            shows.plan(tx, shop.host, title, ids, shop.now, scheduled_for=at)
    assert caught.value.code == code


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(st.sampled_from(sorted(shows.TRANSITIONS)), max_size=8), planned=st.booleans())
def test_states_follow_the_table(shop, path: list[str], planned: bool) -> None:
    show = plan(shop, scheduled_for=shop.now + timedelta(hours=1) if planned else None)
    state, went_live = show.state, False
    with shop.db.writing() as tx:
        for wanted in path:
            told = len(tx.facts)
            if wanted == state or wanted in shows.TRANSITIONS[state]:
                assert shows.set_state(tx, show.id, wanted, shop.now).state == wanted
                news = (
                    []
                    if wanted == state
                    else [("room:" + show.id, {"type": "state", "room": show.id, "state": wanted})]
                )
                assert tx.facts[told:] == news
                state = wanted
                went_live = went_live or state == "live"
            else:
                with pytest.raises(Conflict):
                    shows.set_state(tx, show.id, wanted, shop.now)
                assert len(tx.facts) == told
        after = shows.show(tx, show.id)
    assert (after.started_at is not None) == went_live
    assert (after.ended_at is not None) == after.over == (state in ("ended", "cancelled"))


def test_pins_replace_one_another(shop) -> None:
    show = plan(shop)
    room = f"room:{show.id}"
    with shop.db.writing() as tx:
        assert shows.pin(tx, show.id, shop.filter, shop.host, shop.now).pinned == shop.filter
        shows.pin(tx, show.id, shop.filter, shop.host, shop.now)
        after = shows.pin(tx, show.id, shop.jacket, shop.host, shop.now)
        assert after.pinned == shop.jacket
        assert after.product_ids == (shop.filter, shop.kettle, shop.jacket), "what was not planned joins the list"
        shows.unpin(tx, show.id, shop.filter, shop.host, shop.now)
        assert shows.show(tx, show.id).pinned == shop.jacket
        assert shows.unpin(tx, show.id, shop.jacket, shop.host, shop.now).pinned is None
    assert [(topic, fact["type"], fact["product_id"]) for topic, fact in tx.facts] == [
        (room, "pin", shop.filter),
        (room, "pin", shop.jacket),
        (room, "unpin", shop.jacket),
    ]


def test_who_may_pin_and_what(shop) -> None:
    show = plan(shop)
    with shop.db.writing() as tx:
        with pytest.raises(Forbidden):
            shows.pin(tx, show.id, shop.filter, shop.viewer, shop.now)
        with pytest.raises(Forbidden):
            shows.unpin(tx, show.id, shop.filter, shop.viewer, shop.now)
        with pytest.raises(NotFound):
            shows.pin(tx, show.id, "nothing", shop.host, shop.now)
        with pytest.raises(NotFound):
            shows.pin(tx, "nothing", shop.filter, shop.host, shop.now)
        shows.pin(tx, show.id, shop.filter, shop.host, shop.now)
        assert shows.set_state(tx, show.id, "cancelled", shop.now).pinned is None
        with pytest.raises(Conflict):
            shows.pin(tx, show.id, shop.filter, shop.host, shop.now)


def test_the_database_holds_one_pin_at_a_time(shop) -> None:
    show = plan(shop)
    two = [
        {"id": each, "show_id": show.id, "product_id": each, "pinned_at": shop.now}
        for each in (shop.filter, shop.kettle)
    ]
    with pytest.raises(IntegrityError), shop.db.writing() as tx:
        tx.execute(shows.pins.insert(), two)


def test_erasing_a_host_ends_what_runs(shop) -> None:
    running, over = plan(shop), plan(shop)
    with shop.db.writing() as tx:
        shows.set_state(tx, over.id, "cancelled", shop.now)
        shows.pin(tx, running.id, shop.filter, shop.host, shop.now)
        assert [each["title"] for each in shows.export(tx, shop.host)] == ["Sonntags mit Lena"] * 2
    with shop.db.writing() as tx:
        shows.erase(tx, shop.host)
        assert shows.export(tx, shop.host) == []
        for table in (shows.shows, shows.show_products, shows.pins):
            assert tx.scalar(select(func.count()).select_from(table)) == 0
    assert tx.facts == [(f"room:{running.id}", {"type": "state", "room": running.id, "state": "ended"})]
