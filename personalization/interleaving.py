"""Two rankings in one feed: team draft, so that each viewer compares them and far fewer viewers are needed.

Team-draft interleaving by Radlinski, Kurup, Joachims (CIKM 2008): in each round both rankings pick their best that is
not yet taken, in an order that a coin decides. A feed goes on without end, so a round is two of its places.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

# A preference of so many of a hundred viewers is worth knowing.
WORTH_KNOWING = 0.55
ALPHA = 0.05
MOST_VIEWERS = 1_000_000


@dataclass(frozen=True)
class Preference:
    """Viewers who welcomed more of one ranking than of the other.

    `chance` is how likely this is when none is better, by the exact sign test for one look; `always` bounds it however
    often one looks; `needed` is how many more viewers it takes until a preference of 55 of 100 would show.
    """

    first: int
    second: int
    equal: int
    chance: float
    always: float
    needed: int

    @property
    def verdict(self) -> str:
        """`first`, `second`, or `open` while the difference may be chance."""
        if self.always > ALPHA:
            return "open"
        return "first" if self.first > self.second else "second"


def turn(seed: str, place: int) -> int:
    """Return which ranking, 0 or 1, fills a place of a feed, from 1; each fills one of the places 1 and 2, 3 and 4."""
    # Which values these draws take decides nothing about anybody's security.
    first = random.Random(f"{seed}:{(place - 1) // 2}:turn").randrange(2)  # noqa: S311
    return first if place % 2 else 1 - first


def preference(welcomed: Iterable[tuple[int, int]]) -> Preference:
    """Compare by viewers: each gives how many places of either ranking were welcomed; an exact two-sided sign test.

    `always` is one over the Bayes factor of an even prior on the share against a half, which no even coin drives above
    20 more often than once in twenty times (Ville's inequality; Robbins 1970).
    """
    first = second = equal = 0
    for of_first, of_second in welcomed:
        first += of_first > of_second
        second += of_second > of_first
        equal += of_first == of_second
    decided = first + second
    # By logarithms: of thousands of viewers the numbers of ways are longer than a float.
    ways = [_log_ways(decided, k) - decided * math.log(2) for k in range(min(first, second) + 1)]
    tail = math.fsum(map(math.exp, ways))
    always = min(1.0, math.exp(-_evidence(decided, first)))
    needed = max(0, _enough() - decided)
    return Preference(first, second, equal, min(1.0, 2 * tail), always, needed)


def _log_ways(of: int, k: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)


def _evidence(decided: int, first: int) -> float:
    """Return the logarithm of the Bayes factor."""
    return decided * math.log(2) - math.log(decided + 1) - _log_ways(decided, first)


def _enough() -> int:
    """Return of how many viewers a preference that is worth knowing shows."""
    low, high = 1, MOST_VIEWERS
    while low < high:
        middle = (low + high) // 2
        shows = _evidence(middle, round(middle * WORTH_KNOWING)) >= -math.log(ALPHA)
        low, high = (low, middle) if shows else (middle + 1, high)
    return low
