"""What another ranking would have earned, from the log of this one: self-normalised and doubly robust estimates.

Both need the exact chance (propensity) with which each showing was chosen. They are refused when too few showings speak
for the other ranking: an estimate that rests on a handful of clicks is worse than none.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from storage.errors import UserError

LEAST_SAMPLE = 1_000
LEAST_CLICKS = 100
Z = 1.959964


class TooLittle(UserError):
    """The log says too little about the other ranking."""


@dataclass(frozen=True)
class Estimate:
    """A mean reward for each showing with its 95 % interval and the effective sample size behind it."""

    value: float
    low: float
    high: float
    sample: float


@dataclass(frozen=True)
class Showing:
    """A place that was seen: drawn with this share of surprises among so many, `best` of them equally good."""

    viewer: str
    share: float
    among: int
    best: int
    explored: bool
    propensity: float
    welcomed: bool

    def chance(self, share: float) -> float:
        """Return how likely the place had got the same product with another share."""
        return share / self.among + (0.0 if self.explored else (1.0 - share) / self.best)

    def surprised(self, share: float) -> float:
        """Return how likely it had got one that is not the best."""
        return share * (self.among - self.best) / self.among


@dataclass(frozen=True)
class Proposal:
    """What another share of surprises would have earned, welcomes for each showing, by both estimates."""

    share: float
    snipw: Estimate
    robust: Estimate


def proposed(showings: Sequence[Showing], share: float, usual: float) -> Proposal:
    """Estimate what `share` of surprises in the place of the `usual` one would have earned at the same places.

    Who has moved the slider moves along: a share becomes as many times itself. The model of the doubly robust estimate
    is what surprises and all others earn with the other half of the viewers. Raises TooLittle.
    """
    rewards = [float(each.welcomed) for each in showings]
    shares = [min(1.0, each.share * share / usual) for each in showings]
    logged = [each.propensity for each in showings]
    target = [each.chance(wanted) for each, wanted in zip(showings, shares, strict=True)]
    units = [each.viewer for each in showings]
    halves = [crc32(each.encode()) % 2 for each in units]
    # Of the other half's showings, and half a welcome of one more, so that none is never.
    model = {(half, kind): _rate(showings, halves, 1 - half, kind) for half in (0, 1) for kind in (False, True)}
    shown = [model[half, each.explored] for half, each in zip(halves, showings, strict=True)]
    means = []
    for half, each, wanted in zip(halves, showings, shares, strict=True):
        surprised = each.surprised(wanted)
        means.append(surprised * model[half, True] + (1.0 - surprised) * model[half, False])
    return Proposal(
        share, snipw(rewards, logged, target, units), doubly_robust(rewards, logged, target, shown, means, units)
    )


def _rate(showings: Sequence[Showing], halves: Sequence[int], half: int, explored: bool) -> float:
    found = [
        each.welcomed for each, own in zip(showings, halves, strict=True) if own == half and each.explored == explored
    ]
    return (sum(found) + 0.5) / (len(found) + 1.0)


def effective_sample(weights: Sequence[float]) -> float:
    """Return how many showings of equal weight say as much (Kish)."""
    squares = math.fsum(each * each for each in weights)
    return math.fsum(weights) ** 2 / squares if squares > 0 else 0.0


def snipw(
    rewards: Sequence[float], logged: Sequence[float], target: Sequence[float], units: Sequence[str] = ()
) -> Estimate:
    """Estimate by self-normalised inverse propensities (Swaminathan and Joachims 2015).

    `logged` and `target` are the chances of what was shown, under the ranking that ran and under the other; `units`
    are whose showings they were, which belong together. Raises TooLittle.
    """
    weights, sample = _weights(rewards, logged, target)
    total = math.fsum(weights)
    value = math.fsum(w * r for w, r in zip(weights, rewards, strict=True)) / total
    squares = _squares([w * (r - value) for w, r in zip(weights, rewards, strict=True)], units)
    half = Z * math.sqrt(squares) / total
    return Estimate(value, value - half, value + half, sample)


def doubly_robust(
    rewards: Sequence[float],
    logged: Sequence[float],
    target: Sequence[float],
    model_shown: Sequence[float],
    model_target: Sequence[float],
    units: Sequence[str] = (),
) -> Estimate:
    """Estimate by a model corrected by what happened (Dudik, Langford, Li 2011): right when either of both is.

    `model_shown` is the model's reward of what was shown, `model_target` its mean under the other ranking.
    Raises TooLittle.
    """
    weights, sample = _weights(rewards, logged, target)
    parts = [
        mean + weight * (reward - guess)
        for mean, weight, reward, guess in zip(model_target, weights, rewards, model_shown, strict=True)
    ]
    value = math.fsum(parts) / len(parts)
    half = Z * math.sqrt(_squares([each - value for each in parts], units)) / len(parts)
    return Estimate(value, value - half, value + half, sample)


def _squares(parts: Sequence[float], units: Sequence[str]) -> float:
    """Return the sum of squares of what belongs together; without units each stands alone."""
    if not units:
        return math.fsum(each * each for each in parts)
    sums: defaultdict[str, float] = defaultdict(float)
    for unit, part in zip(units, parts, strict=True):
        sums[unit] += part
    return math.fsum(each * each for each in sums.values())


def _weights(rewards: Sequence[float], logged: Sequence[float], target: Sequence[float]) -> tuple[list[float], float]:
    assert all(chance > 0 for chance in logged), "what was shown had a chance"
    weights = [other / chance for chance, other in zip(logged, target, strict=True)]
    sample = effective_sample(weights)
    clicks = sum(1 for reward, weight in zip(rewards, weights, strict=True) if reward != 0 and weight > 0)
    if sample < LEAST_SAMPLE or clicks < LEAST_CLICKS:
        raise TooLittle(
            "too-little-data",
            "The log says too little about this ranking: {sample} showings and {clicks} clicks count, {least} and"
            " {most} are needed.",
            sample=int(sample),
            clicks=clicks,
            least=LEAST_SAMPLE,
            most=LEAST_CLICKS,
            status=409,
        )
    return weights, sample
