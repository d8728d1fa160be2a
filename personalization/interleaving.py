"""Two rankings in one feed: team draft, so that each viewer compares them and far fewer viewers are needed.

Team-draft interleaving by Radlinski, Kurup, Joachims (CIKM 2008): in each round both rankings pick their best that is
not yet taken, in an order that a coin decides.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Preference:
    """Viewers who welcomed more of one ranking than of the other, and how likely this is when none is better."""

    first: int
    second: int
    equal: int
    chance: float


def draft(first: Sequence[T], second: Sequence[T], places: int, seed: str) -> list[tuple[T, int]]:
    """Return a mixed ranking with the team, 0 or 1, that put each item there; equal arguments give equal mixes."""
    # Which values these draws take decides nothing about anybody's security.
    dice = random.Random(seed)  # noqa: S311
    taken: set[T] = set()
    mixed: list[tuple[T, int]] = []
    picks = [0, 0]
    while len(mixed) < places:
        left = [[each for each in ranking if each not in taken] for ranking in (first, second)]
        if not left[0] and not left[1]:
            break
        team = dice.randrange(2) if picks[0] == picks[1] else int(picks[0] > picks[1])
        if not left[team]:
            team = 1 - team
        item = left[team][0]
        taken.add(item)
        mixed.append((item, team))
        picks[team] += 1
    return mixed


def preference(welcomed: Iterable[tuple[int, int]]) -> Preference:
    """Compare by viewers: each gives how many items of either team were welcomed; an exact two-sided sign test."""
    first = second = equal = 0
    for of_first, of_second in welcomed:
        first += of_first > of_second
        second += of_second > of_first
        equal += of_first == of_second
    decided = first + second
    tail = sum(math.comb(decided, k) for k in range(min(first, second) + 1)) / 2**decided
    return Preference(first, second, equal, min(1.0, 2 * tail))
