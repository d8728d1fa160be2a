"""Personal segments in videos: put in when they are ready, left out when not, gone when they hold no longer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from personalization import consent
from shop import catalog, shows
from storage import accounts, costs, jobs
from storage.costs import Spent, Tally
from storage.database import Database
from storage.jobs import Claim
from tests.video_assembly.shopfront import NOW, Shopfront, open_shopfront
from video_assembly import inserts, personal, templates, videos
from video_assembly.personal import Drawn, Switches, personal_segments
from video_assembly.slots import slots
from video_assembly.templates import Template
from video_assembly.videos import FeedVideo

pytestmark = pytest.mark.slow

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def allow(front: Shopfront, *, prices: bool = True, names: bool = False, countdowns: bool = False) -> None:
    with front.db.writing() as tx:
        for merchant_id in front.merchants.values():
            personal.allow(tx, merchant_id, Switches(prices, names, countdowns))


def worked(front: Shopfront, viewer: str, now: Any = NOW) -> list[FeedVideo]:
    """The viewer's videos after the worker was there."""
    with front.db.writing() as tx:
        videos.assemble(tx, viewer, now=now, by="worker")
        return list(videos.feed(tx, viewer, limit=10, now=now).videos)


def afresh(front: Shopfront, viewer: str) -> None:
    """Empty the viewer's places, as a reaction does."""
    with front.db.writing() as tx:
        tx.execute(slots.delete().where(slots.c.viewer_id == viewer))


def queued(front: Shopfront) -> list[str]:
    with front.db.reading() as tx:
        rows = select(jobs.jobs.c.subject_id).where(jobs.jobs.c.kind == personal.JOB)
        return list(tx.execute(rows).scalars())


def draw(front: Shopfront, *, init: str = "init") -> None:
    """What the worker writes when it has drawn everything that is queued."""
    with front.db.writing() as tx:
        for segment_id in queued(front):
            assert personal.for_drawing(tx, segment_id) is not None
            name = segment_id.replace("-", "")
            assert personal.done(tx, segment_id, Drawn(name, b"i", init, f"{name}s", b"s", "small", 2, 3200, 900))


def roles(video: FeedVideo) -> list[str]:
    return [each.role for each in video.segments]


def account(front: Shopfront, name: str) -> str:
    viewer = front.add_viewer()
    with front.db.writing() as tx:
        accounts.sign_up(tx, f"{name}@example.org", name, "!", "de", NOW, guest_id=viewer)
    return viewer


def test_nothing_is_made_where_nobody_wants_it(front: Shopfront) -> None:
    assert all(set(roles(each)) <= {"hook", "demo", "proof", "offer", "cta"} for each in worked(front, front.viewer))
    assert queued(front) == []


def test_a_video_never_waits_and_has_the_price_once_it_is_drawn(front: Shopfront) -> None:
    allow(front)
    assert not any("price" in roles(each) for each in worked(front, front.viewer))
    assert len(queued(front)) == len(front.products), "one a product and language, whoever asks"
    draw(front)
    assert not any("price" in roles(each) for each in worked(front, front.viewer)), "a filled place stays"

    afresh(front, front.viewer)
    with_price = worked(front, front.viewer)
    assert with_price
    for video in with_price:
        assert roles(video)[-3:] == ["offer", "price", "cta"]
        assert video.duration_ms == sum(each.duration_ms for each in video.segments)
        card = video.segments[-2]
        assert (card.product_id, card.reason) == (video.product_id, "price-now")
        with front.db.reading() as tx:
            sources = videos.video(tx, video.id, NOW, viewer_id=front.viewer).sources
            assert sources[-2].digest == card.id.replace("-", "")
            assert videos.subjects(tx, [], [card.id]) == {card.id: video.product_id}
    assert len(queued(front)) == len(front.products), "drawn once, used again"


def test_a_template_without_personal_segments_keeps_them_out_of_its_videos(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front)
    herd = front.merchants["herd"]
    with front.db.writing() as tx:
        templates.add_template(tx, herd, "Plain", Template(personal=False), NOW, active=True)
    afresh(front, front.viewer)
    made = worked(front, front.viewer)
    assert {("price" in roles(each), each.merchant_id == herd) for each in made} == {(True, False), (False, True)}


def test_web_in_a_request_makes_none(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front)
    other = front.add_viewer()
    assert not any("price" in roles(each) for each in front.feed(other).videos)


def test_another_encoder_s_segments_are_left_out(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front, init="other")
    afresh(front, front.viewer)
    assert not any("price" in roles(each) for each in worked(front, front.viewer))


def test_a_new_price_is_in_no_feed_beside_the_old_one(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front)
    afresh(front, front.viewer)
    before = worked(front, front.viewer)
    dearer = before[0].product_id
    with front.db.writing() as tx:
        tx.execute(update(catalog.variants).where(catalog.variants.c.product_id == dearer).values(price=2990))

    with front.db.reading() as tx:
        assert videos.ready(tx, front.viewer, limit=10, now=LATER) is None
    after = {each.place: each for each in worked(front, front.viewer, LATER)}
    assert not any("price" in roles(each) for each in after.values() if each.product_id == dearer)
    for video in before:
        if video.product_id == dearer:
            with front.db.reading() as tx:
                assert videos.video(tx, video.id, LATER, viewer_id=front.viewer), "who has it open may go on"
        else:
            assert after[video.place].id == video.id, "a filled place stays"
    draw_new = [each for each in queued(front) if state_of(front, each) == "queued"]
    assert len(draw_new) == 1, "the new price is drawn for the next time"

    with front.db.writing() as tx:
        assert personal.retire(tx, LATER) == []
        gone = personal.retire(tx, LATER + personal.GRACE + timedelta(seconds=1))
        old = next(each for each in before if each.product_id == dearer).segments[-2].id.replace("-", "")
        assert set(gone) == {*personal.keys_of(old), *personal.keys_of(f"{old}s")}


def state_of(front: Shopfront, segment_id: str) -> str:
    with front.db.reading() as tx:
        return str(tx.scalar(select(personal_segments.c.state).where(personal_segments.c.id == segment_id)))


def test_a_countdown_holds_as_long_as_its_show_is_so_far_away(front: Shopfront) -> None:
    allow(front, prices=False, countdowns=True)
    lamp = front.products["lamp"]
    with front.db.writing() as tx:
        host = accounts.sign_up(tx, "host@example.org", "Ida", "!", "de", NOW)
        show = shows.plan(tx, host, "Licht", [lamp], NOW, scheduled_for=NOW + timedelta(days=3))
        shows.plan(tx, host, "Später", [lamp], NOW, scheduled_for=NOW + timedelta(days=5))
    worked(front, front.viewer)
    with front.db.reading() as tx:
        (row,) = tx.all(select(personal_segments))
    assert (row.kind, row.product_id, row.content["headline"], row.content["value"]) == (
        "countdown",
        lamp,
        "Licht",
        "in 3 Tagen",
    )
    draw(front)
    afresh(front, front.viewer)

    def counted(now: Any) -> set[str]:
        return {each.product_id for each in worked(front, front.viewer, now) if "countdown" in roles(each)}

    made = worked(front, front.viewer)
    about = next(each for each in made if "countdown" in roles(each))
    assert (about.product_id, roles(about)[-3:], about.segments[-2].reason) == (
        lamp,
        ["offer", "countdown", "cta"],
        "show-soon",
    )
    assert counted(NOW + timedelta(hours=11)) == {lamp}
    assert counted(NOW + timedelta(hours=13)) == set(), "two and a half days are two"
    with front.db.writing() as tx:
        personal.retire(tx, NOW + timedelta(hours=13))
        shows.set_state(tx, show.id, "cancelled", NOW)
        inserts.prepare(tx, [lamp], NOW)
        said = {each.content["value"]: each.content["headline"] for each in tx.all(select(personal_segments))}
    assert said["in 5 Tagen"] == "Später", "the next one that is planned"


def test_switched_off_it_is_gone_at_once(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front)
    afresh(front, front.viewer)
    assert any("price" in roles(each) for each in worked(front, front.viewer))
    allow(front, prices=False)
    assert not any("price" in roles(each) for each in worked(front, front.viewer, LATER))


def test_a_name_is_for_who_has_one_and_agrees(front: Shopfront) -> None:
    allow(front, prices=False, names=True)
    guest, ada, bob = front.viewer, account(front, "Ada Maria"), account(front, "Bob")
    with front.db.writing() as tx:
        consent.put(tx, bob, personalise=False, measure=False, text_version="1", source="test", now=NOW)
    for viewer in (guest, ada, bob):
        worked(front, viewer)
    assert len(queued(front)) == 1
    draw(front)
    for viewer in (guest, ada, bob):
        afresh(front, viewer)
    feeds = {viewer: worked(front, viewer) for viewer in (guest, ada, bob)}
    assert roles(feeds[ada][0])[0] == "name"
    assert not any("name" in roles(each) for each in [*feeds[ada][1:], *feeds[guest], *feeds[bob]])
    with front.db.writing() as tx:
        assert [each["content"]["headline"] for each in personal.export(tx, ada)] == ["Für dich, Ada"]
        recipe = videos.video(tx, feeds[ada][0].id, NOW, viewer_id=ada).recipe
        given = videos.shareable(tx, recipe, NOW)
        assert given.id != recipe.id
        assert [each.role for each in given.ingredients] == [each.role for each in recipe.ingredients][1:]
        assert videos.shareable(tx, given, NOW) == given
        consent.put(tx, ada, personalise=False, measure=False, text_version="1", source="test", now=LATER)
        name = recipe.ingredients[0].id.replace("-", "")
        assert set(personal.retire(tx, LATER)) >= set(personal.keys_of(name)), "no grace for a name"


def test_erasure_takes_the_name_out_at_once_and_its_files_with_the_next_sweep(front: Shopfront) -> None:
    allow(front, prices=False, names=True)
    ada = account(front, "Ada")
    worked(front, ada)
    draw(front)
    with front.db.writing() as tx:
        personal.erase(tx, ada)
        assert personal.export(tx, ada) == []
        assert [row.content for row in tx.all(select(personal_segments))] == [{}]
        assert personal.retire(tx, NOW)
        assert tx.all(select(personal_segments)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("Ada Maria", "Für dich, Ada"), ("Jean-Luc", "Für dich, Jean-Luc"), ("", None), ("4711", None), ("x" * 30, None)],
)
def test_only_names_are_names(name: str, said: str | None) -> None:
    wish = inserts.greeting_of("v", name, "de")
    assert (wish and wish.content.headline) == said


def test_different_prices_are_said_to_begin_somewhere(front: Shopfront) -> None:
    with front.db.reading() as tx:
        product = catalog.product(tx, front.products["lamp"], "de")
    assert inserts.price_of(product, "de").content.value == "24,90\xa0€"
    small = replace(product.variants[0], id="s", price=replace(product.price, amount=1990))
    assert (
        inserts.price_of(replace(product, variants=(*product.variants, small)), "de").content.value == "ab 19,90\xa0€"
    )
    assert inserts.price_of(product, "en").digest != inserts.price_of(product, "de").digest


def spend(front: Shopfront, kind: str, cpu: float, made: int) -> None:
    with front.db.writing() as tx:
        held = Claim("none", kind, "k", "s", 1, 1)
        costs.book(tx, held, Spent(cpu, 0, 0), Tally(0, made), 10.0, NOW)


def test_a_budget_goes_from_personal_to_stitched_to_whole_clips(front: Shopfront) -> None:
    allow(front)
    worked(front, front.viewer)
    draw(front)
    spend(front, "assemble", 36.0, 100)  # 1 Wh for a thousand videos
    spend(front, "personal", 72.0, 0)  # 2 Wh more
    kinds = {}
    for watt_hours in (4.0, 2.0, 0.5, None):
        with front.db.writing() as tx:
            costs.set_budget(tx, watt_hours, NOW)
        afresh(front, front.viewer)
        kinds[watt_hours] = worked(front, front.viewer)
    assert all("price" in roles(each) for each in kinds[4.0])
    assert all("price" in roles(each) for each in kinds[None])
    assert not any("price" in roles(each) for each in kinds[2.0] + kinds[0.5])
    for video in kinds[0.5]:
        assert len({each.clip_id for each in video.segments}) == 1
        assert [each.reason for each in video.segments] == ["whole-clip"] * len(video.segments)
    assert not any(each.reason == "whole-clip" for video in kinds[2.0] for each in video.segments)
