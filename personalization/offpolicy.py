"""What another ranking would have earned, from the log of this one: self-normalised and doubly robust estimates.

Both need the exact chance (propensity) with which each showing was chosen. They are refused when too few showings speak
for the other ranking: an estimate that rests on a handful of clicks is worse than none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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


def effective_sample(weights: Sequence[float]) -> float:
    """Return how many showings of equal weight say as much (Kish)."""
    squares = math.fsum(each * each for each in weights)
    return math.fsum(weights) ** 2 / squares if squares > 0 else 0.0


def snipw(rewards: Sequence[float], logged: Sequence[float], target: Sequence[float]) -> Estimate:
    """Estimate by self-normalised inverse propensities (Swaminathan and Joachims 2015).

    `logged` and `target` are the chances of what was shown, under the ranking that ran and under the other.
    Raises TooLittle.
    """
    weights, sample = _weights(rewards, logged, target)
    total = math.fsum(weights)
    value = math.fsum(w * r for w, r in zip(weights, rewards, strict=True)) / total
    variance = math.fsum((w * (r - value)) ** 2 for w, r in zip(weights, rewards, strict=True)) / total**2
    half = Z * math.sqrt(variance)
    return Estimate(value, value - half, value + half, sample)


def doubly_robust(
    rewards: Sequence[float],
    logged: Sequence[float],
    target: Sequence[float],
    model_shown: Sequence[float],
    model_target: Sequence[float],
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
    variance = math.fsum((each - value) ** 2 for each in parts) / (len(parts) - 1)
    half = Z * math.sqrt(variance / len(parts))
    return Estimate(value, value - half, value + half, sample)


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
        )
    return weights, sample
