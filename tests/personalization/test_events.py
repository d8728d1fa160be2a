"""Ingest: what is accepted, counted once, clamped, looked up, and absorbed in the same transaction."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from personalization import events, log, memory, privacy, rates
from personalization.profile import rebuild
from storage import jobs
from storage.errors import UserError
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene


def message(event: str, **properties: Any) -> dict[str, Any]:
    return {"messageId": new_id(), "event": event, "properties": properties, "type": "track", "context": {"x": 1}}


def test_a_reaction_changes_log_profile_jobs_and_pages_together(scene: Scene) -> None:
    with scene.db.writing() as tx:
        counts = events.ingest(
            tx,
            scene.viewer,
            events.check([message("Video Liked", product_id=scene.lamp)]),
            NOW,
            lambda tx, videos, segments: {},
        )
        version = counts.version
        assert version == memory.version(tx, scene.viewer)
        assert tx.facts == [(f"viewer:{scene.viewer}", {"type": "feed-changed", "version": version, "ready": False})]
        assert [kind for kind, _ in tx.rings] == ["assemble"]
        assert jobs.states(tx, "assemble")[f"{scene.viewer}:{version}"] == "queued"
    assert (counts.accepted, counts.stored, counts.duplicate, counts.rejected) == (1, 1, 0, 0)
    with scene.db.reading() as tx:
        assert memory.load(tx, scene.viewer)[0] == rebuild(log.read(tx, scene.viewer))


def test_what_is_no_reaction_raises_no_version(scene: Scene) -> None:
    with scene.db.reading() as tx:
        before = memory.version(tx, scene.viewer)
    counts = scene.ingest(
        message("Video Content Started", video_id="v-lamp"),
        message("Video Content Playing", video_id="v-lamp", position=10.5),
        message("Video Reason Viewed", video_id="v-lamp"),
    )
    assert (counts.stored, counts.version) == (3, before)
    with scene.db.reading() as tx:
        assert memory.load(tx, scene.viewer)[0].seen[scene.lamp].times == 1
        assert log.recent_videos(tx, scene.viewer, 5) == ["v-lamp"]


def test_a_message_counts_once(scene: Scene) -> None:
    like = message("Video Liked", video_id="v-lamp")
    first = scene.ingest(like, like)
    again = scene.ingest(like)
    assert (first.accepted, first.stored, first.duplicate) == (2, 1, 1)
    assert (again.accepted, again.stored, again.duplicate) == (1, 0, 1)
    assert again.version is None
    other = scene.add_viewer()
    scene.consent(True, True, other)
    assert scene.ingest(like, viewer=other).stored == 1


def test_an_order_counts_once_however_it_is_told(scene: Scene) -> None:
    products = [{"product_id": scene.lamp, "price": 1}, {"product_id": scene.jacket}]
    order_id = scene.order(scene.lamp, scene.jacket)
    order = message("Order Completed", order_id=order_id, products=products, revenue=12.5)
    assert scene.ingest(order).stored == 1
    assert scene.ingest(message("Order Completed", order_id=order_id, products=products)).duplicate == 1
    with scene.db.reading() as tx:
        rows = privacy.export(tx, scene.viewer)["events"]
        assert [(row["product_id"], row["part"]) for row in rows] == [(scene.lamp, 0), (scene.jacket, 1)]
        assert rates.current(tx).by_product.keys() == {scene.lamp, scene.jacket}


def test_a_purchase_is_read_from_the_books_and_not_believed(scene: Scene) -> None:
    products = [{"product_id": scene.jacket}]
    invented = scene.ingest(message("Order Completed", order_id="o1", products=products))
    assert [each.code for each in invented.rejections] == ["order-unknown"]
    nameless = scene.ingest(message("Order Completed", products=products))
    assert [each.code for each in nameless.rejections] == ["order-missing"]
    order_id = scene.order(scene.lamp)
    other = scene.add_viewer()
    scene.consent(True, True, other)
    theirs = scene.ingest(message("Order Completed", order_id=order_id, products=products), viewer=other)
    assert [each.code for each in theirs.rejections] == ["order-unknown"]
    # What was refused before there was an order does not keep it from counting, with what was bought.
    assert scene.ingest(message("Order Completed", order_id=order_id, products=products)).stored == 1
    with scene.db.reading() as tx:
        profile, _ = memory.load(tx, scene.viewer)
        assert {value for kind, value in profile.tastes if kind == "product"} == {scene.lamp}
        assert rates.current(tx).by_product.keys() == {scene.lamp}


def test_what_an_event_is_about_is_looked_up_here(scene: Scene) -> None:
    scene.ingest(
        message("Video Liked", video_id="v-lamp", product_id=scene.jacket, brand="Mine", category="mine"),
        message("Video Liked", segment_id="s-jacket"),
    )
    with scene.db.reading() as tx:
        one, two = log.read(tx, scene.viewer)
    assert (one.product_id, one.brand, one.category, one.merchant_id, one.video_id) == (
        scene.lamp,
        "Lichtfuge",
        "living",
        scene.merchant,
        "v-lamp",
    )
    assert (two.product_id, two.segment_id) == (scene.jacket, "s-jacket")


def test_times_are_clamped(scene: Scene) -> None:
    for stamp in ("9999-12-31T23:59:59-14:00", "1999-01-01T00:00:00+02:00", "2026-11-20T12:00:00+01:00"):
        scene.ingest({**message("Video Liked", video_id="v-lamp"), "timestamp": stamp})
    scene.ingest(message("Video Liked", video_id="v-lamp"))
    with scene.db.reading() as tx:
        times = [each.at for each in log.read(tx, scene.viewer)]
    assert times == [NOW, NOW - timedelta(days=30), NOW - timedelta(days=2, hours=1), NOW]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (17, "event-malformed"),
        ({}, "event-malformed"),
        ({"messageId": "a" * 101, "event": "Video Liked"}, "event-malformed"),
        ({"messageId": "m", "event": "Video Liked", "properties": []}, "event-malformed"),
        ({"messageId": "m", "event": "Video Liked", "properties": {"watched_ms": -1}}, "event-malformed"),
        ({"messageId": "m", "event": "Video Liked", "timestamp": "yesterday"}, "event-malformed"),
        ({"messageId": "m", "event": "Video Liked", "timestamp": "2026-11-20T12:00:00"}, "event-malformed"),
        ({"messageId": "m\x00", "event": "Video Liked"}, "event-malformed"),
        ({"messageId": "m\ud800", "event": "Video Liked"}, "event-malformed"),
        ({"messageId": "m", "event": "Video Liked", "properties": {"video_id": "\ud800"}}, "event-malformed"),
        ({"messageId": "m", "event": "Video Exploded"}, "event-unknown"),
        ({"messageId": "m", "event": "Video Liked"}, "subject-missing"),
        ({"messageId": "m", "event": "Not Interested", "properties": {"video_id": "v-lamp"}}, "scope-missing"),
        ({"messageId": "m", "event": "Video Liked", "properties": {"video_id": "nothing"}}, "subject-unknown"),
        ({"messageId": "m", "event": "Video Liked", "properties": {"segment_id": "s-category"}}, "subject-unknown"),
    ],
)
def test_a_bad_event_is_rejected_alone(scene: Scene, bad: Any, code: str) -> None:
    counts = scene.ingest(message("Video Liked", video_id="v-lamp"), bad, message("Product Clicked", video_id="v-lamp"))
    assert (counts.accepted, counts.stored, counts.rejected) == (2, 2, 1)
    assert [(each.index, each.code) for each in counts.rejections] == [(1, code)]
    assert counts.unknown == ({"Video Exploded": 1} if code == "event-unknown" else {})


def test_batches_are_bounded() -> None:
    def refused(body: bytes) -> tuple[str, int]:
        with pytest.raises(UserError) as error:
            events.read_batch(body)
        return error.value.code, error.value.status

    assert refused(b"x" * 65_537) == ("batch-too-large", 413)
    assert refused(json.dumps({"batch": [{}] * 101}).encode()) == ("batch-too-large", 413)
    for body in (b"", b"{", b"[]", b"{}", b'{"batch": 1}', b"\xff", b"[" * 60_000, b"null"):
        assert refused(body) == ("batch-malformed", 422)
    assert events.read_batch(b'{"batch": [], "sentAt": "x"}').messages == ()
    assert len(events.read_batch(json.dumps({"batch": [{}] * 100}).encode()).rejections) == 100


def test_erasing_is_as_if_the_viewer_had_never_been(scene: Scene) -> None:
    other = scene.add_viewer()
    scene.consent(True, True, other)
    scene.ingest(message("Video Content Started", video_id="v-lamp"), viewer=other)
    with scene.db.reading() as tx:
        before = [tuple(row) for row in tx.all(select(rates.product_counts))]
    scene.ingest(
        message("Video Content Started", video_id="v-lamp"),
        message("Video Content Completed", video_id="v-lamp"),
        message("Product Added", product_id=scene.jacket),
    )
    with scene.db.writing() as tx:
        held = privacy.export(tx, scene.viewer)
        assert [len(held[name]) for name in ("consents", "events")] == [2, 3]
        assert held["profile"]["weights"]["tastes"]
        privacy.erase(tx, scene.viewer)
        assert privacy.export(tx, scene.viewer) == {
            "consents": [],
            "events": [],
            "profile": None,
            "choices": None,
            "experiments": [],
        }
        assert [tuple(row) for row in tx.all(select(rates.product_counts))] == before
