"""An upload's way into the library, as its merchant and the workers see it."""

from datetime import UTC, datetime

import pytest

from shop import catalog, merchants
from shop.money import Money
from storage import jobs
from storage.errors import NotFound, UserError
from storage.ids import new_id
from video_assembly import clips

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def herd(db) -> str:
    with db.writing() as tx:
        return merchants.add_merchant(tx, "herd", "Stube & Herd")


@pytest.fixture
def wetter(db) -> str:
    with db.writing() as tx:
        return merchants.add_merchant(tx, "wetter", "Wetterseite")


def add(db, merchant_id: str, **more) -> clips.Clip:
    with db.writing() as tx:
        return clips.add_clip(
            tx, merchant_id, **({"clip_id": new_id(), "filename": "IMG 1.MOV", "size": 1000, "now": NOW} | more)
        )


def test_an_upload_is_queued_with_its_job(db, herd: str) -> None:
    clip = add(db, herd, tags=[" summer ", "summer", "", "neu"], role="demo", language="de")
    assert (clip.state, clip.progress, clip.title) == ("queued", 0.0, "IMG 1.MOV")
    assert (clip.media_key, clip.tags, clip.role) == (f"uploads/{clip.id}", ("summer", "neu"), "demo")
    with db.reading() as tx:
        assert jobs.states(tx, "ingest") == {clip.id: "queued"}
        assert clips.for_ingest(tx, clip.id) == clip
        assert clips.for_ingest(tx, "nothing") is None


def test_states_are_told_until_the_end(db, herd: str) -> None:
    clip = add(db, herd)
    with db.writing() as tx:
        assert clips.set_state(tx, clip.id, "probing", NOW)
        assert clips.set_state(tx, clip.id, "normalising", NOW, progress=0.5, duration_ms=3200)
        assert clips.set_state(tx, clip.id, "ready", NOW, warnings=[{"code": "no-cv2"}])
        assert not clips.set_state(tx, clip.id, "normalising", NOW, progress=0.6), "a late worker changes nothing"
        assert not clips.refuse(tx, clip.id, "broken", "This file is broken.")
        after = clips.clip(tx, clip.id, herd)
    assert (after.state, after.progress, after.duration_ms, after.ready_at) == ("ready", 1.0, 3200, NOW)
    assert after.warnings == ({"code": "no-cv2"},)
    assert [(topic, fact["state"], fact["progress"]) for topic, fact in tx.facts] == [
        (f"clip:{clip.id}", "probing", 0.0),
        (f"clip:{clip.id}", "normalising", 0.5),
        (f"clip:{clip.id}", "ready", 1.0),
    ]
    assert tx.facts[0][1]["merchant_id"] == herd


def test_a_refusal_keeps_its_sentence_apart_from_its_values(db, herd: str) -> None:
    clip = add(db, herd)
    with db.writing() as tx:
        assert clips.refuse(tx, clip.id, "too-long", "At most {most} seconds.", {"most": 600})
        after = clips.clip(tx, clip.id, herd)
    assert (after.state, after.reason) == ("refused", "too-long")
    assert str(after.detail).format(**after.detail_values) == "At most 600 seconds."
    assert tx.facts[-1][1]["reason"] == "too-long"


def test_clips_and_bytes_are_each_merchants_own(db, herd: str, wetter: str) -> None:
    mine = [add(db, herd, size=size) for size in (1, 20, 300)]
    theirs = add(db, wetter, size=4000)
    with db.reading() as tx:
        assert (clips.quota(tx, herd), clips.quota(tx, wetter), clips.quota(tx, "nobody")) == (321, 4000, 0)
        assert clips.list_clips(tx, herd) == mine[::-1]
        assert clips.list_clips(tx, herd, limit=1, after=mine[2].id) == [mine[1]]
        with pytest.raises(NotFound):
            clips.clip(tx, theirs.id, herd)


def test_bad_metadata_names_its_field(db, herd: str, wetter: str) -> None:
    with db.writing() as tx:
        jacket = catalog.add_product(
            tx,
            wetter,
            "jacket",
            titles={"de": "Jacke"},
            descriptions={},
            brand="",
            category="outdoor",
            variants=[catalog.NewVariant("a", Money(1, "EUR"), {})],
            now=NOW,
        )
    for field, given in {
        "role": {"role": "intro"},
        "product_ids": {"product_ids": [jacket]},
        "tags": {"tags": ["x" * 41]},
    }.items():
        with pytest.raises(UserError) as caught:
            add(db, herd, **given)
        assert caught.value.extra["field"] == field
    with pytest.raises(UserError):
        add(db, herd, product_ids=[str(number) for number in range(21)])
    with pytest.raises(UserError):
        add(db, herd, tags=[str(number) for number in range(21)])
    with db.reading() as tx:
        assert clips.list_clips(tx, herd) == []
        assert jobs.states(tx, "ingest") == {}
