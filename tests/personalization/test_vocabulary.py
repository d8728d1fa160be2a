"""The vocabulary: schemas that hold what is taken, the page of documentation, quarantine, watch time as a quantile."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from personalization import consent, events, log, memory, privacy, quarantine, vocabulary, watchtime
from personalization.profile import WEIGHTS, worth
from shop import shows
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene

DOCS = Path(__file__).parents[2] / "docs" / "events.md"


def message(event: str, **properties: Any) -> dict[str, Any]:
    return {"messageId": new_id(), "event": event, "properties": properties}


def test_the_page_is_the_vocabulary() -> None:
    assert vocabulary.table() in DOCS.read_text()


def test_every_event_has_a_schema_of_known_fields() -> None:
    plan = vocabulary.tracking_plan()
    assert plan["events"].keys() == set(plan["envelope"]["properties"]["event"]["enum"]) == events.NAMES
    assert set(WEIGHTS) <= events.NAMES
    for name, schema in plan["events"].items():
        assert schema["additionalProperties"] is False, name
        assert set(schema.get("required", ())) <= schema["properties"].keys(), name
    # what is read of a message is in the schemas
    said = {name for names in vocabulary.EVENTS.values() for name in names[1]}
    assert events.Properties.model_fields.keys() <= said


def test_unknown_fields_are_counted_and_not_read(scene: Scene) -> None:
    liked = message("Video Liked", video_id="v-lamp", shoe_size="forty-two", **{"me@example.org": "x", "mood": None})
    counts = scene.ingest(liked, message("Video Liked", video_id="v-lamp", shoe_size="forty-three"))
    assert (counts.stored, counts.quarantined) == (2, 4)
    with scene.db.reading() as tx:
        found = {(each["field"], each["kind"], each["times"]) for each in quarantine.everything(tx)}
        assert found == {("shoe_size", "string", 2), (quarantine.ODD, "string", 1), ("mood", "null", 1)}
        assert "forty" not in str(privacy.export(tx, scene.viewer)["events"])


def test_kinds_in_quarantine_are_bounded(scene: Scene) -> None:
    with scene.db.writing() as tx:
        quarantine.count(tx, {("Video Liked", f"f{n}", "null"): 1 for n in range(quarantine.MOST_KINDS + 20)}, NOW)
        assert len(quarantine.everything(tx)) == quarantine.MOST_KINDS


def test_a_search_is_about_what_it_finds(scene: Scene) -> None:
    scene.ingest(message("Products Searched", query="living"), message("Products Searched", query="Regnweg jacket"))
    scene.ingest(message("Products Searched", query="nothing at all"))
    with scene.db.reading() as tx:
        found = [(each.words, each.brand, each.category) for each in log.read(tx, scene.viewer)]
        assert found == [
            ("living", None, "living"),
            ("Regnweg jacket", "Regnweg", "outdoor"),
            ("nothing at all", None, None),
        ]
        assert memory.load(tx, scene.viewer)[0].tastes[("brand", "Regnweg")].long == pytest.approx(0.4)


def test_a_host_and_a_theme_can_be_ruled_out(scene: Scene) -> None:
    with scene.db.writing() as tx:
        room = shows.plan(
            tx, scene.viewer, title="Show", language="de", product_ids=[scene.lamp], scheduled_for=None, now=NOW
        ).id
    scene.ingest(
        message("Not Interested", room_id=room, scope="host"),
        message("Not Interested", product_id=scene.lamp, scope="theme"),
    )
    with scene.db.reading() as tx:
        profile = memory.load(tx, scene.viewer)[0]
    assert {key for key, block in profile.blocks.items() if block.blocked} == {
        ("host", scene.viewer),
        ("category", "living"),
    }
    assert scene.ingest(message("Not Interested", room_id="nothing", scope="host")).stored == 0


def exited(watched_ms: int, seconds: float, **more: Any) -> dict[str, Any]:
    return message(watchtime.EXITED, video_id="v-lamp", watched_ms=watched_ms, total_length=seconds, **more)


def test_watch_time_is_judged_among_videos_about_as_long(scene: Scene) -> None:
    crowd = scene.add_viewer()
    scene.consent(False, True, crowd)
    # of short videos most are seen whole, of long ones few
    for _ in range(10):
        scene.ingest(*[exited(6_000, 7) for _ in range(50)], viewer=crowd)
        scene.ingest(*[exited(6_000, 50) for _ in range(50)], viewer=crowd)
    tomorrow = NOW + timedelta(days=1)
    scene.ingest(exited(6_000, 7), exited(20_000, 50), now=tomorrow)
    with scene.db.reading() as tx:
        short, long = log.read(tx, scene.viewer)
    assert short.quantile is not None
    assert long.quantile is not None
    # seen whole, and a third of it: as usual, and more than nearly all
    assert 0.4 < short.quantile < 0.7 < long.quantile
    assert worth(long) > worth(short)


def test_quantiles_rise_with_watching() -> None:
    found = [watchtime.quantile({}, watched, 20_000) for watched in (0, 2_000, 10_000, 20_000, 60_000)]
    assert found == sorted(found)
    assert (found[0], round(found[-1], 1)) == (0.0, 1.0)


def test_a_days_viewings_are_its_reference_only_the_day_after(scene: Scene) -> None:
    scene.ingest(exited(5_000, 7))
    with scene.db.reading() as tx:
        assert watchtime.reference(tx, watchtime.day_of(NOW)) == {}
        assert sum(watchtime.reference(tx, watchtime.day_of(NOW) + 1)[1]) == 1


@pytest.mark.parametrize("way", ["erase", "withdraw"])
def test_who_leaves_is_taken_out_of_the_reference(scene: Scene, way: str) -> None:
    other = scene.add_viewer()
    scene.consent(False, True, other)
    scene.ingest(exited(3_000, 7), exited(3_000, 70), viewer=other)
    with scene.db.reading() as tx:
        before = [tuple(row) for row in tx.all(select(watchtime.watch_counts))]
    scene.ingest(exited(3_000, 7), exited(9_000, 7))
    scene.ingest(exited(3_000, 7), now=NOW + timedelta(days=2))
    with scene.db.writing() as tx:
        if way == "erase":
            privacy.erase(tx, scene.viewer)
        else:
            consent.put(tx, scene.viewer, personalise=True, measure=False, text_version="1", source="test", now=NOW)
        assert [tuple(row) for row in tx.all(select(watchtime.watch_counts))] == before
