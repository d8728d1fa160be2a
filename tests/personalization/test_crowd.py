"""What visitors went on to: visits that are over, of those who agreed, and nobody's who left."""

from datetime import timedelta

from personalization import crowd, memory, privacy
from tests.personalization.conftest import NOW, Scene

LATER = NOW + timedelta(hours=2)


def look(scene: Scene, viewer: str, *products: str, begin: int = 0) -> None:
    for number, product in enumerate(products):
        at = NOW + timedelta(minutes=begin + number)
        message = {
            "messageId": f"{viewer}{begin}{number}",
            "event": "Product Viewed",
            "timestamp": at.isoformat(),
            "properties": {"product_id": product},
        }
        scene.ingest(message, viewer=viewer, now=at)


def test_others_lead_on_once_their_visit_is_over(scene: Scene) -> None:
    look(scene, scene.viewer, scene.lamp, scene.blanket)
    with scene.db.reading() as tx:
        assert crowd.current(tx, NOW + timedelta(minutes=2)).scores([scene.lamp]) == {}
        found = crowd.current(tx, LATER).scores([scene.lamp])
    assert found[scene.blanket] > 0
    assert scene.jacket not in found


def test_a_pause_ends_a_visit(scene: Scene) -> None:
    look(scene, scene.viewer, scene.lamp)
    look(scene, scene.viewer, scene.jacket, scene.blanket, begin=45)
    with scene.db.reading() as tx:
        found = crowd.current(tx, LATER)
    assert found.scores([scene.lamp]) == {}
    assert scene.blanket in found.scores([scene.jacket])


def test_new_visits_are_added_and_who_is_erased_was_never_there(scene: Scene) -> None:
    other = scene.add_viewer()
    scene.consent(True, True, viewer=other)
    look(scene, scene.viewer, scene.lamp, scene.blanket)
    with scene.db.reading() as tx:
        before = crowd.current(tx, LATER).scores([scene.lamp])
    look(scene, other, scene.lamp, scene.jacket, begin=3)
    with scene.db.reading() as tx:
        assert scene.jacket in crowd.current(tx, LATER + timedelta(hours=1)).scores([scene.lamp])
    with scene.db.writing() as tx:
        privacy.erase(tx, other)
    with scene.db.reading() as tx:
        after = crowd.current(tx, LATER + timedelta(hours=2)).scores([scene.lamp])
    assert after == before


def test_without_consent_to_measurement_nothing_is_read(scene: Scene) -> None:
    scene.consent(True, False)
    look(scene, scene.viewer, scene.lamp, scene.blanket)
    with scene.db.reading() as tx:
        assert len(crowd.current(tx, LATER)) == 0


def test_a_visit_is_read_from_the_profile(scene: Scene) -> None:
    look(scene, scene.viewer, scene.lamp, scene.blanket)
    with scene.db.reading() as tx:
        profile, _ = memory.load(tx, scene.viewer)
    assert crowd.visit(profile, NOW + timedelta(minutes=5)) == [scene.lamp, scene.blanket]
    assert crowd.visit(profile, LATER) == []
