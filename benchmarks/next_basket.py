"""E2: the twenty types most likely in a viewer's next basket, over 119,001 baskets in the order of time (NDCG@20).

Chosen on the first 20,000 baskets, told of all (as the bars are) and of the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import pairs
from benchmarks.journey import Journey, nth
from benchmarks.likeness import Fit, ease, factors, nearest
from personalization import counts
from personalization.peers import Peers
from personalization.repeats import EDGES, HOURS, INTERVALS, TIMES, VISITS, Repeats

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]
DAY = 86_400
TUNED = 20_000
REFIT = 10_000
DEPTH = 20
# How many expected times everything together counts for a thing, where the moment says little of it.
MOMENT = 100.0
DISCOUNT = 1 / np.log2(np.arange(2, DEPTH + 2))
IDEAL = np.cumsum(DISCOUNT)


@dataclass(frozen=True)
class Variant:
    """Decayed counts of a viewer on everybody's rate as the prior; `due` is how strongly the time since counts.

    With `habit` how often a thing was taken counts too, with `moment` how long ago the last basket was, the hour and
    the own interval; with `peers` the prior is the rate of those who take alike.
    With `fit` the types are told by what other viewers bought with them, fitted anew every REFIT baskets.
    """

    half_life: float = 180.0
    own: float = 10.0
    due: float = 0.0
    habit: bool = False
    moment: bool = False
    peers: bool = False
    personal: bool = True
    fit: Fit | None = None


VARIANTS: Mapping[str, Variant] = {
    "everybody's rate": Variant(personal=False),
    "own rate, no decay, k=1": Variant(half_life=1e6, own=1.0),
    "decayed Beta, k=10, 180 d (bar)": Variant(),
    "EASE, 180 d, penalty 50": Variant(fit=ease()),
    "item-kNN, 180 d, 100 nearest": Variant(fit=nearest()),
    "implicit ALS, 180 d, 48 factors": Variant(fit=factors()),
    "k=3, 180 d, due again": Variant(own=3.0, due=1.0),
    "the same, habits, due ^ .6": Variant(own=3.0, due=0.6, habit=True),
    "k=5, habits, alike viewers": Variant(own=5.0, due=0.6, habit=True, peers=True),
    "ours: + last basket, hour, interval": Variant(own=5.0, due=0.5, habit=True, moment=True, peers=True),
}


def run(trips: Journey, count: int, tell: Callable[[str], None]) -> dict[str, Floats]:
    """Return the NDCG@20 of every basket by variant."""
    found = {}
    for name, variant in VARIANTS.items():
        found[name] = _replay(trips, count, variant)
        tell(f"{name}: {100 * found[name].mean():.2f}")
    return found


@dataclass
class _Moment:
    """What is known of a viewer's earlier things at the time of a basket; a row each."""

    since: Floats
    times: Floats
    visit: Floats
    hour: Floats
    interval: Floats


class _Again:
    """Corrects the rates of what was taken before by one table of the past after the other."""

    def __init__(self, items: int, variant: Variant) -> None:
        tables: list[tuple[Repeats, float, Callable[[_Moment], Floats]]] = []
        if variant.due:
            tables.append((Repeats(items, edges=EDGES), variant.due, lambda each: each.since))
        if variant.habit:
            tables.append((Repeats(items, edges=TIMES), 1.0, lambda each: each.times))
        if variant.moment:
            tables.append((Repeats(items, MOMENT, VISITS), 1.0, lambda each: each.visit))
            tables.append((Repeats(items, MOMENT, HOURS), 1.0, lambda each: each.hour))
            tables.append((Repeats(items, MOMENT, INTERVALS), 0.5, lambda each: each.interval))
        self.tables = tables
        self._open: list[tuple[Repeats, Ids, Ids, Floats]] = []

    def rates(self, known: Ids, moment: _Moment, rates: Floats) -> Floats:
        """Return the corrected rates."""
        self._open = []
        rates = rates.copy()
        for table, power, of in self.tables:
            values = of(moment)
            # Nothing is known of the interval of what was taken once.
            at = np.flatnonzero(~np.isnan(values))
            steps = table.step(values[at])
            self._open.append((table, at, steps, rates[at]))
            rates[at] *= table.factor(known[at], steps) ** power
        return rates

    def count(self, known: Ids, taken: NDArray[np.bool_]) -> None:
        """Count what became of them."""
        for table, at, steps, rates in self._open:
            table.count(known[at], steps, taken[at], rates)


def _replay(trips: Journey, count: int, variant: Variant) -> Floats:
    items = len(trips.names)
    everybody, baskets = np.full(items, 0.01), 1.0
    mine: dict[int, list[Floats]] = {}
    visits: dict[int, tuple[float, float]] = {}
    again = _Again(items, variant)
    taken = np.zeros((int(trips.viewers.max()) + 1, items))
    peers = Peers(*taken.shape) if variant.peers else None
    found = np.zeros(count)
    told: Callable[[Floats], Floats] | None = None
    for trip in range(count):
        if variant.fit is not None and trip and trip % REFIT == 0:
            told = variant.fit(np.array([each for each, *_ in mine.values()]))
        viewer, now, basket = int(trips.viewers[trip]), trips.seconds[trip] / DAY, trips.basket(trip)
        usual = everybody / baskets
        prior = usual if peers is None else peers.rates(viewer, usual)
        hits, first, last = mine.setdefault(viewer, [np.zeros(items), np.full(items, np.nan), np.full(items, np.nan)])
        number, before = visits.get(viewer, (0.0, now))
        decay = 2.0 ** (-(now - before) / variant.half_life)
        hits *= decay
        number *= decay
        scores = counts.mean(hits, np.float64(number), prior, variant.own) if variant.personal else prior.copy()
        if told is not None:
            # What nobody is told of is ordered by everybody's rate.
            scores = told(hits) + 1e-6 * usual
        known = np.flatnonzero(~np.isnan(last)) if again.tables else np.zeros(0, dtype=np.intp)
        if len(known):
            since, times = now - last[known], taken[viewer, known]
            # Half a day keeps what was taken twice on one day from being overdue at once.
            usually = np.where(times > 1, (last - first)[known] / np.maximum(times - 1, 1) + 0.5, np.nan)
            same = np.ones(len(known))
            moment = _Moment(since, times, same * (now - before), same * (now % 1.0 * 24), since / usually)
            scores[known] = again.rates(known, moment, scores[known])
        top = np.argpartition(-scores, DEPTH)[:DEPTH]
        top = top[np.argsort(-scores[top], kind="stable")]
        found[trip] = (np.isin(top, basket) * DISCOUNT).sum() / IDEAL[min(DEPTH, len(basket)) - 1]
        if len(known):
            again.count(known, np.isin(known, basket))
        if peers is not None:
            peers.observe(viewer, basket)
        taken[viewer, basket] += 1
        hits[basket] += 1
        first[basket] = np.where(np.isnan(first[basket]), now, first[basket])
        last[basket] = now
        visits[viewer] = (number + 1, now)
        everybody[basket] += 1
        baskets += 1
    return found


def table(trips: Journey, found: Mapping[str, Floats]) -> tuple[list[str], dict[str, float]]:
    """Return the lines of the report and its figures."""
    ours = list(found)[-1]
    count = len(found[ours])
    viewers = trips.viewers[:count]
    history = nth(trips, count)
    lines = [
        f"{'variant':<34}{'NDCG@20':>8}{'after tuning':>13}{'1-4 before':>11}{'20+':>7}{'ours minus it (95 %)':>25}"
    ]
    figures = {}
    for name, each in found.items():
        values = 100 * each
        low, middle, high = pairs.difference(100 * found[ours] - values, viewers)
        few, many = (history >= 1) & (history < 5), history >= 20
        late = values[TUNED:].mean() if count > TUNED else np.nan
        gap = "" if name == ours else f"{middle:+.2f} [{low:+.2f}, {high:+.2f}]"
        old = values[many].mean() if many.any() else np.nan
        lines.append(f"{name:<34}{values.mean():>8.2f}{late:>13.2f}{values[few].mean():>11.2f}{old:>7.2f}{gap:>25}")
        figures[f"e2 {name}"] = round(float(values.mean()), 3)
    low, middle, high = pairs.difference(100 * found[ours], viewers)
    lines.append(
        f"ours: {middle:.2f} [{low:.2f}, {high:.2f}] over {count} baskets of {len(set(viewers.tolist()))} viewers"
    )
    return lines, figures
