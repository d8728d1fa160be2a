"""What a guest did comes along into an account only with both consents, once."""

from typing import Any

import pytest

from personalization import adoption, interests, log, privacy
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene


def liked(scene: Scene, viewer: str, product_id: str) -> None:
    message: dict[str, Any] = {"messageId": new_id(), "event": "Video Liked", "properties": {"product_id": product_id}}
    scene.ingest(message, viewer=viewer)


def test_what_a_guest_did_comes_along_once(scene: Scene) -> None:
    guest = scene.add_viewer()
    scene.consent(True, True, guest)
    liked(scene, guest, scene.lamp)
    liked(scene, scene.viewer, scene.jacket)
    with scene.db.writing() as tx:
        assert adoption.learnt(tx, guest) == 1
        assert adoption.adopt(tx, guest, scene.viewer, NOW) == 1
        assert adoption.adopt(tx, guest, scene.viewer, NOW) == 0
        keys = {each.key for each in interests.view(tx, scene.viewer, NOW).interests}
        assert {("product", scene.lamp), ("product", scene.jacket)} <= keys
        # in what all share it counts once, as the guest's
        assert [event.product_id for event in log.measured(tx, scene.viewer)] == [scene.jacket]
        privacy.erase(tx, guest)
        assert len(log.read(tx, scene.viewer)) == 2


@pytest.mark.parametrize("who", ["guest", "person"])
def test_nothing_comes_along_without_both_consents(scene: Scene, who: str) -> None:
    guest = scene.add_viewer()
    scene.consent(True, True, guest)
    liked(scene, guest, scene.lamp)
    scene.consent(False, True, guest if who == "guest" else scene.viewer)
    with scene.db.writing() as tx:
        assert adoption.adopt(tx, guest, scene.viewer, NOW) == 0
        assert log.read(tx, scene.viewer) == []
