"""Which product comes at which place: a sum of parts, a penalty on repetition, and a small share of surprises.

Everything is given: profile, candidates, time, seed. The same arguments give the same choices, byte for byte.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from personalization.explain import Reason, reasons
from personalization.profile import DAY, Key, Profile, milliseconds

# Long-term taste lifts a favourite category to about five places of ten; a session's fresh interest, by two more.
# Both are bounded (`_bound`), so that no history outweighs what the viewer does now. Together with what repetition
# costs these are set so that no product fills more than about three places of ten while five others are there.
LONG: Mapping[str, float] = {"category": 0.6, "brand": 0.25, "product": 0.3, "merchant": 0.25}
SHORT: Mapping[str, float] = {"category": 2.4, "brand": 0.4, "product": 0.5, "merchant": 0.4}
FRESHNESS = 0.3
FRESH_HALF_LIFE = 14 * DAY
STOCK = 0.1
PLENTY = 10
RATE = 0.5
FATIGUE = 0.3
# Who has just bought a thing does not need it again; its category and brand stay liked.
BOUGHT = 3.5
BOUGHT_HALF_LIFE = 2 * DAY
# Each earlier place of the same product or category in the last ten: with two products a category, and up to
# hundreds, shares follow interest instead of the winner taking all ten. A product's second place costs once this,
# its third four times as much more, its fourth nine times, so that none fills the feed however much it is liked.
SAME_PRODUCT = 0.09
# And this, the less the longer ago it was, so that none comes every second place.
SOON = 0.8
SAME_CATEGORY = 0.18
WINDOW = 9
# Measured on replays: 5 % of surprises beats both none (locks in) and 10 %.
EXPLORATION = 0.05
TIE = 1e-9


@dataclass(frozen=True)
class Candidate:
    """A product that may be chosen; `rate` is welcomes per showing with everybody, 0 to 1.

    `popular` tells that counts of many stand behind the rate and not only what is assumed of every product.
    """

    product_id: str
    merchant_id: str
    category: str
    brand: str
    created_at: datetime
    stock: int
    rate: float = 0.0
    popular: bool = False


@dataclass(frozen=True)
class Choice:
    """A product at a place; `parts` sum to `score`, `propensity` is the exact chance that this place got this product.

    `explore` are those that the exploration share brought in against the score.
    """

    place: int
    product_id: str
    score: float
    parts: Mapping[str, float]
    kind: str
    propensity: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class _Scored:
    candidate: Candidate
    parts: Mapping[str, float]
    score: float
    keys: Mapping[Key, tuple[float, float]]


def eligible(profile: Profile, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return those in stock that the viewer did not rule out, in the order of their ids."""
    return sorted(
        (
            each
            for each in candidates
            if each.stock > 0 and not profile.blocks_any(each.product_id, each.brand, each.category, each.merchant_id)
        ),
        key=lambda each: each.product_id,
    )


def rank(
    profile: Profile,
    candidates: Iterable[Candidate],
    places: Sequence[int],
    now: datetime,
    seed: str,
    *,
    exploration: float = EXPLORATION,
    placed: Mapping[int, str] | None = None,
) -> list[Choice]:
    """Choose a product for each of the places, in their order.

    `placed` are the places that already have one. No two neighbours are the same product while there is another.
    Fewer choices than places come back only when nothing is eligible.
    """
    held = dict(placed or {})
    # Without a place 1 the last video that was watched is the neighbour of the first to come.
    if profile.last is not None:
        held.setdefault(0, profile.last[1])
    scored = [_score(profile, each, now) for each in eligible(profile, candidates)]
    if not scored:
        return []
    category = {each.candidate.product_id: each.candidate.category for each in scored}
    choices = []
    for place in places:
        window = {place - p: held[p] for p in range(max(1, place - WINDOW), place) if p in held}
        penalties = _penalties(window, category)
        beside = _others(scored, {held.get(place - 1), held.get(place + 1)})
        open_to = beside or _others(scored, {held.get(place - 1)}) or scored
        choice = _choose(profile, open_to, penalties, place, now, f"{seed}:{place}", exploration)
        held[place] = choice.product_id
        choices.append(choice)
    return choices


def _others(scored: Sequence[_Scored], neighbours: set[str | None]) -> list[_Scored]:
    return [each for each in scored if each.candidate.product_id not in neighbours]


def _choose(
    profile: Profile,
    scored: Sequence[_Scored],
    penalties: tuple[Mapping[str, float], Mapping[str, float]],
    place: int,
    now: datetime,
    seed: str,
    exploration: float,
) -> Choice:
    products, categories = penalties
    nets = [
        each.score + products.get(each.candidate.product_id, 0.0) + categories.get(each.candidate.category, 0.0)
        for each in scored
    ]
    top = max(nets)
    best = [index for index, net in enumerate(nets) if net >= top - TIE]
    # Which values these draws take decides nothing about the game's security.
    dice = random.Random(seed)  # noqa: S311
    explores = dice.random() < exploration
    chosen = dice.randrange(len(scored)) if explores else best[dice.randrange(len(best))]
    explored = chosen not in best
    propensity = exploration / len(scored) + (0.0 if explored else (1 - exploration) / len(best))
    found = scored[chosen]
    repetition = nets[chosen] - found.score
    parts = {**found.parts, "repetition": repetition}
    return Choice(
        place,
        found.candidate.product_id,
        sum(parts.values()),
        parts,
        "explore" if explored else "exploit",
        propensity,
        reasons(
            profile,
            found.candidate.product_id,
            found.keys,
            parts,
            now,
            explored=explored,
            popular=found.candidate.popular,
        ),
    )


def _penalties(window: Mapping[int, str], category: Mapping[str, str]) -> tuple[dict[str, float], dict[str, float]]:
    """Return what products and categories lose for those in `window`, by how many places ago they came."""
    times: Counter[str] = Counter()
    products: dict[str, float] = {}
    categories: dict[str, float] = {}
    for ago, product_id in sorted(window.items()):
        times[product_id] += 1
        products[product_id] = (
            products.get(product_id, 0.0) - SAME_PRODUCT * times[product_id] ** 2 - SOON / max(1, ago - 1) ** 2
        )
        name = category.get(product_id)
        if name is not None:
            categories[name] = categories.get(name, 0.0) - SAME_CATEGORY
    return products, categories


def _score(profile: Profile, candidate: Candidate, now: datetime) -> _Scored:
    at = milliseconds(now)
    parts: dict[str, float] = {}
    keys: dict[Key, tuple[float, float]] = {}
    for key in (
        ("category", candidate.category),
        ("brand", candidate.brand),
        ("product", candidate.product_id),
        ("merchant", candidate.merchant_id),
    ):
        taste = profile.tastes.get(key)
        if taste is None:
            continue
        kind = key[0]
        long, short = taste.at_time(at)
        each_long, each_short = LONG[kind] * _bound(long), SHORT[kind] * _bound(short)
        parts[kind] = each_long * long + each_short * short
        keys[key] = (each_long, each_short)
    parts["freshness"] = FRESHNESS * 2.0 ** (-max(0, at - milliseconds(candidate.created_at)) / FRESH_HALF_LIFE)
    parts["stock"] = STOCK * min(1.0, candidate.stock / PLENTY)
    parts["rate"] = RATE * candidate.rate
    seen = profile.seen.get(candidate.product_id)
    if seen is not None:
        times = seen.at_time(at)
        parts["fatigue"] = -FATIGUE * times / (3.0 + times)
    bought = profile.bought(candidate.product_id)
    if bought is not None:
        parts["bought"] = -BOUGHT * 2.0 ** (-max(0, at - bought) / BOUGHT_HALF_LIFE)
    return _Scored(candidate, parts, sum(parts.values()), keys)


def _bound(weight: float) -> float:
    # w * _bound(w) runs from -1 to 1
    return 1.0 / (1.0 + abs(weight))
