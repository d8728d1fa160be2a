"""Candidates side by side as arrays, made once for many feeds: thousands are scored in less than a millisecond."""

from collections.abc import Container, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from personalization.profile import Key, Profile, milliseconds

Floats = NDArray[np.float64]
KINDS = ("product", "brand", "category", "merchant")
# So many categories have to be repeated anyway to fill a feed.
FEW = 3
NOTHING_KNOWN: Mapping[str, Floats] = {}


@dataclass(frozen=True)
class Candidate:
    """A product that may be chosen; `rate` is welcomes per showing with everybody, 0 to 1.

    `popular` tells that counts of many stand behind the rate and not only what is assumed of every product. `promise`
    is what is hoped of a product beyond its rate until it was shown often enough to be judged, `unjudged` that it was
    not, for surprises.
    """

    product_id: str
    merchant_id: str
    category: str
    brand: str
    created_at: datetime
    stock: int
    rate: float = 0.0
    popular: bool = False
    promise: float = 0.0
    traits: frozenset[str] = frozenset()
    unjudged: bool = False

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """What a taste may be for, the product's own first."""
        own = zip(KINDS, (self.product_id, self.brand, self.category, self.merchant_id), strict=True)
        return (*own, *[("value", trait) for trait in sorted(self.traits)])


class Columns:
    """Candidates that are in stock in the order of their ids; it never changes and may be shared by threads.

    `vectors` say what products are like, by their id; a product without one is like nothing.
    """

    def __init__(self, candidates: Iterable[Candidate], vectors: Mapping[str, Floats] = NOTHING_KNOWN) -> None:
        self.all = tuple(sorted((each for each in candidates if each.stock > 0), key=lambda each: each.product_id))
        self.vectors = vectors
        self.at = {each.product_id: place for place, each in enumerate(self.all)}
        self.ids = tuple(self.at)
        self.created = np.array([milliseconds(each.created_at) for each in self.all], dtype=np.float64)
        self._renew()
        groups: dict[Key, list[int]] = {}
        for place, each in enumerate(self.all):
            for key in each.keys:
                groups.setdefault(key, []).append(place)
        self.groups = {key: np.array(places) for key, places in groups.items()}
        # Of each kind that every product has one of: a number for each value, and each product's.
        self.numbers: dict[str, dict[str, int]] = {}
        self.numbered: dict[str, NDArray[np.intp]] = {}
        for kind, values in (
            ("brand", [each.brand for each in self.all]),
            ("category", [each.category for each in self.all]),
            ("merchant", [each.merchant_id for each in self.all]),
        ):
            numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
            self.numbers[kind] = numbers
            self.numbered[kind] = np.array([numbers[value] for value in values], dtype=np.intp)
        # Each category with a brand in it once, as two rows of numbers; and which of these each product is of.
        count = max(1, len(self.numbers["brand"]))
        both, self.pair = np.unique(self.numbered["category"] * count + self.numbered["brand"], return_inverse=True)
        self.pairs = np.divmod(both, count)
        # How far there are more categories than FEW: 0 with these, towards 1 with many.
        self.breadth = max(0.0, 1.0 - FEW / max(1, len(self.numbers["category"])))
        length = len(next(iter(vectors.values()))) if vectors else 0
        nothing = np.zeros(length)
        self.features = np.array([vectors.get(each.product_id, nothing) for each in self.all]).reshape(
            len(self.all), length
        )

    def __len__(self) -> int:
        return len(self.all)

    def _renew(self) -> None:
        """Put side by side what changes while the same products are in stock."""
        self.stock = np.array([each.stock for each in self.all], dtype=np.float64)
        self.rate = np.array([each.rate for each in self.all])
        self.promise = np.array([each.promise for each in self.all])
        self.unjudged = np.array([each.unjudged for each in self.all], dtype=bool)

    def renewed(self, facts: Mapping[str, Candidate]) -> "Columns":
        """Return the same products with the stock and rates that they have by now; all of them are in `facts`."""
        made = copy(self)
        made.all = tuple([facts[each] for each in self.ids])
        made._renew()
        return made

    def allowed(self, profile: Profile) -> NDArray[np.bool_]:
        """Return which of them the viewer did not rule out."""
        found = np.ones(len(self.all), dtype=bool)
        for key, block in profile.blocks.items():
            if block.blocked and key in self.groups:
                found[self.groups[key]] = False
        return found

    def names(self, profile: Profile) -> Container[str]:
        """Return the ids of those that the viewer did not rule out, to be asked for."""
        allowed = self.allowed(profile)
        return self.at if allowed.all() else _Allowed(self.at, allowed)


@dataclass(frozen=True)
class _Allowed:
    """Thousands of ids, of which a feed asks for a few."""

    at: Mapping[str, int]
    allowed: NDArray[np.bool_]

    def __contains__(self, product_id: object) -> bool:
        place = self.at.get(product_id)  # type: ignore[call-overload]
        return place is not None and bool(self.allowed[place])
