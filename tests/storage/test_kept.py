"""What is kept in memory: so much, and with a limit of idleness no longer than that."""

import gc
import weakref

from storage.kept import Kept, settle


def test_the_one_asked_for_longest_ago_goes_first() -> None:
    kept: Kept[str, int] = Kept(2)
    kept.keep("a", 1)
    kept.keep("b", 2)
    assert kept.find("a") == 1
    kept.keep("c", 3)
    assert [key for key, _ in kept.items()] == ["a", "c"]
    kept.drop("a")
    assert kept.find("a") is None
    assert len(kept) == 1


def test_what_nobody_asks_for_goes_after_a_while() -> None:
    now = [0.0]
    kept: Kept[str, int] = Kept(9, 600.0, lambda: now[0])
    kept.keep("erased", 1)
    kept.keep("here", 2)
    now[0] = 400.0
    assert kept.find("here") == 2
    now[0] = 700.0
    assert kept.find("nobody") is None
    assert [key for key, _ in kept.items()] == ["here"]
    kept.drop("here")
    now[0] = 9_000.0
    kept.keep("new", 3)
    assert len(kept) == 1


class Knot:
    def __init__(self) -> None:
        self.own = self


def test_what_stays_is_left_alone_until_it_is_looked_for_garbage_again() -> None:
    knot = Knot()
    gone = weakref.ref(knot)
    try:
        settle()
        del knot
        gc.collect()
        assert gone() is not None
        settle()
        assert gone() is None
    finally:
        gc.unfreeze()
