"""The cheapest ways: both searches against trying everything."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video_assembly.paths import Layer, Way, Ways

pytestmark = pytest.mark.slow

LENGTHS, WANTED = (4, 9), 1


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Layer], list[list[float]], dict[tuple[int, int], list[list[float]]]]:
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    # A few values, so that ties are common; infinite is what is not to be had.
    cost = st.sampled_from([0.0, 0.1, 0.25, 1.0, -0.5, float("inf")])
    layers = [
        Layer(
            np.array(draw(st.lists(st.integers(1, 4), min_size=size, max_size=size)), np.int64),
            np.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)), np.int64),
            draw(st.booleans()),
        )
        for size in sizes
    ]
    costs = [draw(st.lists(cost, min_size=size, max_size=size)) for size in sizes]
    joint = st.sampled_from([0.0, 0.0, 0.3, 0.7])
    joins = {
        (i, j): [draw(st.lists(joint, min_size=sizes[j], max_size=sizes[j])) for _ in range(sizes[i])]
        for i in range(len(sizes))
        for j in range(i + 1, len(sizes))
    }
    return layers, costs, joins


def left_out(there: tuple[bool, ...]) -> float:
    return 0.2 * there.count(False) ** 2


def tried(
    layers: list[Layer], costs: list[list[float]], joins: dict[tuple[int, int], list[list[float]]]
) -> list[tuple[float, Way]]:
    found = []
    for way in product(*[[*range(len(layer.lengths)), -1] for layer in layers]):
        held = [(n, m) for n, m in enumerate(way) if m >= 0]
        bits = 0
        for n, m in held:
            bits |= int(layers[n].bits[m])
        length = sum(int(layers[n].lengths[m]) for n, m in held)
        if not held or bits != WANTED or not LENGTHS[0] <= length <= LENGTHS[1]:
            continue
        if any(layers[n].needed and way[n] < 0 for n in range(len(layers))):
            continue
        cost = left_out(tuple(m >= 0 for m in way)) + sum(costs[n][m] for n, m in held)
        cost += sum(joins[a[0], b[0]][a[1]][b[1]] for a, b in pairwise(held))
        if cost < float("inf"):
            found.append((cost, way))
    return found


@pytest.mark.parametrize("few", [10_000, 0], ids=["listed", "searched"])
@settings(max_examples=120, deadline=None)
@given(networks())
def test_ways_come_by_their_cost_and_none_is_missing(
    few: int, network: tuple[list[Layer], list[list[float]], dict[tuple[int, int], list[list[float]]]]
) -> None:
    layers, costs, joins = network
    ways = Ways(layers, LENGTHS, WANTED, lambda i, j: np.array(joins[i, j]), left_out, few=few)
    found = list(ways.cheapest([np.array(each) for each in costs]))
    expected = tried(layers, costs, joins)
    assert [cost for cost, _ in found] == pytest.approx(sorted(cost for cost, _ in expected))
    assert {way: cost for cost, way in found} == pytest.approx({way: cost for cost, way in expected})
    # Both say the same of equals: the first choices first.
    ordered = [(cost, [32_000 if m < 0 else m for m in way]) for cost, way in found]
    assert ordered == sorted(ordered)
