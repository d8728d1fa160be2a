"""Intervals of a mean over viewers: a cluster bootstrap, since one viewer's trips are not independent."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000


def difference(
    values: NDArray[np.float64], clusters: NDArray[np.int64], draws: int = DRAWS
) -> tuple[float, float, float]:
    """Return lower end, mean and upper end of the 95 % interval of the mean, drawing whole clusters."""
    _, number = np.unique(clusters, return_inverse=True)
    sums = np.bincount(number, values)
    sizes = np.bincount(number).astype(np.float64)
    dice = np.random.default_rng(0)
    means = []
    for _ in range(draws):
        picked = dice.integers(len(sums), size=len(sums))
        means.append(sums[picked].sum() / sizes[picked].sum())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(values.mean()), float(high)
