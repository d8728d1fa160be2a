"""Which product comes at which place: a sum of parts, a penalty on repetition, and a small share of surprises.

Everything is given: profile, candidates, time, seed. The same arguments give the same choices, byte for byte.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from personalization import unlike
from personalization.candidates import Candidate, Columns
from personalization.explain import Reason, reasons
from personalization.profile import Key, Profile
from personalization.scoring import NO_BOOSTS, NOTHING_ALONG, Scorer

__all__ = ["EXPLORATION", "Candidate", "Choice", "Columns", "Drawn", "Ranker", "eligible", "rank"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

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
    ranker = Ranker(profile, candidates, now, along, boosts)
    return ranker.rank(places, seed, exploration=exploration, placed=placed)


class Ranker:
    """Candidates with their scores for one viewer at one time, for any number of places; see `rank`."""

    def __init__(
        self,
        profile: Profile,
        candidates: Iterable[Candidate] | Columns,
        now: datetime,
        along: Mapping[str, float] = NOTHING_ALONG,
        boosts: Mapping[str, float] = NO_BOOSTS,
    ) -> None:
        self.columns = candidates if isinstance(candidates, Columns) else Columns(candidates)
        self._profile, self._now, self._along, self._boosts = profile, now, along, boosts
        self._open = self.columns.allowed(profile)

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._profile, self.columns, self._now, self._along, self._boosts)

    def rank(
        self,
        places: Sequence[int],
        seed: str,
        *,
        exploration: float = EXPLORATION,
        placed: Mapping[int, str] | None = None,
        only: Flags | None = None,
    ) -> list[Choice]:
        """Choose a product for each of the places as `rank` does; with `only`, among these of the columns."""
        held = dict(placed or {})
        # Without a place 1 the last video that was watched is the neighbour of the first to come.
        if self._profile.last is not None:
            held.setdefault(0, self._profile.last[1])
        open_ = self._open if only is None else self._open & only
        count = int(np.count_nonzero(open_))
        if not count:
            return []
        scores = np.where(open_, self._scorer.scores, -np.inf)
        at, choices = self.columns.at, []
        for place in places:
            window = {place - p: held[p] for p in range(max(1, place - WINDOW), place) if p in held}
            nets = scores.copy()
            penalties = _penalties(window, self.columns)
            for key, penalty in penalties.items():
                nets[at[key[1]] if key[0] == "product" else self.columns.groups[key]] += penalty
            likeness = unlike.costs(self.columns, window.values())
            if likeness is not None:
                nets += likeness
            # No neighbour comes again while there is another, and rather after the next place than after this one.
            for neighbours in ({held.get(place - 1), held.get(place + 1)}, {held.get(place - 1)}, ()):
                beside = [at[each] for each in neighbours if each is not None and each in at]
                beside = [each for each in beside if open_[each]]
                if len(beside) < count:
                    nets[beside] = -np.inf
                    break
            choice = self._choose(nets, penalties, likeness, place, f"{seed}:{place}", exploration)
            held[place] = choice.product_id
            choices.append(choice)
        return choices

    def _choose(
        self,
        nets: Floats,
        penalties: Mapping[Key, float],
        likeness: Floats | None,
        place: int,
        seed: str,
        exploration: float,
    ) -> Choice:
        """Choose among candidates whose net score is finite; surprises are for the unjudged while there are some."""
        scorer = self._scorer
        least = nets.max() - TIE
        best = (nets >= least).nonzero()[0]
        # Which values these draws take decides nothing about the game's security.
        dice = random.Random(seed)  # noqa: S311
        explores = dice.random() < exploration
        # The best are always among what a surprise may be: so two numbers say how likely whatever was chosen was.
        pool = ((nets > -np.inf) & (self.columns.unjudged | (nets >= least))).nonzero()[0]
        if len(pool) == len(best):
            pool = (nets > -np.inf).nonzero()[0]
        chosen = int(pool[dice.randrange(len(pool))] if explores else best[dice.randrange(len(best))])
        explored = bool(nets[chosen] < least)
        propensity = exploration / len(pool) + (0.0 if explored else (1 - exploration) / len(best))
        candidate = self.columns.all[chosen]
        own = ("product", candidate.product_id), ("category", candidate.category)
        parts, keys = scorer.explained(candidate)
        repetition = sum(penalties.get(key, 0.0) for key in own)
        parts = {**parts, "repetition": repetition + (0.0 if likeness is None else float(likeness[chosen]))}
        if explored:
            why: tuple[Reason, ...] = (Reason("surprise"),)
        else:
            popular, alike = candidate.popular, scorer.likened(candidate)
            why = reasons(scorer.witnesses, candidate.product_id, keys, parts, popular=popular, alike=alike)
        named = {each.params["event_id"] for each in why if "event_id" in each.params}
        return Choice(
            place,
            candidate.product_id,
            sum(parts.values()),
            parts,
            "explore" if explored else "exploit",
            propensity,
            why,
            {each: scorer.amount(candidate, each) for each in sorted(named)},
            Drawn(exploration, len(pool), len(best)),
        )


def _penalties(window: Mapping[int, str], columns: Columns) -> dict[Key, float]:
    """Return what products and categories lose for those in `window`, by how many places ago they came."""
    # The rest is told by likeness (`unlike.py`), where there is enough to choose from.
    share = 1.0 - columns.breadth
    times: Counter[str] = Counter()
    found: dict[Key, float] = {}
    for ago, product_id in sorted(window.items()):
        if product_id not in columns.at:
            continue
        times[product_id] += 1
        own, category = ("product", product_id), ("category", columns.all[columns.at[product_id]].category)
        again = SAME_PRODUCT * times[product_id] ** 2 + SOON / max(1, ago - 1) ** 2
        found[own] = found.get(own, 0.0) - again * share
        found[category] = found.get(category, 0.0) - SAME_CATEGORY * share
    return found
