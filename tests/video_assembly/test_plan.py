"""Which stretches become segments."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_assembly.common_form import MOST_HELD_SECONDS, UNIT_SECONDS
from video_assembly.plan import MOST_UNITS, spans


@given(st.floats(1.3, 180), st.lists(st.floats(0, 180), max_size=30))
def test_segments_are_whole_units_in_order_inside_the_clip(duration: float, cuts: list[float]) -> None:
    found = spans(duration, cuts)
    assert found
    assert all(1 <= span.units <= MOST_UNITS for span in found)
    assert all(one.end <= other.start + 0.006 for one, other in pairwise(found))
    assert found[0].start >= 0
    assert found[-1].end <= duration + MOST_HELD_SECONDS + 1e-6


@given(st.floats(1.3, 180), st.lists(st.floats(0, 180), max_size=30))
def test_a_scene_of_its_own_length_begins_a_segment(duration: float, cuts: list[float]) -> None:
    edges = sorted({cut for cut in cuts if 0 < cut < duration})
    starts = [span.start for span in spans(duration, cuts)]
    for before, cut, after in zip([0.0, *edges], edges, [*edges[1:], duration], strict=False):
        if after - cut > UNIT_SECONDS and cut - before > UNIT_SECONDS:
            assert cut in starts


@pytest.mark.parametrize(
    ("duration", "cuts", "expected"),
    [
        (1.29, [], []),
        (1.3, [], [(0.0, 1)]),
        (3.0, [], [(0.0, 2)]),
        (2.85, [], [(0.0, 1)]),
        (6.5, [], [(0.0, 4)]),
        (9.6, [], [(0.0, 3), (4.8, 3)]),
        (10.0, [5.0], [(0.0, 3), (5.0, 3)]),
        (5.0, [0.4, 1.0], [(0.0, 3)]),
        (5.0, [1.7, 2.0], [(0.0, 1), (1.7, 2)]),
    ],
)
def test_examples(duration: float, cuts: list[float], expected: list[tuple[float, int]]) -> None:
    found = [(round(span.start, 3), span.units) for span in spans(duration, cuts)]
    assert found == expected
