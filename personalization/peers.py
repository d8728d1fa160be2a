"""Viewers who take alike, and what those take: the prior of somebody who has not taken much yet.

User-based neighbours with an asymmetric cosine, as Faggioli et al. (UMAP 2020) find next baskets; here they are the
prior that own counts correct. The state is whole-number counts, each viewer's apart: taking one out leaves nothing.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]


class Peers:
    """Counts of what each viewer took, by viewer and by item; `nearest` peers speak, each on a prior of `own` times."""

    def __init__(self, viewers: int, items: int, nearest: int = 100, own: float = 3.0) -> None:
        # Whole numbers below 2^24, which single precision holds exactly.
        self._taken = np.zeros((viewers, items), dtype=np.float32)
        self._by_item = np.zeros((items, viewers), dtype=np.float32)
        self._times = np.zeros(viewers)
        self._squares = np.zeros(viewers)
        self._nearest, self._own = min(nearest, viewers - 1), own

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Peers) and (
            np.array_equal(self._taken, other._taken)
            and np.array_equal(self._by_item, other._by_item)
            and np.array_equal(self._times, other._times)
            and np.array_equal(self._squares, other._squares)
        )

    __hash__ = None  # type: ignore[assignment]

    def observe(self, viewer: int, items: Ids) -> None:
        """Count what a viewer took at one time."""
        self._squares[viewer] += float((2.0 * self._taken[viewer, items] + 1.0).sum())
        self._taken[viewer, items] += 1
        self._by_item[items, viewer] += 1
        self._times[viewer] += 1

    def remove(self, viewer: int) -> None:
        """Take a viewer out as if there had never been one."""
        self._taken[viewer] = 0
        self._by_item[:, viewer] = 0
        self._times[viewer] = self._squares[viewer] = 0

    def rates(self, viewer: int, usual: Floats) -> Floats:
        """Return how often those who take alike take each item; everybody's rates (`usual`) where nobody does.

        Shared items count by how rare they are, a peer by the likeness.
        """
        held = np.flatnonzero(self._taken[viewer])
        if not len(held) or not self._nearest:
            return usual
        weights = self._taken[viewer, held] * -np.log(usual[held])
        alike = weights @ self._by_item[held] / np.sqrt(self._squares + 1e-9)
        alike[viewer] = 0.0
        peers = np.argpartition(-alike, self._nearest - 1)[: self._nearest]
        peers = peers[alike[peers] > 0]
        if not len(peers):
            return usual
        says = alike[peers] / alike[peers].sum()
        per_time = says / (self._times[peers] + self._own)
        found = per_time.astype(np.float32) @ self._taken[peers] + self._own * per_time.sum() * usual
        return np.asarray(found, dtype=np.float64)
