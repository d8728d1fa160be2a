"""What others went on to in visits like this one: nearest sessions, found and forgotten exactly.

VMIS-kNN (Kersbergen et al., SIGMOD 2022) with the decay by distance inside a neighbour that STAN has (Garg et al.,
SIGIR 2019) and sequential rules (Kamehkhosh et al., 2017). The state is nothing but sessions and sorted lists of them,
so taking one out leaves what there would be if it had never come: compare with `==`.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log

# Items of a session that are kept, the newest; nobody compares more.
FURTHEST = 200


@dataclass(frozen=True)
class Nearness:
    """How neighbours are found and how much they say; chosen on the last tenth of the training sessions.

    `recent` sessions of each item are looked at and the `nearest` of all kept. An item of the visit counts `fading`
    times the one after it; a neighbour's item `exp(-distance / reach)`, in places after the item that both share,
    `back` before it.
    A neighbour's weight halves in `half_life` (unit of `at`; none: never) and falls with its length to the power of
    `length`. `rarity` is the power of an item's inverse frequency. `rules` is the share of what came right after.
    From the best `seeds` another step is taken, with a weight of `widen`, which never overtakes the first `kept`.
    """

    recent: int = 500
    nearest: int = 500
    fading: float = 0.6
    reach: float = 2.5
    back: float = 1.5
    half_life: float | None = None
    length: float = 0.0
    rarity: float = 1.0
    rules: float = 0.1
    steps: int = 5
    longest: int = 9
    widen: float = 0.2
    seeds: int = 4
    kept: int = 5


class Sessions:
    """Sessions by key, the items of each in their order; `at` is when it was, in any unit that grows."""

    def __init__(self, nearness: Nearness | None = None) -> None:
        self.nearness = nearness or Nearness()
        self._items: dict[str, tuple[int, tuple[str, ...]]] = {}
        # The visits of each item, the oldest first.
        self._visits: dict[str, list[tuple[int, str]]] = {}
        near = self.nearness
        # By how many places after the shared item, from the furthest before it.
        back = [exp(-step / near.back) for step in range(FURTHEST, 0, -1)]
        self._table = back + [exp(-step / near.reach) for step in range(FURTHEST)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sessions) and (self._items, self._visits) == (other._items, other._visits)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def add(self, key: str, at: int, items: Sequence[str]) -> None:
        """Add a session, or replace the one of this key by what it has become."""
        if key in self._items:
            self.remove(key)
        items = items[-FURTHEST:]
        self._items[key] = (at, tuple(items))
        for item in set(items):
            insort(self._visits.setdefault(item, []), (at, key))

    def remove(self, key: str) -> None:
        """Take a session out as if it had never been there; one that is unknown is nothing to take out."""
        at, items = self._items.pop(key, (0, ()))
        for item in set(items):
            visits = self._visits[item]
            del visits[bisect_left(visits, (at, key))]
            if not visits:
                del self._visits[item]

    def scores(self, visit: Sequence[str], now: int | None = None) -> dict[str, float]:
        """Return what fits after this visit, 1 for the best; empty when nobody has seen any of its items.

        `now` in the unit of `at`; without it sessions age against the newest neighbour.
        """
        found = _to_one(self._raw(visit, now, self.nearness))
        near = self.nearness
        if not (near.widen and found):
            return found
        best = heapq.nlargest(near.kept + near.seeds + near.longest, found.items(), key=lambda each: (each[1], each[0]))
        seen = set(visit)
        seeds = [item for item, _ in best if item not in seen][: near.seeds]
        if not seeds:
            return found
        kept = {item for item, _ in best[: near.kept]}
        ceiling = best[: near.kept][-1][1]
        wider = _to_one(self._raw(seeds[::-1], now, replace(near, recent=near.recent // 4, nearest=near.nearest // 2)))
        for item, value in wider.items():
            if item not in kept:
                found[item] = min(ceiling, found.get(item, 0.0) + near.widen * value)
        return found

    def shares(self, visit: Sequence[str], item: str, now: int | None = None) -> dict[str, float]:
        """Return the parts of an item's score by the item of the visit that led there; they sum to the score.

        What came by two steps is the newest item's.
        """
        whole_score = self.scores(visit, now).get(item, 0.0)
        if not whole_score:
            return {}
        nearest = self._nearest(visit, now, self.nearness)
        near, rules = self._sum(nearest), self._rules(visit[-1])
        most_near = max(near.values(), default=0.0)
        most = max(self._scaled(near, rules).values(), default=0.0)
        weights = self._item_weights(visit)
        parts: dict[str, float] = {}
        for value, _, key, place in nearest:
            items = self._items[key][1]
            gain = sum(self._by_distance(other - place) for other, each in enumerate(items) if each == item)
            both = {each: weights[each] for each in items if each in weights}
            whole = sum(both.values())
            for each, weight in both.items() if gain else ():
                parts[each] = parts.get(each, 0.0) + gain * value * self._rarity(item) * weight / whole / most_near
        if item in rules:
            parts[visit[-1]] = parts.get(visit[-1], 0.0) + self.nearness.rules * rules[item]
        parts = {each: part / most for each, part in parts.items()}
        parts[visit[-1]] = parts.get(visit[-1], 0.0) + whole_score - sum(parts.values())
        return parts

    def _raw(self, visit: Sequence[str], now: int | None, near: Nearness) -> dict[str, float]:
        return self._scaled(self._sum(self._nearest(visit, now, near)), self._rules(visit[-1])) if visit else {}

    def _scaled(self, near: Mapping[str, float], rules: Mapping[str, float]) -> dict[str, float]:
        most = max(near.values(), default=0.0)
        found = {item: value / most for item, value in near.items()} if most > 0 else {}
        for item, value in rules.items():
            found[item] = found.get(item, 0.0) + self.nearness.rules * value
        return found

    def _item_weights(self, visit: Sequence[str]) -> dict[str, float]:
        """Return how much each item of a visit says, the newest first."""
        near = self.nearness
        ordered = dict.fromkeys(reversed(visit[-near.longest :]))
        return {item: near.fading**age * self._rarity(item) for age, item in enumerate(ordered)}

    def _nearest(self, visit: Sequence[str], now: int | None, near: Nearness) -> list[tuple[float, int, str, int]]:
        """Return the nearest sessions: weight, when, key, and the place of the newest item that both share."""
        similar: dict[tuple[int, str], float] = {}
        through: dict[tuple[int, str], str] = {}
        for item, weight in self._item_weights(visit).items():
            for each in self._visits.get(item, ())[-near.recent :]:
                if each in similar:
                    similar[each] += weight
                else:
                    similar[each] = weight
                    through[each] = item
        newest = max((at for at, _ in similar), default=0) if now is None else now
        weighed = []
        for (at, key), value in similar.items():
            if near.half_life is not None:
                value *= 2.0 ** (-max(0, newest - at) / near.half_life)
            if near.length:
                value /= len(self._items[key][1]) ** near.length
            weighed.append((value, at, key))
        if len(weighed) > near.nearest:
            weighed = heapq.nlargest(near.nearest, weighed)
        return [(value, at, key, self._items[key][1].index(through[at, key])) for value, at, key in weighed]

    def _sum(self, nearest: Sequence[tuple[float, int, str, int]]) -> dict[str, float]:
        found: dict[str, float] = {}
        get, sessions, table = found.get, self._items, self._table
        for value, _, key, here in nearest:
            for place, item in enumerate(sessions[key][1], FURTHEST - here):
                found[item] = get(item, 0.0) + value * table[place]
        return {item: value * self._rarity(item) for item, value in found.items()}

    def _by_distance(self, distance: int) -> float:
        return self._table[FURTHEST + distance]

    def _rules(self, item: str) -> dict[str, float]:
        """Return what came in the next steps after an item, the nearer the more; 1 for the most usual."""
        found: dict[str, float] = {}
        if not self.nearness.rules:
            return found
        for _, key in self._visits.get(item, ())[-self.nearness.recent :]:
            items = self._items[key][1]
            for place, each in enumerate(items):
                if each == item:
                    for step, other in enumerate(items[place + 1 : place + 1 + self.nearness.steps], 1):
                        found[other] = found.get(other, 0.0) + 1.0 / step
        most = max(found.values(), default=0.0)
        return {other: value / most for other, value in found.items()} if most else found

    def _rarity(self, item: str) -> float:
        return float(log(1.0 + len(self._items) / len(self._visits.get(item, "."))) ** self.nearness.rarity)


def _to_one(found: dict[str, float]) -> dict[str, float]:
    most = max(found.values(), default=0.0)
    return {item: value / most for item, value in found.items()} if most > 0 else {}
