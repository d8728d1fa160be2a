"""Viewers who take alike: what they tell, and that one who is taken out was never there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from personalization.peers import Peers

baskets = st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 5), min_size=1)), max_size=20)
USUAL = np.array([0.4, 0.3, 0.2, 0.1, 0.05, 0.05])


def peers_of(found: list[tuple[int, set[int]]], nearest: int = 3) -> Peers:
    peers = Peers(5, 6, nearest)
    for viewer, basket in found:
        peers.observe(viewer, np.array(sorted(basket)))
    return peers


@given(baskets, st.integers(0, 4))
def test_who_is_taken_out_was_never_there(found: list[tuple[int, set[int]]], gone: int) -> None:
    peers = peers_of(found)
    peers.remove(gone)
    left = peers_of([each for each in found if each[0] != gone])
    assert peers == left
    assert all(np.array_equal(peers.rates(viewer, USUAL), left.rates(viewer, USUAL)) for viewer in range(5))


@given(baskets)
def test_what_peers_tell_are_rates(found: list[tuple[int, set[int]]]) -> None:
    peers = peers_of(found)
    for viewer in range(5):
        rates = peers.rates(viewer, USUAL)
        assert ((rates > 0) & (rates < 1)).all()


def test_those_who_take_alike_are_asked() -> None:
    peers = peers_of([(0, {4}), (1, {4, 3}), (1, {4, 3}), (2, {0, 5}), (2, {0, 5})], nearest=1)
    assert peers.rates(0, USUAL)[3] > USUAL[3]
    assert peers.rates(0, USUAL)[5] < USUAL[5]
    assert np.array_equal(peers.rates(3, USUAL), USUAL)
