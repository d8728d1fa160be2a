"""What a viewer's tastes for products say about other products: a Bayesian linear model over what products are like.

A pure function of the profile: each product that the viewer has a taste for is an observation, for or against, that
counts as much as the taste weighs by now. So it decays, is forgotten and is explained as the profile is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from personalization.linear import Linear
from personalization.profile import LONG_HALF_LIFE, Profile

Floats = NDArray[np.float64]
# As sure as two likes that there is no taste.
PRIOR = 2.0
# The strongest tastes decide; the rest would cost time and change nothing.
MOST_OBSERVED = 100
FAINT = 0.01


@dataclass(frozen=True)
class Likeness:
    """The model with the products it was learnt from: `tastes` are their weights, a row of `rows` for each.

    `inverse` is that of the model's precision: with it a further question costs a product instead of a system.
    """

    inverse: Floats
    weights: Floats
    products: tuple[str, ...]
    rows: Floats
    tastes: Floats

    def of(self, features: Floats) -> float:
        """Return how much a product of these features is expected to be liked, from -1 to 1."""
        return float(features @ self.weights)

    def shares(self, features: Floats) -> Floats:
        """Return what each of the products gave to that; they sum to it."""
        return np.asarray((self.rows @ (self.inverse @ features)) * self.tastes, dtype=np.float64)

    @cached_property
    def number(self) -> dict[str, int]:
        """The row of each product."""
        return {product_id: number for number, product_id in enumerate(self.products)}

    @cached_property
    def _own(self) -> Floats:
        return np.asarray(((self.rows @ self.inverse) * self.rows).sum(axis=1), dtype=np.float64)

    def lost(self, features: Floats, product_id: str, taste: float) -> float | None:
        """Return by how much `of` would fall if the taste for one product were this; None: to be learnt anew.

        Exact: one observation's weight is a rank-one change of the precision (Sherman and Morrison, 1950).
        """
        number = self.number.get(product_id)
        if number is None or len(self.products) >= MOST_OBSERVED:
            return None
        if abs(taste) < FAINT:
            taste = 0.0
        row, before, own = self.rows[number], float(self.tastes[number]), float(self._own[number])
        more, heavier = taste - before, abs(taste) - abs(before)
        both = float(features @ (self.inverse @ row))
        after = more * both - heavier * both * (float(row @ self.weights) + more * own) / (1.0 + heavier * own)
        return -after


def learn(profile: Profile, vectors: Mapping[str, Floats], at: int) -> Likeness | None:
    """Return the model as of `at` (ms since 1970); None without a taste for a product whose features are known."""
    known = [(key[1], taste) for key, taste in profile.tastes.items() if key[0] == "product" and key[1] in vectors]
    if not known:
        return None
    long = decayed(np.array([taste.long for _, taste in known]), np.array([taste.at for _, taste in known]), at)
    strong = [(-abs(weight), value, weight) for (value, _), weight in zip(known, long.tolist(), strict=True)]
    found = sorted(each for each in strong if each[0] <= -FAINT)[:MOST_OBSERVED]
    if not found:
        return None
    rows = np.array([vectors[value] for _, value, _ in found])
    tastes = np.array([weight for _, _, weight in found])
    model = Linear.prior(rows.shape[1], PRIOR)
    model.observe(rows, np.sign(tastes), np.abs(tastes))
    inverse = np.asarray(np.linalg.inv(model.precision), dtype=np.float64)
    return Likeness(inverse, inverse @ model.moment, tuple(value for _, value, _ in found), rows, tastes)


def decayed(weights: Floats, at: NDArray[np.int64] | Floats, now: int, half_life: int = LONG_HALF_LIFE) -> Floats:
    """Return weights that were so at their times as they are at `now` (ms since 1970): `Taste.at_time` for many."""
    return np.asarray(weights * np.exp2(-np.maximum(now - at, 0) / half_life), dtype=np.float64)
