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
    categories, brands = columns.numbered["category"], columns.numbered["brand"]
    # All that are not there themselves differ by category and brand alone: a small table says what is left of each.
    of_category, category_codes = _rows(categories[placed], CATEGORY, len(columns.numbers["category"]))
    of_brand, brand_codes = _rows(brands[placed], BRAND, len(columns.numbers["brand"]))
    here = np.eye(len(placed))
    own = of_category[category_codes[categories[placed]]] + of_brand[brand_codes[brands[placed]]] + PRODUCT * here
    inverse = np.linalg.inv(own + NOISE * here)
    both = (of_category[:, None, :] + of_brand).reshape(-1, len(placed))
    likeness = np.concatenate((both, own))
    left = 1.0 - ((likeness @ inverse) * likeness).sum(axis=1)
    table = np.log(np.maximum(left, LEAST)) * (columns.breadth / THETA)
    costs = table[(category_codes * len(of_brand))[categories] + brand_codes[brands]]
    costs[placed] = table[len(both) :]
    return np.asarray(costs, dtype=np.float64)


def _rows(here: NDArray[np.intp], weight: float, count: int) -> tuple[Floats, NDArray[np.intp]]:
    """Return what a value has in common with each of those here, a row for each value, and the row of every value."""
    found = list(dict.fromkeys(here.tolist()))
    # The last row is for whatever is not there.
    rows = np.zeros((len(found) + 1, len(here)))
    rows[:-1] = weight * (np.array(found)[:, None] == here)
    codes = np.full(count, len(found))
    codes[found] = range(len(found))
    return rows, codes
