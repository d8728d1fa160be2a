"""The simulator at its smallest: it replays, knows more than the feed, and the feed beats chance."""

import pytest

from benchmarks.simulation import met, planted, run
from benchmarks.simulator import SESSION, World, diversity

pytestmark = pytest.mark.slow


def test_a_world_replays() -> None:
    one, two = (run(1, 3, 2, policy="ours") for _ in range(2))
    assert one == two
    assert run(2, 3, 2, policy="ours") != one


def test_the_oracle_beats_the_feed_and_the_feed_beats_chance() -> None:
    by_policy = {policy: run(1, 8, 5, policy=policy) for policy in ("oracle", "ours", "random")}
    after = {policy: sum(met(day) for day in days[2:]) for policy, days in by_policy.items()}
    assert after["oracle"] > after["ours"] > 1.1 * after["random"]


def test_more_surprise_is_more_diverse() -> None:
    breadth = [
        sum(diversity(seen) for day in run(1, 8, 4, policy="ours", exploration=share)[1:] for seen in day.values())
        for share in (0.0, 0.3, 1.0)
    ]
    assert breadth == sorted(breadth)


def test_new_products_come_into_the_world() -> None:
    world = World(1, 2)
    new = world.add_product("new", 0, 0.9)
    assert new in world.products
    assert all(len(seen) == SESSION for seen in world.day(0).values())


def test_the_report_holds_what_was_planted() -> None:
    sessions = [float(each) for each in range(60, 240)]
    for effect, verdict in ((0.05, "better"), (0.0, "open")):
        found = planted(effect, sessions, 20_000, 3).results["watch_time"][0].uplift
        assert (found.relative_low or 0) <= effect <= (found.relative_high or 0)
        assert found.verdict == verdict
