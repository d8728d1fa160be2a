"""What came of the places of feeds: seen, drawn how, welcomed, and which of two rankings in one feed is preferred."""

from collections import Counter
from datetime import timedelta

import pytest

from personalization import experiments
from personalization.experiments import INTERLEAVED, Variant, variant_of
from storage.database import Database, Tx
from tests.video_assembly.shopfront import NOW, Shopfront, open_shopfront
from video_assembly import shown, slots
from video_assembly.slots import Slot

pytestmark = pytest.mark.slow


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def slots_of(tx: Tx, viewer: str, version: int) -> list[Slot]:
    return slots.read(tx, viewer, version, 1, 10)


def test_places_that_were_seen_say_how_they_were_drawn_and_whether_they_were_welcome(front: Shopfront) -> None:
    first, second, third, *_ = front.feed(front.viewer).videos
    front.send(front.viewer, "Video Content Started", video_id=first.id)
    front.send(front.viewer, "Video Content Started", video_id=second.id)
    front.send(front.viewer, "Video Liked", video_id=second.id)
    front.send(front.viewer, "Video Liked", video_id=third.id)
    with front.db.reading() as tx:
        found = shown.showings(tx, NOW + timedelta(minutes=1))
        theirs = shown.showings(tx, NOW + timedelta(minutes=1), second.merchant_id)
        others = shown.showings(tx, NOW + timedelta(minutes=1), "somebody else")
    # The third was never seen.
    assert Counter(each.welcomed for each in found) == {False: 1, True: 1}
    assert sum(each.welcomed for each in theirs) == 1
    assert not any(each.welcomed for each in others)
    for each in found:
        assert each.propensity == pytest.approx(each.chance(each.share))


def test_two_rankings_share_a_feed_and_viewers_decide(front: Shopfront) -> None:
    two = (Variant("same-for-all", 0.5, {"personal": False}), Variant("personal", 0.5, {}))
    with front.db.writing() as tx:
        experiment_id = experiments.add(tx, "Test", two, NOW, kind=INTERLEAVED)
        experiments.start(tx, experiment_id, 1.0, NOW)
        experiment = experiments.get(tx, experiment_id)
    viewers = [front.viewer, *(front.add_viewer() for _ in range(4))]
    taking_part = [each for each in viewers if variant_of(experiment, each) is not None]
    for viewer in taking_part:
        page = front.feed(viewer)
        with front.db.reading() as tx:
            sides = {slot.place: (slot.drawn or {}).get("side") for slot in slots_of(tx, viewer, page.version)}
        for place in (1, 5, 9):
            assert {sides[place], sides[place + 1]} == {f"{experiment_id}:same-for-all", f"{experiment_id}:personal"}
        liked = next(video for video in page.videos if sides[video.place] == f"{experiment_id}:personal")
        other = next(video for video in page.videos if sides[video.place] == f"{experiment_id}:same-for-all")
        front.send(viewer, "Video Content Started", video_id=liked.id)
        front.send(viewer, "Video Content Started", video_id=other.id)
        front.send(viewer, "Video Liked", video_id=liked.id)
    with front.db.reading() as tx:
        found = shown.preference(tx, experiment, NOW + timedelta(minutes=1))
        assert experiments.viewers(tx, experiment_id) == {"both": len(taking_part)}
    assert (found.first, found.second, found.equal) == (0, len(taking_part), 0)
