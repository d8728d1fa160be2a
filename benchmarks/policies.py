"""Who chooses the slates of E1: the product's own model and what it is compared with. They learn from what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from personalization import counts, expectation
from personalization.expectation import Belief
from personalization.linear import Linear

Floats = NDArray[np.float64]
Ids = NDArray[np.intp]
# Everybody's rate before the first trip, as fifteen showings.
PRIOR, PRIOR_SHOWN = 1 / 15, 15.0
# The rate's likeness is learnt anew this often (trips), from the counts.
RELEARN = 200
BELIEF = Belief()


class Policy(Protocol):
    """Scores candidates for a viewer; learns from the rewards of those that were shown."""

    surprise: float

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return a score for each."""

    def reserved(self, items: Ids) -> NDArray[np.bool_] | None:
        """Return which of them surprises are for, None for all."""

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Take in what became of a slate."""


@dataclass
class Rate:
    """Everybody's rate of each item; the parts of all others are built on it."""

    items: int
    surprise: float = 0.05
    strength: float = 20.0

    def __post_init__(self) -> None:
        self.hits, self.shown = np.zeros(self.items), np.zeros(self.items)
        self._overall = (PRIOR * PRIOR_SHOWN, PRIOR_SHOWN)

    @property
    def overall(self) -> float:
        """Everybody's rate of everything."""
        return self._overall[0] / self._overall[1]

    def base(self, items: Ids) -> Floats:
        """Return the items' rates."""
        return counts.mean(self.hits[items], self.shown[items], self.overall, self.strength)

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return the rates."""
        return self.base(items)

    def reserved(self, items: Ids) -> NDArray[np.bool_] | None:
        """Return None: surprises are for all."""
        return None

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Count."""
        self.hits[items] += rewards
        self.shown[items] += 1
        self._overall = (self._overall[0] + float(rewards.sum()), self._overall[1] + len(items))


class Thompson(Rate):
    """A draw from each item's Beta distribution."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.dice = np.random.default_rng(7)

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Draw."""
        hits = self.hits[items] + self.strength * self.overall
        misses = self.shown[items] - self.hits[items] + self.strength * (1 - self.overall)
        return self.dice.beta(hits, misses)


@dataclass
class Own(Rate):
    """Each viewer's own counts on everybody's rate."""

    own: float = 20.0
    mine: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)

    def of(self, viewer: int) -> tuple[Floats, Floats]:
        """Return a viewer's hits and showings."""
        if viewer not in self.mine:
            self.mine[viewer] = (np.zeros(self.items), np.zeros(self.items))
        return self.mine[viewer]

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return the viewer's rates."""
        hits, shown = self.of(viewer)
        return counts.mean(hits[items], shown[items], self.base(items), self.own)

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Count for everybody and for the viewer."""
        super().learn(viewer, items, rewards)
        hits, shown = self.of(viewer)
        hits[items] += rewards
        shown[items] += 1


@dataclass
class Average(Rate):
    """The usual design: a decayed mean of what was liked, its cosine added to the rate."""

    features: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    decay: float = 0.9
    weight: float = 0.1
    vectors: dict[int, Floats] = field(default_factory=dict)

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return rate and likeness."""
        vector = self.vectors.get(viewer)
        if vector is None:
            return self.base(items)
        length = float(np.linalg.norm(vector)) or 1.0
        return self.base(items) + self.weight * (self.features[items] @ vector) / length

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Move the vector towards what was bought."""
        super().learn(viewer, items, rewards)
        before = self.vectors.get(viewer, np.zeros(self.features.shape[1]))
        self.vectors[viewer] = self.decay * before + rewards @ self.features[items]


@dataclass
class Ridge(Own):
    """A Bayesian taste over text added to the rate; with `own` the viewer's counts on top; with `bound` LinUCB."""

    features: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    taste: float = 60.0
    bound: float = 0.0
    tastes: dict[int, Linear] = field(default_factory=dict)

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return rate and taste, corrected by the viewer's counts."""
        base = self.base(items)
        known = self.tastes.get(viewer)
        expected = base if known is None else base + self.features[items] @ known.weights()
        if self.bound:
            model = known or Linear.prior(self.features.shape[1], self.taste)
            expected = expected + self.bound * model.uncertainty(self.features[items])
        if not self.own:
            return expected
        hits, shown = self.of(viewer)
        return counts.mean(hits[items], shown[items], np.maximum(expected, 1e-4), self.own)

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Explain by taste what the rate did not."""
        if viewer not in self.tastes:
            self.tastes[viewer] = Linear.prior(self.features.shape[1], self.taste)
        self.tastes[viewer].observe(self.features[items], rewards - self.base(items))
        super().learn(viewer, items, rewards)


@dataclass
class Ours(Own):
    """The product's model: `personalization.expectation` over counts and likeness, surprises for the unjudged."""

    features: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    belief: Belief = BELIEF

    def __post_init__(self) -> None:
        super().__post_init__()
        self.surprise = self.belief.surprise
        self.rows = np.c_[self.features, np.ones(len(self.features))]
        self.likely = np.full(self.items, PRIOR)
        self.trips = 0

    def base(self, items: Ids) -> Floats:
        """Return the items' rates on what things alike got."""
        return expectation.rate(self.hits[items], self.shown[items], self.likely[items], self.belief)

    def scores(self, viewer: int, items: Ids) -> Floats:
        """Return what is expected."""
        hits, shown = self.of(viewer)
        return expectation.welcome(self.base(items), hits[items], shown[items], self.belief)

    def reserved(self, items: Ids) -> NDArray[np.bool_] | None:
        """Return which of them surprises are for."""
        return expectation.unjudged(self.shown[items], self.belief)

    def learn(self, viewer: int, items: Ids, rewards: Floats) -> None:
        """Take what became of a slate into the counts."""
        super().learn(viewer, items, rewards)
        self.surprise = expectation.surprises(self.shown, self.belief)
        self.trips += 1
        if self.trips % RELEARN == 0:
            weights = counts.likeness(self.rows, self.hits, self.shown, self.belief.alike)
            self.likely = np.maximum(self.rows @ weights, 0.002)


def everyone(features: Mapping[str, Floats]) -> dict[str, Policy]:
    """Return every policy of the report by its name; `features` by the name of their encoder, the best one first."""
    best = next(iter(features.values()))
    items = len(best)
    return {
        "global rate, greedy": Rate(items, surprise=0.0),
        "global rate, eps .05": Rate(items),
        "global Thompson": Thompson(items, surprise=0.0),
        "viewer x type Beta k=20, eps .05": Own(items),
        "EWMA vector + rate, eps .05": Average(items, features=best),
        "text ridge + rate, eps .05": Ridge(items, own=0.0, features=best),
        "LinUCB .1 + rate": Ridge(items, surprise=0.0, own=0.0, bound=0.1, features=best),
        "two levels (k=40, lam=60), eps .05": Ridge(items, own=40.0, features=best),
        **{f"ours, {name}": Ours(items, features=each) for name, each in features.items()},
    }


def variants(features: Floats) -> dict[str, Policy]:
    """Return every variant of ours that was tried before the report, for the trips that they were tried on."""

    def ours(**belief: float) -> Ours:
        return Ours(len(features), features=features, belief=replace(BELIEF, **belief))

    return {
        "as reported": ours(),
        "no likeness (prior .0667)": ours(alike=1e9),
        "surprises .05": ours(surprise=0.05),
        "surprises .15": ours(surprise=0.15),
        "surprises for all alike": ours(judged=1e9),
        "judged after 10": ours(judged=10.0),
        "judged after 50": ours(judged=50.0),
        "own 4": ours(own=4.0),
        "own 20": ours(own=20.0),
        "alike 200": ours(alike=200.0),
        "item 10": ours(item=10.0),
    }
