"""Counted successes on a prior: with few of them the prior speaks, with many the counts do.

Empirical Bayes (Efron and Morris, 1975): the prior comes from everybody's counts, or from what an item is like. Counts
are whole numbers, so that a viewer can be taken out of them.
"""

import numpy as np
from numpy.typing import NDArray

from personalization.linear import Linear

Floats = NDArray[np.float64]


def mean(hits: Floats, shown: Floats, prior: Floats | float, strength: float) -> Floats:
    """Return the expected rate: the prior counts as `strength` showings."""
    return (hits + strength * prior) / (shown + strength)


def deviation(rate: Floats, shown: Floats, strength: float) -> Floats:
    """Return the standard deviation of a Beta distribution of this mean after `shown` showings."""
    return np.sqrt(rate * (1.0 - rate) / (shown + strength + 1.0))


def overall(hits: Floats, shown: Floats, prior: float, strength: float) -> float:
    """Return everybody's rate."""
    return float((hits.sum() + strength * prior) / (shown.sum() + strength))


def likeness(features: Floats, hits: Floats, shown: Floats, strength: float) -> Floats:
    """Return the weights by which an item's features tell its rate before it was shown.

    A function of the counts alone (n x d features with a constant column, n hits, n showings).
    """
    model = Linear.prior(features.shape[1], strength)
    tried = shown > 0
    seen = features[tried]
    model.precision += (seen.T * shown[tried]) @ seen
    model.moment += seen.T @ hits[tried]
    return model.weights()
