"""Simulated viewers with hidden interests: what they watch, skip, like and put into the cart, seeded.

This is a simulation and nothing else: no log of real watch time was at hand, so its constants are guesses that are
written down here. It has what makes feeds hard: viewers tire of repetition and of scrolling (position), short videos
are seen whole more often (duration), interests drift, and some hesitate before they skip. The oracle knows the hidden
interests and shows at each place what pleases most then; it does not choose by duration, as a feed should not.
"""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from personalization.expectation import Belief
from personalization.log import STARTED, Event
from personalization.profile import Profile, absorb
from personalization.ranking import Candidate, rank
from personalization.rates import PRIOR_RATE, PRIOR_SHOWN, WELCOMED
from personalization.watchtime import EXITED, quantile

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
CATEGORIES, BRANDS = 12, 20
LOVED = 3
SESSION = 12
# Each place of a session is watched a little less; each repetition within ten costs.
TIRED = 0.02
SAME_PRODUCT, SAME_CATEGORY, WINDOW = 0.5, 0.12, 9
# A day's chance that one loved category is left for another.
DRIFT = 0.03
HESITANT = 0.3
SKIP_MS = 2_000
# Of a video of no length this share would be watched of what interest promises; each second takes a hundredth.
LONG_VIDEO = 1.24


@dataclass(frozen=True)
class Product:
    """Something to be shown: its video's seconds, and how good it is whoever watches, 0 to 1."""

    id: str
    category: str
    brand: str
    seconds: float
    quality: float
    created_at: datetime


@dataclass
class Viewer:
    """Somebody with hidden interests, and what the service has learnt of them."""

    id: str
    loved: dict[str, float]
    brands: dict[str, float]
    hesitates: bool
    profile: Profile = field(default_factory=Profile)

    def interest(self, product: Product) -> float:
        """Return how much a product would be liked if nothing had been shown before, 0 to 1."""
        return min(
            1.0,
            0.08
            + 0.62 * self.loved.get(product.category, 0.0)
            + 0.10 * self.brands.get(product.brand, 0.0)
            + 0.20 * product.quality,
        )


@dataclass(frozen=True)
class Shown:
    """One showing: at which place of which day, the hidden interest it met, and the seconds that were watched."""

    day: int
    place: int
    product: Product
    interest: float
    watched: float


class World:
    """Products, viewers and what all viewers share; `policy` is "ours", "oracle", "all" (not personal) or "random"."""

    def __init__(self, seed: int, viewers: int, *, products: int = 60, policy: str = "ours", exploration: float = 0.05):
        # Which values these draws take decides nothing about anybody's security.
        self.dice = random.Random(f"world {seed}")
        self.seed, self.policy, self.exploration = seed, policy, exploration
        self.products = [self._product(f"p{number}", BEGIN - timedelta(days=60)) for number in range(products)]
        self.viewers = [self._viewer(f"v{number}") for number in range(viewers)]
        self.shown: Counter[str] = Counter()
        self.welcomed: Counter[str] = Counter()

    def add_product(self, product_id: str, day: int, quality: float) -> Product:
        """Put a new product on sale."""
        made = replace(self._product(product_id, BEGIN + timedelta(days=day)), quality=quality)
        self.products.append(made)
        return made

    def day(self, day: int) -> dict[str, list[Shown]]:
        """Let every viewer have one session; returns what each saw."""
        return {viewer.id: self._session(viewer, day) for viewer in self.viewers}

    def _session(self, viewer: Viewer, day: int) -> list[Shown]:
        # The same luck under every policy, so that policies are compared on the same viewers in the same mood.
        dice = random.Random(f"{self.seed} {viewer.id} {day}")
        self._drift(viewer, dice)
        now = BEGIN + timedelta(days=day, minutes=dice.randrange(600))
        candidates = self._candidates()
        by_id = {each.id: each for each in self.products}
        held: dict[int, str] = {}
        seen: list[Shown] = []
        for place in range(1, SESSION + 1):
            product = by_id[self._choose(viewer, candidates, place, held, now, f"{viewer.id}:{day}:{place}")]
            interest = self._interest_now(viewer, product, place, held, by_id)
            watched = self._watch(product, interest, dice)
            events = self._react(viewer, product, interest, watched, now, f"{viewer.id}:{day}:{place}", dice)
            if self.policy == "ours":
                viewer.profile = absorb(viewer.profile, events)
            self.shown[product.id] += 1
            self.welcomed[product.id] += sum(event.name in WELCOMED for event in events)
            held[place] = product.id
            seen.append(Shown(day, place, product, interest, watched))
            now += timedelta(seconds=watched + 1)
        return seen

    def _choose(
        self,
        viewer: Viewer,
        candidates: Sequence[Candidate],
        place: int,
        held: Mapping[int, str],
        now: datetime,
        seed: str,
    ) -> str:
        by_id = {each.id: each for each in self.products}
        if self.policy == "oracle":
            return max(
                self.products,
                key=lambda each: self._interest_now(viewer, each, place, held, by_id),
            ).id
        if self.policy == "random":
            return random.Random(seed).choice(self.products).id
        profile = viewer.profile if self.policy == "ours" else Profile()
        explore = self.exploration
        return rank(profile, candidates, [place], now, seed, exploration=explore, placed=dict(held))[0].product_id

    def _interest_now(
        self, viewer: Viewer, product: Product, place: int, held: Mapping[int, str], by_id: Mapping[str, Product]
    ) -> float:
        before = [by_id[held[each]] for each in range(max(1, place - WINDOW), place) if each in held]
        same = sum(each.id == product.id for each in before)
        alike = sum(each.category == product.category for each in before)
        tired = math.exp(-TIRED * place) * (1 - SAME_PRODUCT) ** same * (1 - SAME_CATEGORY) ** alike
        return viewer.interest(product) * tired

    def _watch(self, product: Product, interest: float, dice: random.Random) -> float:
        share = _share(interest) * (LONG_VIDEO - product.seconds / 100) * dice.lognormvariate(-0.125, 0.5)
        return product.seconds * min(2.0, share)

    def _react(
        self,
        viewer: Viewer,
        product: Product,
        interest: float,
        watched: float,
        now: datetime,
        key: str,
        dice: random.Random,
    ) -> list[Event]:
        duration = int(product.seconds * 1000)
        milliseconds = int(watched * 1000)
        if viewer.hesitates:
            milliseconds = max(milliseconds, int(dice.uniform(1_500, 3_500)))
        told = [STARTED]
        if milliseconds >= duration:
            told.append("Video Content Completed")
        if milliseconds < SKIP_MS:
            told.append("Video Skipped")
        for name, chance in (("Video Liked", 0.25), ("Product Clicked", 0.15), ("Product Added", 0.05)):
            if dice.random() < chance * interest:
                told.append(name)
        base = Event(
            key, "", now, product_id=product.id, category=product.category, brand=product.brand, watched_ms=milliseconds
        )
        events = [replace(base, id=f"{key}:{name}", name=name) for name in told]
        exited = replace(
            base,
            id=f"{key}:exit",
            name=EXITED,
            duration_ms=duration,
            quantile=quantile({}, milliseconds, duration),
        )
        return [*events, exited]

    def _candidates(self) -> list[Candidate]:
        shown = sum(self.shown.values())
        overall = (sum(self.welcomed.values()) + PRIOR_SHOWN * PRIOR_RATE) / (shown + PRIOR_SHOWN)
        return [
            Candidate(
                each.id,
                "m",
                each.category,
                each.brand,
                each.created_at,
                50,
                min(1.0, (self.welcomed[each.id] + PRIOR_SHOWN * overall) / (self.shown[each.id] + PRIOR_SHOWN)),
                unjudged=self.shown[each.id] < Belief.judged,
            )
            for each in self.products
        ]

    def _drift(self, viewer: Viewer, dice: random.Random) -> None:
        if dice.random() < DRIFT:
            gone = dice.choice(sorted(viewer.loved))
            strength = viewer.loved.pop(gone)
            viewer.loved[dice.choice([f"c{n}" for n in range(CATEGORIES) if f"c{n}" not in viewer.loved])] = strength

    def _product(self, product_id: str, at: datetime) -> Product:
        category = f"c{self.dice.randrange(CATEGORIES)}"
        brand = f"b{self.dice.randrange(BRANDS)}"
        return Product(product_id, category, brand, self.dice.uniform(8, 40), self.dice.random(), at)

    def _viewer(self, viewer_id: str) -> Viewer:
        loved = self.dice.sample([f"c{n}" for n in range(CATEGORIES)], LOVED)
        brands = self.dice.sample([f"b{n}" for n in range(BRANDS)], 4)
        return Viewer(
            viewer_id,
            {each: self.dice.uniform(0.6, 1.0) for each in loved},
            {each: self.dice.uniform(0.3, 1.0) for each in brands},
            self.dice.random() < HESITANT,
        )


def diversity(seen: Sequence[Shown]) -> float:
    """Return how many categories a session had, as the exponential of their entropy."""
    counts = Counter(each.product.category for each in seen)
    total = sum(counts.values())
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))


def _share(interest: float) -> float:
    """Return the expected share of a video that is watched."""
    return 0.08 + 0.92 * interest
