"""Which stretches of a clip become segments: whole units, beginning where a scene begins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from video_assembly.common_form import MOST_HELD_SECONDS, UNIT_SECONDS

MOST_UNITS = 4
"""A segment lasts 6.4 s at most."""
_TOLERANCE = 0.005

Harm = Callable[[float], float]
"""What a cut at a moment (in seconds) would spoil: 0 nothing, 1 a word in its middle."""


@dataclass(frozen=True)
class Span:
    """One segment to be: where it begins in the clip, in seconds, and its length in units of 1.6 s."""

    start: float
    units: int

    @property
    def end(self) -> float:
        """Where it ends in the clip, in seconds; up to 0.3 s behind the clip's own end."""
        return self.start + self.units * UNIT_SECONDS


def spans(duration: float, cuts: Sequence[float] = (), harm: Harm | None = None) -> list[Span]:
    """Segments of a clip of `duration` seconds with scene cuts at these seconds, in order, never overlapping.

    Each scene gives as many whole units as it holds, split evenly into segments. At the end of the clip the last
    picture may be held for 0.3 s to fill a unit; inside it nothing is held, lest the next scene be shown.
    What is left of a scene is cut off; a scene too short for one unit goes together with the next.
    Empty for less than 1.3 s. With `harm` they begin and end where cutting does least of it: between words, in rest.
    """
    found: list[Span] = []
    edges = [0.0, *sorted(cut for cut in set(cuts) if 0 < cut < duration), duration]
    start = 0.0
    for end in edges[1:]:
        last = end == duration
        units = _whole_units(end - start, MOST_HELD_SECONDS if last else _TOLERANCE)
        if units == 0 and not last:
            continue  # too short to stand alone: the next scene is added to it
        found += _split(start, units) if harm is None else _gently(start, end, last, harm)
        start = end
    return found


def _whole_units(seconds: float, held: float) -> int:
    return max(0, math.floor((seconds + held + 1e-9) / UNIT_SECONDS))


def _gently(start: float, end: float, last: bool, harm: Harm) -> list[Span]:
    """Segments between two scene cuts, by dynamic programming over tenths of a second.

    What is left out costs, so does every cut into a word or a movement, and a segment of a single unit.
    """
    reach = end - start + (MOST_HELD_SECONDS if last else _TOLERANCE)
    count = int(reach / _GRID + 1e-6)
    unit = round(UNIT_SECONDS / _GRID)
    at = [start + step * _GRID for step in range(count + 1)]
    # The scene's own edges are cuts already.
    harms = [0.0 if step == 0 or time > end - 2 * _GRID else harm(time) for step, time in enumerate(at)]
    best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
    for step in range(1, count + 1):
        options = [(best[step - 1][0] + _LEFT_OUT, step - 1, 0)]
        for units, price in _LENGTHS.items():
            before = step - units * unit
            if before >= 0:
                options.append((best[before][0] + harms[before] + harms[step] + price, before, units))
        best.append(min(options))
    found: list[Span] = []
    step = count
    while step:
        _, before, units = best[step]
        if units:
            found.append(Span(at[before], units))
        step = before
    return found[::-1]


_GRID = 0.1
_LEFT_OUT = 0.12
"""What each tenth of a second that no segment shows costs; a cut in the middle of a word costs 1."""
_LENGTHS = {1: 0.9, 2: 0.25, 3: 0.1, 4: 0.15}


def _split(start: float, units: int) -> list[Span]:
    pieces = math.ceil(units / MOST_UNITS)
    found = []
    for piece in range(pieces):
        length = units * (piece + 1) // pieces - units * piece // pieces
        found.append(Span(start, length))
        start += length * UNIT_SECONDS
    return found
