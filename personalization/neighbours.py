"""What others went on to in visits like this one: nearest sessions, found and forgotten exactly.

VMIS-kNN (Kersbergen et al., SIGMOD 2022) with the decay by distance inside a neighbour that STAN has (Garg et al.,
SIGIR 2019) and sequential rules (Kamehkhosh et al., 2017). The state is nothing but sessions and sorted lists of them,
so taking one out leaves what there would be if it had never come: compare with `==`.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

# Items of a session that are kept, the newest; nobody compares more.
FURTHEST = 200


@dataclass(frozen=True)
class Nearness:
    """How neighbours are found and how much they say; chosen on the last tenth of the training sessions.

    `recent` sessions of each item are looked at and the `nearest` of all kept. Each of the `longest` newest items of
    the visit counts `fading` times the one after it, and by its inverse frequency to the power of `rarity`; their sum
    to the power of `sharpness` is the likeness. Items of a neighbour count `exp(-distance / reach)`, in places after
    the items that both share, `back` before them, and by their own inverse frequency to the power of `plainness`.

    `aging` is the share of a neighbour's weight that halves in `half_life` (unit of `at`; none: never), `waning` the
    share of an item's that halves in `waning_life` after its last session. What the visit had before its last item
    counts `again` times. `rules` is the share of what came within `steps` after that last one.

    From the best `seeds` another step is taken. It weighs `widen` and, where neighbours are few, up to `doubt` more,
    half of that where there are `enough`; it never overtakes the first `kept`.
    """

    recent: int = 300
    nearest: int = 500
    fading: float = 0.6
    longest: int = 9
    rarity: float = 2.0
    sharpness: float = 1.2
    reach: float = 2.5
    back: float = 1.5
    plainness: float = 1.3
    half_life: float | None = None
    aging: float = 0.8
    waning_life: float | None = None
    waning: float = 0.3
    again: float = 2.0
    rules: float = 0.1
    steps: int = 5
    widen: float = 0.2
    doubt: float = 0.6
    enough: int = 50
    seeds: int = 4
    kept: int = 5


# How much it says, its items, and those that it shares with what they weigh there.
_Neighbour = tuple[float, tuple[str, ...], tuple[tuple[str, float], ...]]


class _Rarities(dict[int, float]):
    """An inverse frequency to a power by how many of all sessions have the item, computed once each."""

    def __init__(self, sessions: int, power: float) -> None:
        super().__init__()
        self._sessions, self._power = sessions, power

    def __missing__(self, having: int) -> float:
        found = self[having] = float(log(1.0 + self._sessions / having) ** self._power)
        return found


class Sessions:
    """Sessions by key, the items of each in their order; `at` is when it was, in any unit that grows."""

    def __init__(self, nearness: Nearness | None = None) -> None:
        self.nearness = nearness or Nearness()
        self._items: dict[str, tuple[int, tuple[str, ...]]] = {}
        # The visits of each item, the oldest first.
        self._visits: dict[str, list[tuple[int, str]]] = {}
        near = self.nearness
        # What an item says by how many places after the shared one it is, from the furthest before it.
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
        near = self.nearness
        visit = visit[-near.longest :]
        weights: dict[str, float] = {}
        for age, item in enumerate(reversed(visit)):
            weights[item] = weights.get(item, 0.0) + near.fading**age
        nearest = self._nearest(weights, now, near.recent, near.nearest)
        found = self._sum(nearest, now)
        most = max((value for item, value in found.items() if item not in weights), default=0.0)
        if most > 0:
            found = {item: value / most for item, value in found.items()}
        for item, value in self._rules(visit).items():
            found[item] = found.get(item, 0.0) + near.rules * value
        found = _to_one(found)
        for item in weights:
            if item != visit[-1] and item in found:
                found[item] *= near.again
        if near.seeds and found:
            self._widen(found, weights, now, near.widen + near.doubt * near.enough / (near.enough + len(nearest)))
        return _to_one(found)

    def _widen(self, found: dict[str, float], seen: Mapping[str, float], now: int | None, weight: float) -> None:
        """Add what the best of what was found lead to."""
        near = self.nearness
        best = heapq.nlargest(near.kept + near.seeds + near.longest, found.items(), key=lambda each: (each[1], each[0]))
        seeds = [item for item, _ in best if item not in seen][: near.seeds]
        kept = {item for item, _ in best[: near.kept]}
        ceiling = best[: near.kept][-1][1]
        nearest = self._nearest(
            {item: near.fading**place for place, item in enumerate(seeds)}, now, near.recent // 2, near.nearest // 2
        )
        for item, value in _to_one(self._sum(nearest, now)).items():
            if item not in kept:
                found[item] = min(ceiling, found.get(item, 0.0) + weight * value)

    def _nearest(self, weights: Mapping[str, float], now: int | None, recent: int, most: int) -> list[_Neighbour]:
        """Return the sessions nearest to weighted items."""
        near = self.nearness
        rarities = _Rarities(len(self._items), near.rarity)
        similar: dict[tuple[int, str], float] = {}
        shared: dict[tuple[int, str], tuple[tuple[str, float], ...]] = {}
        for item, weight in weights.items():
            visits = self._visits.get(item, ())
            if not visits:
                continue
            weight *= rarities[len(visits)]
            through = ((item, weight),)
            for each in visits[-recent:]:
                if each in similar:
                    similar[each] += weight
                    shared[each] += through
                else:
                    similar[each] = weight
                    shared[each] = through
        if now is None:
            now = max((at for at, _ in similar), default=0)
        weighed = []
        for each, value in similar.items():
            value **= near.sharpness
            if near.half_life is not None:
                value *= 1.0 - near.aging + near.aging * 2.0 ** (-max(0, now - each[0]) / near.half_life)
            weighed.append((value, each))
        if len(weighed) > most:
            weighed = heapq.nlargest(most, weighed)
        return [(value, self._items[each[1]][1], shared[each]) for value, each in weighed]

    def _sum(self, nearest: Sequence[_Neighbour], now: int | None) -> dict[str, float]:
        """Return what neighbours say of their items."""
        found: dict[str, float] = {}
        get, table = found.get, self._table
        for value, items, shared in nearest:
            if len(shared) == 1:
                for place, item in enumerate(items, FURTHEST - items.index(shared[0][0])):
                    found[item] = get(item, 0.0) + value * table[place]
                continue
            whole = value / sum(weight for _, weight in shared)
            leads = [(FURTHEST - items.index(item), whole * weight) for item, weight in shared]
            for place, item in enumerate(items):
                found[item] = get(item, 0.0) + sum([share * table[here + place] for here, share in leads])
        near, visits, rarities = self.nearness, self._visits, _Rarities(len(self._items), self.nearness.plainness)
        for item in found:
            found[item] *= rarities[len(visits[item])]
        if near.waning_life is not None and found:
            if now is None:
                now = max(visits[item][-1][0] for item in found)
            for item in found:
                age = max(0, now - visits[item][-1][0])
                found[item] *= 1.0 - near.waning + near.waning * 2.0 ** (-age / near.waning_life)
        return found

    def _rules(self, visit: Sequence[str]) -> dict[str, float]:
        """Return what came in the next steps after the last item, the nearer the more; 1 for the most usual."""
        found: dict[str, float] = {}
        if not (self.nearness.rules and visit):
            return found
        last = visit[-1]
        for _, key in self._visits.get(last, ())[-self.nearness.recent :]:
            items = self._items[key][1]
            for place, each in enumerate(items):
                if each == last:
                    for step, other in enumerate(items[place + 1 : place + 1 + self.nearness.steps], 1):
                        found[other] = found.get(other, 0.0) + 1.0 / step
        return _to_one(found)


def _to_one(found: dict[str, float]) -> dict[str, float]:
    most = max(found.values(), default=0.0)
    return {item: value / most for item, value in found.items()} if most > 0 else {}
