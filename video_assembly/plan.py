"""Which stretches of a clip become segments: whole units, beginning where a scene begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from video_assembly.common_form import MOST_HELD_SECONDS, UNIT_SECONDS

MOST_UNITS = 4
"""A segment lasts 6.4 s at most."""
_TOLERANCE = 0.005


@dataclass(frozen=True)
class Span:
    """One segment to be: where it begins in the clip, in seconds, and its length in units of 1.6 s."""

    start: float
    units: int

    @property
    def end(self) -> float:
        """Where it ends in the clip, in seconds; up to 0.3 s behind the clip's own end."""
        return self.start + self.units * UNIT_SECONDS


def spans(duration: float, cuts: Sequence[float] = ()) -> list[Span]:
    """Segments of a clip of `duration` seconds with scene cuts at these seconds, in order, never overlapping.

    Each scene gives as many whole units as it holds, split evenly into segments. At the end of the clip the last
    picture may be held for 0.3 s to fill a unit; inside it nothing is held, lest the next scene be shown.
    What is left of a scene is cut off; a scene too short for one unit goes together with the next.
    Empty for less than 1.3 s.
    """
    found: list[Span] = []
    edges = [0.0, *sorted(cut for cut in set(cuts) if 0 < cut < duration), duration]
    start = 0.0
    for end in edges[1:]:
        last = end == duration
        units = _whole_units(end - start, MOST_HELD_SECONDS if last else _TOLERANCE)
        if units == 0 and not last:
            continue  # too short to stand alone: the next scene is added to it
        found += _split(start, units)
        start = end
    return found


def _whole_units(seconds: float, held: float) -> int:
    return max(0, math.floor((seconds + held + 1e-9) / UNIT_SECONDS))


def _split(start: float, units: int) -> list[Span]:
    pieces = math.ceil(units / MOST_UNITS)
    found = []
    for piece in range(pieces):
        length = units * (piece + 1) // pieces - units * piece // pieces
        found.append(Span(start, length))
        start += length * UNIT_SECONDS
    return found
