"""Rooms are ordered by what they show, with the scorer that orders everything else."""

from datetime import timedelta

from personalization import rooms
from personalization.profile import NOTHING, rebuild
from tests.personalization.conftest import NOW
from tests.personalization.test_scoring import SHOP, did

LIVE = {"light": ["lamp", "lantern"], "wool": ["blanket"], "rain": ["jacket"], "talk": []}


def test_rooms_follow_taste_and_forget_what_was_ruled_out() -> None:
    fan = rebuild([did("Order Completed", "blanket", 60 * 24 * 40, "o"), did("Video Liked", "blanket", 3, "l")])
    assert rooms.order(fan, SHOP, LIVE, NOW)[0] == "wool"
    no = rebuild([did("Video Liked", "jacket", 9, "l"), did("Not Interested", "jacket", 3, "n", scope="item")])
    assert rooms.order(no, SHOP, LIVE, NOW)[-1] == "rain"


def test_without_a_profile_everybody_sees_one_order() -> None:
    once = rooms.order(NOTHING, SHOP, LIVE, NOW)
    assert rooms.order(rebuild([]), SHOP, dict(reversed(LIVE.items())), NOW) == once
    assert sorted(once) == sorted(LIVE)
    assert rooms.order(NOTHING, SHOP, {}, NOW + timedelta(days=1)) == []
