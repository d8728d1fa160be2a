"""Diversity: what a product has that the places before it have not, by a determinantal point process (DPP).

The greedy choice of a DPP with quality `exp(THETA * score / 2)` (Chen, Zhang, Zhou: Fast greedy MAP inference, NeurIPS
2018) takes the product with the highest `score + log(d) / THETA`, where `d` is what is left of the product's likeness
to itself once the likeness to what stands there already is explained. So it is a part of the score like all others.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from personalization.candidates import Columns

Floats = NDArray[np.float64]

# What two products have in common, of one: the same category, the same brand, being the same.
CATEGORY, BRAND, PRODUCT = 0.5, 0.1, 0.4
# How much a liking counts against likeness; chosen on simulated viewers (docs/personalization.md).
THETA = 1.5
# So much of a product is always new, so that a small shop repeats itself rather than running dry.
NOISE = 0.02
LEAST = 1e-3


def costs(columns: Columns, before: Iterable[str]) -> Floats | None:
    """Return what each candidate loses, 0 or less, to those before it; None where nothing before is known.

    The fewer categories there are, the less: who has three repeats them anyway (`Columns.breadth`).
    """
    placed = [columns.at[each] for each in dict.fromkeys(before) if each in columns.at]
    if not placed or not columns.breadth:
        return None
    # All that are not there themselves differ by category and brand alone, of which there are fewer than products.
    of_category, of_brand = columns.pairs
    pairs = columns.pair[placed]
    both = CATEGORY * (of_category[:, None] == of_category[pairs]) + BRAND * (of_brand[:, None] == of_brand[pairs])
    here = np.eye(len(placed))
    own = both[pairs] + PRODUCT * here
    inverse = np.linalg.inv(own + NOISE * here)
    likeness = np.concatenate((both, own))
    left = 1.0 - ((likeness @ inverse) * likeness).sum(axis=1)
    table = np.log(np.maximum(left, LEAST)) * (columns.breadth / THETA)
    costs = table[columns.pair]
    costs[placed] = table[len(both) :]
    return np.asarray(costs, dtype=np.float64)
