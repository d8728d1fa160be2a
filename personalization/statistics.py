"""The statistics of experiments: intervals that may be looked at every day, the sample-ratio alarm, sizes.

The intervals are asymptotic confidence sequences (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas: Time-uniform central
limit theory and asymptotic confidence sequences, Annals of Statistics 2024, equation 4 with Robbins' normal mixture):
they hold at all times together, so stopping when they leave zero keeps the promised rate of false alarms.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

ALPHA = 0.05
# The number of viewers at which the sequence is to be narrowest.
TIGHT_AT = 10_000
# Before so many viewers in each arm the limit theorem behind the intervals promises nothing.
LEAST_VIEWERS = 100
# A sample ratio less likely than this is no chance: assignment or counting is broken.
SRM_ALARM = 0.001
# No experiment runs with more viewers than there are people.
MOST_VIEWERS = 10_000_000_000
DRAWS = 2_000
LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Arm:
    """What is known of one variant: viewers, mean and variance of a measure over viewers."""

    viewers: int
    mean: float
    variance: float

    @classmethod
    def of(cls, viewers: int, total: float, squares: float) -> "Arm":
        """Summarise viewers by the sum and the sum of squares of what each of them did."""
        if viewers == 0:
            return cls(0, 0.0, 0.0)
        mean = total / viewers
        spread = max(0.0, squares / viewers - mean * mean)
        return cls(viewers, mean, spread * viewers / max(1, viewers - 1))


@dataclass(frozen=True)
class Uplift:
    """What a variant does to a measure, absolutely and as a share of the control's mean, each with its interval.

    `low` and `high` are None while too little is known; `relative` parts are None when the control's mean is not
    positive.
    """

    difference: float
    low: float | None
    high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `open` while the interval holds zero."""
        if self.low is None or self.high is None:
            return "open"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "open"


def width(variance: float, viewers: int, alpha: float = ALPHA, tight_at: int = TIGHT_AT) -> float:
    """Return half the width of the confidence sequence for a mean of values of this variance."""
    rho2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tight_at
    grown = viewers * rho2 + 1
    return math.sqrt(variance * 2 * grown / (viewers * viewers * rho2) * math.log(math.sqrt(grown) / alpha))


def uplift(control: Arm, variant: Arm, alpha: float = ALPHA) -> Uplift:
    """Compare a variant with the control."""
    difference = variant.mean - control.mean
    positive = control.mean > 0
    relative = difference / control.mean if positive else None
    if min(control.viewers, variant.viewers) < LEAST_VIEWERS or control.variance + variant.variance <= 0:
        return Uplift(difference, None, None, relative, None, None)
    viewers = control.viewers + variant.viewers
    half = width(_spread(control, variant, 1.0), viewers, alpha)
    if relative is None:
        return Uplift(difference, difference - half, difference + half, None, None, None)
    # The delta method: what a small change of either mean does to their ratio.
    ratio = variant.mean / control.mean
    relative_half = width(_spread(control, variant, ratio) / control.mean**2, viewers, alpha)
    return Uplift(
        difference,
        difference - half,
        difference + half,
        relative,
        relative - relative_half,
        relative + relative_half,
    )


def still_needed(control: Arm, variant: Arm, effect: float, alpha: float = ALPHA) -> int | None:
    """Return how many more viewers it takes until an effect of this share of the control's mean leaves zero out.

    None when nobody can say yet, or when all people would not be enough.
    """
    if min(control.viewers, variant.viewers) < LEAST_VIEWERS or control.mean <= 0 or effect == 0:
        return None
    spread = _spread(control, variant, 1.0) / control.mean**2
    low, high = 1, MOST_VIEWERS
    if width(spread, high, alpha) > abs(effect):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if width(spread, middle, alpha) <= abs(effect) else (middle + 1, high)
    return max(0, low - control.viewers - variant.viewers)


def sample_ratio(viewers: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Return how likely a split this uneven is by chance (chi-square); below SRM_ALARM something is broken."""
    total, whole = sum(viewers.values()), sum(shares.values())
    live = {name: share for name, share in shares.items() if share > 0}
    if total == 0 or len(live) < 2:
        return 1.0
    expected = {name: total * share / whole for name, share in live.items()}
    statistic = sum((viewers.get(name, 0) - due) ** 2 / due for name, due in expected.items())
    return chi_square_tail(statistic, len(live) - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """Return the chance that a chi-square variable exceeds `statistic` (closed forms for whole degrees of freedom)."""
    half = statistic / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for step in range(1, freedom // 2):
            term *= half / step
            total += term
        return min(1.0, total)
    total = math.erfc(math.sqrt(half))
    term = math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    for step in range(1, (freedom + 1) // 2):
        total += term
        term *= half / (step + 0.5)
    return min(1.0, total)


def thompson_shares(arms: Mapping[str, Arm], seed: str, draws: int = DRAWS) -> dict[str, float]:
    """Return a bandit's next shares: how often each variant has the best draw of its rate from an even Beta prior.

    Every variant keeps LEAST_SHARE, so that a late bloomer is noticed.
    """
    # Which values these draws take decides nothing about anybody's security.
    dice = random.Random(seed)  # noqa: S311
    wins = dict.fromkeys(arms, 0)
    for _ in range(draws):
        drawn = {
            name: dice.betavariate(1 + arm.mean * arm.viewers, 1 + (1 - arm.mean) * arm.viewers)
            for name, arm in arms.items()
        }
        wins[max(drawn, key=lambda name: drawn[name])] += 1
    free = 1 - LEAST_SHARE * len(arms)
    return {name: LEAST_SHARE + free * count / draws for name, count in wins.items()}


def _spread(control: Arm, variant: Arm, ratio: float) -> float:
    """Return the variance of one viewer's share in the difference, whichever arm the viewer came into."""
    viewers = control.viewers + variant.viewers
    return viewers * (variant.variance / variant.viewers + ratio * ratio * control.variance / control.viewers)
