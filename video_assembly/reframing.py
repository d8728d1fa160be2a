"""Which upright part of a lying picture is shown: a window that follows what is salient and what moves.

Where attention is spread over the whole width, a window would cut what matters: then the whole picture is shown over
its blurred copy.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_assembly.footage import COLUMNS, Footage

ENOUGH = 0.5
"""Share of the attention that a window of a third of the width must hold."""
_CENTRE = 0.15
"""How much the middle is preferred where nothing else speaks."""
_INERTIA = 0.9
"""What moving the window by one column costs, in shares of one look's attention times ten."""
_SMOOTH_SECONDS = 0.5
_SHORTEST_SCENE = 0.5


@dataclass(frozen=True)
class Gaze:
    """Middles of the window as shares of the width, at times in seconds; None where the whole picture is shown."""

    times: tuple[float, ...]
    middles: tuple[float | None, ...]

    def at(self, time: float) -> float | None:
        """The middle at a moment, gliding between looks of one scene."""
        if not self.times:
            return None
        after = bisect_right(self.times, time)
        before = max(0, after - 1)
        here = self.middles[before]
        if here is None or after >= len(self.times):
            return here
        following = self.middles[after]
        if following is None or abs(following - here) > 0.1:
            return here  # another scene begins
        share = (time - self.times[before]) / (self.times[after] - self.times[before])
        return here + (following - here) * min(1.0, max(0.0, share))


def gaze(footage: Footage, cuts: Sequence[float], width: float) -> Gaze:
    """Where to look in a picture of which a window of `width` (a share, below 1) can be shown."""
    times: list[float] = []
    middles: list[float | None] = []
    edges = [0.0, *sorted(cuts), float("inf")]
    for start, end in pairwise(edges):
        looks = [look for look in footage.looks if start <= look.time < end]
        if not looks:
            continue
        path = _path(np.array([look.attention for look in looks]), width)
        if path is not None and len(looks) > 1 and looks[-1].time - looks[0].time >= _SHORTEST_SCENE:
            path = _smooth(path, np.array([look.time for look in looks]))
        times += [start if at == 0 else look.time for at, look in enumerate(looks)]
        middles += [None] * len(looks) if path is None else [float(middle) for middle in path]
    return Gaze(tuple(times), tuple(middles))


def _path(attention: NDArray[Any], width: float) -> NDArray[Any] | None:
    """The window's middle at each look: most attention with least movement, by dynamic programming; None if spread."""
    reach = max(1, round(width * COLUMNS))
    sums = np.cumsum(np.pad(attention, ((0, 0), (1, 0))), axis=1)
    held = sums[:, reach:] - sums[:, :-reach]
    places = np.arange(held.shape[1])
    middle = 1 - np.abs(places - places.mean()) / max(places.mean(), 1)
    gain = held + _CENTRE * middle * width
    price = _INERTIA / 10 * np.abs(places[:, None] - places[None, :])
    best, came = gain[0], np.zeros(held.shape, int)
    for at in range(1, len(gain)):
        options = best[:, None] - price
        came[at] = options.argmax(axis=0)
        best = options.max(axis=0) + gain[at]
    chosen = np.empty(len(gain), int)
    chosen[-1] = int(best.argmax())
    for at in range(len(gain) - 1, 0, -1):
        chosen[at - 1] = came[at][chosen[at]]
    seen = held[np.arange(len(held)), chosen]
    if attention.sum() > 0 and seen.mean() < max(ENOUGH, 1.25 * width):
        return None
    result: NDArray[Any] = (chosen + reach / 2) / COLUMNS
    return result


def _smooth(path: NDArray[Any], times: NDArray[Any]) -> NDArray[Any]:
    weights = np.exp(-(((times[:, None] - times[None, :]) / _SMOOTH_SECONDS) ** 2) / 2)
    result: NDArray[Any] = weights @ path / weights.sum(axis=1)
    return result
