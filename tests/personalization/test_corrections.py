"""What a viewer says about the own profile: stated, forgotten, undone; and that order and repetition change nothing."""

from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import update

from personalization import assortment, interests, log, memory, privacy, state
from personalization.corrections import corrected
from personalization.interests import Change
from personalization.profile import Key, rebuild, to_json
from personalization.scoring import Scorer
from shop.catalog import products
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene

LIVING: Key = ("category", "living")


def message(event: str, minutes: int = 0, **properties: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {"messageId": new_id(), "event": event, "timestamp": at, "properties": properties}


def change(scene: Scene, **wanted: Any) -> int:
    with scene.db.writing() as tx:
        return interests.change(tx, scene.viewer, Change(**wanted), [new_id() for _ in range(9)], NOW)


def weights(scene: Scene) -> dict[Key, float]:
    with scene.db.reading() as tx:
        return {each.key: each.weight for each in interests.view(tx, scene.viewer, NOW).interests}


def newest(scene: Scene) -> str:
    with scene.db.reading() as tx:
        return interests.view(tx, scene.viewer, NOW).corrections[0].id


def test_what_is_stated_counts_instead_of_what_was_learnt(scene: Scene) -> None:
    scene.ingest(message("Video Liked", 5, product_id=scene.lamp))
    before = weights(scene)
    assert before[LIVING] > 0.4
    change(scene, state=[(LIVING, 2.0)])
    change(scene, state=[(LIVING, -1.0)])
    assert weights(scene) == {**before, LIVING: -1.0}
    change(scene, undo=[newest(scene)])
    assert weights(scene)[LIVING] == 2.0
    change(scene, undo=[newest(scene)])
    assert weights(scene) == before


def test_what_is_forgotten_counts_no_more_and_the_rest_does(scene: Scene) -> None:
    liked, added = (
        message("Video Liked", 5, product_id=scene.lamp),
        message("Product Added", 4, product_id=scene.jacket),
    )
    scene.ingest(liked, added)
    everything = weights(scene)
    change(scene, forget=[LIVING])
    assert weights(scene) == {key: weight for key, weight in everything.items() if key != LIVING}
    scene.ingest(message("Video Liked", 0, product_id=scene.blanket), now=NOW + timedelta(minutes=1))
    assert weights(scene)[("category", "living")] == 0.5
    change(scene, forget_events=[added["messageId"]])
    assert not {key for key in weights(scene) if key[1] in (scene.jacket, "outdoor", "Regnweg")}


def test_what_arrives_after_a_correction_but_was_before_it_is_forgotten_too(scene: Scene) -> None:
    change(scene, forget=[LIVING])
    scene.ingest(message("Video Liked", 30, product_id=scene.lamp))
    assert LIVING not in weights(scene)
    assert ("product", scene.lamp) in weights(scene)


def test_hiding_is_forgotten_like_anything_else(scene: Scene) -> None:
    scene.ingest(message("Not Interested", 3, product_id=scene.lamp, scope="category"))
    with scene.db.reading() as tx:
        assert memory.load(tx, scene.viewer)[0].blocks_any(None, None, "living", None)
    change(scene, forget=[LIVING])
    with scene.db.reading() as tx:
        assert not memory.load(tx, scene.viewer)[0].blocks_any(None, None, "living", None)


def test_each_change_makes_a_new_version_and_none_does_not(scene: Scene) -> None:
    first = change(scene, surprise=0.5)
    assert change(scene, surprise=0.5) == first
    assert change(scene, paused=True) == first + 1


def test_what_cannot_be_said(scene: Scene) -> None:
    def refused(**wanted: Any) -> str:
        try:
            change(scene, **wanted)
        except UserError as error:
            return error.code
        raise AssertionError("it was taken")

    assert refused(state=[(("category", "nothing"), 1.0)]) == "interest-unknown"
    assert refused(undo=["nothing"]) == NotFound("event-unknown", "").code
    assert refused(forget_events=["nothing"]) == "event-unknown"
    scene.consent(False, True)
    assert refused(state=[(LIVING, 1.0)]) == Conflict("no-consent", "").code


def test_while_paused_or_off_nothing_is_learnt(scene: Scene) -> None:
    for wish in ({"paused": True}, {"paused": False, "profiled": False}):
        change(scene, **wish)
        assert scene.ingest(message("Video Liked", product_id=scene.lamp)).version is None
        assert weights(scene) == {}
    change(scene, profiled=True)
    scene.ingest(message("Video Liked", product_id=scene.lamp))
    assert LIVING in weights(scene)


def test_choices_are_exported_and_erased(scene: Scene) -> None:
    change(scene, surprise=0.75)
    with scene.db.writing() as tx:
        assert privacy.export(tx, scene.viewer)["choices"]["surprise"] == 0.75
        privacy.erase(tx, scene.viewer)
        assert privacy.export(tx, scene.viewer)["choices"] is None


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_repetition_gives_the_same_profile_to_the_last_bit(scene: Scene, data: st.DataObject) -> None:
    kinds = (
        "Video Liked",
        "Video Skipped",
        "Video Content Completed",
        "Product Added",
        "Product Removed",
        "Interested",
    )
    products = (scene.lamp, scene.blanket, scene.jacket)
    told = [
        message(
            data.draw(st.sampled_from(kinds)),
            data.draw(st.integers(0, 40_000)),
            product_id=data.draw(st.sampled_from(products)),
            scope="category",
        )
        for _ in range(data.draw(st.integers(2, 7)))
    ]
    profiles = []
    for _ in range(2):
        arrives = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=5))]))
        cut = data.draw(st.integers(0, len(arrives)))
        viewer = scene.add_viewer()
        scene.consent(True, False, viewer)
        for batch in (arrives[:cut], arrives[cut:], arrives[:2]):
            scene.ingest(*batch, viewer=viewer)
        with scene.db.reading() as tx:
            kept = to_json(memory.load(tx, viewer)[0])
            # the cache is what the log says
            assert kept == to_json(rebuild(corrected(log.read(tx, viewer))))
        profiles.append({name: sorted(part) if isinstance(part, list) else part for name, part in kept.items()})
    assert profiles[0] == profiles[1]


def test_off_is_everybodys_ranking(scene: Scene) -> None:
    other, never = scene.add_viewer(), scene.add_viewer()
    scene.consent(True, True, other)
    scene.ingest(message("Video Liked", product_id=scene.lamp))
    scene.ingest(message("Not Interested", product_id=scene.lamp, scope="category"), viewer=other)
    with scene.db.writing() as tx:
        for viewer in (scene.viewer, other):
            interests.change(tx, viewer, Change(profiled=False, surprise=1.0), [], NOW)
        # all that ranking is given of a viewer is the same, so every chance is
        states = [state.current(tx, viewer, NOW) for viewer in (scene.viewer, other, never)]
        assert states[0] == states[1] == states[2]
        assert not states[0].profiled
        interests.change(tx, scene.viewer, Change(profiled=True), [], NOW)
        assert state.current(tx, scene.viewer, NOW).profile.tastes


def test_what_is_valued_lifts_all_that_has_it(scene: Scene) -> None:
    with scene.db.writing() as tx:
        tx.execute(update(products).where(products.c.id == scene.blanket).values(words="decke aus recycelter wolle"))
        interests.change(tx, scene.viewer, Change(state=[(("value", "sustainable"), 1.0)]), [new_id()], NOW)

    def scores(now: datetime) -> dict[str, dict[str, float]]:
        with scene.db.reading() as tx:
            columns = assortment.current(tx, now).columns("all", lambda each: True)
            scorer = Scorer(state.current(tx, scene.viewer, now).profile, columns, now)
            found = {each.product_id: scorer.explained(each)[0] for each in columns.all}
            for product_id, parts in found.items():
                assert sum(parts.values()) == pytest.approx(scorer.scores[columns.at[product_id]], abs=1e-9)
            return found

    found = scores(NOW)
    assert found[scene.blanket]["value"] > 0.3
    assert "value" not in found[scene.lamp]
    with scene.db.writing() as tx:
        [said] = interests.view(tx, scene.viewer, NOW).corrections
        interests.change(tx, scene.viewer, Change(undo=[said.id]), [new_id()], NOW + timedelta(minutes=1))
    assert "value" not in scores(NOW + timedelta(minutes=1))[scene.blanket]
