"""Who gets which variant, the exposure log, starting and stopping, and a report that finds what was planted."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from personalization import consent, experiments, interests, outcomes, privacy, state
from personalization.experiments import COMPARED, HOLDOUT, WHOLE, Variant, fraction, variant_of
from personalization.outcomes import Happening, summarise
from storage.database import Database
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene

pytestmark = pytest.mark.slow

TWO = (Variant("usual", 0.5, {}), Variant("more", 0.5, {"exploration": 0.2}))
DAY = timedelta(days=1)


def begin(db: Database, variants: Any = TWO, *, traffic: float = 1.0, **options: Any) -> str:
    with db.writing() as tx:
        experiment_id = experiments.add(tx, "Test", variants, NOW, **options)
        experiments.start(tx, experiment_id, traffic, NOW)
    return experiment_id


def found(db: Database, experiment_id: str) -> experiments.Experiment:
    with db.reading() as tx:
        return experiments.get(tx, experiment_id)


def test_assignment_is_even_and_independent_between_experiments(db: Database) -> None:
    one = found(db, begin(db, most=0.5, traffic=0.5, layer="one"))
    two = found(db, begin(db, layer="two"))
    viewers = [new_id() for _ in range(20_000)]
    first = {each: variant.name for each in viewers if (variant := variant_of(one, each)) is not None}
    second = {each: variant.name for each in viewers if (variant := variant_of(two, each)) is not None}
    assert len(first) == pytest.approx(20_000 * 0.5 * (1 - HOLDOUT), rel=0.03)
    assert len(second) == pytest.approx(20_000 * (1 - HOLDOUT), rel=0.01)
    assert set(Counter(first.values())) == {"usual", "more"}
    assert Counter(first.values())["more"] / len(first) == pytest.approx(0.5, abs=0.02)
    # who gets what in one says nothing about the other
    both = [(first[each], second[each]) for each in first if each in second]
    same = sum(a == b for a, b in both) / len(both)
    assert same == pytest.approx(0.5, abs=0.02)


def test_experiments_of_a_layer_never_share_a_viewer_and_it_fills_up(db: Database) -> None:
    ids = [begin(db, most=0.4, traffic=0.4), begin(db, most=0.4, traffic=0.1)]
    running = [found(db, each) for each in ids]
    for _ in range(2_000):
        viewer = new_id()
        assert sum(variant_of(each, viewer) is not None for each in running) <= 1
    with pytest.raises(Conflict):
        begin(db, most=0.4)
    with db.writing() as tx:
        experiments.stop(tx, ids[0], NOW)
    assert found(db, begin(db, most=0.4)).begins == 0.0


def test_widening_keeps_those_who_take_part(db: Database) -> None:
    experiment_id = begin(db, traffic=0.2)
    viewers = [new_id() for _ in range(2_000)]
    before = {each: variant_of(found(db, experiment_id), each) for each in viewers}
    with db.writing() as tx:
        experiments.ramp(tx, experiment_id, 0.6)
    after = {each: variant_of(found(db, experiment_id), each) for each in viewers}
    assert all(after[each] == variant for each, variant in before.items() if variant is not None)
    assert sum(each is not None for each in after.values()) > 2 * sum(each is not None for each in before.values())


def test_states(db: Database) -> None:
    experiment_id = begin(db)
    with db.writing() as tx:
        with pytest.raises(Conflict):
            experiments.start(tx, experiment_id, 1.0, NOW)
        experiments.stop(tx, experiment_id, NOW)
        experiments.stop(tx, experiment_id, NOW + DAY)
        assert experiments.get(tx, experiment_id).stopped_at == NOW
        with pytest.raises(Conflict):
            experiments.ramp(tx, experiment_id, 1.0)
        with pytest.raises(NotFound):
            experiments.get(tx, "nothing")


def taking_part(scene: Scene, experiment_id: str, name: str) -> str:
    """Add viewers until one gets the variant `name`."""
    experiment = found(scene.db, experiment_id)
    while True:
        viewer = scene.add_viewer()
        variant = variant_of(experiment, viewer)
        if variant is not None and variant.name == name:
            scene.consent(True, True, viewer)
            return viewer


def start_video(scene: Scene, viewer: str) -> None:
    event = {"messageId": new_id(), "event": "Video Content Started", "properties": {"video_id": "v-lamp"}}
    scene.ingest(event, viewer=viewer)


def test_a_variant_changes_the_ranking_of_its_viewers_until_it_stops(scene: Scene) -> None:
    experiment_id = begin(
        scene.db, (Variant("all", 0.5, {"personal": False}), Variant("own", 0.5, {"exploration": 0.2}))
    )
    viewers = {name: taking_part(scene, experiment_id, name) for name in ("all", "own")}
    with scene.db.writing() as tx:
        states = {name: state.current(tx, viewer, NOW) for name, viewer in viewers.items()}
        assert [states[name].profiled for name in ("all", "own")] == [False, True]
        assert states["own"].exploration == pytest.approx(0.2)
        assert state.version(tx, viewers["all"], NOW) == states["all"].version
        experiments.stop(tx, experiment_id, NOW)
        assert state.current(tx, viewers["all"], NOW).profiled


def test_who_saw_a_variant_is_logged_once_and_forgotten_with_the_consent(scene: Scene) -> None:
    experiment_id = begin(scene.db)
    viewer = taking_part(scene, experiment_id, "more")
    start_video(scene, viewer)
    start_video(scene, viewer)
    shy = taking_part(scene, experiment_id, "usual")
    scene.consent(True, False, shy)
    start_video(scene, shy)
    with scene.db.writing() as tx:
        assert experiments.viewers(tx, experiment_id) == {"more": 1}
        assert [each["variant"] for each in privacy.export(tx, viewer)["experiments"]] == ["more"]
        consent.put(tx, viewer, personalise=True, measure=False, text_version="1", source="test", now=NOW)
        assert experiments.viewers(tx, experiment_id) == {}


def test_a_bandits_new_shares_move_no_one_who_has_seen_a_variant(scene: Scene) -> None:
    experiment_id = begin(scene.db, kind="bandit")
    viewer = taking_part(scene, experiment_id, "more")
    start_video(scene, viewer)
    with scene.db.writing() as tx:
        experiments.share_out(tx, experiment_id, {"usual": 1.0, "more": 0.0})
        assert experiments.parameters(tx, viewer) == {"exploration": 0.2}


def test_a_held_out_viewer_is_in_nothing_else_and_compared_with_the_feed_as_always(scene: Scene) -> None:
    two = (Variant("held-out", HOLDOUT, {"personal": False}), Variant("as-always", COMPARED, {}))
    whole = found(scene.db, begin(scene.db, two, kind=WHOLE, layer=WHOLE, traffic=HOLDOUT + COMPARED))
    other = found(scene.db, begin(scene.db))
    viewers = [new_id() for _ in range(20_000)]
    split = Counter(variant.name for each in viewers if (variant := variant_of(whole, each)) is not None)
    assert split["held-out"] == pytest.approx(20_000 * HOLDOUT, rel=0.25)
    assert split["as-always"] == pytest.approx(20_000 * COMPARED, rel=0.15)
    held = [each for each in viewers if (variant := variant_of(whole, each)) and variant.name == "held-out"]
    assert all(variant_of(other, each) is None for each in held)
    with pytest.raises(Conflict):
        begin(scene.db, two, kind=WHOLE, layer=WHOLE, traffic=HOLDOUT + COMPARED)
    with scene.db.writing() as tx, pytest.raises(Conflict):
        experiments.ramp(tx, whole.id, 1.0)
    viewer = taking_part(scene, whole.id, "held-out")
    start_video(scene, viewer)
    with scene.db.reading() as tx:
        assert not state.current(tx, viewer, NOW).profiled
        assert interests.view(tx, viewer, NOW).compared
        assert experiments.viewers(tx, whole.id) == {"held-out": 1}


def planted(effect: float, seed: int, viewers: int = 30_000) -> list[Happening]:
    """Viewers who watch and buy, those of "more" with the given effect on both."""
    dice = random.Random(seed)
    happened = []
    for number in range(viewers):
        viewer, variant = str(number), dice.choice(TWO).name
        more = 1 + effect * (variant == "more")
        at = NOW + DAY * (number * 14 / viewers)
        happened.append(Happening(at, viewer, "exposed", variant=variant))
        happened.append(Happening(at, viewer, "watched", dice.gammavariate(2, 60) * more))
        if dice.random() < 0.30:
            happened.append(Happening(at, viewer, "added"))
        if dice.random() < 0.25 * more:
            happened.append(Happening(at, viewer, "order", dice.uniform(1_000, 5_000)))
    return sorted(happened, key=lambda each: each.at)


def test_the_report_finds_what_was_planted_and_nothing_where_nothing_was(db: Database) -> None:
    experiment = found(db, begin(db))
    report = summarise(experiment, planted(0.05, 1), NOW + 14 * DAY)
    for metric in ("watch_time", "conversion"):
        (result,) = report.results[metric]
        uplift = result.uplift
        assert uplift.relative_low is not None
        assert uplift.relative_high is not None
        assert uplift.relative_low <= 0.05 <= uplift.relative_high
    assert report.results["watch_time"][0].uplift.verdict == "better"
    assert report.ratio_chance > 0.001
    assert len(report.series["watch_time", "more"]) == 14
    nothing = summarise(experiment, planted(0.0, 2), NOW + 14 * DAY)
    assert {result.uplift.verdict for results in nothing.results.values() for result in results} == {"open"}
    needed = nothing.results["conversion"][0].needed
    assert needed is not None
    assert needed > 0


def test_the_report_counts_orders_carts_and_watching_after_the_exposure(scene: Scene) -> None:
    experiment_id = begin(scene.db)
    viewers = {name: taking_part(scene, experiment_id, name) for name in ("usual", "more")}
    for viewer in viewers.values():
        start_video(scene, viewer)
    watched = {"video_id": "v-lamp", "watched_ms": 4_000}
    for event, properties in (("Video Playback Exited", watched), ("Product Added", {"product_id": scene.lamp})):
        message = {"messageId": new_id(), "event": event, "properties": properties}
        scene.ingest(message, viewer=viewers["more"], now=NOW + timedelta(minutes=1))
    with scene.db.reading() as tx:
        report = outcomes.report(tx, experiments.get(tx, experiment_id), NOW + DAY)
        elsewhere = outcomes.report(tx, experiments.get(tx, experiment_id), NOW + DAY, merchant_id="another")
    assert report.viewers == {"usual": 1, "more": 1}
    assert (report.results["watch_time"][0].arm.mean, report.control["watch_time"].mean) == (4.0, 0.0)
    assert report.results["abandonment"][0].arm.mean == 1.0
    assert elsewhere.results["abandonment"][0].arm.mean == 0.0


def test_hashes_are_spread_evenly() -> None:
    counts = Counter(int(fraction("salt", str(number)) * 10) for number in range(10_000))
    assert all(900 < counts[part] < 1_100 for part in range(10))
