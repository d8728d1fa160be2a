"""The score of a product for a viewer: a sum of named parts, for all candidates at once and, in parts, for one.

One scorer serves feeds, lists of products, rooms (by what they show) and blocks of a page. There is no part for margin.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from personalization import alike
from personalization.candidates import Candidate, Columns
from personalization.explain import FAINT, MOST, Witnesses
from personalization.profile import DAY, SHORT_HALF_LIFE, Evidence, Key, Profile, Taste, Testimony, milliseconds

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
# From this cosine on a product is called similar; in one category most are above .3, of different ones hardly any.
SIMILAR = 0.3
FRESHNESS = 0.3
FRESH_HALF_LIFE = 14 * DAY
STOCK = 0.1
PLENTY = 10
RATE = 0.5
FATIGUE = 0.3
# Who has bought a thing does not need it again for a while, whatever else they do with it; its category and brand stay
# liked. Half of it is left after this time and a sixteenth after twice as long, for then it may be needed again.
SATED = 3.5
BOUGHT_REST = 9 * DAY
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
        # What each taste makes of a score, as far as somebody has asked.
        self._lifts: dict[Key, float] = {}

    @cached_property
    def witnesses(self) -> Witnesses:
        """What speaks for each taste, for reasons."""
        return Witnesses(self.profile, self._at)

    @cached_property
    def _testimony(self) -> Testimony:
        return Testimony(self.profile)

    def _all(self) -> Floats:
        columns = self.columns
        age = np.maximum(0.0, self._at - columns.created)
        scores = FRESHNESS * np.exp2(-age / FRESH_HALF_LIFE)
        scores += STOCK * np.minimum(1.0, columns.stock / PLENTY) + RATE * (columns.rate + columns.promise)
        self._add_tastes(scores)
        at = columns.at
        seen = [(at[product_id], self._fatigue(product_id)) for product_id in self.profile.seen if product_id in at]
        led = [(at[product_id], ALONG * value) for product_id, value in self.along.items() if product_id in at]
        paid = [(at[each], BOOST * min(1.0, strength)) for each, strength in self.boosts.items() if each in at]
        for some in (seen, led, paid):
            if some:
                scores[[place for place, _ in some]] += [part for _, part in some]
        if self.likeness is not None:
            scores += ALIKE * (columns.features @ self.likeness.weights)
        return scores

    def _add_tastes(self, scores: Floats) -> None:
        columns, profile = self.columns, self.profile
        groups = columns.groups
        known = [(key, taste) for key, taste in profile.tastes.items() if key in groups]
        if not known:
            return
        at = np.array([taste.at for _, taste in known], dtype=np.int64)
        long = alike.decayed(np.array([taste.long for _, taste in known]), at, self._at)
        short = alike.decayed(np.array([taste.short for _, taste in known]), at, self._at, SHORT_HALF_LIFE)
        lifts = np.array([LONG[key[0]] for key, _ in known]) * long / (1.0 + np.abs(long))
        lifts += np.array([SHORT[key[0]] for key, _ in known]) * short / (1.0 + np.abs(short))
        # A product has one brand, category and merchant: what these lift is looked up for all products at once.
        tables = {kind: np.zeros(len(numbers)) for kind, numbers in columns.numbers.items()}
        places, parts = [], []
        for ((kind, value), taste), lift in zip(known, lifts.tolist(), strict=True):
            if kind == "product":
                places.append(columns.at[value])
                parts.append(lift + self._cooled(taste.bought))
            elif kind in tables:
                tables[kind][columns.numbers[kind][value]] = lift
            else:
                scores[groups[kind, value]] += lift
        if places:
            scores[places] += parts
        for kind, table in tables.items():
            scores += table[columns.numbered[kind]]

    def explained(self, candidate: Candidate) -> tuple[dict[str, float], dict[Key, tuple[float, float]]]:
        """Return the parts of a candidate's score, which sum to it, and by key what a unit of each taste made."""
        profile, likeness = self.profile, self.likeness
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
            self._lifts[key] = each_long * long + each_short * short
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
        bought = self._cooled(profile.bought(candidate.product_id))
        if bought:
            parts["bought"] = bought
        return parts, keys

    def amount(self, candidate: Candidate, event_id: str) -> float:
        """Return what a candidate's score would lose if this event were deleted and the profile made anew."""
        changed = self._testimony.without(event_id)
        lost = 0.0
        for key in candidate.keys:
            after = changed.get(key)
            if after is not None:
                before = self._lifts.get(key)
                if before is None:
                    before = self._lifts[key] = self._lift(key[0], self.profile.tastes[key])
                lost += before - self._lift(key[0], after)
        own = changed.get(("product", candidate.product_id))
        if own is not None:
            lost += self._cooled(self.profile.bought(candidate.product_id)) - self._cooled(own.bought)
        return lost + self._less_alike(candidate, changed)

    def likened(self, candidate: Candidate) -> list[tuple[float, str, Evidence]]:
        """Return what gave the most to the part `alike`: how much, the other product, and its strongest event."""
        vector, likeness = self.columns.vectors.get(candidate.product_id), self.likeness
        if likeness is None or vector is None:
            return []
        events, factors = self._likely
        gains = ALIKE * likeness.shares(vector) * factors
        own = likeness.number.get(candidate.product_id)
        if own is not None:
            gains[own] = 0.0
        # A little of the part comes from things that share a syllable: nobody would call those similar.
        gains[likeness.rows @ vector < SIMILAR] = 0.0
        least = np.partition(gains, -MOST)[-MOST] if len(gains) > MOST else 0.0
        found = []
        for number in np.flatnonzero((gains >= least) & (gains > 0)).tolist():
            event = events[number]
            if event is not None:
                found.append((float(gains[number]), likeness.products[number], event))
        return found

    @cached_property
    def _likely(self) -> tuple[list[Evidence | None], Floats]:
        """The strongest event of each product that likeness was learnt from, and its share of the taste by now."""
        if self.likeness is None:
            return [], np.zeros(0)
        events: list[Evidence | None] = []
        weights = []
        for product_id, long in zip(self.likeness.products, self.likeness.tastes.tolist(), strict=True):
            strongest = self.witnesses.strongest(self.profile.tastes["product", product_id]) if long > 0 else None
            events.append(strongest)
            weights.append((0.0, self._at) if strongest is None else (strongest.weight, strongest.at))
        weight, at = np.array(weights).T
        return events, alike.decayed(weight, at, self._at) / np.maximum(self.likeness.tastes, FAINT)

    def _less_alike(self, candidate: Candidate, changed: Mapping[Key, Taste]) -> float:
        """Return by how much the part `alike` would fall with these tastes."""
        vectors = self.columns.vectors
        vector = vectors.get(candidate.product_id)
        products = [(key[1], taste) for key, taste in changed.items() if key[0] == "product" and key[1] in vectors]
        if vector is None or not products:
            return 0.0
        if self.likeness is not None and len(products) == 1:
            product_id, taste = products[0]
            lost = self.likeness.lost(vector, product_id, taste.at_time(self._at)[0])
            if lost is not None:
                return ALIKE * lost
        before = 0.0 if self.likeness is None else self.likeness.of(vector)
        after = alike.learn(replace(self.profile, tastes={**self.profile.tastes, **changed}), vectors, self._at)
        return ALIKE * (before - (0.0 if after is None else after.of(vector)))

    def _lift(self, kind: str, taste: Taste) -> float:
        long, short = taste.at_time(self._at)
        return LONG[kind] * _bound(long) * long + SHORT[kind] * _bound(short) * short

    def _fatigue(self, product_id: str) -> float:
        times = self.profile.seen[product_id].at_time(self._at)
        return -FATIGUE * times / (3.0 + times)

    def _cooled(self, bought: int | None) -> float:
        return 0.0 if bought is None else -SATED * 2.0 ** -((max(0, self._at - bought) / BOUGHT_REST) ** 2)


def _bound(weight: float) -> float:
    # w * _bound(w) runs from -1 to 1
    return 1.0 / (1.0 + abs(weight))
