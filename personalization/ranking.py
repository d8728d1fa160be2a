"""Which product comes at which place: a sum of parts, a penalty on repetition, and a small share of surprises.

Everything is given: profile, candidates, time, seed. The same arguments give the same choices, byte for byte.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from personalization.candidates import Candidate, Columns
from personalization.explain import Reason, reasons
from personalization.profile import Key, Profile
from personalization.scoring import NO_BOOSTS, NOTHING_ALONG, Scorer

__all__ = ["EXPLORATION", "Candidate", "Choice", "Columns", "Drawn", "eligible", "rank"]

Flags = NDArray[np.bool_]

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
class Drawn:
    """How a place was drawn: with which share of surprises, among how many, `best` of which were equally good.

    `side` is the ranking that had the turn where two share a feed.
    """

    share: float
    among: int
    best: int
    side: str = ""


@dataclass(frozen=True)
class Choice:
    """A product at a place; `parts` sum to `score`, `propensity` is the exact chance that this place got this product.

    `explore` are those that the exploration share brought in against the score. `amounts` is what the score would lose
    by each event that the reasons name, if it were deleted and the profile made anew.
    """

    place: int
    product_id: str
    score: float
    parts: Mapping[str, float]
    kind: str
    propensity: float
    reasons: tuple[Reason, ...]
    amounts: Mapping[str, float] = field(default_factory=dict)
    drawn: Drawn | None = None


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
    candidates: Iterable[Candidate] | Columns,
    places: Sequence[int],
    now: datetime,
    seed: str,
    *,
    exploration: float = EXPLORATION,
    placed: Mapping[int, str] | None = None,
    along: Mapping[str, float] = NOTHING_ALONG,
    boosts: Mapping[str, float] = NO_BOOSTS,
) -> list[Choice]:
    """Choose a product for each of the places, in their order.

    `placed` are the places that already have one; `along` is what others went on to after a visit like this viewer's,
    0 to 1 by product, `boosts` the strength of what is paid for. No two neighbours are the same product while there is
    another. Fewer choices than places come back only when nothing is eligible.
    """
    held = dict(placed or {})
    # Without a place 1 the last video that was watched is the neighbour of the first to come.
    if profile.last is not None:
        held.setdefault(0, profile.last[1])
    columns = candidates if isinstance(candidates, Columns) else Columns(candidates)
    open_ = columns.allowed(profile)
    if not open_.any():
        return []
    scorer = Scorer(profile, columns, now, along, boosts)
    choices = []
    for place in places:
        window = {place - p: held[p] for p in range(max(1, place - WINDOW), place) if p in held}
        penalties = _penalties(window, columns)
        beside = _others(open_, columns, {held.get(place - 1), held.get(place + 1)})
        if not beside.any():
            beside = _others(open_, columns, {held.get(place - 1)})
        choice = _choose(scorer, beside if beside.any() else open_, penalties, place, f"{seed}:{place}", exploration)
        held[place] = choice.product_id
        choices.append(choice)
    return choices


def _others(open_: Flags, columns: Columns, neighbours: Iterable[str | None]) -> Flags:
    found = open_.copy()
    for each in neighbours:
        if each is not None and each in columns.at:
            found[columns.at[each]] = False
    return found


def _choose(
    scorer: Scorer, open_: Flags, penalties: Mapping[Key, float], place: int, seed: str, exploration: float
) -> Choice:
    columns = scorer.columns
    nets = scorer.scores.copy()
    for key, penalty in penalties.items():
        nets[columns.groups[key]] += penalty
    among = np.flatnonzero(open_)
    best = among[nets[among] >= nets[among].max() - TIE]
    # Which values these draws take decides nothing about the game's security.
    dice = random.Random(seed)  # noqa: S311
    explores = dice.random() < exploration
    chosen = int(among[dice.randrange(len(among))] if explores else best[dice.randrange(len(best))])
    explored = chosen not in best
    propensity = exploration / len(among) + (0.0 if explored else (1 - exploration) / len(best))
    candidate = columns.all[chosen]
    own = ("product", candidate.product_id), ("category", candidate.category)
    parts, keys = scorer.explained(candidate)
    score = sum(parts.values())
    parts = {**parts, "repetition": sum(penalties.get(key, 0.0) for key in own)}
    why = reasons(
        scorer.profile,
        candidate.product_id,
        keys,
        parts,
        scorer.now,
        explored=explored,
        popular=candidate.popular,
        alike=scorer.shares(candidate),
    )
    named = {each.params["event_id"] for each in why if "event_id" in each.params}
    return Choice(
        place,
        candidate.product_id,
        sum(parts.values()),
        parts,
        "explore" if explored else "exploit",
        propensity,
        why,
        {each: scorer.amount(candidate, each, score) for each in sorted(named)},
        Drawn(exploration, len(among), len(best)),
    )


def _penalties(window: Mapping[int, str], columns: Columns) -> dict[Key, float]:
    """Return what products and categories lose for those in `window`, by how many places ago they came."""
    times: Counter[str] = Counter()
    found: dict[Key, float] = {}
    for ago, product_id in sorted(window.items()):
        if product_id not in columns.at:
            continue
        times[product_id] += 1
        own, category = ("product", product_id), ("category", columns.all[columns.at[product_id]].category)
        found[own] = found.get(own, 0.0) - SAME_PRODUCT * times[product_id] ** 2 - SOON / max(1, ago - 1) ** 2
        found[category] = found.get(category, 0.0) - SAME_CATEGORY
    return found
