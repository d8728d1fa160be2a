"""Paid boosts in the feed: told, bounded, a part of the score, and gone when they end or the viewer wants none."""

from datetime import timedelta

import pytest

from personalization import choices
from personalization.choices import Choices
from personalization.scoring import BOOST
from shop import boosts
from storage.database import Database
from tests.video_assembly.shopfront import NOW, Shopfront, open_shopfront
from video_assembly import videos

pytestmark = pytest.mark.slow


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def test_what_is_paid_for_is_told_and_leaves_when_it_ends_or_the_viewer_says_so(front: Shopfront) -> None:
    before = front.feed(front.viewer)
    with front.db.writing() as tx:
        boost_id = boosts.add(tx, front.products["jacket"], 1.0, 7, NOW)
        videos.give_up(tx, front.viewer, NOW)
    later = NOW + timedelta(seconds=10)
    paid = front.feed(front.viewer, now=later)
    marked = [video for video in paid.videos if video.promoted]
    assert {front.name(video.product_id) for video in marked} == {"jacket"}
    assert sum(front.name(video.product_id) == "jacket" for video in before.videos) <= len(marked) <= 5
    for video in paid.videos:
        assert sum(video.parts.values()) == pytest.approx(video.score, abs=1e-9)
        assert video.parts.get("boost", 0.0) <= BOOST
    with front.db.writing() as tx:
        choices.put(tx, front.viewer, Choices(promoted=False), later)
        videos.give_up(tx, front.viewer, later)
    assert not any(video.promoted for video in front.feed(front.viewer, now=later).videos)
    other = front.add_viewer()
    assert any(video.promoted for video in front.feed(other, now=later).videos)
    with front.db.writing() as tx:
        boosts.stop(tx, boost_id, later)
    assert not any(video.promoted for video in front.feed(other, now=later + timedelta(seconds=10)).videos)
