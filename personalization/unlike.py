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
    numbered = [columns.numbered[kind] for kind in ("category", "brand")]
    kinds = [numbers[placed] for numbers in numbered]
    alike = [each[:, None] == each for each in kinds]
    own = CATEGORY * alike[0] + BRAND * alike[1] + PRODUCT * np.eye(len(placed))
    inverse = np.linalg.inv(own + NOISE * np.eye(len(placed)))
    # All that are not there themselves differ by category and brand alone: a small table says what is left of each.
    rows, codes = [], []
    for numbers, here, weight in zip(numbered, kinds, (CATEGORY, BRAND), strict=True):
        found = np.unique(here)
        # The last row is for whatever is not there.
        rows.append(np.vstack([weight * (found[:, None] == here), np.zeros(len(placed))]))
        local = np.full(int(numbers.max()) + 1, len(found))
        local[found] = np.arange(len(found))
        codes.append(local[numbers])
    both = (rows[0][:, None, :] + rows[1][None, :, :]).reshape(-1, len(placed))
    table = _cost(both, inverse, columns.breadth).reshape(len(rows[0]), len(rows[1]))
    costs = table[codes[0], codes[1]]
    costs[placed] = _cost(own, inverse, columns.breadth)
    return np.asarray(costs)


def _cost(likeness: Floats, inverse: Floats, breadth: float) -> Floats:
    left = 1.0 - ((likeness @ inverse) * likeness).sum(axis=1)
    return np.asarray(np.log(np.maximum(left, LEAST)) * (breadth / THETA))
