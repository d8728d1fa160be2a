"""The score of a product for a viewer: a sum of named parts, for all candidates at once and, in parts, for one.

One scorer serves feeds, lists of products, rooms (by what they show) and blocks of a page. There is no part for margin.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from personalization import alike
from personalization.candidates import Candidate, Columns
from personalization.profile import DAY, SHORT_HALF_LIFE, Key, Profile, milliseconds, without

Floats = NDArray[np.float64]

# Long-term taste lifts a favourite category to about five places of ten; a session's fresh interest, by two more.
# What the viewer says to value ("value") lifts as much as a brand and a category do together.
# Both are bounded (`_bound`), so that no history outweighs what the viewer does now. Together with what repetition
# costs these are set so that no product fills more than about three places of ten while five others are there.
LONG: Mapping[str, float] = {"category": 0.6, "brand": 0.25, "product": 0.3, "merchant": 0.25, "value": 0.5}
SHORT: Mapping[str, float] = {"category": 2.4, "brand": 0.4, "product": 0.5, "merchant": 0.4, "value": 0.4}
# What is like liked products, and what others went on to from them.
ALIKE = 0.4
ALONG = 0.3
FRESHNESS = 0.3
FRESH_HALF_LIFE = 14 * DAY
STOCK = 0.1
PLENTY = 10
RATE = 0.5
FATIGUE = 0.3
# Who has just bought a thing does not need it again; its category and brand stay liked.
BOUGHT = 3.5
BOUGHT_HALF_LIFE = 2 * DAY
# The most that a paid boost adds: half of what a liked category does.
BOOST = 0.3
NOTHING_ALONG: Mapping[str, float] = {}
NO_BOOSTS: Mapping[str, float] = {}


class Scorer:
    """All candidates' scores for one viewer at one time; `along` and `boosts` are by product id, 0 to 1."""

    def __init__(
        self,
        profile: Profile,
        columns: Columns,
        now: datetime,
        along: Mapping[str, float] = NOTHING_ALONG,
        boosts: Mapping[str, float] = NO_BOOSTS,
    ) -> None:
        self.boosts = boosts
        self.profile, self.columns, self.now, self.along = profile, columns, now, along
        self._at = milliseconds(now)
        self.likeness = alike.learn(profile, columns.vectors, self._at)
        self.scores = self._all()

    def _all(self) -> Floats:
        columns, profile = self.columns, self.profile
        age = np.maximum(0.0, self._at - columns.created)
        scores = FRESHNESS * np.exp2(-age / FRESH_HALF_LIFE)
        scores += STOCK * np.minimum(1.0, columns.stock / PLENTY) + RATE * (columns.rate + columns.promise)
        known = [(key, taste, columns.groups[key]) for key, taste in profile.tastes.items() if key in columns.groups]
        at = np.array([taste.at for _, taste, _ in known], dtype=np.int64)
        long = alike.decayed(np.array([taste.long for _, taste, _ in known]), at, self._at)
        short = alike.decayed(np.array([taste.short for _, taste, _ in known]), at, self._at, SHORT_HALF_LIFE)
        lifts = np.array([LONG[key[0]] for key, _, _ in known]) * long / (1.0 + np.abs(long))
        lifts += np.array([SHORT[key[0]] for key, _, _ in known]) * short / (1.0 + np.abs(short))
        for (key, _, places), lift in zip(known, lifts.tolist(), strict=True):
            scores[places] += lift + self._bought(profile, key[1]) if key[0] == "product" else lift
        for product_id in profile.seen:
            if product_id in columns.at:
                scores[columns.at[product_id]] += self._fatigue(product_id)
        if self.likeness is not None:
            scores += ALIKE * (columns.features @ self.likeness.weights)
        for product_id, value in self.along.items():
            if product_id in columns.at:
                scores[columns.at[product_id]] += ALONG * value
        for product_id, strength in self.boosts.items():
            if product_id in columns.at:
                scores[columns.at[product_id]] += BOOST * min(1.0, strength)
        return scores

    def explained(self, candidate: Candidate) -> tuple[dict[str, float], dict[Key, tuple[float, float]]]:
        """Return the parts of a candidate's score, which sum to it, and by key what a unit of each taste made."""
        return self._explained(candidate, self.profile, self.likeness)

    def amount(self, candidate: Candidate, event_id: str, score: float | None = None) -> float:
        """Return what a candidate's score would lose if this event were deleted and the profile made anew.

        `score` is what `explained` sums to, where it is known.
        """
        if score is None:
            score = sum(self.explained(candidate)[0].values())
        profile = without(self.profile, event_id)
        likeness = alike.learn(profile, self.columns.vectors, self._at)
        after, _ = self._explained(candidate, profile, likeness)
        return score - sum(after.values())

    def shares(self, candidate: Candidate) -> dict[str, float]:
        """Return what each product that the viewer has a taste for gave to the part `alike`."""
        vector = self.columns.vectors.get(candidate.product_id)
        if self.likeness is None or vector is None:
            return {}
        return {product: ALIKE * share for product, share in self.likeness.shares(vector).items()}

    def _explained(
        self, candidate: Candidate, profile: Profile, likeness: alike.Likeness | None
    ) -> tuple[dict[str, float], dict[Key, tuple[float, float]]]:
        parts: dict[str, float] = {}
        keys: dict[Key, tuple[float, float]] = {}
        for key in candidate.keys:
            taste = profile.tastes.get(key)
            if taste is None:
                continue
            kind = key[0]
            long, short = taste.at_time(self._at)
            each_long, each_short = LONG[kind] * _bound(long), SHORT[kind] * _bound(short)
            # A product may have several traits that the viewer values.
            parts[kind] = parts.get(kind, 0.0) + each_long * long + each_short * short
            keys[key] = (each_long, each_short)
        age = max(0, self._at - milliseconds(candidate.created_at))
        parts["freshness"] = FRESHNESS * 2.0 ** (-age / FRESH_HALF_LIFE)
        parts["stock"] = STOCK * min(1.0, candidate.stock / PLENTY)
        parts["rate"] = RATE * candidate.rate
        if candidate.promise:
            parts["promise"] = RATE * candidate.promise
        vector = self.columns.vectors.get(candidate.product_id)
        if likeness is not None and vector is not None:
            parts["alike"] = ALIKE * likeness.of(vector)
        if candidate.product_id in self.along:
            parts["along"] = ALONG * self.along[candidate.product_id]
        if candidate.product_id in self.boosts:
            parts["boost"] = BOOST * min(1.0, self.boosts[candidate.product_id])
        if candidate.product_id in profile.seen:
            parts["fatigue"] = self._fatigue(candidate.product_id)
        bought = self._bought(profile, candidate.product_id)
        if bought:
            parts["bought"] = bought
        return parts, keys

    def _fatigue(self, product_id: str) -> float:
        times = self.profile.seen[product_id].at_time(self._at)
        return -FATIGUE * times / (3.0 + times)

    def _bought(self, profile: Profile, product_id: str) -> float:
        bought = profile.bought(product_id)
        return 0.0 if bought is None else -BOUGHT * 2.0 ** (-max(0, self._at - bought) / BOUGHT_HALF_LIFE)


def _bound(weight: float) -> float:
    # w * _bound(w) runs from -1 to 1
    return 1.0 / (1.0 + abs(weight))
