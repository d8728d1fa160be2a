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
from personalization.repeats import TIMES, Repeats

Floats = NDArray[np.float64]
DAY = 86_400
TUNED = 20_000
REFIT = 10_000
DEPTH = 20
DISCOUNT = 1 / np.log2(np.arange(2, DEPTH + 2))
IDEAL = np.cumsum(DISCOUNT)


@dataclass(frozen=True)
class Variant:
    """Decayed counts of a viewer on everybody's rate as the prior; `due` is how strongly the time since counts.

    With `habit` how often a thing was taken counts too; with `peers` the prior is the rate of those who take alike.

    With `fit` the types are told by what other viewers bought with them, fitted anew every REFIT baskets.
    """

    half_life: float = 180.0
    own: float = 10.0
    due: float = 0.0
    habit: bool = False
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
    "ours: k=5, habits, alike viewers": Variant(own=5.0, due=0.6, habit=True, peers=True),
}


def run(trips: Journey, count: int, tell: Callable[[str], None]) -> dict[str, Floats]:
    """Return the NDCG@20 of every basket by variant."""
    found = {}
    for name, variant in VARIANTS.items():
        found[name] = _replay(trips, count, variant)
        tell(f"{name}: {100 * found[name].mean():.2f}")
    return found


def _replay(trips: Journey, count: int, variant: Variant) -> Floats:
    items = len(trips.names)
    everybody, baskets = np.full(items, 0.01), 1.0
    mine: dict[int, list[Floats]] = {}
    visits: dict[int, tuple[float, float]] = {}
    repeats, habits = Repeats(items), Repeats(items, edges=TIMES)
    taken = np.zeros((int(trips.viewers.max()) + 1, items))
    peers = Peers(*taken.shape) if variant.peers else None
    found = np.zeros(count)
    told: Callable[[Floats], Floats] | None = None
    for trip in range(count):
        if variant.fit is not None and trip and trip % REFIT == 0:
            told = variant.fit(np.array([each for each, _ in mine.values()]))
        viewer, now, basket = int(trips.viewers[trip]), trips.seconds[trip] / DAY, trips.basket(trip)
        usual = everybody / baskets
        prior = usual if peers is None else peers.rates(viewer, usual)
        hits, last = mine.setdefault(viewer, [np.zeros(items), np.full(items, np.nan)])
        number, before = visits.get(viewer, (0.0, now))
        decay = 2.0 ** (-(now - before) / variant.half_life)
        hits *= decay
        number *= decay
        scores = counts.mean(hits, np.float64(number), prior, variant.own) if variant.personal else prior.copy()
        if told is not None:
            # What nobody is told of is ordered by everybody's rate.
            scores = told(hits) + 1e-6 * usual
        known = np.flatnonzero(~np.isnan(last)) if variant.due else np.zeros(0, dtype=np.intp)
        if len(known):
            steps, rates = repeats.step(now - last[known]), scores[known]
            again = rates * repeats.factor(known, steps) ** variant.due
            times = habits.step(taken[viewer, known])
            scores[known] = again * habits.factor(known, times) if variant.habit else again
        top = np.argpartition(-scores, DEPTH)[:DEPTH]
        top = top[np.argsort(-scores[top], kind="stable")]
        found[trip] = (np.isin(top, basket) * DISCOUNT).sum() / IDEAL[min(DEPTH, len(basket)) - 1]
        if len(known):
            repeats.count(known, steps, np.isin(known, basket), rates)
            habits.count(known, times, np.isin(known, basket), again)
        if peers is not None:
            peers.observe(viewer, basket)
        taken[viewer, basket] += 1
        hits[basket] += 1
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
