"""Feeds end to end over a real database: reactions change them, sell-outs replace, nobody sees another's."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from personalization import assortment, consent, privacy
from shop import catalog
from storage import accounts
from storage.database import Database
from storage.errors import NotFound, UserError
from tests.video_assembly.shopfront import NOW, PRODUCTS, Shopfront, add_clip, add_product, open_shopfront
from video_assembly import edits, templates, vetoes, videos
from video_assembly.templates import Template
from video_assembly.videos import FeedPage


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def share(front: Shopfront, page: FeedPage, category: str) -> int:
    return sum(PRODUCTS[name][2] == category for name in front.names(page))


def test_without_a_reaction_two_feeds_are_equal(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    front.send(front.viewer, "Video Content Started", video_id=page.videos[0].id)
    assert front.feed(front.viewer, now=NOW + timedelta(hours=1)) == page
    with front.db.reading() as tx:
        assert videos.ready(tx, front.viewer, limit=10, now=NOW) == page


def test_every_video_keeps_the_rules(front: Shopfront) -> None:
    page = front.feed(front.viewer, limit=30)
    assert [each.place for each in page.videos] == list(range(1, 31))
    for each in page.videos:
        assert 12_000 <= each.duration_ms <= 30_000
        assert sum(segment.duration_ms for segment in each.segments) == each.duration_ms
        assert [s.start_ms for s in each.segments][:2] == [0, each.segments[0].duration_ms]
        assert [segment.role for segment in each.segments][-2:] == ["offer", "cta"]
        assert {segment.product_id for segment in each.segments if segment.role != "hook"} == {each.product_id}
        assert sum(each.parts.values()) == pytest.approx(each.score)
        assert 0 < each.propensity <= 1
        assert each.reasons
        assert each.poster_key.startswith("posters/")
    names = front.names(page)
    assert all(a != b for a, b in pairwise(names))
    assert set(names) == set(PRODUCTS)


@pytest.mark.parametrize("category", ["kitchen", "living", "outdoor"])
def test_three_completions_raise_a_categorys_share_and_are_named(front: Shopfront, category: str) -> None:
    before = front.feed(front.viewer)
    ids = [each.id for each in before.videos if PRODUCTS[front.name(each.product_id)][2] == category]
    sent = []
    for number in range(3):
        at = NOW + timedelta(seconds=30 * number)
        front.send(front.viewer, "Video Content Started", at, video_id=ids[number % len(ids)])
        front.send(front.viewer, "Video Content Completed", at, video_id=ids[number % len(ids)])
    with front.db.reading() as tx:
        sent = [
            each["message_id"] for each in privacy.export(tx, front.viewer)["events"] if "Completed" in each["name"]
        ]
    after = front.feed(front.viewer, now=NOW + timedelta(minutes=2))
    assert after.version == before.version + 3
    assert share(front, after, category) - share(front, before, category) >= 2
    why = [each.reasons for each in after.videos if PRODUCTS[front.name(each.product_id)][2] == category]
    named = [reason for reasons in why for reason in reasons if reason["code"] == "because-completed"]
    assert named
    assert {reason["event_id"] for reason in named} <= set(sent)


def test_not_interested_in_a_brand_is_kept(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    norrbruk = next(each for each in page.videos if front.name(each.product_id) in ("filter", "blanket"))
    front.send(front.viewer, "Not Interested", video_id=norrbruk.id, scope="brand")
    after = front.feed(front.viewer, limit=20)
    shown = {front.name(s.product_id or "") for each in after.videos for s in each.segments}
    assert shown == {"teapot", "lamp", "rucksack", "jacket"}
    front.send(front.viewer, "Interested", product_id=norrbruk.product_id, scope="brand")
    assert front.name(norrbruk.product_id) in front.names(front.feed(front.viewer))


def test_a_product_that_comes_again_is_told_in_another_way(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    shown = [tuple(s.id for s in each.segments) for each in page.videos]
    assert len(set(shown)) == len(shown)
    watched = page.videos[0]
    front.send(front.viewer, "Video Content Started", video_id=watched.id)
    front.send(front.viewer, "Video Liked", video_id=watched.id)
    after = front.feed(front.viewer, now=NOW + timedelta(minutes=1))
    assert watched.product_id in {each.product_id for each in after.videos}
    assert watched.id not in {each.id for each in after.videos}


def test_a_brand_s_cap_holds_in_every_ten_places(front: Shopfront) -> None:
    def norrbruks(limit: int) -> list[int]:
        names = front.names(front.feed(front.viewer, limit=limit, seed="s"))
        return [n for n, name in enumerate(names) if name in ("filter", "blanket")]

    front.send(front.viewer, "Interested", product_id=front.products["filter"], scope="brand")
    assert len(norrbruks(10)) > 1
    with front.db.writing() as tx:
        capped = templates.add_template(
            tx, front.merchants["herd"], "One", Template(brand_cap=1), NOW, active=True, category="kitchen"
        )
        templates.add_template(tx, front.merchants["herd"], "All", Template(brand_cap=1), NOW, active=True)
    places = norrbruks(40)
    assert places
    assert all(b - a >= 10 for a, b in pairwise(places))
    for name in PRODUCTS:
        if name not in ("filter", "blanket"):
            front.sell_out(name)
    assert len(front.feed(front.viewer, limit=10).videos) == 10, "nothing else is left"
    assert capped.active


def test_what_was_watched_comes_again_after_some_days(front: Shopfront) -> None:
    first = next(each for each in front.feed(front.viewer).videos if front.name(each.product_id) == "lamp")
    for _ in range(3):
        front.send(front.viewer, "Video Content Started", video_id=first.id)

    def hooks(now: datetime) -> list[str]:
        page = front.feed(front.viewer, seed="s", limit=20, now=now)
        return [s.id for each in page.videos for s in each.segments if s.product_id == first.product_id]

    tired, rested = hooks(NOW + timedelta(minutes=1)), hooks(NOW + timedelta(days=12))
    seen = {each.id for each in first.segments}
    assert sum(each in seen for each in tired) < sum(each in seen for each in rested)
    assert tired, "it tires and does not run dry"


def test_a_vetoed_video_leaves_the_feed(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    one = page.videos[0]
    ids = tuple(each.id for each in one.segments)
    with front.db.writing() as tx:
        vetoes.veto(tx, one.merchant_id, one.product_id, ids, NOW)
    after = front.feed(front.viewer, limit=30)
    assert one.product_id in {each.product_id for each in after.videos}
    assert ids not in {tuple(s.id for s in each.segments) for each in after.videos}
    # The same video may stand at another place too.
    assert all(old.id in (one.id, new.id) for old, new in zip(page.videos, after.videos, strict=False))


def test_popular_needs_people(front: Shopfront) -> None:
    def codes(later: timedelta = timedelta(0)) -> set[str]:
        page = front.feed(front.viewer, seed="s", limit=20, now=NOW + timedelta(days=90) + later)
        return {reason["code"] for each in page.videos for reason in each.reasons}

    assert "popular" not in codes()
    for _ in range(12):
        front.send(front.add_viewer(), "Video Liked", product_id=front.products["lamp"])
    assert "popular" in codes(assortment.COUNTED_EVERY)


def test_nothing_left_gives_an_empty_page(front: Shopfront) -> None:
    for name in PRODUCTS:
        front.sell_out(name)
    page = front.feed(front.viewer)
    assert page.videos == ()
    assert page.cursor is None


def test_one_product_still_fills_the_feed(front: Shopfront) -> None:
    for name in [*PRODUCTS][1:]:
        front.sell_out(name)
    assert front.names(front.feed(front.viewer)) == ["filter"] * 10


def test_the_feed_goes_on_without_end(front: Shopfront) -> None:
    first = front.feed(front.viewer, limit=10)
    second = front.feed(front.viewer, limit=10, after=first.cursor)
    third = front.feed(front.viewer, limit=10, after=second.cursor)
    assert [each.place for each in third.videos] == list(range(21, 31))
    assert front.names(second)[0] != front.names(first)[-1]
    front.send(front.viewer, "Video Liked", product_id=first.videos[0].product_id)
    assert front.feed(front.viewer, after=third.cursor).videos[0].place == 1
    for odd in ("", "x", "1.", "1.-5", "1." + "9" * 40, f"{third.version}.²"):
        assert front.feed(front.viewer, after=odd).videos[0].place == 1


def test_worker_and_web_do_the_same_once(front: Shopfront) -> None:
    with front.db.writing() as tx:
        assert videos.assemble(tx, front.viewer, places=10, now=NOW, by="worker") == 10
        assert tx.facts == [(f"viewer:{front.viewer}", {"type": "feed-changed", "version": 1, "ready": True})]
    with front.db.reading() as tx:
        page = videos.ready(tx, front.viewer, limit=10, now=NOW)
    assert page is not None
    assert front.feed(front.viewer) == page
    with front.db.writing() as tx:
        assert videos.assemble(tx, front.viewer, places=10, now=NOW, by="worker") == 0
        assert tx.facts == []
    front.feed(front.viewer, limit=12)
    with front.db.reading() as tx:
        assert videos.assembly_counts(tx) == {"worker": 10, "web": 2}


def test_the_same_segments_are_the_same_video(front: Shopfront) -> None:
    other = front.add_viewer()
    ours, theirs = front.feed(front.viewer, limit=20), front.feed(other, limit=20)
    ids = {tuple(s.id for s in each.segments): each.id for each in ours.videos}
    for each in theirs.videos:
        known = ids.get(tuple(s.id for s in each.segments))
        assert known in (None, each.id)
    assert {each.id for each in ours.videos} & {each.id for each in theirs.videos}


def test_a_video_needs_a_viewer_who_was_given_it(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    stranger = front.add_viewer()
    with front.db.reading() as tx:
        given = videos.video(tx, page.videos[0].id, NOW, viewer_id=front.viewer)
        assert [each.id for each in given.sources] == [each.id for each in page.videos[0].segments]
        assert not given.sold_out
        assert videos.video(tx, page.videos[0].id, NOW, viewer_id=None) == given
        with pytest.raises(NotFound):
            videos.video(tx, page.videos[0].id, NOW, viewer_id=stranger)
        with pytest.raises(NotFound):
            videos.video(tx, "nothing", NOW, viewer_id=None)


def test_a_sold_out_product_leaves_the_feed_and_its_video_an_hour_later(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    name = front.names(page)[2]
    old = page.videos[2].id
    front.sell_out(name, NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=2)
    with front.db.reading() as tx:
        assert videos.ready(tx, front.viewer, limit=10, now=later) is None
    after = front.feed(front.viewer, now=later)
    assert name not in front.names(after)
    assert len(after.videos) == 10
    kept = [(a.place, a.id) for a, b in zip(after.videos, page.videos, strict=True) if a.id == b.id]
    unhurt = [
        (each.place, each.id)
        for each in page.videos
        if name not in {front.name(s.product_id or "") for s in each.segments}
    ]
    assert kept == unhurt
    with front.db.reading() as tx:
        assert videos.video(tx, old, NOW + timedelta(minutes=60), viewer_id=front.viewer).sold_out
        with pytest.raises(UserError) as gone:
            videos.video(tx, old, NOW + timedelta(minutes=62), viewer_id=front.viewer)
    assert (gone.value.code, gone.value.status) == ("video-gone", 410)


def test_an_unpublished_product_is_gone_at_once(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    first = page.videos[0]
    with front.db.writing() as tx:
        catalog.publish(tx, first.product_id, first.merchant_id, False)
        with pytest.raises(UserError) as gone:
            videos.video(tx, first.id, NOW, viewer_id=front.viewer)
    assert gone.value.status == 410
    assert front.name(first.product_id) not in front.names(front.feed(front.viewer))


def test_an_archived_segment_leaves_the_feed(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    taken = page.videos[0].segments[1]
    with front.db.writing() as tx:
        edits.edit_segment(tx, taken.id, page.videos[0].merchant_id, NOW, archived=True)
    after = front.feed(front.viewer, limit=20)
    assert taken.id not in {s.id for each in after.videos for s in each.segments}


def test_a_changed_role_leaves_the_feed_too(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    demo = next(s for s in page.videos[0].segments if s.role == "demo")
    with front.db.writing() as tx:
        edits.edit_segment(tx, demo.id, page.videos[0].merchant_id, NOW, role="proof")
    shown = {(s.id, s.role) for each in front.feed(front.viewer, limit=20).videos for s in each.segments}
    assert (demo.id, "demo") not in shown


def test_an_edit_is_seen_although_the_shelf_is_kept_in_memory(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    first = page.videos[0]
    with front.db.writing() as tx:
        for each in first.segments:
            if each.role in ("offer", "cta") and each.product_id == first.product_id:
                edits.edit_segment(tx, each.id, first.merchant_id, NOW, role="proof")
    stranger = front.add_viewer()
    assert first.product_id not in {each.product_id for each in front.feed(stranger, limit=20).videos}


def test_a_new_clip_reaches_the_next_feed(front: Shopfront) -> None:
    front.feed(front.viewer)
    with front.db.writing() as tx:
        new = add_product(tx, front.merchants["herd"], "kettle", "Isental", "kitchen", 9)
        add_clip(tx, front.merchants["herd"], new, ["hook", "offer", "cta"], units=3)
        half = add_product(tx, front.merchants["herd"], "cup", "Isental", "kitchen", 9)
        add_clip(tx, front.merchants["herd"], half, ["hook", "demo", "proof", "offer"], units=3)
    front.products |= {"kettle": new, "cup": half}
    front.send(front.viewer, "Video Liked", product_id=new)
    page = front.feed(front.viewer, limit=20)
    assert "kettle" in front.names(page)
    assert "cup" not in front.names(page)
    stranger = front.add_viewer()
    assert "kettle" in front.names(front.feed(stranger, limit=20))


def test_an_old_feed_is_made_anew_without_a_reaction(front: Shopfront) -> None:
    with front.db.writing() as tx:
        new = add_product(tx, front.merchants["wetter"], "tent", "Tarnholm", "outdoor", 9)
    front.products["tent"] = new
    front.feed(front.viewer, limit=20)
    with front.db.writing() as tx:
        add_clip(tx, front.merchants["wetter"], new, ["hook", "offer", "cta"], units=3)
    assert "tent" not in front.names(front.feed(front.viewer, limit=20))
    tomorrow = NOW + timedelta(hours=13)
    page = front.feed(front.viewer, limit=20, now=tomorrow)
    assert "tent" in front.names(page)
    assert page == front.feed(front.viewer, limit=20, now=tomorrow)


def test_the_viewers_language_is_chosen_where_there_is_a_choice(front: Shopfront) -> None:
    with front.db.writing() as tx:
        english = add_clip(
            tx,
            front.merchants["herd"],
            front.products["lamp"],
            ["hook", "demo", "proof", "offer", "cta"],
            language="en",
            salt="en",
        )
    reader = front.add_viewer(locale="en")
    for viewer, spoken in ((reader, True), (front.viewer, False)):
        page = front.feed(viewer, limit=20)
        lamps = [each for each in page.videos if front.name(each.product_id) == "lamp"]
        assert lamps
        for each in lamps:
            assert {s.id in english for s in each.segments if s.product_id == each.product_id} == {spoken}


def test_without_consent_all_viewers_get_the_days_feed(front: Shopfront) -> None:
    asked_nothing, said_no = front.add_viewer(personalise=False), front.add_viewer(personalise=False)
    one, two = front.feed(asked_nothing), front.feed(said_no)
    assert one == two
    assert not one.profiled
    counts = front.send(said_no, "Not Interested", product_id=front.products["lamp"], scope="item")
    assert counts.stored == 0
    assert front.feed(said_no) == two
    tomorrow = front.feed(said_no, now=NOW + timedelta(days=1))
    assert tomorrow.version == two.version - 1


def test_taking_consent_back_changes_the_feed_at_once(front: Shopfront) -> None:
    for _ in range(3):
        front.send(front.viewer, "Product Added", product_id=front.products["lamp"])
    mine = front.feed(front.viewer)
    with front.db.writing() as tx:
        consent.put(tx, front.viewer, personalise=False, measure=False, text_version="1", source="test", now=NOW)
    off = front.feed(front.viewer)
    assert off == front.feed(front.add_viewer(personalise=False))
    assert off != mine
    with front.db.reading() as tx:
        assert privacy.export(tx, front.viewer)["events"] == []


def test_a_given_seed_is_repeatable_and_kept_for_nobody(front: Shopfront) -> None:
    one, two = front.feed(front.viewer, seed="a"), front.feed(front.viewer, seed="a")
    assert one == two
    with front.db.reading() as tx:
        assert videos.ready(tx, front.viewer, limit=10, now=NOW) is None
        assert videos.assembly_counts(tx) == {"worker": 0, "web": 0}


def test_export_and_erase(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    front.sell_out(front.names(page)[0])
    front.feed(front.viewer)
    with front.db.writing() as tx:
        held = videos.export(tx, front.viewer)
        assert len(held["slots"]) == 10
        assert held["replaced_slots"]
        videos.erase(tx, front.viewer)
        assert videos.export(tx, front.viewer) == {"slots": [], "replaced_slots": []}


def test_nothing_is_put_together_for_somebody_who_was_erased(front: Shopfront) -> None:
    with front.db.writing() as tx:
        for erase in (videos.erase, privacy.erase, accounts.erase):
            erase(tx, front.viewer)
        assert videos.assemble(tx, front.viewer, now=NOW) == 0


def test_worker_and_web_at_once_fill_each_place_once(front: Shopfront) -> None:
    def fill(by: str) -> int:
        with front.db.writing() as tx:
            return videos.assemble(tx, front.viewer, now=NOW, by=by)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(fill, ["worker", "web", "worker", "web"])) == [0, 0, 0, 10]
