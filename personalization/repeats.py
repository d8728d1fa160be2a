"""When a thing is due again, and which is a habit: how often it is taken again, against what taste expects.

By the time since the last (`EDGES`), by how often it was taken (`TIMES`), by the time since the last visit (`VISITS`),
by the hour (`HOURS`), by the first as a share of the usual interval (`INTERVALS`): the same counts with other steps.

Shared by all viewers and made of whole numbers: what was expected is counted in 1/1024, so that a viewer can be taken
out exactly. A survival model by steps of time (a discrete hazard) on the prior of all things together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]

# How often it was taken.
TIMES = (1.5, 2.5, 3.5, 5.5, 8.5, 13.5, 21.5)
# Days since the viewer's last visit, of whatever.
VISITS = (0.5, 1.5, 2.5, 4.5, 7.5, 14.5)
# Hours of the day.
HOURS = (3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0)
# The time since the last, in this viewer's usual intervals of the thing.
INTERVALS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.6, 2.2, 4.0)
# Days since the last time.
EDGES = (0.5, 1.5, 3.5, 6.5, 8.5, 13.5, 15.5, 22.0, 32.0, 50.0, 80.0, 130.0)
UNIT = 1024


class Repeats:
    """Counts for each item and step: how often it was taken again, and how often that was expected."""

    def __init__(self, items: int, strength: float = 10.0, edges: Sequence[float] = EDGES) -> None:
        self.taken = np.zeros((items, len(edges) + 1), dtype=np.int64)
        self.expected = np.zeros((items, len(edges) + 1), dtype=np.int64)
        self._edges, self._strength = np.array(edges), strength

    def step(self, values: Floats) -> Ids:
        """Return the step of each number of days, or of times."""
        return np.asarray(np.searchsorted(self._edges, values), dtype=np.intp)

    def factor(self, items: Ids, steps: Ids) -> Floats:
        """Return how many times as likely as its rate each item is to be taken at this step."""
        whole = self._strength
        everything = (self.taken.sum(axis=0) + whole) / (self.expected.sum(axis=0) / UNIT + whole)
        taken, expected = self.taken[items, steps], self.expected[items, steps] / UNIT
        return np.asarray((taken + whole * everything[steps]) / (expected + whole), dtype=np.float64)

    def count(self, items: Ids, steps: Ids, taken: NDArray[np.bool_], rates: Floats, sign: int = 1) -> None:
        """Add what became of a viewer's items on one occasion, or with `sign` -1 take it out again."""
        np.add.at(self.taken, (items, steps), sign * taken.astype(np.int64))
        np.add.at(self.expected, (items, steps), sign * np.rint(rates * UNIT).astype(np.int64))
